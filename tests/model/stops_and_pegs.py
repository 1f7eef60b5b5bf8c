"""What follows in the markets: turns are taken, stops elected, pegged orders priced (sections 6 and 7)."""

from __future__ import annotations

from engine.api import events as e
from engine.api import limits
from engine.api.enums import OrdType, Peg, RestateReason, Side, SymbolStatus, TimeInForce, Trigger
from engine.api.rejects import ErrorCode
from tests.model.auction import Auctions
from tests.model.state import BUY, SELL, Market, Order, opposite, sign


class StopsAndPegs(Auctions):
    """Orders whose price or whose turn depends on the market."""

    def what_follows(self) -> None:
        """Go on with what is left to do in the markets, one after the other, from where the last record stopped."""
        if self.steps == 0:
            return
        for _, market in sorted(self.markets.items(), key=lambda item: (item[0] < self.turn, item[0])):
            if not self.has_work(market):
                continue
            needs_more = self.work_on(market)
            if needs_more or self.steps == 0:
                # An order that needs more steps than there are comes first next time.
                self.turn = market.symbol_id + (not needs_more)
                return
        self.turn = 0

    def work_on(self, market: Market) -> bool:
        """Go on in one market. Returns: whether its next order needs more steps than there are."""
        if market.is_delisted:
            self.clear_delisted(market)
            return False
        if market.auction is not None:
            self.go_on_uncrossing(market)
        if not self.settle_excess(market):
            return False
        while self.has_work(market) and self.is_trading(market):
            if not self.settle_excess(market):
                return False
            # One that was interrupted goes on; then comes what follows from it; then who came after.
            if not market.has_begun and not (self.elect_stops(market) and self.price_pegs(market)):
                return False
            if market.in_hand and (market.has_begun or not self.has_more_urgent_work(market)):
                if self.steps < self.steps_needed(market.in_hand[0]):
                    return self.steps > 0
                self.take_turn(market.in_hand[0])
        return False

    def has_work(self, market: Market) -> bool:
        """Tell whether something is left to do in a market."""
        if market.is_delisted:
            return any(order.market is market for order in self.open.values())
        if market.auction is not None or self.excess(market):
            return True
        return self.is_trading(market) and (bool(market.in_hand) or self.has_more_urgent_work(market))

    def has_more_urgent_work(self, market: Market) -> bool:
        """Tell whether something comes before the orders in hand that have not begun their turn."""
        is_led = bool(market.pegs) and (next_peg(market) is not None or references(market) != market.peg_references)
        return bool(due_stop(market) or is_led or self.excess(market))

    def find_whether_to_wait(self, market: Market) -> None:
        """Let what the command enters in a market wait, if something is left to do there that came before."""
        self.must_wait = self.is_trading(market) and self.has_work(market)

    def clear_delisted(self, market: Market) -> None:
        """Cancel what a delisting has left: bids, asks, pegs, stops, orders in hand."""
        stops = sorted(market.stops.values(), key=election_order)
        outside = [order for order in self.open.values() if order.market is market and order.is_outside]
        placed = [order for side in (BUY, SELL) for queue in market.books[side].values() for order in queue]
        for order in [*placed, *sorted(market.pegs.values(), key=by_priority), *stops, *market.in_hand, *outside]:
            if order.is_open:
                if not self.step():
                    return
                self.cancel(order, ErrorCode.DELISTED)

    # --- turns ------------------------------------------------------------------------------------------

    def steps_needed(self, order: Order) -> int:
        """Steps that must be left for an order to take its turn."""
        is_whole = order.time_in_force is TimeInForce.FILL_OR_KILL or order.min_qty > 0
        return self.fill_steps_max if is_whole and not self.is_out(order) else 1

    def take_turn(self, order: Order) -> None:
        """Let an order in hand meet the book: a step, and those of its matching."""
        self.steps -= 1
        if self.is_out(order):
            return self.dismiss(order)
        self.leave_place(order)
        self.clip(order)
        return self.meet_book(order) if order.is_open else None

    def meet_book_in_turn(self, order: Order, must_wait: bool) -> None:
        """Let an order meet the book, after what came before it. An elected stop comes before all others."""
        lacks_steps = self.steps < self.steps_needed(order)
        if (must_wait or lacks_steps) and self.is_trading(order.market):
            return self.take_in_hand(order, at_front=not must_wait)
        return self.meet_book(order)

    def meet_book(self, order: Order) -> None:
        """Match an order, unless it must not take, or must be filled and cannot be."""
        if order.is_post_only and self.would_take(order, order.price):
            return self.cancel(order, ErrorCode.POST_ONLY_WOULD_TAKE)
        is_fok = order.time_in_force is TimeInForce.FILL_OR_KILL
        if is_fok and not self.can_fill(order, order.leaves):
            return self.expire(order, ErrorCode.FOK_UNFILLABLE)
        if order.min_qty and not self.can_fill(order, order.min_qty):
            return self.expire(order, ErrorCode.MIN_QTY_UNFILLABLE)
        order.min_qty = 0
        return self.match_and_rest(order)

    def bring_back(self, order: Order) -> None:
        """Let an order come back as one that has lost its priority does."""
        market = order.market
        self.find_whether_to_wait(market)
        self.leave_place(order)
        order.priority, order.is_outside = self.seq, False
        self.tell_moved(order, RestateReason.RESUMED)
        if order.is_waiting_stop:
            return self.wait_or_elect(order)
        if order.is_pegged:
            return self.wait(order)
        if not market.is_within_band(order.price, market.mark):
            return self.cancel(order, ErrorCode.PRICE_OUTSIDE_BAND)
        self.clip(order)
        if not order.is_open:
            return None
        if self.is_trading(market):
            return self.meet_book_in_turn(order, self.must_wait)
        if market.status is SymbolStatus.PRE_OPEN and market.auction is None and order.rests:
            return self.rest(order)
        return self.take_in_hand(order)

    # --- stops ------------------------------------------------------------------------------------------

    def elect_stops(self, market: Market) -> bool:
        """Elect stops until none is due, or an order waits for its turn.

        Returns: whether the steps sufficed.
        """
        while not market.has_begun and (stop := due_stop(market)):
            if not self.step():
                return False
            if self.is_out(stop):
                self.dismiss(stop)
            else:
                self.elect(stop)
        return True

    def elect(self, stop: Order, must_wait: bool = False) -> None:
        """Turn a stop into an order that trades up to its limit, behind others if it must."""
        self.leave_place(stop)
        market, is_limit = stop.market, stop.ord_type is OrdType.STOP_LIMIT
        best = market.best(opposite(stop.side))
        collars = [stop.limit, market.moved(stop.side, best)] if best else [stop.limit]
        stop.is_triggered, stop.price = True, stop.limit if is_limit else market.collared(stop.side, *collars)
        stop.priority = self.seq
        self.tell(e.OrderTriggered(stop.order_id, stop.price))
        if is_limit and not market.is_within_band(stop.price, market.mark):
            return self.cancel(stop, ErrorCode.PRICE_OUTSIDE_BAND)
        self.clip(stop)
        return self.meet_book_in_turn(stop, must_wait) if stop.is_open else None

    def wait_or_elect(self, stop: Order) -> None:
        """Let a stop wait, unless the present last price or mark elects it at once."""
        market = stop.market
        if self.is_trading(market) and is_due(stop):
            self.elect(stop, self.must_wait)
        else:
            self.wait(stop)

    # --- pegged orders ----------------------------------------------------------------------------------

    def price_pegs(self, market: Market) -> bool:
        """Give every pegged order the price it should have now, by priority from where the last record stopped.

        Returns: whether the steps sufficed.
        """
        if market.has_begun or not market.pegs:
            return True
        if not self.clear_fronts(market):
            return False
        if references(market) != market.peg_references:
            market.peg_references, market.peg_next = references(market), (0, 0)
        while not market.has_begun and (order := next_peg(market)):
            if not self.look():
                return False
            price = peg_price(order)
            if (self.is_out(order) or price != order.price) and not self.step():
                return False
            market.peg_next = (order.priority, order.order_id + 1)
            if self.is_out(order):
                self.dismiss(order)
            elif price != order.price:
                self.reprice(order, price)
        return True

    def reprice(self, order: Order, price: int) -> None:
        """Move a pegged order to another price, where it can meet other pegged orders only."""
        self.leave_place(order)
        order.price = price
        self.restate(order, RestateReason.PEG)
        if price:
            self.match_and_rest(order)


