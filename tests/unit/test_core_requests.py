"""ClOrdIDs, cancels and status requests."""

from __future__ import annotations

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState
from engine.api.rejects import ErrorCode
from tests.model import market as m
from tests.model.market import (
    ALPHA,
    ALPHA_OE,
    BRAVO,
    BRAVO_OE,
    BTC_USDT,
    BUY,
    CHARLIE,
    CHARLIE_2,
    CHARLIE_OE,
    SELL,
    Market,
)

QTY = 20_000
NOT_FOUND = e.StatusReported(0, OrderState.UNKNOWN)


@pytest.fixture
def market() -> Market:
    return Market()


def enter(market: Market, cl_ord_id: str, account: int = ALPHA) -> int:
    (event,) = market.limit(account, BUY, QTY, 10_000, cl_ord_id)
    assert isinstance(event, e.OrderAccepted)
    return event.order_id


def describe(cancel: c.CancelOrder, described: dict[str, int]) -> c.CancelOrder:
    return msgspec.structs.replace(cancel, **described)


@pytest.mark.req("FIX-26", "ORD-02")
def test_a_repeated_cl_ord_id_is_rejected_with_the_order_that_holds_it(market: Market) -> None:
    order_id = enter(market, "a")
    assert market.limit(ALPHA, SELL, 1, 0, "a") == (e.OrderRejected(order_id, ErrorCode.DUPLICATE_CL_ORD_ID),)
    assert market.core.open_orders == 1


@pytest.mark.req("FIX-26")
def test_a_cl_ord_id_stays_taken_after_its_order_closed(market: Market) -> None:
    order_id = enter(market, "a")
    market.send(ALPHA_OE, c.CancelOrder("x", "a"))
    for taken in ("a", "x"):
        rejected = e.OrderRejected(order_id, ErrorCode.DUPLICATE_CL_ORD_ID)
        assert market.limit(ALPHA, BUY, QTY, 10_000, taken) == (rejected,)


@pytest.mark.req("ORD-02")
def test_a_rejected_order_leaves_its_cl_ord_id_free(market: Market) -> None:
    market.limit(ALPHA, BUY, QTY, 0, "a")
    enter(market, "a")


def test_the_same_cl_ord_id_means_another_order_on_another_session(market: Market) -> None:
    assert enter(market, "a", ALPHA) != enter(market, "a", BRAVO)


@pytest.mark.req("FIX-26")
def test_a_possible_resend_is_answered_with_the_state_of_its_order(market: Market) -> None:
    order = c.NewOrder(ALPHA, BTC_USDT, BUY, m.LIMIT, m.GTC, QTY, 10_000, "a", poss_resend=True)
    (event,) = market.send(ALPHA_OE, order)
    assert isinstance(event, e.OrderAccepted), "unknown: treated as new"
    assert market.send(ALPHA_OE, order) == (e.StatusReported(event.order_id, OrderState.PENDING),)
    assert market.core.open_orders == 1


@pytest.mark.req("ORD-09")
@pytest.mark.parametrize("described", [{}, {"account_id": ALPHA, "symbol_id": BTC_USDT, "side": BUY}])
def test_cancel_by_cl_ord_id_and_by_order_id(market: Market, described: dict[str, int]) -> None:
    first, second = enter(market, "a"), enter(market, "b")
    (by_name,) = market.send(ALPHA_OE, describe(c.CancelOrder("x", "a"), described))
    (by_id,) = market.send(ALPHA_OE, describe(c.CancelOrder("y", "not looked at", second), described))
    assert isinstance(by_name, e.OrderCanceled) and by_name.order_id == first
    assert isinstance(by_id, e.OrderCanceled) and by_id.order_id == second
    assert market.core.open_orders == 0


@pytest.mark.req("ORD-09")
@pytest.mark.parametrize(
    "described",
    [{"account_id": BRAVO}, {"account_id": c.UNRESOLVED}, {"symbol_id": m.ETH_USDT}, {"side": SELL}],
)
def test_a_cancel_that_describes_another_order_finds_none(market: Market, described: dict[str, int]) -> None:
    enter(market, "a")
    rejected = e.CancelRejected(0, ErrorCode.UNKNOWN_ORDER, OrderState.UNKNOWN)
    assert market.send(ALPHA_OE, describe(c.CancelOrder("x", "a"), described)) == (rejected,)
    assert market.core.open_orders == 1
    (canceled,) = market.send(ALPHA_OE, c.CancelOrder("x", "a"))
    assert isinstance(canceled, e.OrderCanceled), "the rejected cancel left its ClOrdID free"


@pytest.mark.req("ORD-09")
@pytest.mark.parametrize("source", [BRAVO_OE, m.ALPHA_DC, 99])
def test_only_an_order_entry_session_of_the_same_firm_may_cancel(market: Market, source: int) -> None:
    order_id = enter(market, "a")
    rejected = e.CancelRejected(0, ErrorCode.UNKNOWN_ORDER, OrderState.UNKNOWN)
    assert market.send(source, c.CancelOrder("x", order_id=order_id)) == (rejected,)


