"""Snapshots held against the journal they were taken from (DET-20, RPL-01)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.api.errors import EngineError, SnapshotError
from engine.host import snapshot
from engine.host.core import Core
from ops.errors import CheckFailed
from ops.journal.timetravel import Log, Progress, advance, unheard


class VerifiedSnapshot(msgspec.Struct, frozen=True):
    """A snapshot that restores to its digest, which is also that of the replay."""

    snapshot: str
    seq: int
    state_sha256: str


def verify_snapshots(log: Log, progress: Progress = unheard) -> Iterator[VerifiedSnapshot]:
    """Restore every snapshot and execute the journal up to it from the beginning.

    Raises: CheckFailed naming the first that is damaged, or that is not what the journal gives.
    """
    core = Core()
    for path in snapshot.list_snapshots(log.snapshots):
        try:
            restored = snapshot.load(path).core
        except SnapshotError as error:
            if not path.exists():  # a running engine has dropped it for a newer one
                continue
            raise CheckFailed(str(error)) from error
        try:
            advance(core, log, restored.seq, progress)
        except EngineError as error:
            raise CheckFailed(str(error)) from error
        digest = core.digest()
        if digest != restored.digest():
            raise CheckFailed(f"{path.name} is not the state that the journal gives at seq {core.seq}")
        yield VerifiedSnapshot(path.name, core.seq, digest.hex())
