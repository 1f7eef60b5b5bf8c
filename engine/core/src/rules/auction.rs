//! The opening auction: one price for all that crosses (docs/MATCHING.md, section 2).

use crate::language::codes::{Code, Side, SymbolStatus};
use crate::language::event::{SymbolStatusSet, Uncrossed};
use crate::language::ids::{OrderId, SymbolId};
use crate::language::units::{Lots, Ticks};
use crate::market::book::rank;
use crate::market::open_orders::Slot;
use crate::market::{Auction, Market, Netting, Walk};
use crate::state::exchange::Exchange;

impl Exchange {
    /// Begin an auction, which the status asked for follows; tells whether it is finished already.
    pub(crate) fn open_by_auction(&mut self, symbol_id: SymbolId, target: SymbolStatus) -> bool {
        let market = &mut self.markets[symbol_id];
        market.auction = Some(Auction { target, netting: Some(Netting::default()), price: Ticks::ZERO, walk: None });
        self.go_on_uncrossing(symbol_id);
        self.markets[symbol_id].auction.is_none()
    }

    /// Go on with an auction as far as the steps reach; when the book is no longer crossed, the status follows.
    pub(crate) fn go_on_uncrossing(&mut self, symbol_id: SymbolId) {
        if !self.may_seek_price(symbol_id) || !self.uncross(symbol_id) {
            return;
        }
        let market = &mut self.markets[symbol_id];
        if let Some(auction) = market.auction.take() {
            market.status = auction.target;
            self.touch(symbol_id);
            self.records.tell(&SymbolStatusSet { symbol_id, status: auction.target });
        }
    }

    /// Take out what must not make the price, unless there is one; tells whether the steps sufficed.
    fn may_seek_price(&mut self, symbol_id: SymbolId) -> bool {
        self.markets[symbol_id].has_decided_trades()
            || !self.is_something_due() && self.place_all(symbol_id) && self.net_overlap(symbol_id)
    }

    /// Let the orders in hand rest; tells whether the steps sufficed.
    fn place_all(&mut self, symbol_id: SymbolId) -> bool {
        while let Some(slot) = self.markets[symbol_id].in_hand.first() {
            if !self.now.step() {
                return false;
            }
            if self.open[slot].rests() {
                self.detach(slot);
                self.rest(slot);
                self.begin_netting(symbol_id);
            } else {
                self.expire(slot, Code::IocRemainder);
            }
        }
        true
    }

    /// Trade until the book is no longer crossed; tells whether the steps sufficed.
    fn uncross(&mut self, symbol_id: SymbolId) -> bool {
        loop {
            let auction = self.markets[symbol_id].auction.expect("an auction is under way");
            let mut price = auction.price;
            if price.is_zero() {
                if !self.settle_excess(symbol_id) {
                    return false;
                }
                if !self.markets[symbol_id].is_crossed() {
                    return true;
                }
                let Some(walk) = self.walk(symbol_id) else {
                    return false;
                };
                price = self.markets[symbol_id].auction_price(&walk);
                self.markets[symbol_id].auction = Some(Auction { price, walk: None, ..auction });
                let volume = Lots::of_wide(walk.volume);
                self.records.tell(&Uncrossed { symbol_id, price, volume });
            }
            while let Some((bid, ask)) = self.markets[symbol_id].auction_pair(price) {
                if self.now.steps == 0 {
                    return false;
                }
                self.meet_in_auction(bid, ask, price);
            }
            self.markets[symbol_id].auction = Some(Auction { price: Ticks::ZERO, walk: None, ..auction });
        }
    }

    /// Trade the best levels of both sides on paper until they meet no more; `None` when the steps did not suffice.
    fn walk(&mut self, symbol_id: SymbolId) -> Option<Walk> {
        let market = &mut self.markets[symbol_id];
        let auction = market.auction.as_mut()?;
        let mut walk = match auction.walk.filter(|_| market.book.is_as_walked) {
            Some(walk) => walk,
            None => market.walk_from_the_best(),
        };
        while !walk.bid.is_zero() && !walk.ask.is_zero() && walk.bid >= walk.ask {
            if !self.now.look() {
                let market = &mut self.markets[symbol_id];
                market.book.is_as_walked = true;
                market.auction.as_mut()?.walk = Some(walk);
                return None;
            }
            self.markets[symbol_id].walk_on(&mut walk);
        }
        Some(walk)
    }

    /// Where an order stands in time: of two that were elected by one record, the one entered first goes first.
    pub(crate) fn place_of(&self, slot: Slot) -> (u64, OrderId) {
        (self.open[slot].priority, self.open[slot].order_id)
    }

