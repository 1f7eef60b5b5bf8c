"""A journal that completes later than it is told, as a replicated one does: it writes when the dice say so."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from random import Random

from engine.host.disk import Disk
from engine.host.journal import Journal, Tail


class LateJournal(Journal):
    """Holds batches back for some turns; what is held when the engine ends was never written."""

    def __init__(self, directory: Path, tail: Tail, disk: Disk, dice: Random) -> None:
        super().__init__(directory, tail, disk)
        self._dice = dice
        self._held: deque[tuple[bytes, int, int]] = deque()

    def append(self, records: bytes, last_seq: int, last_crc: int) -> None:
        self._held.append((records, last_seq, last_crc))

    def complete(self) -> None:
        for _ in range(min(len(self._held), self._dice.choice((0, 0, 0, 1, 1, 2, 9)))):
            super().append(*self._held.popleft())
