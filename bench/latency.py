"""Time from a command's scheduled arrival to its finished record, with commands arriving at a fixed rate.

Open loop: command ``i`` is due at ``start + i * interval``, whatever became of those before it, so that any delay is
paid by all commands that wait meanwhile. Whenever the core is free it takes all that are due, in one call; their time
ends when the call has returned. The call from Python and the copy of the records, about a microsecond, are part of it.
The frames are encoded beforehand, Python's cyclic garbage collector is off, and the process has real-time priority
where the system allows it. A run is shorter than a second: after that Linux gives others a twentieth all the same.
"""

from __future__ import annotations

import gc
import time
from itertools import accumulate

import msgspec
from msgspec import structs

from bench.conditions import realtime
from bench.prepared import Prepared
from bench.throughput import NOW_NS, frames_in, head, opened
from engine.host.core import Core

Span = tuple[int, int, int]
"""Commands ``first`` to ``end``, the latter excluded, done at a time in nanoseconds since the start."""


class Latency(msgspec.Struct, frozen=True):
    """Quantiles over all commands, in nanoseconds, and the most commands done at once."""

    p50_ns: int
    p99_ns: int
    p999_ns: int
    max_ns: int
    batch_max: int
    is_realtime: bool = False


def measure(prepared: Prepared, commands: int, per_s: int) -> Latency:
    """Let the first ``commands`` of a workload arrive at a fixed rate."""
    core, _ = opened(prepared)
    load = head(prepared.load, commands)
    offsets = ends(load)
    gc.collect()
    gc.disable()
    with realtime() as is_realtime:
        spans = _arrive(core, load, offsets, 10**9 // per_s)
    gc.enable()
    return structs.replace(quantiles(spans, 10**9 // per_s), is_realtime=is_realtime)


def _arrive(core: Core, load: bytes, offsets: list[int], interval_ns: int) -> list[Span]:
    commands, stream = len(offsets) - 1, memoryview(load)
    spans: list[Span] = []
    done, start = 0, time.perf_counter_ns()
    while done < commands:
        due = min(commands, (time.perf_counter_ns() - start) // interval_ns + 1)
        if due == done:
            continue
        applied = core.apply(NOW_NS, stream[offsets[done] : offsets[due]])
        first, done = done, done + applied.count
        spans.append((first, done, time.perf_counter_ns() - start))
    return spans


def ends(frames: bytes) -> list[int]:
    """List where frames begin, and the end of the last."""
    return [0, *accumulate(len(frame) for frame in frames_in(frames))]


def quantiles(spans: list[Span], interval_ns: int) -> Latency:
    """Compute the quantiles of all commands, each from when it was due."""
    times = sorted(done_ns - n * interval_ns for first, end, done_ns in spans for n in range(first, end))
    at = len(times)
    return Latency(
        p50_ns=times[at // 2],
        p99_ns=times[at * 99 // 100],
        p999_ns=times[at * 999 // 1000],
        max_ns=times[-1],
        batch_max=max(end - first for first, end, _ in spans),
    )
