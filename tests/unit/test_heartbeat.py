"""A loop says that it turns: often enough, never waiting, in lines that stay whole."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engine.api.heartbeat import FAULT_LENGTH_MAX, LINE_BYTES_MAX, PERIOD_S, Beat, Heartbeat, State, decode_beats


class Hand:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def beats(reading: int) -> list[Beat]:
    try:
        lines = os.read(reading, 1 << 20)
    except BlockingIOError:
        return []
    found, rest = decode_beats(lines)
    assert not rest
    return found


def test_beats_once_a_period(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    clock = Hand()
    heartbeat = Heartbeat(writing, clock)
    heartbeat.starting(0)
    assert beats(reading) == [Beat(State.STARTING, 0)]
    heartbeat.starting(1)
    clock.now_s += PERIOD_S / 2
    heartbeat.starting(2)
    assert beats(reading) == []
    clock.now_s += PERIOD_S / 2
    heartbeat.starting(3)
    assert beats(reading) == [Beat(State.STARTING, 3)]


def test_a_change_is_said_at_once(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    heartbeat = Heartbeat(writing, Hand())
    heartbeat.starting(7)
    heartbeat.waiting(7, "the engine is away")
    heartbeat.ready(7)
    heartbeat.ready(8, "PostgreSQL is away")
    heartbeat.ready(9, "PostgreSQL is away")
    heartbeat.ready(9)
    assert beats(reading) == [
        Beat(State.STARTING, 7),
        Beat(State.WAITING, 7, "the engine is away"),
        Beat(State.READY, 7),
        Beat(State.READY, 8, "PostgreSQL is away"),
        Beat(State.READY, 9),
    ]


def test_a_full_pipe_and_a_closed_one_cost_no_time(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    clock = Hand()
    heartbeat = Heartbeat(writing, clock)
    for progress in range(4_000):  # more than the 64 KiB a pipe holds
        heartbeat.ready(progress)
        clock.now_s += PERIOD_S
    found = beats(reading)
    assert found == [Beat(State.READY, progress) for progress in range(len(found))] and len(found) < 4_000


def test_nobody_listens_any_more() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Heartbeat(writing, Hand()).ready(1)
    os.close(writing)


def test_without_a_descriptor_it_does_nothing() -> None:
    heartbeat = Heartbeat()
    heartbeat.starting(1)
    heartbeat.ready(2, "nobody hears this")


def test_a_line_is_never_torn(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    heartbeat = Heartbeat(writing, Hand())
    for worst in ("\x01", "\U0001f9e8", '"'):
        heartbeat.ready(2**63, worst * 10_000)
        line = os.read(reading, 1 << 20)
        assert len(line) <= LINE_BYTES_MAX
        ((beat,), rest) = decode_beats(line)
        assert beat.fault == worst * FAULT_LENGTH_MAX and not rest


def test_a_line_that_came_in_part_is_kept() -> None:
    line = b'{"state":"ready","progress":5,"fault":""}\n'
    found, rest = decode_beats(line + line[:9])
    assert found == [Beat(State.READY, 5)] and rest == line[:9]
    assert decode_beats(rest + line[9:]) == ([Beat(State.READY, 5)], b"")


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"nonsense\n", b"x" * (LINE_BYTES_MAX + 1)])
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode_beats(line)


def test_the_descriptor_is_not_passed_on(pipe: tuple[int, int]) -> None:
    os.set_inheritable(pipe[1], True)
    Heartbeat(pipe[1])
    assert not os.get_inheritable(pipe[1])
