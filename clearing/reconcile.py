"""Reconciliation: two books, one truth, always compared. The engine's live balances against PostgreSQL at one seq,
and the books against themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Protocol

import msgspec
from msgspec.structs import astuple

from clearing.errors import BooksRefused
from clearing.ledger.entries import Loan, Position
from clearing.store import CHECKS, Reader, SettledBalance, open_reader
from engine.api.cursor import Cursor, journal_name
from engine.api.ids import AccountId, AssetId, SymbolId
from engine.api.link import EngineBalances

CURSOR_TIMEOUT_S = 30.0
"""How long reconciliation waits for clearing to reach the engine's seq."""


class Check(StrEnum):
    """What was compared. The first five look at engine and books, the others at the books alone."""

    TOTAL = "total"
    AVAILABLE = "available"
    LOCKED = "locked"
    POSITION = "position"
    LOAN = "loan"
    LEDGER_BALANCED = "check_ledger_balanced"
    LEDGER_COMPLETE = "check_ledger_complete"
    BALANCES = "check_balances"
    LOCKED_BY_ORDERS = "check_locked"
    CONSERVATION = "check_conservation"
    SETTLEMENTS = "check_settlements"
    TRADES = "check_trades"
    ORDERS = "check_orders"
    POSITIONS = "check_positions"
    PNL = "check_pnl"
    PERPETUALS = "check_perpetuals"
    LOANS = "check_loans"
    GAPS = "check_gaps"
    CHAIN = "check_chain"


class JournalPort(Protocol):
    """The journal that the books are to be of: :class:`engine.client.JournalFiles`, or what answers like it."""

    @property
    def identity(self) -> int:
        """The number drawn when it was begun."""

    def crc_of(self, seq: int) -> int | None:
        """Return the CRC of a record; None when the journal ends before it."""


class Difference(msgspec.Struct, frozen=True):
    """One thing that should be equal and is not.

    ``subject`` names it as ``account_id=101 asset_id=1``; ``expected`` is what the engine, or the more original of
    two columns, says. Amounts of the first three checks are minor units, of the others whole units of the asset.
    """

    check: Check
    subject: str
    expected: str
    found: str


class Reconciliation(msgspec.Struct, frozen=True):
    """The outcome: what was compared at which seq, and every difference.

    ``parts_compared`` is False when the books had passed ``seq`` already: then totals were compared as of ``seq``,
    and available and locked, which the books keep at the cursor only, were not.
    """

    seq: int
    cursor: int
    balances: int
    parts_compared: bool
    differences: list[Difference]

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing differs."""
        return not self.differences


def run(dsn: str, journal: JournalPort, engine: EngineBalances, deadline_s: float = CURSOR_TIMEOUT_S) -> Reconciliation:
    """Compare the engine's balances with the books at the same seq, and the books with themselves.

    Positions and loans are compared when the books stand at exactly that seq.
    Raises: BooksRefused when the books are not of this journal, or ahead of it; BooksBehind when they do not reach the
    engine's seq in time; StoreUnavailable, StoreRefused when they cannot be read.
    """
    return asyncio.run(compare_books(dsn, journal, engine, deadline_s))


async def compare_books(
    dsn: str, journal: JournalPort, engine: EngineBalances, deadline_s: float = CURSOR_TIMEOUT_S
) -> Reconciliation:
    """Do what :func:`run` does, within a loop that runs."""
    async with open_reader(dsn) as reader:
        check_belongs(await reader.cursor(), journal)
        await reader.await_cursor(engine.seq, deadline_s)
        async with reader.snapshot() as cursor:
            check_belongs(cursor, journal)
            return await reconcile(reader, engine, cursor.seq)


def check_belongs(cursor: Cursor, journal: JournalPort) -> None:
    """Check that the last record in the books stands in the journal, at its place. Raises: BooksRefused."""
    if cursor.journal not in (0, journal.identity):
        theirs, ours = journal_name(cursor.journal), journal_name(journal.identity)
        raise BooksRefused(f"they are of another exchange, journal {theirs}, and the journal here is {ours}")
    if not cursor.seq:
        return
    crc = journal.crc_of(cursor.seq)
    if crc is None:
        raise BooksRefused(f"they are ahead of it: they have seq {cursor.seq}, and the journal ends before")
    if crc != cursor.crc:
        raise BooksRefused(f"they are of another history: its record {cursor.seq} is not the one they have")


async def reconcile(reader: Reader, engine: EngineBalances, cursor: int) -> Reconciliation:
    """Compare within one snapshot of the books, whose cursor has reached the engine's seq."""
    at_seq = cursor == engine.seq
    booked = await (reader.balances() if at_seq else reader.totals_as_of(engine.seq))
    live = {
        (row.account_id, row.asset_id): _live(row.account_id, row.asset_id, int(row.available), int(row.locked))
        for row in engine.rows
    }
    differences = list(_compare(live, {(b.account_id, b.asset_id): b for b in booked}))
    if at_seq:
        differences += _compare_positions(engine, await reader.positions())
        differences += _compare_loans(engine, await reader.loans())
    for check in CHECKS:
        differences += [_finding(Check(check), row) for row in await reader.findings(check)]
    return Reconciliation(engine.seq, cursor, len(live), at_seq, differences)


