"""A FIX client that costs next to nothing: messages are made before the clock starts, reports are only counted.

What is measured is then the server. Two ways to drive it: a *window* (as many in flight as allowed: throughput)
and a *rate* (each message has its moment, whether or not the server keeps up: latency without omission).
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

SOH = b"\x01"


class Load(msgspec.Struct, frozen=True):
    """What one run saw. Times in microseconds, from the moment a message was due to its first report."""

    messages: int
    seconds: float
    latencies_us: list[float]

    @property
    def per_second(self) -> float:
        """Messages answered per second."""
        return self.messages / self.seconds

    def percentile_us(self, percent: float) -> float:
        """Return a percentile of the latencies."""
        ordered = sorted(self.latencies_us)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def timestamp() -> bytes:
    """Write the time now as a FIX UTCTimestamp with microseconds."""
    return datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S.%f").encode()


class LoadClient:
    """One logged-on session over a plain socket."""

    def __init__(self, port: int, comp_id: str, target: str, password: str) -> None:
        self._head = b"49=%s\x0156=%s\x01" % (comp_id.encode(), target.encode())
        self._seq = 0
        self._buffer = b""
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        logon = b"98=0\x01108=30\x01141=Y\x01553=%s\x01554=%s\x01" % (comp_id.encode(), password.encode())
        self._socket.sendall(self.message(b"A", logon))
        deadline = time.monotonic() + 10
        while b"\x0135=A\x01" not in self._buffer:
            if time.monotonic() > deadline:
                raise TimeoutError("no answer to the logon")
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError(f"logon refused: {self._buffer!r}")
            self._buffer += data
        self._buffer = b""

    def message(self, kind: bytes, body: bytes) -> bytes:
        """Make the next message of the session; ``body`` is fields with their delimiters."""
        self._seq += 1
        inner = b"35=%s\x01%s34=%d\x0152=%s\x01%s" % (kind, self._head, self._seq, timestamp(), body)
        text = b"8=FIX.4.4\x019=%d\x01%s" % (len(inner), inner)
        return b"%s10=%03d\x01" % (text, sum(text) & 0xFF)

    def order_and_cancel_pairs(self, count: int, prefix: str, symbol: str = "BTC/USDT") -> list[bytes]:
        """Make ``count`` messages, by turns an order that rests and its cancel: one report each."""
        out = []
        for n in range(count):
            order, now = b"%s%d" % (prefix.encode(), n & ~1), timestamp()
            fixed = b"55=%s\x0154=1\x0160=%s\x01" % (symbol.encode(), now)
            if n & 1:
                out.append(self.message(b"F", b"11=%sC\x0141=%s\x01%s38=0.001\x01" % (order, order, fixed)))
            else:
                out.append(self.message(b"D", b"11=%s\x01%s38=0.001\x0140=2\x0144=30000\x0159=1\x01" % (order, fixed)))
        return out

    def run_window(self, messages: list[bytes], window: int) -> Load:
        """Send all messages, at most ``window`` of them unanswered; each must cause exactly one report."""
        due: list[float] = []
        latencies: list[float] = []
        started = time.perf_counter()
        while len(latencies) < len(messages):
            room = window - (len(due) - len(latencies))
            if room and len(due) < len(messages):
                now = time.perf_counter()
                part = messages[len(due) : len(due) + room]
                due += [now] * len(part)
                self._socket.sendall(b"".join(part))
            self._collect(due, latencies, None)
        return Load(len(messages), time.perf_counter() - started, latencies)

    def run_rate(self, messages: list[bytes], per_second: int) -> Load:
        """Send message ``n`` at ``n / per_second`` whatever the server does."""
        due: list[float] = []
        latencies: list[float] = []
        started = time.perf_counter()
        while len(latencies) < len(messages):
            elapsed = time.perf_counter() - started
            upto = min(len(messages), int(elapsed * per_second) + 1)
            if upto > len(due):
                part = messages[len(due) : upto]
                due += [started + n / per_second for n in range(len(due), upto)]
                self._socket.sendall(b"".join(part))
            next_due = started + len(due) / per_second - time.perf_counter() if len(due) < len(messages) else 1.0
            self._collect(due, latencies, max(0.0, min(next_due, 1.0)))
        return Load(len(messages), time.perf_counter() - started, latencies)

    def push(self, order: bytes) -> None:
        """Send one NewOrderSingle of these fields, and read past whatever has come."""
        self._socket.sendall(self.message(b"D", order))
        while select.select([self._socket], [], [], 0)[0]:
            if not self._socket.recv(1 << 18):
                raise ConnectionError("the server closed the session")

    def close(self) -> None:
        """Close the connection without a Logout."""
        self._socket.close()

    def _collect(self, due: list[float], latencies: list[float], wait_s: float | None) -> None:
        """Count reports that have arrived: the n-th report answers the n-th message of the session."""
        readable, _, _ = select.select([self._socket], [], [], 10.0 if wait_s is None else wait_s)
        if not readable:
            if wait_s is None:
                raise TimeoutError(f"{len(due) - len(latencies)} messages are unanswered")
            return
        data = self._socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed the session")
        now = time.perf_counter()
        for kind in self._kinds(data):
            if kind in (b"8", b"9"):
                latencies.append((now - due[len(latencies)]) * 1e6)
            elif kind in (b"3", b"j", b"5"):
                raise ConnectionError(f"the server refused a message with 35={kind.decode()}: {data[-300:]!r}")

    def _kinds(self, data: bytes) -> Iterator[bytes]:
        self._buffer += data
        *whole, self._buffer = self._buffer.split(b"8=FIX.4.4\x01")
        if b"\x0110=" in self._buffer and self._buffer.endswith(SOH):
            whole.append(self._buffer)
            self._buffer = b""
        for text in whole:
            at = text.find(b"\x0135=")
            if at >= 0:
                yield text[at + 4 : text.index(SOH, at + 4)]
