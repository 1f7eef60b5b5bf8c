"""Where a text stands in a long journal: whole segments are searched, and only records that hold it are decoded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from engine.api.segment import list_segments
from engine.api.wire import Record, decode_record, split_frames
from engine.client import read_journal


def records_with(directory: Path, text: str, to_seq: int | None = None) -> Iterator[Record]:
    """Find the records whose bytes hold ``text``, in order, up to ``to_seq``. Cost: reads every segment once."""
    wanted, paths = text.encode(), list_segments(directory)
    firsts = [int(path.stem.rpartition("-")[2]) for path in paths]
    for path, (first, following) in zip(paths, pairwise([*firsts, 0]), strict=True):
        if to_seq is not None and first > to_seq:
            return
        if wanted in path.read_bytes():
            yield from _within(directory, wanted, first, _least(following - 1, to_seq))


def _least(last: int, to_seq: int | None) -> int | None:
    """Return the last record wanted of a segment; None for all of the last segment."""
    if last < 0:
        return to_seq
    return last if to_seq is None else min(last, to_seq)


def _within(directory: Path, wanted: bytes, first: int, last: int | None) -> Iterator[Record]:
    for chunk in read_journal(directory, first, last):
        if wanted in chunk:
            for start, end in split_frames(chunk)[0]:
                if wanted in chunk[start:end]:
                    yield decode_record(chunk, start, end)
