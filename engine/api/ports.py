"""What other packages ask of the engine, so that a process can be built on another log, replicated or in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from engine.api.cursor import Cursor
from engine.api.ids import SessionId
from engine.api.wire import Record


class FollowPort(Protocol):
    """Where records come from, in order and without gaps: :class:`engine.client.Follower`, or what reads like it."""

    @property
    def cursor(self) -> Cursor:
        """How far :meth:`read` has come; its ``journal`` is 0 until the log was reached."""

    def read(self, timeout_s: float) -> bytes:
        """Return the next whole durable records, or ``b""`` when none came in time."""

    def close(self) -> None:
        """End the following; a waiting read returns."""


class SubmitPort(Protocol):
    """Where commands go: :class:`engine.client.CommandLink`, or what submits like it.

    A command stays in flight until its record is observed, and becomes one record, however often it is sent.
    """

    @property
    def inflight(self) -> int:
        """Commands without a record yet."""

    def submit(self, source: SessionId, command: bytes, reference: int = 0) -> int:
        """Take an encoded command for the next :meth:`flush`; return its record's ``source_seq``.

        Raises: Overloaded, WireError; the command was then not taken and never will be sent.
        """

    def flush(self) -> None:
        """Send what was submitted."""

    def observe(self, records: Iterable[Record]) -> None:
        """Take note of records of the log; call it for all of them, in order."""

    def close(self) -> None:
        """End the submitting; what is in flight may or may not become a record."""
