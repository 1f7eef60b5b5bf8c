"""A gateway tells by its heartbeat how far its desk has come, and what keeps it from its work."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from engine.api.heartbeat import Beat, State, decode_beats
from tests.session.client import order
from tests.session.exchange import Exchange, wait_until


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    venue = Exchange()
    try:
        venue.start_engine()
        venue.register()
        yield venue
    finally:
        venue.close()


class Listener:
    """The reading end of a heartbeat."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)
        os.set_inheritable(self.writing, True)
        self._rest = b""
        self.beats: list[Beat] = []

    def listen(self) -> Beat | None:
        """Read what has come; return the last beat."""
        try:
            beats, self._rest = decode_beats(self._rest + os.read(self.reading, 1 << 16))
            self.beats += beats
        except BlockingIOError:
            pass
        return self.beats[-1] if self.beats else None


@pytest.mark.parametrize("role", ["order-entry", "drop-copy"])
def test_the_desk_beats(exchange: Exchange, role: str) -> None:
    listener = Listener()
    exchange.start_gateway(role, heartbeat_fd=listener.writing)
    wait_until(lambda: (beat := listener.listen()) is not None and beat.state is State.READY)
    assert listener.beats[0].state is State.STARTING
    if role == "drop-copy":
        exchange.start_gateway("order-entry")
    alpha = exchange.client("ALPHA")
    alpha.logon()
    alpha.send("D", order("a", "1", "0.001", "40000"))
    alpha.expect("8", t150="0")
    seq = exchange.status().seq
    wait_until(lambda: listener.listen() == Beat(State.READY, seq))
    assert exchange.engine is not None
    exchange.engine.kill()
    wait_until(lambda: listener.listen() == Beat(State.READY, seq, "the engine cannot be reached"))
    exchange.start_engine()
    wait_until(lambda: listener.listen() == Beat(State.READY, seq))
