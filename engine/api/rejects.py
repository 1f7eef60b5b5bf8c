"""Stable codes of every refusal: ErrorCode <20016> and its FIX twins.

Source: rules of engagement, section 9. Codes from 2000 never reach a member: they answer commands of
operations and of faulty links.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec


class ErrorCode(IntEnum):
    """Why a request was refused, or an order ended without being asked."""

    NONE = 0
    UNKNOWN_SYMBOL = 1001
    SYMBOL_CLOSED = 1002
    EXCEEDS_LIMIT = 1003
    TOO_LATE = 1004
    UNKNOWN_ORDER = 1005
    DUPLICATE_CL_ORD_ID = 1006
    PRICE_OFF_TICK = 1007
    SIZE_OFF_LOT = 1008
    PRICE_OUTSIDE_BAND = 1009
    INSUFFICIENT_BALANCE = 1010
    UNSUPPORTED = 1011
    NOT_ALLOWED_NOW = 1012
    POST_ONLY_WOULD_TAKE = 1013
    FOK_UNFILLABLE = 1014
    SELF_TRADE = 1015
    STALE = 1016
    IOC_REMAINDER = 1017
    NO_LIQUIDITY = 1018
    LEVERAGE_EXCEEDED = 1019
    RATE_LIMIT = 1020
    NOT_AUTHORISED = 1030
    UNKNOWN_ACCOUNT = 1031
    ACCOUNT_SUSPENDED = 1032
    MARGIN_RESTRICTED = 1033
    NOTHING_TO_REDUCE = 1034
    MIN_QTY_UNFILLABLE = 1035
    GTD_EXPIRED = 1036
    DAY_EXPIRED = 1037
    REPLACED_BELOW_FILLED = 1038
    USER_REQUESTED = 1039
    DISCONNECTED = 1040
    KILL_SWITCH = 1041
    OPERATIONS = 1042
    LIQUIDATION = 1043
    DELISTED = 1044
    INTERNAL = 1050
    MALFORMED_COMMAND = 2001
    UNKNOWN_COMMAND = 2002
    ALREADY_REGISTERED = 2003
    UNKNOWN_REFERENCE = 2004
    BOUND_EXCEEDED = 2005
    DUPLICATE_DEPOSIT = 2006
    INEXACT_NOTIONAL = 2007
    NOT_EMPTY = 2008
    INVALID_TRANSITION = 2009
    TOO_MANY_ORDERS = 2010


class FixTwin(msgspec.Struct, frozen=True):
    """The FIX codes and text that go with an :class:`ErrorCode`.

    ``ord_rej_reason`` is OrdRejReason <103>, ``cxl_rej_reason`` CxlRejReason <102>; ``text`` opens Text <58>.
    """

    ord_rej_reason: int
    cxl_rej_reason: int
    text: str


FIX_TWINS: dict[ErrorCode, FixTwin] = {
    ErrorCode.UNKNOWN_SYMBOL: FixTwin(1, 99, "unknown symbol"),
    ErrorCode.SYMBOL_CLOSED: FixTwin(2, 99, "symbol closed or halted"),
    ErrorCode.EXCEEDS_LIMIT: FixTwin(3, 99, "exceeds size, notional, position or open-order limit"),
    ErrorCode.TOO_LATE: FixTwin(4, 0, "too late"),
    ErrorCode.UNKNOWN_ORDER: FixTwin(5, 1, "unknown order"),
    ErrorCode.DUPLICATE_CL_ORD_ID: FixTwin(6, 6, "duplicate ClOrdID"),
    ErrorCode.PRICE_OFF_TICK: FixTwin(99, 99, "price off tick"),
    ErrorCode.SIZE_OFF_LOT: FixTwin(13, 99, "size off lot"),
    ErrorCode.PRICE_OUTSIDE_BAND: FixTwin(99, 99, "price outside the band"),
    ErrorCode.INSUFFICIENT_BALANCE: FixTwin(3, 99, "credit: insufficient balance"),
    ErrorCode.UNSUPPORTED: FixTwin(11, 99, "unsupported order characteristic"),
    ErrorCode.NOT_ALLOWED_NOW: FixTwin(2, 99, "not allowed in this state of the market"),
    ErrorCode.POST_ONLY_WOULD_TAKE: FixTwin(99, 99, "post-only order would take"),
    ErrorCode.FOK_UNFILLABLE: FixTwin(99, 99, "FOK not fillable"),
    ErrorCode.SELF_TRADE: FixTwin(99, 99, "self-trade prevention"),
    ErrorCode.STALE: FixTwin(4, 99, "stale request"),
    ErrorCode.IOC_REMAINDER: FixTwin(99, 99, "IOC remainder"),
    ErrorCode.NO_LIQUIDITY: FixTwin(99, 99, "no liquidity for a market order"),
    ErrorCode.LEVERAGE_EXCEEDED: FixTwin(3, 99, "leverage exceeds what the notional allows"),
    ErrorCode.RATE_LIMIT: FixTwin(99, 99, "rate limit"),
    ErrorCode.NOT_AUTHORISED: FixTwin(0, 99, "account not authorised for this session"),
    ErrorCode.UNKNOWN_ACCOUNT: FixTwin(15, 99, "unknown account"),
    ErrorCode.ACCOUNT_SUSPENDED: FixTwin(0, 99, "account suspended or closed"),
    ErrorCode.MARGIN_RESTRICTED: FixTwin(0, 99, "the account's margin state does not allow it"),
    ErrorCode.NOTHING_TO_REDUCE: FixTwin(99, 99, "no position to reduce"),
    ErrorCode.MIN_QTY_UNFILLABLE: FixTwin(99, 99, "minimum quantity not fillable"),
    ErrorCode.GTD_EXPIRED: FixTwin(99, 99, "expire time reached"),
    ErrorCode.DAY_EXPIRED: FixTwin(99, 99, "end of day"),
    ErrorCode.REPLACED_BELOW_FILLED: FixTwin(99, 99, "replace below filled"),
    ErrorCode.USER_REQUESTED: FixTwin(99, 99, "canceled by request"),
    ErrorCode.DISCONNECTED: FixTwin(99, 99, "cancel on disconnect"),
    ErrorCode.KILL_SWITCH: FixTwin(0, 99, "kill switch is on"),
    ErrorCode.OPERATIONS: FixTwin(99, 99, "canceled by operations"),
    ErrorCode.LIQUIDATION: FixTwin(99, 99, "liquidation"),
    ErrorCode.DELISTED: FixTwin(99, 99, "instrument delisted"),
    ErrorCode.INTERNAL: FixTwin(0, 99, "internal: the request had no effect"),
}


def describe(code: int) -> str:
    """Name a code for a person: ``1007 PRICE_OFF_TICK``; an unassigned code keeps its number."""
    try:
        return f"{code} {ErrorCode(code).name}"
    except ValueError:
        return f"{code} UNASSIGNED"
