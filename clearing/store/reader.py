"""The reading side of the books: balances, position and checks, each call in one snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec

from clearing.errors import BooksBehind
from clearing.ledger.entries import Loan, Position
from clearing.store.books import read_cursor, read_decimals, read_instruments, read_loans, read_positions
from clearing.store.connection import connect, translated
from engine.api.cursor import Cursor
from engine.api.ids import AccountId, AssetId
from engine.api.units import decimal_to_minor

_READER_SETTINGS = {"application_name": "clearing-read", "default_transaction_read_only": "on"}
_POLL_S = 0.02

CHECKS = (
    "check_ledger_balanced",
    "check_ledger_complete",
    "check_balances",
    "check_locked",
    "check_conservation",
    "check_settlements",
    "check_trades",
    "check_orders",
    "check_positions",
    "check_pnl",
    "check_perpetuals",
    "check_loans",
    "check_gaps",
    "check_chain",
)
"""Views that are empty while the books are right."""

FINDINGS_MAX = 1_000
"""Rows read of one check: enough to see what is wrong, bounded when everything is."""


class SettledBalance(msgspec.Struct, frozen=True):
    """A balance in the books, in minor units of its asset. Both parts are None as of an earlier seq than the cursor."""

    account_id: AccountId
    asset_id: AssetId
    total: int
    available: int | None
    locked: int | None


class SettledBalanceRow(msgspec.Struct, frozen=True):
    """A balance in the books as people read it: names, and amounts in whole units of the asset."""

    account_id: AccountId
    account: str
    asset_id: AssetId
    asset: str
    decimals: int
    total: Decimal
    available: Decimal
    locked: Decimal


class Progress(msgspec.Struct, frozen=True):
    """How far the books are: the last applied record, its time, and counts of what is settled."""

    last_applied_seq: int
    last_ts_ns: int
    moved_at: str
    trades: int


class Reader:
    """A read-only connection to the books."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def cursor(self) -> Cursor:
        """Read the place of the books in the log."""
        return await read_cursor(self._connection)

    async def await_cursor(self, seq: int, deadline_s: float) -> None:
        """Wait until the books have reached ``seq``. Raises: BooksBehind when they do not in time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + deadline_s
        while (cursor := await self.cursor()).seq < seq:
            if loop.time() >= until:
                raise BooksBehind(cursor.seq, seq, deadline_s)
            await asyncio.sleep(_POLL_S)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Cursor]:
        """Hold one state of the books for all reads within; yields its cursor."""
        async with self._connection.transaction(isolation="repeatable_read", readonly=True):
            yield await self.cursor()

    async def balances(self) -> list[SettledBalance]:
        """Read all balances as of the cursor, CUSTODY excepted."""
        decimals = await read_decimals(self._connection)
        sql = "SELECT account_id, asset_id, total, available, locked FROM clearing.balances WHERE account_id <> 0"
        rows = await self._connection.fetch(sql)
        return [SettledBalance(a, s, *(decimal_to_minor(v, decimals[s]) for v in parts)) for a, s, *parts in rows]

    async def totals_as_of(self, seq: int) -> list[SettledBalance]:
        """Sum the postings up to ``seq``, CUSTODY excepted. Cost: reads every posting."""
        decimals = await read_decimals(self._connection)
        rows = await self._connection.fetch(_TOTALS_AS_OF, seq)
        return [SettledBalance(a, s, decimal_to_minor(v, decimals[s]), None, None) for a, s, v in rows]

    async def positions(self) -> list[Position]:
        """Read all positions as of the cursor."""
        decimals = await read_decimals(self._connection)
        return await read_positions(self._connection, await read_instruments(self._connection), decimals)

    async def loans(self) -> list[Loan]:
        """Read what is owed as of the cursor."""
        return await read_loans(self._connection, await read_decimals(self._connection))

    async def findings(self, check: str) -> list[dict[str, object]]:
        """Read what a check finds: nothing, while the books are right."""
        assert check in CHECKS
        rows = await self._connection.fetch(f"SELECT * FROM clearing.{check} LIMIT {FINDINGS_MAX}")
        return [dict(row) for row in rows]

    async def balance_rows(self) -> list[SettledBalanceRow]:
        """Read all balances for people, by account and asset."""
        return [SettledBalanceRow(*row) for row in await self._connection.fetch(_BALANCE_ROWS)]

    async def progress(self) -> Progress:
        """Read how far the books are."""
        return Progress(*await self._connection.fetchrow(_PROGRESS))


@asynccontextmanager
async def open_reader(dsn: str) -> AsyncIterator[Reader]:
    """Connect for reading. Raises: StoreUnavailable, StoreRefused; also from what is read within."""
    async with translated():
        connection = await connect(dsn, _READER_SETTINGS)
        try:
            yield Reader(connection)
        finally:
            await connection.close(timeout=1)


_TOTALS_AS_OF = """
SELECT account_id, asset_id, sum(amount) FROM clearing.postings WHERE seq <= $1 AND account_id <> 0 GROUP BY 1, 2"""

_BALANCE_ROWS = """
SELECT b.account_id, a.name, b.asset_id, s.name, s.decimals, b.total, b.available, b.locked
FROM clearing.balances b JOIN clearing.accounts a USING (account_id) JOIN clearing.assets s USING (asset_id)
ORDER BY b.account_id, b.asset_id"""

_PROGRESS = """
SELECT last_applied_seq, last_ts_ns, moved_at::text, (SELECT coalesce(sum(trades), 0) FROM clearing.batches)
FROM clearing.cursor"""
