"""The writing side of the books, for the one process that clears.

A batch is one transaction: look at the cursor, write everything, move the cursor. Whatever happens to the
connection, looking at the cursor first makes repeating the same batch harmless and skipping one impossible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from clearing.batch import Batch
from clearing.errors import AlreadyClearing, CursorMoved, StoreRefused, StoreUnavailable
from clearing.ledger import Books
from clearing.ledger.entries import FeeRule, Registration
from clearing.limits import STATEMENT_TIMEOUT_S
from clearing.rows import COLUMNS, settlement_rows, storable
from clearing.store.books import read_books, read_cursor
from clearing.store.connection import connect, translated
from clearing.store.migrations import load_migrations, pending_migrations
from engine.api.commands import (
    ChangeInstrument,
    ListInstrument,
    OpenAccount,
    RegisterAsset,
    RegisterFirm,
    SetCollateral,
)
from engine.api.cursor import Cursor, journal_name
from engine.api.wire import encode_command

_ADVISORY_LOCK = 0x434C_4541_5249_4E47
"""Key of the session lock that makes clearing single: ``CLEARING`` in ASCII."""

_LOCK_HOLDER = """
    SELECT l.pid, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since
    FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND (l.classid::bigint << 32 | l.objid::bigint) = $1
"""

_WRITER_SETTINGS = {
    "application_name": "clearing",
    "synchronous_commit": "on",
    # A lost connection must not keep its locks: the server gives up by itself.
    "statement_timeout": f"{STATEMENT_TIMEOUT_S:.0f}s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
    # Plans are kept while tables grow by thousands of rows a second; one made for an empty table must not be a scan.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


class Store:
    """The books in PostgreSQL, for the one process that writes them."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None
        self._backend = 0
        """Process of PostgreSQL that served the last connection which held the books."""

    @property
    def is_open(self) -> bool:
        """Tell whether the books can be written; a broken connection shows only when it is used."""
        return self._connection is not None

    async def open(self) -> Cursor:
        """Connect, take the books for this process alone, bring the schema up to date, read the cursor.

        Raises: AlreadyClearing, SchemaChanged, StoreUnavailable, StoreRefused.
        """
        self.drop()
        async with translated():
            self._connection = await connect(self._dsn, _WRITER_SETTINGS)
            if not await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", _ADVISORY_LOCK):
                raise AlreadyClearing(await self._holder(self._connection))
            self._backend = self._connection.get_server_pid()
            await _migrate(self._connection)
            return await read_cursor(self._connection)

    async def _holder(self, connection: Any) -> str:
        """Say who holds the books."""
        row = await connection.fetchrow(_LOCK_HOLDER, _ADVISORY_LOCK)
        if row is None:
            return "another clearing process held these books a moment ago"
        if row["pid"] == self._backend:
            return (
                f"PostgreSQL has not ended this process's own connection of before (backend {row['pid']}), which holds"
                f" the books; if it stays so, that backend hangs: kill -9 {row['pid']}, and PostgreSQL recovers"
            )
        return f"another clearing process holds these books: backend {row['pid']} of PostgreSQL, since {row['since']}"

    async def read_books(self, advanced: Callable[[int], None] = lambda count: None) -> Books:
        """Read what a ledger needs to go on; ``advanced`` is told how many orders were read.

        Raises: StoreUnavailable, StoreRefused.
        """
        async with translated():
            return await read_books(self._connection, advanced)

    async def apply(self, batch: Batch, settled_at_ns: int) -> bool:
        """Write a batch in one transaction. Returns: False when an earlier attempt had committed it after all.

        Raises: StoreUnavailable when the outcome is a failure or unknown: open again and apply the same batch;
        StoreRefused when the database refuses the content; CursorMoved when the cursor is somewhere else.
        """
        if self._connection is None:
            raise StoreUnavailable("not connected")
        async with translated(), self._connection.transaction():
            cursor = await read_cursor(self._connection, "FOR UPDATE")
            if cursor == batch.end:
                return False
            if (cursor.seq, cursor.crc) != (batch.after.seq, batch.after.crc):
                raise CursorMoved(batch.first_seq, batch.last_seq, cursor.seq)
            await self._write(batch, settled_at_ns)
            moved = await self._connection.fetchval(_MOVE_CURSOR, *_cursor_arguments(batch))
            assert moved == batch.last_seq
        return True

    async def close(self) -> None:
        """Close the connection; the lock on the books goes with it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            async with translated():
                await connection.close(timeout=1)

    def drop(self) -> None:
        """Give up a connection that may be broken, without waiting for the server."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    # --- writing

    async def _write(self, batch: Batch, settled_at_ns: int) -> None:
        rows = batch.rows
        assert rows is not None, "only a sealed batch is applied"
        for registration in batch.registrations:
            await self._register(registration)
        await self._copy("orders", rows.orders)
        if rows.order_changes:
            await self._change_orders(rows.order_changes)
        await self._copy("ledger_transactions", rows.ledger_transactions)
        await self._copy("postings", rows.postings)
        await self._copy("trades", rows.trades)
        await self._copy("settlements", settlement_rows(rows.settling, settled_at_ns))
        await self._copy("position_changes", rows.position_changes)
        changes = (
            (_MOVE_BALANCES, rows.balance_deltas),
            (_CHANGE_POSITIONS, rows.positions),
            (_CHANGE_LOANS, rows.loans),
        )
        for statement, columns in changes:
            if columns:
                await self._connection.execute(statement, *columns)

    async def _copy(self, table: str, rows: bytes) -> None:
        if rows:
            copy = self._connection.copy_to_table
            # A view, because asyncpg takes bytes for the path of a file.
            await copy(table, source=memoryview(rows), columns=COLUMNS[table], schema_name="clearing", format="text")

    async def _change_orders(self, columns: list[list[object]]) -> None:
        changed = await self._connection.fetchval(_CHANGE_ORDERS, *columns)
        if changed != len(columns[0]):
            raise StoreRefused(f"{len(columns[0]) - changed} of {len(columns[0])} changed orders are not in the books")

    async def _register(self, r: Registration) -> None:
        execute = self._connection.execute
        match r:
            case RegisterAsset():
                name = storable(r.name)
                sql = "INSERT INTO clearing.assets (asset_id, name, decimals) VALUES ($1, $2, $3)"
                await execute(sql, r.asset_id, name, r.decimals)
            case RegisterFirm():
                await execute("INSERT INTO clearing.firms VALUES ($1, $2)", r.firm_id, storable(r.name))
            case OpenAccount():
                sql = "INSERT INTO clearing.accounts VALUES ($1, $2, $3, $4)"
                await execute(sql, r.account_id, r.firm_id, int(r.kind), storable(r.name))
            case ListInstrument() | ChangeInstrument():
                await execute(_LIST_INSTRUMENT, *_instrument_arguments(r))
            case FeeRule():
                sql = "INSERT INTO clearing.fee_rules VALUES ($1, $2, $3, $4, $5, $6, $7)"
                await execute(sql, *msgspec.structs.astuple(r))
            case SetCollateral():
                sql = (
                    "UPDATE clearing.assets SET weight_ppm = $2, lending_account_id = nullif($3, 0) WHERE asset_id = $1"
                )
                await execute(sql, r.asset_id, r.weight_ppm, r.lending_account_id)


