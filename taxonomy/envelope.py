"""The envelope every expanded event travels in, its identifier and its canonical text.

The identifier is a UUIDv7-shaped function of the log (DET-30), never random; it sorts by time, then by record,
then by place::

    48 bits  time of the event in ms
     4 bits  0111 (version 7)
    12 bits  seq of the record, bits 43..32
     2 bits  10 (variant)
    32 bits  seq, bits 31..0
    26 bits  place of the event among all that its record expands to
     4 bits  kind: 3 event, 4 command (1 and 2 are orders and trades, see engine.api.ids)
"""

from __future__ import annotations

import msgspec

from engine.api.errors import WireError

VERSION = 1
"""Of the payloads. Fields are added, never taken away; readers ignore those they do not know (EVT-12)."""

SOURCE = "engine"
EVENT, COMMAND = 3, 4

_SEQ_BITS, _INDEX_BITS = 44, 26

Value = str | int | bool | None
"""What a payload holds: numbers are decimal text, timestamps whole nanoseconds (EVT-06)."""

Payload = dict[str, Value]


class Metadata(msgspec.Struct, frozen=True):
    """Where an event belongs.

    ``correlation_id`` names the command, ``causation_id`` the event that led to this one, or the command (EVT-04).
    ``sequences`` counts the events of each entity this one is about, from 1 (EVT-09): ``account:101``,
    ``order:<order_id>``, ``position:<position_id>``, ``symbol:BTC/USDT``.
    """

    version: int
    correlation_id: str
    causation_id: str
    sequences: dict[str, int]


class Envelope(msgspec.Struct, frozen=True):
    """One event of the taxonomy. ``sequence`` counts all expanded events from 1, without gaps."""

    event_id: str
    event_type: str
    sequence: int
    timestamp: int
    source: str
    payload: Payload
    metadata: Metadata


def envelope_id(ts_ns: int, seq: int, index: int, kind: int) -> str:
    """Write the identifier of an event, or of a command. Raises: WireError when a number is too large for it."""
    if seq >> _SEQ_BITS or index >> _INDEX_BITS:
        raise WireError(f"seq {seq} or index {index} is too large for an identifier")
    high = 0x7000 | seq >> 32
    low = 0b10 << 62 | (seq & 0xFFFF_FFFF) << 30 | index << 4 | kind
    ms = ts_ns // 1_000_000
    return f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-{high:04x}-{low >> 48:04x}-{low & 0xFFFF_FFFF_FFFF:012x}"


def canonical_json(envelope: Envelope) -> bytes:
    """Write an envelope as UTF-8 JSON with sorted keys: equal events give equal bytes (EVT-06)."""
    return msgspec.json.encode(envelope, order="sorted")
