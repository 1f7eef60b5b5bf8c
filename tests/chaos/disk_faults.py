"""Reliability 5, 6 and 7: syncs that fail, disks that are full, writes that lie, under the real engine process.

The oracle after each: whatever was answered is in the recovered journal, byte for byte, and the state is that of a
plain replay. A write that lied must be refused instead.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from engine.api.errors import LinkError
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from engine.host import recovery
from engine.host.disk import UnsyncedDisk
from tests.chaos.tally import Tally, spread, times
from tests.host.faulty_engine import Faults
from tests.host.running import FaultyEngine
from tests.patience import PATIENCE_S

ANSWERS_S = 0.3
"""How long an answer is waited for; one that comes later is not counted as given."""

ORDERS = 90
"""Sent one by one, so that each is a batch and a sync."""


class Trial:
    """An engine in a directory of its own, and what it has answered."""

    def __init__(self, directory: Path) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.engine = FaultyEngine(directory)
        self.answered: list[Record] = []

    def trade_until_it_ends(self, at_once: int = 1) -> None:
        """Send orders until the engine is gone, at most ORDERS times; note what it answered."""
        with contextlib.suppress(LinkError, OSError):
            self.engine.register(ANSWERS_S)
        for _ in range(ORDERS):
            with contextlib.suppress(LinkError, OSError):
                self.answered += self.engine.trade(at_once, ANSWERS_S)
            if self.engine.process.poll() is not None:
                return

    def ended_by_itself(self) -> None:
        """Check that it goes, with an exit code that says so, and did not try again."""
        code = self.engine.process.wait(PATIENCE_S)
        assert code == 1, f"exit code {code}"
        assert not (self.engine.data / "retried").exists(), (self.engine.data / "retried").read_text()
        assert "Traceback" not in self.engine.log.read_text()

    def is_whole_after_restart(self) -> None:
        """Start it on a sound disk: what was answered is there, and the state is that of a replay."""
        assert self.engine.launch(), self.engine.log.read_text()[-500:]
        try:
            status = self.engine.status()
            self.engine.trade(1)
        finally:
            self.engine.end()
        found = {r.seq: r for chunk in read_journal(self.engine.data / "journal") for r in decode_records(chunk)}
        lost = [record.seq for record in self.answered if found.get(record.seq) != record]
        assert not lost, f"answered and lost: {lost}"
        recovered = recovery.recover(self.engine.data / "journal", self.engine.data / "none", UnsyncedDisk())
        recovered.core.check()
        assert recovered.core.seq >= status.seq

    def close(self) -> None:
        if hasattr(self.engine, "process"):
            self.engine.end()


def tries(tally: Tally, directory: Path, what: object, attempt: Callable[[Trial], None]) -> None:
    """Make one attempt in a fresh directory."""
    trial = Trial(directory)
    with tally.trying(what):
        attempt(trial)
    trial.close()


# --- 5 --------------------------------------------------------------------------------------------------


def sync_fails(scale: float, directory: Path) -> Tally:
    """Fail the n-th sync of a file, and the n-th of a directory."""
    tally = Tally()
    for n in spread(50, scale):
        tries(tally, directory, f"sync {n + 1}", partial(_end_at_fault, Faults(sync=n + 1), ()))
    for n in (1, 2):
        tries(tally, directory, f"directory sync {n}", partial(_directory_sync_fails, n))
    return tally


def sync_fails_in_the_kernel(scale: float, directory: Path) -> Tally:
    """The same, with the system call itself made to fail."""
    tally = Tally()
    if not _can_trace():
        tally.note = "no strace here: not tried"
        return tally
    for n in spread(50, scale):
        wrapper = _strace("fdatasync", f"error=EIO:when={n + 1}", directory)
        tries(tally, directory / "data", n + 1, partial(_end_at_fault, Faults(), wrapper))
    return tally


def _end_at_fault(faults: Faults, wrapper: Sequence[str], trial: Trial) -> None:
    if trial.engine.launch(faults, wrapper):
        trial.trade_until_it_ends()
    trial.ended_by_itself()
    trial.is_whole_after_restart()


def _directory_sync_fails(n: int, trial: Trial) -> None:
    """A directory is synced when a segment begins: at the first start, and at each one after."""
    for start in range(1, n + 1):
        served = trial.engine.launch(Faults(directory_sync=1 if start == n else 0))
        assert served == (start < n), f"start {start}"
        if served:
            trial.trade_until_it_ends()
            trial.engine.end()
    trial.ended_by_itself()
    trial.is_whole_after_restart()


# --- 6 --------------------------------------------------------------------------------------------------


def disk_full(scale: float, directory: Path) -> Tally:
    """Limit the size of files (RLIMIT_FSIZE): a short write, then an error; then make room."""
    tally = Tally()
    for limit in spread(200, scale):
        tries(tally, directory, f"{limit * 41} bytes", partial(_with_limit, limit * 41))
    return tally


def _with_limit(limit_bytes: int, trial: Trial) -> None:
    def set_limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))

    trial.engine.log = Path(os.devnull)  # the log is a file, too
    if trial.engine.launch(before=set_limit):
        trial.trade_until_it_ends()
    trial.ended_by_itself()
    trial.is_whole_after_restart()


def small_disk(scale: float, directory: Path) -> Tally:
    """Fill a file system of 64 KiB, let the engine end, make room, and go on."""
    tally = Tally()
    directory.mkdir(exist_ok=True)
    for n in range(times(10, scale)):
        mounted = ["mount", "-t", "tmpfs", "-o", f"size={(16 + n) * 4}k", "tmpfs", str(directory)]
        if subprocess.run(mounted, capture_output=True, check=False).returncode:
            tally.note = "mounting is not permitted here: not tried"
            return tally
        try:
            tries(tally, directory / "data", f"{(16 + n) * 4} KiB", partial(_fill, directory))
        finally:
            subprocess.run(["umount", str(directory)], check=True)
    return tally


def _fill(mounted_at: Path, trial: Trial) -> None:
    trial.engine.log = Path(os.devnull)
    if trial.engine.launch():
        trial.trade_until_it_ends(at_once=20)
    trial.ended_by_itself()
    subprocess.run(["mount", "-o", "remount,size=8m", str(mounted_at)], check=True)
    trial.is_whole_after_restart()


# --- 7 --------------------------------------------------------------------------------------------------


def write_lies(scale: float, directory: Path) -> Tally:
    """Acknowledge the n-th write and do not make it; the next start must refuse."""
    tally = Tally()
    for n in spread(50, scale):
        tries(tally, directory, n + 2, partial(_refused_after_lie, Faults(lie=n + 2), ()))
    return tally


def write_lies_in_the_kernel(scale: float, directory: Path) -> Tally:
    """The same, with the system call itself: it returns the length it was given, and writes nothing."""
    tally = Tally()
    if not _can_trace():
        tally.note = "no strace here: not tried"
        return tally
    for n in spread(50, scale):
        # An order's record is always as long, so the lie is the length that is expected.
        tries(tally, directory / "data", n + 1, partial(_lie_in_the_kernel, n + 1, directory))
    return tally


def _lie_in_the_kernel(n: int, directory: Path, trial: Trial) -> None:
    assert trial.engine.launch()
    trial.engine.register()
    sizes = [len(chunk) for chunk in _batches(trial, 2)]
    trial.engine.end()
    assert sizes[0] == sizes[1]
    segment = trial.engine.data / "journal" / f"journal-{trial.answered[-1].seq + 1:020d}.seg"
    wrapper = _strace("write", f"retval={sizes[0]}:when={n}", directory, "-P", str(segment))
    _refused_after_lie(Faults(), wrapper, trial)


def _batches(trial: Trial, count: int) -> list[bytes]:
    """Send orders one at a time; return the record of each."""
    trial.engine.sent = 1000
    for _ in range(count):
        trial.answered += trial.engine.trade(1)
    seqs = [record.seq for record in trial.answered[-count:]]
    return [b"".join(read_journal(trial.engine.data / "journal", seq, seq)) for seq in seqs]


def _refused_after_lie(faults: Faults, wrapper: Sequence[str], trial: Trial) -> None:
    assert trial.engine.launch(faults, wrapper)
    if not wrapper:
        trial.engine.register()
    for _ in range(ORDERS):
        trial.engine.trade(1)
    trial.engine.end()
    served = trial.engine.launch()
    assert not served, "started on a journal with a hole"
    assert trial.engine.said("engine_stopped", "CorruptJournal")


# --- strace ---------------------------------------------------------------------------------------------


def _can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


def _strace(call: str, fault: str, directory: Path, *more: str) -> tuple[str, ...]:
    directory.mkdir(parents=True, exist_ok=True)
    inject = ("-e", f"trace={call}", "-e", f"inject={call}:{fault}")
    return ("strace", "-f", "-qq", "-o", str(directory / "trace"), *more, *inject)
