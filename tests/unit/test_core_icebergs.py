"""Icebergs show a part of themselves, and go to the end of the queue whenever they show more."""

from __future__ import annotations

import pytest

from engine.api.enums import OrderState, RestateReason
from engine.api.rejects import ErrorCode as Code
from tests.model import market as m
from tests.model.market import ALPHA, BRAVO, BTC, BUY, CHARLIE, SELL
from tests.unit.floor import LOT, Floor, closed, refusal, restated, trades

REFILL = RestateReason.REFILL
FLOOR = LOT // 4


@pytest.fixture
def floor() -> Floor:
    return Floor()


@pytest.mark.req("ORD-01")
def test_a_floor_is_at_most_the_order(floor: Floor) -> None:
    assert refusal(floor.enter(ALPHA, SELL, LOT, 10_000, max_floor=LOT + 1)) == Code.SIZE_OFF_LOT
    floor.rest(ALPHA, SELL, LOT, 10_000, max_floor=LOT)


@pytest.mark.req("ORD-06", "TRD-30")
def test_what_is_shown_trades_first_and_the_rest_behind_the_others(floor: Floor) -> None:
    iceberg = floor.rest(ALPHA, SELL, LOT, 10_000, max_floor=FLOOR)
    plain = floor.rest(CHARLIE, SELL, LOT, 10_000)
    events = floor.enter(BRAVO, BUY, FLOOR + LOT + 1, 10_000)
    assert trades(events) == [(iceberg, 10_000, FLOOR), (plain, 10_000, LOT), (iceberg, 10_000, 1)]
    assert restated(events) == [(iceberg, REFILL, LOT - FLOOR, 10_000, FLOOR)]


@pytest.mark.req("ORD-06", "TRD-06")
def test_a_sweep_takes_one_tranche_after_another(floor: Floor) -> None:
    iceberg = floor.rest(ALPHA, SELL, LOT + 1, 10_000, max_floor=FLOOR * 2)
    events = floor.enter(BRAVO, BUY, LOT + 1, 10_000)
    assert trades(events) == [(iceberg, 10_000, FLOOR * 2), (iceberg, 10_000, FLOOR * 2), (iceberg, 10_000, 1)]
    shown = [(iceberg, REFILL, FLOOR * 2 + 1, 10_000, FLOOR * 2), (iceberg, REFILL, 1, 10_000, 1)]
    assert restated(events) == shown
    assert floor.state(iceberg) == OrderState.FILLED


@pytest.mark.req("ORD-06")
def test_a_tranche_that_is_partly_taken_keeps_its_place(floor: Floor) -> None:
    iceberg = floor.rest(ALPHA, SELL, 2 * LOT, 10_000, max_floor=LOT)
    floor.rest(CHARLIE, SELL, LOT, 10_000)
    for _ in range(2):
        first = floor.enter(BRAVO, BUY, LOT // 2, 10_000)
        assert trades(first) == [(iceberg, 10_000, LOT // 2)]
    assert restated(first) == [(iceberg, REFILL, LOT, 10_000, LOT)]


@pytest.mark.req("ORD-20", "RES-65")
def test_hidden_lots_are_reserved_too(floor: Floor) -> None:
    available, _ = floor.balance(ALPHA, BTC)
    floor.rest(ALPHA, SELL, LOT, 10_000, max_floor=20)
    assert floor.balance(ALPHA, BTC) == (available - LOT * 1_000, LOT * 1_000)


@pytest.mark.req("RES-05", "TRD-30")
@pytest.mark.parametrize(("qty", "is_filled"), [(2 * LOT, True), (2 * LOT + 1, False)])
def test_hidden_lots_count_for_fill_or_kill(floor: Floor, qty: int, is_filled: bool) -> None:
    floor.rest(ALPHA, SELL, 2 * LOT, 10_000, max_floor=FLOOR)
    assert bool(trades(floor.enter(BRAVO, BUY, qty, 10_000, tif=m.FOK))) is is_filled


@pytest.mark.req("RES-05", "ORD-08")
def test_what_would_refill_behind_an_own_order_does_not_count_for_fill_or_kill(floor: Floor) -> None:
    floor.rest(ALPHA, SELL, 2 * LOT, 10_000, max_floor=LOT)
    floor.rest(BRAVO, SELL, LOT, 10_000)
    assert closed(floor.enter(BRAVO, BUY, LOT + 1, 10_000, tif=m.FOK))[0][2] == Code.FOK_UNFILLABLE
    assert trades(floor.enter(BRAVO, BUY, LOT, 10_000, tif=m.FOK))[0][2] == LOT


@pytest.mark.req("ORD-06")
def test_an_iceberg_that_takes_uses_all_of_itself_and_then_shows_a_part(floor: Floor) -> None:
    maker = floor.rest(ALPHA, SELL, LOT, 10_000)
    events = floor.enter(BRAVO, BUY, 3 * LOT, 10_000, max_floor=FLOOR)
    assert trades(events) == [(maker, 10_000, LOT)]
    assert [qty for _, _, qty in trades(floor.enter(CHARLIE, SELL, 2 * LOT, 10_000))] == [FLOOR] * 8


@pytest.mark.req("ORD-05")
def test_an_elected_stop_limit_may_be_an_iceberg(floor: Floor) -> None:
    stop = floor.rest(ALPHA, SELL, LOT, 9_990, kind=m.STOP_LIMIT, stop_px=9_995, max_floor=LOT // 2)
    floor.trade(BRAVO, CHARLIE, LOT, 9_995)
    assert trades(floor.enter(BRAVO, BUY, LOT, 9_990)) == [(stop, 9_990, LOT // 2)] * 2
