"""The closed sets of the language. Order fields carry their FIX value as one ASCII byte."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Side(IntEnum):
    """Side <54>."""

    BUY = ord("1")
    SELL = ord("2")


class OrdType(IntEnum):
    """OrdType <40>."""

    MARKET = ord("1")
    LIMIT = ord("2")
    STOP = ord("3")
    STOP_LIMIT = ord("4")
    PEGGED = ord("P")

    @property
    def is_stop(self) -> bool:
        """Tell whether an order of this type waits for a trigger."""
        return self in (OrdType.STOP, OrdType.STOP_LIMIT)


class TimeInForce(IntEnum):
    """TimeInForce <59> (ORD-13 table)."""

    DAY = ord("0")
    GOOD_TILL_CANCEL = ord("1")
    IMMEDIATE_OR_CANCEL = ord("3")
    FILL_OR_KILL = ord("4")
    GOOD_TILL_DATE = ord("6")

    @property
    def may_rest(self) -> bool:
        """Tell whether what is left of an order waits in the book."""
        return self not in (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


class ExecInst(IntFlag):
    """ExecInst <18>, and what else an order asks for, as flags."""

    NONE = 0
    POST_ONLY = 1
    REDUCE_ONLY = 2
    SLIDE = 4
    """With POST_ONLY: move one tick off the other side instead of being canceled (PostOnlyMode <20013>)."""
    LIQUIDATION = 8
    """Entered by the clearing house to close a position (LIQ-21); from operations only."""


class Trigger(IntEnum):
    """Price that elects a stop (TriggerPriceType <1107>)."""

    NONE = 0
    LAST = 1
    MARK = 2


class Peg(IntEnum):
    """Price a pegged order follows (ExecInst <18> R, P, M)."""

    NONE = 0
    PRIMARY = 1
    MARKET = 2
    MID = 3


class SelfTrade(IntEnum):
    """Self-trade prevention instruction <2964>; ``DEFAULT`` is AGGRESSIVE (ORD-08)."""

    DEFAULT = 0
    AGGRESSIVE = 1
    RESTING = 2
    BOTH = 3
    DECREMENT = 100


class OrderState(IntEnum):
    """State of an order; ids are frozen (OST-01). ``UNKNOWN`` answers for an order never accepted."""

    PENDING = 0
    PARTIAL = 1
    FILLED = 2
    CANCELED = 3
    REJECTED = 4
    EXPIRED = 5
    UNKNOWN = 255

    @property
    def is_open(self) -> bool:
        """Tell whether an order in this state is in the book."""
        return self in (OrderState.PENDING, OrderState.PARTIAL)


class AccountKind(IntEnum):
    """Kind of account (ACC table). ``SYSTEM`` and ``CLEARING_PNL`` accounts are the exchange's and never trade.

    A CLEARING_PNL account is the counterpart of all profit and loss in one perpetual (DRV-11); it alone may be
    negative.
    """

    SYSTEM = 0
    SPOT = 1
    MARGIN = 2
    FUTURES = 3
    CLEARING_PNL = 4

    @property
    def is_member(self) -> bool:
        """Tell whether a firm owns accounts of this kind and trades with them."""
        return self in (AccountKind.SPOT, AccountKind.MARGIN, AccountKind.FUTURES)


class AccountStatus(IntEnum):
    """Status of an account (ACC table)."""

    ACTIVE = 1
    SUSPENDED = 2
    CLOSED = 3


class MarginState(IntEnum):
    """Margin state of an account (LIQ-60), set by the clearing house."""

    NORMAL = 0
    LIQUIDATION_WARNING = 1
    MARGIN_CALL = 2
    IN_LIQUIDATION = 3
    LIQUIDATED = 4
    ADL_DELEVERAGED = 5


class MarginMode(IntEnum):
    """Which collateral stands behind a position (MAR-11)."""

    CROSS = 0
    ISOLATED = 1


class SymbolStatus(IntEnum):
    """What a symbol's market is open for (SecurityTradingStatus <326>)."""

    PRE_OPEN = 1
    OPEN = 2
    HALT = 3
    CLOSED = 4
    CANCEL_ONLY = 5
    POST_ONLY = 6


class VenueStatus(IntEnum):
    """What the whole exchange is open for (TradSesStatus <340>)."""

    OPEN = 1
    HALT = 2
    CLOSED = 3
    CANCEL_ONLY = 4


class Matching(IntEnum):
    """How incoming quantity is shared out among the orders at one price (TRD-30, TRD-31)."""

    PRICE_TIME = 0
    PRO_RATA = 1


class BreakerReason(IntEnum):
    """Why a circuit breaker was triggered (MAR-43)."""

    MARK_MOVE = 1
    ACCOUNTS_NEAR_LIQUIDATION = 2
    ACCOUNTS_IN_LIQUIDATION = 3
    OPERATIONS = 4


class RestateReason(IntEnum):
    """Why the engine changed an order by itself (ExecRestatementReason <378> says less)."""

    PEG = 1
    DECREMENT = 2
    REFILL = 3
    REDUCE_ONLY = 4
    SLIDE = 5
    TURN = 6  # it waits for its turn to be matched and shows nothing, or has had it and rests
    SUSPENDED = 7  # its account is suspended: it stands outside the market
    RESUMED = 8  # it comes back, behind all others


class PositionReason(IntEnum):
    """What changed a position."""

    TRADE = 1
    LEVERAGE = 2
    MARGIN = 3
    DEBT = 4
    REPAYMENT = 5  # a debt was paid from what became available


class SessionKind(IntEnum):
    """Kind of FIX session a CompID is issued for (RoE section 1)."""

    ORDER_ENTRY = 1
    DROP_COPY = 2


class InstrumentKind(IntEnum):
    """Kind of instrument."""

    SPOT = 1
    PERPETUAL = 2
