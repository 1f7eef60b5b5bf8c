"""The decorators that declare a message, and the tables of what was declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from engine.api.messages.codec import Decode, Encode, written
from engine.api.messages.layout import Layout

M = TypeVar("M", bound=type[msgspec.Struct])


class Declared(msgspec.Struct, frozen=True):
    """A message with its layout and the functions made from it."""

    layout: Layout
    encode: Encode
    decode: Decode


COMMANDS: dict[int, Declared] = {}
"""Commands by number. Whole once :mod:`engine.api.commands` is imported."""

EVENTS: dict[int, Declared] = {}
"""Events by number. Whole once :mod:`engine.api.events` is imported."""

_DECLARED: dict[type, Declared] = {}

Codec = Callable[[Layout], tuple[Encode, Decode]]


def command(number: int, fields: str, codec: Codec = written) -> Callable[[M], M]:
    """Declare a command; a ``codec`` of its own makes its functions, instead of writing them from the layout."""
    return lambda record: _declare(record, Layout(record, number, fields, False), codec, COMMANDS)


def event(number: int, fields: str = "") -> Callable[[M], M]:
    """Declare an event."""
    return lambda record: _declare(record, Layout(record, number, fields, True), written, EVENTS)


def declared(record: type) -> Declared | None:
    """Find what was declared for a record's type; None for a type that is no message."""
    return _DECLARED.get(record)


def number_of(record: type) -> int:
    """Tell the number of a message. Raises: KeyError for what is none."""
    return _DECLARED[record].layout.number


def _declare(record: M, layout: Layout, codec: Codec, table: dict[int, Declared]) -> M:
    assert layout.number not in table, f"{layout.name} has the number of {table[layout.number].layout.name}"
    if codec is written:
        assert set(layout.hints) == set(layout.names), f"{layout.name}: a layout with other fields"
    table[layout.number] = _DECLARED[record] = Declared(layout, *codec(layout))
    return record
