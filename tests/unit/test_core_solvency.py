"""Nobody gives away what is not theirs: what an account must bear when an order of it trades (RES-94)."""

from __future__ import annotations

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import ExecInst, MarginMode, Matching, OrdType, Side, SymbolStatus, Trigger
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import (
    ALPHA_F,
    ALPHA_F2,
    ALPHA_M,
    BRAVO,
    BRAVO_F,
    BTC,
    BTC_PERP,
    BUY,
    FOK,
    IOC,
    LENDER,
    SELL,
    USDT,
)
from tests.unit.floor import REDUCE_ONLY, SECOND_NS, USDT_UNIT, Floor, closed, position, refusal, trades

MARK = 10_000
LIQUIDATION = REDUCE_ONLY | ExecInst.LIQUIDATION
UNABLE = Code.INSUFFICIENT_BALANCE


def holding(mode: MarginMode, side: Side, lots: int = 40_000) -> Floor:
    """ALPHA-F2 holds a position entered at the mark with a leverage of 20, and little besides."""
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, mode))
    parties = (ALPHA_F2, BRAVO_F) if side is BUY else (BRAVO_F, ALPHA_F2)
    floor.trade(*parties, lots, MARK, BTC_PERP)
    floor.operate(c.Transfer(ALPHA_F2, BRAVO_F, USDT, floor.balance(ALPHA_F2, USDT)[0] - 100 * USDT_UNIT))
    return floor


def opposite(side: Side) -> Side:
    return SELL if side is BUY else BUY


def away(side: Side, ticks: int) -> int:
    """A price by which who closes a position of this side gives so much away."""
    return MARK - ticks if side is BUY else MARK + ticks


@pytest.mark.req("RES-94", "MAR-40")
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("mode", list(MarginMode))
@pytest.mark.parametrize("how", ["limit", "market", "maker", "flip"])
def test_closing_gives_no_friend_more_than_stands_behind_the_position(mode: MarginMode, side: Side, how: str) -> None:
    """Cross: 2,000 of margin and 100 besides bear 520 ticks on 40,000 lots less the fee; isolated: the 2,000 alone."""
    for ticks, is_borne in ((480, True), (1_000, False)):
        floor = holding(mode, side)
        price, closing = away(side, ticks), opposite(side)
        terms: dict[str, object] = {"symbol": BTC_PERP, "exec_inst": REDUCE_ONLY}
        if how == "maker":
            floor.rest(ALPHA_F2, closing, 40_000, price, **terms)
            events = floor.enter(BRAVO_F, side, 40_000, price, symbol=BTC_PERP)
        else:
            floor.rest(BRAVO_F, side, 50_000, price, symbol=BTC_PERP)
            if how == "market":
                events = floor.enter(ALPHA_F2, closing, 40_000, kind=OrdType.MARKET, **terms)
            elif how == "limit":
                events = floor.enter(ALPHA_F2, closing, 40_000, price, **terms)
            else:
                floor.operate(c.Deposit(ALPHA_F2, USDT, 1_000 * USDT_UNIT, "flip"))
                events = floor.enter(ALPHA_F2, closing, 40_100, price, symbol=BTC_PERP)
        debts = [int(p.debt) for p in floor.core.positions() if p.account_id == ALPHA_F2]
        assert sum(debts) == 0
        if how != "flip":
            assert bool(trades(events)) is is_borne
            assert is_borne or closed(events)[0][2] == UNABLE
        floor.core.check()


