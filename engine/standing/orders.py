"""Orders as they stand, folded from the log: terms in force, what is filled and at what price, the names they had.

What the compiled fold keeps of an order is what stands here; ``tests/standing`` holds both together at every seq.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec.structs import replace

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrderState, RestateReason, TimeInForce
from engine.api.ids import OrderId, Seq, SessionId
from engine.api.units import Lots, TimestampNs
from engine.api.wire import Record

TOLD_RESTATEMENTS = (
    RestateReason.DECREMENT,
    RestateReason.REDUCE_ONLY,
    RestateReason.SLIDE,
    RestateReason.SUSPENDED,
    RestateReason.RESUMED,
)
"""Restatements that are reported; repriced pegs and refilled icebergs are not (RoE section 7)."""


class Order:
    """An accepted order. ``terms`` are those in force: of its entry, its replacements and its restatements.

    ``report`` is the ``(seq, n)`` of the last event that is reported about it, ``n`` as in ExecID <17>;
    ``previous_cl_ord_id`` the ClOrdID <11> it had before its last replacement, ``""`` before the first.
    Units: quantities lots, ``cum_notional`` ticks times lots: divided by ``cum_qty`` it is the exact average price.
    """

    __slots__ = (
        "cum_notional",
        "cum_qty",
        "is_suspended",
        "is_triggered",
        "leaves_qty",
        "order_id",
        "previous_cl_ord_id",
        "report",
        "session_id",
        "state",
        "terms",
        "ts_ns",
    )

    def __init__(self, order_id: OrderId, ts_ns: TimestampNs, session_id: SessionId, terms: c.NewOrder) -> None:
        self.order_id = order_id
        self.ts_ns = ts_ns
        self.session_id = session_id
        self.terms = terms
        self.state = OrderState.PENDING
        self.leaves_qty = terms.order_qty
        self.cum_qty = Lots(0)
        self.cum_notional = 0
        self.is_triggered = False
        self.is_suspended = False
        self.report: tuple[Seq, int] = (order_id, 0)
        self.previous_cl_ord_id = ""


class AtRest(Protocol):
    """Open orders that are read when they are asked for."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[OrderId]: ...

    def pop(self, order_id: OrderId) -> Order | None:
        """Read one and let go of it; None when there is none."""


