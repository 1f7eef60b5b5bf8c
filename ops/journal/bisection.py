"""Where two logs part, and the first record that does not execute to what was journaled (DET-22)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from engine.api.errors import EngineError, WireError
from engine.api.wire import HEADER, HEADER_BYTES, crc32c
from engine.client import read_journal
from engine.host import snapshot
from engine.host.core import Core, Fault
from ops.errors import CheckFailed, Unreadable
from ops.journal.fields import ABSENT, FieldDifference, differing_fields
from ops.journal.timetravel import Log, Progress, advance, end_of, raw_records, record_at, restore_before, unheard

LATEST_NS = (1 << 62) - 1
"""The latest time a core can be given."""


REASONS = {
    Fault.BAD_LENGTH: "its length is impossible, or not that of its command",
    Fault.BAD_CRC: "its checksum does not match its bytes",
    Fault.BAD_SEQ: "it is not numbered as the next one",
    Fault.BROKEN_CHAIN: "it follows another record than the one before it: that one was changed, or this",
    Fault.DIVERGED: "executing its command gives other bytes",
}
"""What a fault of a replay means for the record it is found at."""

_UNREACHED = (EngineError, Unreadable, CheckFailed)
"""A state that the files do not lead to."""


class Comparison(msgspec.Struct, frozen=True):
    """Two logs record by record: ``differs_at`` is 0 unless both have that record, and it differs."""

    equal_records: int
    differs_at: int
    longer: str
    """``left`` or ``right`` when the other is a prefix of it, else empty."""
    fields: list[FieldDifference]

    @property
    def is_equal(self) -> bool:
        """Tell whether both are the same to the end."""
        return not self.differs_at and not self.longer


class Finding(msgspec.Struct, frozen=True):
    """The record at ``seq`` is the first that is not as it should be; 0 means there is none up to ``end_seq``."""

    end_seq: int
    seq: int
    reason: str
    fields: list[FieldDifference]


class Parting(msgspec.Struct, frozen=True):
    """Two logs bring about the same state up to ``seq`` - 1; 0 means up to ``end_seq``, where the shorter ends."""

    end_seq: int
    seq: int
    fields: list[FieldDifference]
    """What their records ``seq`` differ in."""
    state: list[FieldDifference]
    """What their states after it differ in."""


def compare(left: Log, right: Log, progress: Progress = unheard) -> Comparison:
    """Find the first record two logs differ in. Raises: Unreadable."""
    seq = 0
    for ours, theirs in zip_longest(raw_records(left), raw_records(right)):
        if ours is None or theirs is None:
            return Comparison(seq, 0, "left" if theirs is None else "right", [])
        seq = ours[0]
        if ours[1] != theirs[1]:
            return Comparison(seq - 1, seq, "", differing_fields(ours[1], theirs[1]))
        if seq % 10_000 == 0:
            progress(seq)
    return Comparison(seq, 0, "", [])


def first_divergence(log: Log, progress: Progress = unheard) -> Finding:
    """Execute a journal from the beginning and find the first record that comes out otherwise.

    Raises: Unreadable when lengths make no sense. Cost: two replays when there is one to find.
    """
    core, seq = Core(), 0
    for chunk in _chunks(log):
        done = core.replay(chunk)
        seq += done.count
        if done.fault:
            journaled = record_at(log, seq + 1)
            produced = execute_again(advance(Core(), log, seq), journaled)
            return Finding(
                end_of(log), seq + 1, REASONS.get(done.fault, done.fault.name), differing_fields(journaled, produced)
            )
        progress(seq)
    return Finding(seq, 0, "", [])


def _chunks(log: Log) -> Iterator[bytes]:
    try:
        yield from read_journal(log.journal, is_checked=False)
    except WireError as error:
        raise Unreadable(f"{log.journal} cannot be read to its end: {error}") from error


def execute_again(core: Core, record: bytes) -> bytes:
    """Give the command of a record to ``core`` as if it came in now; return the record it makes of it."""
    _, _, _, ts_ns, _, source, source_seq, command_length, batch_index, _ = HEADER.unpack_from(record)
    command = record[HEADER_BYTES : HEADER_BYTES + command_length]
    head = HEADER.pack(HEADER_BYTES + len(command), 0, 0, 0, 0, source, source_seq, len(command), 0, 0)
    frame = head[:4] + crc32c(head[8:] + command).to_bytes(4, "little") + head[8:] + command
    return core.apply(min(ts_ns, LATEST_NS), frame, batch_index).records


class _Side:
    """One of two logs that are halved: the last state known to be common is kept, and gone on from."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._kept = b""

    def replayed(self, seq: int) -> Core:
        """Bring a core to ``seq`` from what is kept. Raises: as ``advance``."""
        return advance(Core.restore(self._kept) if self._kept else Core(), self.log, seq)

    def restored(self, seq: int) -> Core | None:
        """Restore the snapshot of exactly ``seq``, None without one."""
        return restore_before(self.log, seq, seq - 1)

    def keep(self, core: Core) -> None:
        """Go on from this state from now on."""
        self._kept = core.snapshot()

    def fields_at(self, seq: int) -> dict[str, str]:
        """Describe the state at ``seq`` by fields."""
        try:
            core = self.restored(seq) or self.replayed(seq)
        except _UNREACHED as error:
            return {"state": str(error)}
        fields = {
            "state_sha256": core.digest().hex(),
            "ts_ns": str(core.ts_ns),
            "prev_crc": str(core.prev_crc),
            "open_orders": str(core.open_orders),
        }
        for account_id, asset_id, available, locked in core.balances():
            name = f"account {account_id} asset {asset_id}"
            fields |= {f"{name} available": str(available), f"{name} locked": str(locked)}
        return fields


