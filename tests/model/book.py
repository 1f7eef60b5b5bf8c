"""Orders come into the book, wait, are changed and leave it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.api import events as e
from engine.api.enums import OrderState, RestateReason, TimeInForce
from engine.api.rejects import ErrorCode
from tests.model.positions import Positions
from tests.model.state import Order, opposite, rank


class Books(Positions):
    """All books. At one price the orders stand in a queue, first in first."""

    # --- coming and leaving -----------------------------------------------------------------------------

    def enlist(self, order: Order) -> None:
        """Count an order as open: it rests or waits."""
        self.open[order.order_id] = order
        self.open_of[order.account_id].setdefault(order.market.symbol_id, {})[order.order_id] = order
        self.note_expiry(order)
        if order.is_pegged:
            order.market.pegs[order.order_id] = order

    def note_expiry(self, order: Order) -> None:
        """Enter a DAY or GTD order among those that expire."""
        entry = order.expire_time_ns, order.order_id
        if order.expire_time_ns and entry not in self.expiring:
            self.expiring.add(entry)

    def forget_expiry(self, order: Order) -> None:
        if order.expire_time_ns:
            self.expiring.discard((order.expire_time_ns, order.order_id))

    def rest(self, order: Order) -> None:
        """Put an order behind all others of its price."""
        self.enlist(order)
        book = order.market.books[order.side]
        book.setdefault(rank(order.side, order.price), []).append(order)
        order.is_placed, order.display = True, order.tranche

    def wait(self, order: Order) -> None:
        """Keep an order without a place in the book: a stop, or a pegged order without a price."""
        self.enlist(order)
        order.price = order.display = 0
        if order.is_waiting_stop:
            order.market.stops[order.order_id] = order

    def leave_place(self, order: Order) -> None:
        """Take an order out of the book, or from among the waiting stops."""
        order.market.stops.pop(order.order_id, None)
        if order.is_placed:
            book, level = order.market.books[order.side], rank(order.side, order.price)
            book[level].remove(order)
            if not book[level]:
                del book[level]
        order.is_placed, order.display = False, 0

    def retire(self, order: Order, state: OrderState) -> None:
        """End an order."""
        self.leave_place(order)
        order.state, order.price = state, 0
        if self.open.pop(order.order_id, None) is not None:
            del self.open_of[order.account_id][order.market.symbol_id][order.order_id]
        self.forget_expiry(order)
        order.market.pegs.pop(order.order_id, None)
        self.spend_names(order)

    def end(self, order: Order, state: OrderState, code: int) -> None:
        """Cancel or expire an order, give back what its leaves had locked, and tell."""
        self.retire(order, state)
        self.lock(order, -order.reserved)
        event = e.OrderCanceled if state is OrderState.CANCELED else e.OrderExpired
        self.tell(event(order.order_id, order.leaves, order.reserved, code))
        self.repay(*order.reserved_in)

    def cancel(self, order: Order, code: int) -> None:
        self.end(order, OrderState.CANCELED, code)

    def expire(self, order: Order, code: ErrorCode) -> None:
        self.end(order, OrderState.EXPIRED, code)

    def expire_due(self) -> None:
        """Expire the DAY and GTD orders whose time has come (ORD-13, ORD-14)."""
        while self.expiring and self.expiring[0][0] <= self.ts_ns:
            order = self.open[self.expiring[0][1]]
            is_day = order.time_in_force is TimeInForce.DAY
            self.expire(order, ErrorCode.DAY_EXPIRED if is_day else ErrorCode.GTD_EXPIRED)

    # --- changes by the engine itself -------------------------------------------------------------------

    def restate(self, order: Order, reason: RestateReason, lost: int = 0) -> None:
        """Tell an order anew, with ``lost`` lots less, and give back what they had locked."""
        order.order_qty -= lost
        order.leaves -= lost
        order.display = min(order.display, order.leaves)
        # An order that takes shows all of it; one that waits shows nothing.
        shown = order.display if order.is_placed or not order.price else order.leaves
        released = lost * order.per_lot
        self.lock(order, -released)
        sizes = (order.order_qty, order.leaves, order.price, shown)
        self.tell(e.OrderRestated(order.order_id, reason, *sizes, released))
        self.repay(*order.reserved_in)

    def clip(self, order: Order) -> bool:
        """Keep a reduce-only order from opening a position (ORD-17). Returns: whether it changed."""
        surplus = order.leaves - self.closable(order) if order.is_reduce_only else 0
        if surplus <= 0:
            return False
        if surplus == order.leaves:
            self.cancel(order, ErrorCode.NOTHING_TO_REDUCE)
        else:
            self.restate(order, RestateReason.REDUCE_ONLY, surplus)
        return True

    def refill(self, order: Order) -> None:
        """Let an iceberg show its next tranche, at the end of its queue."""
        self.leave_place(order)
        self.rest(order)
        self.restate(order, RestateReason.REFILL)

    # --- looking at the book ----------------------------------------------------------------------------

    def levels(self, taker: Order) -> Iterator[list[Order]]:
        """The queues an order may take from, best price first."""
        side = opposite(taker.side)
        book = taker.market.books[side]
        worst = rank(side, taker.price)
        for level, queue in book.items():
            if level > worst:
                return
            yield queue

    def would_take(self, order: Order, price: int) -> bool:
        """Tell whether the best opposite price is at or better than ``price``."""
        side = opposite(order.side)
        best = order.market.best(side)
        return best > 0 and rank(side, best) <= rank(side, price)
