"""What the exchange does with each command. To be read as its specification; the core does the same, faster.

A command becomes a record: the command and its events. State is what earlier records left behind. A command
that is refused changes nothing; it still takes a number.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from sortedcontainers import SortedDict

from engine.api import commands as c
from engine.api import events as e
from engine.api import limits
from engine.api.enums import AccountKind, OrderState, OrdType, SessionKind, Side, TimeInForce
from engine.api.instrument import Instrument
from engine.api.rejects import ErrorCode
from engine.api.wire import HEADER, HEADER_BYTES, crc32c, encode_event
from tests.model.commands import Refused, read_command, refuse_if
from tests.model.registration import MILLION, Registrations, ceil_div


@dataclass
class Order:
    """An accepted order, open or closed."""

    order_id: int
    account_id: int
    instrument: Instrument
    side: Side
    price: int  # the worst it trades at; 0 for a market order that found nobody
    order_qty: int
    leaves: int
    per_lot: int  # minor units locked for each lot of leaves
    state: OrderState = OrderState.PENDING


class Exchange(Registrations):
    """The state, and :meth:`apply`, the only way it changes."""

    def __init__(self) -> None:
        super().__init__()
        self.seq = 0
        self.event_ts_ns = 0
        self.prev_crc = 0
        self.orders: dict[int, Order] = {}  # by order_id, closed ones included
        self.named: dict[tuple[int, str], Order] = {}  # by session and ClOrdID, those of accepted cancels included
        self.books: defaultdict[tuple[int, Side], SortedDict] = defaultdict(
            SortedDict
        )  # rank of a price -> orders, first in first
        self.open: Counter[tuple[int, ...]] = Counter()  # by account, and by account and symbol

    def apply(self, now_ns: int, frame: bytes, batch_index: int = 0) -> bytes:
        """Apply one sound command frame and return its record."""
        source, source_seq = HEADER.unpack_from(frame)[5:7]
        raw = frame[HEADER_BYTES:]
        self.seq += 1
        events = self.decide(source, raw)
        ts_ns = max(now_ns, self.event_ts_ns + 1)  # event i happens at ts_ns + i, so that event times rise
        self.event_ts_ns = ts_ns + len(events) - 1
        body = raw + b"".join(map(encode_event, events))
        length = HEADER_BYTES + len(body)
        stamp = (self.seq, ts_ns, self.prev_crc, source, source_seq, len(raw), batch_index, len(events))
        record = HEADER.pack(length, 0, *stamp) + body
        self.prev_crc = crc32c(record[8:])
        return record[:4] + self.prev_crc.to_bytes(4, "little") + record[8:]

    def decide(self, source: int, raw: bytes) -> list[e.Event]:
        """Decide one command."""
        try:
            match read_command(raw):
                case c.NewOrder() as order:
                    return self.new_order(source, order)
                case c.CancelOrder() as cancel:
                    return [self.cancel_order(source, cancel)]
                case c.RequestOrderStatus() as request:
                    return [status(self.find_order(source, request.order_id, request.cl_ord_id))]
                case c.RefuseOrder() as refusal:
                    return [e.OrderRejected(0, refusal.code)]
                case command:
                    refuse_if(source != c.OPERATIONS, ErrorCode.NOT_AUTHORISED)
                    return [self.register(command)]
        except Refused as refused:
            return [e.CommandRefused(refused.code)]

    # --- orders -----------------------------------------------------------------------------------------

    def new_order(self, source: int, new: c.NewOrder) -> list[e.Event]:
        """Accept an order and match it, or reject it."""
        known = self.named.get((source, new.cl_ord_id))
        if known is not None:
            duplicate = e.OrderRejected(known.order_id, ErrorCode.DUPLICATE_CL_ORD_ID)
            return [status(known) if new.poss_resend else duplicate]
        try:
            order = self.admit(source, new)
        except Refused as refused:
            return [e.OrderRejected(0, refused.code)]
        self.orders[order.order_id] = self.named[source, new.cl_ord_id] = order
        reserved = order.leaves * order.per_lot
        self.move_to_locked(order, reserved)
        return [e.OrderAccepted(order.order_id, reserved), *self.match(order, new.time_in_force)]

    def admit(self, source: int, new: c.NewOrder) -> Order:
        """Check an order; the first failure decides (ORD-01)."""
        firm_id = self.firm_of(source)
        refuse_if(firm_id is None, ErrorCode.NOT_AUTHORISED)
        account = self.accounts.get(new.account_id)
        if account is None or account.kind is AccountKind.SYSTEM:
            raise Refused(ErrorCode.UNKNOWN_ACCOUNT)
        refuse_if(account.firm_id != firm_id, ErrorCode.NOT_AUTHORISED)
        i = self.instruments.get(new.symbol_id)
        if i is None:
            raise Refused(ErrorCode.UNKNOWN_SYMBOL)
        gtc = new.time_in_force is TimeInForce.GOOD_TILL_CANCEL
        if new.ord_type is OrdType.MARKET:
            refuse_if(new.price != 0 or gtc, ErrorCode.UNSUPPORTED)
            price = self.protection_price(i, new.side)
        else:
            refuse_if(not 1 <= new.price <= limits.PRICE_TICKS_MAX, ErrorCode.PRICE_OFF_TICK)
            price = new.price
        refuse_if(new.order_qty < i.min_qty, ErrorCode.SIZE_OFF_LOT)
        refuse_if(new.order_qty > i.max_qty, ErrorCode.EXCEEDS_LIMIT)
        notional = price * new.order_qty * self.tick_lot_minor(i)
        refuse_if(price > 0 and not i.min_notional <= notional <= i.max_notional, ErrorCode.EXCEEDS_LIMIT)
        per_lot = self.per_lot(i, new.side, price) if price > 0 else 0
        order = Order(self.seq, new.account_id, i, new.side, price, new.order_qty, new.order_qty, per_lot)
        refuse_if(new.order_qty * per_lot > self.available[reserved_in(order)], ErrorCode.INSUFFICIENT_BALANCE)
        too_many = (
            self.open[new.account_id, new.symbol_id] >= limits.OPEN_ORDERS_PER_SYMBOL_MAX
            or self.open[new.account_id,] >= limits.OPEN_ORDERS_PER_ACCOUNT_MAX
        )
        refuse_if(gtc and too_many, ErrorCode.EXCEEDS_LIMIT)
        return order

    def protection_price(self, i: Instrument, side: Side) -> int:
        """Worst price of a market order: the best opposite price moved by the band (RES-09); 0 when there is none."""
        other_side = self.books[i.symbol_id, opposite(side)]
        if not other_side:
            return 0
        best: int = abs(other_side.keys()[0])
        if side is Side.BUY:
            return min(best * (MILLION + i.band_ppm) // MILLION, limits.PRICE_TICKS_MAX)
        return max(ceil_div(best * (MILLION - i.band_ppm), MILLION), 1)

    def match(self, order: Order, time_in_force: TimeInForce) -> list[e.Event]:
        """Match at the makers' prices, best first, first in first out; then rest, cancel or expire the remainder."""
        if order.price == 0:
            return [self.close(order, OrderState.EXPIRED, ErrorCode.NO_LIQUIDITY)]
        if time_in_force is TimeInForce.FILL_OR_KILL and not self.is_fillable(order):
            return [self.close(order, OrderState.EXPIRED, ErrorCode.FOK_UNFILLABLE)]
        events: list[e.Event] = []
        while order.leaves > 0 and (maker := self.next_maker(order)) is not None:
            if maker.account_id == order.account_id:
                return [*events, self.close(order, OrderState.CANCELED, ErrorCode.SELF_TRADE)]
            if len(events) == limits.TRADES_PER_COMMAND_MAX:
                return [*events, self.close(order, OrderState.CANCELED, ErrorCode.EXCEEDS_LIMIT)]
            events.append(self.trade(order, maker))
        if order.leaves == 0:
            return events
        if time_in_force is TimeInForce.GOOD_TILL_CANCEL:
            self.rest(order)
            return events
        return [*events, self.close(order, OrderState.EXPIRED, ErrorCode.IOC_REMAINDER)]

    def makers(self, order: Order) -> list[Order]:
        """Orders of the other side at acceptable prices, in the order they would trade."""
        book = self.books[order.instrument.symbol_id, opposite(order.side)]
        worst = rank(opposite(order.side), order.price)
        return [maker for level in book.irange(maximum=worst) for maker in book[level]]

    def next_maker(self, order: Order) -> Order | None:
        """The first of :meth:`makers`."""
        book = self.books[order.instrument.symbol_id, opposite(order.side)]
        level = next(iter(book), None)
        crosses = level is not None and level <= rank(opposite(order.side), order.price)
        return book[level][0] if crosses else None

    def is_fillable(self, order: Order) -> bool:
        """Tell whether enough lots stand before the first own order."""
        lots = 0
        for maker in self.makers(order)[: limits.TRADES_PER_COMMAND_MAX]:
            if maker.account_id == order.account_id:
                break
            lots += maker.leaves
        return lots >= order.leaves

    def trade(self, taker: Order, maker: Order) -> e.Traded:
        """Trade at the maker's price and settle at once (TRD-03, TRD-07)."""
        i = taker.instrument
        base, quote = i.base_asset_id, i.quote_asset_id
        qty = min(taker.leaves, maker.leaves)
        notional = maker.price * qty * self.tick_lot_minor(i)
        taker_fee, maker_fee = self.fee(i, notional, i.taker_ppm), self.fee(i, notional, i.maker_ppm)
        buyer, buyer_fee, seller, seller_fee = taker, taker_fee, maker, maker_fee
        if taker.side is Side.SELL:
            buyer, buyer_fee, seller, seller_fee = maker, maker_fee, taker, taker_fee
        buyer_released = qty * buyer.per_lot
        self.locked[buyer.account_id, quote] -= buyer_released
        self.available[buyer.account_id, quote] += buyer_released - (notional + buyer_fee)
        self.available[buyer.account_id, base] += qty * self.lot_minor(i)
        self.locked[seller.account_id, base] -= qty * self.lot_minor(i)
        self.available[seller.account_id, quote] += notional - seller_fee
        self.available[i.fee_account_id, quote] += taker_fee + maker_fee
        for order in (taker, maker):
            order.leaves -= qty
            order.state = OrderState.PARTIAL if order.leaves else OrderState.FILLED
        if maker.leaves == 0:
            self.remove(maker)
        sizes = (maker.price, qty, taker.leaves, maker.leaves)
        parties = (taker.account_id, maker.account_id, i.symbol_id, taker.side)
        return e.Traded(taker.order_id, maker.order_id, *sizes, *parties, taker_fee, maker_fee, buyer_released)

    def rest(self, order: Order) -> None:
        """Put an order behind all others of its price."""
        book = self.books[order.instrument.symbol_id, order.side]
        book.setdefault(rank(order.side, order.price), []).append(order)
        self.open.update([(order.account_id,), (order.account_id, order.instrument.symbol_id)])

    def remove(self, order: Order) -> None:
        """Take an order out of the book."""
        book, level = self.books[order.instrument.symbol_id, order.side], rank(order.side, order.price)
        book[level].remove(order)
        if not book[level]:
            del book[level]
        self.open.subtract([(order.account_id,), (order.account_id, order.instrument.symbol_id)])

    def close(self, order: Order, state: OrderState, code: ErrorCode) -> e.OrderCanceled | e.OrderExpired:
        """End an order that is not filled, and give back what its leaves had locked."""
        order.state = state
        released = order.leaves * order.per_lot
        self.move_to_locked(order, -released)
        event = e.OrderCanceled if state is OrderState.CANCELED else e.OrderExpired
        return event(order.order_id, order.leaves, released, code)

    def move_to_locked(self, order: Order, amount: int) -> None:
        """Move what an order reserves from available to locked."""
        self.available[reserved_in(order)] -= amount
        self.locked[reserved_in(order)] += amount

    # --- requests about an order ------------------------------------------------------------------------

    def cancel_order(self, source: int, cancel: c.CancelOrder) -> e.Event:
        """Cancel an open order of the source's firm."""
        target = self.find_order(source, cancel.order_id, cancel.orig_cl_ord_id)
        if target is not None and not is_as_described(cancel, target):
            target = None
        known = self.named.get((source, cancel.cl_ord_id))
        if known is not None and cancel.poss_resend:
            return status(known)
        order_id, state = (0, OrderState.UNKNOWN) if target is None else (target.order_id, target.state)
        if known is not None:
            return e.CancelRejected(order_id, ErrorCode.DUPLICATE_CL_ORD_ID, state)
        if target is None:
            return e.CancelRejected(order_id, ErrorCode.UNKNOWN_ORDER, state)
        if not target.state.is_open:
            return e.CancelRejected(order_id, ErrorCode.TOO_LATE, state)
        self.named[source, cancel.cl_ord_id] = target
        self.remove(target)
        return self.close(target, OrderState.CANCELED, ErrorCode.USER_REQUESTED)

    def find_order(self, source: int, order_id: int, cl_ord_id: str) -> Order | None:
        """Find an order of the source's firm by its id, or else by the source's own ClOrdID."""
        order = self.orders.get(order_id) if order_id else self.named.get((source, cl_ord_id))
        firm_id = self.firm_of(source)
        if order is None or firm_id is None or self.accounts[order.account_id].firm_id != firm_id:
            return None
        return order

    def firm_of(self, source: int) -> int | None:
        """The firm for which a source may enter orders and ask about them."""
        session = self.sessions.get(source)
        return session.firm_id if session and session.kind is SessionKind.ORDER_ENTRY else None


def is_as_described(cancel: c.CancelOrder, order: Order) -> bool:
    """Tell whether what a cancel says about its order, where it says anything, is so."""
    said = (cancel.account_id, cancel.symbol_id, cancel.side)
    is_so = (order.account_id, order.instrument.symbol_id, order.side)
    return all(a in (c.ABSENT, b) for a, b in zip(said, is_so, strict=True))


def status(order: Order | None) -> e.StatusReported:
    """Report an order's state, or that there is no such order."""
    return e.StatusReported(order.order_id, order.state) if order else e.StatusReported(0, OrderState.UNKNOWN)


def reserved_in(order: Order) -> tuple[int, int]:
    """The account and asset in which an order locks."""
    i = order.instrument
    return order.account_id, i.quote_asset_id if order.side is Side.BUY else i.base_asset_id


def opposite(side: Side) -> Side:
    """The side an order trades against."""
    return Side.SELL if side is Side.BUY else Side.BUY


def rank(side: Side, price: int) -> int:
    """Place of a price on its side: the lower the better."""
    return -price if side is Side.BUY else price
