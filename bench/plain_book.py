"""The order book a Python user would write: price-time priority on ``sortedcontainers``, and nothing else.

No accounts are checked, no balances kept, no records written. It says who trades with whom, and therefore serves
twice: the workload is drawn with it, and the core is compared with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sortedcontainers import SortedDict

Trade = tuple[int, int, int, int]
"""Taker's order id, maker's order id, price, quantity."""


@dataclass(slots=True)
class Order:
    """An order; ``order_qty`` less ``leaves`` is filled."""

    order_id: int
    account_id: int
    is_buy: bool
    order_qty: int
    leaves: int
    price: int


class PlainBook:
    """One book. A level is found by its *rank*: the price of an ask, minus the price of a bid; the lowest is best."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.bids = SortedDict()  # rank -> order id -> order, first in first
        self.asks = SortedDict()

    def enter(self, order: Order, may_rest: bool = True) -> list[Trade]:
        """Match an order; what is left rests if it may."""
        trades = self._match(order)
        if order.leaves and may_rest:
            self._rest(order)
        return trades

    def cancel(self, order_id: int) -> None:
        """Take an order out."""
        self._remove(self.orders[order_id])

    def replace(self, order_id: int, order_qty: int, price: int) -> list[Trade]:
        """Change total quantity and price; an order loses its place unless it only gets smaller."""
        order = self.orders[order_id]
        leaves = order_qty - (order.order_qty - order.leaves)
        if leaves <= 0:
            self._remove(order)
            return []
        if price == order.price and order_qty <= order.order_qty:
            order.order_qty, order.leaves = order_qty, leaves
            return []
        self._remove(order)
        order.order_qty, order.leaves, order.price = order_qty, leaves, price
        return self.enter(order)

    def best(self, is_buy: bool) -> int:
        """Return the best price of a side, 0 when nobody is there."""
        side = self.bids if is_buy else self.asks
        return abs(side.peekitem(0)[0]) if side else 0

    def front(self, is_buy: bool) -> Order:
        """Return the order of a side that would trade next."""
        _, queue = (self.bids if is_buy else self.asks).peekitem(0)
        return _first(queue)

    @property
    def levels(self) -> int:
        """Count the prices at which orders rest."""
        return len(self.bids) + len(self.asks)

    def _match(self, taker: Order) -> list[Trade]:
        trades: list[Trade] = []
        opposite, worst = (self.asks, taker.price) if taker.is_buy else (self.bids, -taker.price)
        while taker.leaves and opposite:
            rank, queue = opposite.peekitem(0)
            if rank > worst:
                break
            maker = _first(queue)
            if maker.account_id == taker.account_id:  # nobody trades with oneself: what is left is void
                taker.leaves = 0
                break
            qty = min(taker.leaves, maker.leaves)
            taker.leaves -= qty
            maker.leaves -= qty
            trades.append((taker.order_id, maker.order_id, maker.price, qty))
            if not maker.leaves:
                self._remove(maker)
        return trades

    def _rest(self, order: Order) -> None:
        self.orders[order.order_id] = order
        side, rank = (self.bids, -order.price) if order.is_buy else (self.asks, order.price)
        queue = side.get(rank)
        if queue is None:
            side[rank] = {order.order_id: order}
        else:
            queue[order.order_id] = order

    def _remove(self, order: Order) -> None:
        del self.orders[order.order_id]
        side, rank = (self.bids, -order.price) if order.is_buy else (self.asks, order.price)
        queue = side[rank]
        del queue[order.order_id]
        if not queue:
            del side[rank]


def _first(queue: dict[int, Order]) -> Order:
    return next(iter(queue.values()))
