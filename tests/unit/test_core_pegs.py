"""Pegged orders follow the best prices of the others."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import AccountKind, OrderState, Peg, RestateReason, SelfTrade, Side, SymbolStatus
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BUY, CHARLIE, PEGGED, SELL, USDT
from tests.unit.floor import LOT, Events, Floor, accepted, closed, refusal, restated, trades

PEG = RestateReason.PEG
PRIMARY, MARKET, MID = Peg.PRIMARY, Peg.MARKET, Peg.MID


@pytest.fixture
def floor() -> Floor:
    """Bid 9,990, ask 10,011, both BRAVO's."""
    floor = Floor()
    floor.rest(BRAVO, BUY, LOT, 9_990)
    floor.rest(BRAVO, SELL, LOT, 10_011)
    return floor


def peg(floor: Floor, side: Side, peg: Peg, offset: int = 0, cap: int = 0, **terms: Any) -> Events:
    """A pegged order of ALPHA; without a cap, as far as the band goes."""
    cap = cap or (11_000 if side is BUY else 9_000)
    return floor.enter(terms.pop("account", ALPHA), side, LOT, cap, kind=PEGGED, peg=peg, peg_offset=offset, **terms)


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize(
    ("side", "kind", "offset", "price"),
    [
        (BUY, PRIMARY, 0, 9_990),
        (BUY, PRIMARY, -5, 9_985),
        (BUY, PRIMARY, 20, 10_010),
        (BUY, PRIMARY, 21, 10_010),
        (BUY, MARKET, -11, 10_000),
        (BUY, MARKET, 0, 10_010),
        (BUY, MID, 0, 10_000),
        (BUY, MID, 3, 10_003),
        (SELL, PRIMARY, 0, 10_011),
        (SELL, PRIMARY, 5, 10_016),
        (SELL, PRIMARY, -20, 9_991),
        (SELL, PRIMARY, -21, 9_991),
        (SELL, MARKET, 0, 9_991),
        (SELL, MARKET, 9, 9_999),
        (SELL, MID, 0, 10_001),
        (SELL, MID, -1, 10_000),
    ],
)
def test_where_a_pegged_order_stands(floor: Floor, side: Side, kind: Peg, offset: int, price: int) -> None:
    events = peg(floor, side, kind, offset)
    assert restated(events) == [(accepted(events), PEG, LOT, price, LOT)]


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize(
    ("side", "cap", "price"),
    [(BUY, 9_995, 9_995), (BUY, 10_005, 10_000), (SELL, 10_004, 10_004), (SELL, 9_000, 10_001)],
)
def test_the_cap_holds(floor: Floor, side: Side, cap: int, price: int) -> None:
    assert restated(peg(floor, side, MID, cap=cap))[0][3] == price


@pytest.mark.req("RES-21")
def test_a_pegged_order_reserves_at_its_cap_wherever_it_stands(floor: Floor) -> None:
    peg(floor, BUY, PRIMARY, cap=10_500)
    assert floor.balance(ALPHA, USDT)[1] == LOT * (105_000 + 105)


@pytest.mark.req("ORD-06")
def test_pegged_orders_move_with_the_best_price_and_join_the_queue_behind(floor: Floor) -> None:
    first, second = (accepted(peg(floor, BUY, PRIMARY, account=account)) for account in (ALPHA, CHARLIE))
    events = floor.enter(BRAVO, BUY, LOT, 9_995)
    better = accepted(events)
    assert restated(events) == [(order, PEG, LOT, 9_995, LOT) for order in (first, second)]
    assert trades(floor.enter(BRAVO, SELL, LOT, 9_995, stp=SelfTrade.RESTING))[0] == (first, 9_995, LOT)
    assert floor.state(better) == OrderState.CANCELED
    assert restated(floor.operate(c.AdvanceTime())) == []


@pytest.mark.req("ORD-06")
def test_when_the_reference_goes_pegged_orders_go_back(floor: Floor) -> None:
    order = accepted(peg(floor, BUY, PRIMARY))
    better = accepted(floor.enter(BRAVO, BUY, LOT, 9_995))
    assert restated(floor.cancel(better)) == [(order, PEG, LOT, 9_990, LOT)]


@pytest.mark.req("ORD-05")
def test_without_a_reference_a_pegged_order_waits(floor: Floor) -> None:
    order = accepted(peg(floor, SELL, MID))
    bid, ask = floor.core.seq - 2, floor.core.seq - 1
    assert restated(floor.cancel(bid)) == [(order, PEG, LOT, 0, 0)]
    assert floor.state(order) == OrderState.PENDING
    assert closed(floor.enter(CHARLIE, BUY, LOT, 9_999, tif=m.IOC))[0][2] == Code.IOC_REMAINDER
    assert restated(floor.enter(BRAVO, BUY, LOT, 9_980)) == [(order, PEG, LOT, 9_996, LOT)]
    floor.cancel(ask)
    assert closed(floor.cancel(order)) == [(order, LOT, Code.USER_REQUESTED)]


