"""What is due comes before the command that finds it due, and work in slices changes nobody's turn."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import BreakerReason, Peg, SelfTrade, SymbolStatus, Trigger
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BTC_USDT, BUY, CHARLIE, SELL
from tests.unit.floor import LOT, SECOND_NS, Floor, accepted, restated, those, trades, triggered

DAY_NS = 86_400 * SECOND_NS


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.req("ORD-13", "ORD-12", "RES-101")
def test_pegs_follow_an_expiry_before_the_command_that_finds_it_due(floor: Floor) -> None:
    floor.rest(BRAVO, BUY, LOT, 9_980)
    floor.rest(BRAVO, BUY, LOT, 9_990, tif=m.DAY)
    peg = accepted(floor.enter(ALPHA, BUY, LOT, 10_000, kind=m.PEGGED, peg=Peg.PRIMARY))
    floor.now_ns += DAY_NS
    events = floor.enter(CHARLIE, SELL, LOT, 9_980, tif=m.IOC)
    assert next((order, price) for order, _, _, price, _ in restated(events)) == (peg, 9_980)
    kinds = [type(event) for event in events]
    assert kinds.index(e.OrderRestated) < kinds.index(e.OrderAccepted)
    assert [price for _, price, _ in trades(events)] == [9_980], "the peg has gone down with the bid"


@pytest.mark.req("MAR-43", "ORD-07")
def test_what_a_breaker_held_back_comes_before_the_command_that_finds_it_over(floor: Floor) -> None:
    floor.take_small_steps()
    floor.rest(ALPHA, SELL, LOT, 10_000)
    for _ in range(20):
        floor.rest(BRAVO, SELL, 10_000, 10_000)
    first = floor.enter(CHARLIE, BUY, 25 * LOT, 10_000)
    held = accepted(first)
    assert len(trades(first)) < 21
    floor.operate(c.TriggerBreaker(BTC_USDT, BreakerReason.OPERATIONS))
    floor.now_ns += 301 * SECOND_NS
    events = floor.enter(ALPHA, BUY, LOT, 10_000)
    assert events[0] == e.BreakerReleased(BTC_USDT)
    takers = [trade.taker_order_id for trade in those((*events, *floor.go_on()), e.Traded)]
    assert set(takers) == {held}, "it was there first, and takes all there is"


@pytest.mark.req("ORD-07", "RES-100")
def test_a_stop_that_is_due_comes_before_orders_entered_since(floor: Floor) -> None:
    floor.take_small_steps()
    stops = [
        floor.rest(BRAVO, BUY, 10_000, 10_100, kind=m.STOP_LIMIT, stop_px=10_000, trigger=Trigger.LAST)
        for _ in range(12)
    ]
    floor.rest(CHARLIE, SELL, 60_000, 10_050)
    floor.trade(ALPHA, CHARLIE, LOT, 10_000)
    late = accepted(floor.enter(ALPHA, BUY, 3 * LOT, 10_100))
    floor.go_on()
    traded = those(tuple(event for event in floor.go_on()), e.Traded)
    assert traded == []
    assert [floor.state(stop) for stop in stops[:6]] == [2] * 6, "they were due first, and took all"
    assert floor.state(late) == 0


def trades_of(commands: list[tuple[int, c.Command, int]], steps_max: int) -> list[tuple[str, str, int, int]]:
    """Who trades with whom, by ClOrdID, when records have so many steps."""
    floor = Floor()
    if steps_max:
        floor.take_small_steps(steps_max)
    names: dict[int, str] = {}
    told: list[e.Traded] = []
    for source, command, _ in commands:
        events = floor.send(source, command)
        names |= {event.order_id: getattr(command, "cl_ord_id", "") for event in those(events, e.OrderAccepted)}
        told += those(events, e.Traded)
    told += those(floor.go_on(), e.Traded)
    return [(names[t.taker_order_id], names[t.maker_order_id], t.last_px, t.last_qty) for t in told]


@pytest.mark.req("RES-100", "ORD-06", "DET-01")
@pytest.mark.parametrize("seed", range(6))
def test_slices_change_nobodys_turn(seed: int) -> None:
    rng, commands = Random(seed), []
    for n in range(150):
        account, side = rng.choice([ALPHA, BRAVO, CHARLIE]), rng.choice([BUY, SELL])
        price = 10_000 + rng.randint(-5, 5)
        # Stops come first: whether one is due at once is judged by the price at its entry.
        kind, tif, qty = (
            (m.STOP_LIMIT, m.GTC, 10_100) if n < 40 else (m.LIMIT, rng.choice([m.GTC, m.GTC, m.IOC]), 10_100)
        )
        terms: dict[str, Any] = {"stp": SelfTrade.RESTING}
        if kind is m.STOP_LIMIT:
            terms |= {"stop_px": price}
            price += 2 if side is BUY else -2
        else:
            qty *= rng.choice([1, 2, 3, 40])
        order = c.NewOrder(account, BTC_USDT, side, kind, tif, qty, price, f"n{n}", **terms)
        commands.append((m.SESSION_OF[account], order, 0))
    assert trades_of(commands, 16) == trades_of(commands, 0) != []


@pytest.mark.req("TRD-40")
def test_a_symbol_that_opens_settles_its_auction_before_what_comes_in(floor: Floor) -> None:
    floor.status(SymbolStatus.PRE_OPEN)
    floor.rest(ALPHA, BUY, LOT, 10_000)
    floor.rest(BRAVO, SELL, LOT, 10_000)
    assert [t.is_auction for t in those(floor.status(SymbolStatus.OPEN), e.Traded)] == [True]
    assert triggered(floor.enter(CHARLIE, BUY, LOT, 10_000)) == []
