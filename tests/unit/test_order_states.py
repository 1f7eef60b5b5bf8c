"""OST-05: of all changes of an order's state exactly those of the table can be brought about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, SelfTrade
from engine.api.rejects import ErrorCode as Code
from engine.api.wire import decode_records, encode_frame
from engine.host.core import Core
from tests.model import market as m
from tests.model.market import ALPHA, ALPHA_OE, BRAVO, BTC_USDT, BUY, SELL
from tests.property.strategies import write_script
from tests.unit.floor import LOT, SECOND_NS, Floor
from tests.unit.lives import ALLOWED, Lives

S = OrderState
NAME = "the order"
STATES = [state for state in OrderState if state is not S.UNKNOWN]
QTY = 4 * LOT


class Stage:
    """One order of ALPHA, called ``NAME``, and all that happens to it."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.lives = Lives()
        self.read = 0
        self.subject = 0
        self.reached: set[tuple[OrderState | None, OrderState]] = set()

    def note(self) -> None:
        """Read what was recorded since, and remember the changes of the order's state."""
        records = decode_records(self.floor.records[self.read :])
        self.read = len(self.floor.records)
        for record in records:
            changes = self.lives.follow(record)
            is_its_own = isinstance(record.command, c.NewOrder | c.RefuseOrder) and record.command.cl_ord_id == NAME
            if is_its_own and not self.subject:
                self.subject = record.seq
            self.reached |= {(before, after) for order, before, after in changes if order == self.subject}

    def enter(self, price: int = 10_000, **terms: Any) -> None:
        wanted: dict[str, Any] = {
            "cl_ord_id": NAME,
            "tif": m.GTD,
            "expire_time_ns": m.NOW_NS + 1_000 * SECOND_NS,
        } | terms
        self.floor.enter(ALPHA, SELL, QTY, price, **wanted)
        self.note()

    def take(self, qty: int) -> None:
        self.floor.enter(BRAVO, BUY, qty, 10_000, tif=m.IOC)
        self.note()

    def cancel(self) -> None:
        self.floor.send(ALPHA_OE, c.CancelOrder(next(self.floor.names), NAME))
        self.note()

    @property
    def state(self) -> OrderState | None:
        """The order's state by its events, and by what the engine answers."""
        if not self.subject:
            return None
        (told,) = self.floor.send(ALPHA_OE, c.RequestOrderStatus("", self.subject))
        assert isinstance(told, e.StatusReported)
        state = self.lives.orders[self.subject].state
        assert told.state == (S.UNKNOWN if state is S.REJECTED else state)
        return state


def nothing(stage: Stage) -> None:
    """Leave the order unknown."""


def rejected(stage: Stage) -> None:
    stage.enter(price=-1)


def pending(stage: Stage) -> None:
    stage.enter()


def partial(stage: Stage) -> None:
    stage.enter()
    stage.take(LOT)


def filled(stage: Stage) -> None:
    stage.enter()
    stage.take(QTY)


def canceled(stage: Stage) -> None:
    stage.enter()
    stage.cancel()


def expired(stage: Stage) -> None:
    stage.enter()
    stage.floor.wait(2_000 * SECOND_NS)
    stage.note()


BRING: dict[OrderState | None, Callable[[Stage], None]] = {
    None: nothing,
    S.PENDING: pending,
    S.PARTIAL: partial,
    S.FILLED: filled,
    S.CANCELED: canceled,
    S.REJECTED: rejected,
    S.EXPIRED: expired,
}


def try_pending(stage: Stage) -> None:
    """Enter it, again or for the first time; resend it; change it so that it might start anew."""
    stage.enter(poss_resend=True)
    stage.floor.send(ALPHA_OE, c.ReplaceOrder(next(stage.floor.names), 2 * QTY, 10_001, NAME))
    stage.floor.send(ALPHA_OE, c.ReplaceOrder(next(stage.floor.names), QTY, 10_000, NAME))
    stage.note()


def try_partial(stage: Stage) -> None:
    stage.take(LOT)


def try_filled(stage: Stage) -> None:
    stage.take(4 * QTY)


