"""Accounts: what each kind trades, what each status and margin state allows, and money between them."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, AccountStatus, ExecInst, MarginState, Side
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import (
    ALPHA,
    ALPHA_F,
    ALPHA_M,
    BRAVO,
    BRAVO_F,
    BTC_PERP,
    BTC_USDT,
    BUY,
    CHARLIE,
    SELL,
    USDT,
)
from tests.unit.floor import LOT, REDUCE_ONLY, USDT_UNIT, Floor, accepted, closed, refusal, trades

ACTIVE, SUSPENDED, CLOSED = AccountStatus
EMPTY = 131


@pytest.fixture
def floor() -> Floor:
    """With an account that has nothing."""
    floor = Floor()
    floor.operate(c.OpenAccount(EMPTY, 1, AccountKind.SPOT, "EMPTY"))
    return floor


@pytest.mark.req("ACC-02")
@pytest.mark.parametrize(
    ("account", "symbol", "code"),
    [
        (ALPHA, BTC_USDT, None),
        (ALPHA_M, BTC_USDT, None),
        (ALPHA_F, BTC_PERP, None),
        (ALPHA, BTC_PERP, Code.UNSUPPORTED),
        (ALPHA_M, BTC_PERP, Code.UNSUPPORTED),
        (ALPHA_F, BTC_USDT, Code.UNSUPPORTED),
        (m.FEES, BTC_USDT, Code.UNKNOWN_ACCOUNT),
        (m.BTC_PNL, BTC_PERP, Code.UNKNOWN_ACCOUNT),
    ],
)
def test_each_kind_of_account_has_its_instruments(floor: Floor, account: int, symbol: int, code: Code | None) -> None:
    qty = LOT if symbol == BTC_USDT else 10
    events = floor.enter(account, BUY, qty, 10_000, symbol=symbol)
    assert refusal(events) == code if code else accepted(events)


@pytest.mark.req("ACC-03", "EVT-02")
@pytest.mark.parametrize(
    ("now", "then", "is_allowed"),
    [(now, then, now is not CLOSED or then is CLOSED) for now in AccountStatus for then in AccountStatus],
)
def test_which_status_follows_which(floor: Floor, now: AccountStatus, then: AccountStatus, is_allowed: bool) -> None:
    assert floor.operate(c.SetAccountStatus(EMPTY, now)) == (e.AccountStatusSet(),)
    events = floor.operate(c.SetAccountStatus(EMPTY, then))
    assert events == ((e.AccountStatusSet(),) if is_allowed else (e.CommandRefused(Code.INVALID_TRANSITION),))


@pytest.mark.req("ACC-03")
def test_only_an_empty_account_is_closed(floor: Floor) -> None:
    close = c.SetAccountStatus(EMPTY, CLOSED)
    floor.operate(c.Deposit(EMPTY, USDT, LOT * 100_100, "d"))
    assert refusal(floor.operate(close)) == Code.NOT_EMPTY, "a balance"
    order = floor.rest(EMPTY, BUY, LOT, 10_000)
    assert refusal(floor.operate(close)) == Code.NOT_EMPTY, "all of it locked"
    floor.cancel(order)
    floor.operate(c.Transfer(EMPTY, ALPHA, USDT, LOT * 100_100))
    assert floor.operate(close) == (e.AccountStatusSet(),)
    assert refusal(floor.operate(c.Deposit(EMPTY, USDT, 1, "e"))) == Code.BOUND_EXCEEDED
    assert refusal(floor.operate(c.Transfer(ALPHA, EMPTY, USDT, 1))) == Code.BOUND_EXCEEDED
    assert refusal(floor.enter(EMPTY, BUY, LOT, 10_000, source=m.ALPHA_OE)) == Code.ACCOUNT_SUSPENDED


@pytest.mark.req("ACC-03")
def test_an_open_order_that_locks_nothing_keeps_an_account_open(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 10, 10_000, BTC_PERP)
    floor.rest(ALPHA_F, SELL, 10, kind=m.STOP, stop_px=9_000, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)
    assert refusal(floor.operate(c.SetAccountStatus(ALPHA_F, CLOSED))) == Code.NOT_EMPTY
    floor.trade(BRAVO_F, ALPHA_F, 10, 10_000, BTC_PERP)
    rest, _ = floor.balance(ALPHA_F, USDT)
    floor.operate(c.Transfer(ALPHA_F, ALPHA, USDT, rest))
    assert refusal(floor.operate(c.SetAccountStatus(ALPHA_F, CLOSED))) == Code.NOT_EMPTY
    floor.operate(c.MassCancel("x", account_id=ALPHA_F))
    assert floor.operate(c.SetAccountStatus(ALPHA_F, CLOSED)) == (e.AccountStatusSet(),)


@pytest.mark.req("DRV-13", "ACC-20")
def test_a_suspended_account_may_cancel_and_receive_and_nothing_else(floor: Floor) -> None:
    order, other = floor.rest(ALPHA, BUY, LOT, 9_990), floor.rest(ALPHA, SELL, LOT, 10_010)
    floor.operate(c.SetAccountStatus(ALPHA, SUSPENDED))
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_990)) == Code.ACCOUNT_SUSPENDED
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_990, source=0)) == Code.ACCOUNT_SUSPENDED
    assert closed(floor.cancel(order, m.ALPHA_OE)) == [(order, LOT, Code.USER_REQUESTED)]
    assert isinstance(floor.operate(c.Deposit(ALPHA, USDT, 1, "d"))[0], e.Deposited)
    assert trades(floor.enter(BRAVO, BUY, LOT, 10_010, tif=m.IOC)) == [], "resting orders are outside the market"
    floor.operate(c.SetAccountStatus(ALPHA, ACTIVE))
    assert trades(floor.enter(BRAVO, BUY, LOT, 10_010)) == [(other, 10_010, LOT)]
    assert accepted(floor.enter(ALPHA, BUY, LOT, 9_990))


FLAGS = {"plain": ExecInst.NONE, "reduce-only": REDUCE_ONLY, "liquidation": REDUCE_ONLY | ExecInst.LIQUIDATION}


@pytest.mark.req("LIQ-60", "DRV-13", "MAR-20")
@pytest.mark.parametrize(
    ("state", "taken"),
    [
        (MarginState.NORMAL, {"plain", "reduce-only", "liquidation"}),
        (MarginState.LIQUIDATION_WARNING, {"plain", "reduce-only", "liquidation"}),
        (MarginState.MARGIN_CALL, {"reduce-only", "liquidation"}),
        (MarginState.IN_LIQUIDATION, {"liquidation"}),
        (MarginState.LIQUIDATED, {"liquidation"}),
        (MarginState.ADL_DELEVERAGED, {"plain", "reduce-only", "liquidation"}),
    ],
)
def test_which_orders_each_margin_state_takes(floor: Floor, state: MarginState, taken: set[str]) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 100, 10_000, BTC_PERP)
    assert floor.operate(c.SetMarginState(ALPHA_F, state)) == (e.MarginStateSet(),)
    for name, flags in FLAGS.items():
        events = floor.enter(ALPHA_F, SELL, 10, 10_000, symbol=BTC_PERP, exec_inst=flags, source=c.OPERATIONS)
        if name in taken:
            assert accepted(events)
        else:
            assert refusal(events) == Code.MARGIN_RESTRICTED


@pytest.mark.req("ORD-02")
@pytest.mark.parametrize("account", [0, 999, m.FEES, m.BTC_PNL])
def test_only_a_members_account_has_a_status_limits_and_a_margin_state(floor: Floor, account: int) -> None:
    for command in (
        c.SetAccountStatus(account, SUSPENDED),
        c.SetMarginState(account, MarginState.NORMAL),
        c.SetAccountLimits(account, 1, 0, 0),
    ):
        assert refusal(floor.operate(command)) == Code.UNKNOWN_REFERENCE
        assert refusal(floor.send(m.ALPHA_OE, command)) == Code.NOT_AUTHORISED


@pytest.mark.req("MAR-03")
@pytest.mark.parametrize(
    ("tier", "leverage_max", "position_max", "is_taken"),
    [
        (0, 0, 0, False),
        (1, 0, 0, True),
        (4, limits.LEVERAGE_MAX, limits.NOTIONAL_MINOR_MAX, True),
        (5, 0, 0, False),
        (1, limits.LEVERAGE_MAX + 1, 0, False),
        (1, 0, -1, False),
        (1, 0, limits.NOTIONAL_MINOR_MAX + 1, False),
    ],
)
def test_limits_of_an_account_have_bounds(
    floor: Floor, tier: int, leverage_max: int, position_max: int, is_taken: bool
) -> None:
    events = floor.operate(c.SetAccountLimits(ALPHA_F, tier, leverage_max, position_max))
    assert events == ((e.AccountLimitsSet(),) if is_taken else (e.CommandRefused(Code.BOUND_EXCEEDED),))


@pytest.mark.req("ACC-02", "ACC-10")
def test_a_transfer_moves_what_is_available_and_not_one_more(floor: Floor) -> None:
    floor.rest(ALPHA, BUY, LOT, 10_000)
    available, _ = floor.balance(ALPHA, USDT)
    theirs, _ = floor.balance(BRAVO, USDT)
    assert refusal(floor.operate(c.Transfer(ALPHA, BRAVO, USDT, available + 1))) == Code.INSUFFICIENT_BALANCE
    assert floor.operate(c.Transfer(ALPHA, BRAVO, USDT, available)) == (e.Transferred(0, theirs + available),)
    assert floor.balance(ALPHA, USDT) == (0, LOT * 100_100)


@pytest.mark.req("ACC-02")
@pytest.mark.parametrize(
    ("payer", "payee", "asset", "amount", "code"),
    [
        (999, BRAVO, USDT, 1, Code.UNKNOWN_REFERENCE),
        (ALPHA, 999, USDT, 1, Code.UNKNOWN_REFERENCE),
        (ALPHA, BRAVO, 9, 1, Code.UNKNOWN_REFERENCE),
        (ALPHA, ALPHA, USDT, 1, Code.BOUND_EXCEEDED),
        (ALPHA, BRAVO, USDT, 0, Code.BOUND_EXCEEDED),
        (ALPHA, BRAVO, USDT, -1, Code.BOUND_EXCEEDED),
        (ALPHA, m.BTC_PNL, USDT, 1, Code.BOUND_EXCEEDED),
        (m.BTC_PNL, ALPHA, USDT, 1, Code.BOUND_EXCEEDED),
        (EMPTY, ALPHA, USDT, 1, Code.INSUFFICIENT_BALANCE),
    ],
)
def test_transfers_that_are_refused(floor: Floor, payer: int, payee: int, asset: int, amount: int, code: Code) -> None:
    before = floor.state_bytes()
    assert refusal(floor.operate(c.Transfer(payer, payee, asset, amount))) == code
    assert refusal(floor.send(m.ALPHA_OE, c.Transfer(ALPHA, BRAVO, USDT, 1))) == Code.NOT_AUTHORISED
    assert floor.state_bytes() == before


@pytest.mark.req("ACC-02", "RES-19")
def test_unrealized_losses_of_cross_positions_stay_in_a_futures_account(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP)
    floor.mark(9_500, BTC_PERP)
    available, _ = floor.balance(ALPHA_F, USDT)
    free = available - 50 * USDT_UNIT
    assert refusal(floor.operate(c.Transfer(ALPHA_F, ALPHA, USDT, free + 1))) == Code.INSUFFICIENT_BALANCE
    assert isinstance(floor.operate(c.Transfer(ALPHA_F, ALPHA, USDT, free))[0], e.Transferred)
    gain, _ = floor.balance(BRAVO_F, USDT)
    assert refusal(floor.operate(c.Transfer(BRAVO_F, ALPHA, USDT, gain + 1))) == Code.INSUFFICIENT_BALANCE


@pytest.mark.req("ACC-02", "RES-19")
def test_profits_and_losses_of_one_quote_asset_are_set_against_one_another(floor: Floor) -> None:
    for symbol, side in ((BTC_PERP, BUY), (m.ETH_PERP, SELL)):
        buyer, seller = (ALPHA_F, BRAVO_F) if side is BUY else (BRAVO_F, ALPHA_F)
        floor.trade(buyer, seller, 1_000, 10_000, symbol)
        floor.mark(9_800, symbol)
    available, _ = floor.balance(ALPHA_F, USDT)
    assert isinstance(floor.operate(c.Transfer(ALPHA_F, ALPHA, USDT, available))[0], e.Transferred)


@pytest.mark.req("ACC-20", "REC-33")
def test_no_deposit_into_a_clearing_pnl_account(floor: Floor) -> None:
    assert refusal(floor.operate(c.Deposit(m.BTC_PNL, USDT, 1, "d"))) == Code.BOUND_EXCEEDED


@pytest.mark.req("ACC-20", "ACC-21", "ACC-23")
@pytest.mark.parametrize("side", list(Side))
def test_placing_and_canceling_are_exact_inverses(floor: Floor, side: Side) -> None:
    before = floor.core.balances()
    orders = [floor.rest(CHARLIE, side, LOT + n, 10_000 + n) for n in range(3)]
    for order in orders:
        floor.cancel(order)
    assert floor.core.balances() == before
