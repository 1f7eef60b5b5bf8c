//! Orders of a suspended account stand outside the market, and come back behind (docs/MATCHING.md, section 10).

use crate::language::codes::{AccountStatus, Code, ExecInst, RestateReason, SymbolStatus};
use crate::language::event::OrderRestated;
use crate::language::ids::{AccountId, OrderId};
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::open_orders::{Hand, OpenOrder, Slot};
use crate::state::exchange::{Exchange, Move};

impl Exchange {
    /// Begin to take the orders of an account out of the market, or to bring them back, as its status has it now.
    pub(crate) fn begin_move(&mut self, account_id: AccountId) {
        let next = self.accounts[account_id].first_open;
        self.moves.insert(account_id, Move { at_order: OrderId::NONE, next });
        self.now.may_be_out = true;
        self.go_on_moving(account_id);
    }

    /// Go on with the orders of an account, the oldest first; tells whether the steps sufficed.
    pub(crate) fn go_on_moving(&mut self, account_id: AccountId) -> bool {
        while let Some(slot) = self.moves.get(&account_id).and_then(|way| way.next.present()) {
            if !self.now.look() {
                return false;
            }
            let is_moved = self.is_being_suspended(slot) || self.is_to_come_back(slot);
            if is_moved && (self.is_held(slot) || !self.now.step()) {
                return false;
            }
            let OpenOrder { order_id, account_previous, .. } = self.open[slot];
            self.moves.insert(account_id, Move { at_order: order_id, next: account_previous });
            if is_moved {
                self.move_order(slot);
            }
        }
        self.moves.remove(&account_id);
        true
    }

    /// Tell whether an order of a suspended account is still where it was.
    pub(crate) fn is_being_suspended(&self, slot: Slot) -> bool {
        let order = &self.open[slot];
        order.hand != Hand::Outside
            && self.accounts[order.account_id].status == AccountStatus::Suspended
            && !order.exec_inst.has(ExecInst::LIQUIDATION)
    }

    fn is_to_come_back(&self, slot: Slot) -> bool {
        let order = &self.open[slot];
        order.hand == Hand::Outside && self.accounts[order.account_id].status == AccountStatus::Active
    }

    /// End an order that has to end, else take it out of the market or bring it back.
    fn move_order(&mut self, slot: Slot) {
        if self.is_ending(slot) || self.is_being_suspended(slot) {
            self.dismiss(slot);
        } else {
            self.bring_back(slot);
        }
    }

    /// Bring the order back that is asked about, when its account is active again.
    pub(crate) fn bring_back_if_due(&mut self, slot: Slot) {
        if self.is_to_come_back(slot) {
            self.bring_back(slot);
        }
    }

    /// Take an order out of the market: it keeps what it has locked, and waits for its account.
    pub(crate) fn suspend(&mut self, slot: Slot) {
        self.detach(slot);
        let order = &mut self.open[slot];
        order.hand = Hand::Outside;
        order.display = Lots::ZERO;
        let OpenOrder { symbol_id, order_id, .. } = *order;
        if order.is_pegged() {
            order.price = Ticks::ZERO;
        } else {
            self.markets[symbol_id].outside.insert(order_id, slot);
        }
        self.tell_moved(slot, RestateReason::Suspended);
    }

    /// Let an order come back as one that has lost its priority does.
    fn bring_back(&mut self, slot: Slot) {
        let symbol_id = self.open[slot].symbol_id;
        self.find_whether_to_wait(symbol_id);
        let must_wait = self.now.must_wait;
        self.lose_priority(slot);
        self.open[slot].hand = Hand::No;
        self.tell_moved(slot, RestateReason::Resumed);
        if self.open.is_waiting_stop(slot) {
            return self.wait_or_elect(slot);
        }
        if self.open[slot].is_pegged() {
            return self.wait_for_price(slot);
        }
        let market = &self.markets[symbol_id];
        if !market.is_within_band(self.open[slot].price, market.mark) {
            return self.cancel(slot, Code::PriceOutsideBand);
        }
        if self.open[slot].is_reduce_only() && !self.clip(slot) {
            return;
        }
        let market = &self.markets[symbol_id];
        if self.is_trading(symbol_id) {
            self.meet_book_in_turn(slot, must_wait);
        } else if market.status == SymbolStatus::PreOpen && market.auction.is_none() && self.open[slot].rests() {
            self.rest(slot);
        } else {
            self.take_in_hand(slot, false);
        }
    }

    fn tell_moved(&mut self, slot: Slot, reason: RestateReason) {
        let order = &self.open[slot];
        let has_price = !order.is_pegged() && !self.open.is_waiting_stop(slot);
        self.records.tell(&OrderRestated {
            order_id: order.order_id,
            reason,
            order_qty: order.order_qty,
            leaves: order.leaves,
            price: if has_price { order.price } else { Ticks::ZERO },
            display: Lots::ZERO,
            released: Minor::ZERO,
        });
    }
}
