"""The journal's files, as followers and tools read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.api.errors import LinkError
from engine.api.segment import SEGMENT_HEADER_BYTES, SegmentHeader, list_segments
from engine.api.wire import split_frames

CHUNK_BYTES = 1 << 20
"""Most bytes of records handed over at a time."""


def read_journal(directory: Path, from_seq: int = 1, to_seq: int | None = None) -> Iterator[bytes]:
    """Read records ``from_seq`` to ``to_seq`` from a journal's files, in chunks of about CHUNK_BYTES.

    Without ``to_seq`` it ends at the last whole record; on a running engine's journal that may not be durable.
    Raises: LinkError when records that should be there are not.
    """
    paths = list_segments(directory)
    firsts = [int(path.stem.rpartition("-")[2]) for path in paths]
    seq = from_seq
    for index, path in enumerate(paths):
        if index + 1 < len(paths) and firsts[index + 1] <= seq:
            continue
        if to_seq is not None and firsts[index] > to_seq:
            break
        for chunk, last_seq in _read_segment(path, firsts[index], seq, to_seq):
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


def _read_segment(path: Path, first_seq: int, from_seq: int, to_seq: int | None) -> Iterator[tuple[bytes, int]]:
    """Read a segment's records within the bounds; each chunk comes with the seq of its last record."""
    seq = first_seq
    with path.open("rb") as file:
        file.seek(SEGMENT_HEADER_BYTES)
        buffer = b""
        while data := file.read(CHUNK_BYTES):
            buffer += data
            spans, whole = split_frames(buffer)
            wanted = [span for n, span in enumerate(spans, seq) if from_seq <= n and (to_seq is None or n <= to_seq)]
            seq += len(spans)
            if wanted:
                last_seq = seq - 1 if to_seq is None else min(seq - 1, to_seq)
                yield buffer[wanted[0][0] : wanted[-1][1]], last_seq
            if to_seq is not None and seq > to_seq:
                return
            buffer = buffer[whole:]
