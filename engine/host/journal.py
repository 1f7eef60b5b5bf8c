"""The journal: one directory, one writer, one atomic record per command.

Bytes of a segment are drawn in :mod:`engine.api.segment`, of a record in :mod:`engine.api.wire`. Beside the
segments lie two small files:

- ``LOCK``: held with flock by the one engine that writes here;
- ``DURABLE``, drawn in :mod:`engine.api.durable`, rewritten after every sync. It is never itself synced, so it may lag
  after a power cut, but it cannot lead: a record up to it that does not read back is corruption, never a torn write.

A batch is one ``write`` and one ``fdatasync``; only then do its records leave the engine (DRV-02). A failed
write or sync ends the process: there is no retry that could be trusted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from pathlib import Path

import msgspec

from engine.api.durable import Marker
from engine.api.errors import JournalError, JournalLocked
from engine.api.limits import SEGMENT_BYTES_MAX
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from engine.host.disk import Disk

LOCK_WAIT_S_MAX = 0.5
"""An engine killed just as it began a snapshot leaves a child that holds the lock until it has closed it."""


class Place(msgspec.Struct, frozen=True):
    """Where the next record goes: in which journal, the segment named by its first seq, and the byte offset in it."""

    journal: int
    segment_first_seq: int
    offset: int


class Tail(msgspec.Struct, frozen=True):
    """What a recovered journal ends with, and so what the next segment must chain to."""

    journal: int
    epoch: int
    fencing: int
    last_seq: int
    last_crc: int
    last_sha256: bytes


def lock(directory: Path) -> int:
    """Take the journal directory for this process; the lock goes with the process.

    Raises: JournalLocked when another still holds it after LOCK_WAIT_S_MAX.
    """
    make_private(directory)
    fd = os.open(directory / "LOCK", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_WAIT_S_MAX
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            if time.monotonic() > deadline:
                os.close(fd)
                raise JournalLocked(f"another engine holds {directory}") from None
        time.sleep(0.01)


def make_private(directory: Path) -> None:
    """Make a directory of the engine's own, which nobody else can look into."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)


class Journal:
    """The writing end. Create it only on a directory that is locked and recovered.

    Every start begins a segment of its own, whose fencing number is one above the last: a writer that was
    replaced can be told from its successor by any record's segment.
    """

    def __init__(self, directory: Path, tail: Tail, disk: Disk) -> None:
        self._directory = directory
        self._disk = disk
        self._fd = -1
        self._size = 0
        self._sha256 = hashlib.sha256()
        self.identity = tail.journal
        self.epoch = tail.epoch
        self.fencing = tail.fencing + 1
        self.durable_seq = tail.last_seq
        self.last_crc = tail.last_crc
        self._segment_first_seq = 0
        self._durable_fd = os.open(directory / "DURABLE", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        self._begin_segment(tail.last_sha256)
        self._mark_durable()

    @property
    def place(self) -> Place:
        """Where the next record goes."""
        return Place(self.identity, self._segment_first_seq, self._size)

    def append(self, records: bytes, last_seq: int, last_crc: int) -> None:
        """Write a batch of records and make it durable. Raises: JournalError; the process must then end."""
        if self._size >= SEGMENT_BYTES_MAX:
            self._begin_segment(self._sha256.digest())
        try:
            self._disk.write_all(self._fd, records)
            self._disk.sync(self._fd)
        except OSError as error:
            raise JournalError(f"the journal could not be made durable: {error}") from error
        self._sha256.update(records)
        self._size += len(records)
        self.durable_seq, self.last_crc = last_seq, last_crc
        self._mark_durable()

    def complete(self) -> None:
        """Do nothing: what was appended is durable."""

    def fileno(self) -> None:
        """Return nothing to wait for: an append is complete when it returns."""

    def close(self) -> None:
        """Close the files. Nothing is written: every batch is durable already."""
        os.close(self._fd)
        os.close(self._durable_fd)

    def _begin_segment(self, prev_sha256: bytes) -> None:
        first_seq = self.durable_seq + 1
        header = SegmentHeader(self.identity, self.epoch, self.fencing, first_seq, self.last_crc, prev_sha256).encode()
        path = self._directory / segment_name(first_seq)
        try:
            self._disk.publish(path, header)
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = self._disk.open_append(path)
        except OSError as error:
            raise JournalError(f"no new segment could be made: {error}") from error
        self._sha256 = hashlib.sha256(header)
        self._size = SEGMENT_HEADER_BYTES
        self._segment_first_seq = first_seq

    def _mark_durable(self) -> None:
        os.pwrite(self._durable_fd, Marker(self.identity, self.durable_seq).encode(), 0)