async def _migrate(connection: Any) -> None:
    await connection.execute(_MIGRATIONS_TABLE)
    rows = await connection.fetch("SELECT number, sha256 FROM clearing.migrations")
    for migration in pending_migrations(load_migrations(), {row["number"]: row["sha256"] for row in rows}):
        async with connection.transaction():
            await connection.execute(migration.sql)
            sql = "INSERT INTO clearing.migrations (number, name, sha256) VALUES ($1, $2, $3)"
            await connection.execute(sql, migration.number, migration.name, migration.sha256)


def _instrument_arguments(command: ListInstrument | ChangeInstrument) -> tuple[object, ...]:
    i = command.instrument
    return (
        i.symbol_id,
        storable(i.symbol),
        i.base_asset_id,
        i.quote_asset_id,
        str(i.tick),
        str(i.lot),
        i.maker_ppm,
        i.taker_ppm,
        i.fee_account_id,
        encode_command(command),
        int(i.kind),
        i.pnl_account_id or None,
    )


def _cursor_arguments(batch: Batch) -> tuple[int | str, ...]:
    place = (batch.first_seq, batch.last_seq, batch.last_crc, batch.last_ts_ns)
    return (*place, len(batch.trades), batch.after.crc, journal_name(batch.journal))


_MIGRATIONS_TABLE = """
CREATE SCHEMA IF NOT EXISTS clearing;
CREATE TABLE IF NOT EXISTS clearing.migrations (
    number      integer     PRIMARY KEY,
    name        text        NOT NULL,
    sha256      text        NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
)"""

