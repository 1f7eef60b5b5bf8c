"""Replaces that are refused, in the order of the checks, and what a pure reduction is spared."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountStatus, BreakerReason, OrderState, Peg, SymbolStatus, VenueStatus
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_OE, BRAVO, BTC, BUY, LIMIT, PEGGED, SELL, STOP, STOP_LIMIT, USDT
from tests.unit.floor import LOT, POST_ONLY, SECOND_NS, Floor, refusal, those

LATER_NS = m.NOW_NS + 100 * SECOND_NS


@pytest.fixture
def floor() -> Floor:
    return Floor()


def is_replaced(events: tuple[e.Event, ...]) -> bool:
    return bool(those(events, e.OrderReplaced))


@pytest.mark.req("ORD-09", "ORD-10", "FIX-26")
def test_whose_order_it_is_and_what_it_is_called(floor: Floor) -> None:
    order = floor.rest(ALPHA, SELL, LOT, 10_000, cl_ord_id="a")
    request = c.ReplaceOrder("b", LOT, 10_001, "a")
    nobody = (e.ReplaceRejected(0, Code.UNKNOWN_ORDER, OrderState.UNKNOWN),)
    assert floor.send(m.BRAVO_OE, request) == nobody
    assert floor.send(m.BRAVO_OE, msgspec.structs.replace(request, order_id=order)) == nobody
    for described in ({"account_id": BRAVO}, {"symbol_id": m.ETH_USDT}, {"side": BUY}):
        assert floor.send(ALPHA_OE, msgspec.structs.replace(request, **described)) == nobody
    duplicate = (e.ReplaceRejected(order, Code.DUPLICATE_CL_ORD_ID, OrderState.PENDING),)
    assert floor.send(ALPHA_OE, c.ReplaceOrder("a", LOT, 10_001, "a")) == duplicate
    again = c.ReplaceOrder("a", LOT, 10_001, "a", poss_resend=True)
    assert floor.send(ALPHA_OE, again) == (e.StatusReported(order, OrderState.PENDING),)
    assert is_replaced(floor.send(ALPHA_OE, request)), "a refused replace left its name free"
    floor.cancel(order)
    late = (e.ReplaceRejected(order, Code.TOO_LATE, OrderState.CANCELED),)
    assert floor.send(ALPHA_OE, c.ReplaceOrder("c", LOT, 10_001, "a")) == late


REFUSED: list[tuple[Code, dict[str, Any], dict[str, Any]]] = [
    (Code.SIZE_OFF_LOT, {}, {"order_qty": 0}),
    (Code.SIZE_OFF_LOT, {}, {"order_qty": -1}),
    (Code.UNSUPPORTED, {"kind": STOP, "price": 0, "stop_px": 10_000}, {"price": 10_000}),
    (Code.UNSUPPORTED, {}, {"stop_px": 10_000}),
    (Code.UNSUPPORTED, {"exec_inst": POST_ONLY}, {"max_floor": 10}),
    (Code.UNSUPPORTED, {"kind": PEGGED, "peg": Peg.PRIMARY}, {"max_floor": 10}),
    (Code.UNSUPPORTED, {"kind": STOP, "price": 0, "stop_px": 10_000}, {"max_floor": 10}),
    (Code.UNSUPPORTED, {}, {"max_floor": -1}),
    (Code.UNSUPPORTED, {}, {"peg_offset": 0}),
    (Code.UNSUPPORTED, {"kind": PEGGED, "peg": Peg.PRIMARY}, {"peg_offset": limits.PRICE_TICKS_MAX + 1}),
    (Code.UNSUPPORTED, {"kind": PEGGED, "peg": Peg.PRIMARY}, {"peg_offset": -limits.PRICE_TICKS_MAX - 1}),
    (Code.UNSUPPORTED, {}, {"time_in_force": m.IOC}),
    (Code.UNSUPPORTED, {}, {"time_in_force": m.FOK}),
    (Code.UNSUPPORTED, {}, {"time_in_force": m.GTD}),
    (Code.UNSUPPORTED, {}, {"time_in_force": m.DAY, "expire_time_ns": LATER_NS}),
    (Code.UNSUPPORTED, {}, {"expire_time_ns": LATER_NS}),
    (Code.PRICE_OFF_TICK, {}, {"price": -1}),
    (Code.PRICE_OFF_TICK, {}, {"price": limits.PRICE_TICKS_MAX + 1}),
    (Code.PRICE_OFF_TICK, {"kind": STOP, "price": 0, "stop_px": 10_000}, {"stop_px": -1}),
    (Code.STALE, {}, {"time_in_force": m.GTD, "expire_time_ns": 1}),
    (Code.UNSUPPORTED, {}, {"time_in_force": m.GTD, "expire_time_ns": limits.TIMESTAMP_NS_MAX + 1}),
    (Code.PRICE_OUTSIDE_BAND, {}, {"price": 11_001}),
    (Code.PRICE_OUTSIDE_BAND, {}, {"price": 8_999}),
    (Code.PRICE_OUTSIDE_BAND, {"kind": STOP_LIMIT, "stop_px": 10_000}, {"stop_px": 9_090}),
    (Code.EXCEEDS_LIMIT, {}, {"order_qty": 1_000_001}),
    (Code.EXCEEDS_LIMIT, {}, {"order_qty": 9_999, "price": 10_001 - 2}),
    (Code.SIZE_OFF_LOT, {}, {"max_floor": LOT + 1}),
    (Code.SIZE_OFF_LOT, {}, {"order_qty": LOT - 1, "max_floor": LOT}),
    (Code.POST_ONLY_WOULD_TAKE, {"exec_inst": POST_ONLY}, {"price": 10_100}),
]


@pytest.mark.req("ORD-01", "ORD-02", "ORD-10")
@pytest.mark.parametrize(("code", "terms", "changes"), REFUSED)
def test_a_refused_replace_changes_nothing(
    floor: Floor, code: Code, terms: dict[str, Any], changes: dict[str, Any]
) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_100)
    order = floor.rest(**{"account": ALPHA, "side": BUY, "qty": LOT, "price": 10_000, "kind": LIMIT} | terms)
    before = floor.state_bytes()
    assert refusal(floor.replace(order, **{"order_qty": LOT} | changes)) == code
    assert floor.state_bytes() == before


@pytest.mark.req("ORD-10")
@pytest.mark.parametrize(
    ("terms", "changes"),
    [
        ({}, {"order_qty": 1_000_000}),
        ({}, {"price": 11_000}),
        ({}, {"price": 9_000}),
        ({"kind": STOP_LIMIT, "stop_px": 10_000}, {"stop_px": 9_091}),
        ({}, {"max_floor": LOT}),
        ({"kind": PEGGED, "peg": Peg.PRIMARY}, {"peg_offset": limits.PRICE_TICKS_MAX}),
        ({"exec_inst": POST_ONLY}, {"price": 10_099}),
        ({}, {"time_in_force": m.GTD, "expire_time_ns": limits.TIMESTAMP_NS_MAX}),
    ],
)
def test_a_replace_at_the_bounds(floor: Floor, terms: dict[str, Any], changes: dict[str, Any]) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_100)
    order = floor.rest(**{"account": ALPHA, "side": BUY, "qty": LOT, "price": 10_000, "kind": LIMIT} | terms)
    assert is_replaced(floor.replace(order, **{"order_qty": LOT} | changes))


@pytest.mark.req("ORD-10", "RES-21")
def test_funds_count_what_the_order_has_locked(floor: Floor) -> None:
    available, _ = floor.balance(ALPHA, BTC)
    floor.operate(c.Transfer(ALPHA, BRAVO, BTC, available - 3 * LOT * 1_000))
    order = floor.rest(ALPHA, SELL, LOT, 10_000)
    assert refusal(floor.replace(order, 3 * LOT + 1)) == Code.INSUFFICIENT_BALANCE
    assert is_replaced(floor.replace(order, 3 * LOT))
    assert floor.balance(ALPHA, BTC) == (0, 3 * LOT * 1_000)


CLOSED: list[tuple[Code, c.Command]] = [
    (Code.ACCOUNT_SUSPENDED, c.SetAccountStatus(ALPHA, AccountStatus.SUSPENDED)),
    (Code.KILL_SWITCH, c.SetKillSwitch(ALPHA_OE, True)),
    (Code.SYMBOL_CLOSED, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.HALT)),
    (Code.SYMBOL_CLOSED, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.CLOSED)),
    (Code.NOT_ALLOWED_NOW, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.CANCEL_ONLY)),
    (Code.SYMBOL_CLOSED, c.SetVenueStatus(VenueStatus.HALT)),
    (Code.SYMBOL_CLOSED, c.SetVenueStatus(VenueStatus.CLOSED)),
    (Code.NOT_ALLOWED_NOW, c.SetVenueStatus(VenueStatus.CANCEL_ONLY)),
    (Code.SYMBOL_CLOSED, c.TriggerBreaker(m.BTC_USDT, BreakerReason.OPERATIONS)),
    (Code.NOT_ALLOWED_NOW, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.POST_ONLY)),
]


@pytest.mark.req("ORD-10", "DRV-13")
@pytest.mark.parametrize(("code", "restriction"), CLOSED)
def test_a_pure_reduction_passes_where_nothing_else_does(floor: Floor, code: Code, restriction: c.Command) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 10_000)
    floor.operate(restriction)
    if code == Code.KILL_SWITCH:
        order = floor.rest(ALPHA, BUY, LOT, 10_000, source=c.OPERATIONS)
    for changes in ({"order_qty": LOT + 1}, {"order_qty": LOT, "price": 10_001}):
        assert refusal(floor.replace(order, source=ALPHA_OE, **changes)) == code
    assert is_replaced(floor.replace(order, LOT - 1, source=ALPHA_OE, time_in_force=m.DAY))
    assert those(floor.cancel(order, ALPHA_OE), e.OrderCanceled)


@pytest.mark.req("ORD-10")
def test_while_only_post_only_orders_are_taken_a_replace_may_keep_priority_or_be_post_only(floor: Floor) -> None:
    plain = floor.rest(ALPHA, BUY, LOT, 10_000)
    poster = floor.rest(ALPHA, BUY, LOT, 10_000, exec_inst=POST_ONLY)
    floor.status(SymbolStatus.POST_ONLY)
    assert is_replaced(floor.replace(plain, LOT, max_floor=100)), "not a reduction, but it keeps its place"
    assert refusal(floor.replace(plain, LOT, price=9_999)) == Code.NOT_ALLOWED_NOW
    assert is_replaced(floor.replace(poster, LOT, price=9_999))


@pytest.mark.req("ORD-10", "TBL-03")
def test_a_reduction_may_leave_the_smallest_notional_and_the_smallest_quantity_but_no_less(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 10_000)
    assert refusal(floor.replace(order, 9_999)) == Code.EXCEEDS_LIMIT
    assert is_replaced(floor.replace(order, 10_000))
    other = floor.rest(ALPHA, BUY, 10, 10_000, symbol=m.ETH_USDT)
    assert refusal(floor.replace(other, 4)) == Code.SIZE_OFF_LOT
    assert is_replaced(floor.replace(other, 5))


@pytest.mark.req("ORD-10", "TBL-03")
def test_dust_that_fills_have_left_may_be_priced_anew_but_not_be_made_less(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 10_000)
    floor.enter(BRAVO, m.SELL, 15_000, 10_000)
    assert refusal(floor.replace(order, LOT - 1)) == Code.EXCEEDS_LIMIT
    assert refusal(floor.replace(order, LOT - 1, price=10_010)) == Code.EXCEEDS_LIMIT
    assert is_replaced(floor.replace(order, LOT, price=10_010))


@pytest.mark.req("ORD-10")
def test_a_pure_reduction_keeps_what_a_lot_reserves_though_fees_have_a_new_price(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, kind=STOP, stop_px=10_010)
    floor.operate(c.ChangeInstrument(msgspec.structs.replace(m.BTC_LISTING, band_ppm=50_000)))
    floor.replace(order, LOT // 2)
    assert floor.balance(ALPHA, USDT)[1] == LOT // 2 * (110_110 + 111)
    floor.replace(order, LOT)
    assert floor.balance(ALPHA, USDT)[1] == LOT * (105_100 + 106)
