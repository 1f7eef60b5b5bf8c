"""The order rules, one plain example each. BTC/USDT: ticks of 0.01 USDT, lots of 0.00001 BTC."""

from __future__ import annotations

import pytest

from engine.api import events as e
from engine.api.enums import TimeInForce
from engine.api.rejects import ErrorCode
from tests.model.market import ALPHA, BRAVO, BUY, CHARLIE, FOK, GTC, IOC, SELL, Market

QTY = 20_000


@pytest.fixture
def market() -> Market:
    return Market()


def trades(events: tuple[e.Event, ...]) -> list[tuple[int, int, int]]:
    """Maker, price and quantity of each trade."""
    return [(t.maker_order_id, t.last_px, t.last_qty) for t in events if isinstance(t, e.Traded)]


def accepted(events: tuple[e.Event, ...]) -> int:
    assert isinstance(events[0], e.OrderAccepted)
    return events[0].order_id


@pytest.mark.req("ORD-03", "DRV-08")
def test_order_id_is_the_number_of_the_accepting_record(market: Market) -> None:
    seq = market.core.seq
    assert accepted(market.limit(ALPHA, BUY, QTY, 10_000, "a")) == seq + 1
    assert market.core.open_orders == 1


@pytest.mark.req("ORD-06", "TRD-30")
def test_best_price_trades_first_and_the_older_order_before_the_younger(market: Market) -> None:
    worse = accepted(market.limit(ALPHA, SELL, QTY, 10_010, "worse"))
    older = accepted(market.limit(ALPHA, SELL, QTY, 10_005, "older"))
    younger = accepted(market.limit(BRAVO, SELL, QTY, 10_005, "younger"))
    events = market.limit(CHARLIE, BUY, 3 * QTY - 1, 10_010, "taker")
    assert trades(events) == [(older, 10_005, QTY), (younger, 10_005, QTY), (worse, 10_010, QTY - 1)]


@pytest.mark.req("ORD-06", "TRD-30")
def test_bids_are_taken_from_the_highest_down(market: Market) -> None:
    low = accepted(market.limit(ALPHA, BUY, QTY, 10_000, "low"))
    high = accepted(market.limit(BRAVO, BUY, QTY, 10_001, "high"))
    assert trades(market.limit(CHARLIE, SELL, 2 * QTY, 10_000, "taker")) == [(high, 10_001, QTY), (low, 10_000, QTY)]


@pytest.mark.req("TRD-03")
def test_a_trade_is_at_the_makers_price_and_tells_both_leaves(market: Market) -> None:
    maker = accepted(market.limit(ALPHA, SELL, QTY, 10_000, "maker"))
    _, trade = market.limit(BRAVO, BUY, QTY + 10_000, 10_007, "taker")
    assert isinstance(trade, e.Traded)
    assert (trade.maker_order_id, trade.last_px, trade.last_qty) == (maker, 10_000, QTY)
    assert (trade.taker_leaves, trade.maker_leaves, trade.taker_side) == (10_000, 0, BUY)
    assert market.core.open_orders == 1, "the remainder of a good-till-cancel order rests"


@pytest.mark.req("TRD-02")
def test_prices_that_do_not_cross_rest_on_both_sides(market: Market) -> None:
    market.limit(ALPHA, SELL, QTY, 10_001, "ask")
    assert trades(market.limit(BRAVO, BUY, QTY, 10_000, "bid")) == []
    assert market.core.open_orders == 2


@pytest.mark.req("ORD-06", "ORD-09")
def test_a_partly_filled_maker_keeps_its_place(market: Market) -> None:
    first = accepted(market.limit(ALPHA, SELL, 2 * QTY, 10_000, "first"))
    market.limit(CHARLIE, SELL, QTY, 10_000, "second")
    market.limit(BRAVO, BUY, QTY, 10_000, "t1")
    assert trades(market.limit(BRAVO, BUY, QTY, 10_000, "t2")) == [(first, 10_000, QTY)]


@pytest.mark.req("ORD-13", "RES-05")
def test_ioc_takes_what_is_there_and_the_remainder_expires(market: Market) -> None:
    market.limit(ALPHA, SELL, QTY, 10_000, "maker")
    *_, ended = market.limit(BRAVO, BUY, QTY + 10_000, 10_000, "taker", IOC)
    assert isinstance(ended, e.OrderExpired)
    assert (ended.leaves, ended.released, ended.code) == (10_000, 10_000 * 100_100, ErrorCode.IOC_REMAINDER)
    assert market.core.open_orders == 0


@pytest.mark.req("RES-05")
def test_ioc_that_crosses_nothing_expires_whole(market: Market) -> None:
    _, ended = market.limit(BRAVO, BUY, QTY, 10_000, "taker", IOC)
    assert isinstance(ended, e.OrderExpired)
    assert (ended.leaves, ended.code) == (QTY, ErrorCode.IOC_REMAINDER)


