//! Stops wait until the last price or the mark reaches them (docs/MATCHING.md, section 6).

use crate::language::codes::Trigger;
use crate::language::event::OrderTriggered;
use crate::language::ids::SymbolId;
use crate::market::open_orders::{OpenOrder, Slot, Terms};
use crate::market::Unacted;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Let a stop that has just come in, or has changed, wait, or elect it when it is due already.
    pub(crate) fn wait_or_elect(&mut self, slot: Slot) {
        let OpenOrder { symbol_id, side, priority, .. } = self.open[slot];
        let terms = *self.open.terms(slot);
        let market = &self.markets[symbol_id];
        let price = if terms.trigger == Trigger::Mark { market.mark } else { market.last_px };
        let present = Unacted { low: price, high: price };
        if self.is_trading(symbol_id) && present.elects(side, terms.stop_px) {
            return self.elect(slot);
        }
        self.markets[symbol_id].stops.insert(side, &terms, priority, slot);
        self.list(slot);
    }

    /// Elect the stops that are due in a symbol, one at a time, until none is or an order waits for its turn; tells
    /// whether the steps sufficed.
    pub(crate) fn elect_stops(&mut self, symbol_id: SymbolId) -> bool {
        while self.markets[symbol_id].in_hand.is_empty() {
            let market = &mut self.markets[symbol_id];
            let Some(slot) = market.stops.next_due(market.unacted_last, market.unacted_mark) else {
                (market.unacted_last, market.unacted_mark) = (Unacted::default(), Unacted::default());
                return true;
            };
            if !self.now.step() {
                return false;
            }
            if self.is_out(slot) {
                self.dismiss(slot);
            } else {
                self.detach(slot);
                self.elect(slot);
            }
        }
        true
    }

    /// Let a stop that does not wait any more trade up to its limit.
    fn elect(&mut self, slot: Slot) {
        let terms = *self.open.terms(slot);
        self.open.set_terms(slot, Terms { is_triggered: true, ..terms });
        let order = &mut self.open[slot];
        (order.price, order.priority) = (order.limit, self.now.seq);
        let OpenOrder { order_id, limit: price, .. } = *order;
        self.records.tell(&OrderTriggered { order_id, price });
        if !self.open[slot].is_reduce_only() || self.clip(slot) {
            self.meet_book_in_turn(slot);
        }
    }
}
