"""Room on the disk: what a gateway that can soon store nothing says while it still can."""

from __future__ import annotations

import os
import time
from pathlib import Path

BYTES_MIN = 64 << 20
"""Room below which something is wrong: about a minute of reports at the full rate, and a segment of the journal."""

LOOK_S = 1.0
"""How often the disk is asked."""


class Room:
    """The room left where a gateway keeps its stores. One thread."""

    def __init__(self, directory: Path, bytes_min: int = BYTES_MIN) -> None:
        self._directory = directory
        self._bytes_min = bytes_min
        self._looked_s = 0.0
        self._fault = ""

    @property
    def fault(self) -> str:
        """What is wrong with it, empty while there is room. Cost: a system call each LOOK_S."""
        now_s = time.monotonic()
        if now_s - self._looked_s > LOOK_S:
            self._looked_s = now_s
            self._fault = self._look()
        return self._fault

    def _look(self) -> str:
        disk = os.statvfs(self._directory)
        left = disk.f_bavail * disk.f_frsize
        if left >= self._bytes_min:
            return ""
        return f"no space left in {self._directory}: {left >> 20} MiB, fewer than {self._bytes_min >> 20}"
