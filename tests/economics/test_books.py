"""(c) Value is conserved: per account, per asset and in total, fees aside, whatever members and marks do."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.economics.game import check_books
from tests.economics.moves import Players, random_move
from tests.economics.world import COALITION, FEES, HOUSE_FUTURES, HOUSE_SPOT, LENDER, new_world


@pytest.mark.req("INV-06", "DRV-11")
@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=30), st.booleans())
def test_the_exchange_books_what_an_auditor_books_from_the_trades(game: list[int], marks_move: bool) -> None:
    world = new_world()
    players = Players(world, marks_move)
    everybody = (*COALITION, HOUSE_FUTURES, HOUSE_SPOT, FEES, LENDER)
    for seed in game:
        before = sum(map(world.auditor.equity, everybody)) if not marks_move else 0
        players.play(random_move(Random(seed)))
        check_books(world)
        if not marks_move:
            assert sum(map(world.auditor.equity, everybody)) == before, "what one loses another gets"