class Orders:
    """The open orders. One thread.

    Invariant: an order's quantities equal those of the engine after the last event applied.
    """

    def __init__(self, at_rest: AtRest | None = None) -> None:
        self._open: dict[OrderId, Order] = {}
        self._at_rest = at_rest
        """Those that have not been asked for since the start."""

    def __len__(self) -> int:
        return len(self._open) + (len(self._at_rest) if self._at_rest else 0)

    def get(self, order_id: OrderId) -> Order | None:
        """Find an open order."""
        order = self._open.get(order_id)
        if order is None and self._at_rest and (order := self._at_rest.pop(order_id)):
            self._open[order_id] = order
        return order

    def items(self) -> list[tuple[OrderId, Order]]:
        """List the open orders, in the order in which they were accepted. Cost: O(n log n)."""
        for order_id in list(self._at_rest or ()):
            self.get(order_id)
        return sorted(self._open.items())

    def apply(self, record: Record, index: int, event: e.Event) -> tuple[Order, ...]:
        """Take over one event; return the orders it is about, as they are after it: of a trade taker, then maker.

        An order that ended is returned for the last time. Other events are about none.
        """
        match event:
            case e.OrderAccepted():
                return self._accepted(record, index, event)
            case e.Traded():
                return self._traded(record, index, event)
            case e.OrderCanceled() | e.OrderExpired():
                return self._ended(record, index, event)
            case e.OrderReplaced():
                return self._replaced(record, index, event)
            case e.OrderRestated():
                return self._restated(record, index, event)
            case e.OrderTriggered():
                return self._triggered(record, index, event)
            case _:
                return ()

    def _accepted(self, record: Record, index: int, event: e.OrderAccepted) -> tuple[Order, ...]:
        assert isinstance(record.command, c.NewOrder)
        order = Order(event.order_id, record.time_of(index), record.source, record.command)
        order.report = (record.seq, 2 * index)
        self._open[event.order_id] = order
        return (order,)

    def _traded(self, record: Record, index: int, event: e.Traded) -> tuple[Order, ...]:
        taker = self._filled(event.taker_order_id, event.taker_leaves, event)
        maker = self._filled(event.maker_order_id, event.maker_leaves, event)
        taker.report, maker.report = (record.seq, 2 * index), (record.seq, 2 * index + 1)
        return taker, maker

    def _filled(self, order_id: OrderId, leaves_qty: Lots, event: e.Traded) -> Order:
        order = self._known(order_id)
        order.cum_qty = Lots(order.cum_qty + event.last_qty)
        order.cum_notional += event.last_px * event.last_qty
        order.leaves_qty = leaves_qty
        assert order.cum_qty + leaves_qty == order.terms.order_qty, f"order {order_id} does not add up"
        order.state = OrderState.PARTIAL
        if not leaves_qty:
            self._close(order, OrderState.FILLED)
        return order

    def _ended(self, record: Record, index: int, event: e.OrderCanceled | e.OrderExpired) -> tuple[Order, ...]:
        order = self._known(event.order_id)
        order.leaves_qty = Lots(0)
        order.report = (record.seq, 2 * index)
        self._close(order, OrderState.CANCELED if isinstance(event, e.OrderCanceled) else OrderState.EXPIRED)
        return (order,)

    def _replaced(self, record: Record, index: int, event: e.OrderReplaced) -> tuple[Order, ...]:
        order = self._known(event.order_id)
        assert isinstance(record.command, c.ReplaceOrder)
        order.previous_cl_ord_id = order.terms.cl_ord_id
        order.terms = terms_after(order.terms, record.command, event)
        order.leaves_qty = event.leaves
        order.report = (record.seq, 2 * index)
        return (order,)

    def _restated(self, record: Record, index: int, event: e.OrderRestated) -> tuple[Order, ...]:
        order = self._known(event.order_id)
        price = event.price if event.reason is RestateReason.SLIDE else order.terms.price
        order.leaves_qty = event.leaves
        if event.reason in (RestateReason.SUSPENDED, RestateReason.RESUMED):
            order.is_suspended = event.reason is RestateReason.SUSPENDED
        if (event.order_qty, price) != (order.terms.order_qty, order.terms.price):
            order.terms = replace(order.terms, order_qty=event.order_qty, price=price)
        if event.reason in TOLD_RESTATEMENTS:
            order.report = (record.seq, 2 * index)
        return (order,)

    def _triggered(self, record: Record, index: int, event: e.OrderTriggered) -> tuple[Order, ...]:
        order = self._known(event.order_id)
        order.is_triggered = True
        order.report = (record.seq, 2 * index)
        return (order,)

    def _known(self, order_id: OrderId) -> Order:
        order = self.get(order_id)
        assert order is not None, f"an event about order {order_id}, which is not open"
        return order

    def _close(self, order: Order, state: OrderState) -> None:
        order.state = state
        del self._open[order.order_id]


def terms_after(terms: c.NewOrder, request: c.ReplaceOrder, event: e.OrderReplaced) -> c.NewOrder:
    """Work out the terms of a replaced order: what the request did not ask stays."""
    max_floor = request.max_floor or terms.max_floor
    asks_lifetime = bool(request.time_in_force or request.expire_time_ns)
    return replace(
        terms,
        cl_ord_id=request.cl_ord_id,
        order_qty=event.order_qty,
        price=event.price,
        stop_px=request.stop_px or terms.stop_px,
        max_floor=max_floor if max_floor < event.order_qty else 0,
        peg_offset=terms.peg_offset if request.peg_offset is None else request.peg_offset,
        time_in_force=TimeInForce(request.time_in_force) if request.time_in_force else terms.time_in_force,
        expire_time_ns=request.expire_time_ns if asks_lifetime else terms.expire_time_ns,
    )
