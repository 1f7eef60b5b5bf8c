"""Replaces: an open order gets other terms (section 9)."""

from __future__ import annotations

import dataclasses
from math import inf

import msgspec

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import OrdType, SymbolStatus, TimeInForce
from engine.api.rejects import ErrorCode
from tests.model.book import forget_walk
from tests.model.commands import Refused, refuse_if
from tests.model.entry import check_band, is_dust, is_price, worst_price
from tests.model.requests import Requests, identity
from tests.model.state import Order, sign


class Replaces(Requests):
    """Changing of orders. ``order`` is the order as it is, ``new`` as it is to be."""

    def replace_order(self, source: int, request: c.ReplaceOrder) -> None:
        """Change an open order, or reject that."""
        known = self.order_named(source, request.cl_ord_id)
        if known is not None and request.poss_resend:
            return self.report(known)
        target = self.find_target(source, request)
        self.dismiss_if_out(target)
        try:
            order = self.check_target(source, request, target)
            self.clear_fronts(order.market)
            self.find_whether_to_wait(order.market)
            request = in_flight_safe(order, request)
            filled = order.order_qty - order.leaves
            if request.order_qty <= filled:
                refuse_if(request.order_qty < 1 and filled == 0, ErrorCode.SIZE_OFF_LOT)
                self.name(source, request.cl_ord_id, order)
                return self.cancel(order, ErrorCode.REPLACED_BELOW_FILLED)
            new, has_slid, lacking = self.check_replace(source, order, request)
        except Refused as refused:
            order_id, state = identity(target)
            return self.tell(e.ReplaceRejected(order_id, refused.code, state))
        self.name(source, request.cl_ord_id, order)
        return self.change(order, new, keeps_priority(order, request), has_slid, lacking)

    # --- checks -----------------------------------------------------------------------------------------

    def check_replace(self, source: int, order: Order, request: c.ReplaceOrder) -> tuple[Order, bool, int]:
        """Check a replace. Returns: the order as it is to be, whether its limit slid, and what to borrow."""
        market, is_pure = order.market, is_pure_reduction(order, request)
        if not is_pure:
            self.check_permission(source, order.account_id, order.exec_inst)
            self.check_market_takes(order, request)
        self.check_changes(order, request)
        new = self.changed(order, request)
        if not keeps_priority(order, request):
            check_band(new)
        refuse_if(request.max_floor > request.order_qty, ErrorCode.SIZE_OFF_LOT)
        if not is_pure:
            new.limit = worst_price(new)
        if request.order_qty < order.order_qty:
            check_what_is_left(new)
        if not is_pure:
            new.max_floor = request.max_floor
            self.check_sizes(new, request.order_qty, request.max_floor or order.max_floor)
        has_slid = request.price not in (0, order.limit) and self.check_post_only(new)
        lacking = 0
        if not is_pure:
            new.per_lot = self.per_lot(new, self.leverage(order.account_id, market) if market.is_perpetual else 1)
            if is_tamer(order, new):
                new.per_lot = min(new.per_lot, order.per_lot)
            else:
                lacking = self.check_funds(new, held=order.reserved)
                if market.is_perpetual and not order.is_reduce_only:
                    self.check_position(new)
        floor = request.max_floor or order.max_floor
        new.max_floor = floor if floor < request.order_qty else 0
        return new, has_slid, lacking

    def check_market_takes(self, order: Order, request: c.ReplaceOrder) -> None:
        """Check that the market takes a replace that is more than a reduction (section 2)."""
        self.check_market_open(order.market)
        is_post_only_time = order.market.status is SymbolStatus.POST_ONLY
        refuse_if(
            is_post_only_time and not order.is_post_only and not keeps_priority(order, request),
            ErrorCode.NOT_ALLOWED_NOW,
        )

    def check_changes(self, order: Order, request: c.ReplaceOrder) -> None:
        """Check that the terms asked for fit the order."""
        refuse_if(not fits(order, request), ErrorCode.UNSUPPORTED)
        refuse_if(request.price != 0 and not is_price(request.price), ErrorCode.PRICE_OFF_TICK)
        refuse_if(request.stop_px != 0 and not is_price(request.stop_px), ErrorCode.PRICE_OFF_TICK)
        if request.expire_time_ns:
            self.check_expiry(request.expire_time_ns)

    def changed(self, order: Order, request: c.ReplaceOrder) -> Order:
        """Make the order as it is to be; ``max_floor`` and ``per_lot`` are still the old ones."""
        new = dataclasses.replace(order)
        new.order_qty = request.order_qty
        new.leaves = request.order_qty - (order.order_qty - order.leaves)
        new.limit = request.price or order.limit
        new.stop_px = request.stop_px or order.stop_px
        new.peg_offset = order.peg_offset if request.peg_offset is None else request.peg_offset
        if request.time_in_force:
            new.time_in_force = TimeInForce(request.time_in_force)
            new.expire_time_ns = self.expiry(new.time_in_force, request.expire_time_ns)
        elif request.expire_time_ns:
            new.expire_time_ns = request.expire_time_ns
        return new

    def check_post_only(self, new: Order) -> bool:
        """Check that a post-only order will not take with its changed price. Returns: whether it slid."""
        if self.slide(new):
            check_band(new)
            return True
        is_continuous = new.market.status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY)
        takes = new.is_post_only and is_continuous and self.would_take(new, new.limit)
        refuse_if(takes, ErrorCode.POST_ONLY_WOULD_TAKE)
        return False

    # --- what happens -----------------------------------------------------------------------------------

    def change(self, order: Order, new: Order, keeps: bool, has_slid: bool, lacking: int) -> None:
        """Give an order its new terms, and let it do what these ask for."""
        self.borrow(order, lacking)
        self.lock(order, new.reserved - order.reserved)
        self.forget_expiry(order)
        if order.is_placed and new.leaves != order.leaves:
            forget_walk(order.market)
        if not keeps:
            self.leave_place(order)
            order.priority = self.seq
        for term in TERMS:
            setattr(order, term, getattr(new, term))
        self.note_expiry(order)
        price = asked_price(order)
        self.tell(e.OrderReplaced(order.order_id, order.order_qty, order.leaves, price, order.reserved, keeps))
        self.repay(*order.reserved_in)
        if keeps:
            order.display = min(order.display, order.tranche)
        else:
            self.begin_again(order, has_slid)

    def begin_again(self, order: Order, has_slid: bool) -> None:
        """Find an order that has left its place another one."""
        if order.is_waiting_stop:
            return self.wait_or_elect(order)
        if order.is_pegged:
            # It waits: at its old price it might lie beyond its new cap.
            return self.wait(order)
        order.price = order.limit
        if has_slid:
            self.tell_slide(order)
        self.clip(order)
        if not order.is_open:
            return None
        return self.meet_book_in_turn(order, self.must_wait) if self.is_trading(order.market) else self.rest(order)


