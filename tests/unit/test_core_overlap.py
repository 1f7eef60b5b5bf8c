"""What cannot trade forms no price: own orders that cross, and reduce-only orders beyond their position (RES-97)."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, RestateReason, SelfTrade, SymbolStatus
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, ALPHA_F2, ALPHA_M, BRAVO, BRAVO_F, BTC_PERP, BTC_USDT, BUY, CHARLIE, SELL
from tests.property.twins import Twins
from tests.unit.floor import LOT, REDUCE_ONLY, Events, Floor, closed, restated, those, trades

pytestmark = pytest.mark.req("RES-97")
OPEN, PRE_OPEN = SymbolStatus.OPEN, SymbolStatus.PRE_OPEN


@pytest.fixture
def floor() -> Floor:
    """The mark is 10,000, and nothing trades before the opening."""
    floor = Floor()
    floor.status(PRE_OPEN)
    return floor


def prices(events: Events) -> list[tuple[int, int]]:
    return [(u.price, u.volume) for u in those(events, e.Uncrossed)]


# --- own overlap ----------------------------------------------------------------------------------------


@pytest.mark.req("ORD-08", "TRD-21")
@pytest.mark.parametrize("stp", list(SelfTrade))
@pytest.mark.parametrize("phantoms", [(10_900, 10_900), (11_000, 10_900), (10_900, 9_500), (10_900, 10_000)])
def test_a_pair_of_own_orders_moves_no_price(floor: Floor, stp: SelfTrade, phantoms: tuple[int, int]) -> None:
    floor.rest(BRAVO, BUY, LOT, 10_900)
    real = floor.rest(ALPHA, SELL, LOT, 9_500)
    bid = floor.rest(ALPHA, BUY, 40 * LOT, phantoms[0], stp=stp)
    ask = floor.rest(ALPHA, SELL, 40 * LOT, phantoms[1], stp=stp)
    events = floor.status(OPEN)
    assert prices(events) == [(9_500, LOT)], "as without the pair"
    assert closed(events) == [(bid, 40 * LOT, Code.SELF_TRADE), (ask, 40 * LOT, Code.SELF_TRADE)]
    assert trades(events)[0][1:] == (9_500, LOT) and floor.state(real) == OrderState.FILLED


@pytest.mark.req("ORD-08")
@pytest.mark.parametrize("stp", list(SelfTrade))
def test_only_what_overlaps_is_taken_out_and_the_rest_stands_against_others(floor: Floor, stp: SelfTrade) -> None:
    bid = floor.rest(ALPHA, BUY, 4 * LOT, 10_000, stp=stp)
    ask = floor.rest(ALPHA, SELL, 10 * LOT, 10_000, stp=stp)
    floor.rest(BRAVO, BUY, 10 * LOT, 10_000)
    events = floor.status(OPEN)
    assert closed(events) == [(bid, 4 * LOT, Code.SELF_TRADE)]
    assert restated(events)[0] == (ask, RestateReason.DECREMENT, 6 * LOT, 10_000, 6 * LOT)
    assert prices(events) == [(10_000, 6 * LOT)] and trades(events) == [(ask, 10_000, 6 * LOT)]


@pytest.mark.req("ORD-08")
def test_the_orders_that_would_trade_last_lose_first(floor: Floor) -> None:
    asks = [floor.rest(ALPHA, SELL, LOT, price) for price in (9_990, 10_000, 10_000, 10_020)]
    bids = [floor.rest(ALPHA, BUY, LOT, price) for price in (10_010, 10_000)]
    floor.rest(CHARLIE, BUY, LOT, 10_000)
    events = floor.status(OPEN)
    assert [order for order, _, _ in closed(events)] == [asks[2], bids[1], asks[1], bids[0]]
    assert trades(events) == [(asks[0], 10_000, LOT)], "as near to the mark as can be"


@pytest.mark.req("ORD-08")
def test_a_group_of_a_firm_is_netted_over_its_accounts(floor: Floor) -> None:
    floor.operate(c.Deposit(ALPHA_M, m.BTC, 10**8, "base"))
    bid = floor.rest(ALPHA, BUY, LOT, 10_010, stp_group=7)
    other = floor.rest(ALPHA_M, SELL, LOT // 2, 10_000, stp_group=8)
    ask = floor.rest(ALPHA_M, SELL, LOT, 10_000, stp_group=7)
    events = floor.status(OPEN)
    assert closed(events) == [(bid, LOT, Code.SELF_TRADE), (ask, LOT, Code.SELF_TRADE)]
    assert prices(events) == [] and floor.state(other) == OrderState.PENDING


# --- reduce-only ----------------------------------------------------------------------------------------


@pytest.mark.req("ORD-17")
def test_reduce_only_counts_up_to_the_position_less_what_trades_before(floor: Floor) -> None:
    floor.trade(ALPHA_F2, BRAVO_F, 100, 10_000, BTC_PERP)
    floor.status(PRE_OPEN, BTC_PERP)
    reduce = [floor.rest(ALPHA_F2, SELL, 60, 9_900, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)]
    free = floor.rest(ALPHA_F2, SELL, 70, 9_800, symbol=BTC_PERP)
    floor.rest(BRAVO_F, BUY, 500, 10_100, symbol=BTC_PERP)
    events = floor.status(OPEN, BTC_PERP)
    assert restated(events)[0][:3] == (reduce[0], RestateReason.REDUCE_ONLY, 30)
    assert prices(events) == [(10_100, 100)]
    assert [qty for _, _, qty in trades(events)] == [70, 30]
    assert floor.state(free) == OrderState.FILLED


@pytest.mark.req("ORD-17")
@pytest.mark.parametrize("count", [1, 60])
def test_reduce_only_phantoms_move_no_price(count: int) -> None:
    floor = Floor()
    floor.trade(ALPHA_F2, BRAVO_F, 100, 10_000, BTC_PERP)
    floor.status(PRE_OPEN, BTC_PERP)
    floor.enter(BRAVO_F, BUY, 5_000, 10_500, symbol=BTC_PERP)
    floor.enter(BRAVO_F, BUY, 100, 9_500, symbol=BTC_PERP)
    floor.enter(ALPHA_F, SELL, 1_000, 10_500, symbol=BTC_PERP)
    for _ in range(count):
        floor.enter(ALPHA_F2, SELL, 100, 9_500, symbol=BTC_PERP, exec_inst=REDUCE_ONLY)
    events = floor.status(OPEN, BTC_PERP)
    assert prices(events) == [(10_500, 1_100)]
    assert sum(qty for _, _, qty in trades(events)) == 1_100


# --- trades that are decided ----------------------------------------------------------------------------


def decided(twins: Twins) -> int:
    """An auction of forty lots that has found its price and told some of its trades. Returns: the last ask to trade."""
    twins.send(0, c.SetSymbolStatus(BTC_USDT, PRE_OPEN))
    for n in range(40):
        for account, side in ((m.BRAVO, BUY), (m.CHARLIE, SELL)):
            order = c.NewOrder(account, BTC_USDT, side, m.LIMIT, m.GTC, LOT, 10_000, f"{side}{n}")
            last = twins.send(m.SESSION_OF[account], order).events[0]
    assert isinstance(last, e.OrderAccepted)
    twins.send(0, c.SetSymbolStatus(BTC_USDT, OPEN))
    while (auction := twins.model.markets[BTC_USDT].auction) is not None and not auction.price:
        twins.send(0, c.AdvanceTime())
    assert twins.core.next_due_ns == 1
    return last.order_id


def finish(twins: Twins) -> list[e.Event]:
    """Let all work come to its end."""
    events: list[e.Event] = []
    while twins.core.next_due_ns == 1:
        twins.core = type(twins.core).restore(twins.core.snapshot())
        events += twins.send(0, c.AdvanceTime()).events
    twins.check()
    return events


@pytest.mark.req("ORD-09", "TRD-40")
def test_an_order_of_decided_trades_cannot_leave_any_more() -> None:
    twins = Twins(steps_max=16)
    last = decided(twins)
    for request in (c.CancelOrder("c", order_id=last), c.ReplaceOrder("r", LOT // 2, order_id=last)):
        events = twins.send(0, request).events
        refused = [event for event in events if isinstance(event, e.CancelRejected | e.ReplaceRejected)]
        assert [event.code for event in refused] == [Code.TOO_LATE]
    twins.send(0, c.MassCancel("all"))
    told = finish(twins)
    assert not any(isinstance(event, e.OrderCanceled | e.Uncrossed) for event in told)
    assert {event.last_px for event in told if isinstance(event, e.Traded)} == {10_000}
    assert twins.core.open_orders == 0


@pytest.mark.req("TRD-40")
def test_a_status_asked_for_meanwhile_follows_the_decided_trades() -> None:
    twins = Twins(steps_max=16)
    decided(twins)
    told = twins.send(0, c.SetSymbolStatus(BTC_USDT, SymbolStatus.HALT)).events
    assert e.SymbolStatusSet(BTC_USDT, PRE_OPEN) in told
    assert e.SymbolStatusSet(BTC_USDT, SymbolStatus.HALT) in finish(twins)
    assert twins.core.open_orders == 0
