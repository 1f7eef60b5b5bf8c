"""How messages lie in bytes. A message is declared once: its number and its layout stand above its fields.

::

    @command(33, "status:u8 zero:1 symbol_id:u32")
    class SetSymbolStatus(msgspec.Struct, frozen=True):
        symbol_id: int
        status: SymbolStatus

A layout names the bytes after the head, in order, without gaps, little-endian::

    u8 u16 u32 u64 i32 i64 i128   a number; i128 is two's complement. Enumerations and booleans are numbers
    text                          one byte, the length of an ASCII text; the texts follow all else, in order
    zero:N                        N bytes that must be zero
    flags:a|b|c                   one byte: bit 0 says a, bit 1 says b, ... A flag is a boolean field, or says that an
                                  optional field is given, or that ``terms`` follow
    terms.NAME                    what few orders have: these follow the fixed part if any is given, or is not 0

The head of a command is its number u8 and its version u8; before these an event has its length u16, which counts
itself. A reader skips what it does not know at an event's end, and events of unknown number (EVT-12).
``python -m engine.api.messages`` draws every layout with its offsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from struct import Struct
from typing import get_type_hints

import msgspec

VERSION = 1
"""Version of every layout."""

_CODES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i32": "i", "i64": "q", "i128": "Qq", "text": "B"}


class Field(msgspec.Struct, frozen=True):
    """Some bytes of a layout: ``kind`` is one of the types above, or what follows ``zero:`` and ``flags:``."""

    name: str
    kind: str

    @property
    def code(self) -> str:
        """The bytes in the codes of :mod:`struct`; an i128 is its low half and its high half."""
        if self.name == "zero":
            return f"{self.kind}x"
        return "B" if self.name == "flags" else _CODES[self.kind]

    @property
    def size(self) -> int:
        """Bytes in the fixed part."""
        return Struct(f"<{self.code}").size

    def __str__(self) -> str:
        return f"{self.name}:{self.kind}"


class Layout:
    """The bytes of one message, as its declaration has them."""

    def __init__(self, record: type[msgspec.Struct], number: int, fields: str, is_event: bool) -> None:
        self.record = record
        self.number = number
        self.hints: dict[str, object] = get_type_hints(record)
        self.name = re.sub(r"(?<!^)(?=[A-Z])", "_", record.__name__).upper()
        self.is_event = is_event
        words = fields.split()
        self.fixed = _parse(word for word in words if not word.startswith("terms."))
        self.terms = _parse(word.removeprefix("terms.") for word in words if word.startswith("terms."))
        self.head = "HBB" if is_event else "BB"
        self.head_bytes = Struct(f"<{self.head}").size
        self.fixed_bytes = self.head_bytes + sum(field.size for field in self.fixed)

    @property
    def names(self) -> list[str]:
        """Name the fields of the record that the layout carries."""
        flags = [name for field in self.fixed if field.name == "flags" for name in field.kind.split("|")]
        plain = [field.name for field in (*self.fixed, *self.terms) if field.name not in ("zero", "flags")]
        return plain + [name for name in flags if name != "terms" and name not in plain]

    def offset(self, name: str) -> int:
        """Tell where a field of the fixed part, or the length of a text, stands. Raises: ValueError for another."""
        place = [field.name for field in self.fixed].index(name)
        return self.head_bytes + sum(field.size for field in self.fixed[:place])

    def __str__(self) -> str:
        """Write the declaration as one line, as the compiled core writes its own."""
        fields = [*map(str, self.fixed), *(f"terms.{field}" for field in self.terms)]
        return " ".join(("event" if self.is_event else "command", self.name, str(self.number), *fields))


def struct_of(fields: Iterable[Field], head: str = "") -> Struct:
    """Draw fields, after a head in codes of :mod:`struct`, as a Struct."""
    return Struct("<" + head + "".join(field.code for field in fields))


def _parse(words: Iterable[str]) -> tuple[Field, ...]:
    return tuple(Field(*word.split(":")) for word in words)
