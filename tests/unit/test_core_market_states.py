"""States of symbol and venue: what each lets in, and when the market trades."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import BreakerReason, OrderState, Peg, SymbolStatus, Trigger, VenueStatus
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BTC_USDT, BUY, CHARLIE, MARKET, PEGGED, SELL, STOP, STOP_LIMIT
from tests.unit.floor import LOT, POST_ONLY, SECOND_NS, SLIDE, Floor, accepted, refusal, restated, trades, triggered

S, V = SymbolStatus, VenueStatus
CLOSED, NOT_NOW = Code.SYMBOL_CLOSED, Code.NOT_ALLOWED_NOW

ORDERS: dict[str, dict[str, Any]] = {
    "post-only": {"price": 9_900, "exec_inst": POST_ONLY},
    "slide": {"price": 9_900, "exec_inst": SLIDE},
    "GTC": {"price": 9_900},
    "DAY": {"price": 9_900, "tif": m.DAY},
    "GTD": {"price": 9_900, "tif": m.GTD, "expire_time_ns": m.NOW_NS + SECOND_NS},
    "IOC": {"price": 9_900, "tif": m.IOC},
    "FOK": {"price": 9_900, "tif": m.FOK},
    "market": {"kind": MARKET},
    "stop": {"kind": STOP, "stop_px": 10_500},
    "stop-limit": {"kind": STOP_LIMIT, "price": 10_500, "stop_px": 10_500},
    "peg": {"kind": PEGGED, "price": 9_900, "peg": Peg.PRIMARY},
}
RESTING = {"post-only", "slide", "GTC", "DAY", "GTD", "stop", "stop-limit", "peg"}
TAKES: list[tuple[c.Command, Code, set[str]]] = [
    (c.SetSymbolStatus(BTC_USDT, S.OPEN), NOT_NOW, set(ORDERS)),
    (c.SetSymbolStatus(BTC_USDT, S.PRE_OPEN), NOT_NOW, RESTING),
    (c.SetSymbolStatus(BTC_USDT, S.POST_ONLY), NOT_NOW, {"post-only", "slide"}),
    (c.SetSymbolStatus(BTC_USDT, S.CANCEL_ONLY), NOT_NOW, set()),
    (c.SetSymbolStatus(BTC_USDT, S.HALT), CLOSED, set()),
    (c.SetSymbolStatus(BTC_USDT, S.CLOSED), CLOSED, set()),
    (c.SetVenueStatus(V.CANCEL_ONLY), NOT_NOW, set()),
    (c.SetVenueStatus(V.HALT), CLOSED, set()),
    (c.SetVenueStatus(V.CLOSED), CLOSED, set()),
    (c.TriggerBreaker(BTC_USDT, BreakerReason.ACCOUNTS_IN_LIQUIDATION), CLOSED, set()),
]


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.req("ORD-01", "DRV-13", "EVT-02")
@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize(("state", "code", "taken"), TAKES, ids=[str(row[0]) for row in TAKES])
def test_which_orders_each_state_takes(floor: Floor, state: c.Command, code: Code, taken: set[str], name: str) -> None:
    floor.operate(state)
    events = floor.enter(ALPHA, BUY, LOT, **ORDERS[name])
    if name in taken:
        assert accepted(events)
    else:
        assert refusal(events) == code


@pytest.mark.req("ORD-01")
def test_the_venue_is_looked_at_first_then_the_breaker_then_the_symbol(floor: Floor) -> None:
    floor.operate(c.SetVenueStatus(V.CANCEL_ONLY))
    floor.operate(c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS))
    floor.status(S.CANCEL_ONLY)
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_900)) == NOT_NOW
    floor.operate(c.SetVenueStatus(V.OPEN))
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_900)) == CLOSED
    floor.wait(301 * SECOND_NS)
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_900)) == NOT_NOW


@pytest.mark.req("EVT-02")
@pytest.mark.parametrize("now", list(S))
@pytest.mark.parametrize("then", list(S))
def test_a_symbol_goes_from_any_status_to_any(floor: Floor, now: SymbolStatus, then: SymbolStatus) -> None:
    for status in (now, then):
        assert floor.status(status) == (e.SymbolStatusSet(BTC_USDT, status),)


@pytest.mark.req("EVT-02")
def test_the_venue_goes_from_any_status_to_any_and_other_symbols_go_on(floor: Floor) -> None:
    for now in V:
        for then in V:
            assert [floor.operate(c.SetVenueStatus(status)) for status in (now, then)] == [(e.VenueStatusSet(),)] * 2
    floor.operate(c.SetVenueStatus(V.OPEN))
    floor.status(S.HALT)
    assert accepted(floor.enter(ALPHA, BUY, 10, 9_900, symbol=m.ETH_USDT))
    for unknown in (0, 999, c.UNRESOLVED):
        assert refusal(floor.status(S.OPEN, unknown)) == Code.UNKNOWN_REFERENCE


@pytest.mark.req("DRV-13")
@pytest.mark.parametrize("status", [S.HALT, S.CLOSED, S.CANCEL_ONLY, S.POST_ONLY])
def test_resting_orders_stay_through_a_closed_market(floor: Floor, status: SymbolStatus) -> None:
    order = floor.rest(BRAVO, SELL, LOT, 10_000)
    floor.status(status)
    floor.status(S.OPEN)
    assert trades(floor.enter(ALPHA, BUY, LOT, 10_000)) == [(order, 10_000, LOT)]


@pytest.mark.req("ORD-05")
def test_in_the_pre_open_orders_rest_even_crossed(floor: Floor) -> None:
    floor.status(S.PRE_OPEN)
    ask = floor.rest(BRAVO, SELL, LOT, 9_990)
    bid = floor.rest(ALPHA, BUY, LOT, 10_010)
    floor.status(S.HALT)
    assert floor.state(ask) == floor.state(bid) == OrderState.PENDING
    assert trades(floor.status(S.POST_ONLY)) != []


@pytest.mark.req("ORD-05")
@pytest.mark.parametrize(
    ("close", "reopen"),
    [
        (c.SetVenueStatus(V.HALT), c.SetVenueStatus(V.OPEN)),
        (c.SetVenueStatus(V.CANCEL_ONLY), c.SetVenueStatus(V.OPEN)),
        (c.SetSymbolStatus(BTC_USDT, S.CLOSED), c.SetSymbolStatus(BTC_USDT, S.OPEN)),
        (c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS), None),
    ],
)
def test_stops_and_pegs_rest_until_the_market_trades_again(
    floor: Floor, close: c.Command, reopen: c.Command | None
) -> None:
    stop = floor.rest(ALPHA, BUY, LOT, 10_050, kind=STOP_LIMIT, stop_px=10_010, trigger=Trigger.MARK)
    bid = floor.rest(BRAVO, BUY, LOT, 9_990)
    peg = accepted(floor.enter(CHARLIE, BUY, LOT, 10_000, kind=PEGGED, peg=Peg.PRIMARY))
    floor.operate(close)
    assert len(floor.mark(10_020)) == 1
    assert restated(floor.cancel(bid)) == []
    if reopen is None:
        floor.now_ns += 301 * SECOND_NS
    events = floor.operate(reopen or c.AdvanceTime())
    assert triggered(events) == [(stop, 10_050)]
    assert restated(events)[-1][0] == peg and restated(events)[-1][3] in (0, 10_000)


@pytest.mark.req("TBL-04")
def test_a_delisted_symbol_is_unknown_to_all_but_cancels_and_status(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_900)
    floor.operate(c.DelistInstrument(BTC_USDT))
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_900)) == Code.UNKNOWN_SYMBOL
    assert floor.state(order) == OrderState.CANCELED
    assert refusal(floor.cancel(order)) == Code.TOO_LATE
    for command in (c.SetMark(BTC_USDT, 1), c.SetSymbolStatus(BTC_USDT, S.OPEN), c.DelistInstrument(BTC_USDT)):
        assert refusal(floor.operate(command)) == Code.UNKNOWN_REFERENCE
    breaker = c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS)
    assert refusal(floor.operate(breaker)) == Code.UNKNOWN_REFERENCE