def first_parting(left: Log, right: Log, progress: Progress = unheard) -> Parting:
    """Find the first record after which the states of two logs differ, by halving.

    A snapshot must be what executing its journal gives, too. The stretches between snapshots are looked at one
    after another, and the first at whose end the states differ is halved. Raises: Unreadable.
    Cost: about 2 log2(n) restores, and executing each log about twice.
    """
    sides = (_Side(left), _Side(right))
    end_seq = min(end_of(left), end_of(right))
    same, other = 0, 0
    for stop in _stops((left, right), end_seq):
        progress(same)
        if not _agree(sides, stop):
            other = stop
            break
        same = stop
    if not other:
        return Parting(end_seq, 0, [], [])
    while other - same > 1:
        middle = (same + other) // 2
        if _agree(sides, middle):
            same = middle
        else:
            other = middle
    fields = differing_fields(record_at(left, other), record_at(right, other))
    ours, theirs = (side.fields_at(other) for side in sides)
    if "state" in ours or "state" in theirs:  # one has none: the others' fields would all seem to differ
        ours, theirs = ({"state": fields.get("state", "as executed")} for fields in (ours, theirs))
    state = [
        FieldDifference(name, ours.get(name, ABSENT), theirs.get(name, ABSENT))
        for name in ours | theirs
        if ours.get(name) != theirs.get(name)
    ]
    return Parting(end_seq, other, fields, state)


def _stops(logs: tuple[Log, Log], end_seq: int) -> list[int]:
    """List the seqs of snapshots, and the end."""
    seqs = {head.seq for log in logs for head in snapshot.read_heads(log.snapshots)}
    return sorted(stop for stop in {end_seq, *seqs} if 0 < stop <= end_seq)


def _agree(sides: tuple[_Side, _Side], seq: int) -> bool:
    """Tell whether both logs can be executed up to ``seq``, to the same state, and snapshots there hold that state."""
    try:
        cores = [side.replayed(seq) for side in sides]
    except _UNREACHED:
        return False
    restored = [core for side in sides if (core := side.restored(seq)) is not None]
    if len({core.digest() for core in (*cores, *restored)}) > 1:
        return False
    for side, core in zip(sides, cores, strict=True):
        side.keep(core)
    return True
