"""How long the engine, those who follow it and the whole exchange take to start on a long journal.

The journal holds 20,000,000 records of a month and leaves 200,000 orders open; the last snapshot and the last standing
lie 700,000 records before its end, the checkpoints of the gateways 5,000. Measured once more after a clean stop
that was killed while it wrote them anew.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import google_crc32c

from bench.venue import ROOT, Process, free_port
from engine.api import commands as c
from engine.api.cursor import Cursor
from engine.api.enums import OrdType, Side, TimeInForce
from engine.api.ids import AccountId, Seq, SymbolId
from engine.api.units import Lots, Ticks
from engine.api.wire import encode_command, encode_frame
from engine.host import journal, recovery, snapshot
from engine.host.core import Core, Fault
from engine.host.disk import UnsyncedDisk
from engine.host.process import keep_standing
from engine.standing import files
from engine.standing.fold import SEQ_MAX
from engine.standing.standing import fold_to
from fixgw.checkpoint import Checkpoint, CheckpointFile, SessionCheckpoint
from fixgw.places import NOWHERE
from ops.demo.show import free_port_base
from venue.configuration import load_venue
from venue.members import load_members
from venue.registration import expected_commands

RECORDS = 20_000_000
OPEN_ORDERS = 200_000
TAIL_RECORDS = 700_000
"""Records after the last snapshot: the engine takes one each million."""

UNTOLD_RECORDS = 5_000
"""Records after the gateways' checkpoints: a gateway writes one each second."""

PER_ACCOUNT = 1_000
"""Open orders of one account in one symbol."""

