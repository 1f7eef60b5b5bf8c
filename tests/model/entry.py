"""New orders: what is checked, in which order, and what happens to an accepted one (section 3)."""

from __future__ import annotations

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import (
    AccountKind,
    AccountStatus,
    ExecInst,
    MarginState,
    OrdType,
    Peg,
    RestateReason,
    SelfTrade,
    SymbolStatus,
    TimeInForce,
    Trigger,
    VenueStatus,
)
from engine.api.parameters import Parameter
from engine.api.rejects import ErrorCode
from tests.model.commands import Refused, refuse_if
from tests.model.state import BUY, Market, Order, opposite, sign
from tests.model.stops_and_pegs import StopsAndPegs

DAY_NS = 86_400 * 10**9
CLOSED_VENUE = {
    VenueStatus.HALT: ErrorCode.SYMBOL_CLOSED,
    VenueStatus.CLOSED: ErrorCode.SYMBOL_CLOSED,
    VenueStatus.CANCEL_ONLY: ErrorCode.NOT_ALLOWED_NOW,
}
CLOSED_SYMBOL = {
    SymbolStatus.HALT: ErrorCode.SYMBOL_CLOSED,
    SymbolStatus.CLOSED: ErrorCode.SYMBOL_CLOSED,
    SymbolStatus.CANCEL_ONLY: ErrorCode.NOT_ALLOWED_NOW,
}

STILL_ALLOWED = {
    MarginState.MARGIN_CALL: ExecInst.REDUCE_ONLY,
    MarginState.IN_LIQUIDATION: ExecInst.LIQUIDATION,
    MarginState.LIQUIDATED: ExecInst.LIQUIDATION,
}
"""What an order must be when the account's margin state restricts it (LIQ-60)."""


