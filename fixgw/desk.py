"""The desk: one thread between QuickFIX and the engine, with everything the gateway decides.

QuickFIX's threads put members' messages down; the desk turns them into commands, sends these on together, reads
the log and hands reports out. One thread holds Python while there is work, because two that take turns message by
message spend more on the turns than on the messages: when TURN_MAX messages lie there, QuickFIX's threads rest until
the desk has done with all it has, and then the desk rests until as many lie there again.

A message that was put down counts as received for QuickFIX. If the process is killed before its command has become
a record, the next one sees in the log which MsgSeqNum <34> came last and expects the one after it: the member is
asked to resend, and nothing it sent is lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from engine.api.heartbeat import Heartbeat
from engine.client import Follower
from fixgw.delivery import Delivery
from fixgw.inbound.fields import Fields, split_fields
from fixgw.outbound.business_message_reject import FAULT, reject_text
from fixgw.outlet import Outlet
from fixgw.roles.role import Role
from fixgw.room import Room

READ_S = 0.05
"""How long the desk waits for work before it tends the sessions."""

TURN_MAX = 64
"""Messages put down and not yet taken up, from which on who puts one down waits for the desk."""

LET_IN_S = 0.001
"""How long the desk rests at most, so that messages come in, when it has kept somebody waiting."""

CALM_INFLIGHT = 8
"""Commands in flight up to which a message is taken at once; with more, messages gather and go on together."""

AWAY_S_MAX = 3.0
"""How long the engine may be away before the heartbeat says so."""

_log = structlog.get_logger()


class Desk:
    """Takes members' messages in and hands every report to its outlets. ``fault`` holds what ended it early."""

    def __init__(
        self, role: Role, outlets: Sequence[Outlet], delivery: Delivery, heartbeat: Heartbeat, room: Room
    ) -> None:
        self._role = role
        self._outlets = {outlet.comp_id: outlet for outlet in outlets}
        self._delivery = delivery
        self._heartbeat = heartbeat
        self._room = room
        self._follower: Follower
        self._inbox: deque[str] = deque()
        self._is_waiting = False
        self._turns = threading.Condition()
        self._turn = 0
        self._is_full = False
        self._thread: threading.Thread | None = None
        self._is_stopping = False
        self._reached_s = time.monotonic()
        self.fault: BaseException | None = None

    def put(self, text: str) -> None:
        """Put a member's message down, or take it at once when the desk has nothing to do: that spares a wake-up.

        From QuickFIX's threads; waits for the desk's next turn when TURN_MAX lie there. A session's messages keep
        their order: its one thread takes one itself only when none lies on the desk.
        """
        if self._is_waiting and not self._inbox and self._is_calm:
            self._take_up(text)
            self._role.link.flush()
            return
        self._inbox.append(text)
        if self._is_waiting:
            self._is_waiting = False
            self._follower.wake()
        if len(self._inbox) >= TURN_MAX:
            self._wait_for_turn()

    def catch_up(self, follower: Follower, end_seq: int, is_stopped: Callable[[], bool]) -> None:
        """Tell what the log has up to ``end_seq``. Raises: ForeignStores."""
        self._follower = follower
        self.follow_until(lambda: follower.cursor.seq >= end_seq or is_stopped())

    def follow_until(self, is_met: Callable[[], bool]) -> None:
        """Tell what comes until ``is_met``; not once the desk has a thread of its own. Raises: ForeignStores."""
        while not is_met():
            self._tell(self._follower.read(READ_S))
            self._heartbeat.starting(self._follower.cursor.seq)
        self._delivery.write_checkpoint(self._follower.cursor)

    def start(self, ended: Callable[[], None]) -> None:
        """Go on in a thread of its own; ``ended`` is called when a fault ends it."""
        self._thread = threading.Thread(target=self._run, args=(ended,), name="desk", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._is_stopping = True
        self._let_in(0.0)
        if self._thread is not None:
            self._follower.close()
            self._thread.join()
            if self.fault is None:
                self._delivery.write_checkpoint(self._follower.cursor)

    @property
    def _is_calm(self) -> bool:
        return self._role.link.inflight < CALM_INFLIGHT

    @property
    def has_unanswered(self) -> bool:
        """Tell whether something was put down, or submitted, and has no record yet."""
        return bool(self._inbox) or self._role.link.inflight > 0

    def _run(self, ended: Callable[[], None]) -> None:
        try:
            while not self._is_stopping:
                self._empty_inbox()
                self._tell(self._follower.read(self._patience_s()))
                self._delivery.tend(self._follower.cursor)
                self._heartbeat.ready(self._follower.cursor.seq, self._what_is_wrong())
                if self._is_full:
                    self._let_in(LET_IN_S)
        except BaseException as fault:
            self.fault = fault
            ended()

    def _wait_for_turn(self) -> None:
        """Rest until the desk has taken everything up. QuickFIX holds no lock of its own meanwhile."""
        with self._turns:
            turn, self._is_full = self._turn, True
            self._turns.notify_all()
            self._turns.wait_for(lambda: self._turn > turn or self._is_stopping)

    def _let_in(self, rest_s: float) -> None:
        """Let those go on that wait, and rest until somebody waits again."""
        with self._turns:
            self._turn, self._is_full = self._turn + 1, False
            self._turns.notify_all()
            self._turns.wait_for(lambda: self._is_full, rest_s)

    # --- messages -----------------------------------------------------------------------------------------

    def _empty_inbox(self) -> None:
        """Take up what was put down, and send its commands on as one write."""
        self._is_waiting = False
        for _ in range(len(self._inbox)):
            self._take_up(self._inbox.popleft())
        self._role.link.flush()

    def _take_up(self, text: str) -> None:
        """Take a message. Total, like a callback: a fault is logged and answered."""
        fields: Fields = {}
        try:
            fields = split_fields(text)
            self.take(fields)
        except BaseException:
            _log.exception("message_failed")
            with contextlib.suppress(BaseException):
                self._outlets[fields["49"]].answer(reject_text(fields, FAULT))

    def take(self, fields: Fields) -> None:
        """Pass a message on, or answer it at once."""
        outlet = self._outlets[fields["49"]]
        reject = self._role.take(fields, outlet.sender)
        if reject is not None:
            outlet.answer(reject_text(fields, reject))

    # --- records ------------------------------------------------------------------------------------------

    def _patience_s(self) -> float:
        """Wait for records only while nobody has put anything down; who does so then wakes the desk."""
        self._is_waiting = True
        return 0.0 if self._inbox or self._is_full else READ_S

    def _tell(self, records: bytes) -> None:
        if records:
            self._delivery.tell(records)

    def _what_is_wrong(self) -> str:
        """Say what the heartbeat tells: an engine away for too long to be just starting again, or a full disk."""
        now_s = time.monotonic()
        if self._follower.connected:
            self._reached_s = now_s
        return "the engine cannot be reached" if now_s - self._reached_s > AWAY_S_MAX else self._room.fault
