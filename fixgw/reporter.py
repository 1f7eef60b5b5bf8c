"""The follower's thread: the log in, reports out. One for each process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from engine.api.wire import Record, decode_record, split_frames
from engine.client import CommandLink, Follower
from fixgw.drop_copy import Route
from fixgw.order_chain import OrderChain
from fixgw.sessions import Outlet

READ_S = 0.05
"""How long the follower waits for records before it tends the sessions."""

GATHER_S = 0.0005
"""How long records gather under load: reading them one by one would cost more than handling them."""

GATHER_INFLIGHT = 8
"""Commands in flight from which on it counts as load; one order at a time is never kept waiting."""

WATCH_S = 1.0
"""How often the sessions' stores are looked at."""


class Reporter:
    """Folds the log and hands every report to its outlets. ``fault`` holds what ended the thread early."""

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
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)
        self._is_stopping = False
        self._watched = 0.0
        self.fault: BaseException | None = None

    def catch_up(self, first: bytes, is_stopped: Callable[[], bool]) -> None:
        """Fold all that was durable when the engine was reached, beginning with ``first``."""
        self._apply(first)
        while self._follower.next_seq <= self._follower.durable_seq and not is_stopped():
            self._apply(self._follower.read(READ_S))

    def start(self) -> None:
        """Go on in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._is_stopping = True
        self._follower.close()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._is_stopping:
                self._apply(self._follower.read(READ_S))
                self._tend()
                if self._link is None or self._link.inflight >= GATHER_INFLIGHT:
                    time.sleep(GATHER_S)
        except BaseException as fault:
            self.fault = fault
            self._ended()

    def _apply(self, records: bytes) -> None:
        spans, _ = split_frames(records)
        for start, end in spans:
            self._report(decode_record(records, start, end))

    def _report(self, record: Record) -> None:
        if self._link is not None:
            self._link.observe(record.source, record.source_seq, record.seq)
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
