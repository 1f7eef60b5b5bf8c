"""The bytes of commands. Offsets from the type byte; text is ASCII, its length stands in the fixed part.

::

    all                   0 type u8, 1 version u8 = 1
    REGISTER_ASSET        2 decimals u8, 3 name_length u8, 4 asset_id u16, 6 zero u16, 8 name
    REGISTER_FIRM         2 name_length u8, 3 zero u8, 4 firm_id u32, 8 name
    OPEN_ACCOUNT          2 kind u8, 3 name_length u8, 4 account_id u32, 8 firm_id u32, 12 name
    REGISTER_SESSION      2 kind u8, 3 comp_id_length u8, 4 session_id u32, 8 firm_id u32, 12 comp_id
    LIST_INSTRUMENT       2 kind u8, 3 symbol_length u8, 4 symbol_id u32, 8 base u16, 10 quote u16,
                          12 tick_decimals u8, 13 lot_decimals u8, 14 matching u8, 15 max_leverage u8,
                          16 tick i64, 24 lot i64, 32 min_qty i64, 40 max_qty i64, 48 min_notional i128,
                          64 max_notional i128, 80 maker_ppm i32, 84 taker_ppm i32, 88 band_ppm u32,
                          92 fee_account_id u32; of a spot instrument 96 symbol;
                          of a perpetual 96 pnl_account_id u32, 100 zero u32, 104 symbol
    CHANGE_INSTRUMENT     as LIST_INSTRUMENT
    DELIST_INSTRUMENT     2 zero u16, 4 symbol_id u32
    DEPOSIT               2 ref_length u8, 3 zero u8, 4 account_id u32, 8 asset_id u16, 10 zero u16,
                          12 zero u32, 16 amount i128, 32 deposit_ref
    NEW_ORDER             2 side u8, 3 ord_type u8, 4 time_in_force u8, 5 flags u8 (1 poss_resend, 2 terms follow),
                          6 cl_ord_id_length u8, 7 text_length u8, 8 account_id u32, 12 symbol_id u32,
                          16 order_qty i64, 24 price i64, terms, cl_ord_id, text
        terms, 48 bytes,  0 stop_px i64, 8 max_floor i64, 16 min_qty i64, 24 expire_time_ns u64, 32 peg_offset i64,
        if any is not 0   40 stp_group u32, 44 exec_inst u8, 45 trigger u8, 46 peg u8, 47 stp u8
    CANCEL_ORDER          2 cl_ord_id_length u8, 3 orig_cl_ord_id_length u8, 4 side u8, 5 flags u8 (1 poss_resend),
                          6 zero u16, 8 order_id u64, 16 symbol_id u32, 20 account_id u32,
                          24 cl_ord_id, orig_cl_ord_id
    REPLACE_ORDER         2 cl_ord_id_length u8, 3 orig_cl_ord_id_length u8, 4 side u8, 5 flags u8 (1 poss_resend,
                          2 terms follow, 4 peg_offset is given), 6 time_in_force u8, 7 zero u8, 8 order_id u64,
                          16 symbol_id u32, 20 account_id u32, 24 order_qty i64, 32 price i64, terms,
                          cl_ord_id, orig_cl_ord_id
        terms, 32 bytes   0 stop_px i64, 8 max_floor i64, 16 expire_time_ns u64, 24 peg_offset i64;
                          there if one of the first three is not 0 or peg_offset is given
    MASS_CANCEL           2 cl_ord_id_length u8, 3 side u8, 4 flags u8 (1 poss_resend, 2 kill), 5 zero u8, 6 code u16,
                          8 symbol_id u32, 12 account_id u32, 16 firm_id u32, 20 of_session u32, 24 cl_ord_id
    SET_KILL_SWITCH       2 is_on u8, 3 zero u8, 4 session_id u32
    REQUEST_ORDER_STATUS  2 cl_ord_id_length u8, 3 ord_status_req_id_length u8, 4 zero u32, 8 order_id u64,
                          16 cl_ord_id, ord_status_req_id
    REFUSE_ORDER          2 side u8, 3 ord_type u8, 4 time_in_force u8, 5 cl_ord_id_length u8,
                          6 symbol_length u8, 7 order_qty_length u8, 8 price_length u8, 9 text_length u8,
                          10 code u16, 12 ref_tag u32, 16 account_id u32,
                          20 cl_ord_id, symbol, order_qty, price, text
    SET_LEVERAGE          2 leverage u8, 3 mode u8, 4 account_id u32, 8 symbol_id u32
    ADJUST_MARGIN         2 zero u16, 4 account_id u32, 8 symbol_id u32, 12 zero u32, 16 amount i128
    SET_MARK              2 zero u16, 4 symbol_id u32, 8 price i64
    SET_SYMBOL_STATUS     2 status u8, 3 zero u8, 4 symbol_id u32
    SET_VENUE_STATUS      2 status u8, 3 zero u8
    TRIGGER_BREAKER       2 reason u8, 3 zero u8, 4 symbol_id u32
    ADVANCE_TIME          2 zero u16
    SET_ACCOUNT_STATUS    2 status u8, 3 zero u8, 4 account_id u32
    SET_ACCOUNT_LIMITS    2 tier u8, 3 leverage_max u8, 4 account_id u32, 8 position_notional_max i128
    SET_MARGIN_STATE      2 state u8, 3 zero u8, 4 account_id u32
    SET_COLLATERAL        2 asset_id u16, 4 weight_ppm u32, 8 lending_account_id u32
    TRANSFER              2 asset_id u16, 4 from_account_id u32, 8 to_account_id u32, 12 zero u32, 16 amount i128
    COVER_DEBT            2 zero u16, 4 payer_account_id u32, 8 account_id u32, 12 symbol_id u32, 16 amount i128

Bytes called zero must be zero. A command of unknown type or version is refused by code.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from struct import error as StructError
from typing import Any

from engine.api import commands as c
from engine.api.enums import (
    CommandType,
    ExecInst,
    InstrumentKind,
    Matching,
    OrdType,
    Peg,
    SelfTrade,
    Side,
    TimeInForce,
    Trigger,
)
from engine.api.errors import WireError
from engine.api.instrument import Instrument
from engine.api.layouts import VERSION, Layout
from engine.api.units import Step

_LISTING = Struct("<BBBBIHHBBBBqqqq16s16siiII")
_PERPETUAL = Struct("<II")
_NEW_ORDER = Struct("<BBBBBBBBIIqq")
_NEW_ORDER_TERMS = Struct("<qqqQqIBBBB")
_NO_TERMS = (0,) * 10
_CANCEL_ORDER = Struct("<BBBBBBHQII")
_REPLACE_ORDER = Struct("<BBBBBBBBQIIqq")
_REPLACE_ORDER_TERMS = Struct("<qqQq")
_MASS_CANCEL = Struct("<BBBBBBHIIII")

_POSS_RESEND = 1
_TERMS = 2
_PEG_OFFSET = 4
_KILL = 2

_T = CommandType
_LAYOUTS = {
    c.RegisterAsset: Layout(c.RegisterAsset, _T.REGISTER_ASSET, "decimals B", "name text", "asset_id H", "2x"),
    c.RegisterFirm: Layout(c.RegisterFirm, _T.REGISTER_FIRM, "name text", "x", "firm_id I"),
    c.OpenAccount: Layout(c.OpenAccount, _T.OPEN_ACCOUNT, "kind B", "name text", "account_id I", "firm_id I"),
    c.RegisterSession: Layout(
        c.RegisterSession, _T.REGISTER_SESSION, "kind B", "comp_id text", "session_id I", "firm_id I"
    ),
    c.DelistInstrument: Layout(c.DelistInstrument, _T.DELIST_INSTRUMENT, "2x", "symbol_id I"),
    c.Deposit: Layout(
        c.Deposit, _T.DEPOSIT, "deposit_ref text", "x", "account_id I", "asset_id H", "6x", "amount amount"
    ),
    c.SetKillSwitch: Layout(c.SetKillSwitch, _T.SET_KILL_SWITCH, "is_on B", "x", "session_id I"),
    c.RequestOrderStatus: Layout(
        c.RequestOrderStatus,
        _T.REQUEST_ORDER_STATUS,
        "cl_ord_id text",
        "ord_status_req_id text",
        "4x",
        "order_id Q",
    ),
    c.RefuseOrder: Layout(
        c.RefuseOrder,
        _T.REFUSE_ORDER,
        "side B",
        "ord_type B",
        "time_in_force B",
        "cl_ord_id text",
        "symbol text",
        "order_qty text",
        "price text",
        "text text",
        "code H",
        "ref_tag I",
        "account_id I",
    ),
    c.SetLeverage: Layout(c.SetLeverage, _T.SET_LEVERAGE, "leverage B", "mode B", "account_id I", "symbol_id I"),
    c.AdjustMargin: Layout(
        c.AdjustMargin, _T.ADJUST_MARGIN, "2x", "account_id I", "symbol_id I", "4x", "amount amount"
    ),
    c.SetMark: Layout(c.SetMark, _T.SET_MARK, "2x", "symbol_id I", "price q"),
    c.SetSymbolStatus: Layout(c.SetSymbolStatus, _T.SET_SYMBOL_STATUS, "status B", "x", "symbol_id I"),
    c.SetVenueStatus: Layout(c.SetVenueStatus, _T.SET_VENUE_STATUS, "status B", "x"),
    c.TriggerBreaker: Layout(c.TriggerBreaker, _T.TRIGGER_BREAKER, "reason B", "x", "symbol_id I"),
    c.AdvanceTime: Layout(c.AdvanceTime, _T.ADVANCE_TIME, "2x"),
    c.SetAccountStatus: Layout(c.SetAccountStatus, _T.SET_ACCOUNT_STATUS, "status B", "x", "account_id I"),
    c.SetAccountLimits: Layout(
        c.SetAccountLimits,
        _T.SET_ACCOUNT_LIMITS,
        "tier B",
        "leverage_max B",
        "account_id I",
        "position_notional_max amount",
    ),
    c.SetMarginState: Layout(c.SetMarginState, _T.SET_MARGIN_STATE, "state B", "x", "account_id I"),
    c.SetCollateral: Layout(c.SetCollateral, _T.SET_COLLATERAL, "asset_id H", "weight_ppm I", "lending_account_id I"),
    c.Transfer: Layout(
        c.Transfer, _T.TRANSFER, "asset_id H", "from_account_id I", "to_account_id I", "4x", "amount amount"
    ),
    c.CoverDebt: Layout(
        c.CoverDebt, _T.COVER_DEBT, "2x", "payer_account_id I", "account_id I", "symbol_id I", "amount amount"
    ),
}


def encode_command(command: c.Command) -> bytes:
    """Encode a command from its type byte on. Raises: WireError when a field does not fit its layout."""
    encode = _ENCODERS.get(type(command))
    if encode is None:
        raise WireError(f"not a command that can be sent: {type(command).__name__}")
    try:
        return encode(command)
    except (StructError, ValueError, OverflowError) as error:
        raise WireError(f"{type(command).__name__} does not fit its layout: {error}") from error


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


def _two_texts(buffer: bytes, start: int, end: int, first: int, second: int) -> tuple[str, str]:
    """Split the text after the fixed part. Raises: WireError unless the lengths add up to what is there."""
    middle = start + first
    if middle + second != end:
        raise WireError("text lengths do not add up")
    return buffer[start:middle].decode("ascii"), buffer[middle:end].decode("ascii")


# --- instruments ----------------------------------------------------------------------------------------


def _encode_listing(kind: CommandType, i: Instrument) -> bytes:
    symbol = i.symbol.encode("ascii")
    head = _LISTING.pack(
        kind,
        VERSION,
        i.kind,
        len(symbol),
        i.symbol_id,
        i.base_asset_id,
        i.quote_asset_id,
        i.tick.decimals,
        i.lot.decimals,
        i.matching,
        i.max_leverage,
        i.tick.mantissa,
        i.lot.mantissa,
        i.min_qty,
        i.max_qty,
        i.min_notional.to_bytes(16, "little", signed=True),
        i.max_notional.to_bytes(16, "little", signed=True),
        i.maker_ppm,
        i.taker_ppm,
        i.band_ppm,
        i.fee_account_id,
    )
    return head + (_PERPETUAL.pack(i.pnl_account_id, 0) if i.is_perpetual else b"") + symbol


def _decode_listing(b: bytes, s: int, end: int) -> Instrument:
    f = _LISTING.unpack_from(b, s)
    at, pnl_account_id = s + _LISTING.size, 0
    if f[2] == InstrumentKind.PERPETUAL:
        pnl_account_id, _ = _PERPETUAL.unpack_from(b, at)
        at += _PERPETUAL.size
    symbol, _ = _two_texts(b, at, end, f[3], 0)
    return Instrument(
        symbol_id=f[4],
        symbol=symbol,
        kind=InstrumentKind(f[2]),
        base_asset_id=f[5],
        quote_asset_id=f[6],
        tick=Step(f[11], f[7]),
        lot=Step(f[12], f[8]),
        min_qty=f[13],
        max_qty=f[14],
        min_notional=int.from_bytes(f[15], "little", signed=True),
        max_notional=int.from_bytes(f[16], "little", signed=True),
        maker_ppm=f[17],
        taker_ppm=f[18],
        band_ppm=f[19],
        fee_account_id=f[20],
        matching=Matching(f[9]),
        max_leverage=f[10],
        pnl_account_id=pnl_account_id,
    )


# --- orders, written out because every one of them comes this way ----------------------------------------


def _encode_new_order(m: c.NewOrder) -> bytes:
    cl_ord_id, text = m.cl_ord_id.encode("ascii"), m.text.encode("ascii")
    terms = (
        m.stop_px,
        m.max_floor,
        m.min_qty,
        m.expire_time_ns,
        m.peg_offset,
        m.stp_group,
        m.exec_inst,
        m.trigger,
        m.peg,
        m.stp,
    )
    has_terms = terms != _NO_TERMS
    head = _NEW_ORDER.pack(
        CommandType.NEW_ORDER,
        VERSION,
        m.side,
        m.ord_type,
        m.time_in_force,
        (_POSS_RESEND if m.poss_resend else 0) | (_TERMS if has_terms else 0),
        len(cl_ord_id),
        len(text),
        m.account_id,
        m.symbol_id,
        m.order_qty,
        m.price,
    )
    return head + (_NEW_ORDER_TERMS.pack(*terms) if has_terms else b"") + cl_ord_id + text


def _decode_new_order(b: bytes, s: int, end: int) -> c.NewOrder:
    _, _, side, kind, tif, flags, n, m, account_id, symbol_id, qty, price = _NEW_ORDER.unpack_from(b, s)
    at = s + _NEW_ORDER.size
    terms = b[at : at + _NEW_ORDER_TERMS.size] if flags & _TERMS else b""
    cl_ord_id, text = _two_texts(b, at + len(terms), end, n, m)
    plain = (_SIDES[side], _ORD_TYPES[kind], _TIMES_IN_FORCE[tif], qty, price, cl_ord_id, text)
    if not terms:
        return c.NewOrder(account_id, symbol_id, *plain, bool(flags & _POSS_RESEND))
    stop_px, floor, min_qty, expire, offset, group, inst, trigger, peg, stp = _NEW_ORDER_TERMS.unpack(terms)
    if inst >= 1 << len(ExecInst):
        raise WireError("a flag of exec_inst that is not in use")
    numbers = (stop_px, floor, min_qty, expire, offset, group)
    kinds = (ExecInst(inst), Trigger(trigger), Peg(peg), SelfTrade(stp))
    return c.NewOrder(account_id, symbol_id, *plain, bool(flags & _POSS_RESEND), *numbers, *kinds)


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


def _decode_cancel_order(b: bytes, s: int, end: int) -> c.CancelOrder:
    _, _, n, m, side, flags, _, order_id, symbol_id, account_id = _CANCEL_ORDER.unpack_from(b, s)
    cl_ord_id, orig = _two_texts(b, s + _CANCEL_ORDER.size, end, n, m)
    return c.CancelOrder(cl_ord_id, orig, order_id, account_id, symbol_id, side, bool(flags & _POSS_RESEND))


def _encode_replace_order(m: c.ReplaceOrder) -> bytes:
    cl_ord_id, orig = m.cl_ord_id.encode("ascii"), m.orig_cl_ord_id.encode("ascii")
    is_offset_given = m.peg_offset is not None
    has_terms = is_offset_given or (m.stop_px, m.max_floor, m.expire_time_ns) != (0, 0, 0)
    flags = (_POSS_RESEND if m.poss_resend else 0) | (_TERMS if has_terms else 0)
    head = _REPLACE_ORDER.pack(
        CommandType.REPLACE_ORDER,
        VERSION,
        len(cl_ord_id),
        len(orig),
        m.side,
        flags | (_PEG_OFFSET if is_offset_given else 0),
        m.time_in_force,
        0,
        m.order_id,
        m.symbol_id,
        m.account_id,
        m.order_qty,
        m.price,
    )
    terms = _REPLACE_ORDER_TERMS.pack(m.stop_px, m.max_floor, m.expire_time_ns, m.peg_offset or 0)
    return head + (terms if has_terms else b"") + cl_ord_id + orig


def _decode_replace_order(b: bytes, s: int, end: int) -> c.ReplaceOrder:
    f = _REPLACE_ORDER.unpack_from(b, s)
    flags, at = f[5], s + _REPLACE_ORDER.size
    stop_px = floor = expire = offset = 0
    if flags & _TERMS:
        stop_px, floor, expire, offset = _REPLACE_ORDER_TERMS.unpack_from(b, at)
        at += _REPLACE_ORDER_TERMS.size
    cl_ord_id, orig = _two_texts(b, at, end, f[2], f[3])
    named = (f[8], f[10], f[9], f[4], f[6])
    given = offset if flags & _PEG_OFFSET else None
    resend = bool(flags & _POSS_RESEND)
    return c.ReplaceOrder(cl_ord_id, f[11], f[12], orig, *named, stop_px, floor, expire, given, resend)


def _encode_mass_cancel(m: c.MassCancel) -> bytes:
    cl_ord_id = m.cl_ord_id.encode("ascii")
    flags = (_POSS_RESEND if m.poss_resend else 0) | (_KILL if m.kill else 0)
    scope = (m.symbol_id, m.account_id, m.firm_id, m.of_session)
    head = _MASS_CANCEL.pack(CommandType.MASS_CANCEL, VERSION, len(cl_ord_id), m.side, flags, 0, m.code, *scope)
    return head + cl_ord_id


def _decode_mass_cancel(b: bytes, s: int, end: int) -> c.MassCancel:
    _, _, n, side, flags, _, code, symbol_id, account_id, firm_id, of_session = _MASS_CANCEL.unpack_from(b, s)
    cl_ord_id, _ = _two_texts(b, s + _MASS_CANCEL.size, end, n, 0)
    kill, resend = bool(flags & _KILL), bool(flags & _POSS_RESEND)
    return c.MassCancel(cl_ord_id, symbol_id, account_id, firm_id, of_session, side, code, kill, resend)


_SIDES = {int(m): m for m in Side}
_ORD_TYPES = {int(m): m for m in OrdType}
_TIMES_IN_FORCE = {int(m): m for m in TimeInForce}

_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    **{record: layout.encode for record, layout in _LAYOUTS.items()},
    c.ListInstrument: lambda m: _encode_listing(CommandType.LIST_INSTRUMENT, m.instrument),
    c.ChangeInstrument: lambda m: _encode_listing(CommandType.CHANGE_INSTRUMENT, m.instrument),
    c.NewOrder: _encode_new_order,
    c.CancelOrder: _encode_cancel_order,
    c.ReplaceOrder: _encode_replace_order,
    c.MassCancel: _encode_mass_cancel,
}

_DECODERS: dict[int, Callable[[bytes, int, int], c.Command]] = {
    **{layout.kind: layout.decode for layout in _LAYOUTS.values()},
    CommandType.LIST_INSTRUMENT: lambda b, s, end: c.ListInstrument(_decode_listing(b, s, end)),
    CommandType.CHANGE_INSTRUMENT: lambda b, s, end: c.ChangeInstrument(_decode_listing(b, s, end)),
    CommandType.NEW_ORDER: _decode_new_order,
    CommandType.CANCEL_ORDER: _decode_cancel_order,
    CommandType.REPLACE_ORDER: _decode_replace_order,
    CommandType.MASS_CANCEL: _decode_mass_cancel,
}
