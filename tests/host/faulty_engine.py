"""The real engine on a disk and a clock that can be made to fail: ``python -m tests.host.faulty_engine DATA FAULTS``.

``FAULTS`` is JSON, see :class:`Faults`. All else is the engine's own code.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path
from unittest import mock

import msgspec

from engine.__main__ import main
from engine.host import process, snapshot, snapshot_writer
from engine.host.disk import Disk


class Faults(msgspec.Struct, frozen=True):
    """What goes wrong, and the bounds that make it happen soon; 0 means never."""

    sync: int = 0
    """The n-th sync of a file fails with EIO."""
    directory_sync: int = 0
    """The n-th sync of a directory fails with EIO."""
    lie: int = 0
    """The n-th write into the journal is acknowledged and never made."""
    snapshot_errno: int = 0
    """Writing a snapshot fails."""
    snapshot_every: int = snapshot.SNAPSHOT_EVERY
    child_s_max: float = snapshot_writer.CHILD_S_MAX
    orphan_s: float = snapshot_writer.ORPHAN_S


class FaultyDisk(Disk):
    """A disk that fails as told, and that stands still on snapshots while the file ``hold`` exists, on
    standings while ``hold-standing`` does."""

    def __init__(self, data: Path, faults: Faults) -> None:
        self._data = data
        self._faults = faults
        self._syncs = self._directory_syncs = self._writes = 0

    def sync(self, fd: int) -> None:
        self._syncs += 1
        self._note("sync", self._syncs, self._faults.sync)
        super().sync(fd)

    def sync_directory(self, directory: Path) -> None:
        self._directory_syncs += 1
        self._note("directory sync", self._directory_syncs, self._faults.directory_sync)
        super().sync_directory(directory)

    def _note(self, what: str, count: int, failing: int) -> None:
        """Fail the one that is to fail; write down any after it, for there must be none."""
        if failing and count > failing:
            (self._data / "retried").write_text(f"{what} {count}")
        if count == failing:
            raise OSError(errno.EIO, f"{what} {count} failed")

    def write(self, fd: int, data: bytes) -> int:
        self._writes += 1
        return len(data) if self._writes == self._faults.lie else super().write(fd, data)

    def publish(self, path: Path, *content: bytes) -> None:
        while path.parent.name == "standing" and (self._data / "hold-standing").exists():
            time.sleep(0.01)
        if path.parent.name == "snapshots":
            while (self._data / "hold").exists():
                time.sleep(0.01)
            if self._faults.snapshot_errno:
                raise OSError(self._faults.snapshot_errno, os.strerror(self._faults.snapshot_errno))
        super().publish(path, *content)


def clock_of(data: Path) -> int:
    """Read the time: the file ``clock`` holds nanoseconds to add, or with ``=`` before them the time itself."""
    try:
        text = (data / "clock").read_text()
    except FileNotFoundError:
        return time.time_ns()
    return int(text[1:]) if text.startswith("=") else time.time_ns() + int(text)


def run(data: Path, faults: Faults) -> int:
    """Run the engine's own main with another disk and clock."""
    disk, build = FaultyDisk(data, faults), process.build
    sys.argv = ["engine", "--data", str(data)]
    with (
        mock.patch("engine.__main__.build", lambda config: build(config, disk, lambda: clock_of(data))),
        mock.patch.object(snapshot, "SNAPSHOT_EVERY", faults.snapshot_every),
        mock.patch.object(snapshot_writer, "CHILD_S_MAX", faults.child_s_max),
        mock.patch.object(snapshot_writer, "ORPHAN_S", faults.orphan_s),
    ):
        return main()


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), msgspec.json.decode(sys.argv[2], type=Faults)))
