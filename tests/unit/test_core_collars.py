"""The band around the mark holds for every way into the book, and collars market orders (RES-98)."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api.enums import OrderState, Peg, RestateReason, Side, SymbolStatus, Trigger
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode as Code
from tests.model.market import (
    ALPHA,
    ALPHA_F,
    BRAVO,
    BRAVO_F,
    BTC_PERP,
    BTC_USDT,
    BUY,
    CHARLIE,
    MARKET,
    PEGGED,
    SELL,
    STOP,
    STOP_LIMIT,
)
from tests.model.state import opposite
from tests.unit.floor import LOT, OPENING, SLIDE, Floor, accepted, closed, refusal, restated, trades, triggered

pytestmark = pytest.mark.req("RES-98")
OUTSIDE = Code.PRICE_OUTSIDE_BAND
LOW, HIGH = 9_000, 11_000


@pytest.fixture
def floor() -> Floor:
    """The mark is 10,000 and the band ten percent: 9,000 to 11,000."""
    return Floor()


def beyond(floor: Floor, side: Side, price: int) -> int:
    """An order that has rested since the mark was elsewhere."""
    for band_ppm, is_entered in ((1_000_000, False), (100_000, True)):
        floor.operate(c.SetParameter(Parameter.BAND_PPM, BTC_USDT, band_ppm, 0))
        if not is_entered:
            order = floor.rest(BRAVO, side, LOT, price)
    return order


# --- stop-limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "price", "is_within"), [(SELL, LOW - 1, 0), (SELL, LOW, 1), (BUY, HIGH, 1), (BUY, HIGH + 1, 0)]
)
def test_a_stop_limit_lies_within_the_band_when_it_is_elected(
    floor: Floor, side: Side, price: int, is_within: bool
) -> None:
    stop_px = 10_010 if side is BUY else 9_990
    order = floor.rest(ALPHA, side, LOT, price, kind=STOP_LIMIT, stop_px=stop_px)
    events = floor.trade(BRAVO, CHARLIE, LOT, stop_px)
    assert triggered(events) == [(order, price)]
    assert closed(events) == ([] if is_within else [(order, LOT, OUTSIDE)])


def test_a_stop_limit_that_is_due_at_once_is_no_way_around_the_band(floor: Floor) -> None:
    floor.trade(ALPHA, BRAVO, LOT, 10_000)
    events = floor.enter(ALPHA, SELL, LOT, 1_000_000, kind=STOP_LIMIT, stop_px=1_000_000)
    order = accepted(events)
    assert (triggered(events), closed(events)) == ([(order, 1_000_000)], [(order, LOT, OUTSIDE)])
    assert closed(floor.enter(BRAVO, BUY, LOT, kind=MARKET))[0][2] == Code.NO_LIQUIDITY


def test_the_mark_at_the_election_counts_not_that_of_the_entry(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_900, kind=STOP_LIMIT, stop_px=9_910, trigger=Trigger.MARK)
    assert closed(floor.mark(9_908)) == [(order, LOT, OUTSIDE)], "its band ends at 10,898"
    order = floor.rest(ALPHA, SELL, LOT, 10_890, kind=STOP_LIMIT, stop_px=9_900, trigger=Trigger.MARK)
    assert (triggered(floor.mark(9_900)), closed(floor.mark(9_900))) == ([(order, 10_890)], [])


def test_without_a_mark_there_is_no_band() -> None:
    floor = Floor(tuple(command for command in OPENING if not isinstance(command, c.SetMark)))
    order = floor.rest(ALPHA, BUY, LOT, 20_000, kind=STOP_LIMIT, stop_px=20_000)
    assert closed(floor.trade(BRAVO, CHARLIE, LOT, 20_000)) == []
    peg = floor.rest(ALPHA, SELL, LOT, 9_000, kind=PEGGED, peg=Peg.PRIMARY, peg_offset=50_000)
    assert restated(floor.enter(CHARLIE, SELL, LOT, 20_500))[0][:4] == (peg, RestateReason.PEG, LOT, 70_500)
    assert trades(floor.enter(BRAVO, SELL, LOT, kind=MARKET)) == [(order, 20_000, LOT)]


# --- market orders --------------------------------------------------------------------------------------


@pytest.mark.req("RES-09")
@pytest.mark.parametrize("kind", [MARKET, STOP])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_market_order_reaches_no_further_than_the_band_of_the_mark(floor: Floor, kind: Any, side: Side) -> None:
    edge, d = (HIGH, 1) if side is BUY else (LOW, -1)
    floor.trade(CHARLIE, BRAVO, LOT, 10_000)
    near = floor.rest(BRAVO, opposite(side), LOT, 10_000 + 500 * d)
    last = floor.rest(BRAVO, opposite(side), LOT, edge)
    beyond(floor, opposite(side), edge + d)
    events = floor.enter(ALPHA, side, 3 * LOT, kind=kind, **({"stop_px": 10_000} if kind is STOP else {}))
    assert [(maker, price) for maker, price, _ in trades(events)] == [(near, 10_000 + 500 * d), (last, edge)]
    assert closed(events)[0][1:] == (LOT, Code.IOC_REMAINDER)


@pytest.mark.req("RES-09")
def test_a_market_order_that_finds_nobody_within_the_band_takes_nothing(floor: Floor) -> None:
    beyond(floor, SELL, 12_000)
    events = floor.enter(ALPHA, BUY, LOT, kind=MARKET)
    assert (trades(events), closed(events)[0][1:]) == ([], (LOT, Code.IOC_REMAINDER))


@pytest.mark.req("RES-09")
def test_an_elected_stop_is_collared_by_the_best_price_of_now(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, kind=STOP, stop_px=10_010, trigger=Trigger.MARK)
    floor.rest(BRAVO, SELL, LOT, 9_900)
    far = floor.rest(BRAVO, SELL, LOT, 10_891)
    events = floor.mark(10_010)
    assert triggered(events) == [(order, 10_890)], "9,900 and ten percent; stop_px and the mark would allow 11,011"
    assert floor.state(far) == OrderState.PENDING


# --- pegs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "offset", "price"),
    [(SELL, 1_010, HIGH), (SELL, 1_011, 0), (BUY, -990, LOW), (BUY, -991, 0), (SELL, 90_000, 0)],
)
def test_a_peg_that_would_leave_the_band_waits_without_a_price(
    floor: Floor, side: Side, offset: int, price: int
) -> None:
    floor.rest(BRAVO_F, BUY, 10, 9_990, symbol=BTC_PERP)
    peg = Peg.MARKET if side is SELL else Peg.PRIMARY
    cap = 9_000 if side is SELL else 9_990
    terms: dict[str, Any] = {"kind": PEGGED, "peg": peg, "peg_offset": offset}
    events = floor.enter(ALPHA_F, side, 100, cap, symbol=BTC_PERP, **terms)
    assert [restatement[3] for restatement in restated(events)] == ([price] if price else [])


def test_a_peg_comes_back_when_the_mark_does(floor: Floor) -> None:
    floor.rest(BRAVO, BUY, LOT, 9_990)
    peg = accepted(floor.enter(ALPHA, BUY, LOT, 20_000, kind=PEGGED, peg=Peg.PRIMARY, peg_offset=-490))
    assert restated(floor.mark(10_600)) == [(peg, RestateReason.PEG, LOT, 0, 0)], "9,500 is below 9,540"
    assert restated(floor.mark(10_500)) == [(peg, RestateReason.PEG, LOT, 9_500, LOT)]
    floor.status(SymbolStatus.HALT)
    assert restated(floor.mark(10_800)) == [], "outside trading pegs stay where they are"
    assert restated(floor.status(SymbolStatus.OPEN)) == [(peg, RestateReason.PEG, LOT, 0, 0)]


# --- slides and replaces --------------------------------------------------------------------------------


def test_a_slide_ends_within_the_band(floor: Floor) -> None:
    beyond(floor, BUY, 11_500)
    assert refusal(floor.enter(ALPHA, SELL, LOT, 11_000, exec_inst=SLIDE)) == OUTSIDE
    floor.operate(c.MassCancel("all"))
    order = floor.rest(ALPHA, SELL, LOT, 10_900, exec_inst=SLIDE)
    floor.rest(BRAVO, BUY, LOT, 10_780)
    floor.mark(9_790)
    assert refusal(floor.replace(order, LOT, price=10_769)) == OUTSIDE, "10,781 is beyond 10,769"
    floor.mark(9_805)
    assert restated(floor.replace(order, LOT, price=10_769))[0][1:4] == (RestateReason.SLIDE, LOT, 10_781)


def test_a_replace_that_loses_priority_is_a_new_way_into_the_book(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_900)
    floor.mark(9_900)
    assert refusal(floor.replace(order, 2 * LOT)) == OUTSIDE, "the band ends at 10,890"
    assert len(floor.replace(order, LOT // 2)) == 1, "a reduction stays where it is"
    floor.mark(9_910)
    assert len(floor.replace(order, 2 * LOT)) == 1


def test_a_replace_of_an_elected_stop_that_waits_for_its_turn_has_no_band(floor: Floor) -> None:
    floor.rest(ALPHA, BUY, LOT, kind=STOP, stop_px=10_010)
    order = floor.rest(CHARLIE, BUY, LOT, kind=STOP, stop_px=10_020)
    assert len(floor.replace(order, 2 * LOT, stop_px=12_500)) == 1
