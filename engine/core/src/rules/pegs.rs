//! Pegged orders follow the best prices of the others (docs/MATCHING.md, section 7).

use crate::language::codes::{Peg, RestateReason, Side};
use crate::language::event::OrderRestated;
use crate::language::limits::PRICE_TICKS_MAX;
use crate::market::open_orders::OpenOrder;
use crate::state::exchange::Exchange;
use crate::store::slab::NIL;

/// Best bid and ask among orders that are not pegged.
type References = (Option<i64>, Option<i64>);

impl Exchange {
    /// Let a pegged order wait until it is priced at the end of the record.
    pub(crate) fn wait_for_price(&mut self, slot: u32) {
        let OpenOrder { symbol_id, order_id, .. } = self.open[slot];
        self.open[slot].price = 0;
        let market = &mut self.markets[symbol_id];
        market.pegs.insert(order_id, slot);
        market.priced_by = None;
        self.touch(symbol_id);
        self.list(slot);
    }

    /// Price the pegged orders of a symbol that is trading; tells whether that traded.
    pub(crate) fn reprice_pegs(&mut self, symbol_id: u32) -> bool {
        let market = &mut self.markets[symbol_id];
        if !market.has_pegs() {
            return false;
        }
        let references = (market.book.reference(Side::Buy), market.book.reference(Side::Sell));
        if market.priced_by == Some(references) {
            return false;
        }
        market.priced_by = Some(references);
        let slots: Vec<(u64, u32)> = market.pegs.iter().map(|(order_id, slot)| (*order_id, *slot)).collect();
        let mut has_traded = false;
        for (order_id, slot) in slots {
            // It may have been filled by one before it.
            if self.open[slot].order_id == order_id {
                has_traded |= self.reprice(slot, references);
            }
        }
        has_traded
    }

    /// Move a pegged order to its price, where it takes from other pegged orders; tells whether it traded.
    fn reprice(&mut self, slot: u32, references: References) -> bool {
        let order = self.open[slot];
        let price = self.pegged_price(slot, references).unwrap_or(0);
        if price == order.price {
            return false;
        }
        if order.level != NIL {
            self.markets[order.symbol_id].book.remove(&mut self.open, slot);
        }
        self.open[slot].price = price;
        self.records.tell(&OrderRestated {
            order_id: order.order_id,
            reason: RestateReason::Peg,
            order_qty: order.order_qty,
            leaves: order.leaves,
            price,
            display: if price == 0 { 0 } else { order.leaves },
            released: 0,
        });
        if price == 0 {
            return false;
        }
        self.trade_then_rest(slot, true);
        self.markets[order.symbol_id].has_unacted()
    }

    /// What a pegged order's price is by the references, if they give one.
    fn pegged_price(&self, slot: u32, (bid, ask): References) -> Option<i64> {
        let OpenOrder { side, limit: cap, .. } = self.open[slot];
        let terms = self.open.terms(slot);
        let (own, other) = if side == Side::Buy { (bid, ask) } else { (ask, bid) };
        let followed = match terms.peg {
            Peg::Primary => own?,
            Peg::Market => other?,
            Peg::Mid => (bid? + ask? + i64::from(side == Side::Sell)).div_euclid(2),
            Peg::None => return None,
        };
        let passive = |price: i64| match (side, other) {
            (Side::Buy, Some(ask)) => price.min(ask - 1),
            (Side::Sell, Some(bid)) => price.max(bid + 1),
            (_, None) => price,
        };
        let capped = |price: i64| match side {
            Side::Buy => price.min(cap),
            Side::Sell => price.max(cap),
        };
        Some(passive(capped(followed + terms.peg_offset))).filter(|price| (1..=PRICE_TICKS_MAX).contains(price))
    }
}
