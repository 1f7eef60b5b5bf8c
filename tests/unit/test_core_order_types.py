"""Which orders there are: which terms go together, what is checked in which order, and what is reserved."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import (
    AccountStatus,
    ExecInst,
    OrderState,
    OrdType,
    Peg,
    SelfTrade,
    Side,
    SymbolStatus,
    TimeInForce,
    Trigger,
)
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, BRAVO, BTC, BUY, LIMIT, MARKET, PEGGED, SELL, STOP, STOP_LIMIT, USDT
from tests.unit.floor import LOT, POST_ONLY, REDUCE_ONLY, SLIDE, Floor, accepted, closed, refusal, trades

SOUND: dict[OrdType, dict[str, Any]] = {
    MARKET: {"price": 0},
    LIMIT: {"price": 10_000},
    STOP: {"price": 0, "stop_px": 10_000},
    STOP_LIMIT: {"price": 10_000, "stop_px": 10_000},
    PEGGED: {"price": 10_000, "peg": Peg.PRIMARY},
}
RESTING = (m.DAY, m.GTC, m.GTD)
TIMES = {MARKET: (m.IOC, m.FOK), LIMIT: tuple(TimeInForce), STOP: RESTING, STOP_LIMIT: RESTING, PEGGED: RESTING}


@pytest.fixture
def floor() -> Floor:
    return Floor()


def sound(kind: OrdType, tif: TimeInForce) -> dict[str, Any]:
    expiry = {"expire_time_ns": m.NOW_NS + 10**9} if tif is m.GTD else {}
    return {"account": ALPHA, "side": BUY, "qty": LOT, "kind": kind, "tif": tif, **SOUND[kind], **expiry}


@pytest.mark.req("ORD-13", "ORD-15")
@pytest.mark.parametrize("tif", list(TimeInForce))
@pytest.mark.parametrize("kind", list(OrdType))
def test_each_order_type_has_its_times_in_force(floor: Floor, kind: OrdType, tif: TimeInForce) -> None:
    events = floor.enter(**sound(kind, tif))
    if tif in TIMES[kind]:
        assert accepted(events)
    else:
        assert refusal(events) == Code.UNSUPPORTED


MISFITS: list[tuple[OrdType, TimeInForce, dict[str, Any]]] = [
    *((kind, m.GTC, {"price": 10_000}) for kind in (STOP,)),
    (MARKET, m.IOC, {"price": 10_000}),
    *((kind, m.IOC if kind is MARKET else m.GTC, {"stop_px": 10_000}) for kind in (MARKET, LIMIT, PEGGED)),
    *((kind, m.GTC, {"trigger": Trigger.LAST}) for kind in (LIMIT, PEGGED)),
    (MARKET, m.IOC, {"trigger": Trigger.MARK}),
    *((kind, m.GTC, {"peg": Peg.MID}) for kind in (LIMIT, STOP, STOP_LIMIT)),
    (PEGGED, m.GTC, {"peg": Peg.NONE}),
    *((kind, m.GTC, {"peg_offset": 1}) for kind in (LIMIT, STOP, STOP_LIMIT)),
    (PEGGED, m.GTC, {"peg_offset": limits.PRICE_TICKS_MAX + 1}),
    (PEGGED, m.GTC, {"peg_offset": -limits.PRICE_TICKS_MAX - 1}),
    *((LIMIT, tif, {"expire_time_ns": m.NOW_NS + 10**9}) for tif in (m.DAY, m.GTC, m.IOC, m.FOK)),
    (LIMIT, m.GTD, {"expire_time_ns": 0}),
    *((kind, m.GTC, {"max_floor": 1}) for kind in (STOP, PEGGED)),
    *((LIMIT, tif, {"max_floor": 1}) for tif in (m.IOC, m.FOK)),
    (MARKET, m.IOC, {"max_floor": 1}),
    (LIMIT, m.GTC, {"max_floor": -1}),
    *((kind, m.GTC, {"min_qty": 1}) for kind in (LIMIT, STOP, STOP_LIMIT, PEGGED)),
    *((kind, m.FOK, {"min_qty": 1}) for kind in (LIMIT, MARKET)),
    (LIMIT, m.IOC, {"min_qty": -1}),
    *((LIMIT, tif, {"exec_inst": POST_ONLY}) for tif in (m.IOC, m.FOK)),
    *((kind, m.GTC, {"exec_inst": POST_ONLY}) for kind in (STOP, STOP_LIMIT, PEGGED)),
    (MARKET, m.IOC, {"exec_inst": POST_ONLY}),
    (LIMIT, m.GTC, {"exec_inst": ExecInst.SLIDE}),
    (LIMIT, m.GTC, {"exec_inst": REDUCE_ONLY}),
    (LIMIT, m.GTC, {"exec_inst": ExecInst.LIQUIDATION}),
]


@pytest.mark.req("ORD-01", "ORD-02")
@pytest.mark.parametrize(("kind", "tif", "changes"), MISFITS)
def test_terms_that_do_not_go_together(floor: Floor, kind: OrdType, tif: TimeInForce, changes: dict[str, Any]) -> None:
    before = floor.state_bytes()
    assert refusal(floor.enter(**sound(kind, tif) | changes)) == Code.UNSUPPORTED
    assert floor.state_bytes() == before
    assert accepted(floor.enter(**sound(kind, tif)))


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize(
    ("kind", "tif", "terms"),
    [
        (LIMIT, m.GTC, {"max_floor": 50, "exec_inst": SLIDE, "stp": SelfTrade.DECREMENT, "stp_group": 7}),
        (LIMIT, m.GTC, {"max_floor": LOT}),
        (LIMIT, m.DAY, {"exec_inst": POST_ONLY}),
        (STOP_LIMIT, m.GTC, {"max_floor": 50}),
        (STOP, m.DAY, {"trigger": Trigger.LAST}),
        (STOP_LIMIT, m.GTC, {"trigger": Trigger.MARK, "stop_px": 10_001}),
        (PEGGED, m.GTC, {"peg": Peg.MID, "peg_offset": limits.PRICE_TICKS_MAX}),
        (PEGGED, m.GTC, {"peg": Peg.MARKET, "peg_offset": -limits.PRICE_TICKS_MAX}),
    ],
)
def test_terms_that_go_together(floor: Floor, kind: OrdType, tif: TimeInForce, terms: dict[str, Any]) -> None:
    order = sound(kind, tif) | terms
    assert floor.state(accepted(floor.enter(**order))) == OrderState.PENDING


@pytest.mark.req("ORD-17", "LIQ-21")
def test_a_liquidation_order_is_entered_by_operations_and_only_reduces(floor: Floor) -> None:
    order: dict[str, Any] = {"account": ALPHA_F, "side": SELL, "qty": 10, "price": 10_000, "symbol": m.BTC_PERP}
    both = REDUCE_ONLY | ExecInst.LIQUIDATION
    assert refusal(floor.enter(**order, exec_inst=both)) == Code.UNSUPPORTED
    assert refusal(floor.enter(**order, exec_inst=ExecInst.LIQUIDATION, source=c.OPERATIONS)) == Code.UNSUPPORTED
    floor.trade(ALPHA_F, m.BRAVO_F, 10, 10_000, m.BTC_PERP)
    assert accepted(floor.enter(**order, exec_inst=both, source=c.OPERATIONS))


@pytest.mark.req("ORD-01", "ORD-02")
def test_the_first_failing_check_decides() -> None:
    floor = Floor()
    floor.operate(c.SetAccountStatus(ALPHA, AccountStatus.SUSPENDED))
    floor.operate(c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.HALT))
    floor.operate(c.SetKillSwitch(m.ALPHA_OE, True))
    wrong: dict[str, Any] = {
        "account": 999,
        "side": BUY,
        "qty": 0,
        "price": 0,
        "kind": STOP_LIMIT,
        "stop_px": 0,
        "symbol": 999,
        "tif": m.GTD,
        "max_floor": 1,
        "source": m.ALPHA_DC,
        "min_qty": 1,
        "expire_time_ns": 1,
    }
    mended: list[tuple[Code, dict[str, Any] | c.Command]] = [
        (Code.NOT_AUTHORISED, {"source": m.ALPHA_OE}),
        (Code.UNKNOWN_ACCOUNT, {"account": BRAVO}),
        (Code.NOT_AUTHORISED, {"account": ALPHA}),
        (Code.UNKNOWN_SYMBOL, {"symbol": m.BTC_PERP}),
        (Code.UNSUPPORTED, {"symbol": m.BTC_USDT}),
        (Code.ACCOUNT_SUSPENDED, c.SetAccountStatus(ALPHA, AccountStatus.ACTIVE)),
        (Code.KILL_SWITCH, c.SetKillSwitch(m.ALPHA_OE, False)),
        (Code.SYMBOL_CLOSED, c.SetSymbolStatus(m.BTC_USDT, SymbolStatus.OPEN)),
        (Code.UNSUPPORTED, {"min_qty": 0}),
        (Code.PRICE_OFF_TICK, {"price": 30_000}),
        (Code.PRICE_OFF_TICK, {"stop_px": 20_000}),
        (Code.STALE, {"expire_time_ns": limits.TIMESTAMP_NS_MAX + 1}),
        (Code.UNSUPPORTED, {"expire_time_ns": limits.TIMESTAMP_NS_MAX}),
        (Code.PRICE_OUTSIDE_BAND, {"price": 22_000}),
        (Code.SIZE_OFF_LOT, {"qty": 1_000_001}),
        (Code.EXCEEDS_LIMIT, {"qty": 1, "max_floor": 2}),
        (Code.SIZE_OFF_LOT, {"max_floor": 1}),
        (Code.EXCEEDS_LIMIT, {"qty": limits.TRANCHES_PER_ORDER_MAX + 1}),
        (Code.EXCEEDS_LIMIT, {"qty": 1_000_000, "max_floor": 1_000, "kind": LIMIT, "stop_px": 0, "price": 11_000}),
    ]
    for code, mend in mended:
        before = floor.state_bytes()
        assert refusal(floor.enter(**wrong)) == code, mend
        assert floor.state_bytes() == before
        if isinstance(mend, dict):
            wrong |= mend
        else:
            floor.operate(mend)
    assert accepted(floor.enter(**wrong))


@pytest.mark.req("ORD-01")
def test_funds_are_looked_at_before_risk_limits(floor: Floor) -> None:
    order: dict[str, Any] = {"account": m.CHARLIE_F, "side": BUY, "qty": 200_000, "price": 10_000}
    assert refusal(floor.enter(**order, symbol=m.BTC_PERP)) == Code.INSUFFICIENT_BALANCE
    floor.operate(c.Deposit(m.CHARLIE_F, USDT, 10**14, "more"))
    assert refusal(floor.enter(**order, symbol=m.BTC_PERP)) == Code.EXCEEDS_LIMIT, "tier 1 stops at 100,000"


@pytest.mark.req("ORD-01", "RES-21")
@pytest.mark.parametrize(
    ("side", "terms", "asset", "per_lot"),
    [
        (BUY, {"price": 10_001}, USDT, 100_010 + 101),
        (SELL, {"price": 10_001}, BTC, 1_000),
        (BUY, {"kind": STOP, "stop_px": 10_001}, USDT, 110_010 + 111),
        (SELL, {"kind": STOP, "stop_px": 10_001}, BTC, 1_000),
        (BUY, {"kind": STOP_LIMIT, "price": 10_050, "stop_px": 10_001}, USDT, 100_500 + 101),
        (BUY, {"kind": PEGGED, "price": 12_345, "peg": Peg.PRIMARY}, USDT, 123_450 + 124),
    ],
)
def test_what_a_lot_reserves_follows_from_the_worst_price(
    floor: Floor, side: Side, terms: dict[str, Any], asset: int, per_lot: int
) -> None:
    before = floor.balance(ALPHA, asset)
    order = floor.rest(ALPHA, side, LOT, **terms)
    assert floor.balance(ALPHA, asset) == (before[0] - LOT * per_lot, LOT * per_lot)
    floor.cancel(order)
    assert floor.balance(ALPHA, asset) == before


@pytest.mark.req("RES-05")
@pytest.mark.parametrize(("min_qty", "is_filled"), [(2 * LOT, True), (2 * LOT + 1, False)])
def test_a_minimum_quantity_is_met_at_acceptable_prices_or_nothing_trades(
    floor: Floor, min_qty: int, is_filled: bool
) -> None:
    for price in (10_000, 10_001, 10_003):
        floor.rest(BRAVO, SELL, LOT, price)
    events = floor.enter(ALPHA, BUY, 3 * LOT, 10_002, tif=m.IOC, min_qty=min_qty)
    assert [qty for _, _, qty in trades(events)] == ([LOT, LOT] if is_filled else [])
    left = (LOT, Code.IOC_REMAINDER) if is_filled else (3 * LOT, Code.MIN_QTY_UNFILLABLE)
    assert closed(events) == [(accepted(events), *left)]


@pytest.mark.req("ORD-01")
def test_a_minimum_quantity_is_at_most_the_order(floor: Floor) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    order: dict[str, Any] = {"account": ALPHA, "side": BUY, "qty": LOT, "kind": MARKET}
    assert refusal(floor.enter(**order, min_qty=LOT + 1)) == Code.SIZE_OFF_LOT
    assert trades(floor.enter(**order, min_qty=LOT))[0][2] == LOT


@pytest.mark.req("ORD-08")
@pytest.mark.parametrize(
    ("stp", "is_filled"),
    [
        (SelfTrade.DEFAULT, False),
        (SelfTrade.AGGRESSIVE, False),
        (SelfTrade.RESTING, True),
        (SelfTrade.BOTH, False),
        (SelfTrade.DECREMENT, False),
    ],
)
def test_only_an_order_that_cancels_own_makers_can_be_filled_past_them(
    floor: Floor, stp: SelfTrade, is_filled: bool
) -> None:
    floor.rest(BRAVO, SELL, LOT, 10_000)
    own = floor.rest(ALPHA, SELL, LOT, 10_000)
    floor.rest(BRAVO, SELL, LOT, 10_000)
    events = floor.enter(ALPHA, BUY, 2 * LOT, 10_000, tif=m.FOK, stp=stp)
    assert bool(trades(events)) is is_filled
    if is_filled:
        assert closed(events) == [(own, LOT, Code.SELF_TRADE)]
    else:
        assert closed(events) == [(accepted(events), 2 * LOT, Code.FOK_UNFILLABLE)]


@pytest.mark.req("ORD-06")
def test_operations_enter_orders_for_every_member_account(floor: Floor) -> None:
    for account in (ALPHA, BRAVO, m.ALPHA_M):
        assert accepted(floor.enter(account, BUY, LOT, 10_000, source=c.OPERATIONS))
    assert refusal(floor.enter(m.FEES, BUY, LOT, 10_000, source=c.OPERATIONS)) == Code.UNKNOWN_ACCOUNT
