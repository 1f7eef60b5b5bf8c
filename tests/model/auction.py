"""The opening auction: a crossed book is uncrossed at one price (section 2)."""

from __future__ import annotations

from engine.api import events as e
from engine.api.enums import SelfTrade, Side, SymbolStatus
from tests.model.matching import Matching
from tests.model.state import BUY, SELL, Market, Order

LOTS_TOLD_MAX = 2**63 - 1


class Auctions(Matching):
    """Uncrossing of books."""

    def set_symbol_status(self, market: Market, status: SymbolStatus) -> None:
        """Give a symbol a status; when it opens with a crossed book, that is uncrossed first."""
        opens = status in (SymbolStatus.OPEN, SymbolStatus.POST_ONLY) and status is not market.status
        is_done = self.uncross(market) if opens else True
        market.status = status if is_done else SymbolStatus.PRE_OPEN
        self.tell(e.SymbolStatusSet(market.symbol_id, market.status))

    def uncross(self, market: Market) -> bool:
        """Trade until the book is no longer crossed. Returns: whether the steps sufficed."""
        while is_crossed(market):
            if not self.has_steps:
                return False
            price, volume = auction_price(market)
            self.tell(e.Uncrossed(market.symbol_id, price, min(volume, LOTS_TOLD_MAX)))
            while (pair := front_pair(market, price)) and self.has_steps:
                self.meet_in_auction(*pair, price)
        return True

    def meet_in_auction(self, bid: Order, ask: Order, price: int) -> None:
        """Do one thing with the front orders of both sides: one step."""
        maker, taker = (bid, ask) if bid.order_id < ask.order_id else (ask, bid)
        if self.clip(bid) or self.clip(ask):
            self.steps += 1
        elif self.is_self_trade(taker, maker):
            self.steps += taker.stp is SelfTrade.AGGRESSIVE
            self.prevent(taker, maker)
        else:
            self.trade(taker, maker, price, min(bid.leaves, ask.leaves), is_auction=True)


def front(market: Market, side: Side) -> Order:
    """The first order of a side that is not empty."""
    order: Order = market.books[side].peekitem(0)[1][0]
    return order


def is_crossed(market: Market) -> bool:
    """Tell whether the best bid is at or above the best ask."""
    return market.best(SELL) > 0 and market.best(BUY) >= market.best(SELL)


def front_pair(market: Market, price: int) -> tuple[Order, Order] | None:
    """The front orders of both sides, unless one of them lies beyond the price or is missing."""
    if market.best(BUY) >= price >= market.best(SELL) > 0:
        return front(market, BUY), front(market, SELL)
    return None


def auction_price(market: Market) -> tuple[int, int]:
    """The price of the largest volume, and that volume: ties to the smallest surplus, the reference, the lowest."""
    depth = {
        side: [(abs(level), sum(order.leaves for order in queue)) for level, queue in market.books[side].items()]
        for side in (BUY, SELL)
    }
    reference = market.mark or market.last_px

    def merit(price: int) -> tuple[int, int, int, int]:
        bids = sum(lots for level, lots in depth[BUY] if level >= price)
        asks = sum(lots for level, lots in depth[SELL] if level <= price)
        distance = abs(price - reference) if reference else 0
        return -min(bids, asks), abs(bids - asks), distance, price

    levels = {level for side in depth.values() for level, _ in side}
    best = min(merit(price) for price in levels if market.best(SELL) <= price <= market.best(BUY))
    return best[3], -best[0]
