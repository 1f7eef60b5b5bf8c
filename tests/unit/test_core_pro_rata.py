"""Pro-rata matching: what a taker wants is shared out among the orders at one price."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import events as e
from engine.api.enums import Matching, OrderState, RestateReason, SelfTrade
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, BRAVO, BRAVO_F, BUY, CHARLIE, ETH_PERP, ETH_PRO, SELL
from tests.unit.floor import REDUCE_ONLY, Events, Floor, accepted, closed, restated, those, trades

SELF = Code.SELF_TRADE


@pytest.fixture
def floor() -> Floor:
    return Floor()


def sells(floor: Floor, *orders: tuple[int, int], price: int = 10_000, **terms: Any) -> list[int]:
    """Sells of accounts with their quantities."""
    return [floor.rest(account, SELL, qty, price, symbol=ETH_PRO, **terms) for account, qty in orders]


def buy(floor: Floor, qty: int, price: int = 10_000, account: int = CHARLIE, **terms: Any) -> Events:
    return floor.enter(account, BUY, qty, price, symbol=ETH_PRO, **terms)


@pytest.mark.req("ORD-07", "TRD-31")
@pytest.mark.parametrize(
    ("displays", "qty", "shares"),
    [
        ((100, 200, 300), 300, (50, 100, 150)),
        ((100, 200, 300), 600, (100, 200, 300)),
        ((100, 200, 300), 100, (17, 33, 50)),
        ((100, 200, 300), 1, (1, 0, 0)),
        ((1, 1, 100), 101, (1, 1, 99)),
        ((1, 100), 1, (1, 0)),
        ((7, 7, 7), 20, (7, 7, 6)),
        ((100, 1), 50, (50, 0)),
        ((333_333, 333_333, 333_334), 999_999, (333_333, 333_333, 333_333)),
    ],
)
def test_shares_are_in_proportion_rounded_down_and_the_rest_goes_to_the_earliest(
    floor: Floor, displays: tuple[int, ...], qty: int, shares: tuple[int, ...]
) -> None:
    orders = sells(floor, *((ALPHA if n % 2 else BRAVO, display) for n, display in enumerate(displays)))
    told = trades(buy(floor, qty))
    assert told == [(order, 10_000, share) for order, share in zip(orders, shares, strict=True) if share]


@pytest.mark.req("TRD-31", "ORD-06")
def test_each_price_is_shared_out_by_itself_the_best_first(floor: Floor) -> None:
    far = sells(floor, (ALPHA, 100), (BRAVO, 300), price=10_001)
    near = sells(floor, (BRAVO, 10))
    told = trades(buy(floor, 50, 10_001))
    assert told == [(near[0], 10_000, 10), (far[0], 10_001, 10), (far[1], 10_001, 30)]


@pytest.mark.req("TRD-31")
def test_what_rests_is_what_no_share_was_left_for(floor: Floor) -> None:
    order, _ = sells(floor, (ALPHA, 100), (BRAVO, 100))
    events = buy(floor, 250)
    assert floor.state(order) == OrderState.FILLED and floor.state(accepted(events)) == OrderState.PARTIAL


@pytest.mark.req("TRD-31")
def test_an_iceberg_has_a_share_of_what_it_shows_and_refills_for_the_next_round(floor: Floor) -> None:
    (iceberg,) = sells(floor, (ALPHA, 300), max_floor=100)
    (plain,) = sells(floor, (BRAVO, 100))
    events = buy(floor, 250)
    assert trades(events) == [(iceberg, 10_000, 100), (plain, 10_000, 100), (iceberg, 10_000, 50)]
    assert restated(events) == [(iceberg, RestateReason.REFILL, 200, 10_000, 100)]


@pytest.mark.req("TRD-31", "ORD-08")
def test_aggressive_passes_over_own_orders_and_stops_when_only_they_are_left(floor: Floor) -> None:
    orders = sells(floor, (ALPHA, 100), (CHARLIE, 500), (BRAVO, 300))
    sells(floor, (BRAVO, 100), price=10_001)
    some = buy(floor, 40, 10_001)
    assert trades(some) == [(orders[0], 10_000, 10), (orders[2], 10_000, 30)]
    rest = buy(floor, 400, 10_001)
    assert trades(rest) == [(orders[0], 10_000, 90), (orders[2], 10_000, 270)]
    assert closed(rest) == [(accepted(rest), 40, SELF)]
    assert floor.state(orders[1]) == OrderState.PENDING


@pytest.mark.req("TRD-31", "ORD-08")
def test_resting_takes_own_orders_out_before_the_shares_are_counted(floor: Floor) -> None:
    orders = sells(floor, (ALPHA, 100), (CHARLIE, 500), (BRAVO, 300), (CHARLIE, 7))
    events = buy(floor, 40, stp=SelfTrade.RESTING)
    assert closed(events) == [(orders[1], 500, SELF), (orders[3], 7, SELF)]
    assert trades(events) == [(orders[0], 10_000, 10), (orders[2], 10_000, 30)]


@pytest.mark.req("TRD-31", "ORD-08")
def test_both_ends_at_the_first_price_with_an_own_order(floor: Floor) -> None:
    sells(floor, (ALPHA, 100))
    own = sells(floor, (ALPHA, 100), (CHARLIE, 500), price=10_001)[1]
    events = buy(floor, 150, 10_001, stp=SelfTrade.BOTH)
    assert [qty for _, _, qty in trades(events)] == [100]
    assert closed(events) == [(own, 500, SELF), (accepted(events), 50, SELF)]


@pytest.mark.req("TRD-31", "ORD-08")
def test_decrement_comes_before_the_shares(floor: Floor) -> None:
    orders = sells(floor, (ALPHA, 100), (CHARLIE, 30), (BRAVO, 100))
    events = buy(floor, 80, stp=SelfTrade.DECREMENT)
    assert closed(events) == [(orders[1], 30, SELF)]
    assert trades(events) == [(orders[0], 10_000, 25), (orders[2], 10_000, 25)]


@pytest.mark.req("TRD-31", "RES-05")
@pytest.mark.parametrize(
    ("stp", "fillable"),
    [(SelfTrade.AGGRESSIVE, 150), (SelfTrade.RESTING, 250), (SelfTrade.BOTH, 50), (SelfTrade.DECREMENT, 50)],
)
def test_what_fill_or_kill_counts(floor: Floor, stp: SelfTrade, fillable: int) -> None:
    def laid_out() -> Floor:
        fresh = Floor()
        sells(fresh, (ALPHA, 50))
        sells(fresh, (CHARLIE, 10), (ALPHA, 60), (BRAVO, 40), price=10_001)
        sells(fresh, (ALPHA, 100), price=10_002)
        return fresh

    for qty, is_filled in ((fillable, True), (fillable + 1, False)):
        assert bool(trades(buy(laid_out(), qty, 10_002, tif=m.FOK, stp=stp))) is is_filled


@pytest.mark.req("TRD-31", "ORD-17")
def test_in_a_round_an_account_never_reduces_more_than_its_other_orders_have_left_it(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 100, 10_000, ETH_PERP)
    plain = floor.rest(ALPHA_F, SELL, 100, 10_010, symbol=ETH_PERP)
    reducing = floor.rest(ALPHA_F, SELL, 100, 10_010, symbol=ETH_PERP, exec_inst=REDUCE_ONLY)
    events = floor.enter(BRAVO_F, BUY, 100, 10_010, symbol=ETH_PERP)
    assert trades(events) == [(plain, 10_010, 50), (reducing, 10_010, 50)]
    assert closed(events) == [(reducing, 50, Code.NOTHING_TO_REDUCE)]
    assert those(events, e.PositionChanged)[-2].size == 0


@pytest.mark.req("TRD-31", "ORD-17")
def test_reduce_only_makers_have_shrunk_with_the_position_before_shares_are_counted(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 60, 10_000, ETH_PERP)
    clipped = floor.rest(ALPHA_F, SELL, 60, 10_010, symbol=ETH_PERP, exec_inst=REDUCE_ONLY)
    plain = floor.rest(m.CHARLIE_F, SELL, 20, 10_010, symbol=ETH_PERP)
    sold = floor.trade(BRAVO_F, ALPHA_F, 40, 10_000, ETH_PERP)
    assert restated(sold) == [(clipped, RestateReason.REDUCE_ONLY, 20, 10_010, 20)]
    events = floor.enter(BRAVO_F, BUY, 20, 10_010, symbol=ETH_PERP)
    assert trades(events) == [(clipped, 10_010, 10), (plain, 10_010, 10)]


@pytest.mark.req("ORD-07")
def test_price_time_is_what_a_symbol_has_unless_it_is_listed_otherwise(floor: Floor) -> None:
    orders = [floor.rest(account, SELL, 20, 10_000, symbol=m.ETH_USDT) for account in (ALPHA, BRAVO)]
    events = floor.enter(CHARLIE, BUY, 20, 10_000, symbol=m.ETH_USDT)
    assert trades(events) == [(orders[0], 10_000, 20)]
    assert m.ETH_LISTING.matching is Matching.PRICE_TIME
