"""From records to reports: which event is told to whom, and with which facts."""

from __future__ import annotations

from engine.api import events as e
from engine.api.commands import (
    CancelOrder,
    ChangeInstrument,
    Command,
    ListInstrument,
    NewOrder,
    OpenAccount,
    RefuseOrder,
    ReplaceOrder,
    RequestOrderStatus,
)
from engine.api.cursor import Cursor
from engine.api.enums import OrderState
from engine.api.ids import NO_ORDER, OrderId, Seq, SessionId
from engine.api.rejects import ErrorCode
from engine.api.units import Lots, TimestampNs
from engine.api.wire import Record
from engine.standing import Order, Standing
from engine.standing.orders import TOLD_RESTATEMENTS
from fixgw import reports as r
from fixgw.directory import Directory

_REGISTRATIONS = (OpenAccount, ListInstrument, ChangeInstrument)
"""Commands that change the directory."""

_Head = tuple[Seq, int, TimestampNs, SessionId, tuple[SessionId, ...]]
_Tail = tuple[OrderId, TimestampNs, NewOrder, OrderState, Lots, int, Lots, bool]
_Orders = tuple[Order, ...]


class Reporting:
    """Applies the log to a standing and tells its reports. One thread.

    An event may come with any command: an order that is due expires with whichever is next.
    """

    def __init__(self, standing: Standing, directory: Directory) -> None:
        self._standing = standing
        self._directory = directory

    @property
    def cursor(self) -> Cursor:
        """How far the log was taken."""
        return self._standing.cursor

    def take(self, records: bytes) -> list[Record]:
        """Decode records that continue the log, to be applied one by one. Raises: WireError, CursorRefused."""
        return self._standing.take(records)

    def apply(self, record: Record) -> list[r.Report]:
        """Apply one record and return its reports, in order."""
        reports: list[r.Report] = []
        for index, event, orders in self._standing.changes(record):
            if orders:
                reports += _of_orders(record, index, event, orders)
            else:
                reports += self._answers(record, index, event)
        if isinstance(record.command, _REGISTRATIONS):
            self._directory.update()
        return reports

    def _answers(self, record: Record, index: int, event: e.Event) -> list[r.Report]:
        """Answer the session that asked."""
        match event:
            case e.OrderRejected():
                return [self._rejected(record, index, event)]
            case e.CancelRejected() | e.ReplaceRejected():
                return [self._cancel_rejected(record, index, event)]
            case e.StatusReported():
                return [self._status(record, index, event)]
            case e.CommandRefused():
                return self._refused(record, index)
            case _:
                return []

    def _status(self, record: Record, index: int, event: e.StatusReported) -> r.Report:
        """Answer a status request, or a copy of a request that came before."""
        command, order = record.command, self._standing.find(event.order_id)
        ord_status_req_id = command.ord_status_req_id if isinstance(command, RequestOrderStatus) else ""
        if order is None:
            return r.UnknownStatus(*_answer(record, index), _cl_ord_id(command), ord_status_req_id)
        told = (*_answer(record, index), *_as_it_stands(order, event.state))
        return r.Status(*told, order.report, ord_status_req_id)

    def _rejected(self, record: Record, index: int, event: e.OrderRejected) -> r.Report:
        assert isinstance(record.command, NewOrder | RefuseOrder)
        original = self._standing.find(event.order_id)
        return r.Rejected(*_answer(record, index), record.command, event.code, original)

    def _cancel_rejected(self, record: Record, index: int, event: e.CancelRejected | e.ReplaceRejected) -> r.Report:
        assert isinstance(record.command, CancelOrder | ReplaceOrder)
        order = self._standing.find(event.order_id)
        cl_ord_id = order.terms.cl_ord_id if order else ""
        return r.CancelReject(*_answer(record, index), record.command, event.code, event.state, order, cl_ord_id)

    def _refused(self, record: Record, index: int) -> list[r.Report]:
        """Answer a command the engine could not read, as far as it says whose request it was."""
        match record.command:
            case NewOrder() | RefuseOrder():
                return [self._rejected(record, index, e.OrderRejected(NO_ORDER, ErrorCode.INTERNAL))]
            case CancelOrder() | ReplaceOrder():
                rejected = e.CancelRejected(NO_ORDER, ErrorCode.INTERNAL, OrderState.UNKNOWN)
                return [self._cancel_rejected(record, index, rejected)]
            case RequestOrderStatus():
                return [self._status(record, index, e.StatusReported(NO_ORDER, OrderState.UNKNOWN))]
            case _:
                return []


def _of_orders(record: Record, index: int, event: e.Event, orders: _Orders) -> list[r.Report]:
    """Tell what an event did to orders."""
    order = orders[0]
    match event:
        case e.Traded():
            taken = r.Trade(*_of_order(record, index, order), event, False)
            return [taken, r.Trade(*_of_order(record, index, orders[1], is_maker=True), event, True)]
        case e.OrderAccepted():
            return [r.New(*_of_order(record, index, order))]
        case e.OrderCanceled():
            request = _request_for(record, event.code)
            sessions = _owner_and_asker(order, record) if request else ()
            return [r.Canceled(*_of_order(record, index, order, sessions), event.code, request)]
        case e.OrderExpired():
            return [r.Expired(*_of_order(record, index, order), event.code)]
        case e.OrderReplaced():
            told = _of_order(record, index, order, _owner_and_asker(order, record))
            return [r.Replaced(*told, order.previous_cl_ord_id)]
        case e.OrderRestated() if event.reason in TOLD_RESTATEMENTS:
            waits = order.is_suspended or (order.terms.ord_type.is_stop and not order.is_triggered)
            return [r.Restated(*_of_order(record, index, order), event.reason, not waits)]
        case e.OrderTriggered():
            return [r.Triggered(*_of_order(record, index, order))]
        case _:
            return []


def _of_order(
    record: Record, index: int, order: Order, sessions: tuple[SessionId, ...] = (), is_maker: bool = False
) -> tuple[*_Head, *_Tail]:
    """Tell an order as it stands, to its own session unless others are named."""
    origin = order.session_id
    head = (record.seq, 2 * index + is_maker + 1, TimestampNs(record.ts_ns + index), origin, sessions or (origin,))
    return *head, *_as_it_stands(order, order.state)


def _as_it_stands(order: Order, state: OrderState) -> _Tail:
    progress = (order.cum_qty, order.cum_notional, order.leaves_qty)
    return order.order_id, order.ts_ns, order.terms, state, *progress, order.is_suspended and state.is_open


def _cl_ord_id(command: Command) -> str:
    """Return the ClOrdID <11> a request is about or of, empty when it names none."""
    return command.cl_ord_id if isinstance(command, RequestOrderStatus | NewOrder | CancelOrder | ReplaceOrder) else ""


def _answer(record: Record, index: int) -> _Head:
    """Answer the session that asked; nothing about an order has changed."""
    return record.seq, 2 * index + 1, TimestampNs(record.ts_ns + index), record.source, (record.source,)


def _request_for(record: Record, code: int) -> str:
    """Return the ClOrdID <11> of the request that asked for just this cancel, empty when it was not asked for."""
    match record.command:
        case CancelOrder(cl_ord_id=cl_ord_id) if code == ErrorCode.USER_REQUESTED:
            return cl_ord_id
        case ReplaceOrder(cl_ord_id=cl_ord_id) if code == ErrorCode.REPLACED_BELOW_FILLED:
            return cl_ord_id
    return ""


def _owner_and_asker(order: Order, record: Record) -> tuple[SessionId, ...]:
    return (order.session_id,) if record.source == order.session_id else (order.session_id, record.source)
