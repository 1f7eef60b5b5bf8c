"""From records to reports: which event is told to whom, and with which facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.api import events as e
from engine.api.commands import OPERATIONS, CancelOrder, NewOrder, RefuseOrder, ReplaceOrder, RequestOrderStatus
from engine.api.enums import OrderState, RestateReason
from engine.api.rejects import ErrorCode
from engine.api.wire import Record
from fixgw import reports as r
from fixgw.orders import Order, Orders
from fixgw.registry import Registry

TOLD_RESTATEMENTS = (RestateReason.DECREMENT, RestateReason.REDUCE_ONLY, RestateReason.SLIDE)
"""Restatements that are reported; repriced pegs and refilled icebergs are not (RoE section 7)."""

_Head = tuple[int, int, int, int, tuple[int, ...]]
_Tail = tuple[Order, NewOrder, OrderState, int, int, int]


class Reporting:
    """Folds the log and tells its reports. One thread.

    An event may come with any command: an order that is due expires with whichever is next.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.orders = Orders()
        self._tell: dict[type[Any], Callable[[Record, int, Any], list[r.Report]]] = {
            e.OrderAccepted: self._accepted,
            e.Traded: self._traded,
            e.OrderCanceled: self._canceled,
            e.OrderExpired: self._expired,
            e.OrderReplaced: self._replaced,
            e.OrderRestated: self._restated,
            e.OrderTriggered: self._triggered,
            e.ReplaceRejected: self._cancel_rejected,
            e.OrderRejected: self._rejected,
            e.CancelRejected: self._cancel_rejected,
            e.StatusReported: self._status,
            e.CommandRefused: self._refused,
        }

    def apply(self, record: Record) -> list[r.Report]:
        """Apply one record and return its reports, in order."""
        if record.source == OPERATIONS:
            self._registry.apply(record)
        reports: list[r.Report] = []
        for index, event in enumerate(record.events):
            tell = self._tell.get(type(event))
            if tell is not None:
                reports += tell(record, index, event)
        return reports

    # --- orders -------------------------------------------------------------------------------------------

    def _accepted(self, record: Record, index: int, event: e.OrderAccepted) -> list[r.Report]:
        assert isinstance(record.command, NewOrder)
        market = self._registry.markets[record.command.symbol_id]
        order = self.orders.accept(event.order_id, record.ts_ns + index, record.source, record.command, market)
        return [r.New(*_of_order(record, index, order))]

    def _traded(self, record: Record, index: int, event: e.Traded) -> list[r.Report]:
        taker = self.orders.fill(event.taker_order_id, event, event.taker_leaves)
        taken = r.Trade(*_of_order(record, index, taker), event, False)
        maker = self.orders.fill(event.maker_order_id, event, event.maker_leaves)
        return [taken, r.Trade(*_of_order(record, index, maker, is_maker=True), event, True)]

    def _canceled(self, record: Record, index: int, event: e.OrderCanceled) -> list[r.Report]:
        order = self.orders.leave(event.order_id, OrderState.CANCELED)
        request = _request_for(record, event.code)
        sessions = _owner_and_asker(order, record) if request else (order.session_id,)
        return [r.Canceled(*_of_order(record, index, order, sessions), event.code, request)]

    def _expired(self, record: Record, index: int, event: e.OrderExpired) -> list[r.Report]:
        order = self.orders.leave(event.order_id, OrderState.EXPIRED)
        return [r.Expired(*_of_order(record, index, order), event.code)]

    def _replaced(self, record: Record, index: int, event: e.OrderReplaced) -> list[r.Report]:
        assert isinstance(record.command, ReplaceOrder)
        orig_cl_ord_id = self.orders[event.order_id].terms.cl_ord_id
        order = self.orders.replace(event, record.command)
        return [r.Replaced(*_of_order(record, index, order, _owner_and_asker(order, record)), orig_cl_ord_id)]

    def _restated(self, record: Record, index: int, event: e.OrderRestated) -> list[r.Report]:
        if event.reason not in TOLD_RESTATEMENTS:
            return []
        order = self.orders.restate(event)
        return [r.Restated(*_of_order(record, index, order), event.reason)]

    def _triggered(self, record: Record, index: int, event: e.OrderTriggered) -> list[r.Report]:
        return [r.Triggered(*_of_order(record, index, self.orders[event.order_id]))]

    # --- answers ------------------------------------------------------------------------------------------

    def _status(self, record: Record, index: int, event: e.StatusReported) -> list[r.Report]:
        """Answer a status request, or a copy of a request that came before."""
        command, order = record.command, self.orders.find(event.order_id)
        ord_status_req_id = command.ord_status_req_id if isinstance(command, RequestOrderStatus) else ""
        if order is None:
            return [r.UnknownStatus(*_answer(record, index), getattr(command, "cl_ord_id", ""), ord_status_req_id)]
        told = (*_answer(record, index), *_standing(order, event.state))
        return [r.Status(*told, order.last_exec, ord_status_req_id)]

    def _rejected(self, record: Record, index: int, event: e.OrderRejected) -> list[r.Report]:
        assert isinstance(record.command, NewOrder | RefuseOrder)
        original = self.orders.find(event.order_id)
        return [r.Rejected(*_answer(record, index), record.command, event.code, original)]

    def _cancel_rejected(
        self, record: Record, index: int, event: e.CancelRejected | e.ReplaceRejected
    ) -> list[r.Report]:
        assert isinstance(record.command, CancelOrder | ReplaceOrder)
        order = self.orders.find(event.order_id)
        cl_ord_id = order.terms.cl_ord_id if order else ""
        return [r.CancelReject(*_answer(record, index), record.command, event.code, event.state, order, cl_ord_id)]

    def _refused(self, record: Record, index: int, event: e.CommandRefused) -> list[r.Report]:
        """Answer a command the engine could not read, as far as it says whose request it was."""
        match record.command:
            case NewOrder() | RefuseOrder():
                return self._rejected(record, index, e.OrderRejected(0, ErrorCode.INTERNAL))
            case CancelOrder() | ReplaceOrder():
                rejected = e.CancelRejected(0, ErrorCode.INTERNAL, OrderState.UNKNOWN)
                return self._cancel_rejected(record, index, rejected)
            case RequestOrderStatus():
                return self._status(record, index, e.StatusReported(0, OrderState.UNKNOWN))
            case _:
                return []


