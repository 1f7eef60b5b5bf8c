"""What the tests of clearing share: apply a log to real books, look into them, break them on purpose."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from clearing.batch import Batch
from clearing.intake import LogReader
from clearing.ledger import Books, Ledger
from clearing.process import Config, Process, build
from clearing.reconcile import JournalPort, compare_books
from clearing.store import Store
from engine.api.cursor import Cursor
from engine.api.link import EngineBalances
from engine.api.wire import split_frames
from tests.clearing.market import JOURNAL, Log, LogPort
from tests.patience import PATIENCE_S

EMPTY = Books({}, (), ())
SETTLED_AT_NS = 1_770_000_000_000_000_000


def batch_of(records: bytes, reader: LogReader) -> Batch:
    """Book whole records into one batch."""
    batch = Batch(reader.cursor)
    for start, end in split_frames(records)[0]:
        entry = reader.post(records, start, end)
        if entry is not None:
            batch.add(entry)
    batch.seal()
    return batch


def fresh_reader() -> LogReader:
    return LogReader(Ledger(EMPTY), Cursor(journal=JOURNAL))


async def settle(dsn: str, log: Log) -> None:
    """Apply what the books do not have yet of a log, through the store, in one batch."""
    store = Store(dsn)
    try:
        cursor = await store.open()
        reader = LogReader(Ledger(await store.read_books()), cursor)
        batch = batch_of(log.bytes(cursor.next_seq), reader)
        batch.journal = log.identity
        if batch.records:
            assert await store.apply(batch, SETTLED_AT_NS)
    finally:
        await store.close()


@asynccontextmanager
async def clearing(dsn: str, log: Log, chunk: int = 1_000) -> AsyncIterator[tuple[Process, asyncio.Task[None]]]:
    """Run a clearing process of this program on a log, with short waits between attempts."""

    def follow(after: Cursor) -> LogPort:
        return LogPort(log, after, chunk)

    process = build(Config(Path(), dsn, backoff_first_s=0.01, backoff_max_s=0.1), follow)
    task = asyncio.create_task(process.run())
    try:
        yield process, task
    finally:
        process.stop()
        await asyncio.wait({task})


async def cursor_reaches(
    dsn: str, seq: int, task: asyncio.Task[None] | None = None, deadline_s: float = PATIENCE_S
) -> None:
    """Wait until the books have applied ``seq``; fail with the process's own fault when it ends before."""
    until = time.monotonic() + PATIENCE_S
    while True:
        if task is not None and task.done():
            await task
        at = -1
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                at = await connection.fetchval("SELECT last_applied_seq FROM clearing.cursor")
            finally:
                await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            pass  # not there yet: the deadline decides
        if at >= seq:
            assert at == seq
            return
        assert time.monotonic() < until, f"the books stayed at {at}, wanted {seq}"
        await asyncio.sleep(0.01)


async def assert_clean(dsn: str, journal: JournalPort, engine: EngineBalances) -> None:
    outcome = await compare_books(dsn, journal, engine)
    assert outcome.is_clean, outcome.differences
    assert outcome.parts_compared


async def query(dsn: str, sql: str, *arguments: object) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(sql, *arguments))
    finally:
        await connection.close()


async def tamper(dsn: str, sql: str) -> None:
    """Do what only a superuser with the triggers disabled can."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(sql)
    finally:
        await connection.close()
