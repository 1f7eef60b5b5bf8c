"""The opening auction: one price for a crossed book, found by volume, surplus, distance and height."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import BreakerReason, OrderState, SymbolStatus, VenueStatus
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BTC_USDT, BUY, CHARLIE, SELL, USDT
from tests.unit.floor import LOT, Events, Floor, restated, those, trades, triggered

OPEN, PRE_OPEN = SymbolStatus.OPEN, SymbolStatus.PRE_OPEN
Depth = dict[int, int]


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.status(PRE_OPEN)
    return floor


def lay(floor: Floor, bids: Depth, asks: Depth, **terms: Any) -> None:
    """Bids of ALPHA and asks of BRAVO, in everyday lots by price."""
    for side, account, depth in ((BUY, ALPHA, bids), (SELL, BRAVO, asks)):
        for price, lots in depth.items():
            floor.rest(account, side, lots * LOT, price, **terms)


def prices(events: Events) -> list[tuple[int, int]]:
    return [(u.price, u.volume) for u in those(events, e.Uncrossed)]


VECTORS: list[tuple[str, Depth, Depth, int, int, int]] = [
    ("largest volume", {10_010: 3, 10_000: 2}, {9_990: 2, 10_005: 2}, 10_000, 10_005, 3),
    ("largest volume far from the mark", {10_010: 1, 9_950: 4}, {9_940: 1, 9_945: 4}, 10_500, 9_950, 5),
    ("a bid's price counts as well", {10_003: 1, 10_002: 1}, {9_990: 2}, 10_100, 10_002, 2),
    ("smallest surplus", {10_010: 2}, {9_990: 2, 10_000: 1}, 10_009, 9_990, 2),
    ("smallest surplus of buyers", {10_010: 2, 10_000: 1}, {9_990: 2}, 9_991, 10_010, 2),
    ("nearest to the mark, above", {10_010: 1}, {9_990: 1}, 10_001, 10_010, 1),
    ("nearest to the mark, below", {10_010: 1}, {9_990: 1}, 9_999, 9_990, 1),
    ("the lowest when in doubt", {10_010: 1}, {9_990: 1}, 10_000, 9_990, 1),
    ("no price between levels", {10_010: 1}, {10_000: 1}, 10_004, 10_000, 1),
    ("a surplus of bids presses up", {10_010: 3}, {9_990: 1, 10_000: 1}, 9_990, 10_010, 2),
    ("a surplus of asks presses down", {10_000: 1, 10_010: 1}, {9_990: 3}, 10_010, 9_990, 2),
    ("surplus on either side, nearest to the mark", {10_010: 1, 9_995: 1}, {9_990: 1, 10_005: 1}, 10_001, 10_005, 1),
    ("surplus on either side, the lower", {10_010: 1, 9_995: 1}, {9_990: 1, 10_005: 1}, 10_000, 9_995, 1),
    ("surplus on either side, the smaller", {10_010: 1, 9_995: 2}, {9_990: 1, 10_005: 1}, 9_995, 10_005, 1),
    ("one price", {10_000: 1}, {10_000: 2}, 10_500, 10_000, 1),
    ("levels beyond the crossing do not count", {10_001: 1, 9_980: 5}, {10_000: 1, 10_020: 5}, 9_980, 10_000, 1),
]


@pytest.mark.req("TRD-02", "ORD-05")
@pytest.mark.parametrize(
    ("bids", "asks", "mark", "price", "volume"), [row[1:] for row in VECTORS], ids=[row[0] for row in VECTORS]
)
def test_the_price_of_the_auction(floor: Floor, bids: Depth, asks: Depth, mark: int, price: int, volume: int) -> None:
    floor.mark(mark)
    lay(floor, bids, asks)
    events = floor.status(OPEN)
    assert prices(events) == [(price, volume * LOT)]
    assert {px for _, px, _ in trades(events)} == {price}
    assert sum(qty for _, _, qty in trades(events)) == volume * LOT
    assert all(trade.is_auction for trade in those(events, e.Traded))
    assert events[-1] == e.SymbolStatusSet(BTC_USDT, OPEN)


@pytest.mark.req("TRD-02")
@pytest.mark.parametrize(("last_px", "price"), [(0, 30), (39, 30), (40, 30), (41, 50)])
def test_without_a_mark_the_last_price_is_the_reference_and_without_both_the_lowest(last_px: int, price: int) -> None:
    floor = Floor()
    if last_px:
        floor.trade(ALPHA, BRAVO, 1_000, last_px, m.BTC_ETH)
    floor.status(PRE_OPEN, m.BTC_ETH)
    floor.rest(ALPHA, BUY, 1_000, 50, symbol=m.BTC_ETH)
    floor.rest(BRAVO, SELL, 1_000, 30, symbol=m.BTC_ETH)
    assert prices(floor.status(OPEN, m.BTC_ETH)) == [(price, 1_000)]


@pytest.mark.req("TRD-02")
def test_hidden_quantity_counts_and_trades(floor: Floor) -> None:
    floor.rest(ALPHA, BUY, 2 * LOT, 10_010, max_floor=LOT // 100)
    lay(floor, {}, {10_000: 1, 10_005: 1})
    events = floor.status(OPEN)
    assert prices(events) == [(10_005, 2 * LOT)]
    assert [qty for _, _, qty in trades(events)] == [LOT, LOT]
    assert restated(events) == []


@pytest.mark.req("ORD-06")
def test_an_iceberg_keeps_its_place_and_shows_its_floor_afterwards(floor: Floor) -> None:
    iceberg = floor.rest(ALPHA, BUY, 3 * LOT, 10_000, max_floor=LOT)
    other = floor.rest(CHARLIE, BUY, LOT, 10_000)
    lay(floor, {}, {10_000: 1})
    assert trades(floor.status(OPEN)) == [(iceberg, 10_000, LOT)]
    assert trades(floor.enter(BRAVO, SELL, 2 * LOT, 10_000)) == [(iceberg, 10_000, LOT), (other, 10_000, LOT)]


@pytest.mark.req("TRD-03", "FEE-01", "TRD-07")
def test_the_older_order_is_the_maker_and_a_buyer_gets_back_what_it_did_not_pay(floor: Floor) -> None:
    floor.mark(10_000)
    before = floor.balance(ALPHA, USDT)[0]
    ask = floor.rest(BRAVO, SELL, LOT, 9_990)
    bid = floor.rest(ALPHA, BUY, LOT, 10_020)
    older = floor.rest(ALPHA, BUY, LOT, 9_980)
    (trade,) = those(floor.status(OPEN), e.Traded)
    assert (trade.maker_order_id, trade.taker_order_id, trade.taker_side, trade.last_px) == (ask, bid, BUY, 9_990)
    worth = LOT * 99_900
    assert (trade.taker_fee, trade.maker_fee) == (worth // 1_000, worth // 5_000)
    assert trade.buyer_released == LOT * (100_200 + 101)
    assert floor.balance(ALPHA, USDT) == (before - worth - trade.taker_fee - LOT * 99_900, LOT * 99_900)
    assert floor.state(older) == OrderState.PENDING


@pytest.mark.req("ORD-06", "TRD-30")
def test_the_best_prices_trade_first_and_then_the_oldest(floor: Floor) -> None:
    floor.mark(10_000)
    bids = [
        floor.rest(account, BUY, LOT, price) for account, price in ((ALPHA, 10_000), (CHARLIE, 10_010), (ALPHA, 10_010))
    ]
    ask = floor.rest(BRAVO, SELL, 3 * LOT, 10_000)
    events = floor.status(OPEN)
    assert trades(events) == [(bids[n], 10_000, LOT) for n in (1, 2, 0)]
    assert floor.state(ask) == OrderState.FILLED


@pytest.mark.req("ORD-05")
@pytest.mark.parametrize("status", [OPEN, SymbolStatus.POST_ONLY])
def test_a_book_that_is_not_crossed_is_just_opened(floor: Floor, status: SymbolStatus) -> None:
    lay(floor, {9_990: 1}, {9_991: 1})
    assert floor.status(status) == (e.SymbolStatusSet(BTC_USDT, status),)


@pytest.mark.req("ORD-05")
@pytest.mark.parametrize("status", [status for status in SymbolStatus if status not in (OPEN, SymbolStatus.POST_ONLY)])
def test_only_an_opening_uncrosses(floor: Floor, status: SymbolStatus) -> None:
    lay(floor, {10_000: 1}, {10_000: 1})
    assert floor.status(status) == (e.SymbolStatusSet(BTC_USDT, status),)
    assert prices(floor.status(SymbolStatus.POST_ONLY)) == [(10_000, LOT)]


@pytest.mark.req("ORD-05")
@pytest.mark.parametrize(
    "shut", [c.SetVenueStatus(VenueStatus.HALT), c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS)]
)
def test_a_symbol_is_uncrossed_even_while_venue_or_breaker_keep_it_shut(floor: Floor, shut: c.Command) -> None:
    lay(floor, {10_000: 1}, {10_000: 1})
    floor.operate(shut)
    assert prices(floor.status(OPEN)) == [(10_000, LOT)]


@pytest.mark.req("ORD-05")
def test_the_auctions_price_elects_stops(floor: Floor) -> None:
    stop = floor.rest(CHARLIE, SELL, LOT, kind=m.STOP, stop_px=9_990)
    floor.mark(9_990)
    lay(floor, {10_010: 1, 9_985: 1}, {9_990: 1})
    events = floor.status(OPEN)
    assert prices(events) == [(9_990, LOT)]
    assert triggered(events) == [(stop, 8_991)]
    assert trades(events)[-1][1:] == (9_985, LOT)


@pytest.mark.req("TRD-31", "ORD-07")
def test_an_auction_is_by_price_and_time_whatever_the_matching_of_the_symbol() -> None:
    floor = Floor()
    floor.status(PRE_OPEN, m.ETH_PRO)
    orders = [floor.rest(account, SELL, 100, 10_000, symbol=m.ETH_PRO) for account in (ALPHA, BRAVO)]
    floor.rest(CHARLIE, BUY, 100, 10_000, symbol=m.ETH_PRO)
    assert trades(floor.status(OPEN, m.ETH_PRO)) == [(orders[0], 10_000, 100)]