def is_due(stop: Order) -> bool:
    """Tell whether the present last price or mark is at or beyond a stop's trigger price."""
    price = stop.market.last_px if stop.trigger is Trigger.LAST else stop.market.mark
    return 0 < price <= stop.stop_px if stop.side is SELL else price >= stop.stop_px


def due_stop(market: Market) -> Order | None:
    """The stop to elect next: LAST before MARK, buys before sells, the nearest trigger price, the oldest."""
    return min(filter(is_due, market.stops.values()), key=election_order, default=None)


def election_order(stop: Order) -> tuple[bool, bool, int, int, int]:
    # The lowest trigger price first among buys, the highest first among sells.
    price = stop.stop_px if stop.side is BUY else -stop.stop_px
    return stop.trigger is not Trigger.LAST, stop.side is not BUY, price, *by_priority(stop)


def by_priority(order: Order) -> tuple[int, int]:
    return order.priority, order.order_id


def next_peg(market: Market) -> Order | None:
    """The pegged order that this round prices next."""
    left = [peg for peg in market.pegs.values() if by_priority(peg) >= market.peg_next]
    return min(left, key=by_priority, default=None)


def references(market: Market) -> tuple[int, int, int]:
    """Best bid and ask among orders that are neither pegged nor reduce-only, and the mark; 0 when there is none."""
    return reference(market, BUY), reference(market, SELL), market.mark


def reference(market: Market, side: Side) -> int:
    """Best price of a side among orders that lead pegs; 0 when there is none."""
    for level, queue in market.books[side].items():
        if not all(order.is_pegged or order.is_reduce_only for order in queue):
            return abs(int(level))
    return 0


def peg_price(order: Order) -> int:
    """Where a pegged order belongs in this round; 0 when it has no price."""
    if order.is_outside:
        return 0
    bid, ask, mark = order.market.peg_references
    own, other = (bid, ask) if order.side is BUY else (ask, bid)
    needed = {Peg.PRIMARY: (own,), Peg.MARKET: (other,), Peg.MID: (own, other)}[order.peg]
    if not all(needed):
        return 0
    # A buy aims low when it is in doubt, a sell high.
    d = sign(order.side)
    price = d * (d * sum(needed) // len(needed)) + order.peg_offset
    price = d * min(d * price, d * order.limit)
    if other:
        price = d * min(d * price, d * other - 1)
    is_price = 1 <= price <= limits.PRICE_TICKS_MAX
    return price if is_price and order.market.is_within_band(price, mark) else 0
