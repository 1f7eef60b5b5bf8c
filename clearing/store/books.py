"""Read back from PostgreSQL what a ledger needs to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clearing.ledger.entries import FeeRule, Loan, Order, Position
from clearing.ledger.state import Books
from clearing.limits import BOOKS_CHUNK_ROWS
from engine.api.commands import ChangeInstrument, ListInstrument, NewOrder
from engine.api.cursor import Cursor
from engine.api.enums import ExecInst, OrderState, OrdType, Side, TimeInForce
from engine.api.ids import ABSENT, AccountId, AssetId, SymbolId
from engine.api.instrument import Instrument
from engine.api.units import Lots, Ticks, decimal_to_minor
from engine.api.wire import decode_command


async def read_books(connection: Any, advanced: Callable[[int], None]) -> Books:
    """Read scales of assets, listed instruments, open orders, positions, loans and who lends.

    ``advanced`` is told, again and again, how many orders were read.
    """
    decimals = await read_decimals(connection)
    instruments = await read_instruments(connection)
    orders: list[Order] = []
    async with connection.transaction():
        rows = await connection.cursor("SELECT * FROM clearing.orders WHERE state IN (0, 1) ORDER BY order_id")
        while chunk := await rows.fetch(BOOKS_CHUNK_ROWS):
            orders += [_restore_order(row, instruments, decimals) for row in chunk]
            advanced(len(orders))
    positions = await read_positions(connection, instruments, decimals)
    lenders = await connection.fetch("SELECT asset_id, lending_account_id FROM clearing.assets")
    rules = await connection.fetch("SELECT * FROM clearing.fee_rules")
    return Books(
        decimals,
        instruments.values(),
        orders,
        positions,
        await read_loans(connection, decimals),
        {row["asset_id"]: row["lending_account_id"] or AccountId(ABSENT) for row in lenders},
        [FeeRule(*row) for row in rules],
    )


async def read_cursor(connection: Any, lock: str = "") -> Cursor:
    """Read the place of the books in the log; with a ``lock`` the row stays locked until the transaction ends."""
    sql = f"SELECT last_applied_seq, last_crc, journal FROM clearing.cursor {lock}"
    seq, crc, journal = await connection.fetchrow(sql)
    return Cursor(seq, crc, int(journal or "0", 16))


async def read_instruments(connection: Any) -> dict[SymbolId, Instrument]:
    """Read the listed instruments."""
    definitions = await connection.fetch("SELECT definition FROM clearing.instruments")
    return {i.symbol_id: i for i in (_listed(row["definition"]) for row in definitions)}


async def read_positions(
    connection: Any, instruments: Mapping[SymbolId, Instrument], decimals: Mapping[AssetId, int]
) -> list[Position]:
    """Read all positions."""
    rows = await connection.fetch("SELECT * FROM clearing.positions ORDER BY account_id, symbol_id")
    return [_restore_position(row, instruments[row["symbol_id"]], decimals) for row in rows]


async def read_loans(connection: Any, decimals: Mapping[AssetId, int]) -> list[Loan]:
    """Read all loans that are not paid back."""
    rows = await connection.fetch("SELECT account_id, asset_id, amount FROM clearing.loans WHERE amount > 0")
    return [Loan(a, s, decimal_to_minor(amount, decimals[s])) for a, s, amount in rows]


async def read_decimals(connection: Any) -> dict[AssetId, int]:
    """Read the scale of every asset in the books."""
    rows = await connection.fetch("SELECT asset_id, decimals FROM clearing.assets")
    return {row["asset_id"]: row["decimals"] for row in rows}


def _listed(definition: bytes) -> Instrument:
    command = decode_command(definition)
    assert isinstance(command, ListInstrument | ChangeInstrument)
    return command.instrument


def _restore_order(row: Any, instruments: Mapping[SymbolId, Instrument], decimals: Mapping[AssetId, int]) -> Order:
    instrument = instruments[row["symbol_id"]]
    lot, tick = instrument.lot, instrument.tick

    def lots(column: str) -> Lots:
        return Lots(decimal_to_minor(row[column], lot.decimals) // lot.mantissa)

    def ticks(column: str) -> Ticks:
        return Ticks(decimal_to_minor(row[column], tick.decimals) // tick.mantissa)

    terms = NewOrder(
        row["account_id"],
        row["symbol_id"],
        Side(row["side"] + 48),
        OrdType(row["ord_type"] + 48),
        TimeInForce(row["time_in_force"] + 48),
        lots("order_qty"),
        ticks("price"),
        row["cl_ord_id"],
        stop_px=ticks("stop_px"),
        exec_inst=ExecInst(row["exec_inst"]),
    )
    previous = row["previous_state"]
    return Order(
        row["order_id"],
        terms,
        row["source"],
        row["created_at_ns"],
        row["locked_asset_id"],
        lots("leaves_qty"),
        lots("cum_qty"),
        decimal_to_minor(row["locked"], decimals[row["locked_asset_id"]]),
        OrderState(row["state"]),
        None if previous is None else OrderState(previous),
        row["reason"],
        row["changed_at_ns"],
        row["changed_seq"],
        ticks("work_price"),
        row["maker_ppm"],
        row["taker_ppm"],
    )


def _restore_position(row: Any, instrument: Instrument, decimals: Mapping[AssetId, int]) -> Position:
    quote, lot = decimals[instrument.quote_asset_id], instrument.lot
    size = Lots(decimal_to_minor(row["size"], lot.decimals) // lot.mantissa)
    cost, margin, extra, debt = (
        decimal_to_minor(row[column], quote) for column in ("cost", "margin", "added_margin", "debt")
    )
    head = (row["account_id"], row["symbol_id"], row["leverage"], row["is_isolated"])
    return Position(*head, size, cost, margin, extra, debt, row["changed_seq"])