def _live(account_id: AccountId, asset_id: AssetId, available: int, locked: int) -> SettledBalance:
    return SettledBalance(account_id, asset_id, available + locked, available, locked)


def _compare(
    live: Mapping[tuple[AccountId, AssetId], SettledBalance], booked: Mapping[tuple[AccountId, AssetId], SettledBalance]
) -> Iterable[Difference]:
    """Compare balance by balance; one that a side does not have is zero there."""
    for key in sorted(live.keys() | booked.keys()):
        nothing = _live(*key, 0, 0)
        engine, books = live.get(key, nothing), booked.get(key, nothing)
        subject = f"account_id={key[0]} asset_id={key[1]}"
        pairs = (
            (Check.TOTAL, engine.total, books.total),
            (Check.AVAILABLE, engine.available, books.available),
            (Check.LOCKED, engine.locked, books.locked),
        )
        for check, expected, found in pairs:
            if found is not None and expected != found:
                yield Difference(check, subject, str(expected), str(found))


def _compare_positions(engine: EngineBalances, positions: list[Position]) -> Iterable[Difference]:
    """Compare position by position; one that a side does not have is empty there.

    Leverage and mode are compared only where both sides have the position: the engine's begins with its first order,
    the books' with the first event that tells it.
    """
    live = [
        Position(*astuple(row)[:5], *map(int, (row.cost, row.margin, row.extra, row.debt))) for row in engine.positions
    ]
    here, there = ({(p.account_id, p.symbol_id): p for p in side} for side in (live, positions))
    for key in sorted(here.keys() | there.keys()):
        expected, found = (_figures(side.get(key), key in here and key in there) for side in (here, there))
        if expected != found:
            yield Difference(Check.POSITION, f"account_id={key[0]} symbol_id={key[1]}", expected, found)


def _compare_loans(engine: EngineBalances, loans: list[Loan]) -> Iterable[Difference]:
    """Compare loan by loan; one that a side does not have is zero there."""
    owed = {(row.account_id, row.asset_id): int(row.amount) for row in engine.loans}
    booked = {(loan.account_id, loan.asset_id): loan.amount for loan in loans}
    for key in sorted(owed.keys() | booked.keys()):
        if owed.get(key, 0) != booked.get(key, 0):
            subject = f"account_id={key[0]} asset_id={key[1]}"
            yield Difference(Check.LOAN, subject, str(owed.get(key, 0)), str(booked.get(key, 0)))


def _figures(position: Position | None, with_leverage: bool) -> str:
    p = position or Position(AccountId(0), SymbolId(0), 1)
    figures = f"size={p.size} cost={p.cost} margin={p.margin} added_margin={p.extra} debt={p.debt}"
    return f"{figures} leverage={p.leverage} is_isolated={p.is_isolated}" if with_leverage else figures


_VALUES = {
    Check.LEDGER_BALANCED: (None, "off"),
    Check.LEDGER_COMPLETE: ("head", "postings"),
    Check.BALANCES: ("posted", "booked"),
    Check.LOCKED_BY_ORDERS: ("reserved", "booked"),
    Check.CONSERVATION: (None, "off"),
    Check.SETTLEMENTS: (None, "found"),
    Check.TRADES: ("due", "posted"),
    Check.ORDERS: ("filled", "cum_qty"),
    Check.POSITIONS: ("told", "booked"),
    Check.PNL: ("due", "posted"),
    Check.PERPETUALS: (None, "off"),
    Check.LOANS: ("lent", "booked"),
    Check.GAPS: ("expected", "found"),
    Check.CHAIN: ("expected", "found"),
}
"""Columns of each check's view that hold what was expected (None: nothing, or zero) and what was found."""


def _finding(check: Check, row: Mapping[str, object]) -> Difference:
    expected, found = _VALUES[check]
    subject = " ".join(f"{name}={value}" for name, value in row.items() if name not in (expected, found))
    return Difference(check, subject, "0" if expected is None else str(row[expected]), str(row[found]))