@pytest.mark.req("RES-05", "TRD-30")
@pytest.mark.parametrize(("qty", "is_filled"), [(2 * QTY, True), (2 * QTY + 1, False)])
def test_fok_fills_whole_or_not_at_all(market: Market, qty: int, is_filled: bool) -> None:
    market.limit(ALPHA, SELL, QTY, 10_000, "m1")
    market.limit(CHARLIE, SELL, QTY, 10_002, "m2")
    market.limit(CHARLIE, SELL, QTY, 10_003, "too dear")
    events = market.limit(BRAVO, BUY, qty, 10_002, "taker", FOK)
    if is_filled:
        assert sum(last_qty for _, _, last_qty in trades(events)) == qty
        return
    assert isinstance(events[1], e.OrderExpired)
    assert (len(events), events[1].leaves, events[1].code) == (2, qty, ErrorCode.FOK_UNFILLABLE)


@pytest.mark.req("RES-05", "ORD-08")
def test_fok_counts_lots_only_up_to_the_first_own_order(market: Market) -> None:
    market.limit(ALPHA, SELL, QTY, 10_000, "other")
    market.limit(BRAVO, SELL, QTY, 10_000, "own")
    market.limit(ALPHA, SELL, QTY, 10_000, "behind own")
    *_, ended = market.limit(BRAVO, BUY, QTY + 1, 10_000, "too much", FOK)
    assert isinstance(ended, e.OrderExpired) and ended.code == ErrorCode.FOK_UNFILLABLE
    assert trades(market.limit(BRAVO, BUY, QTY, 10_000, "just enough", FOK))[0][2] == QTY


@pytest.mark.req("ORD-15", "RES-09")
def test_a_market_order_trades_up_to_the_band_and_no_further(market: Market) -> None:
    best = accepted(market.limit(ALPHA, SELL, QTY, 10_000, "best"))
    edge = accepted(market.limit(ALPHA, SELL, QTY, 11_000, "edge of the band"))
    market.limit(ALPHA, SELL, QTY, 11_001, "beyond")
    events = market.market(BRAVO, BUY, 3 * QTY, "taker")
    assert trades(events) == [(best, 10_000, QTY), (edge, 11_000, QTY)]
    assert isinstance(events[0], e.OrderAccepted) and isinstance(events[-1], e.OrderExpired)
    assert events[0].reserved == 3 * QTY * (110_000 + 110), "reserved at the protection price"
    assert (events[-1].leaves, events[-1].code) == (QTY, ErrorCode.IOC_REMAINDER)


@pytest.mark.req("ORD-15", "RES-09")
def test_the_protection_price_of_a_sell_is_rounded_up(market: Market) -> None:
    best = accepted(market.limit(ALPHA, BUY, QTY, 10_001, "best"))
    market.limit(ALPHA, BUY, QTY, 9_000, "below 9,000.9")
    assert trades(market.market(BRAVO, SELL, 2 * QTY, "taker")) == [(best, 10_001, QTY)]


@pytest.mark.req("ORD-15", "RES-09")
@pytest.mark.parametrize("tif", [IOC, FOK])
def test_a_market_order_without_liquidity_expires_and_reserves_nothing(market: Market, tif: TimeInForce) -> None:
    order, ended = market.market(BRAVO, SELL, QTY, "taker", tif)
    assert isinstance(order, e.OrderAccepted) and order.reserved == 0
    assert isinstance(ended, e.OrderExpired)
    assert (ended.leaves, ended.released, ended.code) == (QTY, 0, ErrorCode.NO_LIQUIDITY)


@pytest.mark.req("ORD-08")
@pytest.mark.parametrize("tif", [GTC, IOC])
def test_self_trade_cancels_the_takers_remainder_and_keeps_the_rest(market: Market, tif: TimeInForce) -> None:
    other = accepted(market.limit(ALPHA, SELL, QTY, 10_000, "other"))
    market.limit(BRAVO, SELL, QTY, 10_000, "own")
    events = market.limit(BRAVO, BUY, 3 * QTY, 10_000, "taker", tif)
    assert trades(events) == [(other, 10_000, QTY)]
    assert isinstance(events[-1], e.OrderCanceled)
    assert (events[-1].leaves, events[-1].code) == (2 * QTY, ErrorCode.SELF_TRADE)
    assert market.core.open_orders == 1, "the resting order is untouched"


@pytest.mark.req("ORD-08")
def test_an_own_order_that_does_not_cross_is_no_self_trade(market: Market) -> None:
    market.limit(BRAVO, SELL, QTY, 10_001, "own")
    assert len(market.limit(BRAVO, BUY, QTY, 10_000, "bid")) == 1
    assert market.core.open_orders == 2


@pytest.mark.req("DRV-10")
def test_no_two_events_share_a_time_even_when_the_clock_stands(market: Market) -> None:
    market.limit(ALPHA, SELL, QTY, 10_000, "m1")
    before = market.core.ts_ns
    assert len(market.limit(BRAVO, BUY, QTY, 10_000, "taker")) == 2
    assert market.core.ts_ns == before + 2
