"""The exchange clock: the only place that reads the time (TIM-02, RES-56).

The core makes stamps strictly rising; this clock guards what it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.api.errors import EngineError
from engine.api.limits import CLOCK_BACKWARD_NS_MAX, TIMESTAMP_NS_MAX, TIMESTAMP_NS_MIN


class ClockFault(EngineError):
    """The clock stepped back by more than a second, or left the years 2020 to 2100."""


class ExchangeClock:
    """Nanoseconds since 1970, UTC, that a batch is stamped from.

    A step back of up to a second is absorbed by the strictly rising stamps and counted (RES-53);
    a larger one is a fault: the engine stops rather than stamp an hour that will come again.
    """

    def __init__(self, last_ns: int, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._now_ns = now_ns
        self._last_ns = last_ns
        self.steps_back = 0

    def read(self) -> int:
        """Return the time to stamp a batch with. Raises: ClockFault."""
        now = self._now_ns()
        if not TIMESTAMP_NS_MIN <= now <= TIMESTAMP_NS_MAX:
            raise ClockFault(f"the clock shows {now} ns, outside 2020 to 2100")
        if now < self._last_ns:
            if self._last_ns - now > CLOCK_BACKWARD_NS_MAX:
                raise ClockFault(f"the clock stepped back by {self._last_ns - now} ns")
            self.steps_back += 1
            return self._last_ns
        self._last_ns = now
        return now
