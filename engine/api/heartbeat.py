"""A process says that its own loop turns: where it stands, how far it has come, what keeps it from its work.

Whoever starts a process may hand it the writing end of a pipe, as ``--heartbeat-fd``. The process writes one JSON line
from its main loop, at least once in PERIOD_S and at once when its state or its fault changes; a line is never longer
than what the kernel writes in one piece. A thread beside the loop must not beat: a loop that hangs has to be silent.

Who listens judges: silence of a process that is ready means that it hangs. One that starts may take as long as it
needs while ``progress`` rises.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

import msgspec

PERIOD_S = 0.5
"""Longest time between two beats of a loop that turns: half of the second it promises."""

FAULT_LENGTH_MAX = 500
"""Characters of a fault that are told; the log has the rest."""

LINE_BYTES_MAX = 4096
"""PIPE_BUF of Linux: a longer line could be torn. Reached by no fault, even of characters that take six bytes."""


class State(StrEnum):
    """Where a process stands."""

    STARTING = "starting"
    WAITING = "waiting"
    """It cannot start before another part is there, and gets no further meanwhile; its loop turns."""
    READY = "ready"


class Beat(msgspec.Struct, frozen=True):
    """One beat. ``progress`` is the seq up to which the log was replayed, applied or served; ``fault`` may be empty."""

    state: State
    progress: int
    fault: str = ""


class Heartbeat:
    """The writing end, for one loop. Without a descriptor it does nothing, so that a process can run alone.

    Invariant: never waits; a pipe that nobody empties loses beats, not time.
    """

    def __init__(self, descriptor: int | None = None, now_s: Callable[[], float] = time.monotonic) -> None:
        self._descriptor = descriptor
        self._now_s = now_s
        self._next_s = now_s()
        self._last = Beat(State.STARTING, -1)
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            os.set_blocking(descriptor, False)

    def starting(self, progress: int) -> None:
        """Say that the start goes on; ``progress`` has to rise while it does. Cost: as :meth:`ready`."""
        self._beat(Beat(State.STARTING, progress))

    def waiting(self, progress: int, fault: str) -> None:
        """Say that the start waits for another part, and for which. Cost: as :meth:`ready`."""
        self._beat(Beat(State.WAITING, progress, fault[:FAULT_LENGTH_MAX]))

    def ready(self, progress: int, fault: str = "") -> None:
        """Say that the loop turns. Call it each turn: it writes when it is time to. Cost: 0.5 us, 5 us with a write."""
        self._beat(Beat(State.READY, progress, fault[:FAULT_LENGTH_MAX]))

    def _beat(self, beat: Beat) -> None:
        if self._descriptor is None:
            return
        now_s, last = self._now_s(), self._last
        if now_s < self._next_s and (beat.state, beat.fault) == (last.state, last.fault):
            return
        self._next_s, self._last = now_s + PERIOD_S, beat
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._descriptor, msgspec.json.encode(beat) + b"\n")


def decode_beats(lines: bytes) -> tuple[list[Beat], bytes]:
    """Read whole lines into beats; return them with what is left of a line that has not come whole.

    Raises: ValueError when a line is none of :class:`Heartbeat`.
    """
    *whole, rest = lines.split(b"\n")
    if len(rest) > LINE_BYTES_MAX:
        raise ValueError("a heartbeat without end")
    return [msgspec.json.decode(line, type=Beat) for line in whole], rest
