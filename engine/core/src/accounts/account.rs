//! Accounts: live balances, loans, positions, open orders. Every movement of money is one of a few verbs of [`Account`].

use crate::accounts::position::Position;
use crate::language::codes::{AccountKind, AccountStatus, MarginState};
use crate::language::ids::{AccountId, AssetId, FirmId, Key, SymbolId};
use crate::language::processor::{prefetch_all, Prefetch};
use crate::language::units::Minor;
use crate::market::open_orders::Slot;

pub struct Asset {
    pub decimals: u8,
    /// Everything ever deposited: the sum of all balances, for nothing leaves yet.
    pub deposited: Minor,
    /// What a unit counts as collateral.
    pub weight_ppm: u32,
    /// The account that lends it, 0 for none.
    pub lending_account_id: AccountId,
    /// Sum of all loans.
    pub lent: Minor,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Balance {
    pub available: Minor,
    pub locked: Minor,
    pub loan: Minor,
}

impl Balance {
    pub fn is_zero(&self) -> bool {
        self.available.is_zero() && self.locked.is_zero() && self.loan.is_zero()
    }
}

pub struct Account {
    pub firm_id: FirmId,
    pub kind: AccountKind,
    pub status: AccountStatus,
    pub margin_state: MarginState,
    pub tier: u8,
    /// Own cap on leverage, 0 for none.
    pub leverage_max: u8,
    /// Own cap on the notional of a position, 0 for none.
    pub position_notional_max: Minor,
    pub open_orders: u32,
    /// The oldest and the latest of its open orders; the others are linked between them.
    pub first_open: Slot,
    pub last_open: Slot,
    /// By symbol; all that ever came into being.
    pub positions: Vec<Position>,
    /// `(symbol_id, open orders)`, by symbol.
    open_by_symbol: Vec<(SymbolId, u32)>,
    /// By asset id, as far as ever touched.
    balances: Vec<Balance>,
}

impl Account {
    pub fn new(firm_id: FirmId, kind: AccountKind) -> Self {
        Self {
            firm_id,
            kind,
            status: AccountStatus::Active,
            margin_state: MarginState::Normal,
            tier: 1,
            leverage_max: 0,
            position_notional_max: Minor::ZERO,
            open_orders: 0,
            first_open: Slot::NIL,
            last_open: Slot::NIL,
            positions: Vec::new(),
            open_by_symbol: Vec::new(),
            balances: Vec::new(),
        }
    }

    pub fn balance(&self, asset_id: AssetId) -> Balance {
        self.balances.get(asset_id.at()).copied().unwrap_or_default()
    }

    /// Walk the balances that are not zero, by asset.
    pub fn balances(&self) -> impl Iterator<Item = (AssetId, Balance)> + '_ {
        let numbered = self.balances.iter().enumerate();
        numbered.filter(|(_, balance)| !balance.is_zero()).map(|(asset_id, balance)| (AssetId::of(asset_id), *balance))
    }

    /// Add to available. Only a clearing `PnL` account may fall below zero.
    pub fn credit(&mut self, asset_id: AssetId, amount: Minor) {
        let may_be_negative = self.kind == AccountKind::ClearingPnl;
        let balance = self.balance_mut(asset_id);
        balance.available += amount;
        assert!(balance.available >= Minor::ZERO || may_be_negative, "available balance fell below zero");
    }

    /// Move from available to locked.
    #[inline(always)]
    pub fn reserve(&mut self, asset_id: AssetId, amount: Minor) {
        let balance = self.balance_mut(asset_id);
        balance.available -= amount;
        balance.locked += amount;
        assert!(balance.available >= Minor::ZERO, "reserved more than was available");
    }

    /// Move from locked to available.
    #[inline(always)]
    pub fn release(&mut self, asset_id: AssetId, amount: Minor) {
        let balance = self.balance_mut(asset_id);
        balance.locked -= amount;
        balance.available += amount;
        assert!(balance.locked >= Minor::ZERO, "released more than was locked");
    }

    /// Take out of locked: paid away.
    pub fn spend(&mut self, asset_id: AssetId, amount: Minor) {
        let balance = self.balance_mut(asset_id);
        balance.locked -= amount;
        assert!(balance.locked >= Minor::ZERO, "spent more than was locked");
    }

    /// Owe more, or, with a negative amount, less.
    pub fn owe(&mut self, asset_id: AssetId, amount: Minor) {
        let balance = self.balance_mut(asset_id);
        balance.loan += amount;
        assert!(balance.loan >= Minor::ZERO, "paid back more than was owed");
    }

    /// Put a balance in place as a snapshot holds it, or as a fill of a perpetual leaves it.
    pub fn put(&mut self, asset_id: AssetId, balance: Balance) {
        *self.balance_mut(asset_id) = balance;
    }

    /// Bring what an order of this account will read beside it into the cache.
    pub fn prefetch(&self, prefetch: Prefetch) {
        if let (Some(count), Some(balances)) = (self.open_by_symbol.first(), self.balances.first_chunk::<2>()) {
            prefetch_all(prefetch, count);
            prefetch_all(prefetch, balances);
        }
    }

    #[inline(always)]
    fn balance_mut(&mut self, asset_id: AssetId) -> &mut Balance {
        let at = asset_id.at();
        if self.balances.len() <= at {
            self.balances.resize(at + 1, Balance::default());
        }
        &mut self.balances[at]
    }

    pub fn position(&self, symbol_id: SymbolId) -> Option<&Position> {
        let at = self.positions.binary_search_by_key(&symbol_id, |position| position.symbol_id).ok()?;
        Some(&self.positions[at])
    }

    pub fn position_mut(&mut self, symbol_id: SymbolId) -> Option<&mut Position> {
        let at = self.positions.binary_search_by_key(&symbol_id, |position| position.symbol_id).ok()?;
        Some(&mut self.positions[at])
    }

    /// Let a position come into being, with this leverage, if there is none yet.
    pub fn open_position(&mut self, symbol_id: SymbolId, leverage: u8) {
        let at = self.positions.partition_point(|position| position.symbol_id < symbol_id);
        if self.positions.get(at).is_none_or(|position| position.symbol_id != symbol_id) {
            self.positions.insert(at, Position::new(symbol_id, leverage));
        }
    }

    /// Tell whether it owes what a position has lost beyond its collateral.
    pub fn has_debt(&self) -> bool {
        self.positions.iter().any(|position| !position.debt.is_zero())
    }

    /// Tell whether nothing restricts what it does with its margin.
    pub fn is_normal(&self) -> bool {
        self.status == AccountStatus::Active && self.margin_state == MarginState::Normal
    }

    pub fn open_in_symbol(&self, symbol_id: SymbolId) -> u32 {
        self.open_by_symbol.binary_search_by_key(&symbol_id, |entry| entry.0).map_or(0, |at| self.open_by_symbol[at].1)
    }

    pub fn order_opened(&mut self, symbol_id: SymbolId) {
        self.open_orders += 1;
        *self.open_count(symbol_id) += 1;
    }

    pub fn order_closed(&mut self, symbol_id: SymbolId) {
        self.open_orders -= 1;
        *self.open_count(symbol_id) -= 1;
    }

    fn open_count(&mut self, symbol_id: SymbolId) -> &mut u32 {
        let at = self.open_by_symbol.binary_search_by_key(&symbol_id, |entry| entry.0).unwrap_or_else(|at| {
            self.open_by_symbol.insert(at, (symbol_id, 0));
            at
        });
        &mut self.open_by_symbol[at].1
    }
}
