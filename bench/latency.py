"""Time from a command's scheduled arrival to its finished record, with commands arriving at a fixed rate.

Open loop: command ``i`` is due at ``start + i * interval``, whatever became of those before it, so that any delay is
paid by all commands that wait meanwhile. Whenever the core is free it takes all that are due, in one call; their time
ends when the call has returned. That is done by a program of its own, ``engine/core/examples/open_loop.rs``: a call
from Python takes longer than a command. Beside it stand the same quantiles of a loop that does nothing: what the
machine takes away. Both have real-time priority where the system allows it, and last less than a second together:
after that Linux gives others a twentieth all the same.
"""

from __future__ import annotations

import subprocess
import time
from array import array
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec
from msgspec import structs

from bench.conditions import realtime
from bench.prepared import Prepared
from bench.throughput import frames_in, head

CORE = Path(__file__).resolve().parents[1] / "engine" / "core"

WARM_UP_COMMANDS = 50_000
"""Taken before the others, as fast as they can be."""

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


def measure(prepared: Prepared, commands: int, per_s: int) -> tuple[Latency, Latency]:
    """Let at most ``commands`` of a workload arrive at a fixed rate. Returns: the core's, and the empty loop's."""
    program, interval_ns = _program(), 10**9 // per_s
    first = min(WARM_UP_COMMANDS, sum(prepared.shape.kinds) // 2)
    commands = min(commands, sum(prepared.shape.kinds) - first)
    warm_up = len(prepared.opening) + len(head(prepared.load, first))
    frames = prepared.opening + head(prepared.load, first + commands)
    command = [str(program), str(warm_up), str(interval_ns)]
    time.sleep(1)  # what real-time priority used up before is counted no more
    with realtime() as is_realtime:
        told = subprocess.run(command, input=frames, stdout=subprocess.PIPE, check=True)
    numbers = array("Q", told.stdout)
    alone, calls = _run(numbers, 0), _run(numbers, 1 + 2 * numbers[0])
    core, loop = quantiles(calls, interval_ns), quantiles(alone, interval_ns)
    return structs.replace(core, is_realtime=is_realtime), structs.replace(loop, is_realtime=is_realtime)


def _run(numbers: array[int], at: int) -> list[Span]:
    """Read the run that is told at ``at``."""
    end = at + 1 + 2 * numbers[at]
    calls = [(0, 0), *zip(numbers[at + 1 : end : 2], numbers[at + 2 : end : 2], strict=True)]
    return [(first, done, done_ns) for (first, _), (done, done_ns) in pairwise(calls)]


def _program() -> Path:
    """Build the program that paces the core, unless it is up to date."""
    subprocess.run(["cargo", "build", "--quiet", "--release", "--example", "open_loop"], cwd=CORE, check=True)
    return CORE / "target" / "release" / "examples" / "open_loop"


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
