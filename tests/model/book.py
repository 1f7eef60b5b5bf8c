"""Orders come into the book, wait, are changed and leave it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.api import events as e
from engine.api.enums import AccountStatus, ExecInst, OrderState, RestateReason, Side, TimeInForce
from engine.api.ids import Seq
from engine.api.rejects import ErrorCode
from tests.model.solvency import Solvency
from tests.model.state import BUY, SELL, Market, Order, Withdrawal, opposite, rank


class Books(Solvency):
    """All books. At one price the orders stand in a queue, first in first."""

    # --- coming and leaving -----------------------------------------------------------------------------

    def enlist(self, order: Order) -> None:
        """Count an order as open: it rests or waits."""
        self.open[order.order_id] = order
        self.open_of[order.account_id].setdefault(order.market.symbol_id, {})[order.order_id] = order
        self.note_expiry(order)
        if order.is_pegged:
            order.market.pegs[order.order_id] = order

    def note_expiry(self, order: Order) -> None:
        """Enter a DAY or GTD order among those that expire."""
        entry = order.expire_time_ns, order.order_id
        if order.expire_time_ns and entry not in self.expiring:
            self.expiring.add(entry)

    def forget_expiry(self, order: Order) -> None:
        if order.expire_time_ns:
            self.expiring.discard((order.expire_time_ns, order.order_id))

    def rest(self, order: Order) -> None:
        """Put an order behind all others of its price, as far as a reduce-only one may rest."""
        if order.is_reduce_only:
            self.clip_to(order, self.closable(order) - reducing(order.market, order.account_id))
        if order.is_open:
            self.place(order)

    def place(self, order: Order) -> None:
        self.enlist(order)
        book = order.market.books[order.side]
        book.setdefault(rank(order.side, order.price), []).append(order)
        order.is_placed, order.display = True, order.tranche
        if order.is_reduce_only:
            order.market.reducers[order.order_id] = order
        forget_walk(order.market)
        if order.is_in_hand:
            order.is_in_hand = False
            self.restate(order, RestateReason.TURN)

    def wait(self, order: Order) -> None:
        """Keep an order without a place in the book: a stop, or a pegged order without a price."""
        self.enlist(order)
        order.price = order.display = 0
        order.is_in_hand = False
        if order.is_waiting_stop:
            order.market.stops[order.order_id] = order

    def take_in_hand(self, order: Order, at_front: bool = False) -> None:
        """Let an order wait for its turn to be matched, or for the rest of its turn."""
        self.enlist(order)
        in_hand = order.market.in_hand
        in_hand.insert(0 if at_front else len(in_hand), order)
        order.market.has_begun = order.market.has_begun or at_front
        if not order.is_in_hand:
            order.is_in_hand = True
            self.restate(order, RestateReason.TURN)

    def leave_place(self, order: Order) -> None:
        """Take an order out of the book, or from among the waiting stops."""
        market = order.market
        market.stops.pop(order.order_id, None)
        market.reducers.pop(order.order_id, None)
        if order in market.in_hand:
            market.has_begun = market.has_begun and order is not market.in_hand[0]
            market.in_hand.remove(order)
        if order.is_placed:
            forget_walk(market)
            book, level = order.market.books[order.side], rank(order.side, order.price)
            book[level].remove(order)
            if not book[level]:
                del book[level]
        order.is_placed, order.display = False, 0

    def retire(self, order: Order, state: OrderState) -> None:
        """End an order."""
        self.leave_place(order)
        order.state, order.price = state, 0
        if self.open.pop(order.order_id, None) is not None:
            del self.open_of[order.account_id][order.market.symbol_id][order.order_id]
        self.forget_expiry(order)
        order.is_in_hand = order.is_outside = False
        order.market.pegs.pop(order.order_id, None)
        self.spend_names(order)

    def end(self, order: Order, state: OrderState, code: int) -> None:
        """Cancel or expire an order, give back what its leaves had locked, and tell."""
        self.retire(order, state)
        self.lock(order, -order.reserved)
        event = e.OrderCanceled if state is OrderState.CANCELED else e.OrderExpired
        self.tell(event(order.order_id, order.leaves, order.reserved, code))
        self.repay(*order.reserved_in)

    def cancel(self, order: Order, code: int) -> None:
        self.end(order, OrderState.CANCELED, code)

    def expire(self, order: Order, code: ErrorCode) -> None:
        self.end(order, OrderState.EXPIRED, code)

    # --- orders that are out, but not told yet ----------------------------------------------------------

    def is_due(self, order: Order) -> bool:
        """Tell whether a DAY or GTD order's time has come."""
        return 0 < order.expire_time_ns <= self.ts_ns

    def withdrawal_of(self, order: Order) -> Withdrawal | None:
        """The first mass cancel under way that means an order."""
        return next((w for w in self.withdrawals if self.reaches(w, order)), None)

    def reaches(self, w: Withdrawal, order: Order) -> bool:
        """Tell whether a mass cancel means an order."""
        firm_id = self.accounts[order.account_id].firm_id
        asked = (w.firm_id, w.account_id, w.symbol_id, w.session_id, w.side)
        has = (firm_id, order.account_id, order.market.symbol_id, order.source, order.side)
        is_kept = w.keeps != 0 and w.keeps in order.exec_inst
        return order.order_id < w.seq and not is_kept and all(a in (0, b) for a, b in zip(asked, has, strict=True))

    def is_out(self, order: Order) -> bool:
        """Tell whether an order is due, withdrawn or delisted: it is in the books, but no part of the market."""
        if is_held(order):
            return False
        return self.is_ending(order) or self.is_being_suspended(order)

    def is_ending(self, order: Order) -> bool:
        """Tell whether an order is out for good."""
        return self.is_due(order) or order.market.is_delisted or self.withdrawal_of(order) is not None

    def is_being_suspended(self, order: Order) -> bool:
        """Tell whether an order of a suspended account is still where it was."""
        is_suspended = self.accounts[order.account_id].status is AccountStatus.SUSPENDED
        return is_suspended and not order.is_outside and ExecInst.LIQUIDATION not in order.exec_inst

    def suspend(self, order: Order) -> None:
        """Let an order stand outside the market: it keeps what it has locked, and waits for its account."""
        self.leave_place(order)
        order.is_in_hand, order.is_outside = False, True
        if order.is_pegged:
            order.price = 0
        self.tell_moved(order, RestateReason.SUSPENDED)

    def tell_moved(self, order: Order, reason: RestateReason) -> None:
        self.tell(e.OrderRestated(order.order_id, reason, order.order_qty, order.leaves, order.price, 0, released=0))

    def dismiss(self, order: Order) -> None:
        """End an order that is out, or let it stand outside the market."""
        w = self.withdrawal_of(order)
        if self.is_due(order):
            is_day = order.time_in_force is TimeInForce.DAY
            self.expire(order, ErrorCode.DAY_EXPIRED if is_day else ErrorCode.GTD_EXPIRED)
        elif order.market.is_delisted:
            self.cancel(order, ErrorCode.DELISTED)
        elif w is None:
            self.suspend(order)
        else:
            w.canceled += 1
            self.cancel(order, w.code)

    def clear_fronts(self, market: Market) -> bool:
        """Take orders that are out from the fronts of both sides. Returns: whether the steps sufficed."""
        for side in (BUY, SELL):
            while (order := front(market, side)) and self.is_out(order):
                if not self.step():
                    return False
                self.dismiss(order)
        return True

    def settle_due(self) -> None:
        """Tell what is out already: orders whose time has come, then those that mass cancels mean (section 1)."""
        while self.expiring and self.expiring[0][0] <= self.ts_ns:
            if is_held(self.open[self.expiring[0][1]]) or not self.step():
                return
            self.dismiss(self.open[self.expiring[0][1]])
        for w in list(self.withdrawals):
            if not (self.step() and self.withdraw(w)):
                return
            self.tell(e.MassCanceled(Seq(w.seq), w.canceled, is_complete=True))
        for account_id in sorted(self.moves):
            if not self.go_on_moving(account_id):
                return

    def go_on_moving(self, account_id: int) -> bool:
        """Go on with the orders of an account whose status changed, the oldest first. Returns: whether all is done."""
        while order := self.next_to_look_at(account_id):
            if not self.look():
                return False
            is_moved = self.is_being_suspended(order) or self.is_to_come_back(order)
            if is_moved and (is_held(order) or not self.step()):
                return False
            self.moves[account_id] = order.order_id
            if is_moved and (self.is_ending(order) or self.is_being_suspended(order)):
                self.dismiss(order)
            elif is_moved:
                self.bring_back(order)
        del self.moves[account_id]
        return True

    def next_to_look_at(self, account_id: int) -> Order | None:
        """The oldest open order of an account after the last that was looked at."""
        orders = [order for of in self.open_of[account_id].values() for order in of.values()]
        left = [order for order in orders if order.order_id > self.moves[account_id]]
        return min(left, key=lambda order: order.order_id, default=None)

    def is_to_come_back(self, order: Order) -> bool:
        return order.is_outside and self.accounts[order.account_id].status is AccountStatus.ACTIVE

    def bring_back(self, order: Order) -> None:
        """Let an order come back; how, what follows in the markets says."""
        raise NotImplementedError

    def withdraw(self, w: Withdrawal) -> bool:
        """Go on with a mass cancel, account by account, the oldest order first. Returns: whether it is complete."""
        for account_id in self.accounts_of(w):
            if not self.look():
                return False
            w.at_account, w.at_order = account_id, w.at_order if account_id == w.at_account else 0
            orders = [order for of in self.open_of[account_id].values() for order in of.values()]
            for order in sorted(orders, key=lambda order: order.order_id):
                if not w.at_order < order.order_id < w.seq:
                    continue
                if not self.look():
                    return False
                if self.reaches(w, order):
                    if is_held(order) or not self.step():
                        return False
                    self.dismiss(order)
                w.at_order = order.order_id
            w.at_account, w.at_order = account_id + 1, 0
        self.withdrawals.remove(w)
        return True

    def accounts_of(self, w: Withdrawal) -> list[int]:
        """The accounts a mass cancel has still to look at."""
        return [
            account_id
            for account_id, account in sorted(self.accounts.items())
            if account_id >= w.at_account and w.account_id in (0, account_id) and w.firm_id in (0, account.firm_id)
        ]

    # --- changes by the engine itself -------------------------------------------------------------------

    def restate(self, order: Order, reason: RestateReason, lost: int = 0) -> None:
        """Tell an order anew, with ``lost`` lots less, and give back what they had locked."""
        order.order_qty -= lost
        order.taken_off += lost
        order.leaves -= lost
        order.display = min(order.display, order.leaves)
        # An order that takes shows all of it; one that waits shows nothing.
        shown = order.display if order.is_placed or order in order.market.in_hand or not order.price else order.leaves
        if lost and order.is_placed:
            forget_walk(order.market)
        released = lost * order.per_lot
        self.lock(order, -released)
        sizes = (order.order_qty, order.leaves, order.price, shown)
        self.tell(e.OrderRestated(order.order_id, reason, *sizes, released))
        self.repay(*order.reserved_in)

    def clip(self, order: Order) -> None:
        """Keep a reduce-only order from opening a position (ORD-17)."""
        if order.is_reduce_only:
            self.clip_to(order, self.closable(order))

    def clip_to(self, order: Order, most: int) -> None:
        """Leave an order so many lots at most, or cancel it when that is none."""
        if most <= 0:
            self.cancel(order, ErrorCode.NOTHING_TO_REDUCE)
        elif order.leaves > most:
            self.restate(order, RestateReason.REDUCE_ONLY, order.leaves - most)

    def settle_excess(self, market: Market) -> bool:
        """Take off what rests beyond what can be reduced, account by account, the lowest priority first.

        Returns: whether the steps sufficed.
        """
        if market.auction and market.auction.price:
            return True  # what it has counted was clipped to what is left when its turn comes
        while found := self.excess(market):
            if not self.step():
                return False
            order, too_many = found
            self.clip_to(order, order.leaves - too_many)
        return True

    def excess(self, market: Market) -> tuple[Order, int] | None:
        """The next reduce-only order that loses lots because more rest than can be reduced, and how many."""
        for account_id in sorted({order.account_id for order in market.reducers.values()}):
            own = [order for order in market.reducers.values() if order.account_id == account_id]
            last = max(own, key=lambda order: (order.priority, order.order_id))
            too_many = reducing(market, account_id) - self.closable(last)
            if too_many > 0:
                return last, too_many
        return None

    def refill(self, order: Order) -> None:
        """Let an iceberg show its next tranche, at the end of its queue."""
        self.leave_place(order)
        self.place(order)
        self.restate(order, RestateReason.REFILL)

    # --- looking at the book ----------------------------------------------------------------------------

    def levels(self, taker: Order) -> Iterator[list[Order]]:
        """The queues an order may take from, best price first."""
        side = opposite(taker.side)
        book = taker.market.books[side]
        worst = rank(side, taker.price)
        for level, queue in book.items():
            if level > worst:
                return
            yield queue

    def would_take(self, order: Order, price: int) -> bool:
        """Tell whether the best opposite price is at or better than ``price``."""
        side = opposite(order.side)
        best = order.market.best(side)
        return best > 0 and rank(side, best) <= rank(side, price)


def is_held(order: Order) -> bool:
    """Tell whether an order is part of trades that are decided, and are still to be told: it cannot leave."""
    auction = order.market.auction
    at = auction.price if auction else 0
    return order.is_placed and at > 0 and rank(order.side, order.price) <= rank(order.side, at)


def front(market: Market, side: Side) -> Order | None:
    """The order of a side that trades next."""
    book = market.books[side]
    order: Order | None = book.peekitem(0)[1][0] if book else None
    return order


def reducing(market: Market, account_id: int) -> int:
    """Lots of an account that rest to reduce its position."""
    return sum(order.leaves for order in market.reducers.values() if order.account_id == account_id)


def forget_walk(market: Market) -> None:
    """Begin the search for an auction's price anew: the book has changed."""
    if market.auction is not None:
        market.auction.walk = None
