"""What clearing says of itself: how far the books are, whether it waits, and what keeps it from its work."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from clearing.condition import Condition
from clearing.limits import STORE_SILENCE_S
from engine.api.heartbeat import Beat, Heartbeat, State, decode_beats
from tests.clearing.books import cursor_reaches, query
from tests.clearing.test_process import House, Program, house
from tests.patience import PATIENCE_S

__all__ = ["house"]


class Listener:
    """The reading end of a heartbeat."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._rest = b""

    def hear(self) -> list[Beat]:
        beats, self._rest = decode_beats(self._rest + os.read(self.reading, 65_536))
        return beats

    def hear_until(self, holds: Callable[[Beat], bool]) -> list[Beat]:
        """Listen until a beat is as wanted. Returns: all beats until then."""
        heard: list[Beat] = []
        deadline = time.monotonic() + PATIENCE_S
        while not any(map(holds, heard)):
            assert time.monotonic() < deadline, heard[-3:]
            heard += self.hear()
        return heard

    def close(self) -> None:
        os.close(self.reading)
        os.close(self.writing)


@pytest.fixture
def condition() -> Condition:
    return Condition()


def told(condition: Condition, now_s: float) -> Beat:
    listener = Listener()
    condition.tell(Heartbeat(listener.writing, lambda: now_s), now_s)
    (beat,) = listener.hear()
    listener.close()
    return beat


def test_reading_the_books_is_progress(condition: Condition) -> None:
    condition.asked(0.0)
    for read in (5_000, 10_000):
        condition.advanced(read)
        assert told(condition, 1.0) == Beat(State.STARTING, read)


def test_without_postgresql_or_log_the_start_waits_and_says_for_which(condition: Condition) -> None:
    condition.asked(0.0)
    condition.failed("connection refused")
    assert told(condition, 1.0) == Beat(State.WAITING, 0, "PostgreSQL: connection refused")
    condition.asked(2.0)
    assert told(condition, 2.1).fault == "PostgreSQL: connection refused", "an attempt is no answer"
    condition.answered()
    condition.log_awaited(17)
    assert told(condition, 3.0) == Beat(State.WAITING, 17, "the engine's log has not been reached yet")
    condition.begun()
    assert told(condition, 4.0) == Beat(State.READY, 17)


def test_an_answer_that_takes_too_long_is_a_fault_and_the_books_stay_where_they_are(condition: Condition) -> None:
    condition.log_awaited(5)
    condition.begun()
    condition.settled(9)
    condition.asked(100.0)
    assert told(condition, 100.0 + STORE_SILENCE_S) == Beat(State.READY, 9)
    assert told(condition, 106.0) == Beat(State.READY, 9, "PostgreSQL has not answered for 6 s")
    condition.answered()
    condition.settled(12)
    assert told(condition, 107.0) == Beat(State.READY, 12)


@pytest.mark.req("DRV-05", "INV-52")
async def test_a_postgresql_that_hangs_is_told_while_the_loop_turns_on(house: House) -> None:
    listener = Listener()
    arguments = ("--data", str(house.data), "--dsn", house.dsn, "--heartbeat-fd", str(listener.writing))
    clearing = Program(house.data / "clearing.log", "clearing", *arguments, pass_fds=(listener.writing,))
    house.programs.append(clearing)
    assert clearing.is_ready()
    seq = house.trade(3)
    heard = listener.hear_until(lambda beat: beat.progress == seq)
    assert heard[-1] == Beat(State.READY, seq)
    sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'clearing' AND datname = current_database()"
    ((backend,),) = await query(house.dsn, sql)
    os.kill(backend, signal.SIGSTOP)
    try:
        later = house.trade(3)
        heard = listener.hear_until(lambda beat: "PostgreSQL has not answered" in beat.fault)
        assert len(heard) > 5 and {beat.progress for beat in heard} == {seq}
    finally:
        os.kill(backend, signal.SIGCONT)
    listener.hear_until(lambda beat: beat == Beat(State.READY, later))
    await cursor_reaches(house.dsn, later)
    assert clearing.end() == 0
    listener.close()
