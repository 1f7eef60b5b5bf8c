"""A session's outlet: hands over each report once, and again with PossResend <97> when QuickFIX's store was emptied.

QuickFIX stores and numbers a report also while the member is away, and replays it on request; that covers every
loss but one: a Logon with ResetSeqNumFlag <141> empties the store. What the member may not have seen then goes
out again, marked 97=Y and with the same ExecID <17>. It is read back from what was kept of the store.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import quickfix as fix
import structlog

from engine.api.ids import Seq
from fixgw.errors import DeliveryError, OtherHistory
from fixgw.inbound.fields import Sender
from fixgw.message_store import NO_STORE, StoredReport, StoreFiles
from fixgw.outbound.writer import Text
from fixgw.places import ALL_OF_RECORD, NOWHERE, Place, place_of, seq_of
from fixgw.reports import CancelReject, Report, Status, UnknownStatus
from fixgw.watermark import Watermark

UNSEEN_MAX = 10_000
"""Reports of one session that are stored again when its store was emptied; a member that was away for more loses the
oldest from this recovery (not from ordinary resend)."""

HELD_MAX = 10_000
"""Reports of one session that wait for the answer to a reset; with more they are stored ahead of it."""

SEEN_AFTER_HEARTBEATS = 3
"""A report is taken as seen when the session has stayed up for this many heartbeat intervals after it."""

HOLD_S_MAX = 3.0
"""How long a Logon with 141=Y may hold back reports before they are stored again anyway."""

SEEN_STEP_S = 1.0
"""Reports handed over within this time count as seen together."""

HEART_BT_INT_DEFAULT_S = 60
"""Assumed before the first Logon: the longest interval allowed."""

UNKNOWN_SEQ = Seq(1 << 62)
"""Stands for a reset that happened while no gateway was there to note the log's place: all records precede it."""

_ANSWERS = (CancelReject, Status, UnknownStatus)
"""Reports whose text does not tell their place within their record."""

_send_to_target = fix.Session.sendToTarget
_log = structlog.get_logger()


