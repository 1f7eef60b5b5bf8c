"""The events of orders: entered, accepted, refused, changed, and how they end without a trade."""

from __future__ import annotations

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api.enums import OrdType, RestateReason, Side, TimeInForce
from engine.api.ids import OrderId, order_id_text
from engine.api.rejects import ErrorCode, meaning_of, name_of
from engine.api.wire import Record
from taxonomy.envelope import Payload
from taxonomy.money import Money
from taxonomy.rebuilt import NO_LOTS, Order, expiry_of
from taxonomy.teller import Teller

BY_USER = (ErrorCode.USER_REQUESTED, ErrorCode.REPLACED_BELOW_FILLED)
"""Reasons of a cancel that its owner asked for."""


class Orders:
    """Expansion of the events about orders."""

    def __init__(self, teller: Teller, money: Money) -> None:
        self._teller = teller
        self._rebuilt = teller.rebuilt
        self._money = money
        self._submitted = 0
        """The seq of the last record whose order was told to be entered."""

    def tell_order(self, event_type: str, order: Order, payload: Payload, cause: str = "") -> str:
        """Add an event about an order. Returns: its identifier."""
        about = order.account_id, order.text
        return self._teller.tell(event_type, payload, cause, *about, symbol=order.instrument.symbol)

    # --- entry

    def submit(self, record: Record) -> None:
        """Tell once that an order was entered, before the first thing that follows from it."""
        command = record.command
        if self._submitted == record.seq or not isinstance(command, c.NewOrder | c.RefuseOrder):
            return
        self._submitted = record.seq
        order_id = order_id_text(OrderId(record.seq), self._teller.event_ts_ns)
        payload: Payload = {"order_id": order_id, "account_id": str(command.account_id)}
        payload |= self._terms(command) if isinstance(command, c.NewOrder) else _written_terms(command)
        payload |= {"cl_ord_id": command.cl_ord_id, "session_id": str(record.source)}
        account = command.account_id if command.account_id in self._rebuilt.accounts else None
        symbol = payload["symbol"]
        known = symbol in {i.symbol for i in self._rebuilt.instruments.values()}
        self._teller.cause = self._teller.tell(
            "OrderSubmitted", payload, "", account, order_id, symbol=str(symbol) if known else None
        )

    def _terms(self, new: c.NewOrder) -> Payload:
        instrument = self._rebuilt.instruments.get(new.symbol_id)
        payload: Payload = {"side": new.side.name, "type": new.ord_type.name, "time_in_force": new.time_in_force.name}
        if instrument is None:
            return payload | {"symbol": None, "price": None, "quantity": None}
        payload |= {
            "symbol": instrument.symbol,
            "price": instrument.format_price(new.price) if new.price else None,
            "quantity": instrument.format_qty(new.order_qty),
        }
        if new.stop_px:
            payload |= {"stop_price": instrument.format_price(new.stop_px), "trigger": new.trigger.name}
        if new.max_floor:
            payload["display_quantity"] = instrument.format_qty(new.max_floor)
        if new.min_qty:
            payload["min_quantity"] = instrument.format_qty(new.min_qty)
        if new.expire_time_ns:
            payload["expire_time"] = new.expire_time_ns
        if new.peg:
            payload |= {"peg": new.peg.name, "peg_offset": instrument.format_price(new.peg_offset)}
        if new.exec_inst:
            payload["instructions"] = " ".join(sorted(str(flag.name) for flag in new.exec_inst))
        return payload

    def accepted(self, record: Record, event: e.OrderAccepted) -> None:
        """MarginReserved, OrderAccepted."""
        assert isinstance(record.command, c.NewOrder)
        terms = msgspec.structs.replace(
            record.command,
            expire_time_ns=expiry_of(record.command.time_in_force, record.command.expire_time_ns, record.ts_ns),
        )
        order = self._rebuilt.open_order(event.order_id, self._teller.event_ts_ns, record.source, terms, event.reserved)
        self._teller.agree("reserved", event.reserved, order.locked)
        self._money.reserve(order.account_id, order.locked_asset, event.reserved, "ORDER", order)
        reserved = self._rebuilt.amount(event.reserved, order.locked_asset)
        payload: Payload = {"order_id": order.text, "state": "PENDING", "margin_reserved": reserved}
        self._teller.cause = self.tell_order("OrderAccepted", order, payload)

    def rejected(self, record: Record, event: e.OrderRejected) -> None:
        """OrderRejected; the order never was, so only its command names it."""
        order_id = order_id_text(OrderId(record.seq), self._teller.event_ts_ns)
        payload: Payload = {"order_id": order_id, **reason_of(event.code)}
        self._teller.tell("OrderRejected", payload, order=order_id)
        self._teller.forget(order_id)

    # --- ends

    def canceled(self, event: e.OrderCanceled) -> None:
        """OrderCanceled, MarginReleased."""
        order = self._teller.find(event.order_id)
        payload: Payload = {"canceled_by": "USER" if event.code in BY_USER else "SYSTEM"}
        self._ended("OrderCanceled", order, event, payload)

    def expired(self, event: e.OrderExpired) -> None:
        """OrderExpired, MarginReleased."""
        order = self._teller.find(event.order_id)
        self._ended("OrderExpired", order, event, {"expiry_time": order.expire_time_ns or self._teller.event_ts_ns})

    def _ended(self, event_type: str, order: Order, event: e.OrderCanceled | e.OrderExpired, payload: Payload) -> None:
        self._teller.agree("leaves", event.leaves, order.leaves)
        self._teller.agree("released", event.released, order.locked)
        payload |= {
            "order_id": order.text,
            "reason": name_of(event.code),
            "filled_quantity": order.instrument.format_qty(order.cum_qty),
            "unfilled_quantity": order.instrument.format_qty(event.leaves),
        }
        ended = self.tell_order(event_type, order, payload)
        self._money.reserve(order.account_id, order.locked_asset, -event.released, "ORDER", order, ended)
        order.leaves = NO_LOTS
        self._teller.close(order)

    # --- changes

    def replaced(self, record: Record, event: e.OrderReplaced) -> None:
        """MarginReserved or MarginReleased, and OrderReplaced between them."""
        order, request = self._teller.find(event.order_id), record.command
        assert isinstance(request, c.ReplaceOrder)
        self._teller.agree("filled quantity", event.order_qty - event.leaves, order.cum_qty)
        rise = event.reserved - order.locked
        self._money.reserve(order.account_id, order.locked_asset, max(rise, 0), "REPLACE", order)
        if request.time_in_force:
            order.time_in_force = TimeInForce(request.time_in_force)
            order.expire_time_ns = expiry_of(request.time_in_force, request.expire_time_ns, record.ts_ns)
        elif request.expire_time_ns:
            order.expire_time_ns = request.expire_time_ns
        order.order_qty, order.leaves, order.price = event.order_qty, event.leaves, event.price
        order.per_lot = event.reserved // event.leaves
        self._teller.cause = self.tell_order("OrderReplaced", order, self._replacement(order, request, event))
        self._money.reserve(order.account_id, order.locked_asset, min(rise, 0), "REPLACE", order, self._teller.cause)

    def _replacement(self, order: Order, request: c.ReplaceOrder, event: e.OrderReplaced) -> Payload:
        i = order.instrument
        payload: Payload = {
            "order_id": order.text,
            "cl_ord_id": request.cl_ord_id,
            "quantity": i.format_qty(event.order_qty),
            "remaining_quantity": i.format_qty(event.leaves),
            "price": i.format_price(event.price) if event.price else None,
            "time_in_force": order.time_in_force.name,
            "keeps_priority": bool(event.keeps_priority),
        }
        if order.expire_time_ns:
            payload["expire_time"] = order.expire_time_ns
        if request.stop_px:
            payload["stop_price"] = i.format_price(request.stop_px)
        if request.max_floor:
            payload["display_quantity"] = i.format_qty(request.max_floor)
        if request.peg_offset is not None:
            payload["peg_offset"] = i.format_price(request.peg_offset)
        return payload

    def triggered(self, event: e.OrderTriggered) -> None:
        """OrderTriggered; what it trades follows from it."""
        order = self._teller.find(event.order_id)
        payload: Payload = {"order_id": order.text, "price": order.instrument.format_price(event.price)}
        self._teller.cause = self.tell_order("OrderTriggered", order, payload, self._teller.mover)

    def restated(self, event: e.OrderRestated) -> None:
        """OrderReduced and MarginReleased, or OrderRestated where no quantity is lost."""
        order, i = self._teller.find(event.order_id), self._teller.find(event.order_id).instrument
        lost, released = order.leaves - event.leaves, event.released
        self._teller.agree("order quantity lost", order.order_qty - event.order_qty, lost)
        self._teller.agree("released", released, lost * order.per_lot)
        payload: Payload = {
            "order_id": order.text,
            "reason": event.reason.name,
            "quantity": i.format_qty(event.order_qty),
            "remaining_quantity": i.format_qty(event.leaves),
            "display_quantity": i.format_qty(event.display),
            "price": i.format_price(event.price) if event.price else None,
        }
        cause = self._teller.mover if event.reason is RestateReason.PEG else self._teller.cause
        told = self.tell_order("OrderReduced" if lost else "OrderRestated", order, payload, cause)
        order.order_qty, order.leaves = event.order_qty, event.leaves
        if event.reason is RestateReason.PEG:
            self._teller.cause = told
        self._money.reserve(order.account_id, order.locked_asset, -released, event.reason.name, order, told)

    # --- refusals

    def refused(self, record: Record, event: e.CancelRejected | e.ReplaceRejected) -> None:
        """OrderCancelRejected, OrderReplaceRejected."""
        request = record.command
        cl_ord_id = request.cl_ord_id if isinstance(request, c.CancelOrder | c.ReplaceOrder) else ""
        event_type = "OrderCancelRejected" if isinstance(event, e.CancelRejected) else "OrderReplaceRejected"
        payload: Payload = {
            "order_id": self._rebuilt.order_text(event.order_id),
            "cl_ord_id": cl_ord_id,
            "state": event.state.name,
            **reason_of(event.code),
        }
        self._teller.tell(event_type, payload)


def _written_terms(refused: c.RefuseOrder) -> Payload:
    """Terms as the member wrote them: they could not be expressed in ticks and lots."""
    return {
        "symbol": refused.symbol,
        "side": _named(Side, refused.side),
        "type": _named(OrdType, refused.ord_type),
        "time_in_force": _named(TimeInForce, refused.time_in_force),
        "price": refused.price or None,
        "quantity": refused.order_qty or None,
    }


def _named(kind: type[Side] | type[OrdType] | type[TimeInForce], value: int) -> str | None:
    try:
        return kind(value).name
    except ValueError:
        return chr(value) if value else None


def reason_of(code: int) -> Payload:
    """Reason and message of a refusal."""
    return {"reason": name_of(code), "message": meaning_of(code).words}
