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

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from engine.api.wire import decode_records
from engine.client import CommandLink, Follower
from fixgw.drop_copy import Route
from fixgw.order_chain import OrderChain
from fixgw.sessions import Outlet

READ_S = 0.05
"""How long the desk waits for work before it tends the sessions."""

TURN_MAX = 64
"""Messages put down and not yet taken up, from which on who puts one down waits for the desk."""

LET_IN_S = 0.001
"""How long the desk rests at most, so that messages come in, when it has kept somebody waiting."""

CALM_INFLIGHT = 8
"""Commands in flight up to which a message is taken at once; with more, messages gather and go on together."""

WATCH_S = 1.0
"""How often the sessions' stores are looked at."""

MSG_SEQ_NUM_MASK = 0xFFFF_FFFF
"""The low half of a record's ``source_seq`` is the MsgSeqNum of the message it came from."""


class Desk:
    """Takes members' messages in and hands every report to its outlets. ``fault`` holds what ended it early."""

    def __init__(
        self,
        follower: Follower,
        chain: OrderChain,
        route: Route,
        outlets: Iterable[Outlet],
        link: CommandLink | None,
        ended: Callable[[], None],
    ) -> None:
        self._follower = follower
        self._chain = chain
        self._route = route
        self._outlets = tuple(outlets)
        self._link = link
        self._ended = ended
        self._take: Callable[[str], None] = _nobody
        self._inbox: deque[str] = deque()
        self._is_waiting = False
        self._turns = threading.Condition()
        self._turn = 0
        self._is_full = False
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self._is_stopping = False
        self._watched = 0.0
        self.last_taken: dict[int, tuple[int, int]] = {}
        """The last record of each session, and the MsgSeqNum of the message it came from."""
        self.fault: BaseException | None = None

    def put(self, text: str) -> None:
        """Put a member's message down, or take it at once when the desk has nothing to do: that spares a wake-up.

        From QuickFIX's threads; waits for the desk's next turn when TURN_MAX lie there. A session's messages keep
        their order: its one thread takes one itself only when none lies on the desk.
        """
        if self._is_waiting and not self._inbox and self._is_calm:
            self._take(text)
            self._flush()
            return
        self._inbox.append(text)
        if self._is_waiting:
            self._is_waiting = False
            self._follower.wake()
        if len(self._inbox) >= TURN_MAX:
            self._wait_for_turn()

    def catch_up(self, first: bytes, is_stopped: Callable[[], bool]) -> None:
        """Fold all that was durable when the engine was reached, beginning with ``first``."""
        self._apply(first)
        while self._follower.next_seq <= self._follower.durable_seq and not is_stopped():
            self._apply(self._follower.read(READ_S))

    def start(self, take: Callable[[str], None]) -> None:
        """Go on in a thread of its own; ``take`` answers a message or submits its command, and never raises."""
        self._take = take
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._is_stopping = True
        self._let_in(0.0)
        self._follower.close()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def _is_calm(self) -> bool:
        return self._link is None or self._link.inflight < CALM_INFLIGHT

    @property
    def has_unanswered(self) -> bool:
        """Tell whether something was put down, or submitted, and has no record yet."""
        return bool(self._inbox) or (self._link is not None and self._link.inflight > 0)

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._take_up()
                self._apply(self._follower.read(self._patience_s()))
                self._tend()
                if self._is_full:
                    self._let_in(LET_IN_S)
        except BaseException as fault:
            self.fault = fault
            self._ended()

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

    def _take_up(self) -> None:
        """Turn what was put down into commands, and send them on as one write."""
        self._is_waiting = False
        for _ in range(len(self._inbox)):
            self._take(self._inbox.popleft())
        self._flush()

    def _flush(self) -> None:
        if self._link is not None:
            self._link.flush()

    def _patience_s(self) -> float:
        """Wait for records only while nobody has put anything down; who does so then wakes the desk."""
        self._is_waiting = True
        return 0.0 if self._inbox or self._is_full else READ_S

    def _apply(self, records: bytes) -> None:
        decoded = decode_records(records)
        if self._link is not None:
            self._link.observe(decoded)
        for record in decoded:
            self.last_taken[record.source] = (record.seq, record.source_seq & MSG_SEQ_NUM_MASK)
            for report in self._chain.apply(record):
                for outlet in self._route(report):
                    outlet.deliver(report)

    def _tend(self) -> None:
        for outlet in self._outlets:
            outlet.tend()
        now = time.monotonic()
        if now - self._watched > WATCH_S:
            self._watched = now
            for outlet in self._outlets:
                outlet.watch_store()


def _nobody(text: str) -> None:
    raise AssertionError(f"a message before the desk was opened: {text[:40]!r}")
