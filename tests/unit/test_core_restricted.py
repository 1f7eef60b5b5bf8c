"""Accounts that may do less: suspended, margin-called, in liquidation. What they may not have goes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, MarginState, OrderState, Peg
from engine.api.ids import Seq
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, ALPHA_OE, BRAVO, BRAVO_F, BTC_PERP, BUY, SELL, USDT
from tests.unit.floor import LOT, REDUCE_ONLY, USDT_UNIT, Floor, accepted, closed, refusal, those, trades

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
