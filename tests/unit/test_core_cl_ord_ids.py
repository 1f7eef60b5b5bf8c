"""A ClOrdID stays taken for a window after its order was closed; then it and the order are forgotten (section 9)."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState
from engine.api.parameters import RULES, Parameter
from engine.api.rejects import ErrorCode as Code
from tests.model.market import ALPHA, ALPHA_OE, BRAVO, BUY, IOC, SELL
from tests.unit.floor import LOT, Floor, accepted, refusal

WINDOW_NS = RULES[Parameter.CL_ORD_ID_WINDOW_NS].default


@pytest.fixture
def floor() -> Floor:
    return Floor()


def ask(floor: Floor, cl_ord_id: str, order_id: int = 0) -> tuple[int, OrderState]:
    (told,) = floor.send(ALPHA_OE, c.RequestOrderStatus(cl_ord_id, order_id))
    assert isinstance(told, e.StatusReported)
    return told.order_id, told.state


def cancel(floor: Floor, name: str, orig: str = "", order_id: int = 0) -> e.Event:
    (told,) = floor.send(ALPHA_OE, c.CancelOrder(name, orig, order_id))
    return told


@pytest.mark.req("ORD-03")
def test_a_clordid_is_taken_up_to_the_last_nanosecond_of_the_window(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine")
    cancel(floor, "x1", "mine")
    closed_ns = floor.core.ts_ns
    floor.now_ns = closed_ns + WINDOW_NS - 1
    assert floor.enter(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine") == (e.OrderRejected(order, Code.DUPLICATE_CL_ORD_ID),)
    again = floor.rest(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine")
    assert again > order
    assert ask(floor, "mine") == (again, OrderState.PENDING)


@pytest.mark.req("ORD-03", "ORD-09")
def test_a_closed_order_is_unknown_after_the_window(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine")
    cancel(floor, "x1", "mine")
    assert cancel(floor, "x2", order_id=order) == e.CancelRejected(order, Code.TOO_LATE, OrderState.CANCELED)
    floor.now_ns = floor.core.ts_ns + WINDOW_NS
    unknown = (0, OrderState.UNKNOWN)
    assert [ask(floor, "mine"), ask(floor, "x1"), ask(floor, "", order)] == [unknown] * 3
    assert cancel(floor, "x3", order_id=order) == e.CancelRejected(0, Code.UNKNOWN_ORDER, OrderState.UNKNOWN)
    assert cancel(floor, "x3", "mine") == e.CancelRejected(0, Code.UNKNOWN_ORDER, OrderState.UNKNOWN)


@pytest.mark.req("ORD-03")
def test_the_window_begins_when_the_order_is_closed(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine")
    floor.now_ns += 10 * WINDOW_NS
    assert floor.enter(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine") == (e.OrderRejected(order, Code.DUPLICATE_CL_ORD_ID),)
    floor.enter(BRAVO, SELL, LOT, 9_000)
    floor.now_ns += WINDOW_NS // 2
    assert ask(floor, "mine") == (order, OrderState.FILLED)


@pytest.mark.req("ORD-03", "ORD-10")
def test_of_an_open_order_the_first_and_the_latest_name_stay_and_those_between_are_forgotten(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, 9 * LOT, 9_000, cl_ord_id="r0")
    for n in range(1, 4):
        floor.send(ALPHA_OE, c.ReplaceOrder(f"r{n}", (9 - n) * LOT, 0, f"r{n - 1}"))
    assert [ask(floor, f"r{n}") for n in range(4)] == [(order, OrderState.PENDING)] * 4
    floor.now_ns += 2 * WINDOW_NS
    known, unknown = (order, OrderState.PENDING), (0, OrderState.UNKNOWN)
    assert [ask(floor, f"r{n}") for n in range(4)] == [known, unknown, unknown, known]
    assert ask(floor, "", order) == known
    floor.send(ALPHA_OE, c.ReplaceOrder("r1", LOT, 0, "r3"))
    assert ask(floor, "r1") == known


@pytest.mark.req("ORD-03")
def test_an_order_is_unknown_by_its_id_although_a_later_name_of_it_is_still_taken(floor: Floor) -> None:
    """Operations canceled it under a name of theirs: that is forgotten with their own names."""
    order = floor.rest(ALPHA, BUY, LOT, 9_000, cl_ord_id="mine")
    floor.send(c.OPERATIONS, c.CancelOrder("theirs", order_id=order))
    floor.now_ns = floor.core.ts_ns + WINDOW_NS - 1
    assert floor.send(c.OPERATIONS, c.RequestOrderStatus("theirs")) == (e.StatusReported(order, OrderState.CANCELED),)
    assert floor.send(c.OPERATIONS, c.RequestOrderStatus("theirs")) == (e.StatusReported(0, OrderState.UNKNOWN),)


@pytest.mark.req("ORD-03", "RPL-34")
def test_a_restored_core_remembers_and_forgets_the_same(floor: Floor) -> None:
    resting = floor.rest(ALPHA, BUY, 3 * LOT, 9_000, cl_ord_id="rests")
    floor.send(ALPHA_OE, c.ReplaceOrder("second", 2 * LOT, 0, "rests"))
    floor.send(ALPHA_OE, c.ReplaceOrder("third", LOT, 0, "second"))
    for n in range(3):
        floor.enter(ALPHA, BUY, LOT, 9_000, tif=IOC, cl_ord_id=f"ioc{n}")
        floor.now_ns += WINDOW_NS // 3
    floor.now_ns += WINDOW_NS // 6
    assert ask(floor, "ioc0") == (0, OrderState.UNKNOWN)
    floor.core = floor.core.restore(floor.core.snapshot(), hash_seed=7)
    assert ask(floor, "ioc0") == ask(floor, "second") == (0, OrderState.UNKNOWN)
    assert ask(floor, "ioc1")[1] == ask(floor, "ioc2")[1] == OrderState.EXPIRED
    assert ask(floor, "third") == ask(floor, "rests") == (resting, OrderState.PENDING)
    floor.now_ns += WINDOW_NS // 3
    assert ask(floor, "ioc1") == (0, OrderState.UNKNOWN) != ask(floor, "ioc2")
    assert accepted(floor.enter(ALPHA, BUY, LOT, 9_000, cl_ord_id="ioc1"))


@pytest.mark.req("ORD-03")
def test_names_of_one_session_say_nothing_about_anothers(floor: Floor) -> None:
    floor.rest(ALPHA, BUY, LOT, 9_000, cl_ord_id="same")
    assert accepted(floor.enter(BRAVO, BUY, LOT, 9_000, cl_ord_id="same"))
    assert refusal(floor.enter(BRAVO, BUY, LOT, 9_000, cl_ord_id="same")) == Code.DUPLICATE_CL_ORD_ID