TERMS = (
    "order_qty",
    "leaves",
    "limit",
    "stop_px",
    "max_floor",
    "peg_offset",
    "time_in_force",
    "expire_time_ns",
    "per_lot",
)


def in_flight_safe(order: Order, request: c.ReplaceOrder) -> c.ReplaceOrder:
    """Read a request so that it does not bring back what the engine took off, which its sender may not have known."""
    if request.order_qty <= order.order_qty:
        return request
    return msgspec.structs.replace(request, order_qty=max(order.order_qty, request.order_qty - order.taken_off))


def check_what_is_left(new: Order) -> None:
    """Check that a lower quantity leaves no dust in the book."""
    left = new.order_qty if new.is_reduce_only else new.leaves
    refuse_if(left < new.market.listing.min_qty, ErrorCode.SIZE_OFF_LOT)
    refuse_if(is_dust(new, left), ErrorCode.EXCEEDS_LIMIT)


def asked_price(order: Order) -> int:
    """The price of an order as its owner knows it: a stop has none."""
    return 0 if order.ord_type is OrdType.STOP else order.limit


def is_pure_reduction(order: Order, request: c.ReplaceOrder) -> bool:
    """Tell whether a replace changes nothing but the quantity, downward, and the time in force."""
    return (
        request.price in (0, asked_price(order))
        and request.stop_px in (0, order.stop_px)
        and request.max_floor in (0, order.max_floor)
        and request.peg_offset in (None, order.peg_offset)
        and request.order_qty <= order.order_qty
    )


def is_tamer(order: Order, new: Order) -> bool:
    """Tell whether an order that changes risks no more: not more lots, and no worse price (DRV-13)."""
    return new.leaves <= order.leaves and sign(order.side) * (new.limit - order.limit) <= 0


def keeps_priority(order: Order, request: c.ReplaceOrder) -> bool:
    """Tell whether an order keeps its place in the queue (RoE section 6)."""
    return (
        request.price in (0, asked_price(order))
        and request.stop_px in (0, order.stop_px)
        and request.peg_offset in (None, order.peg_offset)
        and request.order_qty <= order.order_qty
        # Without a floor an order shows everything: the largest floor there is.
        and (request.max_floor or order.max_floor or inf) <= (order.max_floor or inf)
    )


def fits(order: Order, request: c.ReplaceOrder) -> bool:
    """Tell whether the order has the terms that are to change."""
    kind, offset = order.ord_type, request.peg_offset
    time_in_force = request.time_in_force or order.time_in_force
    takes_floor = kind in (OrdType.LIMIT, OrdType.STOP_LIMIT) and not order.is_post_only
    is_gtd, has_expiry = time_in_force == TimeInForce.GOOD_TILL_DATE, request.expire_time_ns != 0
    return (
        (request.price == 0 or kind is not OrdType.STOP)
        and (request.stop_px == 0 or order.is_waiting_stop)
        and (request.max_floor == 0 or (request.max_floor > 0 and takes_floor))
        and (offset is None or (order.is_pegged and abs(offset) <= limits.PRICE_TICKS_MAX))
        and order.time_in_force.may_rest
        and TimeInForce(time_in_force).may_rest
        and (is_gtd == has_expiry or (is_gtd and not request.time_in_force))
    )