@pytest.mark.req("RES-94", "DRV-13")
@pytest.mark.parametrize("is_liquidation", [True, False])
def test_under_water_one_closes_at_the_mark_and_liquidation_at_any_price(is_liquidation: bool) -> None:
    floor = holding(MarginMode.CROSS, BUY)
    for price in (9_600, 9_200):
        floor.wait(62 * SECOND_NS)
        floor.mark(price, BTC_PERP)
    terms: dict[str, object] = {"symbol": BTC_PERP, "tif": IOC, "source": c.OPERATIONS}
    floor.rest(BRAVO_F, BUY, 10_000, 9_199, symbol=BTC_PERP)
    inst = LIQUIDATION if is_liquidation else REDUCE_ONLY
    assert bool(trades(floor.enter(ALPHA_F2, SELL, 10_000, 9_199, exec_inst=inst, **terms))) is is_liquidation
    floor.rest(BRAVO_F, BUY, 10_000, 9_200, symbol=BTC_PERP)
    assert trades(floor.enter(ALPHA_F2, SELL, 10_000, 9_200, exec_inst=REDUCE_ONLY, **terms))


@pytest.mark.req("RES-94")
@pytest.mark.parametrize(("mark", "is_borne"), [(9_560, True), (9_500, False)])
def test_an_order_that_the_mark_has_left_behind_trades_as_long_as_it_is_borne(mark: int, is_borne: bool) -> None:
    """It locked a twentieth and the fee; after the trade the maintenance margin of 0.4 % must be left."""
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.CROSS))
    order = floor.rest(ALPHA_F2, BUY, 40_000, MARK, symbol=BTC_PERP)
    floor.operate(c.Transfer(ALPHA_F2, BRAVO_F, USDT, floor.balance(ALPHA_F2, USDT)[0]))
    floor.wait(62 * SECOND_NS)
    floor.mark(mark, BTC_PERP)
    events = floor.enter(BRAVO_F, SELL, 40_000, MARK, symbol=BTC_PERP, tif=IOC)
    assert trades(events) == ([(order, MARK, 40_000)] if is_borne else [])
    assert is_borne or closed(events)[0] == (order, 40_000, UNABLE)


@pytest.mark.req("RES-94")
def test_a_stop_elected_by_a_price_of_ones_own_does_not_pay_a_friend() -> None:
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.CROSS))
    floor.operate(c.Transfer(ALPHA_F2, BRAVO_F, USDT, floor.balance(ALPHA_F2, USDT)[0] - 600 * USDT_UNIT))
    stop = {"kind": OrdType.STOP_LIMIT, "stop_px": 11_000, "trigger": Trigger.LAST}
    order = floor.rest(ALPHA_F2, BUY, 9_000, 11_000, symbol=BTC_PERP, **stop)
    floor.rest(BRAVO_F, SELL, 20_000, 11_000, symbol=BTC_PERP)
    events = floor.enter(ALPHA_F, BUY, 100, 11_000, symbol=BTC_PERP)
    assert closed(events) == [(order, 9_000, UNABLE)]


@pytest.mark.req("RES-94", "RES-95", "MAR-11")
def test_what_an_order_brought_to_bear_its_loss_stays_with_an_isolated_position() -> None:
    """Bought 1,000 ticks above the mark: the tenth stays, comes out when the mark follows, and not before."""
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.ISOLATED))
    opened = position(floor.trade(ALPHA_F2, BRAVO_F, 10_000, 11_000, BTC_PERP), ALPHA_F2)
    assert (opened.margin, opened.extra) == ((550 + 1_000) * USDT_UNIT, 1_000 * USDT_UNIT)
    out = c.AdjustMargin(ALPHA_F2, BTC_PERP, -USDT_UNIT)
    floor.mark(10_000, BTC_PERP)
    assert refusal(floor.operate(c.AdjustMargin(ALPHA_F2, BTC_PERP, -51 * USDT_UNIT))) == Code.INSUFFICIENT_BALANCE
    floor.wait(62 * SECOND_NS)
    floor.mark(10_900, BTC_PERP)
    assert isinstance(floor.operate(out)[0], e.PositionChanged)


