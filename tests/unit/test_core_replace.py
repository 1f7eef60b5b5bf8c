"""Replaces: which keep an order's place, what is told, and what becomes of the order."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, Peg, RestateReason, SymbolStatus, Trigger
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BTC, BUY, CHARLIE, PEGGED, SELL, STOP, STOP_LIMIT, USDT
from tests.unit.floor import (
    LOT,
    POST_ONLY,
    REDUCE_ONLY,
    SECOND_NS,
    SLIDE,
    Floor,
    accepted,
    closed,
    restated,
    those,
    trades,
    triggered,
)

LATER_NS = m.NOW_NS + 100 * SECOND_NS


@pytest.fixture
def floor() -> Floor:
    return Floor()


def replaced(events: tuple[e.Event, ...]) -> e.OrderReplaced:
    (event,) = those(events, e.OrderReplaced)
    return event


PRIORITY: list[tuple[str, dict[str, Any], dict[str, Any], bool]] = [
    ("nothing", {}, {}, True),
    ("lower quantity", {}, {"order_qty": LOT - 1}, True),
    ("higher quantity", {}, {"order_qty": LOT + 1}, False),
    ("same price", {}, {"price": 10_000}, True),
    ("other price", {}, {"price": 10_001}, False),
    ("time in force", {}, {"time_in_force": m.DAY}, True),
    ("expire time", {"tif": m.GTD, "expire_time_ns": LATER_NS}, {"expire_time_ns": LATER_NS + 1}, True),
    ("floor of a plain order", {}, {"max_floor": 100}, True),
    ("lower floor", {"max_floor": 100}, {"max_floor": 99}, True),
    ("same floor", {"max_floor": 100}, {"max_floor": 100}, True),
    ("higher floor", {"max_floor": 100}, {"max_floor": 101}, False),
    ("floor off", {"max_floor": 100}, {"max_floor": LOT}, False),
    ("floor as large as the order", {}, {"max_floor": LOT}, True),
    ("lower quantity, other price", {}, {"order_qty": LOT - 1, "price": 10_001}, False),
    ("lower quantity, higher floor", {"max_floor": 100}, {"order_qty": LOT - 1, "max_floor": 101}, False),
]


@pytest.mark.req("ORD-10")
@pytest.mark.parametrize(("terms", "changes", "keeps"), [row[1:] for row in PRIORITY], ids=[row[0] for row in PRIORITY])
def test_which_replaces_keep_priority(
    floor: Floor, terms: dict[str, Any], changes: dict[str, Any], keeps: bool
) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_000, **terms)
    price = changes.get("price", 10_000)
    other = floor.rest(CHARLIE, SELL, LOT, price)
    asked = {"order_qty": LOT, **changes}
    told = replaced(floor.replace(order, **asked))
    assert told.keeps_priority is keeps
    assert (told.order_id, told.order_qty, told.leaves, told.price) == (
        order,
        asked["order_qty"],
        asked["order_qty"],
        price,
    )
    assert trades(floor.enter(BRAVO, BUY, 10_000, price))[0][0] == (order if keeps else other)


@pytest.mark.req("ORD-10")
def test_a_waiting_stop_keeps_its_place_among_its_like_unless_its_stop_price_changes(floor: Floor) -> None:
    first, second = (floor.rest(account, BUY, LOT, kind=STOP, stop_px=10_010) for account in (ALPHA, CHARLIE))
    assert replaced(floor.replace(first, LOT, stop_px=10_010)).keeps_priority
    assert not replaced(floor.replace(second, LOT, stop_px=10_005)).keeps_priority
    events = floor.trade(BRAVO, CHARLIE, LOT, 10_010)
    assert [order for order, _ in triggered(events)] == [second, first]


@pytest.mark.req("ORD-10")
def test_a_peg_offset_that_changes_costs_the_place(floor: Floor) -> None:
    floor.rest(BRAVO, BUY, LOT, 9_990)
    terms: dict[str, Any] = {"kind": PEGGED, "peg": Peg.PRIMARY, "peg_offset": 1}
    first, second = (accepted(floor.enter(account, BUY, LOT, 10_000, **terms)) for account in (ALPHA, CHARLIE))
    assert replaced(floor.replace(first, LOT, peg_offset=1)).keeps_priority
    moved = floor.replace(first, LOT, peg_offset=2)
    assert not replaced(moved).keeps_priority
    assert restated(moved) == [(first, RestateReason.PEG, LOT, 9_992, LOT)]
    floor.replace(first, LOT, peg_offset=1)
    assert trades(floor.enter(BRAVO, SELL, LOT, 9_991)) == [(second, 9_991, LOT)]


@pytest.mark.req("ORD-10", "ORD-20")
def test_new_quantity_is_the_total_and_leaves_are_what_is_not_filled(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, 3 * LOT, 10_000)
    floor.enter(BRAVO, BUY, LOT, 10_000)
    told = replaced(floor.replace(order, 2 * LOT))
    assert (told.order_qty, told.leaves, told.reserved) == (2 * LOT, LOT, LOT * 1_000)
    assert floor.state(order) == OrderState.PARTIAL
    assert floor.balance(ALPHA, BTC)[1] == LOT * 1_000


@pytest.mark.req("ORD-10")
@pytest.mark.parametrize("qty", [LOT, LOT - 1, 0, -1])
def test_a_replace_to_what_is_filled_cancels_the_rest(floor: Floor, qty: int) -> None:
    order = floor.rest(ALPHA, SELL, 3 * LOT, 10_000)
    floor.enter(BRAVO, BUY, LOT, 10_000)
    assert closed(floor.replace(order, qty)) == [(order, 2 * LOT, Code.REPLACED_BELOW_FILLED)]


@pytest.mark.req("ORD-10", "RES-21")
def test_a_raised_order_reserves_more_and_a_lowered_one_less(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 10_000)
    for qty, price in ((2 * LOT, 10_000), (2 * LOT, 9_500), (LOT, 10_001)):
        told = replaced(floor.replace(order, qty, price=price))
        assert told.reserved == qty * (10 * price + -(-price // 100)) == floor.balance(ALPHA, USDT)[1]


@pytest.mark.req("ORD-10", "ORD-06")
def test_a_replace_that_crosses_takes_and_rests_behind(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, 2 * LOT, 10_000)
    maker = floor.rest(BRAVO, SELL, LOT, 10_010)
    events = floor.replace(order, 2 * LOT, price=10_010)
    assert trades(events) == [(maker, 10_010, LOT)]
    assert those(events, e.Traded)[0].taker_order_id == order
    assert trades(floor.enter(BRAVO, SELL, LOT, 10_010)) == [(order, 10_010, LOT)]


@pytest.mark.req("ORD-10")
def test_an_order_that_keeps_its_place_shows_no_more_than_before(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, 4 * LOT, 10_000, max_floor=2 * LOT)
    other = floor.rest(CHARLIE, SELL, LOT, 10_000)
    floor.enter(BRAVO, BUY, LOT, 10_000)
    floor.replace(order, 3 * LOT)
    assert trades(floor.enter(BRAVO, BUY, 2 * LOT, 10_000)) == [(order, 10_000, LOT), (other, 10_000, LOT)]


@pytest.mark.req("ORD-10")
def test_a_floor_at_or_above_the_new_quantity_is_none(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, 2 * LOT, 10_000, max_floor=LOT)
    floor.replace(order, LOT)
    events = floor.enter(BRAVO, BUY, LOT, 10_000)
    assert trades(events) == [(order, 10_000, LOT)] and restated(events) == []


@pytest.mark.req("ORD-10")
def test_a_floor_that_is_not_mentioned_stays_and_one_that_is_makes_an_iceberg(floor: Floor) -> None:
    old = floor.rest(ALPHA, SELL, 2 * LOT, 10_000, max_floor=LOT)
    new = floor.rest(CHARLIE, SELL, 2 * LOT, 10_010)
    floor.replace(old, 2 * LOT, price=10_005)
    floor.replace(new, 2 * LOT, max_floor=LOT)
    events = floor.enter(BRAVO, BUY, 3 * LOT, 10_010)
    assert trades(events) == [(old, 10_005, LOT), (old, 10_005, LOT), (new, 10_010, LOT)]
    assert restated(events)[1] == (new, RestateReason.REFILL, LOT, 10_010, LOT)


@pytest.mark.req("ORD-10", "MAR-03", "MAR-04")
def test_a_replaced_order_is_left_out_when_its_position_limits_are_checked(floor: Floor) -> None:
    floor.operate(c.Deposit(m.ALPHA_F, USDT, 10**12, "more"))
    order = floor.rest(m.ALPHA_F, BUY, 60_000, 10_000, symbol=m.BTC_PERP)
    (rejected,) = floor.replace(order, 100_001)
    assert isinstance(rejected, e.ReplaceRejected) and rejected.code == Code.EXCEEDS_LIMIT
    assert replaced(floor.replace(order, 100_000)).leaves == 100_000, "tier 1 goes up to 100,000"


@pytest.mark.req("ORD-10", "ORD-17", "DRV-13")
def test_a_reduce_only_order_is_replaced_whatever_the_limits_of_positions(floor: Floor) -> None:
    floor.trade(m.ALPHA_F, m.BRAVO_F, 1_000, 10_000, m.BTC_PERP)
    terms: dict[str, Any] = {"symbol": m.BTC_PERP, "exec_inst": REDUCE_ONLY}
    order = floor.rest(m.ALPHA_F, SELL, 500, 10_100, **terms)
    floor.operate(c.SetAccountLimits(m.ALPHA_F, 1, 1, 1))
    events = floor.replace(order, 1_200)
    assert replaced(events).leaves == 1_200
    assert restated(events) == [(order, RestateReason.REDUCE_ONLY, 1_000, 10_100, 1_000)]


@pytest.mark.req("ORD-10", "ORD-16")
def test_a_post_only_order_may_slide_to_its_new_price(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_990, exec_inst=SLIDE)
    floor.rest(BRAVO, SELL, LOT, 10_000)
    events = floor.replace(order, LOT, price=10_005)
    assert replaced(events).price == 9_999
    assert restated(events) == [(order, RestateReason.SLIDE, LOT, 9_999, LOT)]


@pytest.mark.req("ORD-10", "ORD-05")
def test_a_stop_whose_new_stop_price_is_due_is_elected_at_once(floor: Floor) -> None:
    floor.trade(BRAVO, CHARLIE, LOT, 10_000)
    order = floor.rest(ALPHA, BUY, LOT, 10_050, kind=STOP_LIMIT, stop_px=10_010)
    events = floor.replace(order, LOT, stop_px=10_000)
    assert triggered(events) == [(order, 10_050)]
    taken = floor.replace(order, LOT, price=10_040)
    assert replaced(taken).price == 10_040, "elected, it is a limit order"


@pytest.mark.req("ORD-10", "RES-09")
def test_a_stops_worst_price_follows_its_stop_price(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, kind=STOP, stop_px=10_010, trigger=Trigger.MARK)
    told = replaced(floor.replace(order, LOT, stop_px=10_020))
    assert (told.price, told.reserved) == (0, LOT * (110_220 + 111))
    assert triggered(floor.mark(10_020)) == [(order, 11_022)]


@pytest.mark.req("ORD-10", "ORD-14")
def test_a_replaced_time_in_force_is_what_counts(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_000, tif=m.GTD, expire_time_ns=LATER_NS)
    floor.replace(order, LOT, time_in_force=m.GTC)
    assert floor.wait(200 * SECOND_NS) == ()
    floor.replace(order, LOT, time_in_force=m.GTD, expire_time_ns=floor.now_ns + 50)
    floor.replace(order, LOT, expire_time_ns=floor.now_ns + 70)
    assert floor.wait(60) == ()
    assert closed(floor.wait(10)) == [(order, LOT, Code.GTD_EXPIRED)]


@pytest.mark.req("ORD-10")
def test_in_the_pre_open_a_replaced_order_just_rests(floor: Floor) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    order = floor.rest(ALPHA, BUY, LOT, 9_990)
    floor.status(SymbolStatus.PRE_OPEN)
    assert trades(floor.replace(order, LOT, price=10_000)) == []
    assert floor.state(order) == OrderState.PENDING
    assert len(trades(floor.status(SymbolStatus.OPEN))) == 1


@pytest.mark.req("ORD-09", "ORD-10")
def test_the_new_name_names_the_order_and_so_does_the_old(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_000, cl_ord_id="a")
    floor.send(m.ALPHA_OE, c.ReplaceOrder("b", LOT, 10_001, "a"))
    floor.send(m.ALPHA_OE, c.ReplaceOrder("c", LOT, 10_002, "b"))
    for name in "abc":
        assert floor.send(m.ALPHA_OE, c.RequestOrderStatus(name)) == (e.StatusReported(order, OrderState.PENDING),)
    assert closed(floor.send(m.ALPHA_OE, c.CancelOrder("d", "a"))) == [(order, LOT, Code.USER_REQUESTED)]


@pytest.mark.req("ORD-10", "ORD-16")
def test_a_post_only_order_keeps_its_promise_when_it_only_shrinks(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN)
    floor.rest(BRAVO, SELL, LOT, 10_000)
    order = floor.rest(ALPHA, BUY, 2 * LOT, 10_000, exec_inst=POST_ONLY)
    assert replaced(floor.replace(order, LOT)).keeps_priority
