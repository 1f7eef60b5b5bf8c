"""Fields that more than one message carries."""

from __future__ import annotations

import time

from engine.api.enums import OrderState
from engine.api.rejects import meaning_of
from engine.api.units import TimestampNs

UNKNOWN_SYMBOL, SIDE_UNDISCLOSED, NO_ORDER_ID = "[N/A]", "7", "NONE"
"""Symbol <55>, Side <54> and OrderID <37> of an answer about an order that does not exist."""

ORD_STATUS = {
    OrderState.PENDING: "0",
    OrderState.PARTIAL: "1",
    OrderState.FILLED: "2",
    OrderState.CANCELED: "4",
    OrderState.REJECTED: "8",
    OrderState.EXPIRED: "C",
    OrderState.UNKNOWN: "8",
}
"""OrdStatus <39> of each state of the engine."""


def refusal_text(code: int) -> str:
    """Write Text <58> and ErrorCode <20016> of a refusal, with the closing SOH."""
    return f"58={code}: {meaning_of(code).words}\x0120016={code}\x01"


def echo(text: str) -> str:
    """Write a member's own Text <58> back to it."""
    return f"58={text}\x01" if text else ""


class Times:
    """Writes UTCTimestamps with microseconds; what is finer is cut off (FIX-14). The second written last is kept."""

    def __init__(self) -> None:
        self._second, self._text = -1, ""

    def text(self, ts_ns: TimestampNs) -> str:
        """Write an exchange time."""
        second, rest = divmod(ts_ns, 1_000_000_000)
        if second != self._second:
            self._second, self._text = second, time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(second))
        return f"{self._text}.{rest // 1000:06d}"
