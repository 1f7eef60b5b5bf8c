"""The ledger of orders: what each reserves, how that changes, and what it gives back."""

from __future__ import annotations

import msgspec

from clearing.ledger.entries import Entry, Movement, Order
from clearing.ledger.pricing import Pricing
from clearing.ledger.state import LedgerState, agree
from engine.api.commands import NewOrder, ReplaceOrder
from engine.api.enums import ExecInst, OrderState, OrdType, RestateReason, Side, TimeInForce
from engine.api.events import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderReplaced,
    OrderRestated,
    OrderTriggered,
)
from engine.api.ids import Seq
from engine.api.limits import LEVERAGE_MAX
from engine.api.units import Lots, Ticks, TimestampNs
from engine.api.wire import Record


class Orders:
    """Reservations. What an order has locked is its leaves times what it holds for one lot, at all times."""

    def __init__(self, state: LedgerState) -> None:
        self._state = state

    def accepted(self, record: Record, index: int, event: OrderAccepted, entry: Entry) -> None:
        """Lock what an accepted order reserves."""
        terms = record.command
        assert isinstance(terms, NewOrder)
        seq, ts_ns, reserved = record.seq, record.time_of(index), event.reserved
        pricing = self._state.priced(seq, terms.symbol_id)
        agree(seq, "order_id", event.order_id, seq)
        rates = self._state.fee_rules.rates(terms.account_id, terms.symbol_id)
        # A limit that slid is told next, and checked then.
        if ExecInst.SLIDE not in terms.exec_inst:
            self._check_reserved(seq, terms, terms.order_qty, reserved, pricing, rates)
        in_base = terms.side is Side.SELL and not pricing.is_perpetual
        asset = pricing.base_asset_id if in_base else pricing.quote_asset_id
        works_at = terms.price if terms.ord_type is OrdType.LIMIT else Ticks(0)
        order = Order(
            event.order_id,
            terms,
            record.source,
            ts_ns,
            asset,
            terms.order_qty,
            Lots(0),
            reserved,
            OrderState.PENDING,
            None,
            0,
            ts_ns,
            seq,
            works_at,
            *rates,
        )
        self._state.orders[order.order_id] = order
        entry.orders.append(order)
        if reserved:
            entry.movements.append(Movement(terms.account_id, asset, -reserved, reserved))

    def _check_reserved(
        self, seq: Seq, terms: NewOrder, leaves: Lots, reserved: int, pricing: Pricing, rates: tuple[int, int]
    ) -> None:
        """Check that an order locks the same for each lot, and at least what it may cost (RES-21)."""
        agree(seq, f"reserved {reserved} in lots of {leaves}", 0, reserved % leaves)
        price, ppm = terms.price or terms.stop_px, max(*rates, 0)
        if pricing.is_perpetual:
            if ExecInst.REDUCE_ONLY in terms.exec_inst:
                agree(seq, "reserved", reserved, 0)
                return
            known = self._state.positions.get((terms.account_id, terms.symbol_id))
            # The leverage of a position that has not been told yet is known as far as its bound.
            leverage = known.leverage if known else LEVERAGE_MAX
            requirement = pricing.margin_requirement(price, leaves, leverage, ppm)
        elif terms.side is Side.SELL:
            if terms.ord_type is not OrdType.MARKET or reserved:
                agree(seq, "reserved", reserved, pricing.base_amount(leaves))
            return
        else:
            requirement = pricing.buy_requirement(price, leaves, ppm)
        agree(seq, f"reserved {reserved} covers {requirement}", True, reserved >= requirement)

    def filled(self, order: Order, seq: Seq, ts_ns: TimestampNs, last_qty: Lots, leaves: Lots, entry: Entry) -> None:
        """Fill an order, in part or in full."""
        after = order.filled(seq, ts_ns, last_qty, leaves, last_qty * order.per_lot)
        if leaves:
            self._state.orders[order.order_id] = after
        else:
            agree(seq, f"locked of filled order {order.order_id}", 0, after.locked)
            del self._state.orders[order.order_id]
        entry.orders.append(after)

    def closed(self, record: Record, index: int, event: OrderCanceled | OrderExpired, entry: Entry) -> None:
        """Give back all that an order has locked."""
        seq, released = record.seq, event.released
        order = self._state.open_order(seq, event.order_id)
        agree(seq, "leaves", event.leaves, order.leaves)
        agree(seq, "released", released, order.locked)
        state = OrderState.CANCELED if isinstance(event, OrderCanceled) else OrderState.EXPIRED
        del self._state.orders[order.order_id]
        entry.orders.append(order.closed(seq, record.time_of(index), state, released, event.code))
        _release(entry, order, released)

    def replaced(self, record: Record, index: int, event: OrderReplaced, entry: Entry) -> None:
        """Give an order its new terms, and lock more or less for it."""
        request, seq = record.command, record.seq
        assert isinstance(request, ReplaceOrder)
        order = self._state.open_order(seq, event.order_id)
        agree(seq, "filled quantity", event.order_qty - event.leaves, order.cum_qty)
        agree(seq, "leaves positive", True, event.leaves > 0)
        terms = msgspec.structs.replace(
            order.terms,
            order_qty=event.order_qty,
            price=event.price,
            stop_px=request.stop_px or order.terms.stop_px,
            time_in_force=TimeInForce(request.time_in_force or order.terms.time_in_force),
        )
        # A sell that asks for more locks no more than it did.
        if terms.side is not Side.SELL or event.reserved != event.leaves * order.per_lot:
            pricing = self._state.priced(seq, terms.symbol_id)
            self._check_reserved(seq, terms, event.leaves, event.reserved, pricing, order.rates)
        works_at = _work_price_after_replace(order, event)
        changed = order.changed(seq, record.time_of(index), terms, event.leaves, event.reserved, works_at)
        self._state.orders[order.order_id] = changed
        entry.orders.append(changed)
        _release(entry, order, order.locked - event.reserved)

    def restated(self, record: Record, index: int, event: OrderRestated, entry: Entry) -> None:
        """Take over what the engine changed of an order, and give back what the lots it lost had locked."""
        seq = record.seq
        order = self._state.open_order(seq, event.order_id)
        lost = order.leaves - event.leaves
        agree(seq, "order quantity", event.order_qty, order.terms.order_qty - lost)
        agree(seq, "leaves neither raised nor used up", True, 0 <= lost < order.leaves)
        agree(seq, "released", event.released, lost * order.per_lot)
        terms, has_slid = order.terms, event.reason is RestateReason.SLIDE
        if lost or has_slid:
            price = event.price if has_slid else terms.price
            terms = msgspec.structs.replace(terms, order_qty=event.order_qty, price=price)
        locked = order.locked - event.released
        if has_slid:
            self._check_reserved(
                seq, terms, event.leaves, locked, self._state.priced(seq, terms.symbol_id), order.rates
            )
        changed = order.changed(seq, record.time_of(index), terms, event.leaves, locked, event.price)
        self._state.orders[order.order_id] = changed
        entry.orders.append(changed)
        _release(entry, order, event.released)

    def triggered(self, record: Record, index: int, event: OrderTriggered, entry: Entry) -> None:
        """Let an elected stop work at its price."""
        seq = record.seq
        order = self._state.open_order(seq, event.order_id)
        agree(seq, f"order {order.order_id} is a stop that waits", True, order.terms.ord_type.is_stop)
        if order.terms.ord_type is OrdType.STOP_LIMIT:
            agree(seq, "price", event.price, order.terms.price)
        ts_ns = record.time_of(index)
        changed = order.changed(seq, ts_ns, order.terms, order.leaves, order.locked, event.price)
        self._state.orders[order.order_id] = changed
        entry.orders.append(changed)


def _work_price_after_replace(order: Order, event: OrderReplaced) -> Ticks:
    """A limit works at its new price; a stop only once it is elected; a pegged order that moves is priced anew."""
    match order.terms.ord_type:
        case OrdType.PEGGED:
            return order.work_price if event.keeps_priority else Ticks(0)
        case OrdType.STOP_LIMIT:
            return event.price if order.work_price else Ticks(0)
        case OrdType.STOP:
            return order.work_price
        case _:
            return event.price


def _release(entry: Entry, order: Order, released: int) -> None:
    if released:
        entry.movements.append(Movement(order.terms.account_id, order.locked_asset_id, released, -released))
