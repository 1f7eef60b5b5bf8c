"""The order chain: what reports must know about each order, folded from the log.

Every record becomes zero or more :class:`Report` facts. No text is made here, so a long log folds quickly and
reports that were sent before a restart cost nothing more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from engine.api import events as e
from engine.api.commands import CancelOrder, Command, NewOrder, RefuseOrder, ReplaceOrder, RequestOrderStatus
from engine.api.enums import OrderState, RestateReason, TimeInForce
from engine.api.rejects import ErrorCode
from engine.api.wire import Record
from fixgw.registry import Market, Registry

CLOSED_ORDERS_MAX = 1_000_000
"""Closed orders kept for status requests and late cancels; beyond it the oldest is forgotten and is unknown."""

NEW, TRADE, CANCELED, EXPIRED, REJECTED, STATUS, CANCEL_REJECT = "0", "F", "4", "C", "8", "I", "9"
REPLACED, RESTATED, TRIGGERED = "5", "D", "L"
"""Kinds of report: ExecType <150>, and ``9`` for OrderCancelReject."""

TOLD_RESTATEMENTS = (RestateReason.DECREMENT, RestateReason.REDUCE_ONLY, RestateReason.SLIDE)
"""Restatements that are reported; repriced pegs and refilled icebergs are not (RoE section 7)."""

_CLOSED_STATES = {CANCELED: OrderState.CANCELED, EXPIRED: OrderState.EXPIRED}


class Order:
    """An accepted order as it stands; ``command`` holds its terms, those of its last replacement or restatement.

    ``last_exec`` is the ``(seq, n)`` of its last report; ``terms`` the text of what never changes about it, kept
    by the writer from the first report to the last.
    """

    __slots__ = (
        "account_id",
        "command",
        "cum_notional",
        "cum_qty",
        "last_exec",
        "leaves_qty",
        "market",
        "order_id",
        "session_id",
        "state",
        "terms",
        "ts_ns",
    )

    def __init__(self, order_id: int, ts_ns: int, session_id: int, command: NewOrder, market: Market) -> None:
        self.order_id = order_id
        self.ts_ns = ts_ns
        self.session_id = session_id
        self.command = command
        self.account_id = command.account_id
        self.market = market
        self.state = OrderState.PENDING
        self.cum_qty = 0
        self.cum_notional = 0
        self.leaves_qty = command.order_qty
        self.last_exec = (order_id, 0)
        self.terms = ""

    def change(self, leaves_qty: int, **terms: Any) -> None:
        """Give the order other terms."""
        self.command = msgspec.structs.replace(self.command, **terms)
        self.leaves_qty = leaves_qty
        self.terms = ""


class Report(msgspec.Struct, frozen=True):
    """One report: who gets it, and the facts its text is made of, as they were at its event.

    ``ordinal`` orders the reports of one record and is one more than the last number of ExecID <17>;
    ``sessions`` get it on order entry, ``origin`` is the session that entered the order (or sent the cancel).
    Units: quantities lots, ``cum_notional`` ticks times lots.
    """

    kind: str
    seq: int
    ordinal: int
    ts_ns: int
    origin: int
    sessions: tuple[int, ...]
    order: Order | None
    command: Command
    event: e.Event
    state: OrderState
    cum_qty: int = 0
    cum_notional: int = 0
    leaves_qty: int = 0
    last_exec: tuple[int, int] = (0, 0)
    terms: NewOrder | None = None
    """Of the order, as they were then."""
    replaced: str = ""
    """ClOrdID <11> the order had before a replacement."""


class OrderChain:
    """Fold of the log into orders. One thread.

    Invariant: an order's quantities equal those of the engine after the last record applied.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._orders: dict[int, Order] = {}
        self._closed: deque[int] = deque()
        self._fold: dict[type[Any], Callable[[Record, int, Any], list[Report]]] = {
            e.OrderAccepted: self._accepted,
            e.Traded: self._traded,
            e.OrderCanceled: self._left,
            e.OrderExpired: self._left,
            e.OrderReplaced: self._replaced,
            e.OrderRestated: self._restated,
            e.OrderTriggered: self._triggered,
            e.ReplaceRejected: self._cancel_rejected,
            e.OrderRejected: self._rejected,
            e.CancelRejected: self._cancel_rejected,
            e.StatusReported: self._status,
            e.CommandRefused: self._refused,
        }

    def find(self, order_id: int) -> Order | None:
        """Return an order that was accepted, unless it was closed long ago."""
        return self._orders.get(order_id)

    def apply(self, record: Record) -> list[Report]:
        """Apply one record and return its reports, in order."""
        if record.source == 0:
            self._registry.apply(record)
        reports: list[Report] = []
        for index, event in enumerate(record.events):
            fold = self._fold.get(type(event))
            if fold is not None:
                reports += fold(record, index, event)
        return reports

    def _report(
        self, kind: str, record: Record, index: int, order: Order, sessions: tuple[int, ...], is_maker: bool = False
    ) -> Report:
        """Put an order's present state into a report, and remember it as the order's last."""
        number = 2 * index + is_maker
        order.last_exec = (record.seq, number)
        return Report(
            kind,
            record.seq,
            number + 1,
            record.ts_ns + index,
            order.session_id,
            sessions,
            order,
            record.command,
            record.events[index],
            order.state,
            order.cum_qty,
            order.cum_notional,
            order.leaves_qty,
            terms=order.command,
        )

    def _answer(self, kind: str, record: Record, index: int, state: OrderState, order: Order | None) -> Report:
        """Answer the session that asked, leaving the order as it is."""
        return Report(
            kind,
            record.seq,
            2 * index + 1,
            record.ts_ns + index,
            record.source,
            (record.source,),
            order,
            record.command,
            record.events[index],
            state,
            order.cum_qty if order else 0,
            order.cum_notional if order else 0,
            order.leaves_qty if order else 0,
            order.last_exec if order else (record.seq, 2 * index),
            order.command if order else None,
        )

    def _accepted(self, record: Record, index: int, event: e.OrderAccepted) -> list[Report]:
        assert isinstance(record.command, NewOrder)
        market = self._registry.markets[record.command.symbol_id]
        order = Order(event.order_id, record.ts_ns + index, record.source, record.command, market)
        self._orders[event.order_id] = order
        return [self._report(NEW, record, index, order, (record.source,))]

    def _traded(self, record: Record, index: int, event: e.Traded) -> list[Report]:
        reports = []
        sides = ((event.taker_order_id, event.taker_leaves, False), (event.maker_order_id, event.maker_leaves, True))
        for order_id, leaves, is_maker in sides:
            order = self._orders[order_id]
            order.cum_qty += event.last_qty
            order.cum_notional += event.last_px * event.last_qty
            order.leaves_qty = leaves
            order.state = OrderState.PARTIAL if leaves else OrderState.FILLED
            assert order.cum_qty + leaves == order.command.order_qty, f"order {order_id} does not add up"
            reports.append(self._report(TRADE, record, index, order, (order.session_id,), is_maker))
            if not leaves:
                self._close(order)
        return reports

    def _left(self, record: Record, index: int, event: e.OrderCanceled | e.OrderExpired) -> list[Report]:
        order = self._orders[event.order_id]
        kind = CANCELED if isinstance(event, e.OrderCanceled) else EXPIRED
        order.state, order.leaves_qty = _CLOSED_STATES[kind], 0
        self._close(order)
        return [self._report(kind, record, index, order, _owner_and_asker(order, record, event.code))]

    def _replaced(self, record: Record, index: int, event: e.OrderReplaced) -> list[Report]:
        request, order = record.command, self._orders[event.order_id]
        assert isinstance(request, ReplaceOrder)
        asked: dict[str, Any] = {"time_in_force": TimeInForce(request.time_in_force)} if request.time_in_force else {}
        asked |= {name: getattr(request, name) for name in ("stop_px", "max_floor") if getattr(request, name)}
        if request.time_in_force or request.expire_time_ns:
            asked["expire_time_ns"] = request.expire_time_ns
        previous = order.command.cl_ord_id
        order.change(event.leaves, cl_ord_id=request.cl_ord_id, order_qty=event.order_qty, price=event.price, **asked)
        sessions = _both(order, record)
        report = self._report(REPLACED, record, index, order, sessions)
        return [msgspec.structs.replace(report, replaced=previous)]

    def _restated(self, record: Record, index: int, event: e.OrderRestated) -> list[Report]:
        order = self._orders[event.order_id]
        if event.reason not in TOLD_RESTATEMENTS:
            return []
        price = event.price if event.reason is RestateReason.SLIDE else order.command.price
        order.change(event.leaves, order_qty=event.order_qty, price=price)
        return [self._report(RESTATED, record, index, order, (order.session_id,))]

    def _triggered(self, record: Record, index: int, event: e.OrderTriggered) -> list[Report]:
        order = self._orders[event.order_id]
        return [self._report(TRIGGERED, record, index, order, (order.session_id,))]

    def _close(self, order: Order) -> None:
        self._closed.append(order.order_id)
        if len(self._closed) > CLOSED_ORDERS_MAX:
            del self._orders[self._closed.popleft()]

    def _rejected(self, record: Record, index: int, event: e.OrderRejected) -> list[Report]:
        original = self._orders.get(event.order_id)
        report = self._answer(REJECTED, record, index, OrderState.REJECTED, original)
        return [report]

    def _cancel_rejected(self, record: Record, index: int, event: e.CancelRejected | e.ReplaceRejected) -> list[Report]:
        return [self._answer(CANCEL_REJECT, record, index, event.state, self._orders.get(event.order_id))]

    def _status(self, record: Record, index: int, event: e.StatusReported) -> list[Report]:
        return [self._answer(STATUS, record, index, event.state, self._orders.get(event.order_id))]

    def _refused(self, record: Record, index: int, event: e.CommandRefused) -> list[Report]:
        """Answer a command the engine could not read, as far as it says whose request it was."""
        match record.command:
            case NewOrder() | RefuseOrder():
                outcome: e.Event = e.OrderRejected(0, ErrorCode.INTERNAL)
                answer = self._answer(REJECTED, record, index, OrderState.REJECTED, None)
            case CancelOrder() | ReplaceOrder():
                outcome = e.CancelRejected(0, ErrorCode.INTERNAL, OrderState.UNKNOWN)
                answer = self._answer(CANCEL_REJECT, record, index, OrderState.UNKNOWN, None)
            case RequestOrderStatus():
                outcome = e.StatusReported(0, OrderState.UNKNOWN)
                answer = self._answer(STATUS, record, index, OrderState.UNKNOWN, None)
            case _:
                return []
        return [msgspec.structs.replace(answer, event=outcome)]


def _owner_and_asker(order: Order, record: Record, code: int) -> tuple[int, ...]:
    """Who hears that an order left: its session, and another one that asked for just that."""
    asked = {CancelOrder: ErrorCode.USER_REQUESTED, ReplaceOrder: ErrorCode.REPLACED_BELOW_FILLED}
    return _both(order, record) if asked.get(type(record.command)) == code else (order.session_id,)


def _both(order: Order, record: Record) -> tuple[int, ...]:
    return (order.session_id,) if record.source == order.session_id else (order.session_id, record.source)
