"""Every command and every event survives its bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import (
    AccountKind,
    EventType,
    InstrumentKind,
    OrderState,
    OrdType,
    SessionKind,
    Side,
    TimeInForce,
)
from engine.api.instrument import Instrument
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
)

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
i32, i64, i128 = (st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (32, 64, 128))
steps = st.builds(Step, i64, u8)
sides, states = st.sampled_from(list(Side)), st.sampled_from(list(OrderState))


def text(length_max: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=length_max)


name, cl_ord_id = text(32), text(36)
instruments = st.builds(
    Instrument,
    *(u32, name, st.just(InstrumentKind.SPOT), u16, u16, steps, steps),
    *(i64, i64, i128, i128, i32, i32, u32, u32),
)
commands = st.one_of(
    st.builds(c.RegisterAsset, u16, name, u8),
    st.builds(c.RegisterFirm, u32, name),
    st.builds(c.OpenAccount, u32, u32, st.sampled_from(list(AccountKind)), name),
    st.builds(c.RegisterSession, u32, u32, st.sampled_from(list(SessionKind)), name),
    st.builds(c.ListInstrument, instruments),
    st.builds(c.Deposit, u32, u16, i128, text(64)),
    st.builds(
        c.NewOrder,
        *(u32, u32, sides, st.sampled_from(list(OrdType)), st.sampled_from(list(TimeInForce)), i64, i64),
        *(cl_ord_id, text(64), st.booleans()),
    ),
    st.builds(c.CancelOrder, cl_ord_id, cl_ord_id, u64, u32, u32, u8, st.booleans()),
    st.builds(c.RequestOrderStatus, cl_ord_id, u64, text(64)),
    st.builds(c.RefuseOrder, u32, u8, u8, u8, u16, u32, cl_ord_id, text(255), text(255), text(255), text(64)),
)
traded = st.builds(e.Traded, u64, u64, i64, i64, i64, i64, u32, u32, u32, sides, i128, i128, i128)
events = st.one_of(
    st.sampled_from(
        [
            e.AssetRegistered(),
            e.FirmRegistered(),
            e.AccountOpened(),
            e.SessionRegistered(),
            e.InstrumentListed(),
        ]
    ),
    st.builds(e.Deposited, i128),
    st.builds(e.OrderAccepted, u64, i128),
    st.builds(e.OrderRejected, u64, u16),
    traded,
    st.builds(e.OrderCanceled, u64, i64, i128, u16),
    st.builds(e.OrderExpired, u64, i64, i128, u16),
    st.builds(e.CancelRejected, u64, u16, states),
    st.builds(e.StatusReported, u64, states),
    st.builds(e.CommandRefused, u16),
)


@settings(max_examples=300)
@given(commands)
def test_commands_round_trip(command: c.Command) -> None:
    assert decode_command(encode_command(command)) == command


@settings(max_examples=200)
@given(commands, st.lists(events, max_size=6), u64, u64, u32, u64)
def test_records_round_trip(
    command: c.Command, caused: list[e.Event], seq: int, ts_ns: int, source: int, source_seq: int
) -> None:
    raw = encode_command(command)
    body = raw + b"".join(map(encode_event, caused))
    length = HEADER_BYTES + len(body)
    record = HEADER.pack(length, 0, seq, ts_ns, 0, source, source_seq, len(raw), 0, len(caused)) + body
    record = record[:4] + crc32c(record[8:]).to_bytes(4, "little") + record[8:]
    assert decode_record(record, 0, length) == Record(seq, ts_ns, source, source_seq, command, tuple(caused))


def test_every_type_has_a_round_trip() -> None:
    # The lists above must grow with the language.
    assert len(c.Command.__args__) - 1 == 10
    assert len(e.Event.__args__) == len(EventType) == 14
