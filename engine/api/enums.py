"""The closed sets of the language. Order fields carry their FIX value as one ASCII byte."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """Side <54>."""

    BUY = ord("1")
    SELL = ord("2")


class OrdType(IntEnum):
    """OrdType <40>."""

    MARKET = ord("1")
    LIMIT = ord("2")


class TimeInForce(IntEnum):
    """TimeInForce <59> (ORD-13 table)."""

    GOOD_TILL_CANCEL = ord("1")
    IMMEDIATE_OR_CANCEL = ord("3")
    FILL_OR_KILL = ord("4")


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
    """Kind of account (ACC table). ``SYSTEM`` accounts belong to the exchange and never trade."""

    SYSTEM = 0
    SPOT = 1


class SessionKind(IntEnum):
    """Kind of FIX session a CompID is issued for (RoE section 1)."""

    ORDER_ENTRY = 1
    DROP_COPY = 2


class InstrumentKind(IntEnum):
    """Kind of instrument."""

    SPOT = 1


class CommandType(IntEnum):
    """First byte of a command."""

    REGISTER_ASSET = 1
    REGISTER_FIRM = 2
    OPEN_ACCOUNT = 3
    REGISTER_SESSION = 4
    LIST_INSTRUMENT = 5
    DEPOSIT = 6
    NEW_ORDER = 16
    CANCEL_ORDER = 17
    REQUEST_ORDER_STATUS = 18
    REFUSE_ORDER = 19


class EventType(IntEnum):
    """Third byte of an event."""

    ASSET_REGISTERED = 1
    FIRM_REGISTERED = 2
    ACCOUNT_OPENED = 3
    SESSION_REGISTERED = 4
    INSTRUMENT_LISTED = 5
    DEPOSITED = 6
    ORDER_ACCEPTED = 16
    ORDER_REJECTED = 17
    TRADED = 18
    ORDER_CANCELED = 19
    ORDER_EXPIRED = 20
    CANCEL_REJECTED = 21
    STATUS_REPORTED = 22
    COMMAND_REFUSED = 23
