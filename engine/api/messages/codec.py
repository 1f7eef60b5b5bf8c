"""The functions that encode and decode a message, written from its layout.

They are on the way of every order: so each is written out as source, once, at import, as a person would write it by
hand for speed (``python -m engine.api.messages source NEW_ORDER`` shows one), instead of going through the layout
field by field each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum, IntFlag
from typing import cast, get_args

import msgspec

from engine.api.errors import WireError
from engine.api.messages.layout import VERSION, Field, Layout, struct_of

Encode = Callable[[msgspec.Struct], bytes]
"""Encode a message from its head on. Raises: struct.error, ValueError, OverflowError."""

Decode = Callable[[bytes, int, int], msgspec.Struct]
"""Decode the message at ``buffer[start:end]``; an event may be longer. Raises: WireError, struct.error, LookupError,
ValueError."""

LOW = (1 << 64) - 1
"""The low half of an i128."""

BOOLEANS = (False, True)


def written(layout: Layout) -> tuple[Encode, Decode]:
    """Write both functions for a layout."""
    known = _names_in_source(layout)
    exec(compile(source(layout), f"<codec of {layout.name}>", "exec"), known)
    return cast(Encode, known["encode"]), cast(Decode, known["decode"])


def source(layout: Layout) -> str:
    """Write both functions as Python source."""
    return "\n".join((*_encode(layout), "", *_decode(layout), ""))


def _names_in_source(layout: Layout) -> dict[str, object]:
    """Gather what the source speaks of: the struct functions, the record and its enumerations."""
    known: dict[str, object] = {
        "record": layout.record,
        "low": LOW,
        "WireError": WireError,
        "pack": struct_of(layout.fixed, layout.head).pack,
        "unpack": struct_of(layout.fixed, f"{layout.head_bytes}x").unpack_from,
        "pack_terms": struct_of(layout.terms).pack,
        "unpack_terms": struct_of(layout.terms).unpack_from,
        "booleans": BOOLEANS,
    }
    for hint in layout.hints.values():
        if isinstance(hint, type) and issubclass(hint, IntEnum | IntFlag):
            numbers = range(1 << len(hint)) if issubclass(hint, IntFlag) else [int(member) for member in hint]
            known[hint.__name__] = {number: hint(number) for number in numbers}
    if not layout.names:
        known["bare"] = layout.record()
    return known


# --- encode -----------------------------------------------------------------------------------------------


def _encode(layout: Layout) -> Iterator[str]:
    yield "def encode(m):"
    texts = [field.name for field in layout.fixed if field.kind == "text"]
    yield from (f"    {name} = m.{name}.encode('ascii')" for name in texts)
    if layout.terms:
        given = ", ".join(f"m.{field.name}" for field in layout.terms)
        absent = ", ".join("None" if _is_optional(layout, field.name) else "0" for field in layout.terms)
        yield f"    terms = ({given})"
        yield f"    has_terms = terms != ({absent})"
    head = [str(layout.fixed_bytes)] * layout.is_event + [str(layout.number), str(VERSION)]
    values = [value for field in layout.fixed for value in _values(layout, field)]
    terms = [f"(pack_terms({', '.join(_term_values(layout))}) if has_terms else b'')"] if layout.terms else []
    fixed = f"pack({', '.join(head + values)})"
    yield f"    return {' + '.join((fixed, *terms, *texts))}"


def _term_values(layout: Layout) -> Iterator[str]:
    for field in layout.terms:
        yield from _values(layout, field)


def _values(layout: Layout, field: Field) -> list[str]:
    """Write what is packed for a field."""
    if field.name == "zero":
        return []
    if field.name == "flags":
        bits = (_flag(layout, name) for name in field.kind.split("|"))
        return [" | ".join(f"{bit} << {place}" if place else bit for place, bit in enumerate(bits))]
    if field.kind == "text":
        return [f"len({field.name})"]
    if field.kind == "i128":
        return [f"m.{field.name} & low", f"m.{field.name} >> 64"]
    return [f"m.{field.name} or 0" if _is_optional(layout, field.name) else f"m.{field.name}"]


def _flag(layout: Layout, name: str) -> str:
    if name == "terms":
        return "has_terms"
    return f"(m.{name} is not None)" if _is_optional(layout, name) else f"m.{name}"


# --- decode -----------------------------------------------------------------------------------------------


def _decode(layout: Layout) -> Iterator[str]:
    yield "def decode(b, start, end):"
    texts = [field.name for field in layout.fixed if field.kind == "text"]
    if targets := _targets(layout.fixed):
        yield f"    {targets} = unpack(b, start)"
    yield from _texts(layout, texts)
    if not layout.names:
        yield "    return bare"
    elif not layout.terms:
        yield f"    return record({_arguments(layout, layout.names)})"
    else:
        few = {field.name for field in layout.terms}
        yield f"    if not {_bit(layout, 'terms')}:"
        yield f"        return record({_arguments(layout, [name for name in layout.names if name not in few])})"
        yield f"    {_targets(layout.terms)} = unpack_terms(b, start + {layout.fixed_bytes})"
        yield f"    return record({_arguments(layout, layout.names)})"


def _texts(layout: Layout, texts: list[str]) -> Iterator[str]:
    """Split the text after the numbers; a command must end where its texts do."""
    if layout.is_event:
        assert not texts, f"{layout.name}: an event may grow at its end, so it cannot end with a text"
        return
    yield f"    at = start + {layout.fixed_bytes}"
    if layout.terms:
        yield f"    if {_bit(layout, 'terms')}:"
        yield f"        at += {sum(field.size for field in layout.terms)}"
    for name in texts:
        yield f"    {name} = b[at : at + {name}_length].decode('ascii')"
        yield f"    at += {name}_length"
    yield "    if at != end:"
    yield "        raise WireError('text lengths do not add up')"


def _targets(fields: tuple[Field, ...]) -> str:
    names = []
    for field in fields:
        if field.kind == "i128":
            names += [f"{field.name}_low", field.name]
        elif field.name != "zero":
            names.append(f"{field.name}_length" if field.kind == "text" else field.name)
    return "".join(f"{name}, " for name in names).rstrip()


def _arguments(layout: Layout, names: list[str]) -> str:
    """Write the arguments of the record, by place as far as there is no gap."""
    arguments, is_gapless = [], True
    for name in layout.record.__struct_fields__:
        is_gapless = is_gapless and name in names
        if name in names:
            value = _value(layout, name)
            arguments.append(value if is_gapless else f"{name}={value}")
    return ", ".join(arguments)


def _value(layout: Layout, name: str) -> str:
    """Write a field of the record from what was unpacked."""
    hint = layout.hints[name]
    kinds = {field.name: field.kind for field in (*layout.fixed, *layout.terms)}
    if name not in kinds:
        return f"{_bit(layout, name)} != 0"
    if kinds[name] == "i128":
        return f"{name} << 64 | {name}_low"
    if _is_optional(layout, name):
        return f"{name} if {_bit(layout, name)} else None"
    if hint is bool:
        return f"booleans[{name}]"
    return f"{hint.__name__}[{name}]" if isinstance(hint, type) and issubclass(hint, IntEnum | IntFlag) else name


def _bit(layout: Layout, name: str) -> str:
    """Write the test of a flag."""
    names = next(field.kind.split("|") for field in layout.fixed if field.name == "flags")
    return f"flags & {1 << names.index(name)}"


def _is_optional(layout: Layout, name: str) -> bool:
    hint = layout.hints[name]
    return type(None) in get_args(hint)
