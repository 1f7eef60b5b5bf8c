"""Segments: the files of the journal. The engine writes them, followers read them, nobody else does.

A segment is named ``journal-<first seq, 20 digits>.seg`` and begins with::

    offset size  field
         0    8  magic           b"EXCHJRNL"
         8    4  version         2
        12    4  epoch           generation of the numbering, part of every ExecID
        16    8  journal         identity: a number drawn when the journal is begun, the same in all that belongs to it
        24    8  fencing         rises by one each time an engine takes the directory
        32    8  first_seq       seq of the first record
        40    4  prev_crc        crc32c of the record before first_seq, 0 at seq 1
        44    4  rules           version of the rules its records were made under
        48   32  prev_sha256     SHA-256 of the whole segment before, zeros for the first
        80    4  zero
        84    4  crc32c          of bytes 0..84

then records as drawn in :mod:`engine.api.wire`, without anything between them.
"""

from __future__ import annotations

import os
from pathlib import Path
from struct import Struct

import msgspec

from engine.api.errors import OtherVersion, WireError
from engine.api.limits import RULES_VERSION
from engine.api.wire import crc32c

MAGIC = b"EXCHJRNL"
VERSION = 2
_HEADER = Struct("<8sIIQQQII32sI")
SEGMENT_HEADER_BYTES = _HEADER.size + 4

_EARLIER = {1: 76}
"""Earlier versions, and where the checksum of their headers lay."""


class SegmentHeader(msgspec.Struct, frozen=True):
    """What the head of a segment says; fields as drawn above."""

    journal: int
    epoch: int
    fencing: int
    first_seq: int
    prev_crc: int
    prev_sha256: bytes
    rules: int = RULES_VERSION

    def encode(self) -> bytes:
        """Encode to SEGMENT_HEADER_BYTES bytes."""
        place = (self.journal, self.fencing, self.first_seq, self.prev_crc)
        head = _HEADER.pack(MAGIC, VERSION, self.epoch, *place, self.rules, self.prev_sha256, 0)
        return head + crc32c(head).to_bytes(4, "little")

    @classmethod
    def decode(cls, raw: bytes) -> SegmentHeader:
        """Decode the first bytes of a segment.

        Raises: WireError unless they are a whole, sound header; OtherVersion where they say that of another release.
        """
        for version, end in _EARLIER.items():
            is_that = raw.startswith(MAGIC + version.to_bytes(4, "little"))
            if is_that and raw[end : end + 4] == crc32c(raw[:end]).to_bytes(4, "little"):
                raise OtherVersion(version, VERSION)
        if len(raw) < SEGMENT_HEADER_BYTES:
            raise WireError(f"a segment header of {len(raw)} bytes")
        head = raw[: _HEADER.size]
        if crc32c(head) != int.from_bytes(raw[_HEADER.size : SEGMENT_HEADER_BYTES], "little"):
            raise WireError("segment header checksum does not match")
        magic, version, epoch, journal, fencing, first_seq, prev_crc, rules, sha256, _ = _HEADER.unpack(head)
        if magic != MAGIC:
            raise WireError("not a segment of a journal")
        if version != VERSION:
            raise OtherVersion(version, VERSION)
        return cls(journal, epoch, fencing, first_seq, prev_crc, sha256, rules)


def draw_journal() -> int:
    """Draw the identity of a new journal: 63 bits, never 0, so that a BIGINT holds it."""
    return int.from_bytes(os.urandom(8), "little") >> 1 or 1


def segment_name(first_seq: int) -> str:
    """Name the segment whose first record is ``first_seq``."""
    return f"journal-{first_seq:020d}.seg"


def list_segments(directory: Path) -> list[Path]:
    """List a journal's segments in the order of their records."""
    return sorted(directory.glob("journal-*.seg"))