    /// Do one thing with the front orders of both sides: one step.
    fn meet_in_auction(&mut self, bid: Slot, ask: Slot, price: Ticks) {
        for slot in [bid, ask] {
            if self.is_out(slot) {
                self.now.steps -= 1;
                return self.dismiss(slot);
            }
        }
        let (maker, taker) = if self.place_of(bid) < self.place_of(ask) { (bid, ask) } else { (ask, bid) };
        let qty = self.open[taker].leaves.min(self.open[maker].leaves);
        if let Some(unable) = self.unable(maker, taker, price, qty) {
            self.now.steps -= 1;
            return self.cancel(unable, Code::InsufficientBalance);
        }
        self.trade(taker, maker, price, qty, true);
        for slot in [maker, taker] {
            if self.open[slot].leaves > Lots::ZERO {
                self.open[slot].display = self.open.full_display(slot);
            } else {
                self.settle_maker(slot);
            }
        }
    }
}

impl Market {
    pub fn is_crossed(&self) -> bool {
        let best = |side: Side| self.book.best_price(side);
        best(Side::Buy).zip(best(Side::Sell)).is_some_and(|(bid, ask)| bid >= ask)
    }

    /// The front bid and ask that may trade at a price.
    fn auction_pair(&self, price: Ticks) -> Option<(Slot, Slot)> {
        let may_trade = |side: Side| {
            let (front, slot) = self.book.front(side)?;
            (rank(side, front) <= rank(side, price)).then_some(slot)
        };
        Some((may_trade(Side::Buy)?, may_trade(Side::Sell)?))
    }

    /// Begin the search for an auction's price.
    fn walk_from_the_best(&self) -> Walk {
        let best = |side: Side| {
            self.book.best_price(side).map_or((Ticks::ZERO, 0), |price| (price, self.book.lots_at(side, price)))
        };
        let ((bid, bid_lots), (ask, ask_lots)) = (best(Side::Buy), best(Side::Sell));
        Walk { volume: 0, bid, ask, bid_lots, ask_lots, last_bid: Ticks::ZERO, last_ask: Ticks::ZERO }
    }

    /// Trade two levels that meet on paper.
    fn walk_on(&self, walk: &mut Walk) {
        let lots = walk.bid_lots.min(walk.ask_lots);
        walk.volume += lots;
        (walk.last_bid, walk.last_ask) = (walk.bid, walk.ask);
        (walk.bid_lots, walk.ask_lots) = (walk.bid_lots - lots, walk.ask_lots - lots);
        if walk.bid_lots == 0 {
            (walk.bid, walk.bid_lots) = self.beyond(Side::Buy, walk.bid);
        }
        if walk.ask_lots == 0 {
            (walk.ask, walk.ask_lots) = self.beyond(Side::Sell, walk.ask);
        }
    }

    /// The next level of a side after a price, and its lots; 0 when there is none.
    fn beyond(&self, side: Side, price: Ticks) -> (Ticks, i128) {
        self.book.after(side, price).map_or((Ticks::ZERO, 0), |next| (next, self.book.lots_at(side, next)))
    }

    /// The price of the largest volume: ties to the smallest surplus, to where it presses, to the nearest to the reference.
    ///
    /// The largest volume is traded from the last ask of the walk to its last bid, and nowhere else. There the surplus is what
    /// the last level has left and the further levels of its side; of the other side there is nothing.
    fn auction_price(&self, walk: &Walk) -> Ticks {
        let (low, high) = (walk.last_ask, walk.last_bid);
        if walk.bid == high && walk.bid_lots > 0 {
            return high;
        }
        if walk.ask == low && walk.ask_lots > 0 {
            return low;
        }
        let (next_bid, bid_lots) = self.beyond(Side::Buy, high);
        let (next_ask, ask_lots) = self.beyond(Side::Sell, low);
        match (next_bid >= low, !next_ask.is_zero() && next_ask <= high) {
            (true, false) => high,
            (false, true) => low,
            (true, true) if bid_lots < ask_lots => next_bid,
            (true, true) if bid_lots > ask_lots => next_ask,
            (true, true) => self.nearer(next_bid, next_ask),
            (false, false) => self.nearer(low, high),
        }
    }

    /// The one of two prices that is nearer to the mark, else to the last price; the lower of them if both are.
    fn nearer(&self, low: Ticks, high: Ticks) -> Ticks {
        let reference = if self.mark.is_zero() { self.last_px } else { self.mark };
        if !reference.is_zero() && (high - reference).abs() < (low - reference).abs() {
            high
        } else {
            low
        }
    }
}
