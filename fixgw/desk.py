"""The desk: one thread between QuickFIX and the engine, with everything the gateway decides.

QuickFIX's threads put members' messages down; the desk turns them into commands, sends these on together, reads
the log and hands reports out. One thread holds Python while there is work, because two that take turns message by
message spend more on the turns than on the messages.

A message that was put down counts as received for QuickFIX. If the process is killed before its command has become
a record, the next one sees in the log which MsgSeqNum <34> came last and expects the one after it: the member is
asked to resend, and nothing it sent is lost.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from engine.api.wire import Record, decode_record, split_frames
from engine.client import CommandLink, Follower
from fixgw.drop_copy import Route
from fixgw.order_chain import OrderChain
from fixgw.sessions import Outlet

READ_S = 0.05
"""How long the desk waits for work before it tends the sessions."""

INBOX_MAX = 2_000
"""Messages put down and not yet taken up; QuickFIX's threads wait while there are more."""

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
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self._is_stopping = False
        self._watched = 0.0
        self.last_taken: dict[int, tuple[int, int]] = {}
        """The last record of each session, and the MsgSeqNum of the message it came from."""
        self.fault: BaseException | None = None

    def put(self, text: str) -> None:
        """Put a member's message down, or take it at once when the desk has nothing to do: that spares a wake-up.

        From QuickFIX's threads; waits while INBOX_MAX others lie there. A session's messages keep their order:
        its one thread takes one itself only when none lies on the desk.
        """
        if self._is_waiting and not self._inbox and self._is_calm:
            self._take(text)
            self._flush()
            return
        self._inbox.append(text)
        if self._is_waiting:
            self._is_waiting = False
            self._follower.wake()
        while len(self._inbox) > INBOX_MAX and not self._is_stopping:
            time.sleep(0.001)

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
        except BaseException as fault:
            self.fault = fault
            self._ended()

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
        """Wait for records only while nothing has been put down; who puts something down then wakes the desk."""
        self._is_waiting = True
        return 0.0 if self._inbox else READ_S

    def _apply(self, records: bytes) -> None:
        spans, _ = split_frames(records)
        for start, end in spans:
            self._report(decode_record(records, start, end))

    def _report(self, record: Record) -> None:
        if self._link is not None:
            self._link.observe(record.source, record.source_seq, record.seq)
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
