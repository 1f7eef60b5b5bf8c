"""A disk whose power can be cut: it knows at every moment what would survive.

The files are real ones, and what is read back is read from them. Beside them this disk remembers, for each file the
bytes that were synced, and for each directory the names that were. A cut throws away the rest, or part of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

from engine.api.segment import SEGMENT_HEADER_BYTES
from engine.api.wire import HEADER, HEADER_BYTES, crc32c
from engine.host.disk import Disk

SECTOR_BYTES = 512


def sound_records(segment: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield seq, place in its batch and end of the records of a segment, up to the first that is not sound."""
    start, following = SEGMENT_HEADER_BYTES, 0
    while len(segment) - start >= HEADER_BYTES:
        length, crc, seq, *_, batch_index, _ = HEADER.unpack_from(segment, start)
        end = start + length
        if length < HEADER_BYTES or end > len(segment) or crc32c(segment[start + 8 : end]) != crc:
            return
        if following and seq != following:
            return
        yield seq, batch_index, end
        start, following = end, seq + 1


class PoweredDisk(Disk):
    """The disk under ``data``.

    Files have numbers of our own, since the system gives the number of a removed file to the next one.
    """

    def __init__(self, data: Path, rng: Random) -> None:
        self._rng = rng
        self.journal, self.snapshots = data / "journal", data / "snapshots"
        self._number_of: dict[int, int] = {}
        """Inode -> number."""
        self._synced: dict[int, bytes] = {}
        """Number -> the bytes that survive."""
        self._dropped: dict[int, tuple[int, int]] = {}
        """Number -> the bytes a failed sync left in memory as if they had been written: no later sync writes them."""
        self._names: dict[Path, dict[str, int]] = {self.journal: {}, self.snapshots: {}}
        """Directory -> the names that survive, and the file each means."""
        self._markers = [b""]
        """Every content ``DURABLE`` has had: the system may have written any of them by itself."""

    # --- what the engine calls --------------------------------------------------------------------------

    def open_append(self, path: Path) -> int:
        is_new = not path.exists()
        fd = super().open_append(path)
        if is_new:
            self._adopt(os.fstat(fd).st_ino, b"")
        return fd

    def sync(self, fd: int) -> None:
        self._note_marker()
        number, raw = self._number_of[os.fstat(fd).st_ino], bytearray(Path(f"/proc/self/fd/{fd}").read_bytes())
        first, end = self._dropped.get(number, (0, 0))
        raw[first:end] = bytes(len(raw[first:end]))
        self._synced[number] = bytes(raw)

    def sync_directory(self, directory: Path) -> None:
        self._names[directory] = self._listing(directory)

    # --- what the world asks ----------------------------------------------------------------------------

    def durable_seq(self) -> int:
        """Return the last seq that would survive a cut."""
        names = self._names[self.journal]
        for name in sorted(names, reverse=True):
            seqs = list(sound_records(self._synced[names[name]]))
            if seqs:
                return seqs[-1][0]
        return 0

    def drop_unsynced(self, fd: int) -> None:
        """Let a sync fail the way Linux lets it: the bytes can still be read, and are never written."""
        number = self._number_of[os.fstat(fd).st_ino]
        self._dropped[number] = len(self._synced[number]), os.fstat(fd).st_size

    def overwrite(self, path: Path, content: bytes) -> None:
        """Put back what a file should hold, durably."""
        path.write_bytes(content)
        self._synced[self._number_of[path.stat().st_ino]] = content

    def cut_power(self) -> None:
        """Lose what was not synced: names one by one, bytes sector by sector."""
        self._note_marker()
        for directory in self._names:
            self._lay(directory, self._survivors(directory))
        marker = self._rng.choice((self._markers[-1], self._rng.choice(self._markers[-9:]), b""))
        (self.journal / "DURABLE").write_bytes(marker)
        self._markers = [marker]

    # --- inside -----------------------------------------------------------------------------------------

    def _adopt(self, inode: int, synced: bytes) -> int:
        number = len(self._synced)
        self._number_of[inode], self._synced[number] = number, synced
        return number

    def _listing(self, directory: Path) -> dict[str, int]:
        if not directory.exists():
            return {}
        inodes = {path.name: path.stat().st_ino for path in sorted(directory.iterdir())}
        return {name: self._number_of[inode] for name, inode in inodes.items() if name not in ("LOCK", "DURABLE")}

    def _note_marker(self) -> None:
        path = self.journal / "DURABLE"
        raw = path.read_bytes() if path.exists() else b""
        if raw != self._markers[-1]:
            self._markers.append(raw)

    def _survivors(self, directory: Path) -> dict[str, bytes]:
        live, named = self._listing(directory), self._names[directory]
        survivors = {}
        for name in sorted(live.keys() | named.keys()):
            number = self._rng.choice((live.get(name), named.get(name)))
            if number is None:
                continue
            synced = self._synced[number]
            is_live = live.get(name) == number
            survivors[name] = self._torn(synced, (directory / name).read_bytes()) if is_live else synced
        return survivors

    def _lay(self, directory: Path, contents: dict[str, bytes]) -> None:
        for name in self._listing(directory):
            (directory / name).unlink()
        names = {}
        for name, content in contents.items():
            (directory / name).write_bytes(content)
            names[name] = self._adopt((directory / name).stat().st_ino, content)
        self._names[directory] = names

    def _torn(self, synced: bytes, live: bytes) -> bytes:
        """Decide what is left of a file; bytes that were synced always are."""
        if not live.startswith(synced):
            return self._rng.choice((synced, live))
        size = self._rng.choice((len(synced), len(live), self._rng.randint(len(synced), len(live))))
        content = bytearray(live[:size])
        if self._rng.random() < 0.5:
            return bytes(content)
        for start in range(len(synced) // SECTOR_BYTES * SECTOR_BYTES, size, SECTOR_BYTES):
            first, end = max(start, len(synced)), min(start + SECTOR_BYTES, size)
            content[first:end] = self._sector(bytes(content[first:end]), synced)
        return bytes(content)

    def _sector(self, written: bytes, synced: bytes) -> bytes:
        """Decide what an unsynced sector holds: what was written, nothing, older bytes, or noise."""
        match self._rng.choice(("written", "written", "zeros", "stale", "noise")):
            case "zeros":
                return bytes(len(written))
            case "stale" if len(synced) >= len(written):
                at = self._rng.randint(0, len(synced) - len(written))
                return synced[at : at + len(written)]
            case "noise":
                return self._rng.randbytes(len(written))
        return written
