"""Session messages: who may log on, what a Logon and a Logout mean for reports, and what QuickFIX leaves out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import quickfix as fix
import structlog

from engine.api.rejects import ErrorCode
from fixgw.inbound.fields import split_fields
from fixgw.logon import REFUSED, Credentials, refuse_logon
from fixgw.outlet import Outlet

_MSG_TYPE, _TEXT, _LAST_MSG_SEQ_NUM_PROCESSED, _SESSION_REJECT_REASON = 35, 58, 369, 373
_NEXT_EXPECTED_MSG_SEQ_NUM, _ERROR_CODE = 789, 20016

_INVALID_TAG_NUMBER, _UNDEFINED_TAG = "0", "3"
"""SessionRejectReason <373>: QuickFIX says the first of a tag that is not in the dictionary; we say the second."""

_REJECTED_LOGON = "Rejected Logon Attempt: "
"""What QuickFIX puts before the text of a refused Logon."""

_log = structlog.get_logger()


class SessionLayer:
    """Checks Logons and completes our own session messages. Called by QuickFIX's threads, one a session."""

    def __init__(self, outlets: Iterable[Outlet], credentials: Credentials) -> None:
        self._outlets = {outlet.comp_id: outlet for outlet in outlets}
        self._credentials = credentials
        self._heart_bt_int_s: dict[str, int] = {}
        self._leaving: set[str] = set()

    def take(self, message: Any, session_id: Any) -> str:
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
        self._outlets[comp_id].note_logon(self._heart_bt_int_s[comp_id])
        _log.info("logged_on", comp_id=comp_id)

    def logged_out(self, comp_id: str) -> None:
        """Note what the member may have missed."""
        said_goodbye = comp_id in self._leaving
        self._leaving.discard(comp_id)
        self._outlets[comp_id].note_logout(said_goodbye)
        _log.info("logged_out", comp_id=comp_id)

    def complete(self, message: Any, session_id: Any) -> None:
        """Add what QuickFIX leaves out: 58 and 789 on a Logout, 369 on a Heartbeat, 373=3 for a tag unknown to us."""
        kind = message.getHeader().getField(_MSG_TYPE)
        if kind == "5":
            self._complete_logout(message, session_id)
        elif kind == "0":
            expected = fix.Session.lookupSession(session_id).getExpectedTargetNum()
            message.getHeader().setField(_LAST_MSG_SEQ_NUM_PROCESSED, str(expected - 1))
        elif kind == "3" and _field(message, _SESSION_REJECT_REASON) == _INVALID_TAG_NUMBER:
            message.setField(_SESSION_REJECT_REASON, _UNDEFINED_TAG)

    def _complete_logout(self, message: Any, session_id: Any) -> None:
        text = _field(message, _TEXT).removeprefix(_REJECTED_LOGON)
        message.setField(_TEXT, text or "Logout")
        if text == REFUSED:
            message.setField(_ERROR_CODE, str(int(ErrorCode.NOT_AUTHORISED)))
            return
        expected = fix.Session.lookupSession(session_id).getExpectedTargetNum()
        is_answer = session_id.getTargetCompID().getValue() in self._leaving
        message.setField(_NEXT_EXPECTED_MSG_SEQ_NUM, str(expected + is_answer))


def _field(message: Any, tag: int) -> str:
    return str(message.getField(tag)) if message.isSetField(tag) else ""
