"""Where standings lie: ``standing/standing-<seq, 20 digits>.fold`` beside the journal, each the bytes of a fold.

Any of them may be missing, cut short or damaged: the one before it is taken, at last none, and the journal says the
rest. So they are a matter of time only, never of truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.api.cursor import journal_name
from engine.api.errors import ForeignPart, SnapshotError
from engine.standing.fold import Fold

KEPT = 2
"""The newest, and one to fall back on, however near."""

JOURNAL_AT = slice(12, 20)
"""Where the bytes of a fold name its journal."""


def directory_of(data: Path) -> Path:
    """Tell where the standings of a data directory lie."""
    return data / "standing"


def name_of(seq: int) -> str:
    """Name the standing after record ``seq``."""
    return f"standing-{seq:020d}.fold"


def list_standings(directory: Path) -> list[Path]:
    """List the standings, oldest first."""
    return sorted(directory.glob("standing-*.fold"))


def seq_of(path: Path) -> int:
    """Read from a standing's name after which record it stands."""
    return int(path.stem.rpartition("-")[2])


def restore(directory: Path, journal: int, to_seq: int) -> Iterator[Fold]:
    """Restore the sound standings not after ``to_seq``, the newest first; at last an empty fold.

    Raises: ForeignPart for one of another journal.
    """
    for path in reversed(list_standings(directory)):
        if seq_of(path) > to_seq:
            continue
        try:
            fold = Fold.restore(path.read_bytes())
        except (OSError, SnapshotError) as error:
            import structlog  # here: it takes longer than all else a short command imports

            structlog.get_logger().warning("standing_refused", path=str(path), reason=str(error))
            continue
        if fold.cursor.journal != journal:
            raise ForeignPart(f"{directory.name}/{path.name}", journal_name(fold.cursor.journal), journal_name(journal))
        if fold.cursor.seq == seq_of(path):
            yield fold
    yield Fold(journal)


def check_all(directory: Path, journal: int) -> None:
    """Look which journal each standing belongs to. Raises: ForeignPart for one of another."""
    for path in list_standings(directory):
        with path.open("rb") as file:
            head = file.read(JOURNAL_AT.stop)
        of_journal = int.from_bytes(head[JOURNAL_AT], "little")
        if len(head) == JOURNAL_AT.stop and of_journal != journal:
            raise ForeignPart(f"{directory.name}/{path.name}", journal_name(of_journal), journal_name(journal))


def drop_old(directory: Path) -> None:
    """Remove all but the newest KEPT, and of the others the one farthest back within each fourfold of distance.

    So a follower that was away goes on from a standing not long before its cursor, and few are kept.
    """
    paths = list_standings(directory)
    seen = set[int]()
    for path in paths[:-KEPT]:
        fourfold = (seq_of(paths[-1]) - seq_of(path)).bit_length() // 2
        if fourfold in seen:
            path.unlink(missing_ok=True)
        seen.add(fourfold)
