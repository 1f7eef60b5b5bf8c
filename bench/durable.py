"""Order in, durable event out: a real engine process with fsync, at a fixed rate of commands.

One client submits frames over a raw link, a slice about every tenth of a millisecond, and follows the log. A
command's clock starts when it is due and stops when its record has been read from the follower's socket. Engine and
client have a processor each where there are two.
"""

from __future__ import annotations

import os
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.latency import Latency, Span, ends, quantiles
from bench.prepared import Prepared
from bench.throughput import head
from bench.venue import Process
from engine.api.link import Hello, Welcome, encode_message
from engine.client import Follower

WARM_UP = 1
DEADLINE_S = 60.0
TICK_S = 0.0001


def measure(prepared: Prepared, commands: int, per_s: int, rounds: int, engine_cpu: int) -> list[Latency]:
    """Measure ``rounds`` times ``commands``, one after the other on one engine, after one round to warm up."""
    load = head(prepared.load, commands * (rounds + WARM_UP))
    offsets = ends(load)
    with _engine(engine_cpu) as data, _submitting(data) as link:
        follower = Follower(data, "bench")
        _send_all(link, follower, prepared)
        measured = []
        for first in range(0, commands * (rounds + WARM_UP), commands):
            part = offsets[first : first + commands + 1]
            measured.append(_pace(link, follower, memoryview(load), part, per_s))
        follower.close()
    return measured[WARM_UP:]


@contextmanager
def _engine(cpu: int) -> Iterator[Path]:
    """Run an engine in a directory of its own, on one processor; yields its data directory."""
    data = Path(tempfile.mkdtemp(prefix="bench-"))
    engine = Process(data / "log", "-m", "engine", "--data", str(data))
    os.sched_setaffinity(engine.pid, {cpu})
    try:
        yield data
    finally:
        engine.end()
        shutil.rmtree(data)


@contextmanager
def _submitting(data: Path) -> Iterator[socket.socket]:
    """Open a link that submits; yields its socket."""
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(str(data / "engine.sock"))
        link.sendall(encode_message(Hello("submit", "bench")))
        length = int.from_bytes(link.recv(4, socket.MSG_WAITALL), "little")
        welcome = msgspec.json.decode(link.recv(length, socket.MSG_WAITALL), type=Welcome)
        assert not welcome.refusal, welcome.reason
        yield link


def _send_all(link: socket.socket, follower: Follower, prepared: Prepared) -> None:
    """Send the opening and wait for its last record."""
    link.sendall(prepared.opening)
    deadline = time.monotonic() + DEADLINE_S
    while follower.next_seq <= prepared.opening_commands:
        assert time.monotonic() < deadline, "the opening was not taken in time"
        follower.read(1.0)


def _pace(link: socket.socket, follower: Follower, load: memoryview, offsets: list[int], per_s: int) -> Latency:
    """Send the frames between ``offsets`` at a fixed rate while following the log."""
    commands, interval_ns = len(offsets) - 1, 10**9 // per_s
    sent_bytes, done, first_seq = offsets[0], 0, follower.next_seq
    spans: list[Span] = []
    deadline = time.monotonic() + DEADLINE_S
    start = time.perf_counter_ns()
    while done < commands:
        assert time.monotonic() < deadline, f"{commands - done} of {commands} commands had no record in time"
        due = min(commands, (time.perf_counter_ns() - start) // interval_ns + 1)
        if sent_bytes < offsets[due]:
            sent_bytes += _send_some(link, load[sent_bytes : offsets[due]])
        if follower.read(TICK_S):
            first, done = done, follower.next_seq - first_seq
            spans.append((first, done, time.perf_counter_ns() - start))
    return quantiles(spans, interval_ns)


def _send_some(link: socket.socket, frames: memoryview) -> int:
    """Send what the kernel takes now; return how many bytes that were."""
    _, writable, _ = select.select([], [link], [], 0)
    return link.send(frames, socket.MSG_DONTWAIT) if writable else 0
