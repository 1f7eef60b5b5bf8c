//! Stops wait until the last price or the mark reaches them (docs/MATCHING.md, section 6).

use crate::language::codes::{Code, OrdType, Side, Trigger};
use crate::language::event::OrderTriggered;
use crate::language::ids::SymbolId;
use crate::language::units::Ticks;
use crate::market::open_orders::{OpenOrder, Slot, Terms};
use crate::market::stops::is_reached;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Let a stop that has just come in, or has changed, wait, or elect it when it is due already.
    pub(crate) fn wait_or_elect(&mut self, slot: Slot) {
        let OpenOrder { symbol_id, side, .. } = self.open[slot];
        let place = self.open[slot].place();
        let terms = *self.open.terms(slot);
        let market = &self.markets[symbol_id];
        let price = if terms.trigger == Trigger::Mark { market.mark } else { market.last_px };
        if self.is_trading(symbol_id) && is_reached(side, terms.stop_px, price) {
            let must_wait = self.now.must_wait;
            return self.elect(slot, must_wait);
        }
        self.markets[symbol_id].stops.insert(side, &terms, place, slot);
        self.list(slot);
    }

    /// Elect the stops that are due in a symbol, one at a time, until none is or one was interrupted; tells
    /// whether the steps sufficed.
    pub(crate) fn elect_stops(&mut self, symbol_id: SymbolId) -> bool {
        while !self.markets[symbol_id].in_hand.has_begun {
            let Some(slot) = self.markets[symbol_id].due_stop() else {
                return true;
            };
            if !self.now.step() {
                return false;
            }
            if self.is_out(slot) {
                self.dismiss(slot);
            } else {
                self.detach(slot);
                self.elect(slot, false);
            }
        }
        true
    }

    /// Let a stop that does not wait any more trade up to its limit, behind others if it must.
    fn elect(&mut self, slot: Slot, must_wait: bool) {
        let terms = *self.open.terms(slot);
        self.open.set_terms(slot, Terms { is_triggered: true, ..terms });
        let price = self.price_when_elected(slot);
        let order = &mut self.open[slot];
        (order.price, order.priority) = (price, self.now.seq);
        let OpenOrder { order_id, symbol_id, ord_type, .. } = *order;
        self.records.tell(&OrderTriggered { order_id, price });
        let market = &self.markets[symbol_id];
        if ord_type == OrdType::StopLimit && !market.is_within_band(price, market.mark) {
            return self.cancel(slot, Code::PriceOutsideBand);
        }
        if !self.open[slot].is_reduce_only() || self.clip(slot) {
            self.meet_book_in_turn(slot, must_wait);
        }
    }

    /// The price up to which an elected stop takes: its own limit, or, of a market order, the collars of now as well.
    fn price_when_elected(&self, slot: Slot) -> Ticks {
        let OpenOrder { symbol_id, side, ord_type, limit, .. } = self.open[slot];
        if ord_type == OrdType::StopLimit {
            return limit;
        }
        let market = &self.markets[symbol_id];
        let best = market.book.best_price(side.opposite());
        let collar = best.map_or(limit, |best| market.instrument.moved_by_band(side, best));
        let price = if side == Side::Buy { limit.min(collar) } else { limit.max(collar) };
        market.collared(side, price)
    }
}
