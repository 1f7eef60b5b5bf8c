"""Before an auction what could never trade leaves the book: own overlap, and reduce-only beyond the position."""

from __future__ import annotations

from collections.abc import Iterator

from tests.model.matching import Matching
from tests.model.state import BUY, Market, Netting, Order, Owner


class Overlap(Matching):
    """Netting of what belongs together, firm by firm (section 2)."""

    def net_overlap(self, market: Market) -> bool:
        """Take out what could never trade. Returns: whether the steps sufficed."""
        auction = market.auction
        assert auction is not None
        while auction.netting is not None:
            firm_id = min((firm for firm in self.firms if firm >= auction.netting.firm_id), default=0)
            if not firm_id:
                auction.netting = None
                return True
            if not self.look():
                return False
            if auction.netting.firm_id != firm_id:
                auction.netting = Netting(firm_id)
            if not (self.gather(market, auction.netting) and self.net_firm(market, auction.netting)):
                return False
            auction.netting = Netting(firm_id + 1)
        return True

    def gather(self, market: Market, at: Netting) -> bool:
        """Gather the orders of a firm that rest in a symbol. Returns: whether the steps sufficed."""
        accounts = sorted(a for a, account in self.accounts.items() if account.firm_id == at.firm_id)
        for account_id in (account_id for account_id in accounts if account_id >= at.account_id):
            if not self.look():
                return False
            if account_id != at.account_id:
                at.account_id, at.order_id = account_id, 0
            has_any = bool(self.open_of[account_id].get(market.symbol_id))
            orders = [order for of in self.open_of[account_id].values() for order in of.values()] if has_any else []
            for order in sorted(orders, key=lambda order: order.order_id):
                if order.order_id > at.order_id:
                    stands = order.market is market and order.is_placed
                    if not (self.step() if stands else self.look()):
                        return False
                    at.order_id = order.order_id
                    if stands:
                        for owner in owners(order):
                            at.owned.setdefault(owner, []).append(order)
            at.account_id, at.order_id = account_id + 1, 0
        return True

    def net_firm(self, market: Market, netting: Netting) -> bool:
        """Take out the overlap of a firm: of its groups, then of its accounts. Returns: whether the steps sufficed."""
        for owner in sorted(netting.owned, key=lambda owner: (not owner[0], owner)):
            own = netting.owned[owner]
            if not self.net_class(own):
                return False
            if not owner[0] and not self.clip_before_auction(market, own):
                return False
            if not self.forget_own(netting, owner):
                return False
        return True

    def forget_own(self, netting: Netting, owner: Owner) -> bool:
        """Forget an owner's orders, a look for each that stands. Returns: whether the steps sufficed."""
        standing = [order for order in netting.owned[owner] if order.is_placed]
        standing.sort(key=lambda order: (order.side, order.price, place(order)))
        while standing:
            netting.owned[owner] = standing
            if not self.look():
                return False
            order = standing.pop(0)
            netting.forgotten = (*owner, order.side, order.price, *place(order))
        del netting.owned[owner]
        return True

    def net_class(self, own: list[Order]) -> bool:
        """Let orders that must not meet lose what crosses. Returns: whether the steps sufficed."""
        while pair := crossing(own):
            if not self.step():
                return False
            lots = min(order.leaves for order in pair)
            for order in sorted(pair, key=place):
                self.decrement(order, lots)
        return True

    def clip_before_auction(self, market: Market, own: list[Order]) -> bool:
        """Clip reduce-only orders to the position less what trades before them. Returns: whether the steps sufficed."""
        for order in in_turn(own):
            if order.is_reduce_only and self.would_take(order, order.price):
                ahead = sum(other.leaves for other in own if other.side is order.side and is_ahead(other, order))
                most = max(0, self.closable(order) - ahead)
                if order.leaves > most:
                    if not self.step():
                        return False
                    self.clip_to(order, most)
        return True


def owners(order: Order) -> list[Owner]:
    """Who owns an order: its account, and its group if it has one."""
    return [(0, order.account_id), *([(order.stp_group, 0)] if order.stp_group else [])]


def place(order: Order) -> tuple[int, int]:
    """Where an order stands in time."""
    return order.priority, order.order_id


def in_turn(own: list[Order]) -> Iterator[Order]:
    """Bids, then asks, the best price first, and of one price by priority."""
    bids = sorted((o for o in own if o.side is BUY), key=lambda o: (-o.price, place(o)))
    asks = sorted((o for o in own if o.side is not BUY), key=lambda o: (o.price, place(o)))
    return (order for order in [*bids, *asks] if order.is_placed)


def is_ahead(other: Order, order: Order) -> bool:
    """Tell whether an order may trade before a reduce-only one: at its price, all that are not reduce-only may."""
    if not other.is_placed or other is order:
        return False
    if other.price != order.price:
        return (other.price > order.price) is (order.side is BUY)
    return not other.is_reduce_only or place(other) < place(order)


def crossing(own: list[Order]) -> tuple[Order, Order] | None:
    """The bid and ask that cross and would trade last: the ask with the highest price, the bid with the lowest."""
    bids = [order for order in own if order.is_placed and order.side is BUY]
    best = max((bid.price for bid in bids), default=0)
    asks = [order for order in own if order.is_placed and order.side is not BUY and order.price <= best]
    if not asks:
        return None
    ask = max(asks, key=lambda order: (order.price, place(order)))
    crossed = [bid for bid in bids if bid.price >= ask.price]
    lowest = min(bid.price for bid in crossed)
    return max((bid for bid in crossed if bid.price == lowest), key=place), ask
