"""Leverage: caps of account, symbol and bracket, and changing leverage, mode and margin of a position."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountStatus, MarginMode, PositionReason
from engine.api.parameters import RULES, Parameter
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, ALPHA_OE, BRAVO_F, BRAVO_OE, BTC_PERP, BUY, ETH_PERP, SELL, USDT
from tests.unit.floor import OPENING, REDUCE_ONLY, USDT_UNIT, Events, Floor, accepted, position, refusal

CROSS, ISOLATED = MarginMode
EXCEEDED = Code.LEVERAGE_EXCEEDED
BRACKETS = [
    (0, 50_000, 125, 4_000),
    (50_000, 250_000, 100, 5_000),
    (250_000, 1_000_000, 50, 10_000),
    (1_000_000, 5_000_000, 20, 25_000),
    (5_000_000, 20_000_000, 10, 50_000),
    (20_000_000, 40_000_000, 5, 100_000),
]
"""From, up to (in units of the quote asset, one a lot), leverage allowed, maintenance rate in ppm."""

WIDE = msgspec.structs.replace(m.BTC_PERP_LISTING, max_qty=10**9, max_notional=10**9 * USDT_UNIT)
RICH: tuple[c.Command, ...] = (
    *OPENING,
    c.ChangeInstrument(WIDE),
    *(c.Deposit(account, USDT, 10**8 * USDT_UNIT, f"rich {account}") for account in (ALPHA_F, BRAVO_F)),
    *(c.SetAccountLimits(account, 4, 0, 0) for account in (ALPHA_F, BRAVO_F)),
)


@pytest.fixture
def floor() -> Floor:
    """One lot is worth 1 USDT; both accounts are rich and in tier 4."""
    return Floor(RICH)


def leverage(floor: Floor, leverage: int, account: int = ALPHA_F, mode: MarginMode = CROSS, source: int = 0) -> Events:
    return floor.send(source, c.SetLeverage(account, BTC_PERP, leverage, mode))


def buy(floor: Floor, qty: int, price: int = 10_000, **terms: Any) -> Events:
    return floor.enter(ALPHA_F, BUY, qty, price, symbol=BTC_PERP, **terms)


@pytest.mark.req("MAR-03", "MAR-04", "RES-24")
@pytest.mark.parametrize(("above", "most", "cap", "rate"), BRACKETS)
def test_each_bracket_has_its_leverage_upper_bound_included(
    floor: Floor, above: int, most: int, cap: int, rate: int
) -> None:
    leverage(floor, cap)
    if cap > 5:
        assert refusal(buy(floor, most + 1)) == EXCEEDED
    assert accepted(buy(floor, most))
    floor.operate(c.MassCancel("clear"))
    if cap < 125:
        leverage(floor, cap + 1)
        assert refusal(buy(floor, above + 1)) == EXCEEDED
        assert accepted(buy(floor, above))


@pytest.mark.req("MAR-03", "MAR-04")
def test_the_bracket_is_that_of_the_position_with_all_that_may_add_to_it(floor: Floor) -> None:
    leverage(floor, 125)
    floor.trade(ALPHA_F, BRAVO_F, 20_000, 10_000, BTC_PERP)
    floor.rest(ALPHA_F, BUY, 20_000, 10_000, symbol=BTC_PERP)
    floor.rest(ALPHA_F, SELL, 20_000, 10_100, symbol=BTC_PERP)
    assert refusal(buy(floor, 10_001)) == EXCEEDED
    assert accepted(buy(floor, 10_000))
    assert refusal(floor.enter(ALPHA_F, SELL, 50_001, 10_000, symbol=BTC_PERP)) == EXCEEDED
    assert accepted(floor.enter(ALPHA_F, SELL, 10_000, 10_100, symbol=BTC_PERP))


@pytest.mark.req("MAR-04", "DRV-13")
def test_what_only_reduces_passes_any_bracket(floor: Floor) -> None:
    leverage(floor, 125)
    floor.trade(ALPHA_F, BRAVO_F, 48_000, 10_000, BTC_PERP)
    floor.mark(10_900, BTC_PERP)
    assert refusal(buy(floor, 1)) == EXCEEDED
    assert accepted(floor.enter(ALPHA_F, SELL, 48_000, 10_900, symbol=BTC_PERP))
    assert accepted(floor.enter(ALPHA_F, SELL, 48_000, 10_900, symbol=BTC_PERP, exec_inst=REDUCE_ONLY))


@pytest.mark.req("MAR-03")
@pytest.mark.parametrize(("mark", "price", "most"), [(10_000, 10_500, 47_619), (10_500, 10_000, 47_619)])
def test_notional_is_told_by_the_higher_of_mark_and_limit(floor: Floor, mark: int, price: int, most: int) -> None:
    floor.mark(mark, BTC_PERP)
    leverage(floor, 125)
    assert refusal(buy(floor, most + 1, price)) == EXCEEDED
    assert accepted(buy(floor, most, price))


@pytest.mark.req("MAR-03")
@pytest.mark.parametrize(
    ("tier", "cap", "position_max"), [(1, 20, 100_000), (2, 50, 1_000_000), (3, 100, 10_000_000), (4, 125, None)]
)
def test_each_tier_has_its_leverage_and_its_largest_position(
    floor: Floor, tier: int, cap: int, position_max: int | None
) -> None:
    floor.operate(c.SetAccountLimits(ALPHA_F, tier, 0, 0))
    if cap < 125:
        assert refusal(leverage(floor, cap + 1)) == EXCEEDED
    assert position(leverage(floor, cap), ALPHA_F, PositionReason.LEVERAGE).leverage == cap
    leverage(floor, 5)
    if position_max:
        assert refusal(buy(floor, position_max + 1)) == Code.EXCEEDS_LIMIT
    assert accepted(buy(floor, position_max or 40_000_000))


@pytest.mark.req("MAR-03")
def test_an_accounts_own_caps(floor: Floor) -> None:
    floor.operate(c.SetAccountLimits(ALPHA_F, 4, 7, 3_000 * USDT_UNIT))
    assert refusal(leverage(floor, 8)) == EXCEEDED
    assert refusal(buy(floor, 3_001)) == Code.EXCEEDS_LIMIT
    assert accepted(buy(floor, 3_000))
    fresh = Floor(RICH)
    fresh.operate(c.SetAccountLimits(ALPHA_F, 4, 7, 0))
    assert position(fresh.trade(ALPHA_F, BRAVO_F, 10, 10_000, BTC_PERP), ALPHA_F).leverage == 7, "the default is capped"


@pytest.mark.req("MAR-03")
def test_a_cap_that_was_lowered_keeps_orders_out_until_leverage_is_lowered_too(floor: Floor) -> None:
    leverage(floor, 50)
    floor.operate(c.SetAccountLimits(ALPHA_F, 1, 0, 0))
    assert refusal(buy(floor, 10)) == EXCEEDED
    leverage(floor, 20)
    assert accepted(buy(floor, 10))


@pytest.mark.req("MAR-03", "RES-27")
def test_a_symbol_has_a_cap_and_without_a_word_leverage_is_ten(floor: Floor) -> None:
    floor.operate(c.SetAccountLimits(BRAVO_F, 4, 0, 0))
    assert refusal(floor.operate(c.SetLeverage(ALPHA_F, ETH_PERP, 51, CROSS))) == EXCEEDED
    assert floor.operate(c.SetLeverage(ALPHA_F, ETH_PERP, 50, CROSS))
    events = floor.trade(ALPHA_F, BRAVO_F, 10, 10_000, ETH_PERP)
    assert (position(events, ALPHA_F).leverage, position(events, BRAVO_F).leverage) == (
        50,
        RULES[Parameter.LEVERAGE_DEFAULT].default,
    )
    for wrong in (0, limits.LEVERAGE_MAX + 1):
        assert refusal(leverage(floor, wrong)) == EXCEEDED
    assert len(leverage(floor, 1)) == len(leverage(floor, limits.LEVERAGE_MAX)) == 1


@pytest.mark.req("MAR-47", "MAR-01", "MAR-02", "MAR-44")
@pytest.mark.parametrize(("above", "most", "cap", "rate"), BRACKETS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_the_highest_leverage_opens_at_a_ratio_of_exactly_two(
    above: int, most: int, cap: int, rate: int, data: st.DataObject
) -> None:
    lots = data.draw(st.integers(above + 1, most) | st.sampled_from([above + 1, most]))
    floor = Floor(RICH)
    leverage(floor, cap)
    leverage(floor, 5, BRAVO_F)
    per_lot = USDT_UNIT // cap + USDT_UNIT // 2_000
    had, _ = floor.balance(ALPHA_F, USDT)
    floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, had - lots * per_lot))
    floor.enter(BRAVO_F, SELL, lots, 10_000, symbol=BTC_PERP)
    opened = position(buy(floor, lots), ALPHA_F)
    maintenance = -(-rate * lots * USDT_UNIT // 10**6)
    equity = opened.available + opened.locked
    assert opened.size == lots and opened.available == 0
    assert equity == opened.margin == 2 * maintenance


@pytest.mark.req("MAR-23", "MAR-11")
@pytest.mark.parametrize(("surplus", "is_raised"), [(0, True), (-1, False)])
def test_leverage_is_raised_at_a_ratio_of_two_and_not_below(floor: Floor, surplus: int, is_raised: bool) -> None:
    """Long 1,000 at 10,000 with the mark at 9,000: maintenance is 3.60 USDT, so equity must be 7.20."""
    floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP)
    available, locked = floor.balance(ALPHA_F, USDT)
    assert locked == 100 * USDT_UNIT
    floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, available - 720_000_000 - surplus))
    floor.mark(9_000, BTC_PERP)
    events = leverage(floor, 11)
    if is_raised:
        assert position(events, ALPHA_F, PositionReason.LEVERAGE).leverage == 11
    else:
        assert refusal(events) == Code.MARGIN_RESTRICTED
        assert len(leverage(floor, 10)) == 1, "nothing rises"


@pytest.mark.req("MAR-23", "MAR-06")
def test_lowering_leverage_takes_margin_from_what_is_available(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP)
    available, _ = floor.balance(ALPHA_F, USDT)
    floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, available - 100 * USDT_UNIT))
    assert refusal(leverage(floor, 4)) == Code.INSUFFICIENT_BALANCE
    lowered = position(leverage(floor, 5), ALPHA_F, PositionReason.LEVERAGE)
    assert (lowered.margin, lowered.available, lowered.locked) == (200 * USDT_UNIT, 0, 200 * USDT_UNIT)
    raised = position(leverage(floor, 20), ALPHA_F, PositionReason.LEVERAGE)
    assert (raised.margin, raised.available) == (50 * USDT_UNIT, 150 * USDT_UNIT)


@pytest.mark.req("MAR-11", "MAR-23")
def test_mode_and_leverage_do_not_change_under_open_orders_nor_mode_under_a_position(floor: Floor) -> None:
    order = accepted(buy(floor, 10))
    assert refusal(leverage(floor, 10, mode=ISOLATED)) == Code.NOT_EMPTY
    assert refusal(leverage(floor, 9)) == Code.NOT_EMPTY
    assert len(leverage(floor, 10)) == 1, "nothing changes"
    floor.cancel(order)
    floor.trade(ALPHA_F, BRAVO_F, 10, 10_000, BTC_PERP)
    assert refusal(leverage(floor, 10, mode=ISOLATED)) == Code.NOT_EMPTY
    floor.rest(ALPHA_F, SELL, 10, 10_100, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)
    assert len(leverage(floor, 9)) == 1, "a reduce-only order is no hindrance"


@pytest.mark.req("MAR-03", "MAR-23")
def test_leverage_fits_the_bracket_of_position_and_open_orders(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 50_000, 10_000, BTC_PERP)
    assert len(leverage(floor, 125)) == 1
    leverage(floor, 10)
    floor.trade(ALPHA_F, BRAVO_F, 1, 10_000, BTC_PERP)
    assert refusal(leverage(floor, 101)) == EXCEEDED
    assert len(leverage(floor, 100)) == 1


@pytest.mark.req("MAR-11", "ORD-02")
@pytest.mark.parametrize(
    ("code", "source", "account", "symbol"),
    [
        (Code.NOT_AUTHORISED, m.ALPHA_DC, ALPHA_F, BTC_PERP),
        (Code.NOT_AUTHORISED, BRAVO_OE, ALPHA_F, BTC_PERP),
        (Code.UNKNOWN_REFERENCE, ALPHA_OE, 999, BTC_PERP),
        (Code.UNKNOWN_REFERENCE, ALPHA_OE, ALPHA, BTC_PERP),
        (Code.UNKNOWN_REFERENCE, ALPHA_OE, ALPHA_F, m.BTC_USDT),
        (Code.UNKNOWN_REFERENCE, ALPHA_OE, ALPHA_F, 999),
    ],
)
def test_whose_leverage_and_margin_it_is(floor: Floor, code: Code, source: int, account: int, symbol: int) -> None:
    before = floor.state_bytes()
    assert refusal(floor.send(source, c.SetLeverage(account, symbol, 5, CROSS))) == code
    assert refusal(floor.send(source, c.AdjustMargin(account, symbol, 1))) == code
    assert floor.state_bytes() == before
    assert len(floor.send(ALPHA_OE, c.SetLeverage(ALPHA_F, BTC_PERP, 5, CROSS))) == 1


@pytest.mark.req("ACC-20")
def test_a_suspended_account_changes_no_leverage(floor: Floor) -> None:
    floor.operate(c.SetAccountStatus(ALPHA_F, AccountStatus.SUSPENDED))
    assert refusal(leverage(floor, 5)) == Code.UNKNOWN_REFERENCE


@pytest.mark.req("MAR-11", "MAR-21")
def test_margin_is_added_to_an_isolated_position_and_taken_out_again(floor: Floor) -> None:
    adjust = c.AdjustMargin(ALPHA_F, BTC_PERP, 7)
    assert refusal(floor.operate(adjust)) == Code.UNKNOWN_REFERENCE, "no position"
    leverage(floor, 10, mode=ISOLATED)
    assert refusal(floor.operate(adjust)) == Code.UNKNOWN_REFERENCE, "flat"
    opened = position(floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP), ALPHA_F)
    (added,) = floor.send(ALPHA_OE, adjust)
    assert isinstance(added, e.PositionChanged) and added.reason == PositionReason.MARGIN
    assert (added.margin, added.extra, added.available) == (opened.margin + 7, 7, opened.available - 7)
    for amount in (0, -8, opened.available - 6):
        assert refusal(floor.operate(c.AdjustMargin(ALPHA_F, BTC_PERP, amount))) == Code.INSUFFICIENT_BALANCE
    assert len(floor.operate(c.AdjustMargin(ALPHA_F, BTC_PERP, opened.available - 7))) == 1
    assert len(floor.operate(c.AdjustMargin(ALPHA_F, BTC_PERP, -opened.available))) == 1
    cross = c.AdjustMargin(BRAVO_F, BTC_PERP, 7)
    assert refusal(floor.operate(cross)) == Code.UNKNOWN_REFERENCE, "cross"


@pytest.mark.req("MAR-11", "ACC-14")
def test_added_margin_stays_with_the_position_and_is_free_when_it_turns_or_ends(floor: Floor) -> None:
    leverage(floor, 10, mode=ISOLATED)
    floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP)
    floor.operate(c.AdjustMargin(ALPHA_F, BTC_PERP, USDT_UNIT))
    smaller = position(floor.trade(BRAVO_F, ALPHA_F, 500, 10_000, BTC_PERP), ALPHA_F)
    assert (smaller.margin, smaller.extra) == (51 * USDT_UNIT, USDT_UNIT)
    turned = position(floor.trade(BRAVO_F, ALPHA_F, 600, 10_000, BTC_PERP), ALPHA_F)
    assert (turned.size, turned.margin, turned.extra) == (-100, 10 * USDT_UNIT, 0)
