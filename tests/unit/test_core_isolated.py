"""Isolated margin: what goes in, what may come out, and that nothing moves by itself (MAR-11, RES-95)."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, MarginMode, MarginState
from engine.api.rejects import ErrorCode as Code
from tests.model.market import ALPHA_F, ALPHA_F2, ALPHA_OE, BRAVO_F, BTC_PERP, BUY, ETH_PERP, IOC, SELL, USDT
from tests.unit.floor import REDUCE_ONLY, SECOND_NS, USDT_UNIT, Events, Floor, position, refusal

LIQUIDATION = REDUCE_ONLY | ExecInst.LIQUIDATION
UNIT = USDT_UNIT


def isolated(side_is_long: bool = True, leverage: int = 20) -> Floor:
    """ALPHA-F holds 20,000 USDT at 10,000 ticks in an isolated position."""
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, leverage, MarginMode.ISOLATED))
    parties = (ALPHA_F, BRAVO_F) if side_is_long else (BRAVO_F, ALPHA_F)
    floor.trade(*parties, 20_000, 10_000, BTC_PERP)
    return floor


def move(floor: Floor, *prices: int, symbol: int = BTC_PERP) -> None:
    for price in prices:
        floor.wait(62 * SECOND_NS)
        floor.mark(price, symbol)


def adjust(floor: Floor, units: int | float) -> Events:
    return floor.send(ALPHA_OE, c.AdjustMargin(ALPHA_F, BTC_PERP, int(units * UNIT)))


@pytest.mark.req("RES-95", "MAR-11")
@pytest.mark.parametrize(
    ("is_long", "price", "removable"),
    [
        (True, 10_000, 4_000),
        (True, 9_200, 5_000 - 1_600 - 920),
        (False, 10_500, 5_000 - 1_000 - 1_050),
        (True, 10_900, 4_000),
    ],
)
def test_what_is_taken_out_leaves_the_initial_margin_at_the_mark(is_long: bool, price: int, removable: int) -> None:
    """Wallet of 5,000, 4,000 of it added; less the loss at the mark and a twentieth of the notional there. A profit is
    no collateral: no more than was added comes out."""
    floor = isolated(is_long)
    adjust(floor, 4_000)
    move(floor, price)
    assert refusal(adjust(floor, -removable - 1 / UNIT)) == Code.INSUFFICIENT_BALANCE
    assert isinstance(adjust(floor, -removable)[0], e.PositionChanged)
    assert refusal(adjust(floor, -1 / UNIT)) == Code.INSUFFICIENT_BALANCE


@pytest.mark.req("RES-95")
def test_nothing_comes_out_of_a_position_under_water() -> None:
    floor = isolated()
    adjust(floor, 4_000)
    move(floor, 9_200, 8_400, 7_700)
    assert refusal(adjust(floor, -1 / UNIT)) == Code.INSUFFICIENT_BALANCE


@pytest.mark.req("RES-95", "LIQ-60")
@pytest.mark.parametrize("state", [s for s in MarginState if s is not MarginState.NORMAL])
def test_nothing_comes_out_while_the_account_is_not_normal(state: MarginState) -> None:
    floor = isolated(leverage=10)
    adjust(floor, 1_000)
    floor.operate(c.SetMarginState(ALPHA_F, state))
    assert refusal(adjust(floor, -1)) == Code.MARGIN_RESTRICTED
    raised = c.SetLeverage(ALPHA_F, BTC_PERP, 20, MarginMode.ISOLATED)
    assert refusal(floor.send(ALPHA_OE, raised)) == Code.MARGIN_RESTRICTED
    assert isinstance(adjust(floor, 1)[0], e.PositionChanged), "margin may be added"
    floor.operate(c.SetMarginState(ALPHA_F, MarginState.NORMAL))
    assert isinstance(adjust(floor, -1)[0], e.PositionChanged)


@pytest.mark.req("RES-95")
def test_nothing_comes_out_while_the_account_is_suspended() -> None:
    floor = isolated()
    adjust(floor, 1_000)
    floor.operate(c.SetAccountStatus(ALPHA_F, AccountStatus.SUSPENDED))
    assert refusal(adjust(floor, -1)) == Code.MARGIN_RESTRICTED


@pytest.mark.req("RES-95", "MAR-23")
@pytest.mark.parametrize(("price", "is_raised"), [(10_000, True), (9_995, False), (10_500, True)])
def test_raising_leverage_is_judged_by_the_position_itself(price: int, is_raised: bool) -> None:
    """The account is rich; what counts is that the position's own margin covers the initial margin at the mark."""
    floor = isolated(leverage=10)
    move(floor, price)
    events = floor.send(ALPHA_OE, c.SetLeverage(ALPHA_F, BTC_PERP, 20, MarginMode.ISOLATED))
    assert is_raised == isinstance(events[0], e.PositionChanged)
    assert is_raised or refusal(events) == Code.MARGIN_RESTRICTED


