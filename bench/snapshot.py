"""What a snapshot costs the engine that takes it, with 1,000,000 orders resting.

The engine's own parts, without its sockets: core, journal (fsync) and snapshot writer, in one process. The pause is how
long the loop stands still to begin a snapshot; what follows is how much dearer a batch is while the child writes,
because a page that both share is copied when the engine first changes it, and both want the same disk.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from bench.prepared import frames_of
from bench.sample_market import FIRST_ACCOUNT, FIRST_SESSION, MID_TICKS, SampleMarket
from bench.workload import Sent
from engine.api import commands as c
from engine.api.enums import OrdType, Side, TimeInForce
from engine.host import journal, recovery
from engine.host.clock import ExchangeClock
from engine.host.core import Core
from engine.host.disk import Disk
from engine.host.snapshot_writer import SnapshotWriter

RESTING = 1_000_000
ACCOUNTS = 1_000
PRICES = 2_000
BATCH = 500
ROUNDS = 7
QTY = 100


def run() -> dict[str, Any]:
    """Measure, medians of ROUNDS. Units: as named."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        return Bench(directory).run()
    finally:
        shutil.rmtree(directory)


class Bench:
    """An engine's parts in a directory."""

    def __init__(self, directory: Path) -> None:
        self.snapshots = directory / "snapshots"
        self.core, self.journal, self.writer = build(directory)
        self.numbers = count()

    def run(self) -> dict[str, Any]:
        """Fill the book, then take snapshots both ways under load."""
        self.load([(c.OPERATIONS, command) for command in SampleMarket(ACCOUNTS).opening()])
        while self.core.open_orders < RESTING:
            self.batch()
        self.load([])
        forked = [self.forked() for _ in range(ROUNDS)]
        foreground = [self.foreground() for _ in range(ROUNDS)]
        (size,) = {path.stat().st_size for path in list(self.snapshots.iterdir())[:1]}
        return {
            "resting_orders": self.core.open_orders,
            "snapshot_bytes": size,
            "resident_mib": resident_kib("VmRSS") // 1024,
            "page_tables_kib": resident_kib("VmPTE"),
            "pause_forked_ms": median(round_["pause"] for round_ in forked),
            "pause_forked_worst_ms": max(round_["pause"] for round_ in forked),
            "pause_foreground_ms": median(foreground),
            "child_ms": median(round_["child"] for round_ in forked),
            "batch_commands": BATCH,
            **{
                f"{part}_{when}_{name}_ms": of(round_[f"{part}_{when}_{name}"] for round_ in forked)
                for part in ("apply", "sync")
                for when in ("before", "meanwhile")
                for name, of in (("median", median), ("worst", max))
            },
        }

    def forked(self) -> dict[str, float]:
        """Take one snapshot by a child, trading all along."""
        before = [self.batch() for _ in range(40)]
        began = time.perf_counter()
        self.writer.begin()
        pause = ms_since(began)
        meanwhile = []
        while self.writer.child:
            meanwhile.append(self.batch())
            self.writer.turn()
        figures = {"pause": pause, "child": ms_since(began)}
        for when, costs in (("before", before), ("meanwhile", meanwhile)):
            for part, column in (("apply", 0), ("sync", 1)):
                figures[f"{part}_{when}_median"] = median(cost[column] for cost in costs)
                figures[f"{part}_{when}_worst"] = max(cost[column] for cost in costs)
        return figures

    def foreground(self) -> float:
        """Take one snapshot in the loop itself; return how long it stood still."""
        self.batch()
        began = time.perf_counter()
        self.writer.save()
        return ms_since(began)

    def batch(self) -> tuple[float, float]:
        """Enter BATCH resting orders, canceling as many once the book is full; return ms of apply and of sync."""
        return self.load([command for _ in range(BATCH) for command in self.step(next(self.numbers))])

    def step(self, n: int) -> list[Sent]:
        """Make the n-th order, and the cancel that keeps the book at its size."""
        out: list[Sent] = [(FIRST_SESSION + n % ACCOUNTS, resting(n))]
        if n >= RESTING:
            old = n - RESTING
            out.insert(0, (FIRST_SESSION + old % ACCOUNTS, c.CancelOrder(f"c{n}", f"o{old}")))
        return out

    def load(self, commands: list[Sent]) -> tuple[float, float]:
        """Apply and journal a batch; return the milliseconds of both."""
        frames = b"".join(frames_of(commands))
        began = time.perf_counter()
        applied = self.core.apply(time.time_ns(), frames)
        apply_ms = ms_since(began)
        assert applied.consumed == len(frames), applied.fault
        began = time.perf_counter()
        if applied.count:
            self.journal.append(applied.records, self.core.seq, self.core.prev_crc)
        return apply_ms, ms_since(began)


def resting(n: int) -> c.NewOrder:
    """Make an order that rests: buys below, sells above the middle."""
    side, away = (Side.BUY, Side.SELL)[n // ACCOUNTS % 2], 1 + n * 7 % PRICES
    price = MID_TICKS + (away if side is Side.SELL else -away)
    gtc = TimeInForce.GOOD_TILL_CANCEL
    return c.NewOrder(FIRST_ACCOUNT + n % ACCOUNTS, 1, side, OrdType.LIMIT, gtc, QTY, price, f"o{n}")


def build(directory: Path) -> tuple[Core, journal.Journal, SnapshotWriter]:
    """Open an engine's journal and snapshots in ``directory``."""
    (directory / "journal").mkdir()
    disk = Disk()
    recovered = recovery.recover(directory / "journal", directory / "snapshots", disk)
    writer = journal.Journal(directory / "journal", recovered.tail, disk)
    clock = ExchangeClock(0)
    return recovered.core, writer, SnapshotWriter(directory / "snapshots", recovered.core, writer, clock, disk, 0)


def resident_kib(name: str) -> int:
    """Read one line of this process's memory from the kernel."""
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{os.getpid()}/status").read_text())
    assert found is not None
    return int(found[1])


def median(values: Any) -> float:
    """Return the median, to a microsecond."""
    return round(float(statistics.median(values)), 3)


def ms_since(began: float) -> float:
    """Return milliseconds since ``began``."""
    return round((time.perf_counter() - began) * 1000, 3)
