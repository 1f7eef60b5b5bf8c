"""The checkpoint: how far a gateway has told the log, so that its next start reads only what came after.

All reports of records up to the cursor are in QuickFIX's stores, whose last reports remain the judge: a session whose
store has less than the checkpoint says is served again from there.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from engine.api.cursor import Cursor, journal_name
from engine.api.ids import Seq, SessionId
from fixgw.errors import ForeignStores, StoreError
from fixgw.places import Place, seq_of


class SessionCheckpoint(msgspec.Struct, frozen=True, array_like=True):
    """A session: told up to record ``up_to``, its last report at ``told``; its last record with that ``source_seq``."""

    up_to: Seq
    told: Place
    last_seq: Seq
    source_seq: int

    def needed_from(self, told: Place) -> Seq:
        """Return the record after which the log is to be told again, when the store's last report is at ``told``."""
        return self.up_to if told >= self.told else Seq(max(0, seq_of(told) - 1))


class Checkpoint(msgspec.Struct, frozen=True):
    """How far the log was told, and each session by its number."""

    cursor: Cursor
    sessions: dict[SessionId, SessionCheckpoint]

    def check(self, end: Cursor) -> None:
        """Look whether the journal that ends at ``end`` may be the one it was made of. Raises: ForeignStores."""
        journal, at = journal_name(self.cursor.journal), self.cursor.seq
        if self.cursor.journal != end.journal:
            raise ForeignStores(
                f"the FIX stores belong to journal {journal}, but the journal here is {journal_name(end.journal)}: "
                "restore both from one backup, or move the stores away"
            )
        if at > end.seq:
            raise ForeignStores(
                f"the FIX stores tell the log up to record {at}, but the journal ends at {end.seq}: it is older than "
                "the stores, restore both from one backup"
            )


class CheckpointFile:
    """Keeps the last two checkpoints: a power cut may spoil the one being written, and the other costs little time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = path.with_suffix(".before")
        self._next = path.with_suffix(".next")

    def read(self) -> Checkpoint | None:
        """Return the last checkpoint, None before the first. Raises: StoreError when no file is one."""
        reasons = []
        for path in (self._path, self._before):
            try:
                return msgspec.json.decode(path.read_bytes(), type=Checkpoint)
            except FileNotFoundError:
                continue
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                reasons.append(f"{path} is no checkpoint ({error})")
        if reasons:
            raise StoreError(" and ".join(reasons), f"{self._path.parent} away: members then log on with 141=Y")
        return None

    def write(self, checkpoint: Checkpoint) -> None:
        """Add one."""
        self._next.write_bytes(msgspec.json.encode(checkpoint))
        if self._path.exists():
            self._path.replace(self._before)
        self._next.replace(self._path)