def _of_order(
    record: Record, index: int, order: Order, sessions: tuple[int, ...] = (), is_maker: bool = False
) -> tuple[*_Head, *_Tail]:
    """Tell an order as it stands, to its own session unless others are named, and remember it as its last report."""
    number = 2 * index + is_maker
    order.last_exec = (record.seq, number)
    origin = order.session_id
    head = (record.seq, number + 1, record.ts_ns + index, origin, sessions or (origin,))
    return *head, *_standing(order, order.state)


def _standing(order: Order, state: OrderState) -> _Tail:
    return order, order.terms, state, order.cum_qty, order.cum_notional, order.leaves_qty


def _answer(record: Record, index: int) -> _Head:
    """Answer the session that asked; nothing about an order has changed."""
    return record.seq, 2 * index + 1, record.ts_ns + index, record.source, (record.source,)


def _request_for(record: Record, code: int) -> str:
    """Return the ClOrdID <11> of the request that asked for just this cancel, empty when it was not asked for."""
    match record.command:
        case CancelOrder(cl_ord_id=cl_ord_id) if code == ErrorCode.USER_REQUESTED:
            return cl_ord_id
        case ReplaceOrder(cl_ord_id=cl_ord_id) if code == ErrorCode.REPLACED_BELOW_FILLED:
            return cl_ord_id
    return ""


def _owner_and_asker(order: Order, record: Record) -> tuple[int, ...]:
    return (order.session_id,) if record.source == order.session_id else (order.session_id, record.source)
