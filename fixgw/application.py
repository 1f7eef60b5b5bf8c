"""QuickFIX's callbacks. Each is total: an exception that left one would hang the session's thread for ever.

A fault is logged and answered; what the member sent had then no effect. The one exception that passes on purpose
is RejectLogon, which QuickFIX turns into a Logout.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import quickfix as fix
import structlog

from engine.api.errors import LinkError, WireError
from engine.api.rejects import ErrorCode
from engine.api.wire import encode_command
from engine.client import CommandLink
from fixgw import dictionary as tags
from fixgw.callback_thread import CallbackThreads
from fixgw.desk import MSG_SEQ_NUM_MASK
from fixgw.inbound import (
    BUSINESS_NOT_AVAILABLE,
    BUSINESS_UNSUPPORTED,
    BusinessReject,
    Fields,
    Inbound,
    Sender,
    split_fields,
)
from fixgw.logon import REFUSED, Credentials, refuse_logon
from fixgw.sessions import Outlet

_REJECTED_LOGON = "Rejected Logon Attempt: "
"""What QuickFIX puts before the text of a refused Logon."""

AWAY = BusinessReject(BUSINESS_NOT_AVAILABLE, "the exchange is not available; the request had no effect")
FAULT = BusinessReject(BUSINESS_NOT_AVAILABLE, "1050: internal: the request had no effect", ErrorCode.INTERNAL)

_log = structlog.get_logger()


class Application(fix.Application):  # type: ignore[misc]
    """Binds QuickFIX to the gateway. Without ``inbound`` and ``link`` (drop copy) it takes session messages only."""

    def __init__(
        self,
        outlets: Mapping[str, Outlet],
        credentials: Credentials,
        senders: Mapping[str, Sender],
        put: Callable[[str], None],
        inbound: Inbound | None = None,
        link: CommandLink | None = None,
    ) -> None:
        super().__init__()
        self._put = put
        self._outlets = outlets
        self._credentials = credentials
        self._senders = senders
        self._inbound = inbound
        self._link = link
        self._heart_bt_int_s: dict[str, int] = {}
        self._leaving: set[str] = set()
        self._threads = CallbackThreads()

    # --- what QuickFIX calls ------------------------------------------------------------------------------

    def onCreate(self, session_id: Any) -> None:  # noqa: N802
        """Take note of nothing: sessions are known from the configuration."""

    def onLogon(self, session_id: Any) -> None:  # noqa: N802
        """A member is logged on."""
        try:
            self.logged_on(_comp_id(session_id))
        except BaseException:
            _log.exception("callback_failed", callback="onLogon")

    def onLogout(self, session_id: Any) -> None:  # noqa: N802
        """A member is gone, whether it said so or not. QuickFIX holds the session's lock."""
        try:
            self.logged_out(_comp_id(session_id))
        except BaseException:
            _log.exception("callback_failed", callback="onLogout")

    def toAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Complete a session message of ours. QuickFIX holds the session's lock."""
        try:
            self.complete_admin(message, session_id)
        except BaseException:
            _log.exception("callback_failed", callback="toAdmin")

    def toApp(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Let every report pass, live or replayed. QuickFIX holds the session's lock."""

    def fromAdmin(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Look at a session message of a member."""
        refusal = ""
        try:
            refusal = self.take_admin(message, session_id)
        except BaseException:
            _log.exception("callback_failed", callback="fromAdmin")
            refusal = REFUSED
        if refusal:
            raise fix.RejectLogon(refusal)

    def fromApp(self, message: Any, session_id: Any) -> None:  # noqa: N802
        """Put an application message of a member on the desk."""
        try:
            self._put(message.toString())
        except BaseException:
            _log.exception("callback_failed", callback="fromApp")

    # --- what it means ------------------------------------------------------------------------------------

    def take_up(self, text: str) -> None:
        """Take a message from the desk. Total, like a callback: a fault is logged and answered."""
        fields: dict[str, str] = {}
        try:
            fields = split_fields(text)
            self.take(fields)
        except BaseException:
            _log.exception("callback_failed", callback="fromApp")
            with contextlib.suppress(BaseException):
                self.send_reject(fields, FAULT)

    def take(self, fields: Fields) -> None:
        """Turn an application message into a command, or answer it at once."""
        sender = self._senders[fields["49"]]
        if self._inbound is None or self._link is None:
            return self.send_reject(fields, BusinessReject(BUSINESS_UNSUPPORTED, "unsupported message type"))
        command = self._inbound.command(fields, sender, time.time())
        if isinstance(command, BusinessReject):
            return self.send_reject(fields, command)
        try:
            self._link.submit(sender.session_id, encode_command(command), int(fields["34"]) & MSG_SEQ_NUM_MASK)
        except WireError:
            raise
        except LinkError:
            self.send_reject(fields, AWAY)

    def send_reject(self, fields: Fields, reject: BusinessReject) -> None:
        """Answer a message by BusinessMessageReject, naming its ClOrdID <11> in 379 whenever it has one."""
        ref = f"379={fields['11']}\x01" if "11" in fields else ""
        code = f"20016={reject.code}\x01" if reject.code else ""
        tag = f"20006={reject.tag}\x01" if reject.tag else ""
        text = (
            f"35=j\x0145={fields['34']}\x01372={fields['35']}\x01{ref}380={reject.reason}\x01"
            f"58={reject.text}\x01{code}{tag}"
        )
        fix.Session.sendToTarget(fix.Message(text, False), self._outlets[fields["49"]].session_id)

    def take_admin(self, message: Any, session_id: Any) -> str:
        """Check a Logon; return why it is refused, or nothing. Other session messages are QuickFIX's."""
        fields = split_fields(message.toString())
        comp_id = fields["49"]
        if fields["35"] == "5":
            self._leaving.add(comp_id)
        if fields["35"] != "A":
            return ""
        outlet = self._outlets[comp_id]
        is_reset = fields.get("141") == "Y"
        if is_reset:
            outlet.note_reset_asked()
        refusal = refuse_logon(self._credentials, fields)
        if refusal:
            outlet.note_refused()
            _log.warning("logon_refused", comp_id=comp_id, reason=refusal)
            return refusal
        self._heart_bt_int_s[comp_id] = int(fields["108"])
        if is_reset:
            fix.Session.lookupSession(session_id).setNextSenderMsgSeqNum(1)
        return ""

    def logged_on(self, comp_id: str) -> None:
        """Open the member's outlet for recovery."""
        self._threads.hold(comp_id)
        self._outlets[comp_id].note_logon(self._heart_bt_int_s[comp_id])
        _log.info("logged_on", comp_id=comp_id)

    def logged_out(self, comp_id: str) -> None:
        """Note what the member may have missed."""
        said_goodbye = comp_id in self._leaving
        self._leaving.discard(comp_id)
        self._threads.let_go(comp_id)
        self._outlets[comp_id].note_logout(said_goodbye)
        _log.info("logged_out", comp_id=comp_id)

    def complete_admin(self, message: Any, session_id: Any) -> None:
        """Add what QuickFIX leaves out: 58 and 789 on a Logout, 369 on a Heartbeat, 373=3 for a tag unknown to us."""
        kind = message.getHeader().getField(tags.MSG_TYPE)
        if kind == "5":
            self._complete_logout(message, session_id)
        elif kind == "0":
            expected = fix.Session.lookupSession(session_id).getExpectedTargetNum()
            message.getHeader().setField(tags.LAST_MSG_SEQ_NUM_PROCESSED, str(expected - 1))
        elif kind == "3" and _field(message, tags.SESSION_REJECT_REASON) == tags.INVALID_TAG_NUMBER:
            message.setField(tags.SESSION_REJECT_REASON, tags.UNDEFINED_TAG)

    def _complete_logout(self, message: Any, session_id: Any) -> None:
        text = _field(message, tags.TEXT).removeprefix(_REJECTED_LOGON)
        message.setField(tags.TEXT, text or "Logout")
        if text == REFUSED:
            message.setField(tags.ERROR_CODE, str(int(ErrorCode.NOT_AUTHORISED)))
            return
        expected = fix.Session.lookupSession(session_id).getExpectedTargetNum()
        is_answer = _comp_id(session_id) in self._leaving
        message.setField(tags.NEXT_EXPECTED_MSG_SEQ_NUM, str(expected + is_answer))


def _comp_id(session_id: Any) -> str:
    return str(session_id.getTargetCompID().getValue())


def _field(message: Any, tag: int) -> str:
    return str(message.getField(tag)) if message.isSetField(tag) else ""


__all__ = ["AWAY", "FAULT", "Application"]
