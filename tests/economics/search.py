"""A hill climb for the coalition: strategies that bring it nearer to others' money are kept and changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

import msgspec

from tests.economics.game import Outcome, play
from tests.economics.moves import RANGE, Move, random_move

LENGTH_MAX = 30
KEPT = 12
PALETTE = 24


class Found(msgspec.Struct, frozen=True):
    """A strategy and what it came to."""

    moves: tuple[Move, ...]
    marks_move: bool
    score: float
    violation: str


class Climb:
    """One climb: a few best strategies, and what can be made of them."""

    def __init__(self, seed: int, marks_move: bool) -> None:
        self.rng, self.marks_move = Random(seed), marks_move
        self.palette = [self.rng.randrange(RANGE) for _ in range(PALETTE)]
        self.best: list[Found] = []
        self.steps = 0

    def go_on(self, steps: int) -> Iterator[Found]:
        """Climb for some steps. Yields: violations."""
        until = self.steps + steps
        while self.steps < until:
            moves = self.offspring()
            outcome = play(moves, self.marks_move)
            self.steps += outcome.steps
            found = Found(moves, self.marks_move, outcome.score, outcome.violation)
            if outcome.violation:
                yield found
            else:
                self.keep(found)

    def keep(self, found: Found) -> None:
        """Keep a strategy if it is one of the best, and no other is as good."""
        if all(found.score != other.score for other in self.best):
            self.best = sorted([*self.best, found], key=lambda f: -f.score)[:KEPT]

    def offspring(self) -> tuple[Move, ...]:
        """Make a new strategy, or change one that was good."""
        rng = self.rng
        if len(self.best) < KEPT or rng.random() < 0.1:
            return tuple(random_move(rng, self.palette) for _ in range(rng.randint(3, LENGTH_MAX)))
        moves = list(rng.choice(self.best).moves)
        for _ in range(rng.choice((1, 1, 2, 4))):
            self.change(moves)
        return tuple(moves[:LENGTH_MAX])

    def change(self, moves: list[Move]) -> None:
        """Change a strategy in one place."""
        rng, at = self.rng, self.rng.randrange(len(moves) + 1)
        match rng.randrange(7):
            case 0 | 5 | 6:
                moves.insert(at, random_move(rng, self.palette))
            case 1 if len(moves) > 1:
                moves.pop(at - 1)
            case 2:
                other = list(rng.choice(self.best).moves)
                moves[at:] = other[rng.randrange(len(other)) :]
            case 3 if moves:
                numbers = list(moves[at - 1][1:])
                numbers[rng.randrange(4)] = rng.randrange(RANGE)
                moves[at - 1] = Move(moves[at - 1].kind, *numbers)
            case _ if len(moves) > 1:
                other_at = rng.randrange(len(moves))
                moves[at - 1], moves[other_at] = moves[other_at], moves[at - 1]
        if not moves:
            moves.append(random_move(rng))


def kind_of(violation: str) -> str:
    """Tell violations apart by their words, not by their numbers."""
    return re.sub(r"\d[\d,.]*", "#", violation)


def minimised(found: Found) -> tuple[tuple[Move, ...], Outcome]:
    """Leave out every move without which the violation, or the score, is still there."""
    moves = list(found.moves)

    def is_as_bad(outcome: Outcome) -> bool:
        if found.violation:
            return kind_of(outcome.violation) == kind_of(found.violation)
        return not outcome.violation and outcome.score >= found.score - abs(found.score) / 100

    changed = True
    while changed:
        changed = False
        for at in reversed(range(len(moves))):
            fewer = moves[:at] + moves[at + 1 :]
            if is_as_bad(play(fewer, found.marks_move)):
                moves, changed = fewer, True
    return tuple(moves), play(moves, found.marks_move)
