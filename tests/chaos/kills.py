"""Reliability 2: ``test_kill.py`` with as many rounds as wanted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.chaos.tally import Tally, times
from tests.host.running import ROOT

ROUNDS = 200


def kill_under_load(scale: float, directory: Path) -> Tally:
    """Kill every process in turn under load; the rounds count as passed all together or not at all."""
    rounds = times(ROUNDS, scale)
    line = [sys.executable, "-m", "pytest", "-q", "-rP", "tests/chaos/test_kill.py", f"--basetemp={directory}"]
    environment = {**os.environ, "CHAOS_ROUNDS": str(rounds)}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    tally = Tally()
    tally.tried = rounds
    if done.returncode == 0:
        tally.passed = rounds
        tally.note = next((line for line in done.stdout.splitlines() if f"{rounds} kills" in line), "")
    else:
        tally.failures = done.stdout.splitlines()[-15:]
    return tally
