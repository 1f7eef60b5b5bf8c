"""The whole history of an order, read from the journal alone (RPL-34)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from engine.api.commands import (
    CancelOrder,
    Command,
    MassCancel,
    NewOrder,
    RefuseOrder,
    ReplaceOrder,
    RequestOrderStatus,
)
from engine.api.errors import WireError
from engine.api.events import (
    Borrowed,
    CancelRejected,
    CommandRefused,
    Event,
    OrderAccepted,
    OrderRejected,
    OrderReplaced,
    PositionChanged,
    Repaid,
    ReplaceRejected,
    StatusReported,
    Traded,
)
from engine.api.ids import NO_ORDER, AccountId, OrderId, Seq, order_id_text, parse_order_id
from engine.api.registry import Registry
from engine.api.units import TimestampNs
from engine.api.wire import Record
from ops.telling.chronicle import Chronicle
from ops.telling.commands import describe_command
from ops.telling.events import describe_event

ANSWERS = (OrderRejected, CancelRejected, ReplaceRejected, StatusReported, CommandRefused)
"""Events that answer the command of their record."""


class Happening(msgspec.Struct, frozen=True):
    """One line of a history: ``ts_ns`` is exchange time, ``index`` the event's place, -1 for the command itself."""

    seq: int
    index: int
    ts_ns: int
    by: str
    what: str


class OrderQuery(msgspec.Struct, frozen=True):
    """Which order: by its number, or by the ClOrdID that one CompID gave it."""

    order_id: OrderId = NO_ORDER
    cl_ord_id: str = ""
    comp_id: str = ""

    def __str__(self) -> str:
        return f"ClOrdID {self.cl_ord_id} of {self.comp_id}" if self.cl_ord_id else f"order {self.order_id}"


def parse_query(text: str, comp_id: str, users: Callable[[], list[str]]) -> list[OrderQuery]:
    """Read what the operator typed: OrderID <37>, the order's number, or else a ClOrdID <11>.

    A ClOrdID belongs to its session: there is one answer for each CompID of ``users``, or for ``comp_id`` alone.
    """
    try:
        return [OrderQuery(order_id=parse_order_id(text))]
    except WireError:
        pass
    if comp_id:
        return [OrderQuery(cl_ord_id=text, comp_id=comp_id)]
    by_number = [OrderQuery(order_id=OrderId(Seq(int(text))))] if text.isascii() and text.isdigit() else []
    return by_number + [OrderQuery(cl_ord_id=text, comp_id=user) for user in users()]


def users_of(cl_ord_id: str, records: Iterable[Record], registry: Registry) -> dict[str, Seq]:
    """List the CompIDs that sent ``cl_ord_id``, and in which record each did first."""
    found = dict[str, Seq]()
    for record in records:
        if cl_ord_id in names_in(record.command):
            found.setdefault(registry.source(record.source), record.seq)
    return found


class Match(msgspec.Struct, frozen=True):
    """An order whose OrderID or ClOrdID begins or ends with what was asked for."""

    order_id: OrderId
    order_id_text: str
    cl_ord_id: str
    comp_id: str

    def __str__(self) -> str:
        return f"{self.order_id_text} (number {self.order_id}, ClOrdID {self.cl_ord_id} of {self.comp_id})"


def orders_like(text: str, records: Iterable[Record]) -> Iterator[Match]:
    """Find the orders that ``text`` may stand for. The end of an OrderID tells more than its beginning, a time."""
    sessions = Registry()
    for record in records:
        sessions.apply(record)
        command = record.command
        if not isinstance(command, NewOrder):
            continue
        for index, event in enumerate(record.events):
            if isinstance(event, OrderAccepted):
                whole = order_id_text(event.order_id, TimestampNs(record.ts_ns + index))
                if any(name.startswith(text) or name.endswith(text) for name in (whole, command.cl_ord_id)):
                    yield Match(event.order_id, whole, command.cl_ord_id, sessions.source(record.source))


def order_history(query: OrderQuery, records: Iterable[Record], chronicle: Chronicle) -> Iterator[Happening]:
    """Yield all that happened to the order, in order. ``chronicle`` learns names and orders as they come."""
    watched = {query.order_id} if query.order_id else set()
    for record in records:
        chronicle.apply(record)
        is_asked_for = _is_named(record, query, watched, chronicle)
        if is_asked_for:
            watched |= {x.order_id for x in record.events if isinstance(x, OrderAccepted | OrderReplaced)}
        accounts = {order.account_id for order in map(chronicle.order, watched) if order}
        concerned = [
            (index, event)
            for index, event in enumerate(record.events)
            if orders_of(event) & watched
            or (is_asked_for and isinstance(event, ANSWERS))
            or _follows(record, index, watched, accounts, is_asked_for)
        ]
        if is_asked_for or concerned:
            yield from _happenings(record, concerned, chronicle)


def _follows(record: Record, index: int, watched: set[OrderId], accounts: set[AccountId], is_asked_for: bool) -> bool:
    """Tell whether an event says what the order did to its account: its position, or its loan."""
    event = record.events[index]
    if not isinstance(event, PositionChanged | Borrowed | Repaid) or event.account_id not in accounts:
        return False
    if isinstance(event, Borrowed):
        return is_asked_for
    # A trade of the order comes before, with none between.
    trades = [other for other in record.events[:index] if isinstance(other, Traded)]
    return bool(trades and orders_of(trades[-1]) & watched)


def _happenings(record: Record, concerned: list[tuple[int, Event]], chronicle: Chronicle) -> Iterator[Happening]:
    by = chronicle.source(record.source)
    yield Happening(record.seq, -1, record.ts_ns, by, describe_command(record.command, chronicle))
    for index, event in concerned:
        what = describe_event(event, record, chronicle)
        yield Happening(record.seq, index, record.time_of(index), "engine", what)


def _is_named(record: Record, query: OrderQuery, watched: set[OrderId], chronicle: Chronicle) -> bool:
    """Tell whether the command of ``record`` is about the order: it enters it, or names it."""
    command = record.command
    if isinstance(command, CancelOrder | ReplaceOrder | RequestOrderStatus) and command.order_id in watched:
        return True
    if isinstance(command, NewOrder) and record.seq in watched:
        return True
    if not query.cl_ord_id or (query.comp_id and chronicle.source(record.source) != query.comp_id):
        return False
    return query.cl_ord_id in names_in(command)


def names_in(command: Command) -> tuple[str, ...]:
    """List the ClOrdIDs a command carries."""
    match command:
        case NewOrder() | RefuseOrder() | RequestOrderStatus() | MassCancel():
            return (command.cl_ord_id,)
        case CancelOrder() | ReplaceOrder():
            return (command.cl_ord_id, command.orig_cl_ord_id)
        case _:
            return ()


def orders_of(event: Event) -> set[OrderId]:
    """List the orders an event is about; 0, which is no order, never is one."""
    if isinstance(event, Traded):
        return {event.taker_order_id, event.maker_order_id}
    return {getattr(event, "order_id", NO_ORDER)} - {NO_ORDER}
