"""Reliability 11: whatever the clock does, times rise, a large step back stops the engine, and a replay is equal."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from engine.api.errors import LinkError
from engine.api.limits import TIMESTAMP_NS_MAX, TIMESTAMP_NS_MIN
from engine.api.wire import Record, decode_records
from engine.client import read_journal
from engine.host import recovery
from engine.host.disk import UnsyncedDisk
from tests.chaos.tally import Tally, times
from tests.host.running import FaultyEngine
from tests.patience import PATIENCE_S

MS, SECOND, HOUR, DAY = 10**6, 10**9, 3_600 * 10**9, 86_400 * 10**9
NOON = 1_893_456_000 * SECOND - 12 * HOUR
"""Noon of the last day of 2029."""

ABSORBED = {
    "steps back 50 ms": [0, -50 * MS, 0],
    "steps back 500 ms": [0, -500 * MS, -400 * MS],
    "steps back 1 s": [0, -SECOND, SECOND],
    "is frozen": [0] * 20,
    "goes 1 s back every second": [n % 2 * SECOND for n in range(20)],
    "jumps forward by a day": [0, DAY, 2 * DAY],
    "goes over midnight and new year": [12 * HOUR - 1, 12 * HOUR, 12 * HOUR + 1, 12 * HOUR + SECOND],
    "jumps to the last moment": [0, TIMESTAMP_NS_MAX - NOON - MS],
}
"""What a clock shows order by order, beside NOON, and trading goes on."""

FATAL = {
    "steps back 1 s and more": -SECOND - MS,
    "steps back 5 s": -5 * SECOND,
    "steps back an hour": -HOUR,
    "shows 2101": TIMESTAMP_NS_MAX + 1 - NOON,
    "shows 2019": TIMESTAMP_NS_MIN - 1 - NOON,
}
"""What ends the engine with a fault."""


class Watched:
    """An engine with a clock of our own, and the records it has answered."""

    def __init__(self, directory: Path) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.engine = FaultyEngine(directory)
        self.show(0)
        self.engine.start()
        self.engine.register()

    def show(self, beside_noon_ns: int) -> None:
        self.engine.set_clock(f"={NOON + beside_noon_ns}")

    def trade(self, beside_noon_ns: int) -> Record:
        self.show(beside_noon_ns)
        return self.engine.trade(1)[0]

    def records(self) -> list[Record]:
        return [r for chunk in read_journal(self.engine.data / "journal") for r in decode_records(chunk)]

    def check_order(self) -> None:
        """Numbers and times rise strictly, event by event; the replay of the log is equal."""
        last_ns = 0
        for seq, record in enumerate(self.records(), 1):
            assert record.seq == seq
            assert record.ts_ns > last_ns, f"seq {seq} is stamped {record.ts_ns} after {last_ns}"
            last_ns = record.ts_ns + max(0, len(record.events) - 1)
        state = self.engine.status()
        recovered = recovery.recover(self.engine.data / "journal", self.engine.data / "none", UnsyncedDisk())
        assert (recovered.core.seq, recovered.core.digest().hex()) == (state.seq, state.state_sha256)


def is_absorbed(directory: Path, shown: list[int]) -> None:
    """Show one time after another: every order is answered, in rising time, also after a restart."""
    watched = Watched(directory)
    try:
        for at in shown:
            assert watched.trade(at).ts_ns >= NOON + at
        watched.check_order()
        watched.engine.end()
        watched.engine.start()
        watched.trade(shown[-1])
        watched.check_order()
    finally:
        watched.engine.end()


def is_fatal(directory: Path, shown: int) -> None:
    """Show a time that cannot be: the engine ends and says why, and goes on once the clock is right again."""
    watched = Watched(directory)
    try:
        watched.trade(0)
        watched.show(shown)
        try:
            watched.engine.trade(1, timeout_s=3)
        except (LinkError, OSError):
            pass
        else:
            raise AssertionError("an order was taken")
        assert watched.engine.process.wait(PATIENCE_S) == 1
        assert watched.engine.said("engine_stopped", "ClockFault")
        before = len(watched.records())
        watched.show(SECOND)
        watched.engine.start()
        assert watched.engine.status().seq == before
        watched.trade(SECOND)
        watched.check_order()
    finally:
        watched.engine.end(signal.SIGKILL)


def scenarios() -> Iterator[tuple[str, bool, list[int]]]:
    """Yield name, whether it is absorbed, and what is shown."""
    yield from ((name, True, shown) for name, shown in ABSORBED.items())
    yield from ((name, False, [shown]) for name, shown in FATAL.items())


def clock(scale: float, directory: Path) -> Tally:
    """Play every scenario, then clocks that wander at random within what is absorbed."""
    tally, dice = Tally(), random.Random(5)
    for name, absorbed, shown in scenarios():
        with tally.trying(name):
            if absorbed:
                is_absorbed(directory, shown)
            else:
                is_fatal(directory, shown[0])
    for number in range(times(20, scale)):
        highest, shown = 0, []
        back = -SECOND + MS  # stamps of orders at one time go ahead of the clock by a nanosecond each
        for _ in range(60):
            shown.append(highest + dice.choice((0, 1, SECOND, back, dice.randrange(back, HOUR))))
            highest = max(highest, shown[-1])
        with tally.trying(f"wandering {number}"):
            is_absorbed(directory, shown)
    return tally
