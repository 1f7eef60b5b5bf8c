"""What goes wrong with disks: operations that fail, lie, or are the last; and bits that flip at rest."""

from __future__ import annotations

import errno
import os
from enum import Enum, auto
from pathlib import Path
from random import Random

import msgspec

from engine.api.durable import read_marker
from engine.api.segment import SEGMENT_HEADER_BYTES, list_segments
from engine.host import snapshot
from tests.simulation.disk import PoweredDisk, sound_records


class Crash(BaseException):
    """The engine ends here, whatever it was doing. No handler of the engine's may stop it."""

    def __init__(self, is_power_cut: bool) -> None:
        super().__init__("power cut" if is_power_cut else "kill -9")
        self.is_power_cut = is_power_cut


class Fault(Enum):
    """What can be armed, to happen some operations later."""

    SYNC_FAILS = auto()
    DIRECTORY_SYNC_FAILS = auto()
    DISK_FULL = auto()
    """Part of a write is made, then there is no space until :meth:`FaultyDisk.make_room`."""
    SHORT_WRITE = auto()
    """Part of a write is made; the rest may follow."""
    LYING_WRITE = auto()
    """Records are acknowledged and never written."""
    KILL = auto()
    POWER_CUT = auto()


_OPERATIONS = {
    Fault.SYNC_FAILS: ("sync",),
    Fault.DIRECTORY_SYNC_FAILS: ("sync_directory",),
    Fault.DISK_FULL: ("write",),
    Fault.SHORT_WRITE: ("write",),
    Fault.LYING_WRITE: ("records",),
    Fault.KILL: ("write", "sync", "sync_directory"),
    Fault.POWER_CUT: ("write", "sync", "sync_directory"),
}
"""Which operations count toward the one that is hit; ``records`` are writes into a segment after its header."""


class Lie(msgspec.Struct, frozen=True):
    """Records that were acknowledged and not written: where they belong, and how they are numbered."""

    path: Path
    offset: int
    records: bytes
    first_seq: int


class FaultyDisk(PoweredDisk):
    """A disk that fails as armed, one fault at a time."""

    def __init__(self, data: Path, rng: Random) -> None:
        super().__init__(data, rng)
        self.armed: Fault | None = None
        self._operations_left = 0
        self._is_full = False
        self.failed: list[Path] = []
        """Files and directories whose operation ended in an error since the world last looked."""
        self.lie: Lie | None = None

    def arm(self, fault: Fault) -> None:
        """Let ``fault`` happen soon."""
        self.armed = fault
        self._operations_left = self._rng.choice((1, 1, 2, 3, 5, 8))

    def make_room(self) -> None:
        """Free space on a full disk; forget what was armed."""
        self._is_full = False
        self.armed = None

    @property
    def has_failed(self) -> bool:
        """Tell whether an operation on the journal ended in an error: that must end the engine."""
        return any(path == self.journal or path.parent == self.journal for path in self.failed)

    # --- operations -------------------------------------------------------------------------------------

    def write(self, fd: int, data: bytes) -> int:
        path = _path_of(fd)
        is_records = path.parent == self.journal and os.fstat(fd).st_size >= SEGMENT_HEADER_BYTES
        if self._is_full:
            self._fail(path, errno.ENOSPC)
        some = self._rng.randrange(len(data))
        match self._due("write", *(["records"] if is_records else [])):
            case Fault.DISK_FULL | Fault.SHORT_WRITE as fault:
                self._is_full = fault is Fault.DISK_FULL
                return super().write(fd, data[:some])
            case Fault.LYING_WRITE:
                first_seq = int.from_bytes(data[8:16], "little")
                self.lie = Lie(path, os.fstat(fd).st_size, data, first_seq)
                return len(data)
            case Fault.KILL | Fault.POWER_CUT as fault:
                super().write(fd, data[: self._rng.choice((0, some, len(data)))])
                raise Crash(fault is Fault.POWER_CUT)
        return super().write(fd, data)

    def sync(self, fd: int) -> None:
        match self._due("sync"):
            case Fault.SYNC_FAILS:
                if self._rng.random() < 0.5:
                    self.drop_unsynced(fd)
                self._fail(_path_of(fd), errno.EIO)
            case Fault.KILL | Fault.POWER_CUT as fault:
                if self._rng.random() < 0.5:
                    super().sync(fd)
                raise Crash(fault is Fault.POWER_CUT)
        super().sync(fd)

    def sync_directory(self, directory: Path) -> None:
        match self._due("sync_directory"):
            case Fault.DIRECTORY_SYNC_FAILS:
                self._fail(directory, errno.EIO)
            case Fault.KILL | Fault.POWER_CUT as fault:
                if self._rng.random() < 0.5:
                    super().sync_directory(directory)
                raise Crash(fault is Fault.POWER_CUT)
        super().sync_directory(directory)

    # --- inside -----------------------------------------------------------------------------------------

    def _due(self, *operations: str) -> Fault | None:
        """Count an operation; return the fault that hits it."""
        if self.armed is None or not set(operations) & set(_OPERATIONS[self.armed]):
            return None
        self._operations_left -= 1
        if self._operations_left:
            return None
        fault, self.armed = self.armed, None
        return fault

    def _fail(self, path: Path, number: int) -> None:
        self.failed.append(path)
        raise OSError(number, os.strerror(number))

    def own_up(self) -> None:
        """Put the records of the lie where they belong, as from a copy of the journal."""
        assert self.lie is not None
        raw = self.lie.path.read_bytes()
        self.overwrite(self.lie.path, raw[: self.lie.offset] + self.lie.records + raw[self.lie.offset :])
        self.lie = None


