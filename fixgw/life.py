"""Which life of a gateway its stores are of: a number that stores and log both have.

Each start of a gateway takes a number above all before, syncs it into its directory, and then submits an
``AdvanceTime``, which changes nothing, with that number in its ``source_seq``. Members are let in once this is in the
log. So stores that a life has served know its number, and a log that tells of a later one is newer than the stores:
they are an older copy, and would give numbers out a second time.

A killed gateway is never taken for that, whenever the kill comes: what a life submitted, its stores know.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from engine.api.commands import AdvanceTime
from engine.api.ids import OPERATIONS
from engine.api.wire import Record, encode_command, encode_frame
from engine.client import submit_frame
from fixgw.errors import ForeignStores, StoreError

_TAGS = {"order-entry": 0x71, "drop-copy": 0x72}
"""High byte of ``source_seq``, by role. What operations submit begins at the clock's nanoseconds, far below."""

_NUMBER_BITS = 56
_NUMBER_MAX = (1 << _NUMBER_BITS) - 1


class Life:
    """The number of this life, and whether it is in the log. Units: ms since 1970, or one more than the life before."""

    def __init__(self, directory: Path, role: str) -> None:
        self.is_in_log = False
        self._directory = directory
        self._file = directory / "life"
        self._role = role
        self._tag = _TAGS[role] << _NUMBER_BITS
        self._is_new = not self._file.exists() and not (directory / "checkpoint").exists()
        """New stores were never served: they are no older copy of anything."""
        if self._is_new:
            self._write(_now_ms())
        self._number = self._read()

    @property
    def frame(self) -> bytes:
        """The command that tells the log of this life."""
        return encode_frame(OPERATIONS, self._tag | self._number, encode_command(AdvanceTime()))

    def tell(self, data: Path) -> None:
        """Submit it to the engine of ``data``. Raises: LinkError, OSError."""
        submit_frame(data, f"fixgw-{self._role}", self.frame)

    def begin(self) -> None:
        """Take a number of its own; call it when the stores were found to belong to the log."""
        self._write(max(self._number + 1, _now_ms()))
        self._number = self._read()
        self._is_new = self.is_in_log = False

    def observe(self, record: Record) -> None:
        """Take note of a record of operations. Raises: ForeignStores when it tells of a later life of this gateway."""
        number = record.source_seq ^ self._tag
        if record.source != OPERATIONS or number > _NUMBER_MAX:
            return
        if number == self._number:
            self.is_in_log = True
        if number <= self._number:
            return
        if not self._is_new:
            raise ForeignStores(
                f"the FIX stores in {self._directory} are those of a gateway started {_in_words(self._number)}, but "
                f"the journal tells of a later start (record {record.seq}): they are older than the journal; restore "
                f"both from one backup, or move {self._directory} away: members then log on with 141=Y"
            )
        self._number = number

    def _read(self) -> int:
        """Read the number; 0, before all others, when the file is gone. Raises: StoreError."""
        if not self._file.exists():
            return 0
        text = self._file.read_bytes()
        if not (text.endswith(b"\n") and text[:-1].isdigit() and 0 < int(text) < _NUMBER_MAX):
            raise StoreError(
                f"{self._file} does not tell which life of the gateway the stores are of",
                f"{self._directory} away: members then log on with 141=Y",
            )
        return int(text)

    def _write(self, number: int) -> None:
        """Replace the file; a power cut leaves the old one or the new one."""
        following = self._file.with_suffix(".next")
        with following.open("wb") as file:
            file.write(b"%d\n" % number)
            file.flush()
            os.fsync(file.fileno())
        following.replace(self._file)
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _in_words(number: int) -> str:
    if not number:
        return "at a time that is not known"
    return f"{datetime.fromtimestamp(number / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
