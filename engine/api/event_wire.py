"""The bytes of events. Offsets from the length field, which counts these bytes too.

::

    all                   0 length u16, 2 type u8, 3 version u8 = 1
    no body               ASSET_REGISTERED, FIRM_REGISTERED, ACCOUNT_OPENED, SESSION_REGISTERED, INSTRUMENT_LISTED,
                          MARK_SET, VENUE_STATUS_SET, TIME_ADVANCED, INSTRUMENT_CHANGED, INSTRUMENT_DELISTED,
                          ACCOUNT_STATUS_SET, ACCOUNT_LIMITS_SET, MARGIN_STATE_SET, COLLATERAL_SET
    DEPOSITED             4 zero u32, 8 available_after i128
    ORDER_ACCEPTED        4 zero u32, 8 order_id u64, 16 reserved i128
    ORDER_REJECTED        4 code u16, 6 zero u16, 8 order_id u64
    TRADED                4 zero u16, 6 is_auction u8, 7 taker_side u8, 8 taker_order_id u64, 16 maker_order_id u64,
                          24 last_px i64, 32 last_qty i64, 40 taker_leaves i64, 48 maker_leaves i64,
                          56 taker_account_id u32, 60 maker_account_id u32, 64 symbol_id u32, 68 zero u32,
                          72 taker_fee i128, 88 maker_fee i128, 104 buyer_released i128
    ORDER_CANCELED        4 code u16, 6 zero u16, 8 order_id u64, 16 leaves i64, 24 released i128
    ORDER_EXPIRED         as ORDER_CANCELED
    CANCEL_REJECTED       4 code u16, 6 zero u8, 7 state u8, 8 order_id u64
    STATUS_REPORTED       4 zero u16, 6 zero u8, 7 state u8, 8 order_id u64
    COMMAND_REFUSED       4 code u16, 6 zero u16
    ORDER_REPLACED        4 zero u16, 6 keeps_priority u8, 7 zero u8, 8 order_id u64, 16 order_qty i64, 24 leaves i64,
                          32 price i64, 40 reserved i128
    REPLACE_REJECTED      as CANCEL_REJECTED
    ORDER_TRIGGERED       4 zero u32, 8 order_id u64, 16 price i64
    ORDER_RESTATED        4 reason u8, 5 zero u8, 6 zero u16, 8 order_id u64, 16 order_qty i64, 24 leaves i64,
                          32 price i64, 40 display i64, 48 released i128
    MASS_CANCELED         4 canceled u32, 8 remaining u32
    MASS_CANCEL_REJECTED  4 code u16, 6 zero u16
    KILL_SWITCH_SET       4 session_id u32, 8 is_on u8, 9 zero u8, 10 zero u16
    POSITION_CHANGED      4 reason u8, 5 leverage u8, 6 is_isolated u8, 7 zero u8, 8 account_id u32, 12 symbol_id u32,
                          16 size i64, 24 cost i128, 40 margin i128, 56 extra i128, 72 debt i128,
                          88 realized_pnl i128, 104 released i128, 120 available i128, 136 locked i128
    BORROWED              4 account_id u32, 8 asset_id u16, 10 zero u16, 12 zero u32, 16 amount i128, 32 loan i128
    REPAID                as BORROWED
    SYMBOL_STATUS_SET     4 symbol_id u32, 8 status u8, 9 zero u8, 10 zero u16
    BREAKER_TRIGGERED     4 symbol_id u32, 8 until_ns u64, 16 change_ppm i64, 24 reason u8, 25 zero u8, 26 zero u16,
                          28 zero u32
    BREAKER_RELEASED      4 symbol_id u32
    UNCROSSED             4 symbol_id u32, 8 price i64, 16 volume i64
    TRANSFERRED           4 zero u32, 8 from_available i128, 24 to_available i128
    DEBT_COVERED          4 zero u32, 8 payer_available i128

A reader skips bytes it does not know at an event's end, and events of unknown type (EVT-12).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

from engine.api import events as e
from engine.api.enums import EventType, OrderState, Side
from engine.api.layouts import VERSION, Layout

_EVENT = Struct("<HBB")
_ORDER_ACCEPTED = Struct("<HBBIQ16s")
_TRADED = Struct("<HBBHBBQQqqqqIIII16s16s16s")
_ORDER_CLOSED = Struct("<HBBHHQq16s")

_T = EventType


def _layout(record: type, kind: EventType, *fields: str) -> Layout:
    return Layout(record, kind, *fields, is_event=True)


_ANSWER = ("code H", "x", "state B", "order_id Q")
_LOAN = ("account_id I", "asset_id H", "6x", "amount amount", "loan amount")
_LAYOUTS = {
    e.Deposited: _layout(e.Deposited, _T.DEPOSITED, "4x", "available_after amount"),
    e.OrderRejected: _layout(e.OrderRejected, _T.ORDER_REJECTED, "code H", "2x", "order_id Q"),
    e.CancelRejected: _layout(e.CancelRejected, _T.CANCEL_REJECTED, *_ANSWER),
    e.StatusReported: _layout(e.StatusReported, _T.STATUS_REPORTED, "3x", "state B", "order_id Q"),
    e.CommandRefused: _layout(e.CommandRefused, _T.COMMAND_REFUSED, "code H", "2x"),
    e.OrderReplaced: _layout(
        e.OrderReplaced,
        _T.ORDER_REPLACED,
        "2x",
        "keeps_priority B",
        "x",
        "order_id Q",
        "order_qty q",
        "leaves q",
        "price q",
        "reserved amount",
    ),
    e.ReplaceRejected: _layout(e.ReplaceRejected, _T.REPLACE_REJECTED, *_ANSWER),
    e.OrderTriggered: _layout(e.OrderTriggered, _T.ORDER_TRIGGERED, "4x", "order_id Q", "price q"),
    e.OrderRestated: _layout(
        e.OrderRestated,
        _T.ORDER_RESTATED,
        "reason B",
        "3x",
        "order_id Q",
        "order_qty q",
        "leaves q",
        "price q",
        "display q",
        "released amount",
    ),
    e.MassCanceled: _layout(e.MassCanceled, _T.MASS_CANCELED, "canceled I", "remaining I"),
    e.MassCancelRejected: _layout(e.MassCancelRejected, _T.MASS_CANCEL_REJECTED, "code H", "2x"),
    e.KillSwitchSet: _layout(e.KillSwitchSet, _T.KILL_SWITCH_SET, "session_id I", "is_on B", "3x"),
    e.PositionChanged: _layout(
        e.PositionChanged,
        _T.POSITION_CHANGED,
        "reason B",
        "leverage B",
        "is_isolated B",
        "x",
        "account_id I",
        "symbol_id I",
        "size q",
        "cost amount",
        "margin amount",
        "extra amount",
        "debt amount",
        "realized_pnl amount",
        "released amount",
        "available amount",
        "locked amount",
    ),
    e.Borrowed: _layout(e.Borrowed, _T.BORROWED, *_LOAN),
    e.Repaid: _layout(e.Repaid, _T.REPAID, *_LOAN),
    e.SymbolStatusSet: _layout(e.SymbolStatusSet, _T.SYMBOL_STATUS_SET, "symbol_id I", "status B", "3x"),
    e.BreakerTriggered: _layout(
        e.BreakerTriggered,
        _T.BREAKER_TRIGGERED,
        "symbol_id I",
        "until_ns Q",
        "change_ppm q",
        "reason B",
        "7x",
    ),
    e.BreakerReleased: _layout(e.BreakerReleased, _T.BREAKER_RELEASED, "symbol_id I"),
    e.Uncrossed: _layout(e.Uncrossed, _T.UNCROSSED, "symbol_id I", "price q", "volume q"),
    e.Transferred: _layout(e.Transferred, _T.TRANSFERRED, "4x", "from_available amount", "to_available amount"),
    e.DebtCovered: _layout(e.DebtCovered, _T.DEBT_COVERED, "4x", "payer_available amount"),
}
_LAYOUTS_BY_TYPE = {layout.kind: layout for layout in _LAYOUTS.values()}

_BARE_EVENTS: dict[int, e.Event] = {
    _T.ASSET_REGISTERED: e.AssetRegistered(),
    _T.FIRM_REGISTERED: e.FirmRegistered(),
    _T.ACCOUNT_OPENED: e.AccountOpened(),
    _T.SESSION_REGISTERED: e.SessionRegistered(),
    _T.INSTRUMENT_LISTED: e.InstrumentListed(),
    _T.MARK_SET: e.MarkSet(),
    _T.VENUE_STATUS_SET: e.VenueStatusSet(),
    _T.TIME_ADVANCED: e.TimeAdvanced(),
    _T.INSTRUMENT_CHANGED: e.InstrumentChanged(),
    _T.INSTRUMENT_DELISTED: e.InstrumentDelisted(),
    _T.ACCOUNT_STATUS_SET: e.AccountStatusSet(),
    _T.ACCOUNT_LIMITS_SET: e.AccountLimitsSet(),
    _T.MARGIN_STATE_SET: e.MarginStateSet(),
    _T.COLLATERAL_SET: e.CollateralSet(),
}
_BARE_TYPES = {type(event): kind for kind, event in _BARE_EVENTS.items()}
_SIDES = {int(m): m for m in Side}
_STATES = {int(m): m for m in OrderState}


def encode_event(event: e.Event) -> bytes:
    """Encode an event from its length field on. Used by the model engine and by tests; the core has its own."""
    layout = _LAYOUTS.get(type(event))
    if layout is not None:
        return layout.encode(event)
    match event:
        case e.OrderAccepted():
            head = (_ORDER_ACCEPTED.size, _T.ORDER_ACCEPTED, VERSION)
            return _ORDER_ACCEPTED.pack(*head, 0, event.order_id, _amount(event.reserved))
        case e.Traded():
            return _encode_traded(event)
        case e.OrderCanceled() | e.OrderExpired():
            kind = _T.ORDER_CANCELED if isinstance(event, e.OrderCanceled) else _T.ORDER_EXPIRED
            body = (event.code, 0, event.order_id, event.leaves, _amount(event.released))
            return _ORDER_CLOSED.pack(_ORDER_CLOSED.size, kind, VERSION, *body)
        case _:
            return _EVENT.pack(_EVENT.size, _BARE_TYPES[type(event)], VERSION)


def _encode_traded(t: e.Traded) -> bytes:
    return _TRADED.pack(
        _TRADED.size,
        EventType.TRADED,
        VERSION,
        0,
        t.is_auction,
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


def decode_event(b: bytes, at: int, kind: int) -> e.Event | None:
    """Decode the event of type ``kind`` at ``at``; None for a type this version does not know."""
    decode = _DECODERS.get(kind)
    return _BARE_EVENTS.get(kind) if decode is None else decode(b, at)


def _decode_order_accepted(b: bytes, at: int) -> e.OrderAccepted:
    _, _, _, _, order_id, reserved = _ORDER_ACCEPTED.unpack_from(b, at)
    return e.OrderAccepted(order_id, _to_amount(reserved))


def _decode_traded(b: bytes, at: int) -> e.Traded:
    f = _TRADED.unpack_from(b, at)
    taker_fee, maker_fee, released = _to_amount(f[16]), _to_amount(f[17]), _to_amount(f[18])
    sizes = (f[8], f[9], f[10], f[11])
    return e.Traded(f[6], f[7], *sizes, f[12], f[13], f[14], _SIDES[f[5]], taker_fee, maker_fee, released, bool(f[4]))


def _decode_order_canceled(b: bytes, at: int) -> e.OrderCanceled:
    _, _, _, code, _, order_id, leaves, released = _ORDER_CLOSED.unpack_from(b, at)
    return e.OrderCanceled(order_id, leaves, _to_amount(released), code)


def _decode_order_expired(b: bytes, at: int) -> e.OrderExpired:
    _, _, _, code, _, order_id, leaves, released = _ORDER_CLOSED.unpack_from(b, at)
    return e.OrderExpired(order_id, leaves, _to_amount(released), code)


def _amount(value: int) -> bytes:
    return value.to_bytes(16, "little", signed=True)


def _to_amount(raw: bytes) -> int:
    return int.from_bytes(raw, "little", signed=True)


_DECODERS: dict[int, Callable[[bytes, int], e.Event]] = {
    **{kind: layout.decode for kind, layout in _LAYOUTS_BY_TYPE.items()},
    _T.ORDER_ACCEPTED: _decode_order_accepted,
    _T.TRADED: _decode_traded,
    _T.ORDER_CANCELED: _decode_order_canceled,
    _T.ORDER_EXPIRED: _decode_order_expired,
}
