"""Start-up is recovery: newest sound snapshot, then every record after it, executed again and compared.

The rule for a record that does not read back (reliability 1, 3, 4):

- it is at the very end, and nothing proves that it was ever durable: a torn write. It is cut off;
- a later record that is sound was written by a later batch, or ``DURABLE`` or a snapshot names a seq at or
  beyond it: corruption. The engine refuses to start and names segment and offset.

A batch is written in one piece and its sectors may reach the disk in any order, so a sound record after the
bad one proves nothing when both are of one batch: that is what ``batch_index`` in the record is for.

Snapshots are witnesses too: when the replay passes the seq of one that was not restored, the state must have the
digest that one names.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import structlog

from engine.api.cursor import journal_name
from engine.api.durable import read_marker
from engine.api.errors import CorruptJournal, Diverged, ForeignPart, OtherRules, WireError
from engine.api.limits import RECORD_BYTES_MAX, RULES_VERSION
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, draw_journal, list_segments
from engine.api.wire import HEADER, HEADER_BYTES, crc32c
from engine.host import snapshot
from engine.host.core import Core, Fault, walk
from engine.host.disk import Disk
from engine.host.journal import Place, Tail

EPOCH = 1
"""Generation of the numbering; a new one begins only if the numbering itself is ever begun again."""

_log = structlog.get_logger()


class Recovered(msgspec.Struct, frozen=True):
    """A core that stands at the end of its journal, and what the journal ends with."""

    core: Core
    tail: Tail
    snapshot_seq: int
    replayed: int
    torn_bytes: int


class _Segment(msgspec.Struct):
    path: Path
    header: SegmentHeader
    raw: bytes


def recover(directory: Path, snapshots: Path, disk: Disk, reached: Callable[[int], object] | None = None) -> Recovered:
    """Bring a core to the end of the journal in ``directory``, which must be locked by the caller.

    ``reached`` is told the seq after each segment.

    Its hash tables are spread by a number nobody knows, so that ClOrdIDs cannot be made to collide; no record and
    no snapshot depends on it.
    Raises: CorruptJournal naming segment and offset; Diverged when a record executes to other bytes, or the state
    is not the one a snapshot was taken of; ForeignPart when a file belongs to another journal; OtherRules when records
    made under other rules would have to be executed.
    """
    hash_seed = int.from_bytes(os.urandom(8), "little")
    identity = identify(directory, snapshots) or draw_journal()
    restored = snapshot.restore_newest(snapshots, hash_seed)
    core, start = (restored.core, restored.place) if restored else (Core(hash_seed), None)
    witnesses = [head for head in snapshot.read_heads(snapshots) if head.seq > core.seq]
    proven_seq = max(read_marker(directory).seq, core.seq, *(head.seq for head in witnesses))
    before = core.seq
    tail = Tail(identity, EPOCH, 0, 0, 0, bytes(32))
    torn_bytes = 0
    for segment, is_last in _read_segments(directory, start):
        offset = SEGMENT_HEADER_BYTES
        if start is not None and segment.header.first_seq == start.segment_first_seq:
            offset = start.offset
            _check_before_snapshot(core, segment, offset)
        end = _replay(core, segment, offset, is_last, proven_seq, witnesses)
        torn_bytes = len(segment.raw) - end
        _settle(segment, end, not is_last or (end == len(segment.raw) and core.seq <= proven_seq), disk)
        tail = _tail_of(segment, end, core)
        if reached is not None:
            reached(core.seq)
    if core.seq < proven_seq or (restored and not tail.fencing):
        raise CorruptJournal(directory.name, 0, f"it ends at seq {core.seq}, but seq {proven_seq} was durable")
    return Recovered(core, tail, before, core.seq - before, torn_bytes)


def verify(directory: Path) -> Iterator[tuple[str, int]]:
    """Check every segment's header, chain and records, without executing them.

    Yields: each segment's name and the number of its sound records. Raises: CorruptJournal.
    """
    identify(directory)
    proven_seq = read_marker(directory).seq
    seq = crc = 0
    for segment, is_last in _read_segments(directory, None):
        first = segment.header.first_seq
        if first != seq + 1 or segment.header.prev_crc != crc:
            raise CorruptJournal(segment.path.name, 0, f"it does not continue after seq {seq}")
        end, seq, crc = _walk(segment.raw, SEGMENT_HEADER_BYTES, len(segment.raw), seq, crc)
        if end < len(segment.raw):
            _judge(segment, end, seq, is_last, proven_seq, "a bad record")
        yield segment.path.name, seq - first + 1
    if seq < proven_seq:
        raise CorruptJournal(directory.name, 0, f"it ends at seq {seq}, but seq {proven_seq} is known to be durable")


def identify(directory: Path, snapshots: Path | None = None) -> int:
    """Find out which journal this is; 0 when none has been begun. What is unsound is judged where it is read.

    Raises: ForeignPart when a segment or a snapshot names another one.
    """
    identity = 0
    named = [(path, _identity_of(path)) for path in reversed(list_segments(directory))]
    named += [(head.path, head.place.journal) for head in (snapshot.read_heads(snapshots) if snapshots else [])]
    named.append((directory / "DURABLE", read_marker(directory).journal))
    for path, journal in named:
        identity = identity or journal
        if journal not in (0, identity):
            raise ForeignPart(f"{path.parent.name}/{path.name}", journal_name(journal), journal_name(identity))
    return identity


def _identity_of(segment: Path) -> int:
    with segment.open("rb") as file:
        try:
            return SegmentHeader.decode(file.read(SEGMENT_HEADER_BYTES)).journal
        except WireError:
            return 0


def _read_segments(directory: Path, start: Place | None) -> Iterator[tuple[_Segment, bool]]:
    """Read the segments from the one that ``start`` is in; each must chain to the bytes of the one before."""
    paths = list_segments(directory)
    if paths and paths[-1].stat().st_size < SEGMENT_HEADER_BYTES:
        _log.warning("torn_segment", path=paths[-1].name)
        paths.pop()
    previous: _Segment | None = None
    for path in paths:
        if start is not None and _first_seq(path) < start.segment_first_seq:
            continue
        raw = path.read_bytes()
        try:
            header = SegmentHeader.decode(raw[:SEGMENT_HEADER_BYTES])
        except WireError as error:
            raise CorruptJournal(path.name, 0, str(error)) from error
        segment = _Segment(path, header, raw)
        if previous is None:
            if start is None and (header.first_seq != 1 or any(header.prev_sha256)):
                raise CorruptJournal(path.name, 0, "the journal does not begin at seq 1")
        elif hashlib.sha256(previous.raw).digest() != header.prev_sha256:
            raise CorruptJournal(path.name, 48, f"its chain does not match the bytes of {previous.path.name}")
        yield segment, path == paths[-1]
        previous = segment


def _tail_of(segment: _Segment, end: int, core: Core) -> Tail:
    """Describe the end of the journal; a segment without records is replaced by the next, so chain past it."""
    header = segment.header
    sha256 = hashlib.sha256(segment.raw[:end]).digest() if end > SEGMENT_HEADER_BYTES else header.prev_sha256
    return Tail(header.journal, header.epoch, header.fencing, core.seq, core.prev_crc, sha256)


def _first_seq(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


def _check_before_snapshot(core: Core, segment: _Segment, offset: int) -> None:
    """Check that the records a snapshot stands for are there, sound, and lead to it.

    Raises: CorruptJournal; the segments before this one are checked by :func:`verify` only.
    """
    header = segment.header
    end, seq, crc = _walk(segment.raw, SEGMENT_HEADER_BYTES, offset, header.first_seq - 1, header.prev_crc)
    if (end, seq, crc) != (offset, core.seq, core.prev_crc):
        raise CorruptJournal(segment.path.name, end, f"a snapshot of seq {core.seq} does not follow from its records")


def _replay(
    core: Core, segment: _Segment, offset: int, is_last: bool, proven_seq: int, witnesses: list[snapshot.Head]
) -> int:
    """Execute the records of one segment from ``offset``; return the offset where the sound ones end."""
    if segment.header.first_seq > core.seq + 1:
        raise CorruptJournal(segment.path.name, 0, f"records {core.seq + 1} to {segment.header.first_seq - 1} are gone")
    size = len(segment.raw)
    if offset < size and segment.header.rules != RULES_VERSION:
        raise OtherRules(segment.path.name, segment.header.rules, RULES_VERSION)
    for witness in witnesses:
        if witness.place.segment_first_seq == segment.header.first_seq and witness.place.offset <= size:
            offset, fault = _execute(core, segment.raw, offset, witness.place.offset)
            if not fault:
                _compare(core, segment, offset, witness)
    end, _ = _execute(core, segment.raw, offset, size)
    if end < size:
        _judge(segment, end, core.seq, is_last, proven_seq, f"a bad record after seq {core.seq}")
    return end


def _execute(core: Core, raw: bytes, start: int, end: int) -> tuple[int, Fault]:
    """Execute records up to ``end``, or the first that is not sound; return how far it came. Raises: Diverged."""
    before = core.seq
    done = core.replay(memoryview(raw)[start:end])
    if done.fault is Fault.DIVERGED:
        raise Diverged(before + done.count + 1)
    return start + done.consumed, done.fault


def _compare(core: Core, segment: _Segment, offset: int, witness: snapshot.Head) -> None:
    """Hold the state against a snapshot's digest. Raises: CorruptJournal, Diverged."""
    if (core.seq, offset) != (witness.seq, witness.place.offset):
        raise CorruptJournal(segment.path.name, offset, f"{witness.path.name} does not follow from its records")
    if core.digest() != witness.digest:
        _log.error("digests_differ", seq=core.seq, snapshot=witness.path.name)
        raise Diverged(core.seq)


