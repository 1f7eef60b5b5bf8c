"""Every command and every event survives its bytes, and has only one form."""

from __future__ import annotations

from enum import Enum
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import ExecInst, InstrumentKind
from engine.api.instrument import Instrument
from engine.api.messages import declare
from engine.api.parameters import MarginBracket
from engine.api.rejects import ErrorCode
from engine.api.units import Step
from engine.api.wire import (
    HEADER,
    HEADER_BYTES,
    Record,
    crc32c,
    decode_command,
    decode_record,
    encode_command,
    encode_event,
    encode_frame,
    number_of,
)
from tests.model import market as m
from tests.model.market import Market

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
i32, i64, i128 = (st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (32, 64, 128))

NUMBERS = {
    **dict.fromkeys(("asset_id", "base_asset_id", "quote_asset_id", "code"), u16),
    **dict.fromkeys(("order_id", "request_seq", "expire_time_ns", "until_ns", "effective_ns", "version"), u64),
    **dict.fromkeys(("amount", "reserved", "released", "buyer_released", "taker_fee", "maker_fee", "loan"), i128),
    **dict.fromkeys(("cost", "margin", "extra", "debt", "realized_pnl", "available", "locked"), i128),
    **dict.fromkeys(("available_after", "from_available", "to_available", "payer_available"), i128),
    **dict.fromkeys(("position_notional_max", "min_notional", "max_notional"), i128),
    **dict.fromkeys(("decimals", "tier", "leverage", "leverage_max", "max_leverage"), u8),
    **dict.fromkeys(("side", "ord_type", "time_in_force"), u8),
    **dict.fromkeys(("taker_order_id", "maker_order_id"), u64),
    **dict.fromkeys(("maker_ppm", "taker_ppm"), i32),
    **dict.fromkeys(("canceled", "remaining", "band_ppm", "weight_ppm", "ref_tag", "stp_group", "of_session"), u32),
}
"""How wide the whole numbers are; what ends in ``_id`` and is not here has 32 bits, the rest 64 and a sign."""


def field(name: str, kind: Any) -> st.SearchStrategy[Any]:
    """Draw what a field of this name and type can hold."""
    if kind is bool:
        return st.booleans()
    if kind is str:
        return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=36)
    if kind == int | None:
        return st.none() | i64
    if kind is ExecInst:
        return st.integers(0, 15).map(ExecInst)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(list(kind))
    if kind is Instrument:
        return instruments
    if name == "brackets":
        return st.lists(st.builds(MarginBracket, i64, u32, u32).filter(any_of_it), max_size=8).map(tuple)
    return NUMBERS.get(name, u32 if name.endswith("_id") else i64)


def any_of_it(row: MarginBracket) -> bool:
    """Tell whether a row is one that is used."""
    return row != MarginBracket(0, 0, 0)


def drawn(record: type) -> st.SearchStrategy[Any]:
    """Draw a record of a type."""
    return st.builds(record, **{name: field(name, kind) for name, kind in get_type_hints(record).items()})


def whole(i: Instrument) -> Instrument:
    """Take from a spot instrument what only a perpetual has."""
    return i if i.kind is InstrumentKind.PERPETUAL else msgspec.structs.replace(i, pnl_account_id=0)


steps = st.builds(Step, i64, u8)
listing_hints = {name: kind for name, kind in get_type_hints(Instrument).items() if name not in ("tick", "lot")}
instruments = st.builds(
    Instrument, tick=steps, lot=steps, **{name: field(name, kind) for name, kind in listing_hints.items()}
).map(whole)

COMMANDS: tuple[type, ...] = tuple(kind for kind in c.Command.__args__ if kind is not c.Malformed)
EVENTS: tuple[type, ...] = e.Event.__args__
commands = st.one_of([drawn(kind) for kind in COMMANDS])
events = st.one_of([drawn(kind) for kind in EVENTS])


@pytest.mark.req("EVT-12")
@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_command_survives_its_bytes(kind: type, data: st.DataObject) -> None:
    command = data.draw(drawn(kind))
    raw = encode_command(command)
    assert decode_command(raw) == command
    assert encode_command(decode_command(raw)) == raw


def record_of(command: bytes, *caused: bytes) -> bytes:
    """Frame a command and the bytes of its events as record 7."""
    body = command + b"".join(caused)
    length = HEADER_BYTES + len(body)
    record = HEADER.pack(length, 0, 7, 8, 0, 9, 10, len(command), 0, len(caused)) + body
    return record[:4] + crc32c(record[8:]).to_bytes(4, "little") + record[8:]


