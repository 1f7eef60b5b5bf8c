"""Mass cancels, the kill switch, and cancels in bad times."""

from __future__ import annotations

from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import AccountStatus, BreakerReason, MarginState, OrderState, Peg, SymbolStatus, VenueStatus
from engine.api.ids import Seq
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_F, ALPHA_OE, BRAVO, BUY, CHARLIE, CHARLIE_2, CHARLIE_OE, SELL
from tests.unit.floor import LOT, Floor, accepted, closed, refusal

USER, MASS = Code.USER_REQUESTED, Code.MASS_CANCELED


@pytest.fixture
def floor() -> Floor:
    return Floor()


def seq_of(floor: Floor) -> Seq:
    """The number of the last record."""
    return Seq(floor.core.seq)


def mixed(floor: Floor) -> dict[str, int]:
    """Open orders of three firms, in several markets, over several sessions."""
    return {
        "alpha buy": floor.rest(ALPHA, BUY, LOT, 9_990),
        "alpha sell": floor.rest(ALPHA, SELL, LOT, 10_010),
        "alpha eth": floor.rest(ALPHA, BUY, 10, 9_990, symbol=m.ETH_USDT),
        "alpha stop": floor.rest(ALPHA, SELL, LOT, kind=m.STOP, stop_px=9_500),
        "alpha peg": accepted(floor.enter(ALPHA, BUY, LOT, 9_995, kind=m.PEGGED, peg=Peg.PRIMARY)),
        "alpha perp": floor.rest(ALPHA_F, BUY, 10, 9_990, symbol=m.BTC_PERP),
        "bravo": floor.rest(BRAVO, BUY, LOT, 9_980),
        "charlie 1": floor.rest(CHARLIE, BUY, LOT, 9_980),
        "charlie 2": floor.rest(CHARLIE, BUY, LOT, 9_980, source=CHARLIE_2),
    }


SCOPES: list[tuple[int, dict[str, int], set[str]]] = [
    (ALPHA_OE, {}, {"alpha buy", "alpha sell", "alpha eth", "alpha stop", "alpha peg", "alpha perp"}),
    (ALPHA_OE, {"symbol_id": m.BTC_USDT}, {"alpha buy", "alpha sell", "alpha stop", "alpha peg"}),
    (ALPHA_OE, {"symbol_id": m.BTC_USDT, "side": SELL}, {"alpha sell", "alpha stop"}),
    (ALPHA_OE, {"account_id": ALPHA_F}, {"alpha perp"}),
    (ALPHA_OE, {"account_id": ALPHA, "side": BUY}, {"alpha buy", "alpha eth", "alpha peg"}),
    (ALPHA_OE, {"symbol_id": m.ETH_PRO}, set()),
    (CHARLIE_2, {}, {"charlie 1", "charlie 2"}),
    (CHARLIE_2, {"of_session": CHARLIE_OE}, {"charlie 1"}),
    (CHARLIE_2, {"of_session": m.BRAVO_OE}, set()),
    (0, {"firm_id": 2}, {"bravo"}),
    (0, {"firm_id": 1, "symbol_id": m.ETH_USDT}, {"alpha eth"}),
    (0, {"account_id": BRAVO}, {"bravo"}),
    (0, {"account_id": 999}, set()),
    (0, {"side": SELL}, {"alpha sell", "alpha stop"}),
]


@pytest.mark.req("ORD-09", "DRV-13")
@pytest.mark.parametrize(("source", "scope", "names"), SCOPES)
def test_what_a_mass_cancel_reaches(floor: Floor, source: int, scope: dict[str, Any], names: set[str]) -> None:
    orders = mixed(floor)
    events = floor.send(source, c.MassCancel("mass", **scope))
    canceled = [order_id for order_id, _, code in closed(events) if code == MASS]
    account = {order: floor.model.orders[order].account_id for order in orders.values()}
    expected = sorted((orders[name] for name in names), key=lambda order: (account[order], order))
    assert canceled == expected, "account by account, the oldest first"
    assert events[len(names)] == e.MassCanceled(seq_of(floor), len(names), True)


@pytest.mark.req("OST-10")
def test_operations_give_a_reason(floor: Floor) -> None:
    order = floor.rest(ALPHA, BUY, LOT, 9_990)
    events = floor.operate(c.MassCancel("mass", of_session=ALPHA_OE, code=Code.DISCONNECTED))
    assert closed(events) == [(order, LOT, Code.DISCONNECTED)]


