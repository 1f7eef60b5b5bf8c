"""(a), (b), (d) Nobody ends in debt and a coalition gains nothing: while marks stand still, and while they move slowly.

``python -m tests.economics`` searches for longer.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.economics.game import play, told
from tests.economics.moves import random_move
from tests.economics.search import Climb, Found, minimised
from tests.economics.strategies import STRATEGIES

STEPS = 12_000


@pytest.mark.req("MAR-11", "INV-06")
@pytest.mark.parametrize("name", STRATEGIES)
def test_what_once_paid_pays_no_more(name: str) -> None:
    strategy = STRATEGIES[name]
    outcome = play(strategy.moves, strategy.marks_move)
    assert not outcome.violation, "\n".join([outcome.violation, *told(outcome.world)])


@pytest.mark.req("MAR-11", "INV-06")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=25), st.booleans(), st.integers(0, 100))
def test_random_strategies_leave_nobody_in_debt(game: list[int], marks_move: bool, seed: int) -> None:
    outcome = play([random_move(Random(n)) for n in game], marks_move, seed)
    assert not outcome.violation, "\n".join([outcome.violation, *told(outcome.world)])


@pytest.mark.req("MAR-11", "INV-06")
@pytest.mark.parametrize("marks_move", [False, True])
@pytest.mark.parametrize("seed", [1, 2])
def test_searching_strategies_find_no_money_that_is_not_theirs(seed: int, marks_move: bool) -> None:
    climb = Climb(seed, marks_move)
    found = next(climb.go_on(STEPS), None)
    assert found is None, explained(found)
    assert climb.best[0].score > -0.2, "the search gets nowhere near the edge"


def explained(found: Found) -> str:
    """Tell the shortest way to a violation."""
    _, outcome = minimised(found)
    return "\n".join([outcome.violation, *told(outcome.world)])
