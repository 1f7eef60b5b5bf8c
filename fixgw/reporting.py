"""From records to reports: which event is told to whom, and with which facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.api import events as e
from engine.api.commands import (
    CancelOrder,
    ChangeInstrument,
    ListInstrument,
    NewOrder,
    OpenAccount,
    RefuseOrder,
    ReplaceOrder,
    RequestOrderStatus,
)
from engine.api.enums import OrderState
from engine.api.rejects import ErrorCode
from engine.api.wire import Record
from engine.standing import Order, Standing
from engine.standing.orders import TOLD_RESTATEMENTS
from fixgw import reports as r
from fixgw.directory import Directory

_REGISTRATIONS = (OpenAccount, ListInstrument, ChangeInstrument)
"""Commands that change the directory."""

_Head = tuple[int, int, int, int, tuple[int, ...]]
_Tail = tuple[int, int, NewOrder, OrderState, int, int, int]
_Orders = tuple[Order, ...]


class Reporting:
    """Applies the log to a standing and tells its reports. One thread.

    An event may come with any command: an order that is due expires with whichever is next.
    """

    def __init__(self, standing: Standing, directory: Directory) -> None:
        self._standing = standing
        self._directory = directory
        self._tell: dict[type[Any], Callable[[Record, int, Any, _Orders], list[r.Report]]] = {
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
        reports: list[r.Report] = []
        for index, event, orders in self._standing.changes(record):
            tell = self._tell.get(type(event))
            if tell is not None:
                reports += tell(record, index, event, orders)
        if isinstance(record.command, _REGISTRATIONS):
            self._directory.update(record.seq)
        return reports

    # --- orders -------------------------------------------------------------------------------------------

    def _accepted(self, record: Record, index: int, event: e.OrderAccepted, orders: _Orders) -> list[r.Report]:
        return [r.New(*_of_order(record, index, orders[0]))]

    def _traded(self, record: Record, index: int, event: e.Traded, orders: _Orders) -> list[r.Report]:
        taker, maker = orders
        return [
            r.Trade(*_of_order(record, index, taker), event, False),
            r.Trade(*_of_order(record, index, maker, is_maker=True), event, True),
        ]

    def _canceled(self, record: Record, index: int, event: e.OrderCanceled, orders: _Orders) -> list[r.Report]:
        request = _request_for(record, event.code)
        sessions = _owner_and_asker(orders[0], record) if request else ()
        return [r.Canceled(*_of_order(record, index, orders[0], sessions), event.code, request)]

    def _expired(self, record: Record, index: int, event: e.OrderExpired, orders: _Orders) -> list[r.Report]:
        return [r.Expired(*_of_order(record, index, orders[0]), event.code)]

    def _replaced(self, record: Record, index: int, event: e.OrderReplaced, orders: _Orders) -> list[r.Report]:
        (order,) = orders
        sessions = _owner_and_asker(order, record)
        return [r.Replaced(*_of_order(record, index, order, sessions), order.previous_cl_ord_id)]

    def _restated(self, record: Record, index: int, event: e.OrderRestated, orders: _Orders) -> list[r.Report]:
        if event.reason not in TOLD_RESTATEMENTS:
            return []
        return [r.Restated(*_of_order(record, index, orders[0]), event.reason)]

    def _triggered(self, record: Record, index: int, event: e.OrderTriggered, orders: _Orders) -> list[r.Report]:
        return [r.Triggered(*_of_order(record, index, orders[0]))]

    # --- answers ------------------------------------------------------------------------------------------

    def _status(self, record: Record, index: int, event: e.StatusReported, orders: _Orders = ()) -> list[r.Report]:
        """Answer a status request, or a copy of a request that came before."""
        command, order = record.command, self._standing.find(event.order_id)
        ord_status_req_id = command.ord_status_req_id if isinstance(command, RequestOrderStatus) else ""
        if order is None:
            return [r.UnknownStatus(*_answer(record, index), getattr(command, "cl_ord_id", ""), ord_status_req_id)]
        told = (*_answer(record, index), *_as_it_stands(order, event.state))
        return [r.Status(*told, order.report, ord_status_req_id)]

    def _rejected(self, record: Record, index: int, event: e.OrderRejected, orders: _Orders = ()) -> list[r.Report]:
        assert isinstance(record.command, NewOrder | RefuseOrder)
        original = self._standing.find(event.order_id)
        return [r.Rejected(*_answer(record, index), record.command, event.code, original)]

    def _cancel_rejected(
        self, record: Record, index: int, event: e.CancelRejected | e.ReplaceRejected, orders: _Orders = ()
    ) -> list[r.Report]:
        assert isinstance(record.command, CancelOrder | ReplaceOrder)
        order = self._standing.find(event.order_id)
        cl_ord_id = order.terms.cl_ord_id if order else ""
        return [r.CancelReject(*_answer(record, index), record.command, event.code, event.state, order, cl_ord_id)]

    def _refused(self, record: Record, index: int, event: e.CommandRefused, orders: _Orders) -> list[r.Report]:
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
    """Tell an order as it stands, to its own session unless others are named."""
    origin = order.session_id
    head = (record.seq, 2 * index + is_maker + 1, record.ts_ns + index, origin, sessions or (origin,))
    return *head, *_as_it_stands(order, order.state)


def _as_it_stands(order: Order, state: OrderState) -> _Tail:
    return order.order_id, order.ts_ns, order.terms, state, order.cum_qty, order.cum_notional, order.leaves_qty


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