def _path_of(fd: int) -> Path:
    return Path(f"/proc/self/fd/{fd}").readlink()


class Flip(msgspec.Struct, frozen=True):
    """One bit of a file at rest. ``is_read`` tells whether the next start reads it."""

    path: Path
    at: int
    bit: int
    is_read: bool = True

    def apply(self, sound: bytes) -> bytes:
        """Flip the bit in what the file holds; return what it holds then."""
        raw = bytearray(sound)
        raw[self.at] ^= 1 << self.bit
        self.path.write_bytes(raw)
        return bytes(raw)


def choose_flip(journal: Path, snapshots: Path, rng: Random) -> Flip | None:
    """Choose a bit of a segment that was proven durable, None when there is none to be had."""
    segments = list_segments(journal)
    if not segments or segments[-1].stat().st_size < SEGMENT_HEADER_BYTES:
        return None
    heads = snapshot.read_heads(snapshots)
    proven_seq = max([read_marker(journal).seq, *(head.seq for head in heads)])
    path = rng.choice((segments[-1], segments[-1], rng.choice(segments)))
    size = path.stat().st_size if path != segments[-1] else _proven_bytes(path, proven_seq)
    start = segments[0].name
    if heads:
        start = f"journal-{heads[-1].place.segment_first_seq:020d}.seg"
    return Flip(path, rng.randrange(size), rng.randrange(8), path.name >= start)


def _proven_bytes(path: Path, proven_seq: int) -> int:
    """Find how far the last segment is proven: by a number kept elsewhere, or by a later batch in it."""
    proven = start = SEGMENT_HEADER_BYTES
    for seq, batch_index, end in sound_records(path.read_bytes()):
        if seq <= proven_seq:
            proven = end
        elif batch_index == 0:
            proven = start
        start = end
    return proven


def choose_snapshot_flip(snapshots: Path, rng: Random) -> Flip | None:
    """Choose a bit of a snapshot, most likely the newest."""
    paths = snapshot.list_snapshots(snapshots)
    if not paths:
        return None
    path = rng.choice((paths[-1], rng.choice(paths)))
    return Flip(path, rng.choice((rng.randrange(88), rng.randrange(path.stat().st_size))), rng.randrange(8))
