"""Who is connected: gateways that submit and follow, watchers that only follow, and callers that know no manners.

Gateways and watchers are :class:`engine.client.CommandLink` and :class:`engine.client.Follower` themselves. Only the
thread of the first is gone: the world calls :meth:`Gateway.keep` instead.
"""

from __future__ import annotations

import threading
from pathlib import Path
from random import Random
from typing import cast
from unittest import mock

from engine.api.cursor import Cursor
from engine.api.errors import LinkError, WireError
from engine.api.link import Hello, encode_message
from engine.api.wire import decode_records, encode_frame
from engine.client import CommandLink, Follower, Overloaded
from tests.simulation.lines import Line, Switchboard
from tests.simulation.oracle import Oracle


class Watcher:
    """Follows the log and tells the oracle all it sees."""

    def __init__(self, data: Path, name: str, from_seq: int, oracle: Oracle) -> None:
        self.name = name
        self._follower = Follower(data, name, Cursor(from_seq - 1))
        self._oracle = oracle

    @property
    def next_seq(self) -> int:
        return self._follower.next_seq

    def read(self) -> bytes:
        """Take the next records that are there; connect, or turn to the files, when need be.

        While the files hold a hole a follower may fail on it; it must not see past it.
        """
        try:
            records = self._follower.read(0)
        except (LinkError, WireError):
            if self._oracle.disk.lie is None:
                raise
            return b""
        if records:
            self._oracle.saw(self.name, records)
        return records

    def cut(self) -> None:
        """Cut the line, if there is one."""
        line = self._follower._connection
        if line is not None:
            cast(Line, line).cut()

    def forget_files(self) -> None:
        """Read on from the engine, or from files as they are then."""
        self._follower._files = None

    def close(self) -> None:
        self.cut()
        self._follower.close()


class Gateway:
    """Submits commands, and follows the log to learn what became of them."""

    def __init__(self, data: Path, name: str, number: int, board: Switchboard, oracle: Oracle) -> None:
        self.name, self.number = name, number
        self._board, self._oracle = board, oracle
        self._hello = Hello("submit", name)
        self._line: Line | None = None
        self.follower = Watcher(data, f"{name}-{number}", 1, oracle)
        with mock.patch.object(threading.Thread, "start"):
            self._link = CommandLink(data, name)
        self._link._counter = number << 20
        self.submitted = 0

    @property
    def inflight(self) -> int:
        return self._link.inflight

    def submit(self, source: int, raw: bytes, reference: int) -> bool:
        """Submit a command; return whether it was taken."""
        try:
            source_seq = self._link.submit(source, raw, reference)
        except Overloaded:
            return False
        self._oracle.submitted(self.number, source, source_seq, raw)
        self.submitted += 1
        return True

    def flush(self) -> None:
        self._link.flush()

    def observe(self) -> int:
        """Read records and take note of them; return how many bytes."""
        records = self.follower.read()
        self._link.observe(decode_records(records))
        return len(records)

    def keep(self) -> None:
        """Make the link when there is none; notice when it has ended."""
        if self._line is None:
            try:
                self._line, welcome = self._board.dial(self.follower.name, self._hello)
            except LinkError:
                return
            self._link._attach(self._line, welcome)
        elif self._line.has_ended():
            self._link._detach()
            self._line.close()
            self._line = None

    def pass_bytes(self, all_of_it: bool = False) -> int:
        return self._line.pass_bytes(all_of_it) if self._line else 0

    def cut(self) -> None:
        """Cut the line commands go by, if there is one."""
        if self._line is not None:
            self._line.cut()

    def close(self) -> None:
        """End the process: nothing more is sent, and what is in flight is left to its fate."""
        self.cut()
        self._board.forget(self.follower.name)
        self.follower.close()


def stray_bytes(rng: Random) -> bytes:
    """Make what a caller without manners says."""
    role = rng.choice(("submit", "follow", "control"))
    hello = encode_message(Hello(role, "stray", rng.choice((0, 1, 2**40))))
    frame = bytearray(encode_frame(0, 1, rng.randbytes(rng.randrange(60))))
    frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
    noise = rng.randbytes(rng.randrange(300))
    kinds = (noise, hello, hello + noise, hello[: rng.randrange(len(hello))], hello + bytes(frame), b"\xff" * 5)
    return rng.choice(kinds)
