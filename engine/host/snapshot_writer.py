"""When a snapshot is due, a copy of the process writes it while matching goes on (RPL-20, RPL-22).

``fork`` gives the child the state as of the last durable record, shared until one side changes a page. So the
loop stands still only while the page tables are copied: about 15 us for each MiB the process holds.

The child, before anything else, lets go of every descriptor it inherited: the journal's lock, the listener and
the links must end with the engine, not with the snapshot. It takes no signal handler's word, never returns to the
loop, and leaves by ``os._exit`` with an errno. When the engine is killed meanwhile, the child finishes a snapshot
that is as good as any, or finds its temporary file removed by the next start; either way it ends.

After the snapshot the child keeps what followers start from (``keep_standing``): that is read from the journal alone.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import structlog

from engine.api.errors import EngineError
from engine.host import snapshot
from engine.host.clock import ExchangeClock
from engine.host.core import Core
from engine.host.disk import Disk
from engine.host.journal import Place
from engine.host.ports import JournalPort

CHILD_S_MAX = 120.0
"""A child that takes longer is killed: its disk is of no use, and its pages cost memory."""

ORPHAN_S = 5
"""How much longer a child lives by itself, should the engine no longer be there to kill it."""

STOP_WAIT_S_MAX = 2.0
"""How long a clean stop waits for the child before it writes by itself."""

RETRY_S = 60.0
"""Pause between a snapshot that failed and the next attempt."""

NICENESS = 5
"""The child yields the processor to the engine where they have to share one."""

DESCRIPTORS = 1 << 16
"""Descriptors the child closes at least, where the system names no limit."""

_UNKNOWN = 255
"""Exit code of a child that failed for another reason than the disk's."""

_log = structlog.get_logger()


class SnapshotWriter:
    """Keeps the snapshots of a running engine up to date. Call :meth:`turn` between two batches.

    Invariant: at most one child at a time; what a child or :meth:`save` writes is durable in the journal.
    """

    def __init__(
        self,
        directory: Path,
        core: Core,
        journal: JournalPort,
        clock: ExchangeClock,
        disk: Disk,
        taken_seq: int,
        keep_standing: Callable[[int], None] = lambda seq: None,
    ) -> None:
        self._directory = directory
        self._core = core
        self._journal = journal
        self._clock = clock
        self._disk = disk
        self._keep_standing = keep_standing
        self._taken_seq, self._taken_ns = taken_seq, core.ts_ns or clock.read()
        self._not_before = 0.0
        self.child = 0
        """Process id of the child that writes, 0 when there is none."""
        self._child_seq = self._child_ns = 0
        self._child_began = 0.0

    def turn(self, is_settled: bool = True) -> None:
        """Begin a snapshot when one is due, or see what became of the one begun. Never waits. Raises: ClockFault.

        None is begun unless ``is_settled``: all that the core has applied is durable.
        """
        if self.child:
            self._look_after_child()
        elif is_settled and self.is_due():
            self.begin()

    def begin(self) -> None:
        """Begin a snapshot, due or not; there must be no child."""
        assert not self.child, "two children at a time"
        began = time.perf_counter_ns()
        place = self._journal.place
        try:
            child = os.fork()
        except OSError as error:
            self._failed(f"no process for it: {error}")
            return
        if child == 0:
            self._write_and_leave(place)
        self.child, self._child_began = child, time.monotonic()
        self._child_seq, self._child_ns = self._core.seq, self._core.ts_ns
        _log.info("snapshot_begun", seq=self._child_seq, pid=child, pause_us=(time.perf_counter_ns() - began) // 1000)

    def save(self) -> None:
        """Write a snapshot now and here, as a clean stop does; a failure is logged, not fatal."""
        self._end_child()
        if self._core.seq in (0, self._taken_seq):
            return
        try:
            snapshot.write(self._directory, self._core, self._journal.place, self._disk)
        except OSError as error:
            self._failed(str(error))
            return
        self._taken(self._core.seq, self._core.ts_ns, 0)
        try:
            self._keep_standing(self._core.seq)
        except (OSError, EngineError) as error:
            _log.error("standing_not_kept", reason=str(error))

    def is_due(self) -> bool:
        """Tell whether a snapshot should be begun. Raises: ClockFault."""
        since = self._core.seq - self._taken_seq
        if self.child or not since or time.monotonic() < self._not_before:
            return False
        age_ns = self._clock.read() - self._taken_ns
        return since >= snapshot.SNAPSHOT_EVERY or age_ns >= snapshot.SNAPSHOT_EVERY_NS

    def _write_and_leave(self, place: Place) -> NoReturn:
        """Be the child."""
        code = _UNKNOWN
        try:
            _let_go_of_descriptors()
            os.nice(NICENESS)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, CHILD_S_MAX + ORPHAN_S)
            snapshot.write(self._directory, self._core, place, self._disk)
            self._keep_standing(self._core.seq)
            code = 0
        except OSError as error:
            code = error.errno or _UNKNOWN
        finally:
            os._exit(code)

    def _look_after_child(self) -> None:
        ended, status = os.waitpid(self.child, os.WNOHANG)
        if ended:
            self._child_ended(os.waitstatus_to_exitcode(status))
        elif time.monotonic() - self._child_began > CHILD_S_MAX:
            os.kill(self.child, signal.SIGKILL)

    def _child_ended(self, code: int) -> None:
        took_ms = int((time.monotonic() - self._child_began) * 1000)
        self.child = 0
        is_taken = (self._directory / snapshot.name_of(self._child_seq)).exists()
        if not is_taken:
            self._failed(_reason(code))
            return
        if code:
            _log.error("standing_not_kept", reason=_reason(code))
        self._taken(self._child_seq, self._child_ns, took_ms)

    def _failed(self, reason: str) -> None:
        self._not_before = time.monotonic() + RETRY_S
        self._disk.remove_unfinished(self._directory)
        snapshot.drop_old(self._directory)
        _log.error("snapshot_failed", reason=reason)

    def _taken(self, seq: int, ts_ns: int, child_ms: int) -> None:
        self._taken_seq, self._taken_ns = seq, ts_ns
        snapshot.drop_old(self._directory)
        _log.info("snapshot_taken", path=snapshot.name_of(seq), seq=seq, child_ms=child_ms)

    def _end_child(self) -> None:
        """Wait for the child, but not long; then kill it."""
        deadline = time.monotonic() + STOP_WAIT_S_MAX
        while self.child:
            if time.monotonic() > deadline:
                os.kill(self.child, signal.SIGKILL)
            time.sleep(0.01)
            self._look_after_child()


def _let_go_of_descriptors() -> None:
    """Close all that was inherited; what the child might still say goes nowhere."""
    os.closerange(3, max(os.sysconf("SC_OPEN_MAX"), DESCRIPTORS))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)


def _reason(code: int) -> str:
    if code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return "its process failed" if code == _UNKNOWN else os.strerror(code)
