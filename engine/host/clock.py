"""The exchange clock: the only place that reads the time (TIM-02, RES-56).

The core makes stamps strictly rising; this clock guards what it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from engine.api.errors import EngineError
from engine.api.limits import CLOCK_BACKWARD_NS_MAX, TIMESTAMP_NS_MAX, TIMESTAMP_NS_MIN

STEP_TOLD_NS = 100_000_000
"""A step back further than this is told in the log (RES-53)."""

_log = structlog.get_logger()


class ClockFault(EngineError):
    """The clock stepped back by more than a second, or left the years 2020 to 2100."""


class ExchangeClock:
    """Nanoseconds since 1970, UTC, that a batch is stamped from.

    A step back of up to a second is absorbed by the strictly rising stamps and counted, and beyond 100 ms told
    (RES-53); a larger one is a fault: the engine stops rather than stamp an hour that will come again.
    """

    def __init__(self, last_ns: int, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._last_ns = last_ns
        self._shown_ns = last_ns
        self.steps_back = 0

    def read(self) -> int:
        """Return the time to stamp a batch with. Raises: ClockFault."""
        now = self._now_ns()
        if not TIMESTAMP_NS_MIN <= now <= TIMESTAMP_NS_MAX:
            raise ClockFault(f"the clock shows {now} ns, outside 2020 to 2100")
        if self._last_ns - now > CLOCK_BACKWARD_NS_MAX:
            raise ClockFault(f"the clock stepped back by {self._last_ns - now} ns")
        if now < self._shown_ns:
            self._stepped_back(self._shown_ns - now)
        self._shown_ns = now
        self._last_ns = max(self._last_ns, now)
        return self._last_ns

    def _stepped_back(self, by_ns: int) -> None:
        self.steps_back += 1
        if by_ns > STEP_TOLD_NS:
            _log.warning("clock_stepped_back", by_ms=by_ns // 1_000_000, steps=self.steps_back)
