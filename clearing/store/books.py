"""Read back from PostgreSQL what a ledger needs to go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clearing.entries import Order
from clearing.ledger import Books
from engine.api.commands import ListInstrument, NewOrder
from engine.api.enums import OrderState, OrdType, Side, TimeInForce
from engine.api.instrument import Instrument
from engine.api.units import decimal_to_minor
from engine.api.wire import decode_command


async def read_books(connection: Any) -> Books:
    """Read scales of assets, listed instruments and open orders."""
    decimals = await read_decimals(connection)
    definitions = await connection.fetch("SELECT definition FROM clearing.instruments")
    instruments = {i.symbol_id: i for i in (_listed(row["definition"]) for row in definitions)}
    rows = await connection.fetch("SELECT * FROM clearing.orders WHERE state IN (0, 1) ORDER BY order_id")
    return Books(decimals, instruments.values(), [_restore_order(row, instruments, decimals) for row in rows])


async def read_decimals(connection: Any) -> dict[int, int]:
    """Read the scale of every asset in the books."""
    rows = await connection.fetch("SELECT asset_id, decimals FROM clearing.assets")
    return {row["asset_id"]: row["decimals"] for row in rows}


def _listed(definition: bytes) -> Instrument:
    command = decode_command(definition)
    assert isinstance(command, ListInstrument)
    return command.instrument


def _restore_order(row: Any, instruments: Mapping[int, Instrument], decimals: Mapping[int, int]) -> Order:
    instrument = instruments[row["symbol_id"]]
    lot, tick = instrument.lot, instrument.tick

    def lots(column: str) -> int:
        return decimal_to_minor(row[column], lot.decimals) // lot.mantissa

    terms = NewOrder(
        row["account_id"],
        row["symbol_id"],
        Side(row["side"] + 48),
        OrdType(row["ord_type"] + 48),
        TimeInForce(row["time_in_force"] + 48),
        lots("order_qty"),
        decimal_to_minor(row["price"], tick.decimals) // tick.mantissa,
        row["cl_ord_id"],
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
    )
