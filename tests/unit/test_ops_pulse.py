"""What beats, and their absence, say about a process: with a clock of the test's own."""

from __future__ import annotations

import pytest

from engine.api.heartbeat import Beat, State
from ops.running.pulse import HUNG_S_MAX, SILENCE_S_MAX, STALL_S_MAX, Pulse

A_BIT = 0.01


def ready_since(now_s: float) -> Pulse:
    pulse = Pulse(now_s)
    pulse.hear(Beat(State.READY, 5), now_s)
    return pulse


def test_silence_of_a_ready_process_is_shown_then_ended_within_the_promised_times() -> None:
    pulse = ready_since(100)
    assert not pulse.is_hung(100 + SILENCE_S_MAX)
    assert pulse.is_hung(100 + SILENCE_S_MAX + A_BIT) and SILENCE_S_MAX < 5
    assert not pulse.why_end(100 + HUNG_S_MAX)
    assert pulse.why_end(100 + HUNG_S_MAX + A_BIT) == "its loop has been silent for 10 s" and HUNG_S_MAX < 15


def test_a_beat_ends_the_silence() -> None:
    pulse = ready_since(100)
    pulse.hear(Beat(State.READY, 5, "no database"), 104)
    assert not pulse.is_hung(108) and pulse.is_ready and pulse.silent_s(106) == 2


def test_a_start_that_gets_further_is_never_ended_for_being_slow() -> None:
    pulse, now_s = Pulse(0), 0.0
    for progress in range(1_000):
        now_s += STALL_S_MAX - A_BIT
        pulse.hear(Beat(State.STARTING, progress), now_s)
        assert not pulse.why_end(now_s) and not pulse.is_hung(now_s)
    assert not pulse.is_ready


@pytest.mark.parametrize("beats", [False, True])
def test_a_start_that_gets_no_further_is_ended_whether_it_beats_or_not(beats: bool) -> None:
    pulse = Pulse(0)
    pulse.hear(Beat(State.STARTING, 7), 1)
    if beats:
        for second in range(2, int(STALL_S_MAX)):
            pulse.hear(Beat(State.STARTING, 7), second)
    assert not pulse.why_end(1 + STALL_S_MAX)
    assert pulse.why_end(1 + STALL_S_MAX + A_BIT) == "its start got no further for 30 s"


def test_a_start_that_waits_for_another_is_ended_for_silence_only() -> None:
    pulse = Pulse(0)
    pulse.hear(Beat(State.STARTING, 7), 1)
    for second in range(2, 1_000):
        pulse.hear(Beat(State.WAITING, 7, "the engine is away"), second)
        assert not pulse.why_end(second) and not pulse.is_ready
    assert pulse.is_hung(999 + SILENCE_S_MAX + A_BIT) and pulse.why_end(999 + HUNG_S_MAX + A_BIT)


def test_a_start_that_never_beats_is_ended() -> None:
    assert not Pulse(0).why_end(STALL_S_MAX)
    assert Pulse(0).why_end(STALL_S_MAX + A_BIT)


def test_a_process_that_starts_once_more_by_itself_has_its_time_again() -> None:
    pulse = ready_since(100)
    pulse.hear(Beat(State.STARTING, 0), 200)
    assert not pulse.why_end(200 + STALL_S_MAX) and pulse.why_end(200 + STALL_S_MAX + A_BIT)


def test_silence_of_the_listener_is_not_held_against_the_process() -> None:
    pulse = ready_since(100)
    pulse.forgive(60)
    assert not pulse.is_hung(160 + SILENCE_S_MAX) and pulse.is_hung(160 + SILENCE_S_MAX + A_BIT)