class Entry(StopsAndPegs):
    """Entry of orders."""

    def new_order(self, source: int, new: c.NewOrder) -> None:
        """Accept an order and match it, or reject it."""
        known = self.order_named(source, new.cl_ord_id)
        if known is not None:
            duplicate = e.OrderRejected(known.order_id, ErrorCode.DUPLICATE_CL_ORD_ID)
            return self.tell(e.StatusReported(known.order_id, known.state) if new.poss_resend else duplicate)
        if (named := self.listed(new.symbol_id)) is not None:
            self.clear_fronts(named)
            self.find_whether_to_wait(named)
        try:
            market = self.check_standing(source, new)
            order, has_slid = self.check_terms(source, market, new)
            self.check_sizes(order, order.order_qty, order.max_floor)
            order.per_lot = self.per_lot(order, self.leverage(order.account_id, market) if market.is_perpetual else 1)
            lacking = self.check_funds(order)
            self.check_open_orders(order)
            if market.is_perpetual and not order.is_reduce_only:
                self.check_position(order)
        except Refused as refused:
            return self.tell(e.OrderRejected(0, refused.code))
        self.orders[order.order_id] = order
        self.name(source, new.cl_ord_id, order)
        if market.is_perpetual and not order.is_reduce_only:
            self.begin_position(order.account_id, market)
        self.borrow(order, lacking)
        self.lock(order, order.reserved)
        self.tell(e.OrderAccepted(order.order_id, order.reserved))
        return self.begin(order, has_slid)

    # --- may this order be entered at all ---------------------------------------------------------------

    def check_standing(self, source: int, new: c.NewOrder) -> Market:
        """Check source, account and market. Returns: the market."""
        refuse_if(not self.may_act(source), ErrorCode.NOT_AUTHORISED)
        account = self.accounts.get(new.account_id)
        if account is None or not account.kind.is_member:
            raise Refused(ErrorCode.UNKNOWN_ACCOUNT)
        refuse_if(not self.acts_for(source, new.account_id), ErrorCode.NOT_AUTHORISED)
        market = self.listed(new.symbol_id)
        if market is None:
            raise Refused(ErrorCode.UNKNOWN_SYMBOL)
        refuse_if(market.is_perpetual != (account.kind is AccountKind.FUTURES), ErrorCode.UNSUPPORTED)
        self.check_permission(source, new.account_id, new.exec_inst)
        self.check_market_open(market)
        is_resting = new.time_in_force.may_rest and new.ord_type is not OrdType.MARKET
        is_shut = market.status is SymbolStatus.PRE_OPEN and not is_resting
        refuse_if(is_shut, ErrorCode.NOT_ALLOWED_NOW)
        is_post_only = new.ord_type is OrdType.LIMIT and bool(new.exec_inst & ExecInst.POST_ONLY)
        refuse_if(market.status is SymbolStatus.POST_ONLY and not is_post_only, ErrorCode.NOT_ALLOWED_NOW)
        return market

    def check_permission(self, source: int, account_id: int, exec_inst: ExecInst) -> None:
        """Check the account's status, the session's kill switch and the account's margin state."""
        account = self.accounts[account_id]
        is_liquidated = account.status is AccountStatus.SUSPENDED and ExecInst.LIQUIDATION in exec_inst
        refuse_if(account.status is not AccountStatus.ACTIVE and not is_liquidated, ErrorCode.ACCOUNT_SUSPENDED)
        refuse_if(source in self.blocked, ErrorCode.KILL_SWITCH)
        needed = STILL_ALLOWED.get(account.margin_state)
        refuse_if(needed is not None and needed not in exec_inst, ErrorCode.MARGIN_RESTRICTED)

    def check_market_open(self, market: Market) -> None:
        """Check venue, breaker and symbol, in this order, for what is closed to everybody (section 2)."""
        if self.venue in CLOSED_VENUE:
            raise Refused(CLOSED_VENUE[self.venue])
        refuse_if(market.breaker_until_ns > 0, ErrorCode.SYMBOL_CLOSED)
        refuse_if(market.auction is not None, ErrorCode.NOT_ALLOWED_NOW)
        if market.status in CLOSED_SYMBOL:
            raise Refused(CLOSED_SYMBOL[market.status])

    # --- is the order sound -----------------------------------------------------------------------------

    def check_terms(self, source: int, market: Market, new: c.NewOrder) -> tuple[Order, bool]:
        """Check combination, prices, times and the band. Returns: the order, and whether its limit slid."""
        refuse_if(not fits_together(new, market, source), ErrorCode.UNSUPPORTED)
        refuse_if(new.ord_type in PRICED and not is_price(new.price), ErrorCode.PRICE_OFF_TICK)
        refuse_if(new.ord_type.is_stop and not is_price(new.stop_px), ErrorCode.PRICE_OFF_TICK)
        order = self.draft(source, market, new)
        if new.time_in_force is TimeInForce.GOOD_TILL_DATE:
            self.check_expiry(new.expire_time_ns)
        has_slid = self.slide(order)
        refuse_if(market.is_perpetual and not market.mark, ErrorCode.NOT_ALLOWED_NOW)
        check_band(order)
        order.limit = worst_price(order)
        return order, has_slid

    def draft(self, source: int, market: Market, new: c.NewOrder) -> Order:
        """Make the order a command describes."""
        order = Order(
            order_id=self.seq,
            priority=self.seq,
            source=source,
            account_id=new.account_id,
            market=market,
            side=new.side,
            ord_type=new.ord_type,
            time_in_force=new.time_in_force,
            order_qty=new.order_qty,
            leaves=new.order_qty,
            limit=new.price,
            stop_px=new.stop_px,
            max_floor=new.max_floor,
            min_qty=new.min_qty,
            peg_offset=new.peg_offset,
            stp_group=new.stp_group,
            exec_inst=new.exec_inst,
            trigger=Trigger.LAST if new.ord_type.is_stop and not new.trigger else new.trigger,
            peg=new.peg,
            stp=new.stp or SelfTrade.AGGRESSIVE,
        )
        order.maker_ppm, order.taker_ppm = self.rates_of(new.account_id, market)
        order.expire_time_ns = self.expiry(new.time_in_force, new.expire_time_ns)
        return order

    def expiry(self, time_in_force: TimeInForce, expire_time_ns: int) -> int:
        """When an order expires: a DAY order at the next midnight UTC; 0 for never."""
        is_day = time_in_force is TimeInForce.DAY
        return (self.ts_ns // DAY_NS + 1) * DAY_NS if is_day else expire_time_ns

    def check_expiry(self, expire_time_ns: int) -> None:
        refuse_if(expire_time_ns <= self.ts_ns, ErrorCode.STALE)
        refuse_if(expire_time_ns > limits.TIMESTAMP_NS_MAX, ErrorCode.UNSUPPORTED)

    def slide(self, order: Order) -> bool:
        """Move a post-only limit that would take one tick off the other side, when the order asks for that."""
        is_continuous = order.market.status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY)
        if not (order.slides and is_continuous and self.would_take(order, order.limit)):
            return False
        best = order.market.best(opposite(order.side))
        order.limit = best - 1 if order.side is BUY else best + 1
        refuse_if(not is_price(order.limit), ErrorCode.UNSUPPORTED)
        return True

    def check_sizes(self, order: Order, order_qty: int, floor: int) -> None:
        """Check quantity and notional against the instrument's bounds."""
        i = order.market.listing
        refuse_if(order_qty < i.min_qty, ErrorCode.SIZE_OFF_LOT)
        refuse_if(order_qty > i.max_qty, ErrorCode.EXCEEDS_LIMIT)
        refuse_if(max(order.max_floor, order.min_qty) > order_qty, ErrorCode.SIZE_OFF_LOT)
        # Not a million trades with one order.
        refuse_if(0 < floor * limits.TRANCHES_PER_ORDER_MAX < order_qty, ErrorCode.EXCEEDS_LIMIT)
        if order.limit:
            refuse_if(order.market.notional(order.limit, order_qty) > i.max_notional, ErrorCode.EXCEEDS_LIMIT)
            refuse_if(is_dust(order, order_qty), ErrorCode.EXCEEDS_LIMIT)

    def check_open_orders(self, order: Order) -> None:
        """Check how many orders are open."""
        symbols = self.open_of[order.account_id]
        in_symbol = len(symbols.get(order.market.symbol_id, ()))
        in_all = sum(len(orders) for orders in symbols.values())
        is_full = in_symbol >= self.parameter(Parameter.OPEN_ORDERS_PER_SYMBOL_MAX, order.account_id)
        is_full = is_full or in_all >= self.parameter(Parameter.OPEN_ORDERS_PER_ACCOUNT_MAX, order.account_id)
        may_be_open = order.time_in_force.may_rest or self.must_wait
        refuse_if(may_be_open and is_full, ErrorCode.EXCEEDS_LIMIT)
        refuse_if(order.is_pegged and self.has_many_pegs(order), ErrorCode.EXCEEDS_LIMIT)

    def has_many_pegs(self, order: Order) -> bool:
        """Tell whether account, firm or symbol has as many pegged orders as it may."""
        owners = [peg.account_id for peg in order.market.pegs.values()]
        firms = [self.accounts[owner].firm_id for owner in owners]
        return (
            owners.count(order.account_id) >= limits.PEGS_PER_ACCOUNT_MAX
            or firms.count(self.accounts[order.account_id].firm_id) >= limits.PEGS_PER_FIRM_MAX
            or len(owners) >= limits.PEGS_PER_SYMBOL_MAX
        )

    # --- what happens to an accepted order --------------------------------------------------------------

    def begin(self, order: Order, has_slid: bool) -> None:
        """Do with an accepted order what it asks for."""
        if not order.limit:
            return self.expire(order, ErrorCode.NO_LIQUIDITY)
        order.price = order.limit
        if has_slid:
            self.tell_slide(order)
        if order.is_waiting_stop:
            return self.wait_or_elect(order)
        self.clip(order)
        if not order.is_open:
            return None
        if order.is_pegged:
            return self.wait(order)
        if order.market.status is SymbolStatus.PRE_OPEN:
            return self.rest(order)
        return self.meet_book_in_turn(order, self.must_wait)

    def tell_slide(self, order: Order) -> None:
        sizes = (order.order_qty, order.leaves, order.limit, order.tranche)
        self.tell(e.OrderRestated(order.order_id, RestateReason.SLIDE, *sizes, released=0))


