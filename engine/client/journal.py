"""The journal's files, as followers and tools read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.api.errors import CorruptJournal, LinkError, WireError
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, list_segments
from engine.api.wire import HEADER, crc32c, split_frames

CHUNK_BYTES = 1 << 20
"""Most bytes of records handed over at a time."""


def read_journal(
    directory: Path, from_seq: int = 1, to_seq: int | None = None, is_checked: bool = True
) -> Iterator[bytes]:
    """Read records ``from_seq`` to ``to_seq`` from a journal's files, in chunks of about CHUNK_BYTES.

    Without ``to_seq`` it ends at the last whole record; on a running engine's journal that may not be durable.
    Raises: LinkError when records that should be there are not; CorruptJournal, with segment and offset, when one is
    not as it was written. Whoever judges the records unchecked himself has WireError for bytes that are none.
    """
    paths = list_segments(directory)
    firsts = [int(path.stem.rpartition("-")[2]) for path in paths]
    seq = from_seq
    for index, path in enumerate(paths):
        if index + 1 < len(paths) and firsts[index + 1] <= seq:
            continue
        if to_seq is not None and firsts[index] > to_seq:
            break
        bounds = Bounds(seq, to_seq, firsts[index + 1] if is_checked and index + 1 < len(paths) else None, is_checked)
        for chunk, last_seq in _read_segment(path, firsts[index], bounds):
            yield chunk
            seq = last_seq + 1
    if to_seq is not None and seq <= to_seq:
        raise LinkError(f"{directory} ends at seq {seq - 1}, before {to_seq}")


class JournalFiles:
    """A journal as its files say it: which one it is, and which records it has."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def identity(self) -> int:
        """The number drawn when it was begun. Raises: LinkError, WireError when there is no sound segment."""
        paths = list_segments(self._directory)
        if not paths:
            raise LinkError(f"{self._directory} holds no journal")
        with paths[0].open("rb") as file:
            return SegmentHeader.decode(file.read(SEGMENT_HEADER_BYTES)).journal

    def crc_of(self, seq: int) -> int | None:
        """Return the CRC of a record; None when the journal ends before it. Cost: reads a segment."""
        chunk = next(read_journal(self._directory, seq), b"")
        return int.from_bytes(chunk[4:8], "little") if chunk else None


class Bounds(NamedTuple):
    """Which records are wanted of a segment, and where the next begins; None without an end, without a next one."""

    from_seq: int
    to_seq: int | None
    next_first: int | None
    is_checked: bool


def _read_segment(path: Path, first_seq: int, bounds: Bounds) -> Iterator[tuple[bytes, int]]:
    """Read a segment's records within the bounds; each chunk comes with the seq of its last record."""
    from_seq, to_seq, next_first, is_checked = bounds
    seq, offset = first_seq, SEGMENT_HEADER_BYTES
    with path.open("rb") as file:
        file.seek(SEGMENT_HEADER_BYTES)
        buffer = b""
        while data := file.read(CHUNK_BYTES):
            buffer += data
            try:
                spans, whole = split_frames(buffer)
            except WireError as error:
                if not is_checked:
                    raise
                raise CorruptJournal(path.name, offset, f"at or after record {seq}: {error}") from error
            last = seq + len(spans) - 1 if to_seq is None else to_seq
            wanted = [(n, span) for n, span in enumerate(spans, seq) if from_seq <= n <= last]
            seq += len(spans)
            for n, span in wanted if is_checked else ():
                _check_record(buffer, span, n, path.name, offset)
            if wanted:
                yield buffer[wanted[0][1][0] : wanted[-1][1][1]], wanted[-1][0]
            if to_seq is not None and seq > to_seq:
                return
            buffer, offset = buffer[whole:], offset + whole
    if next_first is not None and seq != next_first:
        reason = f"record {seq} is not whole, and the next segment begins with {next_first}"
        raise CorruptJournal(path.name, offset, reason)


def _check_record(buffer: bytes, span: tuple[int, int], seq: int, name: str, offset: int) -> None:
    start, end = span
    _, crc, told_seq, *_ = HEADER.unpack_from(buffer, start)
    if crc != crc32c(buffer[start + 8 : end]):
        raise CorruptJournal(name, offset + start, f"the checksum of record {seq} does not match")
    if told_seq != seq:
        raise LinkError(f"{name} was written anew while it was read: record {told_seq} stands where {seq} did")