@pytest.mark.req("EVT-12")
@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_an_event_survives_its_bytes_and_those_a_later_version_adds(kind: type, data: st.DataObject) -> None:
    event = data.draw(drawn(kind))
    raw = encode_event(event)
    assert int.from_bytes(raw[:2], "little") == len(raw)
    longer = (len(raw) + 3).to_bytes(2, "little") + raw[2:] + b"new"
    raw_time = encode_command(c.AdvanceTime())
    for form in (raw, longer):
        record = record_of(raw_time, form)
        assert decode_record(record, 0, len(record)).events == (event,)


@pytest.mark.req("EVT-12")
def test_an_event_of_a_type_nobody_knows_yet_is_skipped() -> None:
    unknown = bytes((8, 0, 250, 1)) + b"????"
    record = record_of(encode_command(c.AdvanceTime()), unknown, encode_event(e.TimeAdvanced()))
    assert decode_record(record, 0, len(record)).events == (e.TimeAdvanced(),)


@settings(max_examples=200, deadline=None)
@given(commands, st.lists(events, max_size=6))
def test_records_round_trip(command: c.Command, caused: list[e.Event]) -> None:
    record = record_of(encode_command(command), *map(encode_event, caused))
    assert decode_record(record, 0, len(record)) == Record(7, 8, 9, 10, command, tuple(caused))


def test_every_type_has_its_number_and_no_two_the_same() -> None:
    assert [encode_command(SIMPLEST[kind])[0] for kind in COMMANDS] == [number_of(kind) for kind in COMMANDS]
    assert {known.layout.record for known in declare.COMMANDS.values()} == set(COMMANDS)
    assert {known.layout.record for known in declare.EVENTS.values()} == set(EVENTS)


def simplest(record: type) -> Any:
    """A record with the smallest value in every field."""

    def value(kind: Any) -> Any:
        if isinstance(kind, type) and issubclass(kind, Enum):
            return next(iter(kind))
        if kind == tuple[MarginBracket, ...]:
            return ()
        return {str: "a", bool: False, Instrument: m.BTC_LISTING}.get(kind, 0)

    hints = get_type_hints(record)
    required = [known.name for known in msgspec.structs.fields(record) if known.required]
    return record(**{name: value(hints[name]) for name in required})


SIMPLEST = {kind: simplest(kind) for kind in COMMANDS}
TERMS = c.NewOrder(m.ALPHA, m.BTC_USDT, m.BUY, m.LIMIT, m.GTC, m.NOW_NS, 1, "a", max_floor=1)
CHANGES = c.ReplaceOrder("a", 1, orig_cl_ord_id="b", max_floor=1)
PERPETUAL = c.ListInstrument(m.BTC_PERP_LISTING)

ZEROS: list[tuple[c.Command, tuple[int, ...]]] = [
    (SIMPLEST[c.RegisterAsset], (6, 7)),
    (SIMPLEST[c.RegisterFirm], (3,)),
    (PERPETUAL, (100, 103)),
    (SIMPLEST[c.DelistInstrument], (2, 3)),
    (SIMPLEST[c.Deposit], (3, 10, 11, 12, 15)),
    (SIMPLEST[c.CancelOrder], (6, 7)),
    (CHANGES, (7,)),
    (SIMPLEST[c.MassCancel], (5,)),
    (SIMPLEST[c.SetKillSwitch], (3,)),
    (SIMPLEST[c.RequestOrderStatus], (4, 7)),
    (SIMPLEST[c.AdjustMargin], (2, 3, 12, 15)),
    (SIMPLEST[c.SetMark], (2, 3)),
    (SIMPLEST[c.SetSymbolStatus], (3,)),
    (SIMPLEST[c.SetVenueStatus], (3,)),
    (SIMPLEST[c.TriggerBreaker], (3,)),
    (SIMPLEST[c.AdvanceTime], (2, 3)),
    (SIMPLEST[c.SetAccountStatus], (3,)),
    (SIMPLEST[c.SetMarginState], (3,)),
    (SIMPLEST[c.Transfer], (12, 15)),
    (SIMPLEST[c.CoverDebt], (2, 3)),
    (SIMPLEST[c.SetParameter], (3,)),
    (SIMPLEST[c.SetMarginBrackets], (2, 3)),
    (SIMPLEST[c.SetFeeRates], (3,)),
]
"""Where each layout has bytes called zero."""

