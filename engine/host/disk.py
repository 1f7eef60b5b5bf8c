"""The few file operations durability rests on, behind one object that tests can make fail."""

from __future__ import annotations

import os
from pathlib import Path

SYNC_BYTES = 1 << 20
"""A large file is synced each time so much has been written: the journal's own sync, which comes between, then never
waits for all of it."""


class Disk:
    """The real disk. Every method may raise OSError; the engine never retries a failed sync."""

    def open_append(self, path: Path) -> int:
        """Open or create ``path`` for appending; return its descriptor."""
        return os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes) -> int:
        """Write some bytes; return how many the kernel took."""
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        """Make what was written durable."""
        os.fdatasync(fd)

    def sync_directory(self, directory: Path) -> None:
        """Make creations, renames and removals in ``directory`` durable."""
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def publish(self, path: Path, *content: bytes) -> None:
        """Create ``path`` with ``content`` durably and at once: temporary file, sync, rename, directory sync.

        The temporary file bears the number of the process, so that two never write the same one.
        """
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        fd = self.open_append(temporary)
        try:
            for part in content:
                for start in range(0, len(part), SYNC_BYTES):
                    self.write_all(fd, part[start : start + SYNC_BYTES])
                    self.sync(fd)
        finally:
            os.close(fd)
        temporary.rename(path)
        self.sync_directory(path.parent)

    def remove_unfinished(self, directory: Path) -> None:
        """Remove what writers that were killed left; one that still writes finds its file gone, and fails."""
        for path in directory.glob("*.tmp"):
            path.unlink(missing_ok=True)

    def write_all(self, fd: int, data: bytes) -> None:
        """Write every byte of ``data``, however many calls the kernel makes of it."""
        while data:
            data = data[self.write(fd, data) :]


class UnsyncedDisk(Disk):
    """A disk that never syncs: ``--durability none``, for measurements only."""

    def sync(self, fd: int) -> None:
        """Do nothing."""

    def sync_directory(self, directory: Path) -> None:
        """Do nothing."""
