//! How an order ends: withdrawn, canceled, expired, filled. What it has locked goes back.

use crate::language::codes::{AccountKind, Code, OrderState};
use crate::language::event::{OrderCanceled, OrderExpired};
use crate::language::units::{Lots, Minor};
use crate::market::book::LevelSlot;
use crate::market::open_orders::{Hand, OpenOrder, Slot};
use crate::state::exchange::Exchange;

impl Exchange {
    /// End an order that has no place in the book any more.
    pub(crate) fn finish(&mut self, slot: Slot, state: OrderState) {
        let order = self.open[slot];
        if order.is_listed {
            self.change_open_lots(slot, -order.leaves);
            self.unlist(slot);
        }
        self.orders.close(order.entry, state);
        self.open.remove(slot);
    }

    /// Take an order out of wherever it stands, give back what it has locked, end it, and return its leaves and that amount.
    pub(crate) fn withdraw(&mut self, slot: Slot, state: OrderState) -> (Lots, Minor) {
        let order = self.open[slot];
        self.detach(slot);
        let released = order.reserved();
        self.release(&order, released);
        self.finish(slot, state);
        (order.leaves, released)
    }

    /// Take an order out of the book, from among the stops that wait, or out of hand.
    #[inline(always)]
    pub(crate) fn detach(&mut self, slot: Slot) {
        let order = self.open[slot];
        if order.level != LevelSlot::NIL && order.is_reduce_only() {
            self.leave_reducers(slot);
        }
        let market = &mut self.markets[order.symbol_id];
        if order.level != LevelSlot::NIL {
            market.own_orders.leave(&self.open, slot);
            market.book.remove(&mut self.open, slot);
            if market.has_pegs() {
                self.touch(order.symbol_id);
            }
        } else if order.hand == Hand::Outside {
            market.outside.remove(&order.order_id);
        } else if order.hand == Hand::Waits {
            market.in_hand.remove(&mut self.open, slot);
        } else if self.open.is_waiting_stop(slot) && order.is_listed {
            market.stops.remove(order.side, self.open.terms(slot), order.place());
        }
    }

    /// Move part of what an order has locked back to available.
    pub(crate) fn release(&mut self, order: &OpenOrder, amount: Minor) {
        let asset_id = self.markets[order.symbol_id].instrument.reserved_asset(order.side);
        self.accounts[order.account_id].release(asset_id, amount);
    }

    /// Cancel an open order and tell it.
    pub(crate) fn cancel(&mut self, slot: Slot, code: Code) {
        let order = self.open[slot];
        let (leaves, released) = self.withdraw(slot, OrderState::Canceled);
        self.records.tell(&OrderCanceled { code, order_id: order.order_id, leaves, released });
        self.repay_reserved(&order);
    }

    /// Expire an order and tell it.
    pub(crate) fn expire(&mut self, slot: Slot, code: Code) {
        let order = self.open[slot];
        let (leaves, released) = self.withdraw(slot, OrderState::Expired);
        self.records.tell(&OrderExpired { code, order_id: order.order_id, leaves, released });
        self.repay_reserved(&order);
    }

    /// Pay back loans and debts from what an order's end or change has made available.
    pub(crate) fn repay_reserved(&mut self, order: &OpenOrder) {
        if self.accounts[order.account_id].kind != AccountKind::Spot {
            let asset_id = self.markets[order.symbol_id].instrument.reserved_asset(order.side);
            self.repay(order.account_id, asset_id);
        }
    }
}
