"""The whole engine in one thread, a seed at a time: everything at once that the other checks do one by one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.chaos.tally import Tally, times
from tests.simulation.simulation import run

SEEDS = 300
TOLD = ("started", "kill -9", "power cut", "lie refused", "flip refused", "take over")


def simulation(scale: float, _: Path) -> Tally:
    """Run seeds 1, 2, 3, ...; one that does not pass is named, and fails again the same way."""
    tally, counts, records = Tally(), Counter[str](), 0
    for seed in range(1, times(SEEDS, scale) + 1):
        with tally.trying(f"seed {seed}"):
            report = run(seed)
            counts.update(report.counts)
            records += report.records
    tally.note = ", ".join([f"{records:,} records", *(f"{what} {counts[what]:,}" for what in TOLD)])
    return tally
