"""The events that answer a request as a whole: mass cancels, kill switches, and what was refused."""

from __future__ import annotations

from engine.api import events as e
from engine.api.wire import Record
from taxonomy.orders import reason_of
from taxonomy.teller import Teller


class Requests:
    """Expansion of the answers to requests."""

    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def kill_switch_set(self, event: e.KillSwitchSet) -> None:
        """KillSwitchSet."""
        self._teller.tell(
            "KillSwitchSet",
            {"session_id": str(event.session_id), "is_on": event.is_on, "is_by_operations": event.is_by_operations},
        )

    def mass_canceled(self, event: e.MassCanceled) -> None:
        """MassCanceled."""
        self._teller.tell("MassCanceled", {"canceled": str(event.canceled), "is_complete": event.is_complete})

    def command_refused(self, record: Record, code: int) -> None:
        """CommandRefused, MassCancelRejected."""
        self._teller.tell("CommandRefused", {"command": type(record.command).__name__, **reason_of(code)})
