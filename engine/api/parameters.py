"""Parameters: every rule that governance may change, with its bounds and what holds until it is set.

A parameter is set by :class:`~engine.api.messages.parameters.SetParameter`, for the venue or, where it has a subject,
for one account, firm, symbol or session; the subject's own value then stands in place of the venue's. Margin brackets
and fee rates are tables with commands of their own. The compiled core has the same table
(``engine/core/src/language/parameters.rs``); a test compares both.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from engine.api import limits

UNSET = -1
"""In place of a value: the subject has none of its own any more."""


class Subject(IntEnum):
    """For whom, besides the venue, a parameter can be set."""

    NONE = 0
    ACCOUNT = 1
    FIRM = 2
    SYMBOL = 3
    SESSION = 4


class Parameter(IntEnum):
    """Numbers are frozen."""

    CL_ORD_ID_WINDOW_NS = 1
    CL_ORD_IDS_SPENT_MAX = 2
    OPEN_ORDERS_PER_SYMBOL_MAX = 3
    OPEN_ORDERS_PER_ACCOUNT_MAX = 4
    POSITIONS_PER_ACCOUNT_MAX = 5
    LEVERAGE_DEFAULT = 6
    MARGIN_ACCOUNT_LEVERAGE_MAX = 7
    TIER1_LEVERAGE_MAX = 8
    TIER2_LEVERAGE_MAX = 9
    TIER3_LEVERAGE_MAX = 10
    TIER4_LEVERAGE_MAX = 11
    TIER1_POSITION_MAX = 12
    TIER2_POSITION_MAX = 13
    TIER3_POSITION_MAX = 14
    TIER4_POSITION_MAX = 15
    BREAKER_NS = 16
    BREAKER_WINDOW_S = 17
    BREAKER_MOVE_PPM = 18
    BAND_PPM = 19
    SESSION_MESSAGES_PER_S_MAX = 20
    SESSION_BURST_MAX = 21
    ACCOUNT_MESSAGES_PER_S_MAX = 22
    ACCOUNT_BURST_MAX = 23
    ACCOUNT_LENDING_SHARE_PPM = 24
    FIRM_LENDING_SHARE_PPM = 25


class Rule(msgspec.Struct, frozen=True):
    """What may be set, and what holds until it is: bounds are inclusive."""

    subject: Subject
    unit: str
    minimum: int
    maximum: int
    default: int
    reason: str


_P, _S = Parameter, Subject
_DAY_NS = 86_400_000_000_000

RULES: dict[Parameter, Rule] = {
    _P.CL_ORD_ID_WINDOW_NS: Rule(
        _S.NONE, "ns", 1_000_000_000, 31 * _DAY_NS, _DAY_NS, "how long a ClOrdID stays taken after its order was closed"
    ),
    _P.CL_ORD_IDS_SPENT_MAX: Rule(
        _S.NONE, "ClOrdIDs", 1, 10_000_000, 1_000_000, "of closed orders that stay taken, for one CompID (memory)"
    ),
    _P.OPEN_ORDERS_PER_SYMBOL_MAX: Rule(
        _S.ACCOUNT, "orders", 0, 10_000, 1_000, "open orders of one account in one symbol (ORD-22)"
    ),
    _P.OPEN_ORDERS_PER_ACCOUNT_MAX: Rule(
        _S.ACCOUNT, "orders", 0, 100_000, 10_000, "open orders of one account in all symbols (ORD-22)"
    ),
    _P.POSITIONS_PER_ACCOUNT_MAX: Rule(
        _S.ACCOUNT, "positions", 0, limits.POSITIONS_PER_ACCOUNT_MAX, 64, "perpetuals one account may trade"
    ),
    _P.LEVERAGE_DEFAULT: Rule(
        _S.NONE, "x", 1, limits.LEVERAGE_MAX, 10, "leverage of a position for which none was set (RES-27)"
    ),
    _P.MARGIN_ACCOUNT_LEVERAGE_MAX: Rule(
        _S.NONE, "x", 1, 10, 10, "how many times its equity a MARGIN account may hold; more would overflow"
    ),
    _P.TIER1_LEVERAGE_MAX: Rule(_S.NONE, "x", 1, limits.LEVERAGE_MAX, 20, "highest leverage of tier 1 (MAR-03)"),
    _P.TIER2_LEVERAGE_MAX: Rule(_S.NONE, "x", 1, limits.LEVERAGE_MAX, 50, "highest leverage of tier 2"),
    _P.TIER3_LEVERAGE_MAX: Rule(_S.NONE, "x", 1, limits.LEVERAGE_MAX, 100, "highest leverage of tier 3"),
    _P.TIER4_LEVERAGE_MAX: Rule(_S.NONE, "x", 1, limits.LEVERAGE_MAX, 125, "highest leverage of tier 4"),
    _P.TIER1_POSITION_MAX: Rule(
        _S.NONE, "units of the quote asset", 0, 10**13, 100_000, "largest position of tier 1, 0 for no limit"
    ),
    _P.TIER2_POSITION_MAX: Rule(
        _S.NONE, "units of the quote asset", 0, 10**13, 1_000_000, "largest position of tier 2, 0 for no limit"
    ),
    _P.TIER3_POSITION_MAX: Rule(
        _S.NONE, "units of the quote asset", 0, 10**13, 10_000_000, "largest position of tier 3, 0 for no limit"
    ),
    _P.TIER4_POSITION_MAX: Rule(
        _S.NONE, "units of the quote asset", 0, 10**13, 0, "largest position of tier 4, 0 for no limit"
    ),
    _P.BREAKER_NS: Rule(
        _S.SYMBOL, "ns", 1_000_000_000, _DAY_NS, 300_000_000_000, "how long a breaker keeps new orders out (EVT table)"
    ),
    _P.BREAKER_WINDOW_S: Rule(_S.SYMBOL, "s", 1, 600, 60, "seconds over which the move of a mark is judged (MAR-43)"),
    _P.BREAKER_MOVE_PPM: Rule(
        _S.SYMBOL, "ppm", 1_000, 1_000_000, 100_000, "a mark that moves by more triggers the breaker (MAR-43)"
    ),
    _P.BAND_PPM: Rule(
        _S.SYMBOL,
        "ppm",
        0,
        limits.BAND_PPM_MAX,
        0,
        "price band of a symbol: part of the listing, so without a default",
    ),
    _P.SESSION_MESSAGES_PER_S_MAX: Rule(
        _S.SESSION, "messages/s", 1, 1_000_000, 1_000_000, "messages of one session in a second; gateways keep it"
    ),
    _P.SESSION_BURST_MAX: Rule(
        _S.SESSION, "messages", 1, 1_000_000, 1_000_000, "messages of one session at once; gateways keep it"
    ),
    _P.ACCOUNT_MESSAGES_PER_S_MAX: Rule(
        _S.ACCOUNT, "messages/s", 1, 1_000_000, 1_000_000, "messages for one account in a second; gateways keep it"
    ),
    _P.ACCOUNT_BURST_MAX: Rule(
        _S.ACCOUNT, "messages", 1, 1_000_000, 1_000_000, "messages for one account at once; gateways keep it"
    ),
    _P.ACCOUNT_LENDING_SHARE_PPM: Rule(
        _S.ACCOUNT, "ppm", 0, 1_000_000, 250_000, "share of a lending pool, loans included, that one account may owe"
    ),
    _P.FIRM_LENDING_SHARE_PPM: Rule(
        _S.FIRM, "ppm", 0, 1_000_000, 500_000, "share of a lending pool, loans included, that one firm may owe"
    ),
}
"""One row a parameter, in the order of their numbers."""


class MarginBracket(msgspec.Struct, frozen=True):
    """What holds for positions up to a notional; the last bracket has ``notional_max`` 0 and holds for all larger ones.

    Units: ``notional_max`` whole units of the quote asset, inclusive.
    """

    notional_max: int
    leverage_max: int
    maintenance_ppm: int


MARGIN_BRACKETS: tuple[MarginBracket, ...] = (
    MarginBracket(50_000, 125, 4_000),
    MarginBracket(250_000, 100, 5_000),
    MarginBracket(1_000_000, 50, 10_000),
    MarginBracket(5_000_000, 20, 25_000),
    MarginBracket(20_000_000, 10, 50_000),
    MarginBracket(0, 5, 100_000),
)
"""What holds until brackets are set (RES-24)."""