def _judge(segment: _Segment, end: int, last_seq: int, is_last: bool, proven_seq: int, reason: str) -> None:
    """Decide whether the bytes from ``end`` on are a torn write. Raises: CorruptJournal when they are not."""
    name = segment.path.name
    if not is_last:
        raise CorruptJournal(name, end, f"{reason}, and a later segment follows")
    if proven_seq > last_seq:
        raise CorruptJournal(name, end, f"{reason}, and seq {proven_seq} is known to be durable")
    later = find_later_batch(segment.raw, end, last_seq + 1)
    if later is not None:
        raise CorruptJournal(name, end, f"{reason}, and a sound record of a later batch stands at byte {later}")
    _log.warning("torn_tail", segment=name, offset=end, bytes=len(segment.raw) - end)


def find_later_batch(raw: bytes, start: int, bad_seq: int) -> int | None:
    """Find a sound record, after byte ``start``, of a batch that began after ``bad_seq``.

    Such a batch was written only once ``bad_seq`` was durable. Returns: its offset, or None.
    Cost: one search per candidate seq prefix; candidates are checked by length, seq and CRC.
    """
    most = (len(raw) - start) // (HEADER_BYTES + 2) + 1
    for prefix in {seq >> 24 for seq in (bad_seq, bad_seq + most)}:
        pattern = prefix.to_bytes(5, "little")
        at = raw.find(pattern, start + 11)
        while at >= 0:
            offset = at - 11
            found = _sound_record(raw, offset)
            if found and bad_seq < found[0] <= bad_seq + most and found[0] - found[1] > bad_seq:
                return offset
            at = raw.find(pattern, at + 1)
    return None


