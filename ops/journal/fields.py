"""A record field by field: what two that should be equal differ in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import msgspec

from engine.api.errors import WireError
from engine.api.wire import HEADER, HEADER_BYTES, crc32c, decode_record

_HEADER_FIELDS = (
    "length",
    "crc32c",
    "seq",
    "ts_ns",
    "prev_crc",
    "source",
    "source_seq",
    "command_length",
    "batch_index",
    "event_count",
)

ABSENT = "-"
"""Stands for a field that one of the two does not have."""


class FieldDifference(msgspec.Struct, frozen=True):
    """A field, as text, in the one record and the other."""

    field: str
    left: str
    right: str


def differing_fields(left: bytes, right: bytes) -> list[FieldDifference]:
    """List the fields two records differ in, in the order of their bytes; an empty record has none."""
    ours, theirs = fields_of(left), fields_of(right)
    fields = [
        FieldDifference(name, ours.get(name, ABSENT), theirs.get(name, ABSENT))
        for name in ours | theirs
        if ours.get(name) != theirs.get(name)
    ]
    bodies = left[HEADER_BYTES:], right[HEADER_BYTES:]
    if bodies[0] != bodies[1] and all(field.field in _HEADER_FIELDS for field in fields):
        at = next(at for at, pair in enumerate(zip_longest(*bodies)) if pair[0] != pair[1])
        fields.append(FieldDifference(f"byte {HEADER_BYTES + at}", *(body[at : at + 1].hex() for body in bodies)))
    return fields


def fields_of(raw: bytes) -> dict[str, str]:
    """Take a record apart: its header, its command and each event. What cannot be decoded is given in hex."""
    if len(raw) < HEADER_BYTES:
        return {"bytes": raw.hex()} if raw else {}
    fields = dict(zip(_HEADER_FIELDS, map(str, HEADER.unpack_from(raw)), strict=True))
    try:
        record = decode_record(_sealed(raw), 0, len(raw))
    except WireError:
        return fields | {"command and events": raw[HEADER_BYTES:].hex()}
    fields |= _named("command", record.command)
    for index, event in enumerate(record.events):
        fields |= _named(f"event {index}", event)
    return fields


def _sealed(raw: bytes) -> bytes:
    """Give a record the checksum of its bytes, so that it can be decoded whatever happened to it."""
    return raw[:4] + crc32c(raw[8:]).to_bytes(4, "little") + raw[8:]


def _named(prefix: str, item: msgspec.Struct) -> dict[str, str]:
    return {prefix: type(item).__name__, **dict(_flattened(prefix, item))}


def _flattened(prefix: str, item: msgspec.Struct) -> Iterator[tuple[str, str]]:
    for name, value in msgspec.structs.asdict(item).items():
        path = f"{prefix}.{name}"
        if isinstance(value, msgspec.Struct):
            yield from _flattened(path, value)
        else:
            yield path, value.hex() if isinstance(value, bytes) else str(value)
