"""The engine as a process: recover, then turn the loop until told to stop."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from engine.api.cursor import Cursor, journal_name
from engine.api.heartbeat import Heartbeat
from engine.api.ids import Seq
from engine.host import journal, recovery
from engine.host.clock import ExchangeClock
from engine.host.disk import Disk, UnsyncedDisk
from engine.host.links import listen
from engine.host.loop import Loop
from engine.host.ports import JournalPort
from engine.host.snapshot_writer import SnapshotWriter
from engine.standing import files
from engine.standing.standing import fold_to

TURN_S = 0.5
"""How long an idle turn waits before it looks whether to stop."""

STANDING_RECORDS_MAX = 10_000_000
"""Records taken for one standing: some six seconds, so that a clean stop does not wait for a whole journal."""

_log = structlog.get_logger()


class Config(msgspec.Struct, frozen=True):
    """Where the engine keeps its files, and how durable it is.

    ``durability``: ``fsync`` syncs every batch before anything leaves; ``none`` never syncs and is for
    measurements only.
    """

    data: Path
    durability: Literal["fsync", "none"] = "fsync"
    heartbeat_fd: int | None = None


class Process:
    """A recovered engine. :meth:`run` returns when :meth:`stop` was called; any fault leaves as an exception."""

    def __init__(
        self, loop: Loop, journal_writer: JournalPort, snapshots: SnapshotWriter, lock_fd: int, heartbeat: Heartbeat
    ) -> None:
        self._loop = loop
        self._snapshots = snapshots
        self._journal = journal_writer
        self._lock_fd = lock_fd
        self._heartbeat = heartbeat
        self._is_stopping = False

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until stopped; ``ready`` is called once commands are taken."""
        ready()
        while not self._is_stopping:
            self._heartbeat.ready(self._loop.durable_seq)
            self._loop.turn(TURN_S)
        self._loop.finish()
        self._snapshots.save()
        self.close()

    def stop(self) -> None:
        """End :meth:`run` after the turn in hand; safe to call from a signal handler."""
        self._is_stopping = True

    def close(self) -> None:
        """Close sockets and files and give up the journal's lock."""
        self._loop.close()
        self._journal.close()
        os.close(self._lock_fd)


def build(
    config: Config,
    disk: Disk | None = None,
    now_ns: Callable[[], int] = time.time_ns,
    open_journal: Callable[[Path, journal.Tail, Disk], JournalPort] = journal.Journal,
) -> Process:
    """Recover the engine in ``config.data`` and bind its socket; ``now_ns`` is what its clock reads.

    Raises: JournalLocked, CorruptJournal, Diverged, ForeignPart, OSError.
    """
    if config.durability == "none":
        _log.warning("durability_none", warning="an order acknowledged now may be lost: for measurements only")
    heartbeat = Heartbeat(config.heartbeat_fd)
    heartbeat.starting(0)
    disk = disk or (UnsyncedDisk() if config.durability == "none" else Disk())
    directory = config.data / "journal"
    lock_fd = journal.lock(directory)
    snapshots = config.data / "snapshots"
    standings = files.directory_of(config.data)
    for one in (directory, snapshots, standings):
        disk.remove_unfinished(one)
    recovered = recovery.recover(directory, snapshots, disk, heartbeat.starting)
    writer = open_journal(directory, recovered.tail, disk)
    files.check_all(standings, writer.identity)
    core = recovered.core
    _log.info(
        "recovered",
        journal=journal_name(writer.identity),
        seq=core.seq,
        replayed=recovered.replayed,
        torn_bytes=recovered.torn_bytes,
        fencing=writer.fencing,
        open_orders=core.open_orders,
    )
    clock = ExchangeClock(core.ts_ns, now_ns)
    listener = listen(config.data / "engine.sock")
    snapshot_writer = SnapshotWriter(
        snapshots, core, writer, clock, disk, recovered.snapshot_seq, partial(keep_standing, config.data, disk)
    )
    loop = Loop(core, writer, clock, listener, snapshot_writer, config.durability)
    return Process(loop, writer, snapshot_writer, lock_fd, heartbeat)


def keep_standing(data: Path, disk: Disk, seq: int) -> None:
    """Keep what stands after record ``seq``, for those who follow: the last such, and the records after it.

    At most STANDING_RECORDS_MAX are taken at a time; where there are more, a standing before ``seq`` is kept.
    Raises: OSError; EngineError when the journal's files do not lead there.
    """
    directory = files.directory_of(data)
    journal.make_private(directory)
    kept_seq = max((kept for kept in map(files.seq_of, files.list_standings(directory)) if kept <= seq), default=0)
    fold = fold_to(data, Cursor(Seq(min(seq, kept_seq + STANDING_RECORDS_MAX))))
    disk.publish(directory / files.name_of(fold.cursor.seq), fold.snapshot())
    files.drop_old(directory)
