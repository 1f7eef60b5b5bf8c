"""Submitting: commands to the engine, each of which becomes a record once.

A command has no acknowledgement of its own: its record is the answer, and a command that never became a record is
submitted again.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.api.cursor import Cursor
from engine.api.errors import LinkError
from engine.api.ids import SessionId
from engine.api.link import Hello, Welcome
from engine.api.wire import Record, decode_records, encode_frame
from engine.client.connection import CONNECT_TIMEOUT_S, RECONNECT_S_MAX, RECONNECT_S_MIN, connect, readable
from engine.client.follow import Follower

INFLIGHT_MAX = 10_000
"""Commands of one process without a record yet; more are refused (REC-22)."""

AWAY_S_MAX = 3.0
"""An engine that has been away longer than this is not sent new commands (RES-47)."""

_COUNTER_MASK = 0xFFFF_FFFF
"""The high half of ``source_seq`` counts commands; it begins at the clock's microseconds, so that what an earlier
process of the same name left in flight is not taken for one's own."""


class Overloaded(LinkError):
    """The engine is away, or INFLIGHT_MAX commands already wait: nothing was submitted."""


class CommandLink:
    """Where a process submits its commands; thread-safe, and alive across restarts of the engine.

    Every command stays *in flight* until its record is observed. When the link breaks and is made again, the
    engine names the last record it has decided: once the follower of the same process has passed it, what is still in
    flight never became a record, and is sent again in its old order. So nothing is lost and nothing doubled.
    """

    def __init__(self, data: Path, name: str) -> None:
        self._data = data
        self._hello = Hello("submit", name)
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._inflight: dict[tuple[int, int], bytes] = {}
        self._unsent: list[bytes] = []
        self._counter = time.time_ns() // 1000 & _COUNTER_MASK
        self._observed_seq = 0
        self._resend_after: int | None = None
        self._away_since = time.monotonic()
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._keep_connected, name=f"link-{name}", daemon=True)
        self._thread.start()

    @property
    def inflight(self) -> int:
        """Commands without a record yet."""
        return len(self._inflight)

    def submit(self, source: SessionId, command: bytes, reference: int = 0) -> int:
        """Take an encoded command and send it with the next :meth:`flush`; return its record's ``source_seq``.

        ``reference``, 32 bits of the sender's own, comes back as the low half of ``source_seq``.
        Raises: Overloaded, WireError; the command was then not taken and never will be sent.
        """
        with self._lock:
            if len(self._inflight) >= INFLIGHT_MAX:
                raise Overloaded(f"{INFLIGHT_MAX} commands have no record yet")
            if self._connection is None and time.monotonic() - self._away_since > AWAY_S_MAX:
                raise Overloaded("the engine is away")
            assert 0 <= reference <= _COUNTER_MASK, f"a reference of more than 32 bits: {reference}"
            source_seq = self._counter << 32 | reference
            frame = encode_frame(source, source_seq, command)
            self._counter = self._counter + 1 & _COUNTER_MASK
            self._inflight[source, source_seq] = frame
            self._unsent.append(frame)
            return source_seq

    def flush(self) -> None:
        """Send what was submitted since the last call, as one write."""
        with self._lock:
            unsent, self._unsent = self._unsent, []
            if unsent and self._connection is not None and self._resend_after is None:
                self._send(b"".join(unsent))

    def observe(self, records: Iterable[Record]) -> None:
        """Take note of records of the log; call it for all of them, in order."""
        with self._lock:
            for record in records:
                self._inflight.pop((record.source, record.source_seq), None)
                self._observed_seq = record.seq
            if self._resend_after is not None:
                self._resend_if_passed()

    def close(self) -> None:
        """Close the link; what is in flight may or may not become a record."""
        self._is_closed.set()
        with self._lock:
            if self._connection is not None:
                self._hang_up()
        self._thread.join()

    def _send(self, data: bytes) -> None:
        """Send with the lock held; a broken link is noticed and made again by the other thread."""
        assert self._connection is not None
        try:
            self._connection.sendall(data)
        except OSError:
            self._hang_up()

    def _hang_up(self) -> None:
        """Wake the thread that waits on the link, whatever state the link is in."""
        assert self._connection is not None
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _resend_if_passed(self) -> None:
        assert self._resend_after is not None
        if self._observed_seq >= self._resend_after:
            self._resend_after = None
            if self._inflight:
                import structlog  # here: it takes longer than all else a short command imports

                structlog.get_logger().warning("commands_resent", count=len(self._inflight))
                self._unsent.clear()
                self._send(b"".join(self._inflight.values()))

    def _keep_connected(self) -> None:
        pause_s = RECONNECT_S_MIN
        while not self._is_closed.is_set():
            try:
                connection, welcome = connect(self._data, self._hello)
            except LinkError:
                self._is_closed.wait(pause_s)
                pause_s = min(RECONNECT_S_MAX, pause_s * 2)
                continue
            pause_s = RECONNECT_S_MIN
            self._attach(connection, welcome)
            self._wait_for_end(connection)
            self._detach()
            connection.close()

    def _attach(self, connection: socket.socket, welcome: Welcome) -> None:
        connection.settimeout(None)
        with self._lock:
            self._connection = connection
            self._resend_after = welcome.applied_seq if self._inflight else None
            if self._resend_after is not None:
                self._resend_if_passed()
            if self._is_closed.is_set():
                self._hang_up()

    def _detach(self) -> None:
        """Note that the link is gone; what was to be sent again waits for the next one."""
        with self._lock:
            self._connection = self._resend_after = None
            self._away_since = time.monotonic()

    @staticmethod
    def _wait_for_end(connection: socket.socket) -> None:
        """Wait until the engine ends the link: it never sends anything on it."""
        try:
            readable(None, connection)
        except OSError:
            return


def submit_frame(data: Path, name: str, frame: bytes) -> None:
    """Submit one encoded frame; its record, if it becomes one, is the only answer. Raises: LinkError, OSError."""
    connection, _ = connect(data, Hello("submit", name))
    try:
        connection.sendall(frame)
        connection.shutdown(socket.SHUT_WR)
        readable(CONNECT_TIMEOUT_S, connection)
    finally:
        connection.close()


def submit_and_wait(
    data: Path, name: str, commands: Sequence[bytes], timeout_s: float, source: int = 0
) -> list[Record]:
    """Submit encoded commands and return their records, in order: for operations, one caller at a time.

    Raises: LinkError when the engine is away, or the records did not come in time (their outcome is then in
    the journal only).
    """
    submitting, welcome = connect(data, Hello("submit", name))
    follower = Follower(data, name, Cursor(welcome.durable_seq, welcome.durable_crc, welcome.journal))
    first = time.time_ns()
    waiting = {first + index: index for index in range(len(commands))}
    found: dict[int, Record] = {}
    deadline = time.monotonic() + timeout_s
    try:
        submitting.sendall(b"".join(encode_frame(source, first + i, raw) for i, raw in enumerate(commands)))
        while len(found) < len(commands):
            if time.monotonic() > deadline:
                raise LinkError(f"{len(commands) - len(found)} of {len(commands)} commands had no record in time")
            for record in decode_records(follower.read(0.2)):
                if record.source == source and record.source_seq in waiting:
                    found[waiting[record.source_seq]] = record
    except OSError as error:
        raise LinkError(f"the link broke: {error}") from error
    finally:
        submitting.close()
        follower.close()
    return [found[index] for index in range(len(commands))]
