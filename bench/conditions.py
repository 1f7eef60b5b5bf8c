"""Under which conditions figures are taken: one processor, named with them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def pinned() -> Iterator[tuple[int, int]]:
    """Keep this process, and those it starts, on the last processor it may use; yields its number and another's.

    Where there is only one, both are the same.
    """
    allowed = os.sched_getaffinity(0)
    cpu = max(allowed)
    os.sched_setaffinity(0, {cpu})
    try:
        yield cpu, min(allowed)
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def realtime() -> Iterator[bool]:
    """Let nothing of normal priority take the processor away (SCHED_FIFO); yields whether the system allowed it."""
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        yield False
        return
    try:
        yield True
    finally:
        os.sched_setscheduler(0, policy, priority)


class Stopwatch:
    """Processor time of what only computes, as a context, with real-time priority: neighbors then spoil no caches.

    On a machine left alone it is the time that passes.
    """

    def __enter__(self) -> Stopwatch:
        self._realtime = realtime()
        self._realtime.__enter__()
        self._started = time.process_time()
        return self

    def __exit__(self, *raised: object) -> None:
        self.seconds = time.process_time() - self._started
        self._realtime.__exit__(None, None, None)


def machine() -> str:
    """Describe the machine in one line."""
    described = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.partition(":")[2].strip() for line in described if line.startswith("model name")), "unknown CPU")
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} processors, {system}"
