"""The world: the whole engine and all who are connected to it, in one thread, and nothing that happens by itself.

The engine is the one :func:`engine.host.process.build` makes. What it stands on is the world's: the disk, the clock,
the order in which links are ready, and how much of what was sent has arrived. Bounds are small, so that segments are
closed, followers fall behind and snapshots are due within a few hundred commands.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import structlog

from engine.api.errors import CorruptJournal, JournalError
from engine.api.segment import segment_name
from engine.client import read_journal
from engine.host import process, recovery, snapshot
from engine.host.clock import ClockFault
from engine.host.core import Core
from engine.host.disk import Disk
from engine.host.journal import Journal, Tail
from engine.host.snapshot_writer import SnapshotWriter
from tests.simulation.clients import Gateway, Watcher
from tests.simulation.clock import Clock
from tests.simulation.faults import Crash, FaultyDisk
from tests.simulation.late_journal import LateJournal
from tests.simulation.lines import Line, Switchboard
from tests.simulation.oracle import Oracle

TIMED = ("client.follow", "client.submit", "host.links", "host.snapshot_writer")
"""Modules that read the time for themselves."""


class ForegroundSnapshots(SnapshotWriter):
    """Writes a snapshot itself where the engine would have a copy of its process do it."""

    def begin(self) -> None:
        self.save()


class ShuffledSelector(selectors.DefaultSelector):
    """Reports what is ready in the order of the dice, not of the kernel."""

    dice = Random()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = {key.fd: (key, mask) for key, mask in super().select(timeout)}
        in_order = [ready[fd] for fd in self.get_map() if fd in ready]
        self.dice.shuffle(in_order)
        return in_order


class World:
    """Everything there is. ``engine`` is None while it is down."""

    def __init__(self, data: Path, seed: int) -> None:
        self.data = data
        self.rng = Random(f"{seed} steps")
        self.clock = Clock(Random(f"{seed} clock"))
        self.disk = FaultyDisk(data, Random(f"{seed} disk"))
        self.oracle = Oracle(self.disk, self.clock)
        self.board = Switchboard(data / "engine.sock", Random(f"{seed} lines"))
        self.engine: process.Process | None = None
        self.gateways: list[Gateway] = []
        self.zombies: list[Gateway] = []
        """Gateways that another one of the same name has replaced, and that do not know it yet."""
        self.watchers: list[Watcher] = []
        self.strays: list[Line] = []
        self._born = 0
        self._is_late = self.rng.random() < 0.5
        """The journal completes later than it is told."""

    # --- who is there -----------------------------------------------------------------------------------

    def add_gateway(self, name: str) -> Gateway:
        self._born += 1
        gateway = Gateway(self.data, name, self._born, self.board, self.oracle)
        self.gateways.append(gateway)
        return gateway

    def add_watcher(self) -> None:
        self._born += 1
        from_seq = self.rng.choice((1, 1 + len(self.oracle.records), self.rng.randint(1, 1 + len(self.oracle.records))))
        self.watchers.append(Watcher(self.data, f"watcher-{self._born}", from_seq, self.oracle))

    def followers(self) -> list[Watcher]:
        """List all who follow."""
        return [*self.watchers, *(gateway.follower for gateway in (*self.gateways, *self.zombies))]

    def leave(self) -> None:
        """Close everything, however it stands."""
        clients: list[Gateway | Watcher | Line] = [*self.gateways, *self.zombies, *self.watchers, *self.strays]
        for client in clients:
            client.close()
        if self.engine is not None:
            self.end()

    # --- the engine's life ------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the engine; a fault armed for this moment may end it again."""
        assert self.engine is None
        self.disk.make_room()
        self.recover()

    def recover(self) -> None:
        """Start the engine on the disk as it is."""
        self.disk.failed.clear()
        before = _descriptors()
        try:
            self.engine = process.build(process.Config(self.data), self.disk, self.clock.now_ns, self._open_journal)
        except (Crash, JournalError, OSError, ClockFault) as error:
            self._release(before)
            self._judge(error)
        else:
            assert not self.disk.has_failed, "it started although the journal could not be synced"
            self.oracle.note("started")
            self._judge_what_was_not_read()
            self.oracle.recovered(self.core, b"".join(read_journal(self.data / "journal")))

    def _open_journal(self, directory: Path, tail: Tail, disk: Disk) -> Journal:
        return LateJournal(directory, tail, disk, self.rng) if self._is_late else Journal(directory, tail, disk)

    @property
    def core(self) -> Core:
        assert self.engine is not None
        return self.engine._loop._core

    @property
    def durable_seq(self) -> int:
        """The last seq the engine has published."""
        assert self.engine is not None
        return self.engine._loop._egress.durable_seq

    def turn(self) -> None:
        """Let the engine turn once, and judge how it ended if it did."""
        assert self.engine is not None
        self.disk.failed.clear()
        published, stood_at, was_settled = self.durable_seq, self.core.seq, self.engine._loop._is_settled
        try:
            try:
                self.engine._loop.turn(0)
            finally:
                self.oracle.stamped(stood_at + 1, self.core.seq)
        except (Crash, JournalError, ClockFault) as error:
            # A snapshot, which may also be what it ends in, comes after its records were published.
            self.oracle.falls_silent(published if isinstance(error, JournalError) else self.durable_seq)
            self.end()
            self._judge(error)
            return
        assert not self.disk.has_failed, f"it went on although {self.disk.failed[0].name} could not be made durable"
        assert not self.clock.is_wrong or self.core.seq == stood_at, "it stamped a record with an impossible time"
        is_due = 0 < self.core.next_due_ns <= self.clock.now_ns()
        assert not is_due or not was_settled, "something is due and it went on to wait"
        if self.core.seq != stood_at:
            self.core.check()

    def stop(self) -> None:
        """Stop the engine as SIGTERM does, with a last snapshot."""
        assert self.engine is not None
        self.engine.stop()
        try:
            self.engine.run(lambda: None)
        except Crash as crash:
            self.end()
            self._judge(crash)
        self.engine = None

    def end(self) -> None:
        """End the engine's process: the kernel closes what it held, and no more is done."""
        assert self.engine is not None
        self.engine.close()
        self.engine = None

    def crash(self, is_power_cut: bool) -> None:
        """End it at rest, between two turns."""
        self.end()
        self._judge(Crash(is_power_cut))

    def cut_power(self) -> None:
        """Cut the power of the disk. Clients live on, but nobody goes on reading a file that he has open."""
        self.disk.cut_power()
        self._forget_files()

    def _release(self, before: set[int]) -> None:
        """Close what a start that failed had open, as the end of its process would."""
        gc.collect()
        for fd in _descriptors() - before:
            with contextlib.suppress(OSError):
                os.close(fd)

    def _judge(self, error: BaseException) -> None:
        """Check that the engine had reason to end so, and do what comes with it."""
        self.oracle.note("ended", type(error).__name__)
        self.oracle.counts[f"ended: {type(error).__name__}"] += 1
        if isinstance(error, Crash):
            self.oracle.note(str(error))
            if error.is_power_cut:
                self.cut_power()
        elif isinstance(error, ClockFault):
            assert self.clock.is_wrong, f"the clock was right: {error}"
        elif isinstance(error, CorruptJournal):
            self._judge_refusal(error)
        else:
            assert self.disk.has_failed, f"nothing has failed: {type(error).__name__}: {error}"

    def _judge_refusal(self, error: CorruptJournal) -> None:
        """A journal is refused for the lie it holds; then it is put in order from a copy."""
        lie = self.disk.lie
        assert lie is not None, f"a sound journal was refused: {error}"
        is_named = error.segment == "journal" or lie.path.name in str(error)
        assert is_named, f"the lie is in {lie.path.name}: {error}"
        self.oracle.note("lie refused")
        self._own_up()

    def _judge_what_was_not_read(self) -> None:
        """A lie that a start bears is one nobody was told of, or stands before the segment of the newest snapshot."""
        lie = self.disk.lie
        if lie is None:
            return
        if lie.first_seq > len(self.oracle.records) and self.core.seq < lie.first_seq:
            self.disk.lie = None
            return
        is_found_by_verify(self.disk.journal, lie.path, lie.offset)
        self.oracle.note("lie found by verify")
        self._own_up()

    def _own_up(self) -> None:
        self.disk.own_up()
        self._forget_files()

    def _forget_files(self) -> None:
        for follower in self.followers():
            follower.forget_files()