@pytest.mark.req("ORD-02")
@pytest.mark.parametrize(
    ("code", "source", "scope"),
    [
        (Code.NOT_AUTHORISED, m.ALPHA_DC, {}),
        (Code.NOT_AUTHORISED, 99, {"firm_id": 1}),
        (Code.UNSUPPORTED, ALPHA_OE, {"firm_id": 1, "account_id": BRAVO}),
        (Code.UNSUPPORTED, ALPHA_OE, {"code": 1042}),
        (Code.UNSUPPORTED, 0, {"kill": True}),
        (Code.UNKNOWN_ACCOUNT, ALPHA_OE, {"account_id": BRAVO, "symbol_id": 999}),
        (Code.UNKNOWN_ACCOUNT, ALPHA_OE, {"account_id": 999}),
        (Code.UNKNOWN_ACCOUNT, ALPHA_OE, {"account_id": c.UNRESOLVED}),
        (Code.UNKNOWN_SYMBOL, ALPHA_OE, {"symbol_id": 999}),
        (Code.UNKNOWN_SYMBOL, 0, {"symbol_id": c.UNRESOLVED}),
    ],
)
def test_a_refused_mass_cancel_cancels_nothing(floor: Floor, code: Code, source: int, scope: dict[str, Any]) -> None:
    mixed(floor)
    before = floor.state_bytes()
    assert refusal(floor.send(source, c.MassCancel("mass", **scope))) == code
    assert floor.state_bytes() == before


@pytest.mark.req("ORD-09")
def test_its_name_is_not_remembered_and_repeating_it_is_harmless(floor: Floor) -> None:
    request = c.MassCancel("mass", poss_resend=True)
    for expected in (1, 0):
        floor.rest(ALPHA, BUY, LOT, 9_990) if expected else None
        assert floor.send(ALPHA_OE, request)[-1] == e.MassCanceled(seq_of(floor), expected, True)
    assert accepted(floor.enter(ALPHA, BUY, LOT, 9_990, cl_ord_id="mass"))


@pytest.mark.req("ORD-09", "DRV-13")
def test_the_kill_switch_blocks_a_session_until_it_is_lifted(floor: Floor) -> None:
    order = floor.rest(CHARLIE, BUY, LOT, 9_990)
    events = floor.send(CHARLIE_OE, c.MassCancel("mass", kill=True))
    assert closed(events) == [(order, LOT, MASS)]
    assert events[0] == e.KillSwitchSet(CHARLIE_OE, True, False)
    assert events[2:] == (e.MassCanceled(seq_of(floor), 1, True),)
    assert refusal(floor.enter(CHARLIE, BUY, LOT, 9_990)) == Code.KILL_SWITCH
    other = floor.rest(CHARLIE, BUY, LOT, 9_990, source=CHARLIE_2)
    assert closed(floor.cancel(other, CHARLIE_OE)) == [(other, LOT, USER)], "it may still cancel"
    assert floor.send(CHARLIE_OE, c.SetKillSwitch(CHARLIE_OE, False)) == (e.KillSwitchSet(CHARLIE_OE, False, False),)
    assert accepted(floor.enter(CHARLIE, BUY, LOT, 9_990))


@pytest.mark.req("ORD-02")
def test_who_may_set_a_kill_switch(floor: Floor) -> None:
    for _ in range(2):
        set_on, done = floor.operate(c.SetKillSwitch(ALPHA_OE, True))
        assert (set_on, done) == (e.KillSwitchSet(ALPHA_OE, True, True), e.MassCanceled(seq_of(floor), 0, True))
    assert refusal(floor.send(CHARLIE_2, c.SetKillSwitch(CHARLIE_OE, True))) == Code.NOT_AUTHORISED
    for unknown in (m.ALPHA_DC, 99, 0):
        assert refusal(floor.operate(c.SetKillSwitch(unknown, True))) == Code.UNKNOWN_REFERENCE
        assert refusal(floor.send(ALPHA_OE, c.SetKillSwitch(unknown, True))) == Code.UNKNOWN_REFERENCE


@pytest.mark.req("ORD-02", "ORD-09")
def test_a_kill_switch_of_operations_is_lifted_by_operations_only(floor: Floor) -> None:
    floor.operate(c.SetKillSwitch(ALPHA_OE, True))
    assert floor.send(ALPHA_OE, c.SetKillSwitch(ALPHA_OE, True))[0] == e.KillSwitchSet(ALPHA_OE, True, True)
    assert e.KillSwitchSet(ALPHA_OE, True, True) in floor.send(ALPHA_OE, c.MassCancel("mass", kill=True))
    assert refusal(floor.send(ALPHA_OE, c.SetKillSwitch(ALPHA_OE, False))) == Code.NOT_AUTHORISED
    assert refusal(floor.enter(ALPHA, BUY, LOT, 9_990)) == Code.KILL_SWITCH
    assert floor.operate(c.SetKillSwitch(ALPHA_OE, False)) == (e.KillSwitchSet(ALPHA_OE, False, True),)
    assert accepted(floor.enter(ALPHA, BUY, LOT, 9_990))
    floor.send(ALPHA_OE, c.SetKillSwitch(ALPHA_OE, True))
    assert floor.operate(c.SetKillSwitch(ALPHA_OE, True))[0] == e.KillSwitchSet(ALPHA_OE, True, True)
    assert refusal(floor.send(ALPHA_OE, c.SetKillSwitch(ALPHA_OE, False))) == Code.NOT_AUTHORISED, "theirs by now"