@pytest.mark.req("RES-95", "MAR-11")
def test_a_cross_loss_is_not_hidden_in_isolated_margin() -> None:
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.CROSS))
    floor.operate(c.SetLeverage(ALPHA_F2, ETH_PERP, 20, MarginMode.ISOLATED))
    floor.trade(ALPHA_F2, BRAVO_F, 30_000, 10_000, BTC_PERP)
    floor.trade(ALPHA_F2, BRAVO_F, 1_000, 10_000, ETH_PERP)
    move(floor, 9_600)
    free = floor.balance(ALPHA_F2, USDT)[0] - 1_200 * UNIT
    assert free > 0
    hide = c.AdjustMargin(ALPHA_F2, ETH_PERP, free + 1)
    assert refusal(floor.send(ALPHA_OE, hide)) == Code.INSUFFICIENT_BALANCE
    lower = c.SetLeverage(ALPHA_F2, ETH_PERP, 1, MarginMode.ISOLATED)
    assert refusal(floor.send(ALPHA_OE, lower)) == Code.INSUFFICIENT_BALANCE
    assert floor.send(ALPHA_OE, c.AdjustMargin(ALPHA_F2, ETH_PERP, free))


@pytest.mark.req("RES-95", "MAR-11")
def test_a_part_closed_draws_on_nothing_but_the_position() -> None:
    """A loss of 800 on half of it leaves 200 of its margin; nothing is topped up."""
    floor = isolated()
    move(floor, 9_200)
    available = floor.balance(ALPHA_F, USDT)[0]
    after = close(floor, 10_000, 9_200)
    fee = 9_200 * UNIT // 2_000
    assert (after.margin, after.debt, after.available) == (200 * UNIT - fee, 0, available)


@pytest.mark.req("RES-95", "MAR-11", "DRV-11")
def test_what_the_margin_cannot_pay_of_a_part_is_borne_by_the_rest() -> None:
    """Half of it loses 2,300: the margin pays 1,000, the rest of the position costs 1,300 more. When that is closed as
    well, the position owes what closing all at once would have left owed."""
    floor = isolated()
    move(floor, 9_200, 8_400, 7_700)
    available = floor.balance(ALPHA_F, USDT)[0]
    fee = 7_700 * UNIT // 2_000
    after = close(floor, 10_000, 7_700)
    assert (after.margin, after.debt, after.available) == (0, 0, available)
    assert (after.size, after.cost, after.realized_pnl) == (10_000, 11_300 * UNIT + fee, -1_000 * UNIT + fee)
    floor.core.check()
    last = close(floor, 10_000, 7_700)
    assert (last.size, last.debt, last.available) == (0, 3_600 * UNIT + 2 * fee, available)


def close(floor: Floor, lots: int, price: int) -> e.PositionChanged:
    floor.rest(BRAVO_F, BUY, lots, price, symbol=BTC_PERP)
    sale = floor.enter(ALPHA_F, SELL, lots, price, symbol=BTC_PERP, tif=IOC, exec_inst=LIQUIDATION, source=c.OPERATIONS)
    return position(sale, ALPHA_F)
