"""Positions in perpetuals: exact cost, realized profit, margin, isolation and debt."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, MarginMode, PositionReason, Side
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA_F, BRAVO_F, BTC_PERP, BTC_PNL, BUY, CHARLIE_F, FEES, LENDER, SELL, USDT
from tests.unit.floor import REDUCE_ONLY, USDT_UNIT, Events, Floor, accepted, position, refusal, those

TICK_LOT = 10_000
CROSS, ISOLATED = MarginMode
MINUTE_NS = 61 * 10**9


@pytest.fixture
def floor() -> Floor:
    return Floor()


def total(floor: Floor, account: int) -> int:
    return sum(floor.balance(account, USDT))


def trade(floor: Floor, buyer: int, seller: int, qty: int, price: int) -> Events:
    return floor.trade(buyer, seller, qty, price, BTC_PERP)


def fall(floor: Floor, price: int) -> None:
    """Let the mark move so slowly that no breaker minds."""
    floor.now_ns = max(floor.now_ns, floor.core.ts_ns) + MINUTE_NS
    assert len(floor.mark(price, BTC_PERP)) == 1


def sizes_and_costs(floor: Floor) -> tuple[int, int]:
    """What the model has for all positions in BTC-PERP: sums of sizes, and of costs and debts."""
    positions = [of[BTC_PERP] for of in floor.model.positions.values() if BTC_PERP in of]
    return sum(p.size for p in positions), sum(p.cost + p.debt for p in positions)


@pytest.mark.req("DRV-11", "ACC-15", "MAR-01", "MAR-06", "EVT-05")
def test_opening_a_position(floor: Floor) -> None:
    events = trade(floor, ALPHA_F, BRAVO_F, 100, 10_000)
    (traded,) = those(events, e.Traded)
    cost = 100 * 10_000 * TICK_LOT
    assert (traded.taker_fee, traded.maker_fee, traded.buyer_released) == (cost // 2_000, -cost // 20_000, 0)
    assert [p.account_id for p in those(events, e.PositionChanged)] == [BRAVO_F, ALPHA_F], "the maker first"
    long, short = position(events, ALPHA_F), position(events, BRAVO_F)
    assert (long.size, long.cost, long.margin, long.realized_pnl) == (100, cost, cost // 10, 0)
    assert (short.size, short.cost, short.margin, short.realized_pnl) == (-100, -cost, cost // 10, 0)
    assert (long.leverage, long.is_isolated, long.debt, long.extra) == (10, False, 0, 0)
    assert floor.balance(ALPHA_F, USDT) == (10_000 * USDT_UNIT - cost // 10 - cost // 2_000, cost // 10)
    assert floor.balance(FEES, USDT) == (cost // 2_000 - cost // 20_000, 0)


@pytest.mark.req("MAR-05", "MAR-09", "RES-19")
@pytest.mark.parametrize("side", [BUY, SELL])
def test_an_order_reserves_initial_margin_rounded_up_and_the_worst_fee(floor: Floor, side: Side) -> None:
    floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, 7, CROSS))
    floor.rest(ALPHA_F, side, 3, 10_001, symbol=BTC_PERP)
    worth = 10_001 * TICK_LOT
    open_loss = TICK_LOT if side is BUY else 0
    assert floor.balance(ALPHA_F, USDT)[1] == 3 * (-(-worth // 7) + open_loss + -(-worth // 2_000))


@pytest.mark.req("MAR-05", "RES-19")
def test_a_sell_is_margined_at_the_best_bid_when_that_is_higher(floor: Floor) -> None:
    floor.rest(BRAVO_F, BUY, 10, 10_500, symbol=BTC_PERP)
    order = floor.enter(ALPHA_F, SELL, 30, 10_000, symbol=BTC_PERP)
    (reserved,) = (event.reserved for event in those(order, e.OrderAccepted))
    assert reserved == 30 * (10_500 * TICK_LOT // 10 + 10_500 * TICK_LOT // 2_000)


@pytest.mark.req("ACC-13", "ACC-15", "DRV-11")
def test_cost_is_exact_and_a_part_closed_is_its_share_rounded_half_up(floor: Floor) -> None:
    trade(floor, ALPHA_F, BRAVO_F, 1, 10_000)
    trade(floor, ALPHA_F, BRAVO_F, 2, 10_001)
    events = trade(floor, BRAVO_F, ALPHA_F, 1, 10_100)
    cost = (10_000 + 20_002) * TICK_LOT
    share = 100_006_667
    assert 3 * share - cost == 1, "a third of it, rounded"
    long = position(events, ALPHA_F)
    assert (long.size, long.cost, long.realized_pnl) == (2, cost - share, 10_100 * TICK_LOT - share)
    short = position(events, BRAVO_F)
    assert (short.size, short.cost, short.realized_pnl) == (-2, share - cost, share - 10_100 * TICK_LOT)
    closing = trade(floor, BRAVO_F, ALPHA_F, 2, 10_000)
    assert position(closing, ALPHA_F).cost == 0 and position(closing, ALPHA_F).margin == 0
    assert position(closing, ALPHA_F).realized_pnl == 20_000 * TICK_LOT - (cost - share)


@pytest.mark.req("ACC-14", "DRV-11")
def test_a_reversal_closes_at_cost_and_opens_anew_at_the_price(floor: Floor) -> None:
    trade(floor, ALPHA_F, BRAVO_F, 100, 10_000)
    trade(floor, ALPHA_F, BRAVO_F, 50, 10_100)
    events = trade(floor, BRAVO_F, ALPHA_F, 200, 10_050)
    turned = position(events, ALPHA_F)
    realized = (150 * 10_050 - 100 * 10_000 - 50 * 10_100) * TICK_LOT
    assert (turned.size, turned.cost, turned.realized_pnl) == (-50, -50 * 10_050 * TICK_LOT, realized)
    assert turned.margin == 50 * 10_050 * TICK_LOT // 10
    assert position(events, BRAVO_F).realized_pnl == -realized


@pytest.mark.req("DRV-11", "INV-06")
def test_profit_is_booked_against_the_clearing_pnl_account(floor: Floor) -> None:
    trade(floor, ALPHA_F, BRAVO_F, 100, 10_000)
    assert floor.balance(BTC_PNL, USDT) == (0, 0)
    trade(floor, CHARLIE_F, ALPHA_F, 60, 10_500)
    gain = 60 * 500 * TICK_LOT
    assert floor.balance(BTC_PNL, USDT) == (-gain, 0), "paid to ALPHA, still owed by BRAVO's open position"
    size, cost = sizes_and_costs(floor)
    assert (size, floor.balance(BTC_PNL, USDT)[0] + cost) == (0, 0)
    trade(floor, BRAVO_F, CHARLIE_F, 60, 10_500)
    assert floor.balance(BTC_PNL, USDT) == (0, 0)


@pytest.mark.req("MAR-11", "MAR-06")
def test_in_cross_margin_a_loss_comes_out_of_the_whole_account(floor: Floor) -> None:
    trade(floor, ALPHA_F, BRAVO_F, 1_000, 10_000)
    fall(floor, 8_000)
    before = total(floor, ALPHA_F)
    closed = position(trade(floor, BRAVO_F, ALPHA_F, 1_000, 8_000), ALPHA_F)
    assert (closed.realized_pnl, closed.debt) == (-200 * USDT_UNIT, 0)
    fee = -(800 * USDT_UNIT) // 20_000
    assert total(floor, ALPHA_F) == before - 200 * USDT_UNIT - fee


@pytest.mark.req("MAR-11", "MAR-40")
def test_in_isolated_margin_a_loss_stops_at_the_positions_margin_and_the_rest_is_debt(floor: Floor) -> None:
    floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, 10, ISOLATED))
    opened = position(trade(floor, ALPHA_F, BRAVO_F, 1_000, 10_000), ALPHA_F)
    assert (opened.margin, opened.is_isolated) == (100 * USDT_UNIT, True)
    fall(floor, 8_000)
    available = opened.available
    closed = position(trade(floor, BRAVO_F, ALPHA_F, 1_000, 8_000), ALPHA_F)
    rebate = 800 * USDT_UNIT // 20_000
    assert closed.debt == 100 * USDT_UNIT - rebate - closed.released
    assert (closed.available, closed.locked, closed.margin) == (available - closed.released, 0, 0)


@pytest.mark.req("MAR-40", "LIQ-34", "DRV-11")
def test_a_cross_loss_beyond_the_account_is_debt_which_keeps_new_orders_out_until_paid(floor: Floor) -> None:
    floor.operate(c.SetAccountLimits(CHARLIE_F, 4, 0, 0))
    floor.operate(c.SetLeverage(CHARLIE_F, BTC_PERP, 20, CROSS))
    trade(floor, CHARLIE_F, BRAVO_F, 8_000, 10_000)
    had = total(floor, CHARLIE_F)
    fall(floor, 8_000)
    ended = floor.enter(BRAVO_F, BUY, 8_000, 8_000, symbol=BTC_PERP)
    maker = accepted(ended)
    sale = floor.enter(CHARLIE_F, SELL, 8_000, 8_000, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)
    closed = position(sale, CHARLIE_F)
    fee = 6_400 * USDT_UNIT // 2_000
    assert those(sale, e.Traded)[0].maker_order_id == maker
    assert closed.debt == 1_600 * USDT_UNIT + fee - had
    assert (closed.available, closed.locked) == (0, 0)
    for symbol in (BTC_PERP, m.ETH_PERP):
        events = floor.enter(CHARLIE_F, BUY, 10, 8_000 if symbol == BTC_PERP else 10_000, symbol=symbol)
        assert refusal(events) == Code.INSUFFICIENT_BALANCE, "all it has goes to the debt"
    pnl, _ = floor.balance(BTC_PNL, USDT)
    some = c.CoverDebt(LENDER, CHARLIE_F, BTC_PERP, closed.debt - 1)
    covered, changed = floor.operate(some)
    assert covered == e.DebtCovered(floor.balance(LENDER, USDT)[0])
    assert isinstance(changed, e.PositionChanged) and (changed.reason, changed.debt) == (PositionReason.DEBT, 1)
    assert floor.balance(BTC_PNL, USDT)[0] == pnl + closed.debt - 1
    _, repaid = floor.operate(c.Deposit(CHARLIE_F, USDT, 10**12, "more"))
    assert isinstance(repaid, e.PositionChanged) and (repaid.reason, repaid.debt) == (PositionReason.REPAYMENT, 0)
    assert floor.balance(BTC_PNL, USDT)[0] == pnl + closed.debt
    assert floor.balance(CHARLIE_F, USDT)[0] == 10**12 - 1 == repaid.available
    assert accepted(floor.enter(CHARLIE_F, BUY, 10, 8_000, symbol=BTC_PERP))


@pytest.fixture
def indebted(floor: Floor) -> tuple[Floor, int]:
    """ALPHA-F owes from an isolated position."""
    floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, 10, ISOLATED))
    trade(floor, ALPHA_F, BRAVO_F, 1_000, 10_000)
    fall(floor, 8_000)
    return floor, position(trade(floor, BRAVO_F, ALPHA_F, 1_000, 8_000), ALPHA_F).debt


@pytest.mark.req("LIQ-34")
def test_a_debt_is_covered_by_no_more_than_it_is_and_from_what_there_is(indebted: tuple[Floor, int]) -> None:
    floor, debt = indebted
    poor = floor.balance(CHARLIE_F, USDT)[0]
    floor.operate(c.Transfer(CHARLIE_F, BRAVO_F, USDT, poor - 5))
    cases = [
        (c.CoverDebt(LENDER, ALPHA_F, BTC_PERP, 0), Code.BOUND_EXCEEDED),
        (c.CoverDebt(LENDER, ALPHA_F, BTC_PERP, debt + 1), Code.BOUND_EXCEEDED),
        (c.CoverDebt(BTC_PNL, ALPHA_F, BTC_PERP, 1), Code.BOUND_EXCEEDED),
        (c.CoverDebt(LENDER, BRAVO_F, BTC_PERP, 1), Code.BOUND_EXCEEDED),
        (c.CoverDebt(999, ALPHA_F, BTC_PERP, 1), Code.UNKNOWN_REFERENCE),
        (c.CoverDebt(LENDER, 999, BTC_PERP, 1), Code.UNKNOWN_REFERENCE),
        (c.CoverDebt(LENDER, ALPHA_F, m.ETH_PERP, 1), Code.UNKNOWN_REFERENCE),
        (c.CoverDebt(CHARLIE_F, ALPHA_F, BTC_PERP, 6), Code.INSUFFICIENT_BALANCE),
    ]
    before = floor.state_bytes()
    for command, code in cases:
        assert refusal(floor.operate(command)) == code
        assert refusal(floor.send(m.ALPHA_OE, command)) == Code.NOT_AUTHORISED
        assert floor.state_bytes() == before
    assert len(floor.operate(c.CoverDebt(CHARLIE_F, ALPHA_F, BTC_PERP, 5))) == 2
    assert len(floor.operate(c.CoverDebt(LENDER, ALPHA_F, BTC_PERP, debt - 5))) == 2
    assert refusal(floor.operate(c.CoverDebt(LENDER, ALPHA_F, BTC_PERP, 1))) == Code.BOUND_EXCEEDED


@pytest.mark.req("MAR-05", "RES-19")
def test_a_new_order_has_what_is_available_less_unrealized_losses(floor: Floor) -> None:
    trade(floor, ALPHA_F, BRAVO_F, 1_000, 10_000)
    fall(floor, 9_600)
    available, _ = floor.balance(ALPHA_F, USDT)
    worth = 9_600 * TICK_LOT
    per_lot = worth // 10 + worth // 2_000
    free = 3_001 * per_lot
    floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, available - 40 * USDT_UNIT - free))
    assert refusal(floor.enter(ALPHA_F, BUY, 3_002, 9_600, symbol=BTC_PERP)) == Code.INSUFFICIENT_BALANCE
    assert accepted(floor.enter(ALPHA_F, BUY, 3_001, 9_600, symbol=BTC_PERP))


@pytest.mark.req("MAR-11", "RES-19")
def test_losses_of_isolated_positions_do_not_count(floor: Floor) -> None:
    floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, 10, ISOLATED))
    trade(floor, ALPHA_F, BRAVO_F, 1_000, 10_000)
    available, _ = floor.balance(ALPHA_F, USDT)
    fall(floor, 9_600)
    assert isinstance(floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, available))[0], e.Transferred)


@pytest.mark.req("MAR-10", "DRV-11")
def test_unrealized_profit_is_no_collateral(floor: Floor) -> None:
    trade(floor, ALPHA_F, BRAVO_F, 1_000, 10_000)
    available, _ = floor.balance(ALPHA_F, USDT)
    fall(floor, 10_900)
    assert refusal(floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, available + 1))) == Code.INSUFFICIENT_BALANCE


@pytest.mark.req("ACC-03")
def test_an_account_with_a_debt_is_not_closed(indebted: tuple[Floor, int]) -> None:
    floor, debt = indebted
    available = floor.balance(ALPHA_F, USDT)[0]
    close = c.SetAccountStatus(ALPHA_F, AccountStatus.CLOSED)
    assert refusal(floor.operate(close)) == Code.NOT_EMPTY
    assert refusal(floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, 1))) == Code.INSUFFICIENT_BALANCE
    floor.operate(c.CoverDebt(LENDER, ALPHA_F, BTC_PERP, debt))
    floor.operate(c.Transfer(ALPHA_F, BRAVO_F, USDT, available))
    assert floor.operate(close) == (e.AccountStatusSet(),)
