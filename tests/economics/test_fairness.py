"""(f) No order is served before one with better priority; (e) nothing unpaid for moves a peg, a trigger, an auction.

Games of order entry in all its forms, with every trade, election and peg judged from the reports.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import Side, Trigger
from tests.economics.game import told
from tests.economics.moves import RANGE, Move, Players
from tests.economics.world import FUTURES, HOUSE_FUTURES, PERP, SYMBOLS, new_world
from tests.model import market as m

CONTINUOUS = {
    "order": 16, "replace": 20, "stop": 12, "market": 5, "trade": 4, "restrict": 3, "wait": 2, "cancel": 2, "close": 2,
    "with house": 2, "drift": 2, "leverage": 1, "mass cancel": 1,
}  # fmt: skip
MOVES_A_GAME = 30


@pytest.mark.req("ORD-06", "TRD-30")
@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
@example(1_033_007_073, False)  # an account is suspended and comes back: its orders stand behind
def test_orders_and_stops_are_served_in_turn(seed: int, marks_move: bool) -> None:
    play_fairly(CONTINUOUS, Random(seed), marks_move)


@pytest.mark.req("ORD-06")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=8),
    st.lists(st.integers(0, 7), max_size=6),
    st.sampled_from((m.BUY, m.SELL)),
    st.sampled_from((Trigger.LAST, Trigger.MARK)),
)
def test_stops_at_one_price_are_elected_by_their_priority(
    holders: list[int], enlarged: list[int], side: Side, trigger: Trigger
) -> None:
    world, beyond = new_world(), 10_010 if side is m.BUY else 9_990
    other, terms = m.SELL if side is m.BUY else m.BUY, {"kind": m.STOP, "stop_px": beyond, "trigger": trigger}
    order_ids = [accepted(world.enter(FUTURES[n], PERP, side, 100, 0, **terms)) for n in holders]
    for n in enlarged:
        order_id = order_ids[n % len(order_ids)]
        qty = world.tape.open[order_id].order_qty + 100
        world.operate(c.ReplaceOrder(world.name(), qty, order_id=order_id))
    world.enter(HOUSE_FUTURES, PERP, other, 100_000, beyond)
    if trigger is Trigger.MARK:
        world.operate(c.SetMark(PERP, beyond))
    else:
        world.enter(FUTURES[0], PERP, side, 1, beyond)
    assert not any(order_id in world.tape.open for order_id in order_ids), "all are elected and filled"
    assert not world.tape.unfair, world.tape.unfair


def accepted(events: tuple[e.Event, ...]) -> int:
    """The id of the order that was accepted with these events."""
    (order_id,) = [event.order_id for event in events if isinstance(event, e.OrderAccepted)]
    return order_id


@pytest.mark.req("ORD-06", "RES-01")
@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_auctions_and_pegs_follow_orders_that_can_pay(seed: int, marks_move: bool) -> None:
    play_fairly(CONTINUOUS | {"peg": 12, "call": 6}, Random(seed), marks_move)


def play_fairly(weights: dict[str, int], rng: Random, marks_move: bool) -> None:
    """Play a game of some kinds of moves. Raises: AssertionError when somebody was treated unfairly."""
    world = new_world()
    players, palette = Players(world, marks_move), in_one_market(rng)
    for kind in rng.choices([*weights], [*weights.values()], k=MOVES_A_GAME):
        players.play(Move(kind, *(rng.choice(palette) for _ in range(4))))
        assert not world.tape.unfair, (world.tape.unfair[0], "\n".join(told(world)))


def in_one_market(rng: Random) -> list[int]:
    """Make a few numbers that choose one market, and the same few accounts and prices time and again."""
    market = rng.randrange(len(SYMBOLS))
    return [rng.randrange(market, RANGE, len(SYMBOLS)) for _ in range(rng.choice((5, 8, 16)))]
