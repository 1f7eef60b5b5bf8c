"""Search for long: ``python -m tests.economics [--steps N] [--seed S] [--shown N]``."""

from __future__ import annotations

import argparse
import sys
import time

from tests.economics.game import told
from tests.economics.search import Climb, Found, kind_of, minimised

LAP_STEPS = 20_000
CLIMB_STEPS = 60_000
"""After so many steps a climb begins anew, elsewhere."""


def main() -> int:
    """Let coalitions climb, while marks stand still and while they move; print what they found."""
    parser = argparse.ArgumentParser(prog="economics", description="Coalitions look for money that is not theirs.")
    parser.add_argument("--steps", type=int, default=1_000_000, help="commands in all")
    parser.add_argument("--seed", type=int, default=0, help="of the first climb")
    parser.add_argument("--shown", type=int, default=3, help="best strategies printed of either kind of market")
    arguments = parser.parse_args()
    began = time.perf_counter()
    best, violations, steps = search(arguments.steps, arguments.seed)
    took = time.perf_counter() - began
    for marks_move in (False, True):
        ranked = sorted((f for f in best if f.marks_move is marks_move), key=lambda found: -found.score)
        for found in ranked[: arguments.shown]:
            show(found)
    for found in violations.values():
        show(found)
    print(f"{steps:,} steps in {took:,.0f} s, {steps / took:,.0f} a second; {len(violations)} kinds of violations")
    return bool(violations)


def search(steps: int, seed: int) -> tuple[list[Found], dict[str, Found], int]:
    """Climb by turns with marks that stand still and marks that move, for some steps in all."""
    best: list[Found] = []
    violations: dict[str, Found] = {}
    done = 0
    while done < steps:
        climb = Climb(seed, marks_move=bool(seed % 2))
        while climb.steps < CLIMB_STEPS and done + climb.steps < steps:
            for found in climb.go_on(min(LAP_STEPS, steps - done - climb.steps)):
                known = violations.setdefault(kind_of(found.violation), found)
                if len(found.moves) < len(known.moves):
                    violations[kind_of(found.violation)] = found
        done += climb.steps
        best += climb.best
        tops = f"{climb.best[0].score:+.5f}" if climb.best else "none"
        print(f"seed={seed} marks_move={climb.marks_move} steps={done:,} best={tops}", flush=True)
        seed += 1
    return best, violations, done


def show(found: Found) -> None:
    """Print a strategy without what it does not need, and the commands it made."""
    moves, outcome = minimised(found)
    what = outcome.violation or f"nearest pocket to the edge: worth {-outcome.score:.5%} of its positions"
    print(f"\n{what}; marks {'move' if found.marks_move else 'stand still'}")
    for move in moves:
        print(f"    {move}")
    for line in told(outcome.world):
        print(f"        {line}")


if __name__ == "__main__":
    sys.exit(main())
