"""What becomes of orders, read from events alone: every change of state must be one that is allowed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState
from engine.api.wire import Record

S = OrderState
ALLOWED: frozenset[tuple[OrderState | None, OrderState]] = frozenset(
    {
        (None, S.PENDING),
        (None, S.REJECTED),
        (S.PENDING, S.PARTIAL),
        (S.PENDING, S.FILLED),
        (S.PENDING, S.CANCELED),
        (S.PENDING, S.EXPIRED),
        (S.PARTIAL, S.PARTIAL),
        (S.PARTIAL, S.FILLED),
        (S.PARTIAL, S.CANCELED),
        (S.PARTIAL, S.EXPIRED),
    }
)
"""The only changes of state there are (OST table); None is an order that is not known yet."""


@dataclass
class Life:
    """One order."""

    state: OrderState
    order_qty: int
    leaves: int

    @property
    def filled(self) -> int:
        return self.order_qty - self.leaves


@dataclass
class Lives:
    """All orders. A rejected one has no id of its own: the number of its record stands for it."""

    orders: dict[int, Life] = field(default_factory=dict)
    changes: Counter[tuple[OrderState | None, OrderState]] = field(default_factory=Counter)

    def follow(self, record: Record) -> list[tuple[int, OrderState | None, OrderState]]:
        """Apply a record's events. Returns: the changes of state they are."""
        told: list[tuple[int, OrderState | None, OrderState]] = []
        for event in record.events:
            told += self.apply(record, event)
        for _, before, after in told:
            assert (before, after) in ALLOWED, f"{before!r} to {after!r} in record {record.seq}"
            self.changes[before, after] += 1
        return told

    def apply(self, record: Record, event: e.Event) -> list[tuple[int, OrderState | None, OrderState]]:
        match event:
            case e.OrderAccepted(order_id):
                assert isinstance(record.command, c.NewOrder) and order_id not in self.orders
                qty = record.command.order_qty
                return [self.begin(order_id, Life(S.PENDING, qty, qty))]
            case e.OrderRejected():
                return [self.begin(record.seq, Life(S.REJECTED, 0, 0))]
            case e.Traded():
                maker = self.fill(event.maker_order_id, event.last_qty, event.maker_leaves)
                return [maker, self.fill(event.taker_order_id, event.last_qty, event.taker_leaves)]
            case e.OrderCanceled(order_id, leaves):
                return [self.end(order_id, leaves, S.CANCELED)]
            case e.OrderExpired(order_id, leaves):
                return [self.end(order_id, leaves, S.EXPIRED)]
            case e.OrderReplaced() | e.OrderRestated():
                life = self.orders[event.order_id]
                filled = life.filled
                life.order_qty, life.leaves = event.order_qty, event.leaves
                assert life.state.is_open and life.filled == filled and life.leaves > 0
            case e.OrderTriggered(order_id):
                assert self.orders[order_id].state.is_open
            case e.StatusReported() | e.CancelRejected() | e.ReplaceRejected():
                known = self.orders[event.order_id].state if event.order_id else S.UNKNOWN
                assert event.state == known, "what is answered is what was told"
        return []

    def begin(self, order_id: int, life: Life) -> tuple[int, OrderState | None, OrderState]:
        self.orders[order_id] = life
        return order_id, None, life.state

    def fill(self, order_id: int, qty: int, leaves: int) -> tuple[int, OrderState | None, OrderState]:
        life = self.orders[order_id]
        assert qty > 0 and life.leaves - qty == leaves >= 0
        life.leaves = leaves
        return self.become(order_id, S.PARTIAL if leaves else S.FILLED)

    def end(self, order_id: int, leaves: int, state: OrderState) -> tuple[int, OrderState | None, OrderState]:
        assert self.orders[order_id].leaves == leaves
        return self.become(order_id, state)

    def become(self, order_id: int, state: OrderState) -> tuple[int, OrderState | None, OrderState]:
        life = self.orders[order_id]
        before, life.state = life.state, state
        return order_id, before, state

    def check(self) -> None:
        """Check the quantities that belong to each state (OST-06)."""
        for life in self.orders.values():
            is_sound = {
                S.PENDING: life.filled == 0 < life.leaves,
                S.PARTIAL: 0 < life.filled < life.order_qty,
                S.FILLED: life.leaves == 0 < life.filled,
                S.REJECTED: life.order_qty == 0,
            }
            assert is_sound.get(life.state, life.leaves >= 0 and life.filled >= 0), life
