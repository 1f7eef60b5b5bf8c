"""Reduce-only orders close a position and never open one."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, Peg, RestateReason, Side, SymbolStatus, Trigger
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
    floor.cancel(accepted(events))
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
def test_what_rests_shrinks_with_the_position_and_goes_when_it_is_flat(floor: Floor) -> None:
    maker = accepted(reduce(floor, SELL, 100, 10_010))
    sold = floor.trade(BRAVO_F, ALPHA_F, 60, 10_000, BTC_PERP)
    assert restated(sold) == [(maker, CLIPPED, 40, 10_010, 40)]
    gone = floor.trade(BRAVO_F, ALPHA_F, 40, 10_000, BTC_PERP)
    assert closed(gone) == [(maker, 40, NOTHING)]
    assert floor.core.open_orders == 0


@pytest.mark.req("ORD-17")
def test_it_goes_when_the_position_changes_its_side(floor: Floor) -> None:
    makers = [accepted(reduce(floor, SELL, 50, 10_010)) for _ in range(2)]
    events = floor.trade(BRAVO_F, ALPHA_F, 130, 10_000, BTC_PERP)
    assert closed(events) == [(makers[1], 50, NOTHING), (makers[0], 50, NOTHING)]
    assert accepted(reduce(floor, BUY, 30, 9_990))
    assert restated(reduce(floor, BUY, 30, 9_995)) == []


@pytest.mark.req("ORD-17", "ORD-10")
def test_all_that_rests_together_never_exceeds_the_position_and_the_latest_gives_way(floor: Floor) -> None:
    first = accepted(reduce(floor, SELL, 60, 10_010))
    events = reduce(floor, SELL, 60, 10_020)
    second = accepted(events)
    assert restated(events) == [(second, CLIPPED, 40, 10_020, 40)]
    third = reduce(floor, SELL, 60, 10_000)
    assert closed(third) == [(accepted(third), 60, NOTHING)]
    floor.replace(first, 60, price=10_015)
    sold = floor.trade(BRAVO_F, ALPHA_F, 70, 10_000, BTC_PERP)
    assert closed(sold) == [(first, 60, NOTHING)]
    assert restated(sold) == [(second, CLIPPED, 30, 10_020, 30)]


@pytest.mark.req("ORD-17")
def test_one_that_takes_may_close_the_whole_position_and_what_rests_gives_way(floor: Floor) -> None:
    resting = accepted(reduce(floor, SELL, 100, 10_010))
    floor.rest(CHARLIE_F, BUY, 70, 9_990, symbol=BTC_PERP)
    events = reduce(floor, SELL, 100, 9_990)
    assert sum(qty for _, _, qty in trades(events)) == 70
    assert restated(events) == [(resting, CLIPPED, 30, 10_010, 30)]
    assert closed(events) == [(accepted(events), 30, NOTHING)], "it may not rest beside the one that does"


@pytest.mark.req("ORD-17", "ORD-12")
def test_it_does_not_lead_pegs(floor: Floor) -> None:
    reduce(floor, BUY, 100, 9_990, account=BRAVO_F)
    peg: dict[str, Any] = {"symbol": BTC_PERP, "kind": m.PEGGED, "peg": Peg.PRIMARY}
    assert restated(floor.enter(CHARLIE_F, BUY, 10, 10_000, **peg)) == []
    led = restated(floor.enter(m.ALPHA_F2, BUY, 10, 9_980, symbol=BTC_PERP))
    assert [price for *_, price, _ in led] == [9_980]


@pytest.mark.req("ORD-17", "RES-100")
def test_of_many_that_must_go_none_trades_meanwhile_and_the_rest_goes_in_later_records(floor: Floor) -> None:
    floor.take_small_steps()
    makers = [accepted(reduce(floor, SELL, 2, 10_010)) for _ in range(50)]
    floor.trade(BRAVO_F, ALPHA_F, 100, 10_000, BTC_PERP)
    bought = floor.enter(BRAVO_F, BUY, 10, 10_010, symbol=BTC_PERP, tif=m.IOC)
    told = closed(floor.go_on())
    assert trades(bought) == []
    assert all(floor.state(maker) == OrderState.CANCELED for maker in makers)
    assert told[-1] == (accepted(bought), 10, Code.IOC_REMAINDER)


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


@pytest.mark.req("ORD-17", "TRD-40")
def test_in_an_auction_it_shrinks_with_the_position(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN, BTC_PERP)
    plain = floor.rest(ALPHA_F, SELL, 80, 9_980, symbol=BTC_PERP)
    reducing = accepted(reduce(floor, SELL, 100, 9_990))
    floor.rest(CHARLIE_F, BUY, 150, 9_990, symbol=BTC_PERP)
    events = floor.status(SymbolStatus.OPEN, BTC_PERP)
    assert trades(events) == [(plain, 9_990, 80), (reducing, 9_990, 20)]
    assert restated(events)[0] == (reducing, CLIPPED, 20, 9_990, 20)


@pytest.mark.req("TBL-03", "ORD-17")
def test_it_is_exempt_from_the_smallest_notional_but_not_from_the_smallest_quantity(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 100, 10_000, ETH_PERP)
    order: dict[str, Any] = {"account": ALPHA_F, "side": SELL, "price": 9_999, "symbol": ETH_PERP}
    assert refusal(floor.enter(**order, qty=1)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(**order, qty=2))
    assert accepted(floor.enter(**order, qty=1, exec_inst=REDUCE_ONLY))
    assert refusal(floor.enter(**order, qty=0, exec_inst=REDUCE_ONLY)) == Code.SIZE_OFF_LOT


@pytest.mark.req("ORD-17", "ORD-10")
def test_a_replace_to_a_larger_quantity_clips_as_an_entry_does(floor: Floor) -> None:
    order = accepted(reduce(floor, SELL, 90, 10_010))
    events = floor.replace(order, 120, price=10_020)
    assert restated(events) == [(order, CLIPPED, 100, 10_020, 100)]


@pytest.mark.req("ORD-14", "RES-05")
def test_a_fok_is_not_begun_that_the_end_of_reduce_only_orders_would_interrupt(floor: Floor) -> None:
    """Each maker's trade ends 600 orders of its account, so that two of them use up the steps of the record."""
    for maker in (ALPHA_F, m.ALPHA_F2, CHARLIE_F):
        floor.trade(maker, BRAVO_F, 600, 10_000, BTC_PERP)
        for _ in range(600):
            floor.rest(maker, SELL, 1, 10_900, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)
        floor.rest(maker, SELL, 600, 10_010, symbol=BTC_PERP)
    events = floor.enter(BRAVO_F, BUY, 1_800, 10_010, symbol=BTC_PERP, tif=m.FOK)
    assert (trades(events), closed(events)[0][1:]) == ([], (1_800, Code.FOK_UNFILLABLE))
