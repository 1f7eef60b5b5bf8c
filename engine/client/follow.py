"""Following: the log from a cursor on, out of the engine's memory or out of the journal's files.

A follower sees every record once, in order, and only when it is durable; where it comes from makes no difference.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from engine.api.cursor import BEGINNING, Cursor, journal_name
from engine.api.errors import CursorRefused, LinkError
from engine.api.link import Hello, Welcome
from engine.api.wire import HEADER, split_frames
from engine.client.connection import RECONNECT_S_MAX, RECONNECT_S_MIN, connect, readable
from engine.client.journal import CHUNK_BYTES, read_journal


class Follower:
    """The log after a cursor. For one thread; :meth:`close` may come from another.

    Invariant: what :meth:`read` returns begins with record ``next_seq`` as it was before the call, without gaps, and
    chains to the record before.
    """

    def __init__(self, data: Path, name: str, after: Cursor = BEGINNING) -> None:
        self._data = data
        self._name = name
        self._connection: socket.socket | None = None
        self._files: Iterator[bytes] | None = None
        self._buffer = b""
        self._pause_s = RECONNECT_S_MIN
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._was_woken = False
        self._is_closed = False
        self.cursor = after
        """How far :meth:`read` has come; to be kept with whatever is made of the records."""
        self.durable_seq = 0
        """Last durable seq the engine named when the link was made."""
        self.epoch = 0

    @property
    def next_seq(self) -> int:
        """The first record not returned yet."""
        return self.cursor.next_seq

    @property
    def connected(self) -> bool:
        """Tell whether a link to the engine stands."""
        return self._connection is not None

    def read(self, timeout_s: float) -> bytes:
        """Return the next whole records, or ``b""`` when none came within ``timeout_s``.

        Raises: LinkError when the records do not continue the log: a gap is never skipped; CursorRefused when the
        cursor belongs to another journal or another history, or lies beyond the end.
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
            hello = Hello("follow", self._name, self.next_seq, self.cursor.journal)
            connection, welcome = connect(self._data, hello)
        except CursorRefused:
            raise
        except LinkError:
            self._sleep(min(wait_s, self._pause_s))
            self._pause_s = min(RECONNECT_S_MAX, self._pause_s * 2)
            return False
        self._pause_s = RECONNECT_S_MIN
        self._compare(welcome)
        self.epoch, self.durable_seq = welcome.epoch, welcome.durable_seq
        if self.next_seq < welcome.ring_seq:
            connection.close()
            self._files = read_journal(self._data / "journal", self.next_seq, welcome.durable_seq)
            return True
        self._connection, self._buffer = connection, b""
        return True

    def _receive(self, wait_s: float) -> bytes:
        assert self._connection is not None
        ready = readable(wait_s, self._connection, self._wake_receiver)
        if self._wake_receiver in ready:
            self._was_woken = bool(self._wake_receiver.recv(4096))
        if self._connection not in ready:
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

    def _compare(self, welcome: Welcome) -> None:
        """Take over which journal this is; at its very end its last record must be the cursor's."""
        at = self.cursor
        if at.seq == welcome.durable_seq and at.crc and at.crc != welcome.durable_crc:
            raise CursorRefused(_other_history(at))
        self.cursor = Cursor(at.seq, at.crc, welcome.journal)

    def _checked(self, records: bytes, spans: list[tuple[int, int]]) -> bytes:
        at = self.cursor
        _, _, first, _, prev_crc, *_ = HEADER.unpack_from(records, 0)
        _, crc, last, *_ = HEADER.unpack_from(records, spans[-1][0])
        if first != at.next_seq or last - first + 1 != len(spans):
            raise LinkError(f"the log does not continue at {at.next_seq}: it goes from {first} to {last}")
        if at.crc and prev_crc != at.crc:
            raise CursorRefused(_other_history(at))
        self.cursor = Cursor(last, crc, at.journal)
        return records

    def _sleep(self, seconds: float) -> None:
        if readable(seconds, self._wake_receiver):
            self._was_woken = bool(self._wake_receiver.recv(4096))


def _other_history(at: Cursor) -> str:
    return f"journal {journal_name(at.journal)} holds another record {at.seq} than the one this process goes on from"