def is_found_by_verify(journal: Path, path: Path, at: int) -> None:
    """Check that damage which a start has no need to read is found by who looks for it."""
    newest = snapshot.read_heads(journal.parent / "snapshots")[-1]
    assert path.name < segment_name(newest.place.segment_first_seq), f"{path.name}, byte {at}: not noticed"
    try:
        list(recovery.verify(journal))
    except CorruptJournal as found:
        assert path.name in str(found), f"{path.name}, byte {at}: {found}"
    else:
        raise AssertionError(f"{path.name}, byte {at}: not found")


def _descriptors() -> set[int]:
    """List what this process has open, without the descriptor that listing takes."""
    return {int(path.name) for path in list(Path("/proc/self/fd").iterdir()) if os.path.lexists(path)}


@contextlib.contextmanager
def installed(world: World) -> Iterator[None]:
    """Put the world in place of time, links and bounds; log lines become part of the trace."""
    rng = Random(world.rng.random())
    ShuffledSelector.dice = Random(rng.random())

    def note(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        world.oracle.note(f"log {event['event']}")
        raise structlog.DropEvent

    bounds = {
        "engine.host.journal.SEGMENT_BYTES_MAX": rng.choice((2_000, 10_000, 40_000)),
        "engine.host.egress.RING_BYTES_MAX": rng.choice((1_000, 4_000, 30_000)),
        "engine.host.egress.FOLLOWER_BACKLOG_BYTES_MAX": rng.choice((1_000, 4_000, 100_000)),
        "engine.host.links.SOCKET_BUFFER_BYTES": rng.choice((2_304, 8_000)),
        "engine.host.loop.LINK_READ_BYTES": rng.choice((100, 1_000, 10_000)),
        "engine.host.loop.LINKS_MAX": rng.choice((16, 30)),
        **dict.fromkeys(
            ("engine.client.follow.CHUNK_BYTES", "engine.client.journal.CHUNK_BYTES"), rng.choice((500, 4_000))
        ),
        "engine.client.submit.INFLIGHT_MAX": rng.choice((20, 100)),
        "engine.client.follow.connect": world.board.connect,
        "engine.host.process.SnapshotWriter": ForegroundSnapshots,
        "engine.host.loop.selectors.DefaultSelector": ShuffledSelector,
        **{
            f"engine.{module}.time": world.clock
            for module in ("client.follow", "client.submit", "host.links", "host.snapshot_writer")
        },
    }
    before = structlog.get_config()
    with contextlib.ExitStack() as stack:
        for name, value in bounds.items():
            stack.enter_context(mock.patch(name, value))
        stack.enter_context(mock.patch.object(snapshot, "SNAPSHOT_EVERY", rng.choice((30, 100, 400))))
        structlog.configure(processors=[note])
        stack.callback(structlog.configure, **before)
        yield
