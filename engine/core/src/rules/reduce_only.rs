//! Reduce-only orders: what rests of them never exceeds what could be reduced (docs/MATCHING.md, section 8).
//!
//! Each position knows the lots that rest to reduce it. Whatever makes it smaller leaves an excess, which is taken off the
//! orders of the lowest priority, a step each, before anything else happens in the symbol.

use crate::language::codes::{Code, RestateReason};
use crate::language::ids::{AccountId, OrderId, SymbolId};
use crate::language::units::Lots;
use crate::market::open_orders::{OpenOrder, Slot};
use crate::state::exchange::Exchange;

impl Exchange {
    /// Clip a reduce-only order to what it could close, or cancel it when that is nothing; tells whether it is still there.
    pub(crate) fn clip(&mut self, slot: Slot) -> bool {
        let reducible = self.reducible(slot);
        self.clip_to(slot, reducible)
    }

    /// Clip a reduce-only order that comes to rest to what those that rest already leave to be closed.
    pub(crate) fn clip_to_room(&mut self, slot: Slot) -> bool {
        let OpenOrder { account_id, symbol_id, .. } = self.open[slot];
        let resting = self.accounts[account_id].position(symbol_id).map_or(Lots::ZERO, |position| position.reducing);
        let room = (self.reducible(slot) - resting).max(Lots::ZERO);
        self.clip_to(slot, room)
    }

    pub(crate) fn clip_to(&mut self, slot: Slot, most: Lots) -> bool {
        if most.is_zero() {
            self.cancel(slot, Code::NothingToReduce);
            return false;
        }
        let leaves = self.open[slot].leaves;
        if leaves > most {
            self.shrink(slot, leaves - most, RestateReason::ReduceOnly);
        }
        true
    }

    /// Count a reduce-only order that has come to stand in the book.
    pub(crate) fn join_reducers(&mut self, slot: Slot) {
        let OpenOrder { symbol_id, leaves, .. } = self.open[slot];
        let key = self.reducer_key(slot);
        self.markets[symbol_id].reducers.insert(key, slot);
        self.change_reducing(slot, leaves);
    }

    /// Count a reduce-only order no more, which is about to leave the book.
    pub(crate) fn leave_reducers(&mut self, slot: Slot) {
        let OpenOrder { symbol_id, leaves, .. } = self.open[slot];
        let key = self.reducer_key(slot);
        self.markets[symbol_id].reducers.remove(&key);
        self.change_reducing(slot, -leaves);
    }

    pub(crate) fn change_reducing(&mut self, slot: Slot, lots: Lots) {
        let OpenOrder { account_id, symbol_id, .. } = self.open[slot];
        let position = self.accounts[account_id].position_mut(symbol_id);
        position.expect("what rests to reduce a position has one").reducing += lots;
    }

    fn reducer_key(&self, slot: Slot) -> (AccountId, u64, OrderId) {
        let OpenOrder { account_id, priority, order_id, .. } = self.open[slot];
        (account_id, priority, order_id)
    }

    /// Note an account whose position a trade may have made smaller than what rests to reduce it.
    #[inline(always)]
    pub(crate) fn note_excess(&mut self, account_id: AccountId, symbol_id: SymbolId) {
        let position = self.accounts[account_id].position(symbol_id);
        if position.is_some_and(|position| !position.reducing.is_zero()) && self.excess(account_id, symbol_id).is_some()
        {
            self.markets[symbol_id].in_excess.insert(account_id);
        }
    }

    /// The reduce-only order of an account that loses lots next because more rest than can be reduced, and how many.
    fn excess(&self, account_id: AccountId, symbol_id: SymbolId) -> Option<(Slot, Lots)> {
        let of_account = (account_id, 0, OrderId::NONE)..(account_id, u64::MAX, OrderId::NONE);
        let (_, last) = self.markets[symbol_id].reducers.range(of_account).next_back()?;
        let resting = self.accounts[account_id].position(symbol_id)?.reducing;
        let too_many = resting - self.reducible(*last);
        (too_many > Lots::ZERO).then_some((*last, too_many))
    }

    /// Take off what rests beyond what can be reduced, account by account, the lowest priority first; tells whether the
    /// steps sufficed.
    #[inline(always)]
    pub(crate) fn settle_excess(&mut self, symbol_id: SymbolId) -> bool {
        let market = &self.markets[symbol_id];
        // What an auction has counted was clipped to what is left when its turn comes.
        market.in_excess.is_empty() || market.has_decided_trades() || self.take_off_excess(symbol_id)
    }

    fn take_off_excess(&mut self, symbol_id: SymbolId) -> bool {
        while let Some(account_id) = self.markets[symbol_id].in_excess.first().copied() {
            while let Some((slot, too_many)) = self.excess(account_id, symbol_id) {
                if !self.now.step() {
                    return false;
                }
                let left = self.open[slot].leaves - too_many;
                self.clip_to(slot, left.max(Lots::ZERO));
            }
            self.markets[symbol_id].in_excess.remove(&account_id);
        }
        true
    }
}
