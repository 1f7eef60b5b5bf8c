"""The world's time: what the exchange clock shows, and what passes beside it."""

from __future__ import annotations

from random import Random

from engine.api.limits import TIMESTAMP_NS_MAX, TIMESTAMP_NS_MIN
from tests.model.market import NOW_NS

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
ABSORBED_NS_MAX = 900_000_000
"""How far this clock steps back at most while it is right: the engine bears a second."""


class Clock:
    """Time that moves only when told. It has two faces: nanoseconds since 1970, which may step, and time that passes.

    The second face stands in for the module ``time`` wherever the engine waits or measures.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._now_ns = self._highest_ns = NOW_NS
        self._passed_ns = SECOND_NS
        self._wrong_ns: int | None = None
        self.is_frozen = False

    @property
    def is_wrong(self) -> bool:
        """Tell whether it shows a time at which no record can be stamped."""
        return self._wrong_ns is not None

    def now_ns(self) -> int:
        """Show the time."""
        if self._wrong_ns is not None:
            return self._wrong_ns
        self._highest_ns = max(self._highest_ns, self._now_ns)
        return self._now_ns

    def advance(self, by_ns: int) -> None:
        """Let time pass; the time shown may stand still meanwhile, or step back a little when ``by_ns`` is negative."""
        self._passed_ns += max(0, by_ns)
        if not self.is_frozen:
            self._now_ns = max(self._now_ns + by_ns, self._highest_ns - ABSORBED_NS_MAX)

    def step(self) -> str:
        """Do something a clock should not do but the engine bears. Returns: what."""
        kinds = ("back", "freeze", "forward", "midnight", "day")
        kind = self._rng.choice(kinds)
        self.is_frozen = kind == "freeze"
        if kind == "back":
            self._now_ns = self._highest_ns - self._rng.randrange(ABSORBED_NS_MAX)
        elif kind == "forward":
            self._now_ns += self._rng.randrange(3_600 * SECOND_NS)
        elif kind == "midnight":
            self._now_ns = (self._now_ns // DAY_NS + 1) * DAY_NS - self._rng.choice((0, 1, 2, 1_000_000))
        elif kind == "day":
            self._now_ns += DAY_NS
        return kind

    def go_wrong(self, last_ns: int) -> str:
        """Show an impossible time: years off, or well before ``last_ns``, when the last event happened."""
        kind = self._rng.choice(("2019", "2101", "an hour back", "a second back"))
        self._wrong_ns = {
            "2019": TIMESTAMP_NS_MIN - 1,
            "2101": TIMESTAMP_NS_MAX + 1,
            "an hour back": last_ns - 3_600 * SECOND_NS,
            "a second back": last_ns - SECOND_NS - 1_000_000,  # stamps may be ahead of the clock by a little
        }[kind]
        return kind

    def go_right(self) -> None:
        """Show the right time again."""
        self._wrong_ns = None

    # --- in place of the module time --------------------------------------------------------------------

    def monotonic(self) -> float:
        return self._passed_ns / SECOND_NS

    def perf_counter_ns(self) -> int:
        return self._passed_ns

    def time_ns(self) -> int:
        return self._passed_ns

    def sleep(self, seconds: float) -> None:
        self._passed_ns += int(seconds * SECOND_NS)
