"""Drop copy: a firm gets a copy of every report of all its order-entry sessions.

The body is that of order entry; a copy has two fields more: CopyMsgIndicator <797> and OriginSession <20008>, the
CompID that entered the order.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.api.ids import Seq, SessionId
from engine.api.wire import Record
from fixgw.directory import Directory
from fixgw.inbound.fields import Fields, Sender
from fixgw.outbound.business_message_reject import UNSUPPORTED, BusinessReject
from fixgw.outbound.writer import Text, Writer
from fixgw.outlet import Outlet
from fixgw.reports import Report, Status, UnknownStatus


class Nowhere:
    """What is never submitted needs no link."""

    inflight = 0

    def flush(self) -> None:
        """Send nothing."""

    def observe(self, records: Iterable[Record]) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """There is nothing to let go of."""


class DropCopy:
    """Where firms reconcile. ``sessions`` are those of this role."""

    def __init__(self, sessions: Iterable[SessionId], directory: Directory) -> None:
        self._writer = Writer(directory)
        self.link = Nowhere()
        self._sessions = tuple(sessions)
        self._directory = directory

    def set_epoch(self, epoch: int) -> None:
        """Take the log's epoch."""
        self._writer.set_epoch(epoch)

    def take(self, fields: Fields, sender: Sender) -> BusinessReject | None:
        """Refuse it: drop copy only tells."""
        return UNSUPPORTED

    def sessions_of(self, report: Report) -> Iterable[SessionId]:
        """Name all sessions of the firm; answers to status requests are nobody else's."""
        if isinstance(report, Status | UnknownStatus):
            return ()
        firm_of = self._directory.firm_of
        firm_id = firm_of(report.origin)
        return [number for number in self._sessions if firm_of(number) == firm_id]

    def text(self, report: Report) -> Text:
        """Write a copy."""
        msg_type, body = self._writer.text(report)
        return msg_type, f"{body}797=Y\x0120008={self._directory.comp_id(report.origin)}\x01"

    def ask_again(self, outlet: Outlet, seq: Seq, source_seq: int) -> None:
        """Ask for nothing: no message of a member is lost here, as none has an effect."""
