//! Orders that are out of the market, but still in the books: due, withdrawn or delisted (docs/MATCHING.md, section 1).

use crate::language::codes::{Code, TimeInForce, SIDES};
use crate::language::event::MassCanceled;
use crate::language::ids::SymbolId;
use crate::market::book::LevelSlot;
use crate::market::open_orders::Slot;
use crate::market::order_register::Entry;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Tell whether an order is no part of the market any more.
    #[inline(always)]
    pub(crate) fn is_out(&self, slot: Slot) -> bool {
        self.now.may_be_out && self.is_surely_out(slot) && !self.is_held(slot)
    }

    /// Tell whether an order is part of trades that are decided, and are still to be told: it cannot leave.
    #[inline(always)]
    pub(crate) fn is_held(&self, slot: Slot) -> bool {
        let order = &self.open[slot];
        let market = &self.markets[order.symbol_id];
        market.auction.is_some() && order.level != LevelSlot::NIL && market.trades_in_auction(order.side, order.price)
    }

    fn is_surely_out(&self, slot: Slot) -> bool {
        self.is_ending(slot) || self.is_being_suspended(slot)
    }

    /// Tell whether an order is out for good.
    pub(crate) fn is_ending(&self, slot: Slot) -> bool {
        let is_delisted = self.markets[self.open[slot].symbol_id].is_delisted;
        is_delisted || self.is_due(slot) || self.withdrawal_of(slot).is_some()
    }

    /// Tell whether a DAY or GTD order's time has come.
    fn is_due(&self, slot: Slot) -> bool {
        let expire_time_ns = self.open.terms(slot).expire_time_ns;
        expire_time_ns != 0 && expire_time_ns <= self.now.ts_ns
    }

    /// End an order that is out, or let it stand outside the market.
    pub(crate) fn dismiss(&mut self, slot: Slot) {
        if self.is_due(slot) {
            let is_day = self.open[slot].time_in_force == TimeInForce::Day;
            return self.expire(slot, if is_day { Code::DayExpired } else { Code::GtdExpired });
        }
        if self.markets[self.open[slot].symbol_id].is_delisted {
            return self.cancel(slot, Code::Delisted);
        }
        match self.withdrawal_of(slot) {
            Some(at) => {
                self.withdrawals[at].canceled += 1;
                self.cancel(slot, self.withdrawals[at].code);
            }
            None => self.suspend(slot),
        }
    }

    /// End the order that is asked about, when it is out already; bring it back, when it is to come back.
    #[inline(always)]
    pub(crate) fn dismiss_if_out(&mut self, entry: Entry) {
        if !self.now.may_be_out {
            return;
        }
        let order = self.orders[entry];
        if order.state.is_open() && self.is_out(order.slot) {
            self.dismiss(order.slot);
        } else if order.state.is_open() {
            self.bring_back_if_due(order.slot);
        }
    }

    /// Take orders that are out from the fronts of both sides of a book; tells whether the steps sufficed.
    #[inline(always)]
    pub(crate) fn clear_fronts(&mut self, symbol_id: SymbolId) -> bool {
        !self.now.may_be_out || self.dismiss_fronts(symbol_id)
    }

    fn dismiss_fronts(&mut self, symbol_id: SymbolId) -> bool {
        for side in SIDES {
            while let Some((_, slot)) = self.markets[symbol_id].book.front(side).filter(|(_, slot)| self.is_out(*slot))
            {
                if !self.now.step() {
                    return false;
                }
                self.dismiss(slot);
            }
        }
        true
    }

    /// Tell whether orders may be out that stand in the books.
    pub(crate) fn may_be_out(&self) -> bool {
        self.delisted_with_orders > 0 || self.is_something_due()
    }

    /// Tell whether orders are due, or mass cancels or suspensions not complete.
    pub(crate) fn is_something_due(&self) -> bool {
        !self.withdrawals.is_empty()
            || !self.moves.is_empty()
            || self.expiries.first().is_some_and(|(expiry, ..)| *expiry <= self.now.ts_ns)
    }

    /// Tell what is out already: orders whose time has come, then those that mass cancels mean.
    pub(crate) fn settle_due(&mut self) {
        let ts_ns = self.now.ts_ns;
        while let Some((_, _, slot)) = self.expiries.first().copied().filter(|(expiry, ..)| *expiry <= ts_ns) {
            if self.is_held(slot) || !self.now.step() {
                return;
            }
            self.dismiss(slot);
        }
        while let Some(withdrawal) = self.withdrawals.first() {
            let seq = withdrawal.seq;
            if !self.now.step() {
                return;
            }
            let Some(canceled) = self.withdraw_all(seq) else {
                return;
            };
            self.records.tell(&MassCanceled { canceled, request_seq: seq, is_complete: true });
        }
        while let Some(account_id) = self.moves.first_key_value().map(|(account_id, _)| *account_id) {
            if !self.go_on_moving(account_id) {
                return;
            }
        }
    }
}
