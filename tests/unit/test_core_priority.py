"""Who comes first: priority is one thing, in the book, among stops, among pegs and in auctions."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import events as e
from engine.api.enums import Peg, SelfTrade, SymbolStatus
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BUY, CHARLIE, SELL
from tests.unit.floor import LOT, REDUCE_ONLY, Floor, accepted, closed, refusal, restated, those, trades, triggered


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.req("ORD-10", "ORD-07")
@pytest.mark.parametrize("changes", [{"order_qty": LOT + 1}, {"order_qty": LOT, "stop_px": 10_010, "price": 10_020}])
def test_a_stop_that_lost_priority_by_a_replace_is_elected_after_those_that_kept_it(
    floor: Floor, changes: dict[str, Any]
) -> None:
    stop: dict[str, Any] = {"kind": m.STOP_LIMIT, "stop_px": 10_010, "price": 10_030}
    one, other = floor.rest(ALPHA, BUY, LOT, **stop), floor.rest(CHARLIE, BUY, LOT, **stop)
    if "stop_px" in changes:
        floor.replace(one, LOT, stop_px=10_011)
    floor.replace(one, **changes)
    floor.rest(BRAVO, SELL, LOT, 10_010)
    events = floor.enter(ALPHA, BUY, LOT, 10_010)
    assert [order for order, _ in triggered(events)] == [other, one]


@pytest.mark.req("ORD-10", "ORD-12")
def test_a_peg_that_lost_priority_by_a_replace_is_priced_after_those_that_kept_it(floor: Floor) -> None:
    floor.rest(BRAVO, BUY, LOT, 9_990)
    one, other = (
        accepted(floor.enter(account, BUY, LOT, 10_000, kind=m.PEGGED, peg=Peg.PRIMARY)) for account in (ALPHA, CHARLIE)
    )
    floor.replace(one, LOT, price=10_001)
    moved = restated(floor.enter(BRAVO, BUY, LOT, 9_991))
    assert [order for order, *_ in moved] == [other, one]
    assert trades(floor.enter(BRAVO, SELL, 3 * LOT, 9_991, stp=SelfTrade.RESTING)) == [
        (other, 9_991, LOT),
        (one, 9_991, LOT),
    ]


@pytest.mark.req("ORD-10", "TRD-30")
def test_in_an_auction_the_order_that_lost_priority_is_the_later_one(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN)
    bid, ask = floor.rest(ALPHA, BUY, LOT, 10_010), floor.rest(BRAVO, SELL, LOT, 10_000)
    floor.replace(bid, LOT + 1)
    (trade,) = those(floor.status(SymbolStatus.OPEN), e.Traded)
    assert (trade.maker_order_id, trade.taker_order_id) == (ask, bid)


@pytest.mark.req("ORD-10", "ORD-08")
@pytest.mark.parametrize(
    ("asked", "becomes"),
    [(2 * LOT, 2 * LOT), (2 * LOT + 1, 2 * LOT), (3 * LOT, 2 * LOT), (3 * LOT + 5, 2 * LOT + 5), (30_000, 30_000)],
)
def test_a_replace_under_way_does_not_bring_back_what_was_decremented(floor: Floor, asked: int, becomes: int) -> None:
    order = floor.rest(ALPHA, BUY, 3 * LOT, 10_000)
    floor.enter(ALPHA, SELL, LOT, 10_000, stp=SelfTrade.DECREMENT)
    floor.enter(BRAVO, SELL, 10_000, 10_000)
    (replaced,) = floor.replace(order, asked, price=9_990)
    assert isinstance(replaced, e.OrderReplaced)
    assert (replaced.order_qty, replaced.leaves) == (becomes, becomes - 10_000)


@pytest.mark.req("ORD-10", "ORD-17")
def test_a_replace_under_way_does_not_bring_back_what_was_clipped(floor: Floor) -> None:
    floor.trade(m.ALPHA_F, m.BRAVO_F, 100, 10_000, m.BTC_PERP)
    terms: dict[str, Any] = {"symbol": m.BTC_PERP, "exec_inst": REDUCE_ONLY}
    order = accepted(floor.enter(m.ALPHA_F, SELL, 120, 10_500, **terms))
    (replaced,) = floor.replace(order, 120, price=10_400)
    assert isinstance(replaced, e.OrderReplaced)
    assert replaced.leaves == 100
    assert refusal(floor.replace(order, 0)) == Code.SIZE_OFF_LOT
    assert closed(floor.cancel(order)) == [(order, 100, Code.USER_REQUESTED)]