@pytest.mark.req("ORD-09", "DRV-13")
def test_operations_may_cancel_the_order_of_any_firm(market: Market) -> None:
    order_id = enter(market, "a")
    (event,) = market.send(c.OPERATIONS, c.CancelOrder("x", order_id=order_id))
    assert isinstance(event, e.OrderCanceled)
    assert (event.order_id, event.code) == (order_id, ErrorCode.USER_REQUESTED)


def test_another_session_of_the_firm_may_cancel_by_order_id(market: Market) -> None:
    order_id = enter(market, "a", CHARLIE)
    (event,) = market.send(CHARLIE_2, c.CancelOrder("x", order_id=order_id))
    assert isinstance(event, e.OrderCanceled)
    assert market.send(CHARLIE_2, c.RequestOrderStatus("x")) == (e.StatusReported(order_id, OrderState.CANCELED),)
    assert market.send(CHARLIE_OE, c.RequestOrderStatus("x")) == (NOT_FOUND,)


@pytest.mark.req("OST-01", "RES-10")
def test_a_late_cancel_tells_the_state_the_order_ended_in(market: Market) -> None:
    filled, canceled = enter(market, "a"), enter(market, "b")
    market.limit(BRAVO, SELL, QTY, 10_000, "taker")
    market.send(ALPHA_OE, c.CancelOrder("x", "b"))
    late = {
        "a": (filled, OrderState.FILLED),
        "b": (canceled, OrderState.CANCELED),
        "x": (canceled, OrderState.CANCELED),
    }
    for name, (order_id, state) in late.items():
        events = market.send(ALPHA_OE, c.CancelOrder("late", name))
        assert events == (e.CancelRejected(order_id, ErrorCode.TOO_LATE, state),)


@pytest.mark.req("FIX-26")
def test_a_cancel_with_a_known_cl_ord_id(market: Market) -> None:
    first, second = enter(market, "a"), enter(market, "b")
    again = c.CancelOrder("a", "b")
    rejected = e.CancelRejected(second, ErrorCode.DUPLICATE_CL_ORD_ID, OrderState.PENDING)
    assert market.send(ALPHA_OE, again) == (rejected,)
    nothing = e.CancelRejected(0, ErrorCode.DUPLICATE_CL_ORD_ID, OrderState.UNKNOWN)
    assert market.send(ALPHA_OE, c.CancelOrder("a", "unknown")) == (nothing,)
    resent = msgspec.structs.replace(again, poss_resend=True)
    assert market.send(ALPHA_OE, resent) == (e.StatusReported(first, OrderState.PENDING),)


@pytest.mark.req("FIX-26", "ORD-09", "ORD-10")
def test_a_possible_resend_that_never_arrived_is_carried_out(market: Market) -> None:
    order_id = enter(market, "a")
    (replaced,) = market.send(ALPHA_OE, c.ReplaceOrder("r", QTY - 1, orig_cl_ord_id="a", poss_resend=True))
    assert isinstance(replaced, e.OrderReplaced) and replaced.order_id == order_id
    (canceled,) = market.send(ALPHA_OE, c.CancelOrder("x", "a", poss_resend=True))
    assert isinstance(canceled, e.OrderCanceled) and canceled.order_id == order_id


@pytest.mark.req("OST-01", "OST-06")
def test_status_follows_an_order_through_its_states(market: Market) -> None:
    order_id = enter(market, "a")
    by_name, by_id = c.RequestOrderStatus("a"), c.RequestOrderStatus("", order_id, "request 1")
    fills = ((QTY - 10_000, "t1", OrderState.PARTIAL), (10_000, "t2", OrderState.FILLED))
    assert market.send(ALPHA_OE, by_name) == (e.StatusReported(order_id, OrderState.PENDING),)
    for qty, taker, state in fills:
        market.limit(BRAVO, SELL, qty, 10_000, taker)
        reported = (e.StatusReported(order_id, state),)
        assert market.send(ALPHA_OE, by_name) == market.send(ALPHA_OE, by_id) == reported
    (expired, _) = market.limit(ALPHA, BUY, QTY, 10_000, "ioc", m.IOC)
    assert isinstance(expired, e.OrderAccepted)
    assert market.send(ALPHA_OE, c.RequestOrderStatus("ioc")) == (
        e.StatusReported(expired.order_id, OrderState.EXPIRED),
    )


@pytest.mark.parametrize(
    "request_", [c.RequestOrderStatus("nobody"), c.RequestOrderStatus(""), c.RequestOrderStatus("", 7)]
)
def test_status_of_what_is_no_order(market: Market, request_: c.RequestOrderStatus) -> None:
    enter(market, "a")
    assert market.send(ALPHA_OE, request_) == (NOT_FOUND,)


def test_status_of_another_firms_order_tells_nothing(market: Market) -> None:
    assert market.send(BRAVO_OE, c.RequestOrderStatus("", enter(market, "a"))) == (NOT_FOUND,)


def test_a_refused_order_is_on_record_and_changes_nothing_else(market: Market) -> None:
    refusal = c.RefuseOrder(ALPHA, BUY, 50, 49, ErrorCode.PRICE_OFF_TICK, 44, "a", "BTC/USDT", "1", "0.001", "")
    assert market.send(ALPHA_OE, refusal) == (e.OrderRejected(0, ErrorCode.PRICE_OFF_TICK),)
    enter(market, "a")
