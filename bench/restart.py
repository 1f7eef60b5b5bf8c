"""How long an engine takes to serve again with a journal of 1,000,000 commands, with and without a snapshot."""

from __future__ import annotations

import shutil
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.venue import Process
from engine.api import commands as c
from engine.api.enums import AccountKind, InstrumentKind, OrdType, SessionKind, Side, TimeInForce
from engine.api.instrument import Instrument
from engine.api.units import Step
from engine.api.wire import encode_command, encode_frame
from engine.host import journal, recovery
from engine.host.disk import UnsyncedDisk

COMMANDS = 1_000_000
BATCH = 1_000
ROUNDS = 3
NOW_NS = 1_790_000_000_000_000_000

REGISTRATIONS: list[c.Command] = [
    c.RegisterAsset(1, "USDT", 8),
    c.RegisterAsset(2, "BTC", 8),
    c.RegisterFirm(1, "ALPHA"),
    c.RegisterFirm(2, "BRAVO"),
    c.OpenAccount(1, 0, AccountKind.SYSTEM, "EXCHANGE-FEES"),
    c.OpenAccount(101, 1, AccountKind.SPOT, "ALPHA"),
    c.OpenAccount(102, 2, AccountKind.SPOT, "BRAVO"),
    c.RegisterSession(11, 1, SessionKind.ORDER_ENTRY, "ALPHA"),
    c.RegisterSession(21, 2, SessionKind.ORDER_ENTRY, "BRAVO"),
    c.ListInstrument(
        Instrument(
            symbol_id=1,
            symbol="BTC/USDT",
            kind=InstrumentKind.SPOT,
            base_asset_id=2,
            quote_asset_id=1,
            tick=Step(1, 2),
            lot=Step(1, 5),
            min_qty=1,
            max_qty=10**9,
            min_notional=0,
            max_notional=10**20,
            maker_ppm=200,
            taker_ppm=1000,
            band_ppm=100_000,
            fee_account_id=1,
        )
    ),
    *(c.Deposit(account, asset, 10**22, f"{account}:{asset}") for account in (101, 102) for asset in (1, 2)),
]


def commands(count: int) -> list[tuple[int, c.Command]]:
    """Make orders of two members: by turns one that rests, one that takes half of it, and a cancel of the rest."""
    out: list[tuple[int, c.Command]] = []
    gtc, limit = TimeInForce.GOOD_TILL_CANCEL, OrdType.LIMIT
    for n in range(count // 3 + 1):
        price = 5_000_000 + n % 40
        out.append((21, c.NewOrder(102, 1, Side.SELL, limit, gtc, 200, price, f"S{n}")))
        out.append((11, c.NewOrder(101, 1, Side.BUY, limit, gtc, 100, price, f"B{n}")))
        out.append((21, c.CancelOrder(f"C{n}", f"S{n}")))
    return out[:count]


def write_journal(data: Path, count: int) -> None:
    """Write a journal of ``count`` commands with the engine's own core and writer."""
    directory = data / "journal"
    directory.mkdir(parents=True)
    recovered = recovery.recover(directory, data / "snapshots", UnsyncedDisk())
    writer = journal.Journal(directory, recovered.tail, UnsyncedDisk())
    script = [(0, command) for command in REGISTRATIONS] + commands(count - len(REGISTRATIONS))
    for start in range(0, len(script), BATCH):
        part = enumerate(script[start : start + BATCH], start)
        frames = b"".join(encode_frame(source, n, encode_command(command)) for n, (source, command) in part)
        applied = recovered.core.apply(NOW_NS + start * 1_000, frames, 0)
        writer.append(applied.records, recovered.core.seq)
    writer.close()


def run() -> dict[str, Any]:
    """Measure starts of a real engine process, to its line ``ready``. Units: seconds."""
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        write_journal(directory, COMMANDS)
        size = sum(path.stat().st_size for path in (directory / "journal").glob("journal-*.seg"))
        whole = [start(directory, signal.SIGKILL) for _ in range(ROUNDS)]
        start(directory, signal.SIGTERM)
        with_snapshot = [start(directory, signal.SIGKILL) for _ in range(ROUNDS)]
    finally:
        shutil.rmtree(directory)
    return {
        "commands": COMMANDS,
        "journal_bytes_per_command": round(size / COMMANDS),
        "restart_s": round(statistics.median(whole), 2),
        "restart_with_snapshot_s": round(statistics.median(with_snapshot), 2),
    }


def start(data: Path, ending: signal.Signals) -> float:
    """Start an engine, end it, and return the seconds it took to be ready."""
    started = time.perf_counter()
    engine = Process(data / "log", "-m", "engine", "--data", str(data))
    took = time.perf_counter() - started
    engine.end(ending)
    return took
