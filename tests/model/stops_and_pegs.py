"""What follows in the markets: stops are elected, pegged orders are priced (sections 6 and 7)."""

from __future__ import annotations

from engine.api import events as e
from engine.api import limits
from engine.api.enums import Peg, RestateReason, Side, Trigger
from tests.model.auction import Auctions
from tests.model.state import BUY, Market, Order, opposite, sign


class StopsAndPegs(Auctions):
    """Orders whose price depends on the market."""

    def what_follows(self) -> None:
        """Elect stops and price pegged orders, market by market."""
        for _, market in sorted(self.markets.items()):
            if (market.stops or market.pegs or market.unacted) and self.is_trading(market):
                self.follow_up(market)

    def follow_up(self, market: Market) -> None:
        """Elect stops until none is due, then price the pegged orders; again if those traded."""
        has_traded = True
        while has_traded:
            self.elect_stops(market)
            before = len(self.events)
            self.price_pegs(market)
            has_traded = any(isinstance(event, e.Traded) for event in self.events[before:])

    # --- stops ------------------------------------------------------------------------------------------

    def elect_stops(self, market: Market) -> None:
        """Elect stops one at a time; when none is due, what happened to prices is dealt with."""
        while stop := due_stop(market):
            if self.elections >= limits.ELECTIONS_PER_COMMAND_MAX:
                return
            self.elect(stop)
        market.unacted.clear()

    def elect(self, stop: Order) -> None:
        """Turn a stop into an order that trades up to its limit."""
        self.elections += 1
        self.leave_place(stop)
        stop.is_triggered, stop.price = True, stop.limit
        self.tell(e.OrderTriggered(stop.order_id, stop.price))
        self.clip(stop)
        if stop.is_open:
            self.match_and_rest(stop)

    def wait_or_elect(self, stop: Order) -> None:
        """Let a stop wait, unless the present last price or mark elects it at once."""
        market = stop.market
        present = market.last_px if stop.trigger is Trigger.LAST else market.mark
        if self.is_trading(market) and present and reaches(stop, present):
            self.elect(stop)
        else:
            self.wait(stop)

    # --- pegged orders ----------------------------------------------------------------------------------

    def price_pegs(self, market: Market) -> None:
        """Give every pegged order the price it should have now, in the order of their ids."""
        for order in sorted(market.pegs.values(), key=lambda order: order.order_id):
            if order.is_open and (price := peg_price(order)) != order.price:
                self.reprice(order, price)

    def reprice(self, order: Order, price: int) -> None:
        """Move a pegged order to another price, where it can meet other pegged orders only."""
        self.leave_place(order)
        order.price = price
        self.restate(order, RestateReason.PEG)
        if price:
            self.match_and_rest(order)


def reaches(stop: Order, price: int) -> bool:
    """Tell whether a price is at or beyond a stop's trigger price."""
    return price >= stop.stop_px if stop.side is BUY else price <= stop.stop_px


def due_stop(market: Market) -> Order | None:
    """The stop to elect next: LAST before MARK, buys before sells, the nearest trigger price, the oldest."""
    due = [
        stop
        for stop in market.stops.values()
        if stop.trigger in market.unacted and reaches(stop, market.unacted[stop.trigger][1 if stop.side is BUY else 0])
    ]
    return min(due, key=election_order, default=None)


def election_order(stop: Order) -> tuple[bool, bool, int, int]:
    # The lowest trigger price first among buys, the highest first among sells.
    price = stop.stop_px if stop.side is BUY else -stop.stop_px
    return stop.trigger is not Trigger.LAST, stop.side is not BUY, price, stop.order_id


def reference(market: Market, side: Side) -> int:
    """Best price of a side among orders that are not pegged; 0 when there is none."""
    for level, queue in market.books[side].items():
        if not all(order.is_pegged for order in queue):
            return abs(int(level))
    return 0


def peg_price(order: Order) -> int:
    """Where a pegged order belongs now; 0 when it has no price."""
    own, other = reference(order.market, order.side), reference(order.market, opposite(order.side))
    needed = {Peg.PRIMARY: (own,), Peg.MARKET: (other,), Peg.MID: (own, other)}[order.peg]
    if not all(needed):
        return 0
    # A buy aims low when it is in doubt, a sell high.
    d = sign(order.side)
    price = d * (d * sum(needed) // len(needed)) + order.peg_offset
    price = d * min(d * price, d * order.limit)
    if other:
        price = d * min(d * price, d * other - 1)
    return price if 1 <= price <= limits.PRICE_TICKS_MAX else 0
