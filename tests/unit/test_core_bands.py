"""Price bands, and the sizes an instrument takes, from both sides of each bound."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import limits
from engine.api.enums import OrdType, Peg, Side, Trigger
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, BRAVO, BTC_PERP, BUY, LIMIT, MARKET, PEGGED, SELL, STOP, STOP_LIMIT
from tests.unit.floor import LOT, OPENING, Events, Floor, accepted, closed, refusal, trades

OUTSIDE = Code.PRICE_OUTSIDE_BAND


@pytest.fixture
def floor() -> Floor:
    return Floor()


def outcome(events: Events) -> Code | None:
    """The code of a refusal, None of an acceptance."""
    return Code(refusal(events)) if len(events) == 1 and not hasattr(events[0], "reserved") else None


@pytest.mark.req("ORD-01", "MAR-43")
@pytest.mark.parametrize(
    ("mark", "lowest", "highest"),
    [(10_000, 9_000, 11_000), (10_001, 9_001, 11_001), (9_999, 9_000, 10_998), (9_991, 8_992, 10_990)],
)
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_limit_lies_within_the_band_of_the_mark(
    floor: Floor, side: Side, mark: int, lowest: int, highest: int
) -> None:
    floor.mark(mark)
    for price, code in ((lowest - 1, OUTSIDE), (lowest, None), (highest, None), (highest + 1, OUTSIDE)):
        floor.operate(c.MassCancel("clear"))
        assert outcome(floor.enter(ALPHA, side, LOT, price)) is code


@pytest.mark.req("ORD-01")
def test_a_stop_limit_lies_within_the_band_of_its_stop_price(floor: Floor) -> None:
    for price, code in ((10_799, OUTSIDE), (10_800, None), (13_200, None), (13_201, OUTSIDE)):
        for trigger in Trigger:
            events = floor.enter(ALPHA, BUY, LOT, price, kind=STOP_LIMIT, stop_px=12_000, trigger=trigger)
            assert outcome(events) is code


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize(
    "order", [{"kind": STOP, "stop_px": 20_000}, {"kind": PEGGED, "price": 20_000, "peg": Peg.PRIMARY}]
)
def test_stops_and_pegs_have_no_band(floor: Floor, order: dict[str, Any]) -> None:
    assert outcome(floor.enter(ALPHA, BUY, LOT, **order)) is None


@pytest.mark.req("ORD-01", "MAR-10")
def test_without_a_mark_a_spot_order_has_no_band_and_a_perpetual_no_market() -> None:
    floor = Floor(tuple(command for command in OPENING if not isinstance(command, c.SetMark)))
    assert outcome(floor.enter(ALPHA, BUY, LOT, 20_000)) is None
    order: dict[str, Any] = {"account": ALPHA_F, "side": BUY, "qty": 1, "symbol": BTC_PERP}
    assert refusal(floor.enter(**order, price=10_000)) == Code.NOT_ALLOWED_NOW
    assert refusal(floor.enter(**order, kind=MARKET)) == Code.NOT_ALLOWED_NOW
    floor.mark(10_000, BTC_PERP)
    assert outcome(floor.enter(**order, price=10_000)) is None


@pytest.mark.req("ORD-15", "RES-09")
@pytest.mark.parametrize(("best", "edge"), [(10_001, 11_001), (9_999, 10_998)])
def test_a_market_buy_reaches_as_far_as_the_band_of_the_best_ask(floor: Floor, best: int, edge: int) -> None:
    floor.operate(c.ChangeInstrument(msgspec.structs.replace(m.BTC_LISTING, band_ppm=200_000)))
    floor.mark(10_010)
    orders = {price: floor.rest(BRAVO, SELL, LOT, price) for price in (best, edge, edge + 1)}
    floor.operate(c.ChangeInstrument(m.BTC_LISTING))
    events = floor.enter(ALPHA, BUY, 3 * LOT, kind=MARKET)
    assert [order for order, _, _ in trades(events)] == [orders[best], orders[edge]]
    assert closed(events)[0][1:] == (LOT, Code.IOC_REMAINDER)


@pytest.mark.req("ORD-15", "RES-09")
def test_protection_prices_stay_within_the_range_of_prices() -> None:
    floor = Floor((*m.OPENING, c.Deposit(BRAVO, m.ETH, 10**35 - 10**22, "all there is")))
    top = limits.PRICE_TICKS_MAX
    floor.rest(ALPHA, SELL, 1, top, symbol=m.BTC_ETH)
    assert trades(floor.enter(BRAVO, BUY, 1, kind=MARKET, symbol=m.BTC_ETH))[0][1] == top
    floor.rest(ALPHA, BUY, 1, 1, symbol=m.BTC_ETH)
    assert trades(floor.enter(BRAVO, SELL, 1, kind=MARKET, symbol=m.BTC_ETH))[0][1] == 1


@pytest.mark.req("ORD-01", "TBL-03")
@pytest.mark.parametrize("kind", [LIMIT, STOP, STOP_LIMIT, PEGGED])
def test_notional_is_bounded_below_at_the_likely_price_and_above_at_the_worst(floor: Floor, kind: OrdType) -> None:
    floor.operate(c.Deposit(ALPHA, m.USDT, 10**16, "rich"))
    floor.operate(c.ChangeInstrument(msgspec.structs.replace(m.BTC_LISTING, min_notional=10**9, max_notional=10**11)))
    terms: dict[OrdType, dict[str, Any]] = {
        LIMIT: {"price": 10_000},
        STOP: {"stop_px": 10_000},
        STOP_LIMIT: {"stop_px": 10_000, "price": 10_000},
        PEGGED: {"price": 10_000, "peg": Peg.PRIMARY},
    }
    worst = 11_000 if kind is STOP else 10_000
    least, most = 10_000, 10**11 // (10 * worst)
    for qty, code in ((least - 1, Code.EXCEEDS_LIMIT), (least, None), (most, None), (most + 1, Code.EXCEEDS_LIMIT)):
        assert outcome(floor.enter(ALPHA, BUY, qty, kind=kind, **terms[kind])) is code


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_market_orders_least_notional_is_that_at_the_best_price(floor: Floor, side: Side) -> None:
    floor.rest(BRAVO, SELL if side is BUY else BUY, 2 * LOT, 10_000)
    assert refusal(floor.enter(ALPHA, side, 9_999, kind=MARKET)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(ALPHA, side, 10_000, kind=MARKET)), "at 10,000 that is just 10 USDT"
    other = SELL if side is BUY else BUY
    assert closed(floor.enter(ALPHA, other, 1, kind=MARKET))[0][2] == Code.NO_LIQUIDITY, "without a price no notional"


@pytest.mark.req("TBL-03")
@pytest.mark.parametrize(("side", "cap"), [(BUY, 20_000), (SELL, 1)])
def test_a_pegged_orders_least_notional_is_that_at_the_mark_whatever_its_cap(
    floor: Floor, side: Side, cap: int
) -> None:
    floor.mark(10_000)
    order: dict[str, Any] = {"kind": PEGGED, "peg": Peg.PRIMARY}
    assert refusal(floor.enter(ALPHA, side, 9_999, cap, **order)) == Code.EXCEEDS_LIMIT
    assert accepted(floor.enter(ALPHA, side, 10_000, cap, **order))


@pytest.mark.req("ORD-01")
def test_quantity_is_bounded(floor: Floor) -> None:
    order: dict[str, Any] = {"account": ALPHA, "side": SELL, "price": 10_000, "symbol": m.ETH_USDT}
    cases = ((4, Code.SIZE_OFF_LOT), (5, None), (1_000_000, None), (1_000_001, Code.EXCEEDS_LIMIT))
    for qty, code in cases:
        assert outcome(floor.enter(**order, qty=qty)) is code


@pytest.mark.req("ORD-01")
@pytest.mark.parametrize(
    ("price", "code"),
    [
        (0, Code.PRICE_OFF_TICK),
        (1, None),
        (limits.PRICE_TICKS_MAX, None),
        (limits.PRICE_TICKS_MAX + 1, Code.PRICE_OFF_TICK),
    ],
)
def test_prices_have_a_range(floor: Floor, price: int, code: Code | None) -> None:
    assert outcome(floor.enter(ALPHA, SELL, 1, price, symbol=m.BTC_ETH)) is code
    stop: dict[str, Any] = {"kind": STOP, "stop_px": price, "symbol": m.BTC_ETH}
    assert outcome(floor.enter(ALPHA, SELL, 1, **stop)) is code
