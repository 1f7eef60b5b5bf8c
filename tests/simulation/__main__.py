"""Run seeds: ``python -m tests.simulation [--seed N] [--seeds COUNT] [--steps N]``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from tests.simulation.simulation import STEPS, SimulationFailed, run


def main() -> int:
    """Run one seed and tell all about it, or many and tell which failed."""
    parser = argparse.ArgumentParser(prog="simulation", description="Whole engine, one thread, driven by a seed.")
    parser.add_argument("--seed", type=int, default=0, help="the first, or only, seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds from there on")
    parser.add_argument("--steps", type=int, default=STEPS, help="actions of each")
    arguments = parser.parse_args()
    failed, counts = 0, Counter[str]()
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        try:
            report = run(seed, arguments.steps)
        except SimulationFailed as failure:
            if arguments.seeds == 1:
                raise
            failed += 1
            print(failure, flush=True)
            continue
        counts.update(report.counts)
        print(f"seed={seed} records={report.records} trace={report.trace}", flush=True)
    for what, count in sorted(counts.items()):
        print(f"{count:>9,}  {what}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
