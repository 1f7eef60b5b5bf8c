"""Orders as they stand: what reports must know about each, folded from the log event by event."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from engine.api import events as e
from engine.api.commands import NewOrder, ReplaceOrder
from engine.api.enums import OrderState, RestateReason, TimeInForce
from fixgw.registry import Market

CLOSED_ORDERS_MAX = 1_000_000
"""Closed orders kept for status requests and late cancels; beyond it the oldest is forgotten and is unknown."""


class Order:
    """An accepted order as it stands; ``terms`` are those in force: of its last replacement or restatement.

    ``last_exec`` is the ``(seq, n)`` of its last report; ``terms_text`` the text of its terms, kept by the writer from
    the first report to the last. Units: quantities lots, ``cum_notional`` ticks times lots.
    """

    __slots__ = (
        "cum_notional",
        "cum_qty",
        "last_exec",
        "leaves_qty",
        "market",
        "order_id",
        "session_id",
        "state",
        "terms",
        "terms_text",
        "ts_ns",
    )

    def __init__(self, order_id: int, ts_ns: int, session_id: int, terms: NewOrder, market: Market) -> None:
        self.order_id = order_id
        self.ts_ns = ts_ns
        self.session_id = session_id
        self.terms = terms
        self.market = market
        self.state = OrderState.PENDING
        self.cum_qty = 0
        self.cum_notional = 0
        self.leaves_qty = terms.order_qty
        self.last_exec = (order_id, 0)
        self.terms_text = ""

    def change(self, leaves_qty: int, **terms: Any) -> None:
        """Give the order other terms."""
        self.terms = msgspec.structs.replace(self.terms, **terms)
        self.leaves_qty = leaves_qty
        self.terms_text = ""


class Orders:
    """Open orders, and the CLOSED_ORDERS_MAX closed last.

    Invariant: an order's quantities equal those of the engine after the last event applied.
    """

    def __init__(self) -> None:
        self._orders: dict[int, Order] = {}
        self._closed: deque[int] = deque()

    def __getitem__(self, order_id: int) -> Order:
        return self._orders[order_id]

    def find(self, order_id: int) -> Order | None:
        """Return an order that was accepted, unless it was closed long ago."""
        return self._orders.get(order_id)

    def accept(self, order_id: int, ts_ns: int, session_id: int, terms: NewOrder, market: Market) -> Order:
        """Enter an order."""
        order = self._orders[order_id] = Order(order_id, ts_ns, session_id, terms, market)
        return order

    def fill(self, order_id: int, match: e.Traded, leaves_qty: int) -> Order:
        """Fill an order by one side of a match."""
        order = self._orders[order_id]
        order.cum_qty += match.last_qty
        order.cum_notional += match.last_px * match.last_qty
        order.leaves_qty = leaves_qty
        order.state = OrderState.PARTIAL if leaves_qty else OrderState.FILLED
        assert order.cum_qty + leaves_qty == order.terms.order_qty, f"order {order_id} does not add up"
        if not leaves_qty:
            self._close(order)
        return order

    def leave(self, order_id: int, state: OrderState) -> Order:
        """Take out an order that was canceled or has expired."""
        order = self._orders[order_id]
        order.state, order.leaves_qty = state, 0
        self._close(order)
        return order

    def replace(self, event: e.OrderReplaced, request: ReplaceOrder) -> Order:
        """Give an order the terms that were asked for; what was not stays."""
        order = self._orders[event.order_id]
        asked: dict[str, Any] = {name: getattr(request, name) for name in ("stop_px", "max_floor")}
        asked = {name: value for name, value in asked.items() if value}
        if request.time_in_force:
            asked["time_in_force"] = TimeInForce(request.time_in_force)
        if request.time_in_force or request.expire_time_ns:
            asked["expire_time_ns"] = request.expire_time_ns
        if request.peg_offset is not None:
            asked["peg_offset"] = request.peg_offset
        order.change(event.leaves, cl_ord_id=request.cl_ord_id, order_qty=event.order_qty, price=event.price, **asked)
        return order

    def restate(self, event: e.OrderRestated) -> Order:
        """Give an order the terms the engine gave it. The price of a slide is its limit, of others where it works."""
        order = self._orders[event.order_id]
        price = event.price if event.reason is RestateReason.SLIDE else order.terms.price
        order.change(event.leaves, order_qty=event.order_qty, price=price)
        return order

    def _close(self, order: Order) -> None:
        self._closed.append(order.order_id)
        if len(self._closed) > CLOSED_ORDERS_MAX:
            del self._orders[self._closed.popleft()]
