"""How orders meet: price-time and pro-rata, self-trade prevention, and what could be filled (section 5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.api import events as e
from engine.api.enums import Matching as Sharing
from engine.api.enums import OrderState, RestateReason, SelfTrade
from engine.api.rejects import ErrorCode
from tests.model.book import Books
from tests.model.solvency import Prior
from tests.model.state import BUY, Order, ceil_div


class Matching(Books):
    """Matching of one order with a book."""

    def match_and_rest(self, order: Order) -> None:
        """Match an order at the price it works at; what is left rests or expires, or waits for more steps."""
        if not self.match(order):
            return self.take_in_hand(order, at_front=True)
        if not order.is_open:
            return None
        if order.rests:
            return self.rest(order)
        return self.expire(order, ErrorCode.IOC_REMAINDER)

    def match(self, taker: Order) -> bool:
        """Take from the other side: best price first, then in the order of the queue, at the makers' prices.

        Returns: whether the steps sufficed.
        """
        is_pro_rata = taker.market.listing.matching is Sharing.PRO_RATA
        while taker.is_open:
            if not self.settle_excess(taker.market):
                return False
            if (queue := next(self.levels(taker), None)) is None:
                return True
            if not (self.share_out(taker, queue) if is_pro_rata else self.meet(taker, queue[0])):
                return False
        return True

    def meet(self, taker: Order, maker: Order) -> bool:
        """Do one thing with the order at the front. Returns: whether there was a step for it."""
        if self.steps == 0:
            return False
        if self.is_out(maker):
            self.steps -= 1
            self.dismiss(maker)
        elif self.is_self_trade(taker, maker):
            self.prevent(taker, maker)
        elif unable := self.unable(maker, taker, maker.price, min(taker.leaves, maker.display)):
            self.steps -= unable is maker
            self.cancel(unable, ErrorCode.INSUFFICIENT_BALANCE)
        else:
            self.trade(taker, maker, maker.price, min(taker.leaves, maker.display))
        return True

    # --- self-trade prevention (2964) -------------------------------------------------------------------

    def is_self_trade(self, taker: Order, maker: Order) -> bool:
        """Tell whether two orders must not trade with each other."""
        if taker.account_id == maker.account_id:
            return True
        is_group = taker.stp_group == maker.stp_group != 0
        return is_group and self.accounts[taker.account_id].firm_id == self.accounts[maker.account_id].firm_id

    def prevent(self, taker: Order, maker: Order) -> None:
        """Do what the taker's instruction says instead of a trade."""
        if taker.stp is SelfTrade.AGGRESSIVE:
            return self.cancel(taker, ErrorCode.SELF_TRADE)
        self.steps -= 1
        if taker.stp is SelfTrade.DECREMENT:
            lots = min(taker.leaves, maker.leaves)
            for order in (maker, taker):
                self.decrement(order, lots)
            return None
        self.cancel(maker, ErrorCode.SELF_TRADE)
        return self.cancel(taker, ErrorCode.SELF_TRADE) if taker.stp is SelfTrade.BOTH else None

    def decrement(self, order: Order, lots: int) -> None:
        """Take lots off an order; it keeps its place."""
        if lots == order.leaves:
            self.cancel(order, ErrorCode.SELF_TRADE)
        else:
            self.restate(order, RestateReason.DECREMENT, lots)

    # --- pro-rata (TRD-31) ------------------------------------------------------------------------------

    def share_out(self, taker: Order, queue: list[Order]) -> bool:
        """Clear the head of a price of what must not trade, or trade one round there.

        Returns: whether there were steps for all of that.
        """
        makers = queue[: self.pro_rata_makers_max]
        if self.steps < len(makers):
            return False
        for maker in makers:
            if self.is_out(maker):
                self.steps -= 1
                self.dismiss(maker)
        makers = [maker for maker in makers if maker.is_open]
        own = [maker for maker in makers if self.is_self_trade(taker, maker)]
        others = [maker for maker in makers if maker not in own]
        if own and (taker.stp is not SelfTrade.AGGRESSIVE or not others):
            if self.steps == 0:
                return False
            self.prevent(taker, own[0])
            return True
        if self.steps < len(others):
            return False
        for maker in others:
            if not self.bears(maker, maker.price, min(taker.leaves, maker.display), Prior()):
                self.steps -= 1
                self.cancel(maker, ErrorCode.INSUFFICIENT_BALANCE)
        others = [maker for maker in others if maker.is_open]
        if self.steps < len(others):
            return False
        self.play_round(taker, others)
        return True

    def play_round(self, taker: Order, makers: list[Order]) -> None:
        """Trade with each of the makers its share."""
        parts = shares(taker.leaves, [maker.display for maker in makers]) if makers else []
        for maker, share in zip(makers, parts, strict=True):
            # Another order of its account may have closed part of what it could have closed, or have cost it too much.
            lots = min(share, self.closable(maker)) if maker.is_reduce_only else share
            unable = self.unable(maker, taker, maker.price, lots)
            if unable is taker and lots:
                return self.cancel(taker, ErrorCode.INSUFFICIENT_BALANCE)
            if lots and unable is None:
                self.trade(taker, maker, maker.price, lots)
        return None

    # --- trades -----------------------------------------------------------------------------------------

    def trade(self, taker: Order, maker: Order, price: int, qty: int, is_auction: bool = False) -> None:
        """Trade and settle at once (TRD-03, TRD-07)."""
        self.steps -= 1
        market, i = taker.market, taker.market.listing
        market.last_px = price
        worth = market.notional(price, qty)
        taker_fee = market.fee(worth, taker.taker_ppm)
        # Whatever rates the two have, nobody is paid more than the other one pays.
        maker_fee = max(market.fee(worth, maker.maker_ppm), -taker_fee)
        fees = (taker_fee, maker_fee)
        for order in (taker, maker):
            order.leaves -= qty
            order.traded += price * qty
            order.state = OrderState.PARTIAL if order.leaves else OrderState.FILLED
        released = 0
        if not market.is_perpetual:
            buyer, seller = (taker, maker) if taker.side is BUY else (maker, taker)
            released = self.settle_spot(buyer, seller, qty, worth, fees if buyer is taker else fees[::-1])
        self.available[i.fee_account_id, i.quote_asset_id] += taker_fee + maker_fee
        sizes = (price, qty, taker.leaves, maker.leaves)
        parties = (taker.account_id, maker.account_id, i.symbol_id, taker.side)
        self.tell(e.Traded(taker.order_id, maker.order_id, *sizes, *parties, *fees, released, is_auction))
        for order, fee in ((maker, maker_fee), (taker, taker_fee)):
            if market.is_perpetual:
                self.fill(order, price, qty, fee)
        for order in (maker, taker):
            if not market.is_perpetual:
                self.repay(order.account_id, i.base_asset_id)
            self.repay(order.account_id, i.quote_asset_id)
        for order in (maker, taker):
            self.show_less(order, qty, is_auction)

    def show_less(self, order: Order, qty: int, is_auction: bool) -> None:
        """Bring an order's place in the book in line with a trade."""
        if order.leaves == 0:
            self.retire(order, OrderState.FILLED)
        elif is_auction:
            order.display = order.tranche
        elif order.is_placed:
            order.display -= qty
            if order.display == 0:
                self.refill(order)

    # --- what could be filled ---------------------------------------------------------------------------

    def can_fill(self, taker: Order, lots: int) -> bool:
        """Tell whether matching would surely give a taker ``lots`` within the steps that such orders have."""
        if taker.leaves < lots:
            return False
        is_pro_rata = taker.market.listing.matching is Sharing.PRO_RATA
        tally, of_taker = Tally(lots, self.fill_steps_max, lots), Prior()
        for queue in self.levels(taker):
            before = tally.missing
            is_end = self.count_shares(taker, queue, tally) if is_pro_rata else self.count_queue(taker, queue, tally)
            counted = before - max(0, tally.missing)
            if counted > 0 and not self.bears(taker, queue[0].price, counted, of_taker):
                return False
            if tally.is_decided or is_end:
                break
        return tally.missing <= 0 and tally.steps >= 0

    def count_queue(self, taker: Order, queue: list[Order], tally: Tally) -> bool:
        """Count one price in the order of its queue, then what is hidden there. Returns: whether that is the end."""
        hidden = tranches = 0
        for maker in queue:
            if tally.is_decided:
                return True
            if self.is_out(maker):
                tally.steps -= 1
            elif self.is_self_trade(taker, maker):
                # What an iceberg hides would come to stand behind this one.
                if taker.stp is not SelfTrade.RESTING:
                    return True
                tally.steps -= 1
            elif maker.is_reduce_only:
                # It may be clipped before each trade, and gives nothing for sure.
                tally.steps -= 2 * (1 + hidden_tranches(maker)) + self.excess_steps(taker, maker, tally)
            elif not self.bears_on_paper(maker, tally):
                tally.steps -= 1
            else:
                tally.missing -= maker.display
                tally.steps -= 1 + self.excess_steps(taker, maker, tally)
                hidden, tranches = hidden + maker.leaves - maker.display, tranches + hidden_tranches(maker)
        if tally.missing > 0:
            tally.missing -= hidden
            tally.steps -= tranches
        return False

    def count_shares(self, taker: Order, queue: list[Order], tally: Tally) -> bool:
        """Count one price as a whole, as pro-rata matching takes it. Returns: whether the count ends here."""
        found, is_last = 0, False
        for maker in queue:
            if tally.steps < 0:
                return True
            if self.is_self_trade(taker, maker) and not self.is_out(maker):
                if taker.stp in (SelfTrade.BOTH, SelfTrade.DECREMENT):
                    return True
                is_last = is_last or taker.stp is SelfTrade.AGGRESSIVE
                tally.steps -= 1
            elif maker.is_reduce_only or self.is_out(maker):
                tally.steps -= 2 * (1 + hidden_tranches(maker)) + self.excess_steps(taker, maker, tally)
            elif not self.bears_on_paper(maker, tally):
                tally.steps -= 1
            else:
                found += maker.leaves
                tally.steps -= 1 + hidden_tranches(maker) + self.excess_steps(taker, maker, tally)
        tally.missing -= found
        return is_last

    def bears_on_paper(self, maker: Order, tally: Tally) -> bool:
        """Tell whether a maker's account can bear what may be taken of it, after what was counted of its others."""
        prior = tally.priors.setdefault(maker.account_id, Prior())
        return self.bears(maker, maker.price, min(maker.leaves, tally.lots), prior)

    def excess_steps(self, taker: Order, maker: Order, tally: Tally) -> int:
        """Steps that trades with a maker may cost besides: each may leave more resting than can be reduced."""
        steps = 0
        for order in (taker, maker):
            own = [o for o in order.market.reducers.values() if o.account_id == order.account_id]
            if own:
                steps += 1 + hidden_tranches(maker)
                if order.account_id not in tally.reducing:
                    tally.reducing.add(order.account_id)
                    steps += len(own)
        return steps


@dataclass
class Tally:
    """What is missing for an order to be fillable, and the steps it may still take."""

    missing: int
    steps: int
    lots: int  # wanted in all
    priors: dict[int, Prior] = field(default_factory=dict)  # of makers' accounts, by this count
    reducing: set[int] = field(default_factory=set)  # accounts whose reduce-only orders are counted

    @property
    def is_decided(self) -> bool:
        return self.missing <= 0 or self.steps < 0


def hidden_tranches(maker: Order) -> int:
    """How many trades it takes to take what an order hides."""
    return ceil_div(maker.leaves - maker.display, maker.max_floor) if maker.max_floor else 0


def shares(leaves: int, displays: list[int]) -> list[int]:
    """Share out what a taker wants: in proportion, rounded down, and the rest to the earliest."""
    total = sum(displays)
    wanted = min(leaves, total)
    parts = [wanted * display // total for display in displays]
    rest = wanted - sum(parts)
    for n, display in enumerate(displays):
        more = min(rest, display - parts[n])
        parts[n], rest = parts[n] + more, rest - more
    return parts
