"""The bytes of frames, commands and events. Little-endian throughout; amounts are 128-bit two's complement.

One frame serves the link and the journal. A gateway sends it with ``seq``, ``ts_ns``, ``prev_crc``,
``batch_index`` and ``event_count`` zero; the core stamps these, appends the events, and the same bytes are
journaled and then published. A frame without events is called a *command frame*, a stamped one a *record*::

    offset size  field
         0    4  length          bytes of the whole frame, this header included
         4    4  crc32c          CRC-32C of bytes 8..length
         8    8  seq             number of the record: 1, 2, 3, ... without gaps
        16    8  ts_ns           exchange time of event 0; event i happened at ts_ns + i (DRV-10)
        24    4  prev_crc        crc32c of the record before, 0 for seq 1: the chain
        28    4  source          number of the FIX session that sent the command, 0 for operations
        32    8  source_seq      the sender's own number for the command, rising within one source
        40    2  command_length  bytes of the command
        42    2  batch_index     place of the record in the batch that one sync made durable, from 0
        44    4  event_count     events after the command
        48    .  command         type u8, version u8, then its body
         .    .  events          each: length u16 (these four bytes included), type u8, version u8, its body

Commands and events are declared, with their bytes, in :mod:`engine.api.messages`.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from struct import error as StructError
from typing import cast

import google_crc32c
import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.errors import ChecksumError, WireError
from engine.api.ids import Seq, SessionId
from engine.api.limits import COMMAND_BYTES_MAX, RECORD_BYTES_MAX
from engine.api.messages.declare import COMMANDS, EVENTS, declared, number_of
from engine.api.messages.layout import VERSION
from engine.api.units import TimestampNs

HEADER = Struct("<IIQQIIQHHI")
HEADER_BYTES = HEADER.size

crc32c: Callable[[bytes], int] = google_crc32c.value


class Record(msgspec.Struct, frozen=True):
    """One record of the log: a command, when and by whom, and all it caused."""

    seq: Seq
    ts_ns: TimestampNs
    source: SessionId
    source_seq: int
    command: c.Command
    events: tuple[e.Event, ...]

    def time_of(self, index: int) -> TimestampNs:
        """Tell when event ``index`` happened (DRV-10)."""
        return TimestampNs(self.ts_ns + index)


def layouts() -> list[str]:
    """Write every layout as one line, commands first, by number: what the compiled core is compared with."""
    return [str(table[number].layout) for table in (COMMANDS, EVENTS) for number in sorted(table)]


def encode_command(command: c.Command) -> bytes:
    """Encode a command from its number on. Raises: WireError when a field does not fit its layout."""
    known = declared(type(command))
    if known is None or known.layout.is_event:
        raise WireError(f"not a command that can be sent: {type(command).__name__}")
    try:
        return known.encode(command)
    except (StructError, ValueError, OverflowError) as error:
        raise WireError(f"{type(command).__name__} does not fit its layout: {error}") from error


def decode_command(buffer: bytes, start: int = 0, end: int | None = None) -> c.Command:
    """Decode a command at ``buffer[start:end]``. Raises: WireError for an unknown number, version or layout."""
    stop = len(buffer) if end is None else end
    try:
        number, version = buffer[start], buffer[start + 1]
        if number not in COMMANDS or version != VERSION:
            raise WireError(f"no command of number {number} version {version}")
        return cast(c.Command, COMMANDS[number].decode(buffer, start, stop))
    except WireError:
        raise
    except (StructError, LookupError, ValueError) as error:
        raise WireError(f"malformed command: {error}") from error


def encode_event(event: e.Event) -> bytes:
    """Encode an event from its length field on. Used by the model engine and by tests; the core has its own."""
    known = declared(type(event))
    assert known is not None, f"{type(event).__name__} is no event"
    return known.encode(event)


def encode_frame(source: int, source_seq: int, command: bytes) -> bytes:
    """Wrap an encoded command in a command frame, ready to send. Raises: WireError over COMMAND_BYTES_MAX."""
    if len(command) > COMMAND_BYTES_MAX:
        raise WireError(f"a command of {len(command)} bytes exceeds {COMMAND_BYTES_MAX}")
    length = HEADER_BYTES + len(command)
    frame = HEADER.pack(length, 0, 0, 0, 0, source, source_seq, len(command), 0, 0) + command
    return frame[:4] + crc32c(frame[8:]).to_bytes(4, "little") + frame[8:]


def split_frames(buffer: bytes) -> tuple[list[tuple[int, int]], int]:
    """Find the whole frames at the head of ``buffer``.

    Returns: their ``(start, end)``, and the offset where the incomplete rest begins.
    Raises: WireError when a length is impossible. Checksums are not looked at.
    """
    spans: list[tuple[int, int]] = []
    start, size = 0, len(buffer)
    while size - start >= HEADER_BYTES:
        length = int.from_bytes(buffer[start : start + 4], "little")
        if not HEADER_BYTES <= length <= RECORD_BYTES_MAX:
            raise WireError(f"a frame of {length} bytes at offset {start}")
        if start + length > size:
            break
        spans.append((start, start + length))
        start += length
    return spans, start


def decode_record(buffer: bytes, start: int, end: int) -> Record:
    """Decode the frame at ``buffer[start:end]`` and check its CRC.

    Raises: ChecksumError when bytes changed; WireError when they are no record of this version.
    """
    _, crc, seq, ts_ns, _, source, source_seq, command_length, _, count = HEADER.unpack_from(buffer, start)
    if crc32c(buffer[start + 8 : end]) != crc:
        raise ChecksumError(f"checksum of record {seq} does not match")
    at = start + HEADER_BYTES + command_length
    command = _decode_journaled(buffer, start + HEADER_BYTES, at)
    events = []
    try:
        for _ in range(count):
            known = EVENTS.get(buffer[at + 2])
            if known is not None:
                events.append(known.decode(buffer, at, end))
            at += buffer[at] | buffer[at + 1] << 8
    except (StructError, LookupError, ValueError) as error:
        raise WireError(f"malformed event in record {seq}: {error}") from error
    if at != end:
        raise WireError(f"record {seq} has {end - at} bytes that are no event")
    return Record(seq, ts_ns, source, source_seq, command, cast(tuple[e.Event, ...], tuple(events)))


def _decode_journaled(buffer: bytes, start: int, end: int) -> c.Command:
    try:
        return decode_command(buffer, start, end)
    except WireError:
        return c.Malformed(buffer[start:end])


def decode_records(buffer: bytes) -> list[Record]:
    """Decode a buffer of whole records. Raises: as :func:`decode_record`, and WireError for a rest."""
    spans, rest = split_frames(buffer)
    if rest != len(buffer):
        raise WireError(f"{len(buffer) - rest} bytes after the last whole record")
    return [decode_record(buffer, start, end) for start, end in spans]


__all__ = [
    "HEADER",
    "HEADER_BYTES",
    "VERSION",
    "Record",
    "crc32c",
    "decode_command",
    "decode_record",
    "decode_records",
    "encode_command",
    "encode_event",
    "encode_frame",
    "layouts",
    "number_of",
    "split_frames",
]
