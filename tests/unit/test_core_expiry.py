"""DAY and GTD orders end when their time has come, before anything else happens."""

from __future__ import annotations

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import BreakerReason, OrderState, OrdType, Peg, SymbolStatus
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BUY, CHARLIE, DAY, GTD, SELL, USDT
from tests.unit.floor import LOT, SECOND_NS, Floor, accepted, closed, refusal, trades

DAY_NS = 86_400 * SECOND_NS
MIDNIGHT_NS = (m.NOW_NS // DAY_NS + 1) * DAY_NS
SOON_NS = m.NOW_NS + SECOND_NS


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.req("ORD-13", "ORD-14")
def test_a_gtd_order_lives_up_to_the_nanosecond_before_its_time(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_000, tif=GTD, expire_time_ns=SOON_NS)
    floor.now_ns = SOON_NS - 1
    assert floor.operate(c.AdvanceTime()) == (e.TimeAdvanced(),)
    assert closed(floor.operate(c.AdvanceTime())) == [(order, LOT, Code.GTD_EXPIRED)]
    assert floor.state(order) == OrderState.EXPIRED


@pytest.mark.req("ORD-13")
def test_an_order_that_is_due_cannot_trade_in_that_command(floor: Floor) -> None:
    due = floor.rest(ALPHA, SELL, LOT, 10_000, tif=GTD, expire_time_ns=SOON_NS)
    other = floor.rest(CHARLIE, SELL, LOT, 10_000)
    floor.now_ns = SOON_NS
    events = floor.enter(BRAVO, BUY, LOT, 10_000)
    assert isinstance(events[0], e.OrderExpired) and events[0].order_id == due
    assert trades(events) == [(other, 10_000, LOT)]


@pytest.mark.req("ORD-13", "ORD-09")
def test_a_cancel_of_an_order_that_is_due_comes_too_late(floor: Floor) -> None:
    due = floor.rest(ALPHA, SELL, LOT, 10_000, tif=GTD, expire_time_ns=SOON_NS)
    floor.now_ns = SOON_NS
    _, late = floor.cancel(due)
    assert late == e.CancelRejected(due, Code.TOO_LATE, OrderState.EXPIRED)


@pytest.mark.req("ORD-14")
def test_orders_expire_by_time_and_then_by_id(floor: Floor) -> None:
    times = (3, 1, 2, 1)
    orders = [floor.rest(ALPHA, BUY, LOT, 9_900, tif=GTD, expire_time_ns=SOON_NS + n) for n in times]
    assert [order for order, _, _ in closed(floor.wait(2 * SECOND_NS))] == [orders[n] for n in (1, 3, 2, 0)]


@pytest.mark.req("ORD-13", "ORD-14")
def test_a_day_order_ends_at_midnight_utc(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_900, tif=DAY)
    floor.now_ns = MIDNIGHT_NS - 1
    assert floor.operate(c.AdvanceTime()) == (e.TimeAdvanced(),)
    assert closed(floor.operate(c.AdvanceTime())) == [(order, LOT, Code.DAY_EXPIRED)]


@pytest.mark.req("ORD-13")
def test_a_day_order_entered_at_midnight_lives_for_a_whole_day(floor: Floor) -> None:
    floor.now_ns = MIDNIGHT_NS
    order = floor.rest(ALPHA, BUY, LOT, 9_900, tif=DAY)
    floor.now_ns = MIDNIGHT_NS + DAY_NS - 1
    assert len(floor.operate(c.AdvanceTime())) == 1
    assert closed(floor.operate(c.AdvanceTime())) == [(order, LOT, Code.DAY_EXPIRED)]


@pytest.mark.req("ORD-14", "RES-65")
def test_what_is_left_is_released_and_the_fills_stand(floor: Floor) -> None:
    before, _ = floor.balance(ALPHA, USDT)
    order = floor.rest(ALPHA, BUY, 3 * LOT, 10_000, tif=DAY)
    floor.enter(BRAVO, SELL, LOT, 10_000)
    floor.now_ns = MIDNIGHT_NS
    (expired, _) = floor.operate(c.AdvanceTime())
    assert expired == e.OrderExpired(order, 2 * LOT, 2 * LOT * 100_100, Code.DAY_EXPIRED)
    assert floor.balance(ALPHA, USDT) == (before - LOT * 100_000 - LOT * 20, 0)


@pytest.mark.req("ORD-13")
@pytest.mark.parametrize("kind", [m.STOP, m.PEGGED])
def test_waiting_orders_expire_too(floor: Floor, kind: OrdType) -> None:
    terms = {"stop_px": 10_500} if kind is m.STOP else {"price": 10_000, "peg": Peg.PRIMARY}
    order = floor.rest(ALPHA, BUY, LOT, kind=kind, tif=GTD, expire_time_ns=SOON_NS, **terms)
    assert closed(floor.wait(2 * SECOND_NS)) == [(order, LOT, Code.GTD_EXPIRED)]


@pytest.mark.req("ORD-13", "MAR-43")
def test_breakers_end_before_orders_and_both_before_the_command(floor: Floor) -> None:
    floor.rest(ALPHA, BUY, LOT, 9_900, tif=GTD, expire_time_ns=SOON_NS)
    floor.operate(c.TriggerBreaker(m.BTC_USDT, BreakerReason.OPERATIONS))
    floor.now_ns += 400 * SECOND_NS
    events = floor.enter(BRAVO, BUY, LOT, 9_900)
    assert [type(event) for event in events] == [e.BreakerReleased, e.OrderExpired, e.OrderAccepted]


@pytest.mark.req("ORD-13", "DRV-13")
def test_orders_expire_while_the_market_is_halted_and_with_a_refused_command(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_900, tif=GTD, expire_time_ns=SOON_NS)
    floor.status(SymbolStatus.HALT)
    floor.now_ns = SOON_NS
    expired, rejected = floor.enter(BRAVO, BUY, LOT, 9_900)
    assert closed((expired,)) == [(order, LOT, Code.GTD_EXPIRED)]
    assert rejected == e.OrderRejected(0, Code.SYMBOL_CLOSED)


@pytest.mark.req("ORD-13", "TIM-07")
@pytest.mark.parametrize(
    ("expire_time_ns", "code"),
    [
        (1, Code.STALE),
        (m.NOW_NS, Code.STALE),
        (limits.TIMESTAMP_NS_MAX, None),
        (limits.TIMESTAMP_NS_MAX + 1, Code.UNSUPPORTED),
        (2**64 - 1, Code.UNSUPPORTED),
    ],
)
def test_an_expiry_lies_ahead_and_within_the_range_of_times(
    floor: Floor, expire_time_ns: int, code: Code | None
) -> None:
    events = floor.enter(ALPHA, BUY, LOT, 9_900, tif=GTD, expire_time_ns=expire_time_ns)
    assert refusal(events) == code if code else accepted(events)


@pytest.mark.req("ORD-13")
def test_the_next_nanosecond_is_ahead_and_the_present_one_is_not(floor: Floor) -> None:
    floor.now_ns = SOON_NS
    order = {"account": ALPHA, "side": BUY, "qty": LOT, "price": 9_900, "tif": GTD}
    assert refusal(floor.enter(**order, expire_time_ns=SOON_NS)) == Code.STALE
    floor.now_ns = SOON_NS + 10
    assert accepted(floor.enter(**order, expire_time_ns=SOON_NS + 11))


@pytest.mark.req("ORD-14")
def test_only_operations_advance_time(floor: Floor) -> None:
    assert refusal(floor.send(m.ALPHA_OE, c.AdvanceTime())) == Code.NOT_AUTHORISED
