//! Loans of MARGIN accounts: taken when a reservation lacks funds, paid back from whatever comes in (section 4).

use crate::language::amount::ceil_div;
use crate::language::codes::AccountKind;
use crate::language::codes::Parameter;
use crate::language::event::{Borrowed, Repaid};
use crate::language::ids::{AccountId, AssetId, SymbolId};
use crate::language::limits::COLLATERAL_MINOR_MAX;
use crate::language::units::{Lots, Minor};
use crate::market::instrument::MILLION;
use crate::state::exchange::Exchange;

/// What an asset is worth in another: `worth` of that for each `per` of this.
#[derive(Clone, Copy)]
struct Unit {
    worth: Minor,
    per: Minor,
}

impl Unit {
    /// Largest number of units that still count.
    fn most(self) -> i128 {
        COLLATERAL_MINOR_MAX / self.worth.number()
    }

    fn collateral(self, amount: Minor, weight_ppm: u32) -> Minor {
        let (units, weight) = ((amount.number() / self.per.number()).min(self.most()), i128::from(weight_ppm));
        // In two parts, so that no number of units overflows.
        Minor::new((units / MILLION * weight + units % MILLION * weight / MILLION) * self.worth.number())
    }

    /// What an amount owed counts, `None` when that is too much.
    fn liability(self, amount: Minor) -> Option<Minor> {
        let units = ceil_div(amount.number(), self.per.number());
        (units <= self.most()).then_some(Minor::new(units * self.worth.number()))
    }
}

impl Exchange {
    /// Tell whether an account may borrow: the asset is lent, there is enough of it, and the loans stay within its equity.
    pub(crate) fn may_borrow(
        &self,
        account_id: AccountId,
        symbol_id: SymbolId,
        asset_id: AssetId,
        amount: Minor,
    ) -> bool {
        let lender = self.accounts.get(self.assets[asset_id].lending_account_id);
        if lender.is_none_or(|lender| lender.balance(asset_id).available < amount) {
            return false;
        }
        let quote = self.markets[symbol_id].instrument.listing.quote_asset_id;
        let (mut equity, mut loans) = (Minor::ZERO, Minor::ZERO);
        let account = &self.accounts[account_id];
        let mut balances: Vec<_> = account.balances().collect();
        if balances.iter().all(|(id, _)| *id != asset_id) {
            balances.push((asset_id, account.balance(asset_id)));
        }
        for (id, balance) in balances {
            let loan = balance.loan + if id == asset_id { amount } else { Minor::ZERO };
            let net = balance.available + balance.locked - balance.loan;
            let unit = self.unit_in(id, quote);
            if net > Minor::ZERO {
                equity += unit.map_or(Minor::ZERO, |unit| unit.collateral(net, self.assets[id].weight_ppm));
            }
            let owed = |amount: Minor| if amount.is_zero() { Some(amount) } else { unit?.liability(amount) };
            let (Some(short), Some(owed)) = (owed((-net).max(Minor::ZERO)), owed(loan)) else {
                return false;
            };
            equity -= short;
            loans += owed;
        }
        loans.number() <= i128::from(self.ruleset.venue(Parameter::MarginAccountLeverageMax) - 1) * equity.number()
    }

    /// How an asset is valued in a quote asset: one for one, or by the mark of the first instrument between them.
    fn unit_in(&self, asset_id: AssetId, quote: AssetId) -> Option<Unit> {
        if asset_id == quote {
            return Some(Unit { worth: Minor::ONE, per: Minor::ONE });
        }
        let symbol_id = self.valuing.get(&(asset_id, quote))?.first()?;
        let market = &self.markets[*symbol_id];
        Some(Unit { worth: market.instrument.notional(market.mark, Lots::ONE), per: market.instrument.lot_minor })
    }

    /// Lend an account what it may borrow, and tell it.
    pub(crate) fn borrow(&mut self, account_id: AccountId, asset_id: AssetId, amount: Minor) {
        self.move_loan(account_id, asset_id, amount);
        let loan = self.accounts[account_id].balance(asset_id).loan;
        self.records.tell(&Borrowed { account_id, asset_id, amount, loan });
    }

    /// Let a MARGIN account pay back what it can of what it owes.
    pub(crate) fn repay(&mut self, account_id: AccountId, asset_id: AssetId) {
        let account = &self.accounts[account_id];
        let balance = account.balance(asset_id);
        let amount = balance.loan.min(balance.available);
        if account.kind != AccountKind::Margin || amount.is_zero() {
            return;
        }
        self.move_loan(account_id, asset_id, -amount);
        let loan = balance.loan - amount;
        self.records.tell(&Repaid { account_id, asset_id, amount, loan });
    }

    /// Move money from the lending account to the borrower, or back.
    fn move_loan(&mut self, account_id: AccountId, asset_id: AssetId, amount: Minor) {
        let asset = &mut self.assets[asset_id];
        asset.lent += amount;
        self.accounts[asset.lending_account_id].credit(asset_id, -amount);
        let account = &mut self.accounts[account_id];
        account.credit(asset_id, amount);
        account.owe(asset_id, amount);
    }
}
