//! Loans of MARGIN accounts: taken when a reservation lacks funds, paid back from whatever comes in (section 4).

use crate::language::amount::ceil_div;
use crate::language::codes::AccountKind;
use crate::language::event::{Borrowed, Repaid};
use crate::language::limits::{COLLATERAL_MINOR_MAX, MARGIN_ACCOUNT_LEVERAGE_MAX};
use crate::market::instrument::MILLION;
use crate::state::exchange::Exchange;

/// What an asset is worth in another: minor units `worth` for each `per`.
#[derive(Clone, Copy)]
struct Unit {
    worth: i128,
    per: i128,
}

impl Unit {
    /// Largest number of units that still count.
    fn most(self) -> i128 {
        COLLATERAL_MINOR_MAX / self.worth
    }

    fn collateral(self, amount: i128, weight_ppm: u32) -> i128 {
        let (units, weight) = ((amount / self.per).min(self.most()), i128::from(weight_ppm));
        // In two parts, so that no number of units overflows.
        (units / MILLION * weight + units % MILLION * weight / MILLION) * self.worth
    }

    /// What an amount owed counts, `None` when that is too much.
    fn liability(self, amount: i128) -> Option<i128> {
        let units = ceil_div(amount, self.per);
        (units <= self.most()).then_some(units * self.worth)
    }
}

impl Exchange {
    /// Tell whether an account may borrow: the asset is lent, there is enough of it, and the loans stay within its equity.
    pub(crate) fn may_borrow(&self, account_id: u32, symbol_id: u32, asset_id: u32, amount: i128) -> bool {
        let lender = self.accounts.get(self.assets[asset_id].lending_account_id);
        if lender.is_none_or(|lender| lender.balance(asset_id).available < amount) {
            return false;
        }
        let quote = self.markets[symbol_id].instrument.listing.quote_asset_id;
        let (mut equity, mut loans) = (0, 0);
        let account = &self.accounts[account_id];
        let mut balances: Vec<_> = account.balances().collect();
        if balances.iter().all(|(id, _)| *id != asset_id) {
            balances.push((asset_id, account.balance(asset_id)));
        }
        for (id, balance) in balances {
            let loan = balance.loan + if id == asset_id { amount } else { 0 };
            let net = balance.available + balance.locked - balance.loan;
            let unit = self.unit_in(id, quote);
            if net > 0 {
                equity += unit.map_or(0, |unit| unit.collateral(net, self.assets[id].weight_ppm));
            }
            let owed = |amount: i128| if amount == 0 { Some(0) } else { unit?.liability(amount) };
            let (Some(short), Some(owed)) = (owed((-net).max(0)), owed(loan)) else {
                return false;
            };
            equity -= short;
            loans += owed;
        }
        loans <= (MARGIN_ACCOUNT_LEVERAGE_MAX - 1) * equity
    }

    /// How an asset is valued in a quote asset: one for one, or by the mark of the first instrument between them.
    fn unit_in(&self, asset_id: u32, quote: u32) -> Option<Unit> {
        if asset_id == quote {
            return Some(Unit { worth: 1, per: 1 });
        }
        let symbol_id = self.valuing.get(&(asset_id, quote))?.first()?;
        let market = &self.markets[*symbol_id];
        Some(Unit { worth: market.instrument.notional(market.mark, 1), per: market.instrument.lot_minor })
    }

    /// Lend an account what it may borrow, and tell it.
    pub(crate) fn borrow(&mut self, account_id: u32, asset_id: u32, amount: i128) {
        self.move_loan(account_id, asset_id, amount);
        let loan = self.accounts[account_id].balance(asset_id).loan;
        self.records.tell(&Borrowed { account_id, asset_id: asset_id as u16, amount, loan });
    }

    /// Let a MARGIN account pay back what it can of what it owes.
    pub(crate) fn repay(&mut self, account_id: u32, asset_id: u32) {
        let account = &self.accounts[account_id];
        let balance = account.balance(asset_id);
        let amount = balance.loan.min(balance.available);
        if account.kind != AccountKind::Margin || amount == 0 {
            return;
        }
        self.move_loan(account_id, asset_id, -amount);
        let loan = balance.loan - amount;
        self.records.tell(&Repaid { account_id, asset_id: asset_id as u16, amount, loan });
    }

    /// Move money from the lending account to the borrower, or back.
    fn move_loan(&mut self, account_id: u32, asset_id: u32, amount: i128) {
        let asset = &mut self.assets[asset_id];
        asset.lent += amount;
        self.accounts[asset.lending_account_id].credit(asset_id, -amount);
        let account = &mut self.accounts[account_id];
        account.credit(asset_id, amount);
        account.owe(asset_id, amount);
    }
}
