//! The opening auction: one price for all that crosses (docs/MATCHING.md, section 2).

use crate::language::codes::{Code, Side};
use crate::language::event::Uncrossed;
use crate::market::book::rank;
use crate::market::open_orders::OpenOrder;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Uncross a book; tells whether it is uncrossed, which it is not when the steps were used up.
    pub(crate) fn uncross(&mut self, symbol_id: u32) -> bool {
        while let Some((price, volume)) = self.auction_price(symbol_id) {
            if self.now.steps == 0 {
                return false;
            }
            self.records.tell(&Uncrossed { symbol_id, price, volume });
            while let Some((bid, ask)) = self.auction_pair(symbol_id, price) {
                if self.now.steps == 0 {
                    return self.auction_price(symbol_id).is_none();
                }
                self.auction_step(bid, ask, price);
            }
        }
        true
    }

    /// The front bid and ask that may trade at a price.
    fn auction_pair(&self, symbol_id: u32, price: i64) -> Option<(u32, u32)> {
        let book = &self.markets[symbol_id].book;
        let may_trade = |side: Side| {
            let (front, slot) = book.front(side)?;
            (rank(side, front) <= rank(side, price)).then_some(slot)
        };
        Some((may_trade(Side::Buy)?, may_trade(Side::Sell)?))
    }

    fn auction_step(&mut self, bid: u32, ask: u32, price: i64) {
        for slot in [bid, ask] {
            if self.open[slot].is_reduce_only() && self.clip_maker(slot) {
                return;
            }
        }
        let (maker, taker) = if self.open[bid].order_id < self.open[ask].order_id { (bid, ask) } else { (ask, bid) };
        if self.is_self_trade(taker, maker) {
            if self.prevent_self_trade(taker, maker).is_some_and(|stop| stop == crate::rules::matching::Stop::OwnOrder)
            {
                self.cancel(taker, Code::SelfTrade);
            }
            return;
        }
        let qty = self.open[taker].leaves.min(self.open[maker].leaves);
        self.trade(taker, maker, price, qty, true);
        for slot in [maker, taker] {
            if self.open[slot].leaves > 0 {
                self.open[slot].display = self.open.full_display(slot);
            } else {
                self.settle_maker(slot);
            }
        }
    }

    /// The price at which most trades, and how much; `None` when the book is not crossed.
    fn auction_price(&self, symbol_id: u32) -> Option<(i64, i64)> {
        let market = &self.markets[symbol_id];
        let (best_bid, best_ask) = (market.book.best_price(Side::Buy)?, market.book.best_price(Side::Sell)?);
        if best_bid < best_ask {
            return None;
        }
        let bids = self.crossing(symbol_id, Side::Buy, best_ask);
        let asks = self.crossing(symbol_id, Side::Sell, best_bid);
        let mut prices: Vec<i64> = bids.iter().chain(&asks).map(|(price, _)| *price).collect();
        prices.sort_unstable();
        prices.dedup();
        let reference = if market.mark != 0 { market.mark } else { market.last_px };
        let (mut buying, mut selling): (i128, i128) = (bids.iter().map(|(_, lots)| lots).sum(), 0);
        let (mut bids, mut asks) = (bids.iter().rev().peekable(), asks.iter().peekable());
        let mut best: Option<((i128, i128, i64), i64)> = None;
        for price in prices {
            while let Some((_, lots)) = bids.next_if(|(bid, _)| *bid < price) {
                buying -= lots;
            }
            while let Some((_, lots)) = asks.next_if(|(ask, _)| *ask <= price) {
                selling += lots;
            }
            let distance = if reference == 0 { 0 } else { (price - reference).abs() };
            let worth = (-buying.min(selling), (buying - selling).abs(), distance);
            if best.is_none_or(|(best, _)| worth < best) {
                best = Some((worth, price));
            }
        }
        best.map(|((volume, _, _), price)| (price, i64::try_from(-volume).unwrap_or(i64::MAX)))
    }

    /// The prices of a side down to `worst`, best first, with the leaves that stand there.
    fn crossing(&self, symbol_id: u32, side: Side, worst: i64) -> Vec<(i64, i128)> {
        let queues = self.markets[symbol_id].book.queues(&self.open, side);
        let within = queues.take_while(|(price, _)| rank(side, *price) <= rank(side, worst));
        let leaves = |slot: u32| {
            let OpenOrder { leaves, .. } = self.open[slot];
            i128::from(leaves)
        };
        within.map(|(price, queue)| (price, queue.map(leaves).sum())).collect()
    }
}