NO_TERMS = c.NewOrder(m.ALPHA, m.BTC_USDT, m.BUY, m.LIMIT, m.GTC, 1, 1, "a")
TERMS_AT = 32
ODD: list[tuple[c.Command, dict[int, int]]] = [
    (NO_TERMS, {5: 4}),
    (NO_TERMS, {5: 0x80}),
    (NO_TERMS, {5: 2}),
    (TERMS, {5: 0}),
    (TERMS, {5: 6}),
    (TERMS, {TERMS_AT + 8: 0}),
    (TERMS, {TERMS_AT + 44: 16}),
    (TERMS, {TERMS_AT + 45: 3}),
    (TERMS, {TERMS_AT + 46: 4}),
    (TERMS, {TERMS_AT + 47: 4}),
    (TERMS, {TERMS_AT + 47: 99}),
    (SIMPLEST[c.CancelOrder], {4: ord("3")}),
    (SIMPLEST[c.CancelOrder], {5: 2}),
    (CHANGES, {4: ord("3")}),
    (CHANGES, {5: 8 | 2}),
    (CHANGES, {5: 0}),
    (CHANGES, {6: ord("2")}),
    (CHANGES, {40 + 8: 0}),
    (CHANGES, {40 + 24: 1}),
    (SIMPLEST[c.MassCancel], {3: ord("3")}),
    (SIMPLEST[c.MassCancel], {4: 4}),
    (SIMPLEST[c.SetKillSwitch], {2: 2}),
    (SIMPLEST[c.OpenAccount], {2: 5}),
    (SIMPLEST[c.RegisterSession], {2: 0}),
    (SIMPLEST[c.SetLeverage], {3: 2}),
    (SIMPLEST[c.SetSymbolStatus], {2: 0}),
    (SIMPLEST[c.SetSymbolStatus], {2: 7}),
    (SIMPLEST[c.SetVenueStatus], {2: 5}),
    (SIMPLEST[c.TriggerBreaker], {2: 0}),
    (SIMPLEST[c.SetAccountStatus], {2: 4}),
    (SIMPLEST[c.SetMarginState], {2: 6}),
    (PERPETUAL, {2: 3}),
    (PERPETUAL, {14: 2}),
]
"""Bytes that mean nothing: flags and values not in use, terms that are all zero or missing."""


def spoiled(command: c.Command, changes: dict[int, int]) -> bytes:
    raw = bytearray(encode_command(command))
    for at, value in changes.items():
        assert raw[at] != value
        raw[at] = value
    return bytes(raw)


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(m.OPENING)


MALFORMED = (e.CommandRefused(ErrorCode.MALFORMED_COMMAND),)


@pytest.mark.parametrize(("command", "at"), [(command, at) for command, ats in ZEROS for at in ats])
def test_bytes_called_zero_must_be_zero(market: Market, command: c.Command, at: int) -> None:
    assert market.send_frame(encode_frame(0, 1, spoiled(command, {at: 1}))) == MALFORMED
    assert market.send(0, command) != MALFORMED


@pytest.mark.parametrize(("command", "changes"), ODD)
def test_a_command_has_one_form_only(market: Market, command: c.Command, changes: dict[int, int]) -> None:
    assert market.send_frame(encode_frame(0, 1, spoiled(command, changes))) == MALFORMED


@pytest.mark.parametrize("kind", COMMANDS, ids=lambda kind: kind.__name__)
def test_a_byte_more_or_less_is_no_command(market: Market, kind: type) -> None:
    raw = encode_command(SIMPLEST[kind])
    for other in (raw[:-1], raw + b"a"):
        assert market.send_frame(encode_frame(0, 1, other)) == MALFORMED


@pytest.mark.parametrize("text", ["", "\x1f", "\x7f"])
@pytest.mark.parametrize("kind", [c.NewOrder, c.CancelOrder, c.ReplaceOrder, c.MassCancel])
def test_a_cl_ord_id_is_printable_and_not_empty(market: Market, kind: type, text: str) -> None:
    command = msgspec.structs.replace(SIMPLEST[kind], cl_ord_id=text)
    assert market.send(0, command) == MALFORMED