@pytest.mark.req("ORD-05")
def test_a_price_below_one_is_no_price() -> None:
    floor = Floor()
    floor.operate(c.SetParameter(Parameter.BAND_PPM, m.BTC_USDT, 1_000_000, 0))
    floor.rest(BRAVO, BUY, LOT, 9_990)
    terms: dict[str, Any] = {"kind": PEGGED, "peg": PRIMARY}
    floor.rest(ALPHA, BUY, LOT, 10_000, **terms, peg_offset=-9_990)
    events = floor.enter(ALPHA, BUY, LOT, 10_000, **terms, peg_offset=-9_989)
    assert restated(events) == [(accepted(events), PEG, LOT, 1, LOT)]


@pytest.mark.req("ORD-06")
def test_pegged_orders_are_no_reference_for_one_another(floor: Floor) -> None:
    first = accepted(peg(floor, BUY, PRIMARY, 5))
    second = peg(floor, BUY, PRIMARY, 5, account=CHARLIE)
    assert restated(second) == [(accepted(second), PEG, LOT, 9_995, LOT)]
    assert restated(floor.cancel(first)) == []


@pytest.mark.req("ORD-05", "TRD-03")
def test_two_pegged_orders_meet_between_the_best_prices(floor: Floor) -> None:
    maker = accepted(peg(floor, BUY, MID))
    events = peg(floor, SELL, MID, -1, account=CHARLIE)
    order = accepted(events)
    assert restated(events) == [(order, PEG, LOT, 10_000, LOT)]
    assert trades(events) == [(maker, 10_000, LOT)]
    assert floor.state(order) == floor.state(maker) == OrderState.FILLED


@pytest.mark.req("ORD-05")
def test_a_trade_between_pegs_elects_a_stop_and_the_pegs_follow_that_too(floor: Floor) -> None:
    follower = accepted(peg(floor, SELL, PRIMARY, 1, account=CHARLIE))
    stop = floor.rest(CHARLIE, BUY, LOT, kind=m.STOP, stop_px=10_000)
    peg(floor, BUY, MID)
    deep = floor.enter(BRAVO, SELL, LOT, 10_020)
    assert restated(deep) == []
    events = peg(floor, SELL, MID, -1, account=m.CHARLIE)
    kinds = [type(event).__name__ for event in events]
    assert kinds == ["OrderAccepted", "OrderRestated", "Traded", "OrderTriggered", "Traded", "OrderRestated"]
    assert restated(events)[-1] == (follower, PEG, LOT, 10_021, LOT)
    assert floor.state(stop) == OrderState.FILLED


@pytest.mark.req("ORD-05")
def test_outside_trading_pegged_orders_stay_where_they_are(floor: Floor) -> None:
    order = accepted(peg(floor, BUY, PRIMARY))
    floor.status(SymbolStatus.PRE_OPEN)
    assert restated(floor.enter(BRAVO, BUY, LOT, 9_995)) == []
    later = floor.enter(CHARLIE, BUY, LOT, 10_000, kind=PEGGED, peg=PRIMARY)
    assert restated(later) == []
    told = restated(floor.status(SymbolStatus.OPEN))
    assert told == [(order, PEG, LOT, 9_995, LOT), (accepted(later), PEG, LOT, 9_995, LOT)], "by priority"


@pytest.mark.req("ORD-22")
def test_pegged_orders_of_an_account_and_of_a_firm_are_limited_so_that_none_uses_up_a_symbol() -> None:
    floor = Floor()
    accounts = [ALPHA, *range(901, 904)]
    for account in accounts[1:]:
        floor.operate(c.OpenAccount(account, 1, AccountKind.SPOT, f"A{account}"))
        floor.operate(c.Deposit(account, m.USDT, 10**12, f"d{account}"))
    order: dict[str, Any] = {"side": BUY, "qty": 10, "price": 100, "kind": PEGGED, "peg": PRIMARY, "symbol": m.ETH_USDT}
    for account in accounts:
        for _ in range(limits.PEGS_PER_ACCOUNT_MAX):
            floor.rest(account, **order)
        assert refusal(floor.enter(account, **order)) == Code.EXCEEDS_LIMIT
    floor.operate(c.OpenAccount(904, 1, AccountKind.SPOT, "A904"))
    floor.operate(c.Deposit(904, m.USDT, 10**12, "d904"))
    assert limits.PEGS_PER_ACCOUNT_MAX * len(accounts) == limits.PEGS_PER_FIRM_MAX
    assert refusal(floor.enter(904, **order)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(CHARLIE, **order)), "the bound is of one firm"
    assert accepted(floor.enter(904, **order | {"symbol": m.ETH_PRO})), "and of one symbol"
    floor.operate(c.MassCancel("room", account_id=903))
    assert accepted(floor.enter(904, **order))