PRICED = (OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.PEGGED)
RESTING = (TimeInForce.DAY, TimeInForce.GOOD_TILL_CANCEL, TimeInForce.GOOD_TILL_DATE)
TIMES_IN_FORCE = {
    OrdType.MARKET: (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL),
    OrdType.LIMIT: tuple(TimeInForce),
    OrdType.STOP: RESTING,
    OrdType.STOP_LIMIT: RESTING,
    OrdType.PEGGED: RESTING,
}
EXEC_INSTS = {
    OrdType.MARKET: ExecInst.REDUCE_ONLY | ExecInst.LIQUIDATION,
    OrdType.LIMIT: ExecInst.POST_ONLY | ExecInst.SLIDE | ExecInst.REDUCE_ONLY | ExecInst.LIQUIDATION,
    OrdType.STOP: ExecInst.REDUCE_ONLY,
    OrdType.STOP_LIMIT: ExecInst.REDUCE_ONLY,
    OrdType.PEGGED: ExecInst.NONE,
}


def fits_together(new: c.NewOrder, market: Market, source: int) -> bool:
    """Tell whether the terms of an order go together, whatever the prices are."""
    kind, inst = new.ord_type, new.exec_inst
    post_only, reduce_only = ExecInst.POST_ONLY in inst, ExecInst.REDUCE_ONLY in inst
    is_ioc = new.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL
    takes_floor = kind in (OrdType.LIMIT, OrdType.STOP_LIMIT) and new.time_in_force in RESTING
    takes_min_qty = kind in (OrdType.MARKET, OrdType.LIMIT) and is_ioc
    return (
        new.time_in_force in TIMES_IN_FORCE[kind]
        and (kind in PRICED or new.price == 0)
        and (kind.is_stop or (new.stop_px == 0 and new.trigger is Trigger.NONE))
        and (kind is OrdType.PEGGED) == (new.peg is not Peg.NONE)
        and (new.peg_offset == 0 or (kind is OrdType.PEGGED and abs(new.peg_offset) <= limits.PRICE_TICKS_MAX))
        and (new.time_in_force is TimeInForce.GOOD_TILL_DATE) == (new.expire_time_ns != 0)
        and (new.max_floor == 0 or (new.max_floor > 0 and takes_floor))
        and (new.min_qty == 0 or (new.min_qty > 0 and takes_min_qty))
        and inst in EXEC_INSTS[kind]
        and not (post_only and (reduce_only or new.time_in_force not in RESTING))
        and (post_only or ExecInst.SLIDE not in inst)
        and (market.is_perpetual or not reduce_only)
        and (ExecInst.LIQUIDATION not in inst or (reduce_only and source == c.OPERATIONS))
    )


