//! Live balances and open-order counts. Every movement of money is one of the five verbs of [`Account`].

use crate::codes::AccountKind;
use crate::limits::{OPEN_ORDERS_PER_ACCOUNT_MAX, OPEN_ORDERS_PER_SYMBOL_MAX};

pub struct Asset {
    pub decimals: u8,
    /// Everything ever deposited: the sum of all balances, for nothing leaves yet.
    pub deposited: i128,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Balance {
    pub available: i128,
    pub locked: i128,
}

impl Balance {
    pub fn is_zero(&self) -> bool {
        self.available == 0 && self.locked == 0
    }
}

pub struct Account {
    pub firm_id: u32,
    pub kind: AccountKind,
    pub open_orders: u32,
    /// `(symbol_id, open orders)`, by symbol.
    open_by_symbol: Vec<(u32, u32)>,
    /// By asset id, as far as ever touched.
    balances: Vec<Balance>,
}

impl Account {
    pub fn new(firm_id: u32, kind: AccountKind) -> Self {
        Self { firm_id, kind, open_orders: 0, open_by_symbol: Vec::new(), balances: Vec::new() }
    }

    pub fn balance(&self, asset_id: u32) -> Balance {
        self.balances.get(asset_id as usize).copied().unwrap_or_default()
    }

    /// Walk the balances that are not zero, by asset.
    pub fn balances(&self) -> impl Iterator<Item = (u32, Balance)> + '_ {
        let numbered = self.balances.iter().enumerate();
        numbered.filter(|(_, balance)| !balance.is_zero()).map(|(asset_id, balance)| (asset_id as u32, *balance))
    }

    /// Add to available.
    pub fn credit(&mut self, asset_id: u32, amount: i128) {
        let balance = self.balance_mut(asset_id);
        balance.available += amount;
        assert!(balance.available >= 0, "available balance fell below zero");
    }

    /// Move from available to locked.
    pub fn reserve(&mut self, asset_id: u32, amount: i128) {
        let balance = self.balance_mut(asset_id);
        balance.available -= amount;
        balance.locked += amount;
        assert!(balance.available >= 0, "reserved more than was available");
    }

    /// Move from locked to available.
    pub fn release(&mut self, asset_id: u32, amount: i128) {
        let balance = self.balance_mut(asset_id);
        balance.locked -= amount;
        balance.available += amount;
        assert!(balance.locked >= 0, "released more than was locked");
    }

    /// Take out of locked: paid away.
    pub fn spend(&mut self, asset_id: u32, amount: i128) {
        let balance = self.balance_mut(asset_id);
        balance.locked -= amount;
        assert!(balance.locked >= 0, "spent more than was locked");
    }

    /// Put a balance in place as a snapshot holds it.
    pub fn restore(&mut self, asset_id: u32, balance: Balance) {
        *self.balance_mut(asset_id) = balance;
    }

    fn balance_mut(&mut self, asset_id: u32) -> &mut Balance {
        let at = asset_id as usize;
        if self.balances.len() <= at {
            self.balances.resize(at + 1, Balance::default());
        }
        &mut self.balances[at]
    }

    pub fn open_in_symbol(&self, symbol_id: u32) -> u32 {
        self.open_by_symbol.binary_search_by_key(&symbol_id, |entry| entry.0).map_or(0, |at| self.open_by_symbol[at].1)
    }

    /// Tell whether one more order of this account may rest in the symbol (ORD-22).
    pub fn may_open(&self, symbol_id: u32) -> bool {
        self.open_orders < OPEN_ORDERS_PER_ACCOUNT_MAX && self.open_in_symbol(symbol_id) < OPEN_ORDERS_PER_SYMBOL_MAX
    }

    pub fn order_opened(&mut self, symbol_id: u32) {
        self.open_orders += 1;
        *self.open_count(symbol_id) += 1;
    }

    pub fn order_closed(&mut self, symbol_id: u32) {
        self.open_orders -= 1;
        *self.open_count(symbol_id) -= 1;
    }

    fn open_count(&mut self, symbol_id: u32) -> &mut u32 {
        let at = self.open_by_symbol.binary_search_by_key(&symbol_id, |entry| entry.0).unwrap_or_else(|at| {
            self.open_by_symbol.insert(at, (symbol_id, 0));
            at
        });
        &mut self.open_by_symbol[at].1
    }
}
