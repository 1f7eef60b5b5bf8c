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

Commands, offsets from the type byte; text is ASCII, its length stands in the fixed part::

    REGISTER_ASSET        2 decimals u8, 3 name_length u8, 4 asset_id u16, 6 zero u16, 8 name
    REGISTER_FIRM         2 name_length u8, 3 zero u8, 4 firm_id u32, 8 name
    OPEN_ACCOUNT          2 kind u8, 3 name_length u8, 4 account_id u32, 8 firm_id u32, 12 name
    REGISTER_SESSION      2 kind u8, 3 comp_id_length u8, 4 session_id u32, 8 firm_id u32, 12 comp_id
    LIST_INSTRUMENT       2 kind u8, 3 symbol_length u8, 4 symbol_id u32, 8 base u16, 10 quote u16,
                          12 tick_decimals u8, 13 lot_decimals u8, 14 zero u16, 16 tick i64, 24 lot i64,
                          32 min_qty i64, 40 max_qty i64, 48 min_notional i128, 64 max_notional i128,
                          80 maker_ppm i32, 84 taker_ppm i32, 88 band_ppm u32, 92 fee_account_id u32, 96 symbol
    DEPOSIT               2 ref_length u8, 3 zero u8, 4 account_id u32, 8 asset_id u16, 10 zero u16,
                          12 zero u32, 16 amount i128, 32 deposit_ref
    NEW_ORDER             2 side u8, 3 ord_type u8, 4 time_in_force u8, 5 flags u8 (1 poss_resend),
                          6 cl_ord_id_length u8, 7 text_length u8, 8 account_id u32, 12 symbol_id u32,
                          16 order_qty i64, 24 price i64, 32 cl_ord_id, text
    CANCEL_ORDER          2 cl_ord_id_length u8, 3 orig_cl_ord_id_length u8, 4 side u8, 5 flags u8 (1 poss_resend),
                          6 zero u16, 8 order_id u64, 16 symbol_id u32, 20 account_id u32,
                          24 cl_ord_id, orig_cl_ord_id
    REQUEST_ORDER_STATUS  2 cl_ord_id_length u8, 3 ord_status_req_id_length u8, 4 zero u32, 8 order_id u64,
                          16 cl_ord_id, ord_status_req_id
    REFUSE_ORDER          2 side u8, 3 ord_type u8, 4 time_in_force u8, 5 cl_ord_id_length u8,
                          6 symbol_length u8, 7 order_qty_length u8, 8 price_length u8, 9 text_length u8,
                          10 code u16, 12 ref_tag u32, 16 account_id u32,
                          20 cl_ord_id, symbol, order_qty, price, text

Events, offsets from their length field::

    ASSET_REGISTERED, FIRM_REGISTERED, ACCOUNT_OPENED, SESSION_REGISTERED, INSTRUMENT_LISTED   no body
    DEPOSITED             4 zero u32, 8 available_after i128
    ORDER_ACCEPTED        4 zero u32, 8 order_id u64, 16 reserved i128
    ORDER_REJECTED        4 code u16, 6 zero u16, 8 order_id u64
    TRADED                4 zero u16, 6 zero u8, 7 taker_side u8, 8 taker_order_id u64, 16 maker_order_id u64,
                          24 last_px i64, 32 last_qty i64, 40 taker_leaves i64, 48 maker_leaves i64,
                          56 taker_account_id u32, 60 maker_account_id u32, 64 symbol_id u32, 68 zero u32,
                          72 taker_fee i128, 88 maker_fee i128, 104 buyer_released i128
    ORDER_CANCELED        4 code u16, 6 zero u16, 8 order_id u64, 16 leaves i64, 24 released i128
    ORDER_EXPIRED         as ORDER_CANCELED
    CANCEL_REJECTED       4 code u16, 6 zero u8, 7 state u8, 8 order_id u64
    STATUS_REPORTED       4 zero u16, 6 zero u8, 7 state u8, 8 order_id u64
    COMMAND_REFUSED       4 code u16, 6 zero u16