@pytest.mark.req("RES-94", "TRD-04")
def test_whoever_is_paid_with_a_loan_leaves_the_lender_whole() -> None:
    """Ten orders borrow all there is, each judged alone; together they would give away more than the equity."""
    floor = Floor()
    floor.operate(c.Deposit(ALPHA_M, USDT, 970 * USDT_UNIT, "more"))
    for _ in range(10):
        floor.enter(ALPHA_M, BUY, 890_000, 11_000)
    for _ in range(10):
        floor.enter(BRAVO, SELL, 890_000, 11_000, tif=IOC)
    owed = sum(int(loan.amount) for loan in floor.core.loans() if loan.account_id == ALPHA_M)
    assert owed > 0
    lots = floor.balance(ALPHA_M, BTC)[0] // 1_000
    assert lots * 100_000 * 95 // 100 >= owed - sum(floor.balance(ALPHA_M, USDT))
    assert floor.balance(LENDER, USDT)[0] + owed == 10**6 * USDT_UNIT
    floor.core.check()


@pytest.mark.req("RES-94", "ORD-04")
@pytest.mark.parametrize(("lots", "is_filled"), [(60_000, True), (60_001, False)])
def test_fill_or_kill_counts_no_maker_that_cannot_bear_it(lots: int, is_filled: bool) -> None:
    """ALPHA-F2's bid was left behind by the mark; it is passed over, and all of the order is filled or nothing."""
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.CROSS))
    floor.rest(ALPHA_F2, BUY, 40_000, MARK, symbol=BTC_PERP)
    floor.operate(c.Transfer(ALPHA_F2, BRAVO_F, USDT, floor.balance(ALPHA_F2, USDT)[0]))
    floor.rest(ALPHA_F, BUY, 60_000, MARK - 1, symbol=BTC_PERP)
    floor.wait(62 * SECOND_NS)
    floor.mark(9_400, BTC_PERP)
    events = floor.enter(BRAVO_F, SELL, lots, MARK - 1, symbol=BTC_PERP, tif=FOK)
    assert sum(qty for _, _, qty in trades(events)) == (lots if is_filled else 0)


@pytest.mark.req("RES-94", "RES-97")
def test_an_auction_trades_nothing_that_is_not_borne() -> None:
    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.CROSS))
    floor.status(SymbolStatus.PRE_OPEN, BTC_PERP)
    order = floor.rest(ALPHA_F2, BUY, 40_000, MARK, symbol=BTC_PERP)
    floor.operate(c.Transfer(ALPHA_F2, BRAVO_F, USDT, floor.balance(ALPHA_F2, USDT)[0]))
    floor.rest(BRAVO_F, SELL, 40_000, MARK, symbol=BTC_PERP)
    floor.wait(62 * SECOND_NS)
    floor.mark(9_400, BTC_PERP)
    assert closed(floor.status(SymbolStatus.OPEN, BTC_PERP)) == [(order, 40_000, UNABLE)]


@pytest.mark.req("RES-94", "TRD-31")
def test_pro_rata_leaves_out_who_cannot_bear_a_share() -> None:

    floor = Floor()
    floor.operate(c.SetLeverage(ALPHA_F2, BTC_PERP, 20, MarginMode.CROSS))
    floor.operate(c.ChangeInstrument(msgspec.structs.replace(m.BTC_PERP_LISTING, matching=Matching.PRO_RATA)))
    poor = floor.rest(ALPHA_F2, BUY, 40_000, MARK, symbol=BTC_PERP)
    floor.operate(c.Transfer(ALPHA_F2, BRAVO_F, USDT, floor.balance(ALPHA_F2, USDT)[0]))
    rich = floor.rest(ALPHA_F, BUY, 40_000, MARK, symbol=BTC_PERP)
    floor.wait(62 * SECOND_NS)
    floor.mark(9_400, BTC_PERP)
    events = floor.enter(BRAVO_F, SELL, 40_000, MARK, symbol=BTC_PERP, tif=IOC)
    assert closed(events) == [(poor, 40_000, UNABLE)]
    assert trades(events) == [(rich, MARK, 40_000)]