def _sound_record(raw: bytes, offset: int) -> tuple[int, int] | None:
    """Read ``(seq, batch_index)`` of the record at ``offset``, None unless one stands there whole and sound."""
    if offset + HEADER_BYTES > len(raw):
        return None
    length, crc, seq, _, _, _, _, command_length, batch_index, _ = HEADER.unpack_from(raw, offset)
    if not HEADER_BYTES + command_length <= length <= RECORD_BYTES_MAX or offset + length > len(raw):
        return None
    return (seq, batch_index) if crc32c(raw[offset + 8 : offset + length]) == crc else None


def _walk(raw: bytes, start: int, end: int, seq: int, crc: int) -> tuple[int, int, int]:
    """Follow the chain from ``start``; return where it ends, with the last sound record's seq and crc."""
    consumed, seq, crc = walk(memoryview(raw)[start:end], seq, crc)
    return start + consumed, seq, crc


def _settle(segment: _Segment, end: int, is_proven: bool, disk: Disk) -> None:
    """Make durable what was read of a segment, without its torn tail.

    Records that nothing proves durable are written anew. The system may hold them in memory only and think that it
    has written them: after a sync that failed, the next one has nothing to do and says so.
    """
    if not is_proven:
        disk.publish(segment.path, segment.raw[:end])
        return
    fd = os.open(segment.path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        disk.sync(fd)
    finally:
        os.close(fd)
