"""Changing and delisting instruments, and listing perpetuals."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, BreakerReason, InstrumentKind, MarginMode, Matching, Peg
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode as Code
from engine.api.units import Step
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, BRAVO, BRAVO_F, BTC_LISTING, BTC_PERP, BTC_PERP_LISTING, BUY, SELL, USDT
from tests.unit.floor import LOT, REDUCE_ONLY, SECOND_NS, Events, Floor, accepted, closed, refusal, those, triggered

CHANGED, DELISTED = (e.InstrumentChanged(),), e.InstrumentDelisted()
NEW_PNL = 5


@pytest.fixture
def floor() -> Floor:
    floor = Floor()
    floor.operate(c.OpenAccount(NEW_PNL, 0, AccountKind.CLEARING_PNL, "NEW-PNL"))
    return floor


def change(floor: Floor, listing: Instrument = BTC_LISTING, **changes: Any) -> Events:
    return floor.operate(c.ChangeInstrument(msgspec.structs.replace(listing, **changes)))


ANY_TIME = [
    {"min_qty": 2},
    {"max_qty": 2_000_000},
    {"min_notional": 0},
    {"max_notional": 10**15},
    {"band_ppm": 1},
    {"maker_ppm": 0},
    {"taker_ppm": 0},
    {"fee_account_id": m.LENDER},
]
EMPTY_BOOK = [{"tick": Step(1, 1)}, {"lot": Step(1, 4)}]
NEVER = [
    {"symbol": "BTC/USD"},
    {"base_asset_id": m.ETH},
    {"quote_asset_id": m.ETH},
    {"kind": InstrumentKind.PERPETUAL, "max_leverage": 1, "pnl_account_id": NEW_PNL},
]


@pytest.mark.req("TBL-04")
@pytest.mark.parametrize("changes", [*ANY_TIME, {"matching": Matching.PRO_RATA}])
def test_bounds_bands_fees_and_matching_change_at_any_time(floor: Floor, changes: dict[str, Any]) -> None:
    floor.rest(ALPHA, BUY, LOT, 10_000)
    assert change(floor, **changes) == CHANGED


@pytest.mark.req("TBL-04")
@pytest.mark.parametrize("changes", EMPTY_BOOK)
def test_steps_change_without_open_orders_only(floor: Floor, changes: dict[str, Any]) -> None:
    order = floor.rest(ALPHA, BUY, LOT, kind=m.STOP, stop_px=10_500)
    assert refusal(change(floor, **changes)) == Code.NOT_EMPTY
    floor.cancel(order)
    assert change(floor, **changes) == CHANGED


@pytest.mark.req("TBL-04")
@pytest.mark.parametrize("changes", NEVER)
def test_what_an_instrument_is_never_changes(floor: Floor, changes: dict[str, Any]) -> None:
    assert refusal(change(floor, **changes)) == Code.BOUND_EXCEEDED


@pytest.mark.req("TBL-04", "ORD-02")
@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (Code.UNKNOWN_REFERENCE, {"symbol_id": 999}),
        (Code.UNKNOWN_REFERENCE, {"fee_account_id": 999}),
        (Code.BOUND_EXCEEDED, {"fee_account_id": ALPHA}),
        (Code.BOUND_EXCEEDED, {"min_qty": 0}),
        (Code.BOUND_EXCEEDED, {"max_leverage": 1}),
        (Code.BOUND_EXCEEDED, {"band_ppm": limits.BAND_PPM_MAX + 1}),
        (Code.INEXACT_NOTIONAL, {"lot": Step(1, 7)}),
    ],
)
def test_a_change_keeps_the_bounds_of_a_listing(floor: Floor, code: Code, changes: dict[str, Any]) -> None:
    before = floor.state_bytes()
    assert refusal(change(floor, **changes)) == code
    assert floor.state_bytes() == before


@pytest.mark.req("TBL-04", "DRV-11")
def test_steps_of_a_perpetual_change_without_positions_and_debts_only(floor: Floor) -> None:
    floor.trade(ALPHA_F, BRAVO_F, 10, 10_000, BTC_PERP)
    assert refusal(change(floor, BTC_PERP_LISTING, tick=Step(1, 1))) == Code.NOT_EMPTY
    assert change(floor, BTC_PERP_LISTING, maker_ppm=0) == CHANGED, "fees may"
    floor.trade(BRAVO_F, ALPHA_F, 10, 10_000, BTC_PERP)
    assert change(floor, BTC_PERP_LISTING, maker_ppm=0, tick=Step(1, 1)) == CHANGED


@pytest.mark.req("TBL-04", "MAR-10", "MAR-43")
def test_new_steps_forget_marks_and_last_prices(floor: Floor) -> None:
    floor.trade(ALPHA, BRAVO, LOT, 10_000)
    change(floor, tick=Step(1, 1))
    assert accepted(floor.enter(ALPHA, BUY, LOT, 30_000)), "no mark, no band"
    floor.operate(c.MassCancel("x"))
    floor.rest(ALPHA, SELL, LOT, 1_000, kind=m.STOP_LIMIT, stop_px=1_000)
    assert len(floor.mark(1_000)) == 1, "no breaker though the price is another"
    change(floor, BTC_PERP_LISTING, tick=Step(1, 1))
    assert refusal(floor.enter(ALPHA_F, BUY, 10, 1_000, symbol=BTC_PERP)) == Code.NOT_ALLOWED_NOW


@pytest.mark.req("TBL-04", "FEE-01")
def test_changed_fees_are_those_of_the_next_trade(floor: Floor) -> None:
    change(floor, maker_ppm=100, taker_ppm=300)
    (trade,) = those(floor.trade(ALPHA, BRAVO, LOT, 10_000), e.Traded)
    assert (trade.maker_fee, trade.taker_fee) == (LOT * 10, LOT * 30)


@pytest.mark.req("TBL-04", "OST-10")
def test_delisting_cancels_all_orders_and_frees_what_they_held(floor: Floor) -> None:
    before = floor.core.balances()
    orders = [
        floor.rest(ALPHA, BUY, LOT, 10_000),
        floor.rest(BRAVO, SELL, LOT, 10_500, max_floor=70),
        floor.rest(ALPHA, BUY, LOT, kind=m.STOP, stop_px=10_500),
        accepted(floor.enter(BRAVO, BUY, LOT, 10_000, kind=m.PEGGED, peg=Peg.PRIMARY)),
        floor.rest(ALPHA, BUY, LOT, 9_000, tif=m.GTD, expire_time_ns=m.NOW_NS + SECOND_NS),
    ]
    other = floor.rest(ALPHA, BUY, 10, 10_000, symbol=m.ETH_USDT)
    events = floor.operate(c.DelistInstrument(m.BTC_USDT))
    bid, ask, stop, peg, low = orders
    assert closed(events) == [(order, LOT, Code.DELISTED) for order in (bid, peg, low, ask, stop)]
    assert events[-1] == DELISTED
    assert floor.wait(2 * SECOND_NS) == ()
    floor.cancel(other)
    assert floor.core.balances() == before


@pytest.mark.req("TBL-04", "DRV-11")
def test_a_perpetual_with_a_position_or_a_debt_is_not_delisted(floor: Floor) -> None:
    floor.operate(c.SetLeverage(ALPHA_F, BTC_PERP, 10, MarginMode.ISOLATED))
    floor.trade(ALPHA_F, BRAVO_F, 1_000, 10_000, BTC_PERP)
    stop: dict[str, Any] = {"kind": m.STOP, "stop_px": 1_000, "symbol": BTC_PERP, "exec_inst": REDUCE_ONLY}
    order = floor.rest(ALPHA_F, SELL, 10, **stop)
    assert refusal(floor.operate(c.DelistInstrument(BTC_PERP))) == Code.NOT_EMPTY
    floor.now_ns += 100 * SECOND_NS
    floor.mark(8_000, BTC_PERP)
    (debt,) = (
        p.debt for p in those(floor.trade(BRAVO_F, ALPHA_F, 1_000, 8_000, BTC_PERP), e.PositionChanged) if p.debt
    )
    assert refusal(floor.operate(c.DelistInstrument(BTC_PERP))) == Code.NOT_EMPTY
    floor.operate(c.CoverDebt(m.LENDER, ALPHA_F, BTC_PERP, debt))
    assert closed(floor.operate(c.DelistInstrument(BTC_PERP))) == [(order, 10, Code.DELISTED)]


@pytest.mark.req("TBL-04")
def test_a_delisted_symbol_neither_elects_nor_breaks(floor: Floor) -> None:
    floor.operate(c.TriggerBreaker(m.BTC_USDT, BreakerReason.OPERATIONS))
    floor.operate(c.DelistInstrument(m.BTC_USDT))
    assert triggered(floor.operate(c.AdvanceTime())) == []
    assert floor.wait(301 * SECOND_NS) == (e.BreakerReleased(m.BTC_USDT),)
    new = msgspec.structs.replace(BTC_LISTING, symbol="BTC/USDT")
    assert refusal(floor.operate(c.ListInstrument(new))) == Code.ALREADY_REGISTERED


@pytest.mark.req("MAR-03", "DRV-11")
@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (None, {}),
        (None, {"max_leverage": 1}),
        (None, {"max_leverage": limits.LEVERAGE_MAX}),
        (Code.BOUND_EXCEEDED, {"max_leverage": 0}),
        (Code.BOUND_EXCEEDED, {"max_leverage": limits.LEVERAGE_MAX + 1}),
        (Code.BOUND_EXCEEDED, {"pnl_account_id": m.BTC_PNL}),
        (Code.BOUND_EXCEEDED, {"pnl_account_id": m.FEES}),
        (Code.BOUND_EXCEEDED, {"pnl_account_id": ALPHA_F}),
        (Code.UNKNOWN_REFERENCE, {"pnl_account_id": 999}),
        (Code.BOUND_EXCEEDED, {"fee_account_id": NEW_PNL}),
    ],
)
def test_listing_a_perpetual(floor: Floor, code: Code | None, changes: dict[str, Any]) -> None:
    fields = {"symbol_id": 7, "symbol": "NEW-PERP", "max_leverage": 20, "pnl_account_id": NEW_PNL} | changes
    events = floor.operate(c.ListInstrument(msgspec.structs.replace(BTC_PERP_LISTING, **fields)))
    assert events == ((e.CommandRefused(code),) if code else (e.InstrumentListed(),))


@pytest.mark.req("MAR-03", "ORD-02")
def test_a_spot_instrument_has_no_leverage_and_only_operations_list(floor: Floor) -> None:
    spot = msgspec.structs.replace(BTC_LISTING, symbol_id=7, symbol="NEW")
    assert (
        refusal(floor.operate(c.ListInstrument(msgspec.structs.replace(spot, max_leverage=1)))) == Code.BOUND_EXCEEDED
    )
    for command in (c.ListInstrument(spot), c.ChangeInstrument(BTC_LISTING), c.DelistInstrument(m.BTC_USDT)):
        assert refusal(floor.send(m.ALPHA_OE, command)) == Code.NOT_AUTHORISED
    assert floor.operate(c.ListInstrument(spot)) == (e.InstrumentListed(),)
    assert accepted(floor.enter(ALPHA, BUY, LOT, 10_000, symbol=7)), "it is listed open"
    assert floor.balance(ALPHA, USDT)[1] > 0
