"""The opening auction: a crossed book is uncrossed at one price (section 2)."""

from __future__ import annotations

from engine.api import events as e
from engine.api.enums import SelfTrade, Side, SymbolStatus
from engine.api.rejects import ErrorCode
from tests.model.book import front
from tests.model.matching import Matching
from tests.model.state import BUY, SELL, Auction, Market, Order, Walk, rank

LOTS_TOLD_MAX = 2**63 - 1


class Auctions(Matching):
    """Uncrossing of books."""

    def set_symbol_status(self, market: Market, status: SymbolStatus) -> None:
        """Give a symbol a status; when it opens with orders that meet, these are uncrossed first."""
        opens = status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY) and status is not market.status
        market.auction = None
        if opens and (is_crossed(market) or market.in_hand):
            market.auction = Auction(status)
            self.go_on_uncrossing(market)
            if market.auction is None:
                return
            status = SymbolStatus.PRE_OPEN
        market.status = status
        self.tell(e.SymbolStatusSet(market.symbol_id, status))

    def go_on_uncrossing(self, market: Market) -> None:
        """Go on with an auction as far as the steps reach; when the book is no longer crossed, the status follows."""
        if self.withdrawals or (self.expiring and self.expiring[0][0] <= self.ts_ns):
            return  # Orders that are out would make the price.
        if self.place_all(market) and self.uncross(market):
            assert market.auction is not None
            market.status, market.auction = market.auction.target, None
            self.tell(e.SymbolStatusSet(market.symbol_id, market.status))

    def place_all(self, market: Market) -> bool:
        """Let the orders in hand rest. Returns: whether the steps sufficed."""
        while market.in_hand:
            if not self.step():
                return False
            order = market.in_hand[0]
            if order.rests:
                self.leave_place(order)
                self.rest(order)
            else:
                self.expire(order, ErrorCode.IOC_REMAINDER)
        return True

    def uncross(self, market: Market) -> bool:
        """Trade until the book is no longer crossed. Returns: whether the steps sufficed."""
        auction = market.auction
        assert auction is not None
        while auction.price or is_crossed(market):
            if not auction.price:
                if not self.walk_on(market, auction):
                    return False
                assert auction.walk is not None
                auction.price, volume = auction_price(market, auction.walk), auction.walk.volume
                auction.walk = None
                self.tell(e.Uncrossed(market.symbol_id, auction.price, min(volume, LOTS_TOLD_MAX)))
            while True:
                if not self.settle_excess(market):
                    return False
                if (pair := front_pair(market, auction.price)) is None:
                    break
                if self.steps == 0:
                    return False
                self.meet_in_auction(*pair, auction.price)
            auction.price = 0
        return True

    def walk_on(self, market: Market, auction: Auction) -> bool:
        """Trade the best levels of both sides on paper until they meet no more. Returns: whether the steps sufficed."""
        if auction.walk is None:
            bid, ask = market.best(BUY), market.best(SELL)
            auction.walk = Walk(0, bid, lots_at(market, BUY, bid), ask, lots_at(market, SELL, ask))
        w = auction.walk
        while w.bid and w.ask and w.bid >= w.ask:
            if not self.look():
                return False
            lots = min(w.bid_lots, w.ask_lots)
            w.volume, w.last_bid, w.last_ask = w.volume + lots, w.bid, w.ask
            w.bid_lots, w.ask_lots = w.bid_lots - lots, w.ask_lots - lots
            if w.bid_lots == 0:
                w.bid = beyond(market, BUY, w.bid)
                w.bid_lots = lots_at(market, BUY, w.bid)
            if w.ask_lots == 0:
                w.ask = beyond(market, SELL, w.ask)
                w.ask_lots = lots_at(market, SELL, w.ask)
        return True

    def meet_in_auction(self, bid: Order, ask: Order, price: int) -> None:
        """Do one thing with the front orders of both sides: one step."""
        maker, taker = sorted((bid, ask), key=lambda order: (order.priority, order.order_id))
        if self.is_out(bid) or self.is_out(ask):
            self.steps -= 1
            self.dismiss(bid if self.is_out(bid) else ask)
        elif self.is_self_trade(taker, maker):
            self.steps -= taker.stp is SelfTrade.AGGRESSIVE
            self.prevent(taker, maker)
        else:
            self.trade(taker, maker, price, min(bid.leaves, ask.leaves), is_auction=True)


def is_crossed(market: Market) -> bool:
    """Tell whether the best bid is at or above the best ask."""
    return market.best(SELL) > 0 and market.best(BUY) >= market.best(SELL)


def front_pair(market: Market, price: int) -> tuple[Order, Order] | None:
    """The front orders of both sides, unless one of them lies beyond the price or is missing."""
    bid, ask = front(market, BUY), front(market, SELL)
    return (bid, ask) if bid and ask and bid.price >= price >= ask.price else None


def lots_at(market: Market, side: Side, price: int) -> int:
    """What stands at a price, hidden quantity included."""
    return sum(order.leaves for order in market.books[side].get(rank(side, price), ()))


def beyond(market: Market, side: Side, price: int) -> int:
    """The next price of a side after one, 0 when there is none."""
    levels = market.books[side].irange(rank(side, price), inclusive=(False, True))
    return abs(int(next(iter(levels), 0)))


def depth(market: Market, side: Side, price: int) -> int:
    """What a side would trade at a price: all its orders at it or better."""
    levels = market.books[side].irange(None, rank(side, price))
    return sum(order.leaves for level in levels for order in market.books[side][level])


def auction_price(market: Market, walk: Walk) -> int:
    """The price of the largest volume: ties to the smallest surplus, the nearest to the reference, the lowest.

    The largest volume is traded from the last ask of the walk to its last bid, and nowhere else. Between
    them the surplus grows with each further level, so that only these two and the next levels come into question.
    """
    reference = market.mark or market.last_px
    low, high = walk.last_ask, walk.last_bid
    candidates = {low, high, beyond(market, BUY, high), beyond(market, SELL, low)}

    def merit(price: int) -> tuple[int, int, int]:
        surplus = abs(depth(market, BUY, price) - depth(market, SELL, price))
        return surplus, abs(price - reference) if reference else 0, price

    return min(merit(price) for price in candidates if low <= price <= high)[2]


def price_by_definition(market: Market) -> tuple[int, int]:
    """The price of the largest volume, and that volume, sought among all levels."""
    reference = market.mark or market.last_px

    def merit(price: int) -> tuple[int, int, int, int]:
        bids, asks = depth(market, BUY, price), depth(market, SELL, price)
        return -min(bids, asks), abs(bids - asks), abs(price - reference) if reference else 0, price

    levels = {abs(level) for side in (BUY, SELL) for level in market.books[side]}
    best = min(merit(price) for price in levels if market.best(SELL) <= price <= market.best(BUY))
    return best[3], -best[0]
