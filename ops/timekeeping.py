"""Time that passes while nobody trades: what falls due then happens at its time, not with the next order (ORD-14).

The engine acts on time only within a record. The timekeeper follows the log, knows when the next order expires and
the next circuit breaker ends, and has the engine look at the clock once that time has come.
"""

from __future__ import annotations

import heapq
import threading
import time
from pathlib import Path

from engine.api.commands import AdvanceTime, NewOrder, ReplaceOrder
from engine.api.enums import CommandType, TimeInForce
from engine.api.errors import LinkError
from engine.api.events import BreakerTriggered, OrderAccepted, OrderReplaced
from engine.api.wire import HEADER, HEADER_BYTES, Record, decode_record, encode_command, split_frames
from engine.client import Follower, submit_and_wait

PAUSE_S = 1.0
"""Least time between two looks at the clock that the engine is asked for."""

ANSWER_S_MAX = 5.0
DAY_NS = 86_400_000_000_000

_MAY_SET_A_TIME = frozenset(
    {CommandType.NEW_ORDER, CommandType.REPLACE_ORDER, CommandType.SET_MARK, CommandType.TRIGGER_BREAKER}
)


class Due:
    """The times at which something falls due, as far as the log goes. What was canceled meanwhile stays: harmless.

    Cost: decodes only records that may set a time; memory is one number for each second something is due in.
    """

    def __init__(self) -> None:
        self._times: list[int] = []
        self._known: set[int] = set()

    @property
    def next_ns(self) -> int:
        """The earliest time, 0 when nothing is due ever."""
        return self._times[0] if self._times else 0

    def apply(self, records: bytes) -> None:
        """Take over whole records; what was due by the time of a record has happened."""
        spans, _ = split_frames(records)
        for start, end in spans:
            if records[start + HEADER_BYTES] in _MAY_SET_A_TIME:
                record = decode_record(records, start, end)
                for at_ns in _times_set_by(record):
                    self._note(at_ns)
            self._happened(HEADER.unpack_from(records, start)[3])

    def _note(self, at_ns: int) -> None:
        """Remember a time, rounded up to a whole second."""
        second = -(-at_ns // 1_000_000_000) * 1_000_000_000
        if second not in self._known:
            self._known.add(second)
            heapq.heappush(self._times, second)

    def _happened(self, ts_ns: int) -> None:
        while self._times and self._times[0] <= ts_ns:
            self._known.discard(heapq.heappop(self._times))


def _times_set_by(record: Record) -> list[int]:
    command = record.command
    accepted = any(isinstance(event, OrderAccepted | OrderReplaced) for event in record.events)
    times = [event.until_ns for event in record.events if isinstance(event, BreakerTriggered)]
    if isinstance(command, NewOrder | ReplaceOrder) and accepted:
        if command.time_in_force == TimeInForce.DAY:
            times.append((record.ts_ns // DAY_NS + 1) * DAY_NS)
        elif command.expire_time_ns:
            times.append(command.expire_time_ns)
    return times


class Timekeeper:
    """A thread that sends AdvanceTime when something is due, and nothing otherwise; it survives the engine."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._due = Due()
        self._follower = Follower(data, "timekeeper", 1)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="timekeeper", daemon=True)

    def start(self) -> None:
        """Begin to follow the log."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._is_closed.set()
        self._follower.close()
        self._thread.join(ANSWER_S_MAX)

    def _run(self) -> None:
        while not self._is_closed.is_set():
            try:
                self._due.apply(self._follower.read(PAUSE_S))
                if 0 < self._due.next_ns <= time.time_ns() and self._is_caught_up:
                    submit_and_wait(self._data, "timekeeper", [encode_command(AdvanceTime())], ANSWER_S_MAX)
                    self._is_closed.wait(PAUSE_S)
            except LinkError:
                self._is_closed.wait(PAUSE_S)

    @property
    def _is_caught_up(self) -> bool:
        """Tell whether the log as it was when the engine was reached has been read: before that, old times are due."""
        return self._follower.connected and self._follower.next_seq > self._follower.durable_seq
