"""How other processes reach the engine: follow its log, submit commands, ask it questions.

A follower sees every record once, in order, and only when it is durable; whether it comes from the engine's
memory or from the journal's files makes no difference to it. A command has no acknowledgement of its own:
its record is the answer, and a command that never became a record is submitted again.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from pathlib import Path

import msgspec
import structlog

from engine.api.errors import LinkError
from engine.api.link import CONTROL_BYTES_MAX, ControlRequest, Hello, Welcome, encode_message
from engine.api.segment import SEGMENT_HEADER_BYTES, list_segments
from engine.api.wire import Record, decode_records, encode_frame, split_frames

CHUNK_BYTES = 1 << 20
"""Most bytes of records handed over at a time."""

CONNECT_TIMEOUT_S = 3.0
"""An internal call that takes longer has failed (RES-47)."""

RECONNECT_S_MIN, RECONNECT_S_MAX = 0.05, 1.0
"""First and longest pause between two attempts to reach the engine."""

INFLIGHT_MAX = 10_000
"""Commands of one process without a record yet; more are refused (REC-22)."""

AWAY_S_MAX = 3.0
"""An engine that has been away longer than this is not sent new commands (RES-47)."""

_COUNTER_MASK = 0xFFFF_FFFF
"""The high half of ``source_seq`` counts commands; it begins at the clock's microseconds, so that what an earlier
process of the same name left in flight is not taken for one's own."""

_log = structlog.get_logger()


class Overloaded(LinkError):
    """The engine is away, or INFLIGHT_MAX commands already wait: nothing was submitted."""


# --- connecting -----------------------------------------------------------------------------------------


def _receive_exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise LinkError("the engine closed the link")
        data += part
    return data


def _receive_message(connection: socket.socket, bytes_max: int) -> bytes:
    length = int.from_bytes(_receive_exactly(connection, 4), "little")
    if length > bytes_max:
        raise LinkError(f"a message of {length} bytes exceeds {bytes_max}")
    return _receive_exactly(connection, length)


