"""Self-trade prevention: who must not meet, and what each instruction does about it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, RestateReason, SelfTrade
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_M, BRAVO, BTC, BUY, CHARLIE, SELL, USDT
from tests.unit.floor import LOT, Floor, accepted, closed, restated, those, trades

SELF, DECREMENT = Code.SELF_TRADE, RestateReason.DECREMENT


@pytest.fixture
def floor() -> Floor:
    return Floor()


def stack(floor: Floor, own_qty: int = LOT, **terms: Any) -> tuple[int, int, int]:
    """Three sells at 10,000, the middle one ALPHA's."""
    before = floor.rest(BRAVO, SELL, LOT, 10_000)
    own = floor.rest(ALPHA, SELL, own_qty, 10_000, **terms)
    return before, own, floor.rest(BRAVO, SELL, LOT, 10_000)


@pytest.mark.req("ORD-08", "TRD-02")
@pytest.mark.parametrize("stp", [SelfTrade.DEFAULT, SelfTrade.AGGRESSIVE])
def test_aggressive_cancels_what_is_left_of_the_taker(floor: Floor, stp: SelfTrade) -> None:
    before, own, _ = stack(floor)
    events = floor.enter(ALPHA, BUY, 3 * LOT, 10_000, stp=stp)
    assert trades(events) == [(before, 10_000, LOT)]
    assert closed(events) == [(accepted(events), 2 * LOT, SELF)]
    assert floor.state(own) == OrderState.PENDING


@pytest.mark.req("ORD-08")
def test_resting_cancels_the_maker_and_goes_on(floor: Floor) -> None:
    before, own, after = stack(floor)
    events = floor.enter(ALPHA, BUY, 3 * LOT, 10_000, stp=SelfTrade.RESTING)
    assert trades(events) == [(before, 10_000, LOT), (after, 10_000, LOT)]
    assert closed(events) == [(own, LOT, SELF)]
    assert floor.state(accepted(events)) == OrderState.PARTIAL, "what is left rests"


@pytest.mark.req("ORD-08")
def test_both_cancels_the_maker_then_the_taker(floor: Floor) -> None:
    before, own, _ = stack(floor)
    events = floor.enter(ALPHA, BUY, 3 * LOT, 10_000, stp=SelfTrade.BOTH)
    assert trades(events) == [(before, 10_000, LOT)]
    assert closed(events) == [(own, LOT, SELF), (accepted(events), 2 * LOT, SELF)]


@pytest.mark.req("ORD-08")
def test_decrement_takes_the_smaller_from_both(floor: Floor) -> None:
    before, own, after = stack(floor)
    events = floor.enter(ALPHA, BUY, 3 * LOT + 10_000, 10_000, stp=SelfTrade.DECREMENT)
    taker = accepted(events)
    assert trades(events) == [(before, 10_000, LOT), (after, 10_000, LOT)]
    assert closed(events) == [(own, LOT, SELF)]
    assert restated(events) == [(taker, DECREMENT, LOT + 10_000, 10_000, LOT + 10_000)]
    (told,) = those(events, e.OrderRestated)
    assert (told.order_qty, told.released) == (2 * LOT + 10_000, LOT * 100_100)
    assert floor.balance(ALPHA, USDT)[1] == 10_000 * 100_100


@pytest.mark.req("ORD-08", "ORD-06")
def test_a_larger_maker_is_decremented_and_keeps_its_place(floor: Floor) -> None:
    _, own, after = stack(floor, own_qty=3 * LOT)
    events = floor.enter(ALPHA, BUY, 2 * LOT, 10_000, stp=SelfTrade.DECREMENT)
    assert restated(events) == [(own, DECREMENT, 2 * LOT, 10_000, 2 * LOT)]
    assert closed(events) == [(accepted(events), LOT, SELF)]
    assert floor.balance(ALPHA, BTC)[1] == 2 * LOT * 1_000
    assert trades(floor.enter(CHARLIE, BUY, 3 * LOT, 10_000)) == [(own, 10_000, 2 * LOT), (after, 10_000, LOT)]


@pytest.mark.req("ORD-08")
def test_decrement_counts_hidden_lots_and_shows_as_far_as_leaves_go(floor: Floor) -> None:
    _, own, _ = stack(floor, own_qty=2 * LOT, max_floor=LOT)
    events = floor.enter(ALPHA, BUY, LOT + LOT + 10_000, 10_000, stp=SelfTrade.DECREMENT)
    assert restated(events) == [(own, DECREMENT, 10_000, 10_000, 10_000)]


@pytest.mark.req("ORD-08")
def test_decrement_of_equals_cancels_both(floor: Floor) -> None:
    own = floor.rest(ALPHA, SELL, LOT, 10_000)
    events = floor.enter(ALPHA, BUY, LOT, 10_000, stp=SelfTrade.DECREMENT)
    assert closed(events) == [(own, LOT, SELF), (accepted(events), LOT, SELF)]
    assert floor.core.open_orders == 0


@pytest.mark.req("ORD-08")
def test_the_takers_instruction_decides(floor: Floor) -> None:
    own = floor.rest(ALPHA, SELL, LOT, 10_000, stp=SelfTrade.RESTING)
    events = floor.enter(ALPHA, BUY, LOT, 10_000, stp=SelfTrade.AGGRESSIVE)
    assert closed(events) == [(accepted(events), LOT, SELF)]
    assert floor.state(own) == OrderState.PENDING


@pytest.mark.req("ORD-08")
@pytest.mark.parametrize(
    ("maker", "group", "other_group", "meets_itself"),
    [
        (ALPHA, 0, 0, True),
        (ALPHA_M, 0, 0, False),
        (ALPHA_M, 7, 7, True),
        (ALPHA_M, 7, 8, False),
        (ALPHA_M, 7, 0, False),
        (CHARLIE, 7, 7, False),
    ],
)
def test_one_account_or_one_group_of_a_firm_does_not_trade_with_itself(
    floor: Floor, maker: int, group: int, other_group: int, meets_itself: bool
) -> None:
    floor.operate(c.Deposit(ALPHA_M, BTC, 10**9, "base"))
    floor.rest(maker, SELL, LOT, 10_000, stp_group=group)
    events = floor.enter(ALPHA, BUY, LOT, 10_000, stp_group=other_group)
    assert bool(closed(events)) is meets_itself
    assert bool(trades(events)) is not meets_itself


@pytest.mark.req("ORD-08", "TRD-21")
def test_an_elected_stop_does_not_trade_with_its_own_account(floor: Floor) -> None:
    own = floor.rest(ALPHA, SELL, LOT, 10_020)
    stop = floor.rest(ALPHA, BUY, LOT, kind=m.STOP, stop_px=10_010, stp=SelfTrade.BOTH)
    assert closed(floor.trade(BRAVO, CHARLIE, LOT, 10_010)) == [(own, LOT, SELF), (stop, LOT, SELF)]
