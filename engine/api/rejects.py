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
    MASS_CANCELED = 1045
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
    TOO_MANY_CHANGES = 2011


class Meaning(msgspec.Struct, frozen=True):
    """What a code means, in words and in FIX: ``words`` open Text <58> and follow the code wherever people read it.

    ``ord_rej_reason`` is OrdRejReason <103>, ``cxl_rej_reason`` CxlRejReason <102>; 99 is any other reason.
    """

    words: str
    ord_rej_reason: int = 99
    cxl_rej_reason: int = 99


MEANINGS: dict[ErrorCode, Meaning] = {
    ErrorCode.UNKNOWN_SYMBOL: Meaning("unknown symbol", 1, 99),
    ErrorCode.SYMBOL_CLOSED: Meaning("symbol closed or halted", 2, 99),
    ErrorCode.EXCEEDS_LIMIT: Meaning("exceeds size, notional, position or open-order limit", 3, 99),
    ErrorCode.TOO_LATE: Meaning("too late", 4, 0),
    ErrorCode.UNKNOWN_ORDER: Meaning("unknown order", 5, 1),
    ErrorCode.DUPLICATE_CL_ORD_ID: Meaning("duplicate ClOrdID", 6, 6),
    ErrorCode.PRICE_OFF_TICK: Meaning("price off tick"),
    ErrorCode.SIZE_OFF_LOT: Meaning("size off lot", 13, 99),
    ErrorCode.PRICE_OUTSIDE_BAND: Meaning("price outside the band"),
    ErrorCode.INSUFFICIENT_BALANCE: Meaning("credit: insufficient balance", 3, 99),
    ErrorCode.UNSUPPORTED: Meaning("unsupported order characteristic", 11, 99),
    ErrorCode.NOT_ALLOWED_NOW: Meaning("not allowed in this state of the market", 2, 99),
    ErrorCode.POST_ONLY_WOULD_TAKE: Meaning("post-only order would take"),
    ErrorCode.FOK_UNFILLABLE: Meaning("FOK not fillable"),
    ErrorCode.SELF_TRADE: Meaning("self-trade prevention"),
    ErrorCode.STALE: Meaning("stale request", 4, 99),
    ErrorCode.IOC_REMAINDER: Meaning("IOC remainder"),
    ErrorCode.NO_LIQUIDITY: Meaning("no liquidity for a market order"),
    ErrorCode.LEVERAGE_EXCEEDED: Meaning("leverage exceeds what the notional allows", 3, 99),
    ErrorCode.RATE_LIMIT: Meaning("rate limit"),
    ErrorCode.NOT_AUTHORISED: Meaning("account not authorised for this session", 0, 99),
    ErrorCode.UNKNOWN_ACCOUNT: Meaning("unknown account", 15, 99),
    ErrorCode.ACCOUNT_SUSPENDED: Meaning("account suspended or closed", 0, 99),
    ErrorCode.MARGIN_RESTRICTED: Meaning("the account's margin state does not allow it", 0, 99),
    ErrorCode.NOTHING_TO_REDUCE: Meaning("no position to reduce"),
    ErrorCode.MIN_QTY_UNFILLABLE: Meaning("minimum quantity not fillable"),
    ErrorCode.GTD_EXPIRED: Meaning("expire time reached"),
    ErrorCode.DAY_EXPIRED: Meaning("end of day"),
    ErrorCode.REPLACED_BELOW_FILLED: Meaning("replace below filled"),
    ErrorCode.USER_REQUESTED: Meaning("canceled by request"),
    ErrorCode.DISCONNECTED: Meaning("cancel on disconnect"),
    ErrorCode.KILL_SWITCH: Meaning("kill switch is on", 0, 99),
    ErrorCode.OPERATIONS: Meaning("canceled by operations"),
    ErrorCode.LIQUIDATION: Meaning("liquidation"),
    ErrorCode.DELISTED: Meaning("instrument delisted"),
    ErrorCode.MASS_CANCELED: Meaning("canceled by a mass cancel"),
    ErrorCode.INTERNAL: Meaning("internal: the request had no effect", 0, 99),
    ErrorCode.MALFORMED_COMMAND: Meaning("not a command as its layout has it"),
    ErrorCode.UNKNOWN_COMMAND: Meaning("a command of a number or version this release does not know"),
    ErrorCode.ALREADY_REGISTERED: Meaning("the number or the name is registered already"),
    ErrorCode.UNKNOWN_REFERENCE: Meaning("it refers to something that does not exist, or not for this use"),
    ErrorCode.BOUND_EXCEEDED: Meaning("a number or a text is outside its bounds"),
    ErrorCode.DUPLICATE_DEPOSIT: Meaning("a deposit with this reference was credited already"),
    ErrorCode.INEXACT_NOTIONAL: Meaning("tick times lot is no whole number of minor units"),
    ErrorCode.NOT_EMPTY: Meaning("orders, positions or balances are still there"),
    ErrorCode.INVALID_TRANSITION: Meaning("not possible from the present state"),
    ErrorCode.TOO_MANY_CHANGES: Meaning("too many rules of subjects of their own, or set for a time to come"),
}
"""What each code means: one row a code, in order."""

UNASSIGNED = Meaning("unassigned")


def meaning_of(code: int) -> Meaning:
    """Find what a code means; one that is not assigned has its own meaning."""
    try:
        return MEANINGS[ErrorCode(code)]
    except (KeyError, ValueError):
        return UNASSIGNED


def name_of(code: int) -> str:
    """Name a code; an unassigned one is its number."""
    try:
        return ErrorCode(code).name
    except ValueError:
        return str(code)


def describe(code: int) -> str:
    """Write a code for a person: ``1007 PRICE_OFF_TICK (price off tick)``."""
    name = name_of(code)
    return f"{code} {name if name != str(code) else 'UNASSIGNED'} ({meaning_of(code).words})"
