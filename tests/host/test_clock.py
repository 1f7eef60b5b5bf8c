"""The exchange clock against clocks that step, stand still and jump, on the running engine (RES-53, TIM-13)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.host.clock import ExchangeClock
from tests.chaos.clock import ABSORBED, FATAL, is_absorbed, is_fatal
from tests.host.running import ROOT

MS = 10**6
NOW_NS = 1_800_000_000 * 10**9


@pytest.mark.req("TIM-13", "TIM-03", "TIM-09", "DRV-10", "DET-01")
@pytest.mark.parametrize("name", ABSORBED)
def test_trading_goes_on_in_rising_time_when_the_clock(tmp_path: Path, name: str) -> None:
    is_absorbed(tmp_path / "data", ABSORBED[name])


@pytest.mark.req("TIM-13", "TIM-05", "TIM-07", "REC-01")
@pytest.mark.parametrize("name", FATAL)
def test_the_engine_ends_and_says_why_when_the_clock(tmp_path: Path, name: str) -> None:
    is_fatal(tmp_path / "data", FATAL[name])


@pytest.mark.req("TIM-11", "TIM-13")
def test_each_step_back_is_counted_once_and_a_long_one_told(capsys: pytest.CaptureFixture[str]) -> None:
    shown = [0, 5 * MS, 0, 0, 3 * MS, 500 * MS, 200 * MS, 300 * MS, 600 * MS]
    times = iter(NOW_NS + one for one in shown)
    clock = ExchangeClock(NOW_NS, lambda: next(times))
    read = [clock.read() - NOW_NS for _ in shown]
    assert read == [0, 5 * MS, 5 * MS, 5 * MS, 5 * MS, 500 * MS, 500 * MS, 500 * MS, 600 * MS]
    assert clock.steps_back == 2
    said = capsys.readouterr().out
    assert said.count("clock_stepped_back") == 1 and re.search(r"by_ms\S*=\S*300", said)


@pytest.mark.req("RPL-36", "DRV-03", "TIM-02", "RPL-04")
def test_only_the_clock_reads_the_time() -> None:
    """No clock, randomness, environment or thread in the core; in the host the wall clock is read in one place."""
    banned = re.compile(r"std::(time|env|thread|fs|net)|SystemTime|Instant::|RandomState|\bf(32|64)\b")
    for path in sorted((ROOT / "engine" / "core" / "src").glob("*.rs")):
        code = "\n".join(line.partition("//")[0] for line in path.read_text().splitlines())
        assert not banned.search(code), f"{path.name}: {banned.search(code)}"
    wall = re.compile(r"time\.time\(|time\.time_ns\b|datetime\.now|datetime\.utcnow|time\.gmtime")
    readers = {path.name for path in (ROOT / "engine" / "host").glob("*.py") if wall.search(path.read_text())}
    assert readers == {"clock.py", "process.py"}  # process only hands it on, so that tests can hand another
