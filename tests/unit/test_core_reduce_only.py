"""Reduce-only orders close a position and never open one."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, RestateReason, Side, SymbolStatus, Trigger
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA_F, BRAVO_F, BTC_PERP, BUY, CHARLIE_F, ETH_PERP, SELL
from tests.unit.floor import REDUCE_ONLY, Events, Floor, accepted, closed, refusal, restated, those, trades

CLIPPED = RestateReason.REDUCE_ONLY
NOTHING = Code.NOTHING_TO_REDUCE


@pytest.fixture
def floor() -> Floor:
    """ALPHA-F is long 100 of BRAVO-F."""
    floor = Floor()
    floor.trade(ALPHA_F, BRAVO_F, 100, 10_000, BTC_PERP)
    return floor


def reduce(floor: Floor, side: Side, qty: int, price: int = 0, account: int = ALPHA_F, **terms: Any) -> Events:
    return floor.enter(account, side, qty, price, symbol=BTC_PERP, exec_inst=REDUCE_ONLY, **terms)


@pytest.mark.req("ORD-17")
def test_an_order_larger_than_the_position_is_clipped_on_entry(floor: Floor) -> None:
    events = reduce(floor, SELL, 101, 10_000)
    assert restated(events) == [(accepted(events), CLIPPED, 100, 10_000, 100)]
    (told,) = those(events, e.OrderRestated)
    assert (told.order_qty, told.released) == (100, 0)
    assert restated(reduce(floor, SELL, 100, 10_000)) == []


@pytest.mark.req("ORD-17")
def test_a_short_position_is_reduced_by_buying(floor: Floor) -> None:
    events = reduce(floor, BUY, 500, 9_990, account=BRAVO_F)
    assert restated(events) == [(accepted(events), CLIPPED, 100, 9_990, 100)]


@pytest.mark.req("ORD-17")
@pytest.mark.parametrize(("account", "side"), [(ALPHA_F, BUY), (BRAVO_F, SELL), (CHARLIE_F, BUY), (CHARLIE_F, SELL)])
def test_with_nothing_to_reduce_it_is_accepted_and_canceled(floor: Floor, account: int, side: Side) -> None:
    events = reduce(floor, side, 10, 10_000, account)
    assert closed(events) == [(accepted(events), 10, NOTHING)]


@pytest.mark.req("ORD-17", "RES-19")
def test_it_reserves_nothing_and_passes_where_losses_exceed_what_is_available(floor: Floor) -> None:
    available, locked = floor.balance(ALPHA_F, m.USDT)
    floor.operate(c.Transfer(ALPHA_F, BRAVO_F, m.USDT, available))
    floor.mark(9_999, BTC_PERP)
    assert refusal(floor.enter(ALPHA_F, SELL, 1, 10_000, symbol=BTC_PERP)) == Code.INSUFFICIENT_BALANCE
    assert accepted(reduce(floor, SELL, 100, 10_000))
    assert floor.balance(ALPHA_F, m.USDT) == (0, locked)


@pytest.mark.req("ORD-17")
def test_a_maker_is_clipped_when_it_would_trade(floor: Floor) -> None:
    maker = accepted(reduce(floor, SELL, 100, 10_010))
    floor.trade(BRAVO_F, ALPHA_F, 60, 10_000, BTC_PERP)
    events = floor.enter(BRAVO_F, BUY, 100, 10_010, symbol=BTC_PERP)
    assert restated(events) == [(maker, CLIPPED, 40, 10_010, 40)]
    assert trades(events) == [(maker, 10_010, 40)]
    assert floor.state(maker) == OrderState.FILLED


@pytest.mark.req("ORD-17")
def test_a_maker_without_a_position_left_is_canceled_and_the_next_one_trades(floor: Floor) -> None:
    gone = accepted(reduce(floor, SELL, 100, 10_010))
    floor.trade(BRAVO_F, ALPHA_F, 100, 10_000, BTC_PERP)
    behind = floor.rest(CHARLIE_F, SELL, 10, 10_010, symbol=BTC_PERP)
    events = floor.enter(BRAVO_F, BUY, 10, 10_010, symbol=BTC_PERP)
    assert closed(events) == [(gone, 100, NOTHING)]
    assert trades(events) == [(behind, 10_010, 10)]


@pytest.mark.req("ORD-17", "RES-05")
def test_reduce_only_makers_do_not_count_for_fill_or_kill(floor: Floor) -> None:
    reduce(floor, SELL, 100, 10_010)
    floor.rest(CHARLIE_F, SELL, 50, 10_010, symbol=BTC_PERP)
    events = floor.enter(BRAVO_F, BUY, 51, 10_010, symbol=BTC_PERP, tif=m.FOK)
    assert closed(events) == [(accepted(events), 51, Code.FOK_UNFILLABLE)]
    filled = floor.enter(BRAVO_F, BUY, 50, 10_010, symbol=BTC_PERP, tif=m.FOK)
    assert sum(qty for _, _, qty in trades(filled)) == 50


@pytest.mark.req("ORD-17")
def test_a_stop_is_clipped_when_it_is_elected(floor: Floor) -> None:
    events = reduce(floor, SELL, 300, kind=m.STOP, stop_px=9_990, trigger=Trigger.MARK)
    stop = accepted(events)
    assert len(events) == 1, "it waits whole"
    elected = floor.mark(9_990, BTC_PERP)
    assert restated(elected) == [(stop, CLIPPED, 100, 8_991, 100)]
    assert closed(elected) == [(stop, 100, Code.IOC_REMAINDER)]
    stop = accepted(reduce(floor, SELL, 300, 9_000, kind=m.STOP_LIMIT, stop_px=9_000, trigger=Trigger.MARK))
    floor.trade(BRAVO_F, ALPHA_F, 100, 9_990, BTC_PERP)
    assert closed(floor.mark(9_000, BTC_PERP)) == [(stop, 300, NOTHING)]


@pytest.mark.req("ORD-17")
def test_in_an_auction_it_is_clipped_before_each_match(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN, BTC_PERP)
    first, second = (accepted(reduce(floor, SELL, 100, 9_990)) for _ in range(2))
    floor.rest(CHARLIE_F, BUY, 150, 9_990, symbol=BTC_PERP)
    events = floor.status(SymbolStatus.OPEN, BTC_PERP)
    assert trades(events) == [(first, 9_990, 100)]
    assert closed(events) == [(second, 100, NOTHING)]


@pytest.mark.req("TBL-03", "ORD-17")
def test_it_is_exempt_from_the_smallest_notional_but_not_from_the_smallest_quantity(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 100, 10_000, ETH_PERP)
    order: dict[str, Any] = {"account": ALPHA_F, "side": SELL, "price": 9_999, "symbol": ETH_PERP}
    assert refusal(floor.enter(**order, qty=1)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(**order, qty=2))
    assert accepted(floor.enter(**order, qty=1, exec_inst=REDUCE_ONLY))
    assert refusal(floor.enter(**order, qty=0, exec_inst=REDUCE_ONLY)) == Code.SIZE_OFF_LOT


@pytest.mark.req("ORD-17", "ORD-10")
def test_a_replace_to_a_new_price_clips_as_an_entry_does(floor: Floor) -> None:
    order = accepted(reduce(floor, SELL, 100, 10_010))
    floor.trade(BRAVO_F, ALPHA_F, 60, 10_000, BTC_PERP)
    events = floor.replace(order, 100, price=10_020)
    assert restated(events) == [(order, CLIPPED, 40, 10_020, 40)]
