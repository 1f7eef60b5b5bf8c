"""How clearing stands, for whoever listens to its heartbeat: how far it has come, and what keeps it from its work."""

from __future__ import annotations

from clearing.limits import STORE_SILENCE_S
from engine.api.heartbeat import Heartbeat


class Condition:
    """What the process notes of itself as it goes. Units: seconds of one steady clock, which is an argument."""

    def __init__(self) -> None:
        self._progress = 0
        self._awaits_log = False
        self._has_begun = False
        self._asked_s: float | None = None
        self._outage = ""

    def asked(self, now_s: float) -> None:
        """Note that PostgreSQL was asked something."""
        self._asked_s = now_s

    def answered(self) -> None:
        """Note that it has done what it was asked."""
        self._asked_s, self._outage = None, ""

    def failed(self, reason: str) -> None:
        """Note that it could not be asked, or did not answer."""
        self._asked_s, self._outage = None, f"PostgreSQL: {reason}"

    def advanced(self, orders: int) -> None:
        """Note how many open orders have been read from the books."""
        self._progress = orders

    def log_awaited(self, seq: int) -> None:
        """Note that the books were read and stand at ``seq``, and that the log is next."""
        self._progress, self._awaits_log = seq, True

    def begun(self) -> None:
        """Note that the log goes on where the books end."""
        self._has_begun = True

    def settled(self, seq: int) -> None:
        """Note that the books have come to ``seq``."""
        self._progress = seq

    def tell(self, heartbeat: Heartbeat, now_s: float) -> None:
        """Beat."""
        fault = self._fault(now_s)
        if self._has_begun:
            heartbeat.ready(self._progress, fault)
        elif fault or self._awaits_log:
            heartbeat.waiting(self._progress, fault or "the engine's log has not been reached yet")
        else:
            heartbeat.starting(self._progress)

    def _fault(self, now_s: float) -> str:
        if self._outage:
            return self._outage
        if self._asked_s is not None and now_s - self._asked_s > STORE_SILENCE_S:
            return f"PostgreSQL has not answered for {now_s - self._asked_s:.0f} s"
        return ""