def is_price(ticks: int) -> bool:
    return 1 <= ticks <= limits.PRICE_TICKS_MAX


def worst_price(order: Order) -> int:
    """``w``: the worst price at which an order may trade; 0 for a market order that finds nobody."""
    if order.ord_type is OrdType.STOP:
        return order.market.moved(order.side, order.stop_px)
    if order.ord_type is not OrdType.MARKET:
        return order.limit
    best = order.market.best(opposite(order.side))
    return order.market.collared(order.side, order.market.moved(order.side, best)) if best else 0


def likely_price(order: Order) -> int:
    """The price by which the least worth of an order is judged, which is not its worst."""
    market = order.market
    if order.ord_type is OrdType.MARKET:
        return market.best(opposite(order.side)) or order.limit
    if order.ord_type is OrdType.STOP:
        return order.stop_px
    if order.is_pegged:
        d = sign(order.side)
        return d * min(d * order.limit, d * (market.mark or order.limit))
    return order.limit


def is_dust(order: Order, qty: int) -> bool:
    """Tell whether so many lots of an order are worth less than an order must be."""
    worth = order.market.notional(likely_price(order), qty)
    return worth < order.market.listing.min_notional and not order.is_reduce_only


def check_band(order: Order) -> None:
    """Check that a limit lies within the band of its reference, if it has one."""
    is_stop_limit = order.ord_type is OrdType.STOP_LIMIT
    is_limit = order.ord_type is OrdType.LIMIT or (is_stop_limit and order.is_triggered)
    reference = order.market.mark if is_limit else order.stop_px if is_stop_limit else 0
    refuse_if(not order.market.is_within_band(order.limit, reference), ErrorCode.PRICE_OUTSIDE_BAND)
