//! What is left to do in the markets goes on: turns, elections, prices of pegs (docs/MATCHING.md, sections 1 and 5).

use crate::language::codes::{Code, RestateReason, TimeInForce};
use crate::language::ids::{Key, SymbolId};
use crate::language::units::{Lots, Minor};
use crate::market::open_orders::{Hand, Slot, Terms};
use crate::state::exchange::Exchange;

impl Exchange {
    /// Go on in one market after the other, from where the last record stopped.
    pub(crate) fn work_in_markets(&mut self) {
        if self.now.steps == 0 {
            return;
        }
        for (from, end) in [(self.turn, SymbolId::new(u32::MAX)), (SymbolId::NONE, self.turn)] {
            let mut at = from;
            while let Some(symbol_id) = self.touched.first_from(at).filter(|symbol_id| *symbol_id < end) {
                at = symbol_id.next();
                if self.has_work(symbol_id) {
                    let needs_more = self.work_on(symbol_id);
                    if needs_more || self.now.steps == 0 {
                        // An order that needs more steps than there are comes first next time.
                        self.turn = if needs_more { symbol_id } else { symbol_id.next() };
                        return;
                    }
                }
                if !self.has_work(symbol_id) {
                    self.touched.remove(symbol_id);
                }
            }
        }
        self.turn = SymbolId::NONE;
    }

    /// Go on in one market; tells whether its next order needs more steps than there are.
    fn work_on(&mut self, symbol_id: SymbolId) -> bool {
        if self.markets[symbol_id].is_delisted {
            self.clear_delisted(symbol_id);
            return false;
        }
        if self.markets[symbol_id].auction.is_some() {
            self.go_on_uncrossing(symbol_id);
        }
        if !self.settle_excess(symbol_id) {
            return false;
        }
        while self.markets[symbol_id].auction.is_none() && self.is_trading(symbol_id) && self.has_work(symbol_id) {
            if !self.settle_excess(symbol_id) {
                return false;
            }
            // One that was interrupted goes on; then comes what follows from it; then who came after.
            let follows =
                self.markets[symbol_id].in_hand.has_begun || self.elect_stops(symbol_id) && self.price_pegs(symbol_id);
            if !follows {
                return false;
            }
            if let Some(slot) = self.next_turn(symbol_id) {
                if self.now.steps < self.steps_needed(slot) {
                    return self.now.steps > 0;
                }
                self.take_turn(slot);
            }
        }
        false
    }

    /// Cancel what a delisting has left, as far as the steps reach.
    pub(crate) fn clear_delisted(&mut self, symbol_id: SymbolId) {
        while let Some(slot) = self.first_left(symbol_id) {
            if !self.now.step() {
                return;
            }
            self.cancel(slot, Code::Delisted);
        }
    }

    /// The first of a symbol's open orders: bids, asks, pegs, stops, orders in hand, those outside the market.
    fn first_left(&self, symbol_id: SymbolId) -> Option<Slot> {
        let market = &self.markets[symbol_id];
        let mut fronts = crate::language::codes::SIDES.into_iter().filter_map(|side| market.book.front(side));
        let peg = || market.pegs.first_key_value().map(|(_, slot)| *slot);
        let placed = fronts.next().map(|(_, slot)| slot);
        let waits = || market.stops.first().or_else(|| market.in_hand.first());
        let outside = || market.outside.first_key_value().map(|(_, slot)| *slot);
        placed.or_else(peg).or_else(waits).or_else(outside)
    }

    // --- turns ------------------------------------------------------------------------------------------

    /// Steps that must be left for an order to take its turn.
    #[inline(always)]
    fn steps_needed(&self, slot: Slot) -> u32 {
        let is_whole = match self.open[slot].time_in_force {
            TimeInForce::FillOrKill => true,
            TimeInForce::ImmediateOrCancel => self.open.terms(slot).min_qty > Lots::ZERO,
            TimeInForce::Day | TimeInForce::GoodTillCancel | TimeInForce::GoodTillDate => false,
        };
        if is_whole && !self.is_out(slot) {
            self.fill_steps_max()
        } else {
            1
        }
    }

    /// The order whose turn it is, unless stops or pegs come first.
    fn next_turn(&self, symbol_id: SymbolId) -> Option<Slot> {
        let market = &self.markets[symbol_id];
        let is_next = market.in_hand.has_begun
            || market.in_excess.is_empty() && market.due_stop().is_none() && !market.has_pegs_to_price();
        market.in_hand.first().filter(|_| is_next)
    }

    /// Let an order in hand meet the book: a step, and those of its matching.
    fn take_turn(&mut self, slot: Slot) {
        self.now.steps -= 1;
        if self.is_out(slot) {
            return self.dismiss(slot);
        }
        self.detach(slot);
        if !self.open[slot].is_reduce_only() || self.clip(slot) {
            self.meet_book(slot);
        }
    }

    /// Let an order meet the book, after what came before it. An elected stop comes before all others.
    #[inline(always)]
    pub(crate) fn meet_book_in_turn(&mut self, slot: Slot, must_wait: bool) {
        let symbol_id = self.open[slot].symbol_id;
        let lacks_steps = self.now.steps < self.steps_needed(slot);
        if (must_wait || lacks_steps) && self.is_trading(symbol_id) {
            self.take_in_hand(slot, !must_wait);
        } else {
            self.meet_book(slot);
        }
    }

    /// Match an order, unless it must not take, or must be filled and cannot be.
    #[inline(always)]
    fn meet_book(&mut self, slot: Slot) {
        let order = &self.open[slot];
        if order.is_post_only() && self.markets[order.symbol_id].book.crosses(order.side, order.price) {
            return self.cancel(slot, Code::PostOnlyWouldTake);
        }
        if order.time_in_force == TimeInForce::FillOrKill && !self.is_fillable(slot, order.leaves) {
            return self.expire(slot, Code::FokUnfillable);
        }
        if order.time_in_force == TimeInForce::ImmediateOrCancel && !self.may_fill_least(slot) {
            return self.expire(slot, Code::MinQtyUnfillable);
        }
        self.trade_then_rest(slot);
    }

    /// Tell whether what an order must have at least can be filled, if it asks for that; it asks once.
    fn may_fill_least(&mut self, slot: Slot) -> bool {
        let terms = *self.open.terms(slot);
        let is_fillable = terms.min_qty == Lots::ZERO || self.is_fillable(slot, terms.min_qty);
        self.open.set_terms(slot, Terms { min_qty: Lots::ZERO, ..terms });
        is_fillable
    }

    /// Let an order wait for its turn to be matched, or, at the front, for the rest of its turn.
    pub(crate) fn take_in_hand(&mut self, slot: Slot, at_front: bool) {
        self.list(slot);
        let symbol_id = self.open[slot].symbol_id;
        let is_told = self.open[slot].hand == Hand::Turn;
        self.open[slot].display = Lots::ZERO;
        let in_hand = &mut self.markets[symbol_id].in_hand;
        if at_front {
            in_hand.push_front(&mut self.open, slot);
        } else {
            in_hand.push_back(&mut self.open, slot);
        }
        self.touch(symbol_id);
        if !is_told {
            self.tell_restated(slot, RestateReason::Turn, Minor::ZERO);
        }
    }
}
