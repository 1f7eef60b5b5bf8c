"""A message is declared once: what its declaration may say, and what is made of it."""

from __future__ import annotations

from struct import Struct
from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.errors import WireError
from engine.api.messages import __main__ as drawing
from engine.api.messages.codec import written
from engine.api.messages.declare import COMMANDS, EVENTS, command
from engine.api.messages.layout import Layout
from engine.api.wire import decode_command, encode_command, layouts, number_of


class Probe(msgspec.Struct, frozen=True):
    """A record with a field of every kind, that is no message of the engine."""

    name: str
    amount: int
    note: str = ""
    is_on: bool = False
    is_copy: bool = False
    offset: int | None = None
    rare: int = 0


FIELDS = "is_on:u8 name:text flags:is_copy|terms|offset zero:3 note:text amount:i128 terms.offset:i64 terms.rare:u32"
HEAD = bytes((200, 1))
PLAIN = Probe("abc", -2, "d", True)
PLAIN_BYTES = HEAD + bytes((1, 3, 0, 0, 0, 0, 1)) + (-2).to_bytes(16, "little", signed=True) + b"abcd"
TERMS = Struct("<qI").pack(-1, 7)
FULL = Probe("abc", 1 << 100, "", False, True, -1, 7)
FULL_BYTES = (
    HEAD + bytes((0, 3, 7, 0, 0, 0, 0)) + (1 << 100).to_bytes(16, "little") + Struct("<qI").pack(-1, 7) + b"abc"
)


@pytest.fixture(scope="module")
def probe() -> Any:
    encode, decode = written(Layout(Probe, 200, FIELDS, is_event=False))
    return encode, decode


@pytest.mark.req("EVT-12")
@pytest.mark.parametrize(("message", "raw"), [(PLAIN, PLAIN_BYTES), (FULL, FULL_BYTES)])
def test_a_layout_says_the_bytes(probe: Any, message: Probe, raw: bytes) -> None:
    encode, decode = probe
    assert encode(message) == raw
    assert decode(b"??" + raw + b"??", 2, 2 + len(raw)) == message


def test_terms_follow_when_one_of_them_is_given_though_it_is_zero(probe: Any) -> None:
    encode, decode = probe
    given = msgspec.structs.replace(PLAIN, offset=0)
    assert decode(encode(given), 0, len(encode(given))) == given
    assert len(encode(given)) == len(PLAIN_BYTES) + 12


@pytest.mark.parametrize("raw", [PLAIN_BYTES[:-1], PLAIN_BYTES + b"e", FULL_BYTES[:-1]])
def test_a_command_ends_with_its_texts(probe: Any, raw: bytes) -> None:
    with pytest.raises(WireError):
        probe[1](raw, 0, len(raw))


def test_a_boolean_is_neither_2_nor_more(probe: Any) -> None:
    with pytest.raises(LookupError):
        probe[1](HEAD + b"\x02" + PLAIN_BYTES[3:], 0, len(PLAIN_BYTES))


@pytest.mark.parametrize("amount", [1 << 127, -(1 << 127) - 1])
def test_an_amount_of_more_than_128_bits_does_not_fit(amount: int) -> None:
    assert encode_command(c.AdjustMargin(1, 1, amount - 1 if amount > 0 else amount + 1))
    with pytest.raises(WireError):
        encode_command(c.AdjustMargin(1, 1, amount))


def test_two_messages_cannot_have_one_number() -> None:
    with pytest.raises(AssertionError, match="SET_MARK"):
        command(number_of(c.SetMark), FIELDS)(Probe)


def test_a_layout_names_every_field_and_no_other() -> None:
    with pytest.raises(AssertionError, match="other fields"):
        command(200, FIELDS + " terms.more:u32")(Probe)
    with pytest.raises(AssertionError, match="other fields"):
        command(200, FIELDS.removesuffix(" terms.rare:u32"))(Probe)
    assert 200 not in COMMANDS


def test_what_was_never_declared_has_no_bytes() -> None:
    for message in (c.Malformed(b""), e.TimeAdvanced(), PLAIN):
        with pytest.raises(WireError):
            encode_command(message)
    with pytest.raises(WireError, match="number 200"):
        decode_command(PLAIN_BYTES)


def test_the_listing_is_one_line_a_message() -> None:
    assert len(layouts()) == len(COMMANDS) + len(EVENTS) == len(set(layouts()))
    assert "command SET_MARK 32 zero:2 symbol_id:u32 price:i64" in layouts()
    assert "event TIME_ADVANCED 39" in layouts()


def test_a_drawing_has_offsets() -> None:
    assert drawing.drawn(COMMANDS[number_of(c.NewOrder)].layout).splitlines()[7:13] == [
        "      8 account_id:u32",
        "     12 symbol_id:u32",
        "     16 order_qty:i64",
        "     24 price:i64",
        "     32 stop_px:i64, if terms follow",
        "     40 max_floor:i64, if terms follow",
    ]