@pytest.mark.req("ORD-09")
@pytest.mark.parametrize("source", [c.OPERATIONS, CHARLIE_OE])
def test_a_kill_switch_cancels_what_the_session_entered_stops_and_pegs_too(floor: Floor, source: int) -> None:
    kept = floor.rest(CHARLIE, BUY, LOT, 9_990, source=CHARLIE_2)
    killed = [
        floor.rest(CHARLIE, BUY, LOT, 9_980),
        floor.rest(CHARLIE, SELL, LOT, kind=m.STOP, stop_px=9_500),
        accepted(floor.enter(CHARLIE, BUY, LOT, 9_995, kind=m.PEGGED, peg=Peg.PRIMARY)),
    ]
    events = floor.send(source, c.SetKillSwitch(CHARLIE_OE, True))
    assert closed(events) == [(order, LOT, Code.KILL_SWITCH) for order in killed]
    assert events[-1] == e.MassCanceled(seq_of(floor), 3, True)
    assert floor.state(kept) == OrderState.PENDING


@pytest.mark.req("ORD-09", "RES-100")
def test_a_kill_switch_takes_orders_out_at_once_and_is_not_lifted_before_all_are_told() -> None:
    floor = Floor()
    floor.take_small_steps()
    orders = [floor.rest(ALPHA, BUY, LOT, 9_990) for _ in range(40)]
    events = floor.operate(c.SetKillSwitch(ALPHA_OE, True))
    assert 0 < len(closed(events)) < 40
    assert isinstance(events[-1], e.MassCanceled)
    assert not events[-1].is_complete
    assert refusal(floor.operate(c.SetKillSwitch(ALPHA_OE, False))) == Code.NOT_ALLOWED_NOW
    sold = floor.enter(BRAVO, SELL, LOT, 9_990, tif=m.IOC)
    assert not [trade for trade in sold if isinstance(trade, e.Traded)]
    floor.go_on()
    assert all(floor.state(order) == OrderState.CANCELED for order in orders)
    assert floor.operate(c.SetKillSwitch(ALPHA_OE, False)) == (e.KillSwitchSet(ALPHA_OE, False, True),)


RESTRICTIONS: list[c.Command] = [
    c.SetAccountStatus(ALPHA, AccountStatus.SUSPENDED),
    c.SetMarginState(ALPHA, MarginState.LIQUIDATION_WARNING),
    c.SetKillSwitch(ALPHA_OE, True),
    *(c.SetSymbolStatus(m.BTC_USDT, status) for status in SymbolStatus),
    *(c.SetVenueStatus(status) for status in VenueStatus),
    c.TriggerBreaker(m.BTC_USDT, BreakerReason.OPERATIONS),
]


@pytest.mark.req("DRV-13", "ORD-09")
@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_cancels_work_in_every_state(floor: Floor, restriction: c.Command) -> None:
    floor.operate(restriction) if isinstance(restriction, c.SetKillSwitch) else None
    by: dict[str, Any] = {"source": c.OPERATIONS} if isinstance(restriction, c.SetKillSwitch) else {}
    one, other = floor.rest(ALPHA, BUY, LOT, 9_990, **by), floor.rest(ALPHA, BUY, LOT, 9_990, **by)
    floor.operate(restriction)
    assert closed(floor.cancel(one, ALPHA_OE)) == [(one, LOT, USER)]
    assert closed(floor.send(ALPHA_OE, c.MassCancel("mass"))) == [(other, LOT, MASS)]
    assert floor.state(one) == floor.state(other) == OrderState.CANCELED


@pytest.mark.req("TBL-04", "ORD-09")
def test_orders_of_a_delisted_symbol_are_known_to_a_mass_cancel(floor: Floor) -> None:
    floor.operate(c.DelistInstrument(m.ETH_PRO))
    events = floor.send(ALPHA_OE, c.MassCancel("mass", symbol_id=m.ETH_PRO))
    assert events == (e.MassCanceled(seq_of(floor), 0, True),)
