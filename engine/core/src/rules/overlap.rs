//! Before an auction: what could never trade leaves the book, so that it forms no price (docs/MATCHING.md, section 2).

use crate::language::codes::{Side, SIDES};
use crate::language::ids::{AccountId, FirmId, Key, OrderId, SymbolId};
use crate::language::units::Lots;
use crate::market::book::LevelSlot;
use crate::market::open_orders::Slot;
use crate::market::own_orders::{OwnOrders, Owner, Place};
use crate::market::Netting;
use crate::state::exchange::Exchange;

impl Exchange {
    /// Take own overlap out, firm by firm, and reduce-only orders beyond their positions; tells whether the steps sufficed.
    pub(crate) fn net_overlap(&mut self, symbol_id: SymbolId) -> bool {
        while let Some(netting) = self.markets[symbol_id].netting() {
            let Some(firm_id) = self.firms.first_from(netting.firm_id) else {
                self.set_netting(symbol_id, None);
                return true;
            };
            if !(self.now.look() && self.gather(symbol_id, firm_id) && self.net_firm(symbol_id)) {
                return false;
            }
            self.set_netting(symbol_id, Some(Netting { firm_id: firm_id.next(), ..Netting::default() }));
        }
        true
    }

    /// Begin anew, since an order has come to rest.
    pub(crate) fn begin_netting(&mut self, symbol_id: SymbolId) {
        self.markets[symbol_id].own_orders = OwnOrders::default();
        self.set_netting(symbol_id, Some(Netting::default()));
    }

    fn set_netting(&mut self, symbol_id: SymbolId, netting: Option<Netting>) {
        if let Some(auction) = &mut self.markets[symbol_id].auction {
            auction.netting = netting;
        }
    }

    /// Gather the orders of a firm that rest in a symbol; tells whether the steps sufficed.
    fn gather(&mut self, symbol_id: SymbolId, firm_id: FirmId) -> bool {
        let Some(mut at) = self.markets[symbol_id].netting() else {
            return true;
        };
        if at.firm_id != firm_id {
            at = Netting { firm_id, ..Netting::default() };
        }
        let is_done = self.gather_on(symbol_id, &mut at);
        self.set_netting(symbol_id, Some(at));
        is_done
    }

    fn gather_on(&mut self, symbol_id: SymbolId, at: &mut Netting) -> bool {
        while let Some(account_id) = self.account_of_firm(at.firm_id, at.account_id) {
            if !self.now.look() {
                return false;
            }
            if account_id != at.account_id {
                (at.account_id, at.order_id) = (account_id, OrderId::NONE);
            }
            let mut slot = self.first_open_in(account_id, symbol_id);
            while slot != Slot::NIL {
                let order_id = self.open[slot].order_id;
                if order_id > at.order_id {
                    let is_paid = if self.stands_in(symbol_id, slot) { self.now.step() } else { self.now.look() };
                    if !is_paid {
                        return false;
                    }
                    at.order_id = order_id;
                    self.gather_one(symbol_id, slot, None);
                }
                slot = self.open[slot].account_previous;
            }
            (at.account_id, at.order_id) = (account_id.next(), OrderId::NONE);
        }
        true
    }

    /// The first account of a firm from an id on.
    fn account_of_firm(&self, firm_id: FirmId, from: AccountId) -> Option<AccountId> {
        let accounts = &self.firms.get(firm_id)?.accounts;
        accounts.get(accounts.partition_point(|account_id| *account_id < from)).copied()
    }

    /// The first open order of an account that has any in a symbol.
    fn first_open_in(&self, account_id: AccountId, symbol_id: SymbolId) -> Slot {
        let account = &self.accounts[account_id];
        if account.open_in_symbol(symbol_id) == 0 {
            Slot::NIL
        } else {
            account.first_open
        }
    }

    fn stands_in(&self, symbol_id: SymbolId, slot: Slot) -> bool {
        let order = &self.open[slot];
        order.symbol_id == symbol_id && order.level != LevelSlot::NIL
    }

    fn gather_one(&mut self, symbol_id: SymbolId, slot: Slot, forgotten: Option<Place>) {
        if self.stands_in(symbol_id, slot) {
            self.markets[symbol_id].own_orders.insert(&self.open, slot, forgotten);
        }
    }

    /// Gather again what was gathered before a snapshot, and not forgotten.
    pub(crate) fn gather_again(&mut self, symbol_id: SymbolId) {
        let Some(until) = self.markets[symbol_id].netting() else {
            return;
        };
        let accounts = self.firms.get(until.firm_id).map_or(Vec::new(), |firm| firm.accounts.clone());
        for account_id in accounts.into_iter().filter(|account_id| *account_id <= until.account_id) {
            let mut slot = self.first_open_in(account_id, symbol_id);
            while slot != Slot::NIL {
                if account_id < until.account_id || self.open[slot].order_id <= until.order_id {
                    self.gather_one(symbol_id, slot, until.forgotten);
                }
                slot = self.open[slot].account_previous;
            }
        }
    }

    /// Take out the overlap of a firm whose orders are gathered, groups first; tells whether the steps sufficed.
    fn net_firm(&mut self, symbol_id: SymbolId) -> bool {
        while let Some(owner) = self.markets[symbol_id].own_orders.first_owner() {
            while let Some((bid, ask)) = self.markets[symbol_id].own_orders.crossing(owner) {
                if !self.now.step() {
                    return false;
                }
                let (maker, taker) = if self.place_of(bid) < self.place_of(ask) { (bid, ask) } else { (ask, bid) };
                self.decrement(taker, maker);
            }
            let is_clipped = SIDES.into_iter().all(|side| self.clip_before_auction(symbol_id, owner, side));
            if !is_clipped || !self.forget(symbol_id, owner) {
                return false;
            }
        }
        true
    }

    /// Forget the orders of the first owner, of which none cross any more; tells whether the steps sufficed.
    fn forget(&mut self, symbol_id: SymbolId, owner: Owner) -> bool {
        while self.markets[symbol_id].own_orders.first_owner() == Some(owner) {
            if !self.now.look() {
                return false;
            }
            let market = &mut self.markets[symbol_id];
            let forgotten = market.own_orders.forget_first();
            if let Some(netting) = market.auction.as_mut().and_then(|auction| auction.netting.as_mut()) {
                netting.forgotten = forgotten;
            }
        }
        true
    }

    /// Clip an account's reduce-only orders that cross to its position less its orders that trade before them; tells
    /// whether the steps sufficed.
    fn clip_before_auction(&mut self, symbol_id: SymbolId, owner: Owner, side: Side) -> bool {
        let Owner::Account(account_id) = owner else {
            return true;
        };
        let position = self.accounts[account_id].position(symbol_id);
        let Some(position) = position.filter(|position| !position.reducing.is_zero()) else {
            return true;
        };
        let mut left = position.reducible(side);
        let orders = self.markets[symbol_id].own_orders.of(owner, side);
        for level in orders.chunk_by(|(one, _), (next, _)| one == next) {
            if !self.markets[symbol_id].book.crosses(side, level[0].0) {
                return true;
            }
            let slots = level.iter().map(|(_, slot)| *slot);
            let (clipped, free): (Vec<Slot>, Vec<Slot>) = slots.partition(|slot| self.open[*slot].is_reduce_only());
            for slot in free {
                left = (left - self.open[slot].leaves).max(Lots::ZERO);
            }
            for slot in clipped {
                let leaves = self.open[slot].leaves;
                if leaves > left && !self.now.step() {
                    return false;
                }
                self.clip_to(slot, left);
                left -= leaves.min(left);
            }
        }
        true
    }
}
