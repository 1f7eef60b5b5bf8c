//! The opening auction: one price for all that crosses (docs/MATCHING.md, section 2).

use crate::language::codes::{Code, Side, SymbolStatus};
use crate::language::event::{SymbolStatusSet, Uncrossed};
use crate::language::ids::{OrderId, SymbolId};
use crate::language::units::{Lots, Ticks};
use crate::market::book::rank;
use crate::market::open_orders::Slot;
use crate::market::{Auction, Market, Walk};
use crate::rules::matching::Stop;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Begin an auction, which the status asked for follows; tells whether it is finished already.
    pub(crate) fn open_by_auction(&mut self, symbol_id: SymbolId, target: SymbolStatus) -> bool {
        self.markets[symbol_id].auction = Some(Auction { target, price: Ticks::ZERO, walk: None });
        self.go_on_uncrossing(symbol_id);
        self.markets[symbol_id].auction.is_none()
    }

    /// Go on with an auction as far as the steps reach; when the book is no longer crossed, the status follows.
    pub(crate) fn go_on_uncrossing(&mut self, symbol_id: SymbolId) {
        // Orders that are out would make the price.
        if self.is_something_due() || !self.place_all(symbol_id) || !self.uncross(symbol_id) {
            return;
        }
        let market = &mut self.markets[symbol_id];
        if let Some(auction) = market.auction.take() {
            market.status = auction.target;
            self.touch(symbol_id);
            self.records.tell(&SymbolStatusSet { symbol_id, status: auction.target });
        }
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
            loop {
                if !self.settle_excess(symbol_id) {
                    return false;
                }
                let Some((bid, ask)) = self.markets[symbol_id].auction_pair(price) else {
                    break;
                };
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
    fn place_of(&self, slot: Slot) -> (u64, OrderId) {
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
        if self.is_self_trade(taker, maker) {
            let steps = self.now.steps;
            if self.prevent_self_trade(taker, maker) == Some(Stop::OwnOrder) {
                self.cancel(taker, Code::SelfTrade);
            }
            self.now.steps = steps - 1;
            return;
        }
        let qty = self.open[taker].leaves.min(self.open[maker].leaves);
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

    /// The price of the largest volume: ties to the smallest surplus, the nearest to the reference, the lowest.
    ///
    /// The largest volume is traded from the last ask of the walk to its last bid, and nowhere else. Between them the
    /// surplus grows with each further level, so that only these two and the next levels come into question.
    fn auction_price(&self, walk: &Walk) -> Ticks {
        let (low, high) = (walk.last_ask, walk.last_bid);
        let (next_bid, bid_lots) = self.beyond(Side::Buy, high);
        let (next_ask, ask_lots) = self.beyond(Side::Sell, low);
        // What the two levels have left that were traded last.
        let bid_rest = if walk.bid == high { walk.bid_lots } else { 0 };
        let ask_rest = if walk.ask == low { walk.ask_lots } else { 0 };
        let reference = if self.mark.is_zero() { self.last_px } else { self.mark };
        let merit = |price: Ticks| {
            let demand = bid_rest + if price > next_bid { 0 } else { bid_lots };
            let supply = ask_rest + if next_ask.is_zero() || price < next_ask { 0 } else { ask_lots };
            let distance = if reference.is_zero() { Ticks::ZERO } else { (price - reference).abs() };
            ((demand - supply).abs(), distance, price)
        };
        // The last ones lose to the next ones where further levels lie between.
        let second_bid = self.book.after(Side::Buy, next_bid.max(Ticks::ONE)).unwrap_or_default();
        let second_ask = if next_ask.is_zero() { None } else { self.book.after(Side::Sell, next_ask) };
        let is_exact = |price: Ticks| price > second_bid && second_ask.is_none_or(|second| price < second);
        let candidates = [low, high, next_bid, next_ask].into_iter();
        let within = candidates.filter(|price| (low..=high).contains(price) && is_exact(*price));
        within.map(merit).min().map_or(high, |(_, _, price)| price)
    }
}