def try_canceled(stage: Stage) -> None:
    """Cancel it in every way there is."""
    floor = stage.floor
    floor.send(ALPHA_OE, c.ReplaceOrder(next(floor.names), 1, 0, NAME))
    floor.enter(ALPHA, BUY, LOT, 10_000, tif=m.IOC, stp=SelfTrade.BOTH)
    floor.send(ALPHA_OE, c.MassCancel(next(floor.names)))
    floor.send(c.OPERATIONS, c.CancelOrder(next(floor.names), order_id=stage.subject or 999))
    floor.operate(c.DelistInstrument(BTC_USDT))
    stage.note()
    stage.cancel()


def try_rejected(stage: Stage) -> None:
    """Enter something that must be refused, under its name."""
    refusal = c.RefuseOrder(ALPHA, 50, 50, 49, Code.PRICE_OFF_TICK, 44, NAME, "BTC/USDT", "1", "0.001", "")
    stage.enter(price=-1)
    stage.floor.send(ALPHA_OE, refusal)
    stage.note()


def try_expired(stage: Stage) -> None:
    stage.floor.wait(12 * 3_600 * SECOND_NS)  # beyond midnight, and within the window of ClOrdIDs
    stage.note()


TRY: dict[OrderState, Callable[[Stage], None]] = {
    S.PENDING: try_pending,
    S.PARTIAL: try_partial,
    S.FILLED: try_filled,
    S.CANCELED: try_canceled,
    S.REJECTED: try_rejected,
    S.EXPIRED: try_expired,
}


def outcome(before: OrderState | None, after: OrderState) -> set[tuple[OrderState | None, OrderState]]:
    """Bring an order into a state and try to bring it into another. Returns: how its state changed by that."""
    stage = Stage()
    BRING[before](stage)
    assert stage.state is before
    stage.reached.clear()
    TRY[after](stage)
    stage.lives.check()
    assert stage.state in {before, *(state for _, state in stage.reached)}
    return stage.reached


@pytest.mark.req("OST-02", "OST-03", "OST-05", "OST-12", "OST-40", "ORD-12", "ORD-20")
@pytest.mark.parametrize("after", STATES, ids=lambda state: state.name)
@pytest.mark.parametrize("before", [None, *STATES], ids=lambda state: state.name if state else "none")
def test_of_seven_times_six_changes_those_of_the_table_can_be_brought_about(
    before: OrderState | None, after: OrderState
) -> None:
    reached = outcome(before, after)
    if before is S.REJECTED:
        # Its name is free, so that another order may bear it; the rejected one itself never changes.
        assert reached == set()
    elif (before, after) in ALLOWED:
        assert reached == {(before, after)}
    else:
        assert reached == set()


@pytest.mark.req("OST-01")
def test_states_have_the_numbers_they_always_had() -> None:
    assert {state.name: int(state) for state in OrderState} == {
        "PENDING": 0,
        "PARTIAL": 1,
        "FILLED": 2,
        "CANCELED": 3,
        "REJECTED": 4,
        "EXPIRED": 5,
        "UNKNOWN": 255,
    }


@pytest.mark.req("OST-02", "OST-05", "OST-06", "ORD-20", "TRD-06")
@pytest.mark.parametrize("seed", [1, 2])
def test_in_a_long_random_run_no_other_change_ever_appears(seed: int) -> None:
    core, lives, now_ns = Core(), Lives(), m.NOW_NS
    for command in m.FULL_OPENING:
        core.apply(now_ns, m.frame(c.OPERATIONS, command))
    for wait_ns, source, raw in write_script([seed * 10**6 + n for n in range(3_000)]):
        now_ns += wait_ns
        for record in decode_records(core.apply(now_ns, encode_frame(source, 1, raw)).records):
            lives.follow(record)
    lives.check()
    assert set(lives.changes) == ALLOWED, "and each of them does"
    assert sum(life.state.is_open for life in lives.orders.values()) == core.open_orders


@pytest.mark.req("OST-05")
def test_the_checker_finds_a_change_that_is_not_allowed() -> None:
    stage = Stage()
    filled(stage)
    (last,) = decode_records(stage.floor.records)[-1:]
    forged = e.OrderCanceled(stage.subject, 0, 0, Code.USER_REQUESTED)
    with pytest.raises(AssertionError, match="FILLED"):
        stage.lives.follow(type(last)(last.seq, last.ts_ns, 0, 0, last.command, (forged,)))