Every layout is version 1. Bytes called zero must be zero; a reader of events skips bytes it does not know
at an event's end, and unknown event types (EVT-12). A command of unknown type or version is refused by code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from struct import Struct
from struct import error as StructError
from typing import Any

import google_crc32c
import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import (
    AccountKind,
    CommandType,
    EventType,
    InstrumentKind,
    OrderState,
    OrdType,
    SessionKind,
    Side,
    TimeInForce,
)
from engine.api.errors import ChecksumError, WireError
from engine.api.instrument import Instrument
from engine.api.limits import COMMAND_BYTES_MAX, RECORD_BYTES_MAX
from engine.api.units import Step

VERSION = 1
HEADER = Struct("<IIQQIIQHHI")
HEADER_BYTES = HEADER.size

_REGISTER_ASSET = Struct("<BBBBHH")
_REGISTER_FIRM = Struct("<BBBBI")
_OPEN_ACCOUNT = Struct("<BBBBII")
_REGISTER_SESSION = _OPEN_ACCOUNT
_LIST_INSTRUMENT = Struct("<BBBBIHHBBHqqqq16s16siiII")
_DEPOSIT = Struct("<BBBBIHHI16s")
_NEW_ORDER = Struct("<BBBBBBBBIIqq")
_CANCEL_ORDER = Struct("<BBBBBBHQII")
_REQUEST_ORDER_STATUS = Struct("<BBBBIQ")
_REFUSE_ORDER = Struct("<BBBBBBBBBBHII")

_EVENT = Struct("<HBB")
_DEPOSITED = Struct("<HBBI16s")
_ORDER_ACCEPTED = Struct("<HBBIQ16s")
_ORDER_REJECTED = Struct("<HBBHHQ")
_TRADED = Struct("<HBBHBBQQqqqqIIII16s16s16s")
_ORDER_CLOSED = Struct("<HBBHHQq16s")
_CANCEL_REJECTED = Struct("<HBBHBBQ")
_STATUS_REPORTED = _CANCEL_REJECTED
_COMMAND_REFUSED = Struct("<HBBHH")

_POSS_RESEND = 1

crc32c: Callable[[bytes], int] = google_crc32c.value


class Record(msgspec.Struct, frozen=True):
    """One record of the log: a command, when and by whom, and all it caused."""

    seq: int
    ts_ns: int
    source: int
    source_seq: int
    command: c.Command
    events: tuple[e.Event, ...]


