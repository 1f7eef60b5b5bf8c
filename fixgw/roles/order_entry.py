"""Order entry: members' messages become commands, and each report goes to the session it answers."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from engine.api.errors import LinkError
from engine.api.ids import Seq, SessionId
from engine.api.wire import encode_command
from engine.client import CommandLink
from fixgw.directory import Directory
from fixgw.inbound.conversion import Inbound
from fixgw.inbound.fields import Fields, Sender
from fixgw.outbound.business_message_reject import AWAY, BusinessReject
from fixgw.outbound.writer import Text, Writer
from fixgw.outlet import Outlet
from fixgw.reports import Report

MSG_SEQ_NUM_MASK = 0xFFFF_FFFF
"""The low half of a record's ``source_seq`` is the MsgSeqNum of the message it came from."""


class OrderEntry:
    """Where members trade."""

    def __init__(self, data: Path, directory: Directory) -> None:
        self._inbound = Inbound(directory)
        self._writer = Writer(directory)
        self.link = CommandLink(data, "fixgw-order-entry")

    def set_epoch(self, epoch: int) -> None:
        """Take the log's epoch."""
        self._writer.set_epoch(epoch)

    def take(self, fields: Fields, sender: Sender) -> BusinessReject | None:
        """Submit the command a message stands for."""
        command = self._inbound.command(fields, sender, time.time())
        if isinstance(command, BusinessReject):
            return command
        encoded = encode_command(command)
        try:
            self.link.submit(sender.session_id, encoded, int(fields["34"]) & MSG_SEQ_NUM_MASK)
        except LinkError:
            return AWAY
        return None

    def sessions_of(self, report: Report) -> Iterable[SessionId]:
        """Name the sessions a report answers."""
        return report.sessions

    def text(self, report: Report) -> Text:
        """Write a report as it is."""
        return self._writer.text(report)

    def ask_again(self, outlet: Outlet, seq: Seq, source_seq: int) -> None:
        """Expect the message after the last one that became a record."""
        outlet.expect_after(seq, source_seq & MSG_SEQ_NUM_MASK)
