"""The file ``DURABLE`` beside a journal's segments: how far the journal is known to be durable::

offset size  field
     0    8  journal   identity
     8    8  seq       last record that is durable
    16    4  crc32c    of bytes 0..16
"""

from __future__ import annotations

from pathlib import Path
from struct import Struct

import msgspec

from engine.api.wire import crc32c

_MARKER = Struct("<QQ")


class Marker(msgspec.Struct, frozen=True):
    """What ``DURABLE`` says; all 0 when it is absent or torn."""

    journal: int = 0
    seq: int = 0

    def encode(self) -> bytes:
        """Encode to the bytes of the file."""
        raw = _MARKER.pack(self.journal, self.seq)
        return raw + crc32c(raw).to_bytes(4, "little")


def read_marker(directory: Path) -> Marker:
    """Read which seq is known to be durable, and of which journal."""
    try:
        raw = (directory / "DURABLE").read_bytes()
    except FileNotFoundError:
        return Marker()
    if len(raw) != _MARKER.size + 4 or crc32c(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        return Marker()
    return Marker(*_MARKER.unpack_from(raw))