def _amount(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _to_amount(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


# --- commands -------------------------------------------------------------------------------------------


def encode_command(command: c.Command) -> bytes:
    """Encode a command from its type byte on. Raises: WireError when a field does not fit its layout."""
    encode = _ENCODERS.get(type(command))
    if encode is None:
        raise WireError(f"not a command that can be sent: {type(command).__name__}")
    try:
        return encode(command)
    except (StructError, ValueError, OverflowError) as error:
        raise WireError(f"{type(command).__name__} does not fit its layout: {error}") from error


def _encode_register_asset(m: c.RegisterAsset) -> bytes:
    name = m.name.encode("ascii")
    return _REGISTER_ASSET.pack(CommandType.REGISTER_ASSET, VERSION, m.decimals, len(name), m.asset_id, 0) + name


def _encode_register_firm(m: c.RegisterFirm) -> bytes:
    name = m.name.encode("ascii")
    return _REGISTER_FIRM.pack(CommandType.REGISTER_FIRM, VERSION, len(name), 0, m.firm_id) + name


def _encode_open_account(m: c.OpenAccount) -> bytes:
    name = m.name.encode("ascii")
    head = _OPEN_ACCOUNT.pack(CommandType.OPEN_ACCOUNT, VERSION, m.kind, len(name), m.account_id, m.firm_id)
    return head + name


def _encode_register_session(m: c.RegisterSession) -> bytes:
    name = m.comp_id.encode("ascii")
    head = _REGISTER_SESSION.pack(CommandType.REGISTER_SESSION, VERSION, m.kind, len(name), m.session_id, m.firm_id)
    return head + name


def _encode_list_instrument(m: c.ListInstrument) -> bytes:
    i = m.instrument
    symbol = i.symbol.encode("ascii")
    head = _LIST_INSTRUMENT.pack(
        CommandType.LIST_INSTRUMENT,
        VERSION,
        i.kind,
        len(symbol),
        i.symbol_id,
        i.base_asset_id,
        i.quote_asset_id,
        i.tick.decimals,
        i.lot.decimals,
        0,
        i.tick.mantissa,
        i.lot.mantissa,
        i.min_qty,
        i.max_qty,
        _amount(i.min_notional),
        _amount(i.max_notional),
        i.maker_ppm,
        i.taker_ppm,
        i.band_ppm,
        i.fee_account_id,
    )
    return head + symbol


def _encode_deposit(m: c.Deposit) -> bytes:
    ref = m.deposit_ref.encode("ascii")
    head = _DEPOSIT.pack(CommandType.DEPOSIT, VERSION, len(ref), 0, m.account_id, m.asset_id, 0, 0, _amount(m.amount))
    return head + ref


def _encode_new_order(m: c.NewOrder) -> bytes:
    cl_ord_id, text = m.cl_ord_id.encode("ascii"), m.text.encode("ascii")
    head = _NEW_ORDER.pack(
        CommandType.NEW_ORDER,
        VERSION,
        m.side,
        m.ord_type,
        m.time_in_force,
        _POSS_RESEND if m.poss_resend else 0,
        len(cl_ord_id),
        len(text),
        m.account_id,
        m.symbol_id,
        m.order_qty,
        m.price,
    )
    return head + cl_ord_id + text


def _encode_cancel_order(m: c.CancelOrder) -> bytes:
    cl_ord_id, orig = m.cl_ord_id.encode("ascii"), m.orig_cl_ord_id.encode("ascii")
    head = _CANCEL_ORDER.pack(
        CommandType.CANCEL_ORDER,
        VERSION,
        len(cl_ord_id),
        len(orig),
        m.side,
        _POSS_RESEND if m.poss_resend else 0,
        0,
        m.order_id,
        m.symbol_id,
        m.account_id,
    )
    return head + cl_ord_id + orig


def _encode_request_order_status(m: c.RequestOrderStatus) -> bytes:
    cl_ord_id, request = m.cl_ord_id.encode("ascii"), m.ord_status_req_id.encode("ascii")
    kind = CommandType.REQUEST_ORDER_STATUS
    head = _REQUEST_ORDER_STATUS.pack(kind, VERSION, len(cl_ord_id), len(request), 0, m.order_id)
    return head + cl_ord_id + request


def _encode_refuse_order(m: c.RefuseOrder) -> bytes:
    texts = [t.encode("ascii") for t in (m.cl_ord_id, m.symbol, m.order_qty, m.price, m.text)]
    lengths = [len(t) for t in texts]
    head = _REFUSE_ORDER.pack(
        CommandType.REFUSE_ORDER,
        VERSION,
        m.side,
        m.ord_type,
        m.time_in_force,
        *lengths,
        m.code,
        m.ref_tag,
        m.account_id,
    )
    return head + b"".join(texts)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    c.RegisterAsset: _encode_register_asset,
    c.RegisterFirm: _encode_register_firm,
    c.OpenAccount: _encode_open_account,
    c.RegisterSession: _encode_register_session,
    c.ListInstrument: _encode_list_instrument,
    c.Deposit: _encode_deposit,
    c.NewOrder: _encode_new_order,
    c.CancelOrder: _encode_cancel_order,
    c.RequestOrderStatus: _encode_request_order_status,
    c.RefuseOrder: _encode_refuse_order,
}


def decode_command(buffer: bytes, start: int = 0, end: int | None = None) -> c.Command:
    """Decode a command at ``buffer[start:end]``. Raises: WireError for an unknown type, version or layout."""
    stop = len(buffer) if end is None else end
    try:
        kind, version = buffer[start], buffer[start + 1]
        decode = _DECODERS.get(kind)
        if decode is None or version != VERSION:
            raise WireError(f"no command of type {kind} version {version}")
        return decode(buffer, start, stop)
    except WireError:
        raise
    except (StructError, IndexError, KeyError, ValueError) as error:
        raise WireError(f"malformed command: {error}") from error


def _texts(buffer: bytes, start: int, end: int, *lengths: int) -> Iterator[str]:
    """Split the text after the fixed part. Raises: WireError unless the lengths add up to what is there."""
    if start + sum(lengths) != end:
        raise WireError("text lengths do not add up")
    for length in lengths:
        yield buffer[start : start + length].decode("ascii")
        start += length


def _two_texts(buffer: bytes, start: int, end: int, first: int, second: int) -> tuple[str, str]:
    """Split as :func:`_texts`, without a generator: this is the way of every order."""
    middle = start + first
    if middle + second != end:
        raise WireError("text lengths do not add up")
    return buffer[start:middle].decode("ascii"), buffer[middle:end].decode("ascii")


def _decode_register_asset(b: bytes, s: int, end: int) -> c.Command:
    _, _, decimals, length, asset_id, _ = _REGISTER_ASSET.unpack_from(b, s)
    (name,) = _texts(b, s + _REGISTER_ASSET.size, end, length)
    return c.RegisterAsset(asset_id, name, decimals)


def _decode_register_firm(b: bytes, s: int, end: int) -> c.Command:
    _, _, length, _, firm_id = _REGISTER_FIRM.unpack_from(b, s)
    (name,) = _texts(b, s + _REGISTER_FIRM.size, end, length)
    return c.RegisterFirm(firm_id, name)


def _decode_open_account(b: bytes, s: int, end: int) -> c.Command:
    _, _, kind, length, account_id, firm_id = _OPEN_ACCOUNT.unpack_from(b, s)
    (name,) = _texts(b, s + _OPEN_ACCOUNT.size, end, length)
    return c.OpenAccount(account_id, firm_id, AccountKind(kind), name)


def _decode_register_session(b: bytes, s: int, end: int) -> c.Command:
    _, _, kind, length, session_id, firm_id = _REGISTER_SESSION.unpack_from(b, s)
    (name,) = _texts(b, s + _REGISTER_SESSION.size, end, length)
    return c.RegisterSession(session_id, firm_id, SessionKind(kind), name)


def _decode_list_instrument(b: bytes, s: int, end: int) -> c.Command:
    f = _LIST_INSTRUMENT.unpack_from(b, s)
    (symbol,) = _texts(b, s + _LIST_INSTRUMENT.size, end, f[3])
    return c.ListInstrument(
        Instrument(
            symbol_id=f[4],
            symbol=symbol,
            kind=InstrumentKind(f[2]),
            base_asset_id=f[5],
            quote_asset_id=f[6],
            tick=Step(f[10], f[7]),
            lot=Step(f[11], f[8]),
            min_qty=f[12],
            max_qty=f[13],
            min_notional=_to_amount(f[14]),
            max_notional=_to_amount(f[15]),
            maker_ppm=f[16],
            taker_ppm=f[17],
            band_ppm=f[18],
            fee_account_id=f[19],
        )
    )


def _decode_deposit(b: bytes, s: int, end: int) -> c.Command:
    _, _, length, _, account_id, asset_id, _, _, amount = _DEPOSIT.unpack_from(b, s)
    (ref,) = _texts(b, s + _DEPOSIT.size, end, length)
    return c.Deposit(account_id, asset_id, _to_amount(amount), ref)


def _decode_new_order(b: bytes, s: int, end: int) -> c.Command:
    _, _, side, kind, tif, flags, n, m, account_id, symbol_id, qty, price = _NEW_ORDER.unpack_from(b, s)
    cl_ord_id, text = _two_texts(b, s + _NEW_ORDER.size, end, n, m)
    return c.NewOrder(
        account_id,
        symbol_id,
        _SIDES[side],
        _ORD_TYPES[kind],
        _TIMES_IN_FORCE[tif],
        qty,
        price,
        cl_ord_id,
        text,
        bool(flags & _POSS_RESEND),
    )


def _decode_cancel_order(b: bytes, s: int, end: int) -> c.Command:
    _, _, n, m, side, flags, _, order_id, symbol_id, account_id = _CANCEL_ORDER.unpack_from(b, s)
    cl_ord_id, orig = _two_texts(b, s + _CANCEL_ORDER.size, end, n, m)
    return c.CancelOrder(cl_ord_id, orig, order_id, account_id, symbol_id, side, bool(flags & _POSS_RESEND))


def _decode_request_order_status(b: bytes, s: int, end: int) -> c.Command:
    _, _, n, m, _, order_id = _REQUEST_ORDER_STATUS.unpack_from(b, s)
    cl_ord_id, request = _two_texts(b, s + _REQUEST_ORDER_STATUS.size, end, n, m)
    return c.RequestOrderStatus(cl_ord_id, order_id, request)


def _decode_refuse_order(b: bytes, s: int, end: int) -> c.Command:
    f = _REFUSE_ORDER.unpack_from(b, s)
    texts = _texts(b, s + _REFUSE_ORDER.size, end, *f[5:10])
    return c.RefuseOrder(f[12], f[2], f[3], f[4], f[10], f[11], *texts)


_SIDES = {int(m): m for m in Side}
_ORD_TYPES = {int(m): m for m in OrdType}
_TIMES_IN_FORCE = {int(m): m for m in TimeInForce}
_STATES = {int(m): m for m in OrderState}

_DECODERS: dict[int, Callable[[bytes, int, int], c.Command]] = {
    CommandType.REGISTER_ASSET: _decode_register_asset,
    CommandType.REGISTER_FIRM: _decode_register_firm,
    CommandType.OPEN_ACCOUNT: _decode_open_account,
    CommandType.REGISTER_SESSION: _decode_register_session,
    CommandType.LIST_INSTRUMENT: _decode_list_instrument,
    CommandType.DEPOSIT: _decode_deposit,
    CommandType.NEW_ORDER: _decode_new_order,
    CommandType.CANCEL_ORDER: _decode_cancel_order,
    CommandType.REQUEST_ORDER_STATUS: _decode_request_order_status,
    CommandType.REFUSE_ORDER: _decode_refuse_order,
}


# --- events ---------------------------------------------------------------------------------------------


def encode_event(event: e.Event) -> bytes:
    """Encode an event from its length field on. Used by the model engine and by tests; the core has its own."""
    match event:
        case e.Deposited():
            return _DEPOSITED.pack(_DEPOSITED.size, EventType.DEPOSITED, VERSION, 0, _amount(event.available_after))
        case e.OrderAccepted():
            kind = EventType.ORDER_ACCEPTED
            return _ORDER_ACCEPTED.pack(_ORDER_ACCEPTED.size, kind, VERSION, 0, event.order_id, _amount(event.reserved))
        case e.OrderRejected():
            kind = EventType.ORDER_REJECTED
            return _ORDER_REJECTED.pack(_ORDER_REJECTED.size, kind, VERSION, event.code, 0, event.order_id)
        case e.Traded():
            return _encode_traded(event)
        case e.OrderCanceled() | e.OrderExpired():
            canceled = isinstance(event, e.OrderCanceled)
            kind = EventType.ORDER_CANCELED if canceled else EventType.ORDER_EXPIRED
            released = _amount(event.released)
            size = _ORDER_CLOSED.size
            return _ORDER_CLOSED.pack(size, kind, VERSION, event.code, 0, event.order_id, event.leaves, released)
        case e.CancelRejected():
            kind, size = EventType.CANCEL_REJECTED, _CANCEL_REJECTED.size
            return _CANCEL_REJECTED.pack(size, kind, VERSION, event.code, 0, event.state, event.order_id)
        case e.StatusReported():
            kind, size = EventType.STATUS_REPORTED, _STATUS_REPORTED.size
            return _STATUS_REPORTED.pack(size, kind, VERSION, 0, 0, event.state, event.order_id)
        case e.CommandRefused():
            return _COMMAND_REFUSED.pack(_COMMAND_REFUSED.size, EventType.COMMAND_REFUSED, VERSION, event.code, 0)
        case _:
            return _EVENT.pack(_EVENT.size, _BARE_TYPES[type(event)], VERSION)


def _encode_traded(t: e.Traded) -> bytes:
    return _TRADED.pack(
        _TRADED.size,
        EventType.TRADED,
        VERSION,
        0,
        0,
        t.taker_side,
        t.taker_order_id,
        t.maker_order_id,
        t.last_px,
        t.last_qty,
        t.taker_leaves,
        t.maker_leaves,
        t.taker_account_id,
        t.maker_account_id,
        t.symbol_id,
        0,
        _amount(t.taker_fee),
        _amount(t.maker_fee),
        _amount(t.buyer_released),
    )


_BARE_EVENTS: dict[int, e.Event] = {
    EventType.ASSET_REGISTERED: e.AssetRegistered(),
    EventType.FIRM_REGISTERED: e.FirmRegistered(),
    EventType.ACCOUNT_OPENED: e.AccountOpened(),
    EventType.SESSION_REGISTERED: e.SessionRegistered(),
    EventType.INSTRUMENT_LISTED: e.InstrumentListed(),
}
_BARE_TYPES = {type(event): kind for kind, event in _BARE_EVENTS.items()}


def _decode_event(b: bytes, at: int, kind: int) -> e.Event | None:
    if kind == EventType.ORDER_ACCEPTED:
        _, _, _, _, order_id, reserved = _ORDER_ACCEPTED.unpack_from(b, at)
        return e.OrderAccepted(order_id, _to_amount(reserved))
    if kind == EventType.TRADED:
        f = _TRADED.unpack_from(b, at)
        taker_fee, maker_fee, released = _to_amount(f[16]), _to_amount(f[17]), _to_amount(f[18])
        return e.Traded(
            f[6], f[7], f[8], f[9], f[10], f[11], f[12], f[13], f[14], _SIDES[f[5]], taker_fee, maker_fee, released
        )
    if kind in (EventType.ORDER_CANCELED, EventType.ORDER_EXPIRED):
        _, _, _, code, _, order_id, leaves, released = _ORDER_CLOSED.unpack_from(b, at)
        closed = e.OrderCanceled if kind == EventType.ORDER_CANCELED else e.OrderExpired
        return closed(order_id, leaves, _to_amount(released), code)
    if kind == EventType.ORDER_REJECTED:
        _, _, _, code, _, order_id = _ORDER_REJECTED.unpack_from(b, at)
        return e.OrderRejected(order_id, code)
    if kind == EventType.CANCEL_REJECTED:
        _, _, _, code, _, state, order_id = _CANCEL_REJECTED.unpack_from(b, at)
        return e.CancelRejected(order_id, code, _STATES[state])
    if kind == EventType.STATUS_REPORTED:
        _, _, _, _, _, state, order_id = _STATUS_REPORTED.unpack_from(b, at)
        return e.StatusReported(order_id, _STATES[state])
    if kind == EventType.DEPOSITED:
        return e.Deposited(_to_amount(_DEPOSITED.unpack_from(b, at)[4]))
    if kind == EventType.COMMAND_REFUSED:
        return e.CommandRefused(_COMMAND_REFUSED.unpack_from(b, at)[3])
    return _BARE_EVENTS.get(kind)


# --- frames ---------------------------------------------------------------------------------------------


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
            length = buffer[at] | buffer[at + 1] << 8
            event = _decode_event(buffer, at, buffer[at + 2])
            if event is not None:
                events.append(event)
            at += length
    except (StructError, IndexError, KeyError, ValueError) as error:
        raise WireError(f"malformed event in record {seq}: {error}") from error
    if at != end:
        raise WireError(f"record {seq} has {end - at} bytes that are no event")
    return Record(seq, ts_ns, source, source_seq, command, tuple(events))


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
