"""The opening auction: a crossed book is uncrossed at one price (section 2)."""

from __future__ import annotations

from engine.api import events as e
from engine.api.enums import Side, SymbolStatus
from engine.api.rejects import ErrorCode
from tests.model.book import front
from tests.model.overlap import Overlap, place
from tests.model.state import BUY, SELL, Auction, Market, Netting, Order, Walk, rank

LOTS_TOLD_MAX = 2**63 - 1


class Auctions(Overlap):
    """Uncrossing of books."""

    def set_symbol_status(self, market: Market, status: SymbolStatus) -> None:
        """Give a symbol a status; when it opens with orders that meet, these are uncrossed first."""
        opens = status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY) and status is not market.status
        if market.auction and market.auction.price:
            market.auction.target = status  # when the trades that are decided are told
            return self.tell(e.SymbolStatusSet(market.symbol_id, market.status))
        market.auction = None
        if opens and (is_crossed(market) or market.in_hand):
            market.auction = Auction(status)
            self.go_on_uncrossing(market)
            if market.auction is None:
                return None
            status = SymbolStatus.PRE_OPEN
        market.status = status
        return self.tell(e.SymbolStatusSet(market.symbol_id, status))

    def go_on_uncrossing(self, market: Market) -> None:
        """Go on with an auction as far as the steps reach; when the book is no longer crossed, the status follows."""
        assert market.auction is not None
        if not market.auction.price:
            if self.withdrawals or self.moves or (self.expiring and self.expiring[0][0] <= self.ts_ns):
                return  # Orders that are out would make the price.
            if not (self.place_all(market) and self.net_overlap(market)):
                return
        if self.uncross(market):
            market.status, market.auction = market.auction.target, None
            self.tell(e.SymbolStatusSet(market.symbol_id, market.status))

    def place_all(self, market: Market) -> bool:
        """Let the orders in hand rest. Returns: whether the steps sufficed."""
        assert market.auction is not None
        while market.in_hand:
            if not self.step():
                return False
            order = market.in_hand[0]
            if order.rests:
                self.leave_place(order)
                self.rest(order)
                market.auction.netting = Netting()
            else:
                self.expire(order, ErrorCode.IOC_REMAINDER)
        return True

    def uncross(self, market: Market) -> bool:
        """Trade until the book is no longer crossed. Returns: whether the steps sufficed."""
        auction = market.auction
        assert auction is not None
        while True:
            if not auction.price:
                if not self.settle_excess(market):
                    return False
                if not is_crossed(market):
                    return True
                if not self.walk_on(market, auction):
                    return False
                auction.price, volume = auction_price(market)
                auction.walk = None
                self.tell(e.Uncrossed(market.symbol_id, auction.price, min(volume, LOTS_TOLD_MAX)))
            while pair := front_pair(market, auction.price):
                if self.steps == 0:
                    return False
                self.meet_in_auction(*pair, auction.price)
            auction.price = 0

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
        maker, taker = sorted((bid, ask), key=place)
        if self.is_out(bid) or self.is_out(ask):
            self.steps -= 1
            self.dismiss(bid if self.is_out(bid) else ask)
        elif unable := self.unable(maker, taker, price, min(bid.leaves, ask.leaves)):
            self.steps -= 1
            self.cancel(unable, ErrorCode.INSUFFICIENT_BALANCE)
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


def auction_price(market: Market) -> tuple[int, int]:
    """The price of an auction, and its volume, sought among the prices of all levels from the best ask to the best bid.

    Most volume, then least surplus; what then is left lies on one side: a surplus of bids presses up, one of asks down;
    else the nearest to the reference, else the lowest.
    """
    bids = {-level: sum(order.leaves for order in queue) for level, queue in market.books[BUY].items()}
    asks = {level: sum(order.leaves for order in queue) for level, queue in market.books[SELL].items()}
    prices = sorted(p for p in {*bids, *asks} if market.best(SELL) <= p <= market.best(BUY))
    demand = {p: sum(lots for bid, lots in bids.items() if bid >= p) for p in prices}
    supply = {p: sum(lots for ask, lots in asks.items() if ask <= p) for p in prices}
    volume = max(min(demand[p], supply[p]) for p in prices)
    prices = [p for p in prices if min(demand[p], supply[p]) == volume]
    least = min(abs(demand[p] - supply[p]) for p in prices)
    prices = [p for p in prices if abs(demand[p] - supply[p]) == least]
    if all(demand[p] > supply[p] for p in prices):
        return prices[-1], volume
    if all(demand[p] < supply[p] for p in prices):
        return prices[0], volume
    reference = market.mark or market.last_px
    return min(prices, key=lambda p: (abs(p - reference) if reference else 0, p)), volume
