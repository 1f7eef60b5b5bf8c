"""Post-only orders never take: they are canceled, or slide to where they do not."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import OrderState, RestateReason, Side, SymbolStatus
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BUY, CHARLIE, SELL, USDT
from tests.unit.floor import LOT, POST_ONLY, SLIDE, Floor, accepted, closed, refusal, restated, trades

SLID = RestateReason.SLIDE


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.req("ORD-16", "RES-11")
@pytest.mark.parametrize(
    ("side", "other", "price", "takes"),
    [(BUY, 10_000, 9_999, 0), (BUY, 10_000, 10_000, 1), (SELL, 10_000, 10_001, 0), (SELL, 10_000, 10_000, 1)],
)
def test_a_post_only_order_that_would_take_is_accepted_and_canceled(
    floor: Floor, side: Side, other: int, price: int, takes: int
) -> None:
    maker = floor.rest(BRAVO, SELL if side is BUY else BUY, LOT, other)
    events = floor.enter(ALPHA, side, LOT, price, exec_inst=POST_ONLY)
    order = accepted(events)
    assert closed(events) == [(order, LOT, Code.POST_ONLY_WOULD_TAKE)] * takes
    assert trades(events) == [] and floor.state(maker) == OrderState.PENDING
    assert floor.state(order) == (OrderState.CANCELED if takes else OrderState.PENDING)


@pytest.mark.req("ORD-16")
def test_an_own_order_on_the_other_side_counts_as_well(floor: Floor) -> None:
    floor.rest(ALPHA, SELL, LOT, 10_000)
    events = floor.enter(ALPHA, BUY, LOT, 10_000, exec_inst=POST_ONLY)
    assert closed(events) == [(accepted(events), LOT, Code.POST_ONLY_WOULD_TAKE)]


@pytest.mark.req("ORD-16")
@pytest.mark.parametrize(("side", "slid"), [(BUY, 9_999), (SELL, 10_001)])
def test_a_sliding_order_rests_one_tick_off_the_other_side(floor: Floor, side: Side, slid: int) -> None:
    floor.rest(BRAVO, SELL if side is BUY else BUY, LOT, 10_000)
    events = floor.enter(ALPHA, side, LOT, 10_000, exec_inst=SLIDE)
    order = accepted(events)
    assert restated(events) == [(order, SLID, LOT, slid, LOT)]
    taken = floor.enter(CHARLIE, SELL if side is BUY else BUY, LOT, slid)
    assert trades(taken) == [(order, slid, LOT)]


@pytest.mark.req("ORD-16", "RES-21")
def test_a_slid_order_reserves_at_its_slid_price(floor: Floor) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    before, _ = floor.balance(ALPHA, USDT)
    floor.enter(ALPHA, BUY, LOT, 10_500, exec_inst=SLIDE)
    assert floor.balance(ALPHA, USDT)[1] == LOT * (99_990 + 100)
    assert sum(floor.balance(ALPHA, USDT)) == before


@pytest.mark.req("ORD-16")
def test_a_sliding_order_that_would_not_take_stays_where_it_is(floor: Floor) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    assert restated(floor.enter(ALPHA, BUY, LOT, 9_998, exec_inst=SLIDE)) == []


@pytest.mark.req("ORD-16")
def test_a_slid_iceberg_shows_its_floor(floor: Floor) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    ((_, _, leaves, price, display),) = restated(floor.enter(ALPHA, BUY, LOT, 10_000, exec_inst=SLIDE, max_floor=70))
    assert (leaves, price, display) == (LOT, 9_999, 70)


@pytest.mark.req("ORD-01", "ORD-16")
def test_there_is_no_price_below_one_or_above_the_largest_to_slide_to(floor: Floor) -> None:
    order: dict[str, Any] = {"qty": 10**6, "symbol": m.BTC_ETH, "exec_inst": SLIDE}
    floor.rest(BRAVO, SELL, 10**6, 1, symbol=m.BTC_ETH)
    assert refusal(floor.enter(ALPHA, BUY, price=1, **order)) == Code.UNSUPPORTED
    floor.cancel(floor.core.seq - 1)
    rich = Floor((*m.OPENING, c.Deposit(BRAVO, m.ETH, 10**35 - 10**22, "all there is")))
    rich.rest(BRAVO, BUY, 1, limits.PRICE_TICKS_MAX, symbol=m.BTC_ETH)
    assert refusal(rich.enter(ALPHA, SELL, price=limits.PRICE_TICKS_MAX, **order | {"qty": 1})) == Code.UNSUPPORTED
    slid = rich.enter(ALPHA, SELL, price=limits.PRICE_TICKS_MAX - 1, **order | {"qty": 1})
    assert refusal(slid) == Code.UNSUPPORTED


@pytest.mark.req("MAR-43", "ORD-16")
@pytest.mark.parametrize(("mark", "is_accepted"), [(9_091, True), (9_090, False)])
def test_the_band_looks_at_the_slid_price(floor: Floor, mark: int, is_accepted: bool) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_001)
    floor.mark(mark)
    events = floor.enter(ALPHA, BUY, LOT, 10_500, exec_inst=SLIDE)
    if is_accepted:
        assert restated(events)[0][3] == 10_000
    else:
        assert refusal(events) == Code.PRICE_OUTSIDE_BAND


@pytest.mark.req("ORD-16")
def test_in_the_pre_open_nothing_takes_and_nothing_slides(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN)
    floor.rest(BRAVO, SELL, LOT, 10_000)
    plain = floor.rest(ALPHA, BUY, LOT, 10_000, exec_inst=POST_ONLY)
    floor.rest(ALPHA, BUY, LOT, 10_001, exec_inst=SLIDE)
    assert floor.state(plain) == OrderState.PENDING


@pytest.mark.req("ORD-16")
def test_in_the_post_only_phase_an_order_slides_as_in_trading(floor: Floor) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    floor.status(SymbolStatus.POST_ONLY)
    assert restated(floor.enter(ALPHA, BUY, LOT, 10_000, exec_inst=SLIDE))[0][3] == 9_999
    assert closed(floor.enter(ALPHA, BUY, LOT, 10_000, exec_inst=POST_ONLY))[0][2] == Code.POST_ONLY_WOULD_TAKE
