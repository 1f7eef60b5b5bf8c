//! Pegged orders follow the best prices of the others (docs/MATCHING.md, section 7).

use crate::language::codes::{Peg, RestateReason, Side};
use crate::language::event::OrderRestated;
use crate::language::ids::{OrderId, SymbolId};
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::open_orders::{Hand, OpenOrder, Slot};
use crate::market::References;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Let a pegged order wait until it is priced.
    pub(crate) fn wait_for_price(&mut self, slot: Slot) {
        let order = &mut self.open[slot];
        (order.price, order.hand) = (Ticks::ZERO, Hand::No);
        let OpenOrder { symbol_id, account_id, .. } = *order;
        let place = order.place();
        let firm_id = self.accounts[account_id].firm_id;
        self.markets[symbol_id].add_peg(place, slot, account_id, firm_id);
        self.touch(symbol_id);
        self.list(slot);
    }

    /// Price the pegged orders of a symbol that is trading, by their priority, until all have been looked at or an
    /// order was interrupted; tells whether the steps sufficed.
    pub(crate) fn price_pegs(&mut self, symbol_id: SymbolId) -> bool {
        let market = &self.markets[symbol_id];
        if !market.has_pegs() || market.in_hand.has_begun {
            return true;
        }
        if !self.clear_fronts(symbol_id) {
            return false;
        }
        let market = &mut self.markets[symbol_id];
        let references = market.references();
        if market.peg_references != references {
            (market.peg_references, market.peg_next) = (references, (0, OrderId::NONE));
        }
        while let Some(slot) = self.next_peg(symbol_id) {
            if !self.price_peg(symbol_id, slot) {
                return false;
            }
        }
        true
    }

    /// The next peg of the round, unless an order was interrupted. One that was entered or replaced since has a higher
    /// priority number than all others, and is priced with them.
    fn next_peg(&self, symbol_id: SymbolId) -> Option<Slot> {
        let market = &self.markets[symbol_id];
        let next = market.pegs.range(market.peg_next..).next().filter(|_| !market.in_hand.has_begun);
        next.map(|(_, slot)| *slot)
    }

    /// Look at a peg, and give it the price it should have; tells whether the steps sufficed.
    fn price_peg(&mut self, symbol_id: SymbolId, slot: Slot) -> bool {
        if !self.now.look() {
            return false;
        }
        let price = self.pegged_price(slot, self.markets[symbol_id].peg_references).unwrap_or_default();
        let is_out = self.is_out(slot);
        if (is_out || price != self.open[slot].price) && !self.now.step() {
            return false;
        }
        let (priority, order_id) = self.open[slot].place();
        self.markets[symbol_id].peg_next = (priority, OrderId::new(order_id.number() + 1));
        if is_out {
            self.dismiss(slot);
        } else if price != self.open[slot].price {
            self.reprice(slot, price);
        }
        true
    }

    /// Move a pegged order to its price, where it takes from other pegged orders.
    fn reprice(&mut self, slot: Slot, price: Ticks) {
        self.detach(slot);
        self.open[slot].price = price;
        let order = self.open[slot];
        self.records.tell(&OrderRestated {
            order_id: order.order_id,
            reason: RestateReason::Peg,
            order_qty: order.order_qty,
            leaves: order.leaves,
            price,
            display: if price.is_zero() { Lots::ZERO } else { order.leaves },
            released: Minor::ZERO,
        });
        if !price.is_zero() {
            self.trade_then_rest(slot);
        }
    }

    /// What a pegged order's price is by the references, if they give one and it is not outside the market.
    fn pegged_price(&self, slot: Slot, References { bid, ask, mark }: References) -> Option<Ticks> {
        let (bid, ask) = ((!bid.is_zero()).then_some(bid), (!ask.is_zero()).then_some(ask));
        let OpenOrder { symbol_id, side, limit: cap, .. } = self.open[slot];
        if self.open[slot].hand == Hand::Outside {
            return None;
        }
        let terms = self.open.terms(slot);
        let (own, other) = if side == Side::Buy { (bid, ask) } else { (ask, bid) };
        let followed = match terms.peg {
            Peg::Primary => own?,
            Peg::Market => other?,
            Peg::Mid => (bid? + ask?).moved(i64::from(side == Side::Sell)).half(),
            Peg::None => return None,
        };
        let passive = |price: Ticks| match (side, other) {
            (Side::Buy, Some(ask)) => price.min(ask.moved(-1)),
            (Side::Sell, Some(bid)) => price.max(bid.moved(1)),
            (_, None) => price,
        };
        let capped = |price: Ticks| match side {
            Side::Buy => price.min(cap),
            Side::Sell => price.max(cap),
        };
        let price = passive(capped(followed + terms.peg_offset)).as_price()?;
        self.markets[symbol_id].is_within_band(price, mark).then_some(price)
    }
}
