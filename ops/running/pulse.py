"""What the beats of a process, and their absence, say about it. No clock and no process in here: both are arguments."""

from __future__ import annotations

from engine.api.heartbeat import Beat, State

SILENCE_S_MAX = 4.0
"""A ready process that was silent for longer hangs: shown well before five seconds are over."""

HUNG_S_MAX = 10.0
"""A ready process that was silent for longer is killed, so that it is up again before fifteen seconds are over."""

STALL_S_MAX = 30.0
"""A start may take as long as it needs, but not that long without getting any further; several times what the
interpreter needs for its imports on a busy machine."""


class Pulse:
    """The pulse of one process since it was started. Units: seconds of one steady clock."""

    def __init__(self, now_s: float) -> None:
        self.beat = Beat(State.STARTING, -1)
        self._heard_s = now_s
        self._progressed_s = now_s

    @property
    def is_ready(self) -> bool:
        """Tell whether it said so, and has said nothing else since."""
        return self.beat.state is State.READY

    @property
    def _must_beat(self) -> bool:
        return self.beat.state is not State.STARTING

    def hear(self, beat: Beat, now_s: float) -> None:
        """Take a beat. A process that was ready and starts again by itself has made progress."""
        if beat.progress > self.beat.progress or beat.state is not self.beat.state:
            self._progressed_s = now_s
        self.beat, self._heard_s = beat, now_s

    def forgive(self, seconds: float) -> None:
        """Take back silence that was the listener's own: it did not run either."""
        self._heard_s += seconds
        self._progressed_s += seconds

    def silent_s(self, now_s: float) -> float:
        """How long nothing was heard."""
        return now_s - self._heard_s

    def is_hung(self, now_s: float) -> bool:
        """Tell whether it is ready, or waits, and is silent for too long."""
        return self._must_beat and self.silent_s(now_s) > SILENCE_S_MAX

    def why_end(self, now_s: float) -> str:
        """Say why it has to be ended; empty when it has not."""
        if self._must_beat and self.silent_s(now_s) > HUNG_S_MAX:
            return f"its loop has been silent for {self.silent_s(now_s):.0f} s"
        if not self._must_beat and now_s - self._progressed_s > STALL_S_MAX:
            return f"its start got no further for {now_s - self._progressed_s:.0f} s"
        return ""