class Outlet:
    """Hands one session its reports. The desk's thread delivers; QuickFIX's threads call the ``note_`` methods.

    Invariant: reports are handed over in the order of the log; none is left out, and none goes out twice without
    PossResend.
    """

    def __init__(
        self,
        sender: Sender,
        files: StoreFiles,
        mark: Watermark,
        write: Callable[[Report], Text],
    ) -> None:
        self.sender = sender
        self.comp_id = sender.comp_id
        self._session_id = fix.SessionID("FIX.4.4", files.venue_comp_id, sender.comp_id)
        self._files = files
        self._mark = mark
        self._write = write
        self._log_seq = Seq(0)
        self._held: list[StoredReport] = []
        self._handed: deque[tuple[float, Place]] = deque()
        """Until when reports were handed over, and the last of them: for what is not yet taken as seen."""
        self._told = NOWHERE
        """Place of the last report that was handed over or waits to be."""
        self._last_stored: StoredReport | None = None
        self._message = fix.Message()
        self._held_until = 0.0
        self._is_up = False
        self._up_since = 0.0
        self._seen_after_s = float(SEEN_AFTER_HEARTBEATS * HEART_BT_INT_DEFAULT_S)
        self._is_rewind_wanted = False
        self._seen_at_goodbye = NOWHERE

    def expect_after(self, seq: Seq, msg_seq_num: int) -> None:
        """Have the member resend all after message ``msg_seq_num``, of which the session's last record ``seq`` is made.

        A record from before the last reset says nothing about the present numbers: all but the Logon is asked for.
        """
        expected = msg_seq_num + 1 if seq > self._mark.reset_seq else 2
        if expected < self.session.getExpectedTargetNum():
            self.session.setNextTargetMsgSeqNum(expected)

    # --- starting -----------------------------------------------------------------------------------------

    def recover(self) -> Place:
        """Find out what was sent before; call it once QuickFIX has opened the store, before the log is read.

        Returns: place of the last report that need not be made from the log again. Nothing is sent yet.
        """
        stored, life = self._files.last_place(), self._files.identity()
        if self._mark.life not in (NO_STORE, life):
            self._mark.set_reset_seq(UNKNOWN_SEQ)
            self._mark.begin_again(stored, life)
        elif stored:
            self._mark.set_sent(stored)
            self._mark.set_seen(min(self._mark.seen, stored))
        self._mark.set_life(life)
        self._last_stored = self._files.last_report()
        self._told = max(self._mark.seen, self._last_stored.place if self._last_stored else NOWHERE)
        return self._told

    def resume(self) -> None:
        """Hand over what an earlier process had begun to hand over again."""
        if self._mark.sent < self._told:
            for report in self._files.reports_after(self._mark.sent, UNSEEN_MAX):
                self._hand_over(report, is_repeat=True)
        self._note_handed(self._told)
        self._files.keep(self._mark.life)

    def check_met(self, after: Seq) -> None:
        """Look whether the log, told from ``after`` on, told the report that was stored last. Raises: OtherHistory."""
        if self._last_stored is not None and seq_of(self._last_stored.place) > after:
            raise OtherHistory(self.comp_id, seq_of(self._last_stored.place))

    @property
    def is_holding(self) -> bool:
        """Tell whether reports wait for the answer to a reset."""
        return bool(self._held_until) or self._is_rewind_wanted

    @property
    def told(self) -> Place:
        """Place of the last report handed over or waiting."""
        return self._told

    @property
    def session(self) -> Any:
        """QuickFIX's session."""
        return fix.Session.lookupSession(self._session_id)

    def answer(self, text: str) -> None:
        """Send an answer that is no report and is not repeated after a reset."""
        _send_to_target(fix.Message(text, False), self._session_id)

    # --- from QuickFIX's threads --------------------------------------------------------------------------

    def note_reset_asked(self) -> None:
        """A Logon with 141=Y is being looked at: nothing may be stored ahead of its answer."""
        self._held_until = time.monotonic() + HOLD_S_MAX

    def note_logon(self, heart_bt_int_s: int) -> None:
        """The member is logged on."""
        self._seen_after_s = float(SEEN_AFTER_HEARTBEATS * heart_bt_int_s)
        self._up_since = time.monotonic()
        self._is_up = True
        self._is_rewind_wanted = self._held_until > 0

    def note_refused(self) -> None:
        """The Logon was refused; a store that QuickFIX emptied for it is filled again."""
        self._is_rewind_wanted = self._held_until > 0

    def note_logout(self, said_goodbye: bool) -> None:
        """The member is gone; what it was sent lately may not have arrived, unless it logged out in order.

        A Logout in order ends a session whose numbers are in step: what was handed over before it has been read.
        """
        self._is_up = False
        if said_goodbye:
            self._seen_at_goodbye = self._mark.sent

    # --- from the desk's thread ---------------------------------------------------------------------------

    def deliver(self, report: Report) -> None:
        """Hand over a report, unless it was before. Raises: DeliveryError, OtherHistory."""
        place = place_of(report.seq, report.ordinal)
        if place <= self._told:
            return self._pass_over(place, report)
        told = StoredReport(place, *self._write(report))
        self._told = place
        if not self._held_until:
            return self._hand_over(told, is_repeat=place <= self._mark.repeated)
        self._held.append(told)
        if len(self._held) > HELD_MAX:
            self._rewind()
        return None

    def _pass_over(self, place: Place, report: Report) -> None:
        """Compare a report with the one stored in its place, where that is the last.

        The place of an answer is known only now: what its record tells after it was not stored.
        """
        last = self._last_stored
        if last is None:
            return
        if last.place == place:
            if last.origin != StoredReport(place, *self._write(report)).origin:
                raise OtherHistory(self.comp_id, report.seq)
            self._last_stored = None
        elif last.place == place_of(report.seq, ALL_OF_RECORD) and isinstance(report, _ANSWERS):
            self._told, self._last_stored = place, None

    def tend(self, log_seq: Seq) -> None:
        """Do what is due: store again after a reset, advance what counts as seen. Call it often.

        The log was told up to ``log_seq``.
        """
        self._log_seq = log_seq
        now = time.monotonic()
        if self._seen_at_goodbye:
            self._forget_up_to(self._seen_at_goodbye)
        if self._is_rewind_wanted or 0 < self._held_until < now:
            self._rewind()
        if self._is_up:
            self._advance_seen(now)

    def watch_store(self) -> None:
        """Notice a store that QuickFIX emptied without a word: a reset that its own checks refused."""
        if not self._held_until and self._files.identity() not in (NO_STORE, self._mark.life):
            self._rewind()

    def _note_handed(self, place: Place) -> None:
        """Note when a report was handed over. While the member is away one note does for all."""
        now, handed = time.monotonic(), self._handed
        if handed and (now < handed[-1][0] or not self._is_up):
            handed[-1] = (handed[-1][0], place)
        else:
            handed.append((now + SEEN_STEP_S, place))

    def _advance_seen(self, now: float) -> None:
        """Take as seen what was handed over long enough ago, counted from the Logon at the earliest."""
        handed, limit = self._handed, now - self._seen_after_s
        if limit < self._up_since:
            return
        seen = NOWHERE
        while handed and handed[0][0] < limit:
            seen = handed.popleft()[1]
        if seen > self._mark.seen:
            self._mark.set_seen(seen)

    def _forget_up_to(self, place: Place) -> None:
        """Take as seen what was handed over before the member logged out in order."""
        self._seen_at_goodbye = NOWHERE
        while self._handed and self._handed[0][1] <= place:
            self._handed.popleft()
        self._mark.set_seen(max(place, self._mark.seen))

    def _rewind(self) -> None:
        """Hand over again all that may not have been seen, and then what was held back.

        An answer to a status request is not repeated: the state it told has passed.
        """
        self._is_rewind_wanted, self._held_until = False, 0.0
        if self._files.identity() != self._mark.life:
            self._mark.set_reset_seq(self._log_seq)
        unseen, held = self._files.reports_after(self._mark.seen, UNSEEN_MAX), self._held
        self._held = []
        self._mark.begin_again(NOWHERE, self._files.identity())
        _log.info("reports_repeated", comp_id=self.comp_id, count=len(unseen), held=len(held))
        for report in unseen:
            self._hand_over(report, is_repeat=True)
        for report in held:
            self._hand_over(report, is_repeat=False)
        self._files.keep(self._mark.life)

    def _hand_over(self, report: StoredReport, is_repeat: bool) -> None:
        if not (is_repeat and report.is_status):
            repeat = "97=Y\x01" if is_repeat else ""
            self._message.setString(f"35={report.msg_type}\x01{repeat}{report.body}", False)
            if not _send_to_target(self._message, self._session_id):
                raise DeliveryError(self.comp_id, seq_of(report.place))
        self._mark.set_sent(report.place)
        self._note_handed(report.place)

    def close(self) -> None:
        """Give up the watermark's file."""
        self._mark.close()
