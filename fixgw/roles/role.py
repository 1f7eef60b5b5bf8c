"""What the desk asks of every role."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from engine.api.ids import Seq, SessionId
from engine.api.wire import Record
from fixgw.inbound.fields import Fields, Sender
from fixgw.outbound.business_message_reject import BusinessReject
from fixgw.outbound.writer import Text
from fixgw.outlet import Outlet
from fixgw.reports import Report


class Submitting(Protocol):
    """Where commands go: :class:`engine.client.CommandLink`, or nowhere."""

    @property
    def inflight(self) -> int:
        """Commands that have no record yet."""

    def flush(self) -> None:
        """Send what was submitted since the last call, as one write."""

    def observe(self, records: Iterable[Record]) -> None:
        """Take note of records of the log, all of them, in order."""

    def close(self) -> None:
        """Let go of the engine; what is in flight may or may not become a record."""


class Role(Protocol):
    """One side of the exchange: what it takes from members, and which reports go where."""

    @property
    def link(self) -> Submitting:
        """Where what it takes goes."""

    def set_epoch(self, epoch: int) -> None:
        """Take the log's epoch; called once, before the first report."""

    def take(self, fields: Fields, sender: Sender) -> BusinessReject | None:
        """Pass on what a member's message asks for, or return the answer to it."""

    def sessions_of(self, report: Report) -> Iterable[SessionId]:
        """Name the sessions that get a report; others than those of this role may be among them."""

    def text(self, report: Report) -> Text:
        """Write a report."""

    def ask_again(self, outlet: Outlet, seq: Seq, source_seq: int) -> None:
        """Have the member resend what a killed gateway had received and not yet passed on.

        Record ``seq`` is the last of its session, with ``source_seq``; both are 0 when there is none.
        """
