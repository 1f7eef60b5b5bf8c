"""Layouts of the messages that are not on the way of every order, as tables: one line of fields each."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Any, get_type_hints

from engine.api.errors import WireError

VERSION = 1

_AMOUNT = "16s"


class Layout:
    """How a record type lies in bytes.

    ``fields`` are written ``name code``, in order, with the codes of :mod:`struct`, ``amount`` for an i128 and ``text``
    for the length byte of a text that follows the fixed part; ``2x`` alone is zero bytes. Enumerations and
    booleans are recognised by the type of the field.
    """

    def __init__(self, record: type, kind: int, *fields: str, is_event: bool = False) -> None:
        hints = get_type_hints(record)
        self._record = record
        self.kind = kind
        self._is_event = is_event
        self._fields = [field.split() for field in fields]
        self._names = [parts[0] for parts in self._fields if len(parts) == 2]
        self._codes = [parts[1] for parts in self._fields if len(parts) == 2]
        self._types = [hints[name] for name in self._names]
        codes = {"text": "B", "amount": _AMOUNT}
        body = "".join(codes.get(parts[-1], parts[-1]) for parts in self._fields)
        self._struct = Struct(("<HBB" if is_event else "<BB") + body)
        assert set(hints) == set(self._names), f"a layout of {record.__name__} with other fields"

    def encode(self, message: Any) -> bytes:
        """Encode from the type byte (a command) or the length field (an event) on. Raises: struct.error, ValueError."""
        head = (self._struct.size, self.kind, VERSION) if self._is_event else (self.kind, VERSION)
        values: list[Any] = []
        texts = b""
        for name, code in zip(self._names, self._codes, strict=True):
            value: Any = getattr(message, name)
            if code == "amount":
                value = value.to_bytes(16, "little", signed=True)
            elif code == "text":
                raw = value.encode("ascii")
                value, texts = len(raw), texts + raw
            values.append(value)
        return self._struct.pack(*head, *values) + texts

    def decode(self, buffer: bytes, start: int, end: int | None = None) -> Any:
        """Decode what stands at ``start``; a command ends exactly at ``end``.

        Raises: WireError, struct.error, ValueError.
        """
        raw = self._struct.unpack_from(buffer, start)[3 if self._is_event else 2 :]
        at = start + self._struct.size
        values: dict[str, Any] = {}
        for name, code, kind, value in zip(self._names, self._codes, self._types, raw, strict=True):
            if code == "amount":
                value = int.from_bytes(value, "little", signed=True)
            elif code == "text":
                value, at = buffer[at : at + int(value)].decode("ascii"), at + int(value)
            elif isinstance(kind, type) and issubclass(kind, IntEnum):
                value = kind(value)
            elif kind is bool:
                if value > 1:
                    raise WireError(f"{name} is neither 0 nor 1")
                value = bool(value)
            values[name] = value
        if end is not None and at != end:
            raise WireError("text lengths do not add up")
        return self._record(**values)
