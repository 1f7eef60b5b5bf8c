"""Stops: when they are elected, in which order, and what becomes of them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import OrderState, RestateReason, Side, SymbolStatus, Trigger
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BUY, CHARLIE, SELL, STOP, STOP_LIMIT
from tests.unit.floor import LOT, Floor, accepted, closed, restated, trades, triggered

LAST, MARK = Trigger.LAST, Trigger.MARK


@pytest.fixture
def floor() -> Floor:
    return Floor()


def stop(floor: Floor, side: Side, stop_px: int, **terms: Any) -> int:
    """A stop of ALPHA that waits."""
    kind = STOP_LIMIT if "price" in terms else STOP
    return floor.rest(
        terms.pop("account", ALPHA), side, LOT, terms.pop("price", 0), kind=kind, stop_px=stop_px, **terms
    )


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize(
    ("side", "last_px", "is_due"), [(BUY, 10_009, 0), (BUY, 10_010, 1), (SELL, 9_991, 0), (SELL, 9_990, 1)]
)
def test_a_trade_at_or_beyond_the_stop_price_elects(floor: Floor, side: Side, last_px: int, is_due: int) -> None:
    order = stop(floor, side, 10_010 if side is BUY else 9_990)
    events = floor.trade(BRAVO, CHARLIE, LOT, last_px)
    limit = 11_000 if side is BUY else 9_000  # the edge of the mark's band
    assert triggered(events) == [(order, limit)] * is_due
    assert closed(events) == [(order, LOT, Code.IOC_REMAINDER)] * is_due, "a stop does not rest"


@pytest.mark.req("ORD-01", "MAR-10")
@pytest.mark.parametrize(
    ("side", "mark", "is_due"), [(BUY, 10_009, 0), (BUY, 10_010, 1), (SELL, 9_991, 0), (SELL, 9_990, 1)]
)
def test_a_mark_at_or_beyond_the_stop_price_elects(floor: Floor, side: Side, mark: int, is_due: int) -> None:
    order = stop(floor, side, 10_010 if side is BUY else 9_990, trigger=MARK)
    assert triggered(floor.trade(BRAVO, CHARLIE, LOT, 10_010 if side is BUY else 9_990)) == []
    assert [stop_id for stop_id, _ in triggered(floor.mark(mark))] == [order] * is_due


@pytest.mark.req("ORD-01")
def test_a_stop_without_a_trigger_watches_the_last_price(floor: Floor) -> None:
    order = stop(floor, BUY, 10_010)
    assert triggered(floor.mark(10_020)) == []
    assert triggered(floor.trade(BRAVO, CHARLIE, LOT, 10_010)) == [(order, 11_011)]


@pytest.mark.req("ORD-05", "RES-09")
def test_an_elected_stop_takes_up_to_its_worst_price_and_leaves(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, 2 * LOT, kind=STOP, stop_px=10_010)
    floor.operate(c.SetMark(m.BTC_USDT, 10_500))
    best, edge = floor.rest(BRAVO, SELL, LOT // 2, 11_010), floor.rest(BRAVO, SELL, LOT // 2, 11_011)
    floor.rest(BRAVO, SELL, LOT, 11_012)
    events = floor.trade(BRAVO, CHARLIE, LOT, 10_010)
    assert trades(events)[1:] == [(best, 11_010, LOT // 2), (edge, 11_011, LOT // 2)]
    assert closed(events) == [(order, LOT, Code.IOC_REMAINDER)]


@pytest.mark.req("ORD-05")
def test_an_elected_stop_limit_rests_at_its_limit(floor: Floor) -> None:
    order = stop(floor, BUY, 10_010, price=10_005)
    assert triggered(floor.trade(BRAVO, CHARLIE, LOT, 10_010)) == [(order, 10_005)]
    assert floor.state(order) == OrderState.PENDING
    assert trades(floor.enter(CHARLIE, SELL, LOT, 10_005)) == [(order, 10_005, LOT)]


@pytest.mark.req("ORD-05")
def test_a_stop_that_is_due_on_entry_is_elected_at_once(floor: Floor) -> None:
    floor.trade(BRAVO, CHARLIE, LOT, 10_010)
    maker = floor.rest(BRAVO, SELL, LOT, 10_020)
    events = floor.enter(ALPHA, BUY, LOT, kind=STOP, stop_px=10_010)
    assert triggered(events) == [(accepted(events), 11_000)]
    assert trades(events) == [(maker, 10_020, LOT)]
    marked = floor.enter(ALPHA, SELL, LOT, 9_999, kind=STOP_LIMIT, stop_px=10_000, trigger=MARK)
    assert triggered(marked) == [(accepted(marked), 9_999)], "the mark is 10,000"


@pytest.mark.req("ORD-05")
def test_without_a_last_price_a_stop_waits(floor: Floor) -> None:
    floor.rest(ALPHA, BUY, LOT, kind=STOP, stop_px=9_000)
    floor.rest(ALPHA, SELL, LOT, kind=STOP, stop_px=20_000)


@pytest.mark.req("ORD-06")
def test_last_before_mark_buys_before_sells_the_nearest_first_the_older_before_the_younger(floor: Floor) -> None:
    prices = [(SELL, 9_990, MARK), (BUY, 10_010, MARK), (SELL, 9_990, LAST), (SELL, 9_995, LAST)]
    prices += [(BUY, 10_010, LAST), (BUY, 10_005, LAST), (BUY, 10_005, LAST)]
    orders = [stop(floor, side, stop_px, trigger=trigger) for side, stop_px, trigger in prices]
    floor.status(SymbolStatus.PRE_OPEN)
    for mark in (9_990, 10_010):
        assert triggered(floor.mark(mark)) == [], "nothing is elected while the market is closed"
    floor.rest(BRAVO, SELL, LOT, 10_012)
    floor.rest(CHARLIE, BUY, LOT, 10_012)
    opening = floor.status(SymbolStatus.OPEN)
    assert [order for order, _ in triggered(opening)] == [orders[n] for n in (5, 6, 4, 1)], "the auction was at 10,012"
    floor.rest(CHARLIE, BUY, LOT, 9_990)
    closing = floor.enter(BRAVO, SELL, LOT, 9_990)
    assert [order for order, _ in triggered(closing)] == [orders[n] for n in (3, 2)]
    assert [order for order, _ in triggered(floor.mark(9_990))] == orders[:1]


@pytest.mark.req("ORD-05")
def test_an_election_that_trades_elects_the_next(floor: Floor) -> None:
    first, second = stop(floor, BUY, 10_010), stop(floor, BUY, 10_020, account=CHARLIE)
    floor.rest(BRAVO, SELL, LOT, 10_020)
    events = floor.trade(BRAVO, CHARLIE, LOT, 10_010)
    assert [order for order, _ in triggered(events)] == [first, second]
    assert closed(events) == [(second, LOT, Code.IOC_REMAINDER)]


@pytest.mark.req("ORD-05", "EVT-05")
def test_a_price_of_the_past_elects_nobody(floor: Floor) -> None:
    floor.trade(BRAVO, CHARLIE, LOT, 10_010)
    floor.trade(BRAVO, CHARLIE, LOT, 10_000)
    order = stop(floor, BUY, 10_005)
    assert triggered(floor.trade(BRAVO, CHARLIE, LOT, 10_004)) == []
    assert triggered(floor.trade(BRAVO, CHARLIE, LOT, 10_005)) == [(order, 11_000)]


@pytest.mark.req("ORD-05")
@pytest.mark.parametrize("status", [SymbolStatus.HALT, SymbolStatus.POST_ONLY, SymbolStatus.CANCEL_ONLY])
def test_outside_trading_a_stop_waits_for_the_market_to_open(floor: Floor, status: SymbolStatus) -> None:
    order = stop(floor, SELL, 9_990, trigger=MARK)
    floor.status(status)
    assert triggered(floor.mark(9_980)) == []
    assert triggered(floor.mark(10_000)) == []
    assert triggered(floor.status(SymbolStatus.OPEN)) == [], "the mark is what it is now"
    floor.status(status)
    assert triggered(floor.mark(9_980)) == []
    assert triggered(floor.status(SymbolStatus.OPEN)) == [(order, 8_991)]


@pytest.mark.req("ORD-05")
def test_in_the_pre_open_even_a_due_stop_waits(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN)
    floor.rest(ALPHA, BUY, LOT, kind=STOP, stop_px=9_000, trigger=MARK)
    assert triggered(floor.mark(10_001)) == []


@pytest.mark.req("ORD-09", "ORD-20")
def test_a_waiting_stop_is_canceled_and_is_no_liquidity(floor: Floor) -> None:
    order = stop(floor, SELL, 9_990, price=9_990)
    assert closed(floor.enter(BRAVO, BUY, LOT, kind=m.MARKET))[0][2] == Code.NO_LIQUIDITY
    assert closed(floor.cancel(order)) == [(order, LOT, Code.USER_REQUESTED)]
    assert triggered(floor.trade(BRAVO, CHARLIE, LOT, 9_990)) == []


@pytest.mark.req("ORD-06")
def test_a_record_elects_as_many_stops_as_its_share_of_steps_and_the_next_ones_the_rest(floor: Floor) -> None:
    share, total = limits.STEPS_PER_COMMAND_MAX // 8, limits.STEPS_PER_COMMAND_MAX
    for n in range(total):
        floor.rest(
            (ALPHA, CHARLIE)[n % 2], BUY, 10, 10_050, kind=STOP_LIMIT, stop_px=10_001, symbol=m.ETH_USDT, trigger=MARK
        )
    assert len(triggered(floor.mark(10_001, m.ETH_USDT))) == share
    assert floor.core.next_due_ns == 1, "the rest is due at once"
    between = floor.enter(BRAVO, BUY, LOT, 9_000)
    assert accepted(between) and triggered(between), "another market trades in between"
    last = floor.operate(c.AdvanceTime())
    assert share + len(triggered(between)) + len(triggered(last)) == total
    assert triggered(floor.operate(c.AdvanceTime())) == []
    assert floor.core.next_due_ns == 0
    assert floor.core.open_orders == total + 1


@pytest.mark.req("ORD-06", "TRD-30")
def test_a_sweep_that_uses_up_the_steps_cancels_nobodys_stop(floor: Floor) -> None:
    total = limits.TRANCHES_PER_ORDER_MAX * 50
    floor.rest(BRAVO, BUY, 2 * LOT, 9_900)
    stop = floor.rest(CHARLIE, SELL, LOT, kind=STOP, stop_px=9_950)
    stop_limit = floor.rest(CHARLIE, SELL, LOT, 9_800, kind=STOP_LIMIT, stop_px=9_950)
    for _ in range(2):
        floor.rest(ALPHA, BUY, total, 9_940, max_floor=50)
    sweep = floor.enter(BRAVO, SELL, 2 * total, 9_940)
    assert restated(sweep)[-1][1] == RestateReason.TURN and not triggered(sweep)
    while floor.core.next_due_ns:
        floor.operate(c.AdvanceTime())
    assert floor.state(stop) == floor.state(stop_limit) == OrderState.FILLED