FOLLOWER = """
import pathlib, sys
from engine.standing import load
standing = load(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""
"""A process that knows what stands, and no more."""

ROLES = ("order-entry", "drop-copy")
BATCH_CYCLES = 1_000
MONTH_NS = 30 * 86_400 * 10**9
FIRST_NS = 1_790_000_000 * 10**9
FIRST_ACCOUNT, SESSION, OTHER_ACCOUNT, OTHER_SESSION = 1_001, 11, 102, 21
LOTS, PRICE, LOW_PRICE = 200, 5_000_000, 1_000_000


def run(commands: int = RECORDS) -> dict[str, Any]:
    """Write the journal and measure. Times are from the start of a process to its line ``ready``."""
    directory = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        config, data = _configure(directory / "config"), directory / "data"
        figures = _write(data, config, commands)
        _serve(data, config)
        figures |= _starts(data, config, "")
        _kill_while_it_writes(data)
        return figures | _starts(data, config, "_after_kill")
    finally:
        shutil.rmtree(directory)


# --- measuring ----------------------------------------------------------------------------------------------


def _starts(data: Path, config: Path, suffix: str) -> dict[str, Any]:
    """Start each by itself, then all together."""
    log = data / "bench.log"
    engine_s, engine = _timed(lambda: Process(log, "-m", "engine", "--data", str(data)))
    figures: dict[str, Any] = {f"engine{suffix}": _told(engine_s, _used_s(engine.pid))}
    standing_s, follower = _timed(lambda: Process(log, "-c", FOLLOWER, str(data)))
    figures[f"standing{suffix}"] = _told(standing_s, _used_s(follower.pid))
    follower.end(signal.SIGKILL)
    for role in ROLES:
        options = ("--data", str(data), "--config", str(config), "--role", role, "--port", str(free_port()))
        took_s, gateway = _timed(partial(Process, log, "-m", "fixgw", *options))
        figures[f"{role}{suffix}"] = _told(took_s, _used_s(gateway.pid))
        gateway.end(signal.SIGKILL)
    engine.end(signal.SIGKILL)
    took_s, exchange = _timed(lambda: _exchange(data, config))
    figures[f"exchange_run{suffix}"] = _told(took_s, _used_s(exchange.pid))
    exchange.send_signal(signal.SIGTERM)
    exchange.wait(120)
    return figures


def _told(passed_s: float, used_s: float) -> str:
    """Write both times: on a machine with other work only the second says much."""
    return f"{passed_s:.1f} s, of the processor {used_s:.1f} s"


def _timed(start: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    started = start()
    return round(time.perf_counter() - began, 2), started


def _used_s(pid: int) -> float:
    """Return the processor time of a process and of all it started that still run."""
    fields = {int(path.parent.name): _stat(path) for path in Path("/proc").glob("[0-9]*/stat")}
    found = {pid}
    while more := {one for one, (parent, _) in fields.items() if parent in found} - found:
        found |= more
    return sum(fields[one][1] for one in found if one in fields)


def _stat(path: Path) -> tuple[int, float]:
    """Read the parent of a process and its processor time; 0 for one that is gone."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0.0
    return int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _exchange(data: Path, config: Path) -> subprocess.Popen[str]:
    """Start the whole exchange, and wait for its line ``ready``."""
    line = [sys.executable, "-m", "ops", "run", "--data", str(data), "--config", str(config)]
    with (data / "bench.log").open("ab") as log:
        process = subprocess.Popen(
            [*line, "--port-base", str(free_port_base())], cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    while (said := process.stdout.readline()) != "ready\n":
        if not said:
            raise RuntimeError(f"the exchange did not start:\n{(data / 'bench.log').read_text()[-2000:]}")
    return process


def _kill_while_it_writes(data: Path) -> None:
    """Stop an engine cleanly and kill it as soon as a file of its last snapshot, or standing, is under way."""
    for directory in ("snapshots", "standing"):
        engine = Process(data / "bench.log", "-m", "engine", "--data", str(data))
        engine.notify(signal.SIGTERM)
        while engine.is_running and not list((data / directory).glob("*.tmp")):
            time.sleep(0.001)
        engine.end(signal.SIGKILL)


# --- writing ------------------------------------------------------------------------------------------------


def _configure(directory: Path) -> Path:
    """Copy the configuration, and give the first firm accounts for so many open orders."""
    shutil.copytree(ROOT / "config", directory)
    accounts = OPEN_ORDERS // PER_ACCOUNT // 2 + 1
    rows = "".join(
        f'[[firm.account]]\naccount_id = {FIRST_ACCOUNT + n}\nname = "ALPHA-{n}"\nkind = "SPOT"\n\n'
        f'[firm.account.opening]\nUSDT = "100000000"\nBTC = "100000"\n\n'
        for n in range(accounts)
    )
    text = (directory / "members.toml").read_text()
    first, session, rest = text.partition("[[firm.session]]")
    (directory / "members.toml").write_text(first + rows + session + rest)
    return directory


def _write(data: Path, config: Path, records: int) -> dict[str, Any]:
    """Write the journal by the engine's own core and writer, with a snapshot and a standing near its end."""
    disk = UnsyncedDisk()
    recovered = recovery.recover(data / "journal", data / "snapshots", disk)
    (data / "journal").mkdir(parents=True)
    core, writer = recovered.core, journal.Journal(data / "journal", recovered.tail, disk)
    opening = [(c.OPERATIONS, command) for command in expected_commands(load_venue(config))]
    batches = [b"".join(encode_frame(source, n, encode_command(m)) for n, (source, m) in enumerate(opening, 1))]
    for frames in (*batches, *_resting()):
        _apply(core, writer, frames, FIRST_NS)
    cycles = (records - core.seq) // (3 * BATCH_CYCLES)
    fold_s = 0.0
    for n in range(cycles):
        if (cycles - n) * 3 * BATCH_CYCLES <= TAIL_RECORDS and not snapshot.list_snapshots(data / "snapshots"):
            snapshot.save(data / "snapshots", core, writer.place, disk)
            fold_s, _ = _timed(lambda: _keep_standing(data, disk, core.seq))
        _apply(core, writer, _cycles(n * BATCH_CYCLES), FIRST_NS + MONTH_NS * (n + 1) // cycles)
    writer.close()
    assert core.open_orders == OPEN_ORDERS, core.open_orders
    size = sum(path.stat().st_size for path in (data / "journal").iterdir())
    rate = round(core.seq / fold_s) if fold_s else 0
    assert fold_to(data, Cursor(SEQ_MAX)).cursor.seq == core.seq
    return {
        "records": core.seq,
        "open_orders": core.open_orders,
        "journal_gib": round(size / 2**30, 1),
        "snapshot_mib": _mib(data / "snapshots"),
        "standing_mib": _mib(data / "standing"),
        "folded_from_the_beginning_per_s": rate,
    }


def _serve(data: Path, config: Path) -> None:
    """Leave the gateways as if they had been killed in service: their checkpoints, and stores with nothing unseen."""
    end = fold_to(data, Cursor(SEQ_MAX)).cursor
    cursor = fold_to(data, Cursor(Seq(end.seq - UNTOLD_RECORDS))).cursor
    members = load_members(config / "members.toml")
    for role in ROLES:
        directory = data / "fixgw" / role
        directory.mkdir(parents=True)
        sessions = [session for firm in members.firm for session in firm.session if session.kind == role]
        told = {session.session_id: SessionCheckpoint(cursor.seq, NOWHERE, Seq(0), 0) for session in sessions}
        CheckpointFile(directory / "checkpoint").write(Checkpoint(cursor, told))


def _keep_standing(data: Path, disk: UnsyncedDisk, seq: int) -> None:
    """Keep standings until one is of ``seq``: each goes only so far."""
    while not (files.directory_of(data) / files.name_of(seq)).exists():
        keep_standing(data, disk, seq)


def _mib(directory: Path) -> int:
    return round(sum(path.stat().st_size for path in directory.iterdir()) / 2**20)


def _apply(core: Core, writer: journal.Journal, frames: bytes, now_ns: int) -> None:
    applied = core.apply(now_ns, frames)
    assert applied.fault is Fault.NONE and applied.consumed == len(frames)
    writer.append(applied.records, core.seq, core.prev_crc)


def _resting() -> Iterator[bytes]:
    """Enter the orders that stay: of each account as many as may rest in a symbol."""
    for n in range(OPEN_ORDERS // PER_ACCOUNT):
        account, symbol = FIRST_ACCOUNT + n // 2, 1 + n % 2
        orders = [
            _order(account, symbol, Side.BUY, LOW_PRICE - 10 * (i % 500), f"R{n * PER_ACCOUNT + i:09}")
            for i in range(PER_ACCOUNT)
        ]
        yield b"".join(encode_frame(SESSION, i, encode_command(order)) for i, order in enumerate(orders, 1))


def _order(account: int, symbol: int, side: Side, price: int, cl_ord_id: str, lots: int = LOTS) -> c.NewOrder:
    terms = (OrdType.LIMIT, TimeInForce.GOOD_TILL_CANCEL)
    lots = lots if symbol == 1 else 10 * lots
    return c.NewOrder(AccountId(account), SymbolId(symbol), side, *terms, Lots(lots), Ticks(price), cl_ord_id)


class _Template:
    """A frame whose ClOrdID is its end: another one costs little more than its checksum."""

    def __init__(self, source: int, command: c.Command, name_bytes: int) -> None:
        frame = encode_frame(source, 1, encode_command(command))
        self._length, self._middle = frame[:4], frame[8:-name_bytes]
        self._crc = google_crc32c.value(self._middle)

    def frame(self, name: bytes) -> bytes:
        crc: int = google_crc32c.extend(self._crc, name)
        made: bytes = self._length + crc.to_bytes(4, "little") + self._middle + name
        return made


_NAME = "S000000000"
_MINE, _THEIRS = (FIRST_ACCOUNT + OPEN_ORDERS // PER_ACCOUNT // 2, SESSION), (OTHER_ACCOUNT, OTHER_SESSION)
_TEMPLATES = [
    (
        _Template(seller[1], _order(seller[0], 1, Side.SELL, PRICE, _NAME), 10),
        _Template(buyer[1], _order(buyer[0], 1, Side.BUY, PRICE, _NAME, LOTS // 2), 10),
        _Template(seller[1], c.CancelOrder(_NAME, _NAME), 20),
    )
    for seller, buyer in ((_MINE, _THEIRS), (_THEIRS, _MINE))
]
"""A cycle: one rests, one takes half of it, the rest is canceled; by turns the one and the other sells."""


def _cycles(first: int) -> bytes:
    frames = []
    for n in range(first, first + BATCH_CYCLES):
        sell, buy, cancel = _TEMPLATES[n & 1]
        name = b"%09d" % n
        frames += [sell.frame(b"S" + name), buy.frame(b"B" + name), cancel.frame(b"C" + name + b"S" + name)]
    return b"".join(frames)
