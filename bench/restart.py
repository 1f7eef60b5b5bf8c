"""How long an engine takes to serve again: after a journal of 1,000,000 commands, with and without a snapshot, and
after a snapshot of 1,000,000 open orders with a journal of 1,000,000 commands behind it."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.prepared import Prepared, frames_of, prepare
from bench.sample_market import FIRST_ACCOUNT, MID_TICKS, SampleMarket
from bench.throughput import batches
from bench.venue import Process
from bench.workload import Sent, Size
from engine.api import commands as c
from engine.api.enums import OrdType, Side, TimeInForce
from engine.host import journal, recovery, snapshot
from engine.host.disk import UnsyncedDisk

COMMANDS = 1_000_000
ROUNDS = 3

CROWD = Size(COMMANDS, symbols=1_000, accounts=100_000)
"""A thousand books of a thousand orders each: a million open orders, then a million commands."""


def run(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure starts of a real engine process, to its line ``ready``. Units: seconds."""
    with _journal_of(b"".join(frames_of(_three_by_three(COMMANDS)))) as data:
        size = sum(path.stat().st_size for path in (data / "journal").glob("journal-*.seg"))
        whole = [start(data, signal.SIGKILL) for _ in range(rounds)]
        start(data, signal.SIGTERM)
        with_snapshot = [start(data, signal.SIGKILL) for _ in range(rounds)]
    return {
        "commands": COMMANDS,
        "journal_bytes_per_command": round(size / COMMANDS),
        "restart_s": round(statistics.median(whole), 2),
        "restart_with_snapshot_s": round(statistics.median(with_snapshot), 2),
        "restart_of_1000000_open_orders_s": round(of_many_orders(prepare(CROWD), rounds)[0], 2),
    }


def of_many_orders(prepared: Prepared, rounds: int) -> tuple[float, float]:
    """Start engines on a snapshot taken after a workload's opening and a journal of its load.

    Returns: medians of the seconds that passed and of those of the processor.
    """
    with _journal_of(prepared.load, prepared.opening) as data:
        passed, used = [], []
        for _ in range(rounds):
            before = _children_s()
            passed.append(start(data, signal.SIGKILL))
            used.append(_children_s() - before)
    return statistics.median(passed), statistics.median(used)


@contextmanager
def _journal_of(load: bytes, before_snapshot: bytes = b"") -> Iterator[Path]:
    """Write a journal with the engine's own core and writer, a snapshot after its first part if there is one."""
    data = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        _write(data, load, before_snapshot)
        yield data
    finally:
        shutil.rmtree(data)


def write_journal(data: Path, count: int) -> None:
    """Write a journal of about ``count`` commands of two members."""
    _write(data, b"".join(frames_of(_three_by_three(count))))


def _write(data: Path, load: bytes, before_snapshot: bytes = b"") -> None:
    directory, disk = data / "journal", UnsyncedDisk()
    directory.mkdir(parents=True)
    recovered = recovery.recover(directory, data / "snapshots", disk)
    core, writer = recovered.core, journal.Journal(directory, recovered.tail, disk)
    for records in batches(core, before_snapshot):
        writer.append(records, core.seq, core.prev_crc)
    if before_snapshot:
        snapshot.save(data / "snapshots", core, writer.place, disk)
    for records in batches(core, load):
        writer.append(records, core.seq, core.prev_crc)
    writer.close()


def _three_by_three(count: int) -> Iterator[Sent]:
    """Make orders of two members: by turns one that rests, one that takes half of it, and a cancel of the rest."""
    market = SampleMarket(accounts=2)
    seller, buyer = FIRST_ACCOUNT, FIRST_ACCOUNT + 1
    opening = list(market.opening())
    yield from ((c.OPERATIONS, command) for command in opening)
    terms = (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL)
    for n in range((count - len(opening)) // 3):
        price = MID_TICKS + n % 40
        yield market.session(seller), c.NewOrder(seller, 1, Side.SELL, *terms, 200, price, f"S{n}")
        yield market.session(buyer), c.NewOrder(buyer, 1, Side.BUY, *terms, 100, price, f"B{n}")
        yield market.session(seller), c.CancelOrder(f"C{n}", f"S{n}")


def _children_s() -> float:
    """Return the processor time of all children that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def start(data: Path, ending: signal.Signals) -> float:
    """Start an engine, end it, and return the seconds it took to be ready."""
    started = time.perf_counter()
    engine = Process(data / "log", "-m", "engine", "--data", str(data))
    took = time.perf_counter() - started
    engine.end(ending)
    return took