def _connect(data: Path, hello: Hello) -> tuple[socket.socket, Welcome]:
    """Open a link and greet. Raises: LinkError when the engine is away or refuses."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    connection.settimeout(CONNECT_TIMEOUT_S)
    try:
        connection.connect(str(data / "engine.sock"))
        connection.sendall(encode_message(hello))
        welcome = msgspec.json.decode(_receive_message(connection, CONTROL_BYTES_MAX), type=Welcome)
    except (OSError, msgspec.DecodeError) as error:
        connection.close()
        raise LinkError(f"the engine of {data} cannot be reached: {error}") from error
    except LinkError:
        connection.close()
        raise
    if welcome.refused:
        connection.close()
        raise LinkError(welcome.refused)
    return connection, welcome


def _readable(wait_s: float | None, *connections: socket.socket) -> list[socket.socket]:
    """Wait until one of ``connections`` has something to read or has ended; return which.

    Not ``select``, which fails on descriptors above 1023, nor a blocking ``recv``, which the kernel also wakes each
    time the other end has read something.
    """
    poll = select.poll()
    for connection in connections:
        poll.register(connection, select.POLLIN)
    ready = {descriptor for descriptor, _ in poll.poll(None if wait_s is None else ceil(wait_s * 1000))}
    return [connection for connection in connections if connection.fileno() in ready]


# --- following ------------------------------------------------------------------------------------------


class Follower:
    """The log from ``from_seq`` on. For one thread; :meth:`close` may come from another.

    Invariant: what :meth:`read` returns begins with record ``next_seq`` as it was before the call, without gaps.
    """

    def __init__(self, data: Path, name: str, from_seq: int) -> None:
        self._data = data
        self._name = name
        self._connection: socket.socket | None = None
        self._files: Iterator[bytes] | None = None
        self._buffer = b""
        self._pause_s = RECONNECT_S_MIN
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._was_woken = False
        self._is_closed = False
        self.next_seq = from_seq
        self.durable_seq = 0
        """Last durable seq the engine named when the link was made."""
        self.epoch = 0

    @property
    def connected(self) -> bool:
        """Tell whether a link to the engine stands."""
        return self._connection is not None

    def read(self, timeout_s: float) -> bytes:
        """Return the next whole records, or ``b""`` when none came within ``timeout_s``.

        Raises: LinkError when the records do not continue the log: a gap is never skipped.
        """
        deadline = time.monotonic() + timeout_s
        self._was_woken = False
        while not self._is_closed:
            records = self._next_records(max(0.0, deadline - time.monotonic()))
            if records:
                return records
            if self._was_woken or time.monotonic() >= deadline:
                break
        return b""

    def close(self) -> None:
        """End the following; a waiting :meth:`read` returns."""
        self._is_closed = True
        self.wake()

    def wake(self) -> None:
        """Let a waiting :meth:`read` return early; from any thread."""
        with contextlib.suppress(BlockingIOError):
            self._wake_sender.send(b"x", socket.MSG_DONTWAIT)

    def _next_records(self, wait_s: float) -> bytes:
        if self._files is not None:
            records = next(self._files, None)
            if records is not None:
                return self._checked(records, split_frames(records)[0])
            self._files = None
        if self._connection is None and not self._reconnect(wait_s):
            return b""
        return self._receive(wait_s) if self._connection is not None else b""

    def _reconnect(self, wait_s: float) -> bool:
        """Make the link, or turn to the files when the engine no longer holds ``next_seq`` in memory."""
        try:
            connection, welcome = _connect(self._data, Hello("follow", self._name, self.next_seq))
        except LinkError as error:
            if "no record" in str(error):
                raise
            self._sleep(min(wait_s, self._pause_s))
            self._pause_s = min(RECONNECT_S_MAX, self._pause_s * 2)
            return False
        self._pause_s = RECONNECT_S_MIN
        self.epoch, self.durable_seq = welcome.epoch, welcome.durable_seq
        if self.next_seq < welcome.ring_seq:
            connection.close()
            self._files = read_journal(self._data / "journal", self.next_seq, welcome.durable_seq)
            return True
        self._connection, self._buffer = connection, b""
        return True

    def _receive(self, wait_s: float) -> bytes:
        assert self._connection is not None
        readable = _readable(wait_s, self._connection, self._wake_receiver)
        if self._wake_receiver in readable:
            self._was_woken = bool(self._wake_receiver.recv(4096))
        if self._connection not in readable:
            return b""
        try:
            data = self._connection.recv(CHUNK_BYTES)
        except OSError:
            data = b""
        if not data:
            self._connection.close()
            self._connection = None
            return b""
        data = self._buffer + data
        spans, whole = split_frames(data)
        self._buffer = data[whole:]
        return self._checked(data[:whole], spans) if spans else b""

    def _checked(self, records: bytes, spans: list[tuple[int, int]]) -> bytes:
        first = int.from_bytes(records[8:16], "little")
        start = spans[-1][0]
        last = int.from_bytes(records[start + 8 : start + 16], "little")
        if first != self.next_seq or last - first + 1 != len(spans):
            raise LinkError(f"the log does not continue at {self.next_seq}: it goes from {first} to {last}")
        self.next_seq = last + 1
        return records

    def _sleep(self, seconds: float) -> None:
        if _readable(seconds, self._wake_receiver):
            self._was_woken = bool(self._wake_receiver.recv(4096))


def read_journal(directory: Path, from_seq: int = 1, to_seq: int | None = None) -> Iterator[bytes]:
    """Read records ``from_seq`` to ``to_seq`` from a journal's files, in chunks of about CHUNK_BYTES.

    Without ``to_seq`` it ends at the last whole record; on a running engine's journal that may not be durable.
    Raises: LinkError when records that should be there are not.
    """
    paths = list_segments(directory)
    firsts = [int(path.stem.rpartition("-")[2]) for path in paths]
    seq = from_seq
    for index, path in enumerate(paths):
        if index + 1 < len(paths) and firsts[index + 1] <= seq:
            continue
        if to_seq is not None and firsts[index] > to_seq:
            break
        for chunk, last_seq in _read_segment(path, firsts[index], seq, to_seq):
            yield chunk
            seq = last_seq + 1
    if to_seq is not None and seq <= to_seq:
        raise LinkError(f"{directory} ends at seq {seq - 1}, before {to_seq}")


def _read_segment(path: Path, first_seq: int, from_seq: int, to_seq: int | None) -> Iterator[tuple[bytes, int]]:
    """Read a segment's records within the bounds; each chunk comes with the seq of its last record."""
    seq = first_seq
    with path.open("rb") as file:
        file.seek(SEGMENT_HEADER_BYTES)
        buffer = b""
        while data := file.read(CHUNK_BYTES):
            buffer += data
            spans, whole = split_frames(buffer)
            wanted = [span for n, span in enumerate(spans, seq) if from_seq <= n and (to_seq is None or n <= to_seq)]
            seq += len(spans)
            if wanted:
                last_seq = seq - 1 if to_seq is None else min(seq - 1, to_seq)
                yield buffer[wanted[0][0] : wanted[-1][1]], last_seq
            if to_seq is not None and seq > to_seq:
                return
            buffer = buffer[whole:]


# --- submitting -----------------------------------------------------------------------------------------


class CommandLink:
    """Where a process submits its commands; thread-safe, and alive across restarts of the engine.

    Every command stays *in flight* until its record is observed. When the link breaks and is made again, the
    engine names the last durable record: once the follower of the same process has passed it, what is still in
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

    def submit(self, source: int, command: bytes, reference: int = 0) -> int:
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
                _log.warning("commands_resent", count=len(self._inflight))
                self._unsent.clear()
                self._send(b"".join(self._inflight.values()))

    def _keep_connected(self) -> None:
        pause_s = RECONNECT_S_MIN
        while not self._is_closed.is_set():
            try:
                connection, welcome = _connect(self._data, self._hello)
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
            self._resend_after = welcome.durable_seq if self._inflight else None
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
            _readable(None, connection)
        except OSError:
            return


def submit_and_wait(
    data: Path, name: str, commands: Sequence[bytes], timeout_s: float, source: int = 0
) -> list[Record]:
    """Submit encoded commands and return their records, in order: for operations, one caller at a time.

    Raises: LinkError when the engine is away, or the records did not come in time (their outcome is then in
    the journal only).
    """
    submitting, welcome = _connect(data, Hello("submit", name))
    follower = Follower(data, name, welcome.durable_seq + 1)
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


def ask(data: Path, request: ControlRequest) -> bytes:
    """Ask the running engine one question; return its JSON answer. Raises: LinkError."""
    connection, _ = _connect(data, Hello("control", "ask"))
    try:
        connection.sendall(encode_message(request))
        return _receive_message(connection, CONTROL_BYTES_MAX)
    except OSError as error:
        raise LinkError(f"the engine did not answer: {error}") from error
    finally:
        connection.close()
