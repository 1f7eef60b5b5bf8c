"""Accounts that may do less: suspended, margin-called, in liquidation. What they may not have goes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, MarginState, OrderState, Peg, RestateReason, SymbolStatus
from engine.api.ids import Seq
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, ALPHA_OE, BRAVO, BRAVO_F, BTC_PERP, BUY, CHARLIE, SELL, USDT
from tests.unit.floor import (
    LOT,
    REDUCE_ONLY,
    USDT_UNIT,
    Floor,
    accepted,
    closed,
    refusal,
    restated,
    those,
    trades,
    triggered,
)

SUSPENDED, RESUMED = RestateReason.SUSPENDED, RestateReason.RESUMED
LIQUIDATION = REDUCE_ONLY | ExecInst.LIQUIDATION


@pytest.fixture
def floor() -> Floor:
    """ALPHA-F is long 1,000 of BRAVO-F."""
    floor = Floor()
    floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP)
    return floor


def liquidate(floor: Floor, **terms: Any) -> tuple[e.Event, ...]:
    order: dict[str, Any] = {"symbol": BTC_PERP, "exec_inst": LIQUIDATION, "source": c.OPERATIONS}
    return floor.enter(ALPHA_F, SELL, 1_000, kind=m.MARKET, **order, **terms)


@pytest.mark.req("LIQ-60", "MAR-20")
@pytest.mark.parametrize(
    ("state", "code", "is_kept"),
    [
        (MarginState.MARGIN_CALL, Code.MARGIN_RESTRICTED, True),
        (MarginState.IN_LIQUIDATION, Code.LIQUIDATION, False),
        (MarginState.LIQUIDATED, Code.LIQUIDATION, False),
    ],
)
def test_an_account_keeps_what_its_margin_state_allows_only(
    floor: Floor, state: MarginState, code: Code, is_kept: bool
) -> None:
    terms: dict[str, Any] = {"symbol": BTC_PERP}
    adding = floor.rest(ALPHA_F, BUY, 1_000, 9_900, **terms)
    peg = accepted(floor.enter(ALPHA_F, BUY, 10, 9_990, kind=m.PEGGED, peg=Peg.PRIMARY, **terms))
    reducing = floor.rest(ALPHA_F, SELL, 1_000, 10_100, exec_inst=REDUCE_ONLY, **terms)
    stop = floor.rest(ALPHA_F, SELL, 100, kind=m.STOP, stop_px=9_800, exec_inst=REDUCE_ONLY, **terms)
    other = floor.rest(m.ALPHA_F2, BUY, 10, 9_900, **terms)
    events = floor.operate(c.SetMarginState(ALPHA_F, state))
    gone = [(adding, 1_000, code), (peg, 10, code)]
    gone += [] if is_kept else [(reducing, 1_000, code), (stop, 100, code)]
    assert closed(events) == gone
    assert (events[0], events[-1]) == (e.MarginStateSet(), e.MassCanceled(Seq(floor.core.seq), len(gone), True))
    kept = [(order, floor.state(order)) for order in (reducing, stop, other)]
    assert [state == OrderState.PENDING for _, state in kept] == [is_kept, is_kept, True]


@pytest.mark.req("LIQ-60")
@pytest.mark.parametrize("state", [MarginState.NORMAL, MarginState.LIQUIDATION_WARNING, MarginState.ADL_DELEVERAGED])
def test_states_that_restrict_nothing_cancel_nothing(floor: Floor, state: MarginState) -> None:
    floor.rest(ALPHA_F, BUY, 1_000, 9_900, symbol=BTC_PERP)
    assert floor.operate(c.SetMarginState(ALPHA_F, state)) == (e.MarginStateSet(),)


@pytest.mark.req("LIQ-60", "RES-100")
def test_of_many_orders_of_a_margin_called_account_none_trades_while_their_cancels_are_told(floor: Floor) -> None:
    floor.take_small_steps()
    orders = [floor.rest(ALPHA_F, BUY, 10, 9_900, symbol=BTC_PERP) for _ in range(60)]
    first = floor.operate(c.SetMarginState(ALPHA_F, MarginState.MARGIN_CALL))
    assert 0 < len(closed(first)) < 60
    again = floor.operate(c.SetMarginState(ALPHA_F, MarginState.MARGIN_CALL))
    assert trades(floor.enter(BRAVO_F, SELL, 10, 9_900, symbol=BTC_PERP, tif=m.IOC)) == []
    assert len(floor.model.withdrawals) == 1, "one at a time for an account"
    floor.go_on()
    assert again
    assert all(floor.state(order) == OrderState.CANCELED for order in orders)


@pytest.mark.req("RES-96", "LIQ-21")
def test_a_suspended_account_is_liquidated_but_a_closed_one_does_nothing(floor: Floor) -> None:
    floor.operate(c.SetMarginState(ALPHA_F, MarginState.IN_LIQUIDATION))
    floor.operate(c.SetAccountStatus(ALPHA_F, AccountStatus.SUSPENDED))
    floor.rest(BRAVO_F, BUY, 1_000, 9_900, symbol=BTC_PERP)
    assert refusal(floor.enter(ALPHA_F, SELL, 10, 9_900, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)) == (
        Code.ACCOUNT_SUSPENDED
    )
    assert sum(qty for _, _, qty in trades(liquidate(floor))) == 1_000
    floor.operate(c.SetMarginState(ALPHA, MarginState.NORMAL))


@pytest.mark.req("RES-96", "ACC-02")
def test_a_suspended_account_receives_and_cancels_but_gives_nothing(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_990)
    floor.operate(c.SetAccountStatus(ALPHA, AccountStatus.SUSPENDED))
    assert refusal(floor.operate(c.Transfer(ALPHA, BRAVO, USDT, USDT_UNIT))) == Code.ACCOUNT_SUSPENDED
    assert those(floor.operate(c.Transfer(BRAVO, ALPHA, USDT, USDT_UNIT)), e.Transferred)
    assert those(floor.operate(c.Deposit(ALPHA, USDT, USDT_UNIT, "more")), e.Deposited)
    assert closed(floor.cancel(order, ALPHA_OE)) == [(order, LOT, Code.USER_REQUESTED)]


# --- suspension -------------------------------------------------------------------------------------------


def suspend(floor: Floor, account: int = ALPHA) -> tuple[e.Event, ...]:
    return floor.operate(c.SetAccountStatus(account, AccountStatus.SUSPENDED))


def reactivate(floor: Floor, account: int = ALPHA) -> tuple[e.Event, ...]:
    return floor.operate(c.SetAccountStatus(account, AccountStatus.ACTIVE))


@pytest.mark.req("RES-96")
def test_orders_of_a_suspended_account_stand_outside_the_market_and_come_back_behind(floor: Floor) -> None:
    first, other = floor.rest(ALPHA, BUY, LOT, 9_990), floor.rest(CHARLIE, BUY, LOT, 9_990)
    locked = floor.balance(ALPHA, USDT)
    assert restated(suspend(floor)) == [(first, SUSPENDED, LOT, 9_990, 0)]
    assert floor.balance(ALPHA, USDT) == locked
    assert trades(floor.enter(BRAVO, SELL, LOT, 9_990)) == [(other, 9_990, LOT)]
    assert trades(floor.enter(BRAVO, SELL, LOT, 9_990, tif=m.IOC)) == []
    later = floor.rest(CHARLIE, BUY, LOT, 9_990)
    assert restated(reactivate(floor)) == [(first, RESUMED, LOT, 9_990, 0)]
    assert trades(floor.enter(BRAVO, SELL, 2 * LOT, 9_990)) == [(later, 9_990, LOT), (first, 9_990, LOT)]


@pytest.mark.req("RES-96", "ORD-07", "ORD-12")
def test_suspended_stops_are_not_elected_and_suspended_pegs_have_no_price(floor: Floor) -> None:
    bid = floor.rest(CHARLIE, BUY, 3 * LOT, 9_980)
    stop = floor.rest(ALPHA, SELL, LOT, kind=m.STOP, stop_px=9_990)
    peg = accepted(floor.enter(ALPHA, BUY, LOT, 9_995, kind=m.PEGGED, peg=Peg.PRIMARY))
    told = restated(suspend(floor))
    assert told == [(stop, SUSPENDED, LOT, 0, 0), (peg, SUSPENDED, LOT, 0, 0)]
    sold = floor.enter(BRAVO, SELL, LOT, 9_980)
    assert trades(sold) == [(bid, 9_980, LOT)]
    assert not triggered(sold)
    assert not restated(sold)
    back = reactivate(floor)
    assert [order for order, _ in triggered(back)] == [stop], "the price has reached it"
    assert [(order, reason) for order, reason, *_ in restated(back)][-1] == (peg, RestateReason.PEG)


@pytest.mark.req("RES-96", "ORD-14")
def test_a_suspended_order_is_canceled_reduced_and_expires_where_it_is(floor: Floor) -> None:
    orders = [floor.rest(ALPHA, BUY, 2 * LOT, 9_990, tif=m.DAY) for _ in range(3)]
    suspend(floor)
    assert closed(floor.cancel(orders[0], ALPHA_OE)) == [(orders[0], 2 * LOT, Code.USER_REQUESTED)]
    (replaced,) = floor.replace(orders[1], LOT, source=ALPHA_OE)
    assert isinstance(replaced, e.OrderReplaced)
    assert refusal(floor.replace(orders[1], LOT, source=ALPHA_OE, price=9_980)) == Code.ACCOUNT_SUSPENDED
    assert closed(floor.wait(86_400 * 10**9)) == [
        (o, n * LOT, Code.DAY_EXPIRED) for o, n in zip(orders[1:], (1, 2), strict=True)
    ]
    assert floor.core.open_orders == 0


@pytest.mark.req("RES-96", "TBL-04")
def test_suspended_orders_of_a_delisted_symbol_are_canceled(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_990)
    suspend(floor)
    assert closed(floor.operate(c.DelistInstrument(m.BTC_USDT))) == [(order, LOT, Code.DELISTED)]


@pytest.mark.req("RES-96")
def test_an_order_that_comes_back_takes_what_has_come_to_stand_in_its_way(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_990)
    poster = floor.rest(ALPHA, BUY, LOT, 9_990, exec_inst=ExecInst.POST_ONLY)
    suspend(floor)
    ask = floor.rest(BRAVO, SELL, 2 * LOT, 9_985)
    events = reactivate(floor)
    assert trades(events) == [(ask, 9_985, LOT)]
    assert closed(events) == [(poster, LOT, Code.POST_ONLY_WOULD_TAKE)]
    assert floor.state(order) == OrderState.FILLED


@pytest.mark.req("RES-96", "RES-98")
def test_an_order_whose_price_has_left_the_band_does_not_come_back(floor: Floor) -> None:
    low, high = floor.rest(ALPHA, BUY, LOT, 9_000), floor.rest(ALPHA, BUY, LOT, 9_990)
    stayed = floor.rest(CHARLIE, BUY, LOT, 9_000)
    suspend(floor)
    floor.mark(10_990)
    events = reactivate(floor)
    assert closed(events) == [(low, LOT, Code.PRICE_OUTSIDE_BAND)]
    assert [order for order, *_ in restated(events)] == [low, high]
    assert (floor.state(high), floor.state(stayed)) == (OrderState.PENDING, OrderState.PENDING), "what rests stays"


@pytest.mark.req("RES-96", "ORD-17")
def test_what_comes_back_to_reduce_is_clipped_to_what_there_is(floor: Floor) -> None:
    floor.rest(ALPHA_F, SELL, 1_000, 10_100, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)
    suspend(floor, ALPHA_F)
    floor.operate(c.SetMarginState(ALPHA_F, MarginState.IN_LIQUIDATION))
    assert closed(floor.operate(c.SetMarginState(ALPHA_F, MarginState.NORMAL))) == []
    assert floor.core.open_orders == 0, "a liquidation leaves nothing"


@pytest.mark.req("RES-96", "RES-100")
@pytest.mark.parametrize("status", [SymbolStatus.OPEN, SymbolStatus.PRE_OPEN, SymbolStatus.HALT])
def test_of_many_orders_none_trades_while_they_leave_and_all_come_back(floor: Floor, status: SymbolStatus) -> None:
    floor.operate(c.Deposit(BRAVO, m.BTC, 10**10, "to sell"))
    floor.take_small_steps()
    orders = [floor.rest(ALPHA, BUY, LOT, 9_990) for _ in range(60)]
    first = suspend(floor)
    assert 0 < len(restated(first)) < 60
    assert refusal(reactivate(floor)[-1:]) == Code.NOT_ALLOWED_NOW
    assert trades(floor.enter(BRAVO, SELL, LOT, 9_990, tif=m.IOC)) == []
    floor.core = type(floor.core).restore(floor.core.snapshot())
    floor.go_on()
    floor.status(status)
    reactivate(floor)
    floor.core = type(floor.core).restore(floor.core.snapshot())
    floor.go_on()
    floor.status(SymbolStatus.OPEN)
    floor.go_on()
    for _ in range(3):
        floor.enter(BRAVO, SELL, 20 * LOT, 9_990)
    floor.go_on()
    assert all(floor.state(order) == OrderState.FILLED for order in orders)
