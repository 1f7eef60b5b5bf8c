//! Open orders as they are counted and found: by account, by symbol, by expiry.

use crate::language::codes::Side;
use crate::language::ids::{AccountId, SymbolId};
use crate::language::units::Lots;
use crate::market::book::LevelSlot;
use crate::market::open_orders::Slot;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Let an order count as open, and be found by account and expiry.
    #[inline(always)]
    pub(crate) fn list(&mut self, slot: Slot) {
        if self.open[slot].is_listed {
            return;
        }
        let expire_time_ns = self.open.terms(slot).expire_time_ns;
        let order = &mut self.open[slot];
        order.is_listed = true;
        if expire_time_ns != 0 {
            self.expiries.insert((expire_time_ns, order.order_id, slot));
        }
        let account = &mut self.accounts[order.account_id];
        account.order_opened(order.symbol_id);
        let next = std::mem::replace(&mut account.last_open, slot);
        (order.account_previous, order.account_next) = (Slot::NIL, next);
        if next == Slot::NIL {
            self.accounts[self.open[slot].account_id].first_open = slot;
        } else {
            self.open[next].account_previous = slot;
        }
        self.markets[self.open[slot].symbol_id].open_orders += 1;
        let leaves = self.open[slot].leaves;
        if !self.open[slot].is_reduce_only() {
            self.change_open_lots(slot, leaves);
        }
    }

    /// Keep count of the lots an account has open in a perpetual, while the order is listed, and of those that rest to
    /// reduce its position.
    pub(crate) fn change_open_lots(&mut self, slot: Slot, lots: Lots) {
        let order = &self.open[slot];
        if order.is_reduce_only() {
            if order.level != LevelSlot::NIL {
                self.change_reducing(slot, lots);
            }
        } else if order.is_listed && self.markets[order.symbol_id].instrument.is_perpetual() {
            let position = self.accounts[order.account_id].position_mut(order.symbol_id);
            *position.expect("an accepted order has a position").open_lots(order.side) += lots;
        }
    }

    pub(crate) fn unlist(&mut self, slot: Slot) {
        let order = self.open[slot];
        let expire_time_ns = self.open.terms(slot).expire_time_ns;
        if expire_time_ns != 0 {
            self.expiries.remove(&(expire_time_ns, order.order_id, slot));
        }
        let account = &mut self.accounts[order.account_id];
        account.order_closed(order.symbol_id);
        if order.account_previous == Slot::NIL {
            account.last_open = order.account_next;
        } else {
            self.open[order.account_previous].account_next = order.account_next;
        }
        if order.account_next == Slot::NIL {
            account.first_open = order.account_previous;
        } else {
            self.open[order.account_next].account_previous = order.account_previous;
        }
        for withdrawal in self.withdrawals.iter_mut().filter(|withdrawal| withdrawal.next == slot) {
            withdrawal.next = order.account_previous;
        }
        if let Some(way) = self.moves.get_mut(&order.account_id).filter(|way| way.next == slot) {
            way.next = order.account_previous;
        }
        let market = &mut self.markets[order.symbol_id];
        market.open_orders -= 1;
        self.delisted_with_orders -= u32::from(market.is_delisted && market.open_orders == 0);
        if order.is_pegged() {
            market.remove_peg(order.place(), order.account_id, self.accounts[order.account_id].firm_id);
        }
    }

    /// Open orders of an account, the latest first.
    pub(crate) fn open_of(&self, account_id: AccountId) -> Vec<Slot> {
        let first = self.accounts.get(account_id).map_or(Slot::NIL, |account| account.last_open);
        let present = Slot::present;
        std::iter::successors(present(first), |slot| present(self.open[*slot].account_next)).collect()
    }

    /// Open orders of a symbol, by order id.
    pub(crate) fn open_in(&self, symbol_id: SymbolId) -> Vec<Slot> {
        let market = &self.markets[symbol_id];
        let mut slots: Vec<Slot> = market.book.iter(&self.open, Side::Buy).collect();
        slots.extend(market.book.iter(&self.open, Side::Sell));
        slots.extend(market.stops.slots());
        slots.extend(market.outside.values());
        slots.extend(market.pegs.values().filter(|slot| self.open[**slot].level == LevelSlot::NIL));
        slots.extend(market.in_hand.iter(&self.open).filter(|slot| !self.open[*slot].is_pegged()));
        slots.sort_unstable_by_key(|slot| self.open[*slot].order_id);
        slots
    }
}
