//! What must be true of the state after every command. Cost: O(state); for tests, restores and audits.

use std::collections::BTreeMap;

use crate::codes::{OrderState, Side};
use crate::exchange::{Exchange, Market};
use crate::ledger::Account;
use crate::orders::Order;

type Check = Result<(), &'static str>;

fn ensure(holds: bool, otherwise: &'static str) -> Check {
    if holds {
        Ok(())
    } else {
        Err(otherwise)
    }
}

/// What the open orders of one account add up to.
#[derive(Clone, Default)]
struct Open {
    by_symbol: BTreeMap<u32, u32>,
    locked_by_asset: BTreeMap<u32, i128>,
}

impl Open {
    fn add(&mut self, symbol_id: u32, asset_id: u32, locked: i128) -> Check {
        *self.by_symbol.entry(symbol_id).or_default() += 1;
        let sum = self.locked_by_asset.entry(asset_id).or_default();
        *sum = sum.checked_add(locked).ok_or("a sum of reservations is out of bounds")?;
        Ok(())
    }
}

impl Exchange {
    /// Check every invariant of the state. The error names the first that is broken.
    pub fn check(&self) -> Check {
        self.orders.check()?;
        let last = self.accounts.iter().last().map_or(0, |(id, _)| id as usize);
        let mut open = vec![Open::default(); last + 1];
        for (symbol_id, entry) in self.markets.iter() {
            entry.value.book.check()?;
            for side in [Side::Buy, Side::Sell] {
                self.check_side(symbol_id, &entry.value, side, &mut open)?;
            }
        }
        let in_books: usize = self.markets.iter().map(|(_, entry)| entry.value.book.len()).sum();
        let registered = self.orders.orders().iter().filter(|order| order.state.is_open()).count();
        ensure(in_books == registered, "an open order is in no book")?;
        for (id, entry) in self.accounts.iter() {
            check_account(&entry.value, &open[id as usize])?;
        }
        self.check_conservation()
    }

    fn check_side(&self, symbol_id: u32, market: &Market, side: Side, open: &mut [Open]) -> Check {
        let Market { instrument, book } = market;
        for (price, slot, resting) in book.iter(side) {
            let order: &Order = &self.orders[resting.entry];
            let is_same = order.order_id == resting.order_id
                && order.account_id == resting.account_id
                && order.symbol_id == symbol_id
                && order.side == side
                && order.slot == slot;
            ensure(is_same, "an order in the book is not the one in the register")?;
            let state = if resting.leaves < resting.order_qty { OrderState::Partial } else { OrderState::Pending };
            ensure(order.state == state, "an order's state and its leaves differ")?;
            ensure(resting.leaves >= 1 && resting.leaves <= resting.order_qty, "leaves out of bounds")?;
            let per_lot = instrument.reservation_per_lot(side, price);
            ensure(resting.per_lot == per_lot, "a reservation per lot does not follow from the price")?;
            let locked = per_lot * i128::from(resting.leaves);
            open[resting.account_id as usize].add(symbol_id, instrument.reserved_asset(side), locked)?;
        }
        Ok(())
    }

    /// Nothing is made and nothing is lost: balances of an asset add up to what was deposited.
    fn check_conservation(&self) -> Check {
        let last = self.assets.iter().last().map_or(0, |(id, _)| id as usize);
        let mut sums = vec![0_i128; last + 1];
        for (_, asset_id, balance) in self.balances() {
            let sum = &mut sums[asset_id as usize];
            let total = balance.available.checked_add(balance.locked).and_then(|total| total.checked_add(*sum));
            *sum = total.ok_or("a balance is out of bounds")?;
        }
        for (id, entry) in self.assets.iter() {
            ensure(sums[id as usize] == entry.value.deposited, "balances do not add up to deposits")?;
        }
        Ok(())
    }
}

fn check_account(account: &Account, open: &Open) -> Check {
    let total: u32 = open.by_symbol.values().sum();
    ensure(account.open_orders == total, "an account's count of open orders is wrong")?;
    for (symbol_id, count) in &open.by_symbol {
        ensure(account.open_in_symbol(*symbol_id) == *count, "a count of open orders by symbol is wrong")?;
    }
    for (asset_id, balance) in account.balances() {
        ensure(balance.available >= 0 && balance.locked >= 0, "a balance is negative")?;
        let locked = open.locked_by_asset.get(&asset_id).copied().unwrap_or_default();
        ensure(balance.locked == locked, "locked is not what the open orders reserve")?;
    }
    let has_locked = |asset_id: u32| account.balance(asset_id).locked > 0;
    ensure(open.locked_by_asset.keys().all(|asset_id| has_locked(*asset_id)), "an open order has nothing locked")
}