_LIST_INSTRUMENT = """
INSERT INTO clearing.instruments (symbol_id, symbol, base_asset_id, quote_asset_id, tick, lot, maker_ppm, taker_ppm,
                                  fee_account_id, definition, kind, pnl_account_id)
VALUES ($1, $2, $3, $4, $5::text::numeric, $6::text::numeric, $7, $8, $9, $10, $11, $12)
ON CONFLICT (symbol_id) DO UPDATE
SET tick = excluded.tick, lot = excluded.lot, maker_ppm = excluded.maker_ppm, taker_ppm = excluded.taker_ppm,
    fee_account_id = excluded.fee_account_id, definition = excluded.definition"""

_CHANGE_ORDERS = """
WITH changed AS (
    UPDATE clearing.orders o
    SET leaves_qty = c.leaves_qty::numeric, cum_qty = c.cum_qty::numeric, locked = c.locked::numeric, state = c.state,
        previous_state = c.previous_state, reason = c.reason, changed_at_ns = c.changed_at_ns,
        changed_seq = c.changed_seq, order_qty = c.order_qty::numeric, price = c.price::numeric,
        stop_px = c.stop_px::numeric, work_price = c.work_price::numeric, time_in_force = c.time_in_force
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::integer[],
                $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[], $13::text[], $14::smallint[])
        AS c (order_id, leaves_qty, cum_qty, locked, state, previous_state, reason, changed_at_ns, changed_seq,
              order_qty, price, stop_px, work_price, time_in_force)
    WHERE o.order_id = c.order_id
    RETURNING 1
)
SELECT count(*) FROM changed"""

_CHANGE_POSITIONS = """
INSERT INTO clearing.positions (account_id, symbol_id, leverage, is_isolated, size, cost, margin, added_margin, debt,
                                changed_seq)
SELECT account_id, symbol_id, leverage, is_isolated, size::numeric, cost::numeric, margin::numeric,
       added_margin::numeric, debt::numeric, changed_seq
FROM unnest($1::bigint[], $2::integer[], $3::smallint[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::bigint[])
    AS p (account_id, symbol_id, leverage, is_isolated, size, cost, margin, added_margin, debt, changed_seq)
ON CONFLICT (account_id, symbol_id) DO UPDATE
SET leverage = excluded.leverage, is_isolated = excluded.is_isolated, size = excluded.size, cost = excluded.cost,
    margin = excluded.margin, added_margin = excluded.added_margin, debt = excluded.debt,
    changed_seq = excluded.changed_seq"""

_CHANGE_LOANS = """
INSERT INTO clearing.loans (account_id, asset_id, amount)
SELECT account_id, asset_id, amount::numeric FROM unnest($1::bigint[], $2::integer[], $3::text[])
    AS l (account_id, asset_id, amount)
ON CONFLICT (account_id, asset_id) DO UPDATE SET amount = excluded.amount"""

_MOVE_BALANCES = """
MERGE INTO clearing.balances b
USING unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::text[])
    AS d (account_id, asset_id, total, available, locked)
ON b.account_id = d.account_id AND b.asset_id = d.asset_id
WHEN MATCHED THEN UPDATE SET total = b.total + d.total::numeric, available = b.available + d.available::numeric,
                             locked = b.locked + d.locked::numeric
WHEN NOT MATCHED THEN INSERT (account_id, asset_id, total, available, locked)
    VALUES (d.account_id, d.asset_id, d.total::numeric, d.available::numeric, d.locked::numeric)"""

_MOVE_CURSOR = """
WITH moved AS (
    UPDATE clearing.cursor
    SET last_applied_seq = $2, last_crc = $3, last_ts_ns = $4, moved_at = clock_timestamp(), journal = $7
    WHERE last_applied_seq = $1 - 1 AND last_crc = $6 AND journal IN ('', $7)
    RETURNING last_applied_seq
), batch AS (
    INSERT INTO clearing.batches (first_seq, last_seq, trades, prev_crc, last_crc)
    SELECT $1, last_applied_seq, $5, $6, $3 FROM moved
)
SELECT last_applied_seq FROM moved"""
