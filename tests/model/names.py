"""ClOrdIDs: which of them name an order, and for how long (section 9)."""

from __future__ import annotations

from engine.api.parameters import Parameter
from tests.model.parameters import Parameters
from tests.model.state import Name, Order


class Names(Parameters):
    """The ClOrdIDs that are not forgotten."""

    def order_named(self, source: int, cl_ord_id: str) -> Order | None:
        """Find the order a ClOrdID names."""
        name = self.named.get((source, cl_ord_id))
        return name.order if name else None

    def order_with(self, order_id: int) -> Order | None:
        """Find an order by its id, as long as what it was entered with is not forgotten."""
        order = self.orders.get(order_id)
        return order if order is not None and order.entered else None

    def name(self, source: int, cl_ord_id: str, order: Order) -> None:
        """Let a ClOrdID name an open order; the first is what it was entered with."""
        name = self.named[source, cl_ord_id] = Name(source, cl_ord_id, order)
        order.names += 1
        if order.entered is None:
            order.entered = name
            return
        superseded, order.latest = order.latest, name
        if superseded is not None:
            self.spend(superseded)

    def spend_names(self, order: Order) -> None:
        """Spend the ClOrdIDs of an order that is closed."""
        in_use, order.latest = (order.entered, order.latest), None
        for name in in_use:
            if name is not None:
                self.spend(name)

    def spend(self, name: Name) -> None:
        """Let a ClOrdID be forgotten some time from now, or once too many others of its source are spent."""
        name.spent_ns = self.ts_ns
        queue = self.spent[name.source]
        queue.append(name)
        while len(queue) > self.parameter(Parameter.CL_ORD_IDS_SPENT_MAX):
            self.forget(queue.popleft())

    def forget_names(self) -> None:
        """Forget what was spent too long ago."""
        self.forgotten_ns = max(self.forgotten_ns, self.ts_ns - self.parameter(Parameter.CL_ORD_ID_WINDOW_NS))
        for queue in self.spent.values():
            while queue and queue[0].spent_ns <= self.forgotten_ns:
                self.forget(queue.popleft())

    def forget(self, name: Name) -> None:
        order = name.order
        del self.named[name.source, name.cl_ord_id]
        order.names -= 1
        if order.entered is name:
            order.entered = None
        if order.names == 0:
            del self.orders[order.order_id]
