"""The simulation in its short form, that it repeats itself, and that it finds what it is for."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.host.running import ROOT
from tests.simulation.planted import PLANTED, Mistake
from tests.simulation.simulation import SimulationFailed, run

SEEDS = (*range(1, 13), 60, 252)  # the last two once told core and model apart


@pytest.mark.req("DRV-02", "DRV-11", "DET-01", "REC-02", "REC-11", "REC-14", "REC-43", "RPL-32", "RPL-34", "RES-53")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_nothing_is_lost_changed_or_done_twice(seed: int) -> None:
    report = run(seed)
    assert report.records > 50
    assert report.counts["started"] > 1


@pytest.mark.req("DET-01", "DET-21")
def test_a_seed_gives_the_same_run_in_another_process() -> None:
    seed, traces = 5, set()
    for hash_seed in ("0", "4711"):
        line = [sys.executable, "-m", "tests.simulation", "--seed", str(seed)]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": "Asia/Tokyo"}
        done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        traces.add(done.stdout.splitlines()[0])
    assert len(traces) == 1
    assert run(seed).trace in traces.pop()
    assert run(seed + 1).trace != run(seed).trace


@pytest.mark.req("DRV-02", "REC-11", "RPL-32")
@pytest.mark.parametrize(("mistake", "seed"), PLANTED.items(), ids=[mistake.__name__ for mistake in PLANTED])
def test_a_planted_mistake_is_found(mistake: Mistake, seed: int) -> None:
    """By the seed that is known to find it, or by another one, should the commands be drawn in another way by now."""
    with mistake():
        found = next(filter(None, map(failure_of, (seed, *range(1, 60)))), None)
    assert found is not None, "no seed finds it"
    assert str(found).startswith(f"seed={found.seed} step={found.step}: ")


def failure_of(seed: int) -> SimulationFailed | None:
    try:
        run(seed)
    except SimulationFailed as failed:
        return failed
    return None
