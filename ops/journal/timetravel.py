"""The state of the exchange after any record, or at any time, from its files alone (RPL-10).

Nothing is written and no lock is taken, so a running engine is not disturbed; on its journal the last records may
not be durable yet. The newest snapshot at or before the wanted record is restored and the rest executed again,
each record compared byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from engine.api.errors import Diverged, EngineError, SnapshotError, WireError
from engine.api.ids import AccountId, AssetId
from engine.api.segment import SEGMENT_HEADER_BYTES, list_segments
from engine.api.wire import HEADER, HEADER_BYTES, split_frames
from engine.client import read_journal
from engine.host import snapshot
from engine.host.core import Core, Fault
from ops.errors import CheckFailed, Refused, Unreadable
from ops.telling.times import parse_time

Progress = Callable[[int], object]
"""Called with the seq reached."""


def unheard(seq: int) -> None:
    """Tell nobody how far it has come."""


class Log(msgspec.Struct, frozen=True):
    """Where a journal and its snapshots lie."""

    journal: Path
    snapshots: Path


class Summary(msgspec.Struct, frozen=True):
    """A state in short; balances are ``(account_id, asset_id, available, locked)`` in minor units."""

    seq: int
    ts_ns: int
    open_orders: int
    state_sha256: str
    balances: list[tuple[AccountId, AssetId, int, int]]


def log_at(path: Path) -> Log:
    """Find the journal of a data directory, or in a journal directory. Raises: Unreadable."""
    for journal in (path / "journal", path):
        if list_segments(journal):
            return Log(journal, journal.parent / "snapshots" if journal != path else path / "snapshots")
    raise Unreadable(f"no journal in {path}")


def raw_records(log: Log, from_seq: int = 1) -> Iterator[tuple[int, bytes]]:
    """Yield each whole record with its seq. Raises: Unreadable when one is gone, or its length impossible."""
    seq = from_seq - 1
    try:
        for chunk in read_journal(log.journal, from_seq, is_checked=False):
            for start, end in split_frames(chunk)[0]:
                seq += 1
                found = HEADER.unpack_from(chunk, start)[2]
                if found != seq:
                    raise Unreadable(f"{log.journal}: seq {found} stands where {seq} was expected")
                yield seq, chunk[start:end]
    except WireError as error:
        raise Unreadable(f"{log.journal}: nothing can be read after seq {seq}: {error}") from error


def record_at(log: Log, seq: int) -> bytes:
    """Return one record; empty when the journal ends before it. Raises: Unreadable."""
    return next((raw for _, raw in raw_records(log, seq)), b"")


def end_of(log: Log) -> int:
    """Return the seq of the last whole record, 0 when there is none. Raises: Unreadable."""
    last = list_segments(log.journal)[-1]
    first_seq = _first_seq(last)
    return max((seq for seq, _ in raw_records(log, first_seq)), default=first_seq - 1)


def state_at(log: Log, seq: int, progress: Progress = unheard) -> Core:
    """Bring a core to the state after record ``seq``.

    Raises: CheckFailed when the journal ends before; Diverged, Unreadable when it cannot be executed that far.
    """
    return advance(restore_before(log, seq) or Core(), log, seq, progress)


def advance(core: Core, log: Log, seq: int, progress: Progress = unheard) -> Core:
    """Execute the journal's records on ``core`` up to ``seq``. Raises: as :func:`state_at`."""
    if core.seq == seq:
        return core
    try:
        for chunk in read_journal(log.journal, core.seq + 1, seq, is_checked=False):
            execute(core, chunk)
            progress(core.seq)
    except WireError as error:
        raise Unreadable(f"{log.journal}: nothing can be read after seq {core.seq}: {error}") from error
    except Diverged:
        raise
    except EngineError as error:
        raise CheckFailed(str(error)) from error
    return core


def execute(core: Core, records: bytes) -> None:
    """Execute whole records. Raises: Diverged, Unreadable; the core is then of no more use."""
    before = core.seq
    done = core.replay(records)
    if done.fault is Fault.DIVERGED:
        raise Diverged(before + done.count + 1)
    if done.fault:
        raise Unreadable(f"the record after seq {before + done.count} is not sound: {done.fault.name}")


def restore_before(log: Log, seq: int, after_seq: int = 0) -> Core | None:
    """Restore the newest sound snapshot that is after ``after_seq`` and not after ``seq``, None without one."""
    for head in reversed(snapshot.read_heads(log.snapshots)):
        if after_seq < head.seq <= seq:
            try:
                return snapshot.load(head.path).core
            except SnapshotError:
                continue
    return None


def seq_at(log: Log, at_ns: int) -> int:
    """Find the last record at or before a time, 0 when all are later. Cost: reads one segment."""
    paths = [path for path in list_segments(log.journal) if (_first_ts_ns(path) or at_ns + 1) <= at_ns]
    if not paths:
        return 0
    found = 0
    for seq, raw in raw_records(log, _first_seq(paths[-1])):
        if HEADER.unpack_from(raw)[3] > at_ns:
            break
        found = seq
    return found


def summary_of(core: Core) -> Summary:
    """Sum up a state."""
    return Summary(core.seq, core.ts_ns, core.open_orders, core.digest().hex(), core.balances())


def wanted_seq(log: Log, to_seq: int | None, at: str | None) -> int | None:
    """Tell which record ``--to`` or ``--at`` means; None when neither was given. Raises: Refused."""
    if to_seq is not None and at is not None:
        raise Refused("give --to or --at, not both")
    return to_seq if at is None else seq_at(log, parse_time(at))


def _first_seq(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _first_ts_ns(path: Path) -> int:
    """Read the time of a segment's first record, 0 when it has none."""
    with path.open("rb") as file:
        file.seek(SEGMENT_HEADER_BYTES)
        head = file.read(HEADER_BYTES)
    return int(HEADER.unpack(head)[3]) if len(head) == HEADER_BYTES else 0
