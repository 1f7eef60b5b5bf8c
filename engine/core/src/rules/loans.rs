//! Loans of MARGIN accounts: taken when a reservation lacks funds, paid back from whatever comes in (section 4).

use std::collections::BTreeSet;

use crate::language::amount::ceil_div;
use crate::language::codes::{AccountKind, Code, Parameter, Side};
use crate::language::event::{Borrowed, Repaid};
use crate::language::ids::{AccountId, AssetId};
use crate::language::limits::COLLATERAL_MINOR_MAX;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::instrument::{FeeRates, Instrument, MILLION};
use crate::state::exchange::{Decision, Exchange, Firm};

impl Firm {
    /// What its accounts owe of an asset together.
    fn loan(&self, asset_id: AssetId) -> Minor {
        self.loans.get(&asset_id).copied().unwrap_or_default()
    }
}

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

/// What a trade gives one side and takes from it.
#[derive(Clone, Copy)]
pub struct Exchanged {
    pub base: (AssetId, Minor),
    pub quote: (AssetId, Minor),
}

impl Exchanged {
    /// The same before the trade.
    fn undone(&self) -> Self {
        Self { base: (self.base.0, Minor::ZERO), quote: (self.quote.0, Minor::ZERO) }
    }

    fn of(&self, asset_id: AssetId) -> Minor {
        let of = |(id, amount): (AssetId, Minor)| if id == asset_id { amount } else { Minor::ZERO };
        of(self.base) + of(self.quote)
    }
}

impl Instrument {
    /// What an order that trades at a price gets and gives, its worst fee included.
    pub fn exchanged(&self, side: Side, price: Ticks, qty: Lots, rates: FeeRates) -> Exchanged {
        let (worth, base) = (self.notional(price, Lots::ONE), self.lot_minor.times(qty).on(side));
        let with_fee = match side {
            Side::Buy => -self.with_worst_fee(worth, rates),
            Side::Sell => worth + worth - self.with_worst_fee(worth, rates),
        };
        Exchanged {
            base: (self.listing.base_asset_id, base),
            quote: (self.listing.quote_asset_id, with_fee.times(qty)),
        }
    }
}

impl Exchange {
    /// Check that an account may borrow for an order: the asset is lent, there is enough of it, account and firm stay
    /// within their shares, and the loans within the equity, as it is and as it is after the trade (RES-94).
    pub(crate) fn check_loan(
        &self,
        account_id: AccountId,
        asset_id: AssetId,
        amount: Minor,
        exchanged: &Exchanged,
    ) -> Decision {
        let lender = self.accounts.get(self.assets[asset_id].lending_account_id);
        let pool = lender.map_or(Minor::ZERO, |lender| lender.balance(asset_id).available);
        if pool < amount {
            return Err(Code::InsufficientBalance);
        }
        self.check_lending_share(account_id, asset_id, amount, pool + self.assets[asset_id].lent)?;
        let most = i128::from(self.ruleset.venue(Parameter::MarginAccountLeverageMax) - 1);
        let is_covered = [&exchanged.undone(), exchanged].into_iter().all(|after| {
            let worth = self.net_worth(account_id, after, (asset_id, amount));
            worth.is_some_and(|(equity, loans)| loans.number() <= most * equity.number())
        });
        is_covered.then_some(()).ok_or(Code::InsufficientBalance)
    }

    /// Check that no borrower takes more of a pool than its share: what is left of it, and what was lent.
    fn check_lending_share(&self, account_id: AccountId, asset_id: AssetId, amount: Minor, pool: Minor) -> Decision {
        let account = &self.accounts[account_id];
        let (of_account, of_firm) = (account.balance(asset_id).loan, self.firms[account.firm_id].loan(asset_id));
        let is_within = |owed: Minor, parameter: Parameter, subject_id: u32| {
            let (pool, share) = (pool.number(), i128::from(self.ruleset.of(parameter, subject_id)));
            // In two parts, so that no pool overflows.
            (owed + amount).number() <= pool / MILLION * share + pool % MILLION * share / MILLION
        };
        let is_shared = is_within(of_account, Parameter::AccountLendingSharePpm, account_id.number())
            && is_within(of_firm, Parameter::FirmLendingSharePpm, account.firm_id.number());
        is_shared.then_some(()).ok_or(Code::ExceedsLimit)
    }

    /// What an account's assets are worth in the quote asset of a trade and what it owes there, after that trade and
    /// with a loan more; `None` when that cannot be told.
    pub(crate) fn net_worth(
        &self,
        account_id: AccountId,
        after: &Exchanged,
        (borrowed, amount): (AssetId, Minor),
    ) -> Option<(Minor, Minor)> {
        let quote = after.quote.0;
        let (mut equity, mut loans) = (Minor::ZERO, Minor::ZERO);
        let account = &self.accounts[account_id];
        let held = account.balances().map(|(id, _)| id);
        let assets: BTreeSet<AssetId> = held.chain([borrowed, after.base.0, quote]).collect();
        for id in assets {
            let balance = account.balance(id);
            let loan = balance.loan + if id == borrowed { amount } else { Minor::ZERO };
            let net = balance.available + balance.locked - balance.loan + after.of(id);
            let unit = self.unit_in(id, quote);
            if net > Minor::ZERO {
                equity += unit.map_or(Minor::ZERO, |unit| unit.collateral(net, self.assets[id].weight_ppm));
            }
            let owed = |amount: Minor| if amount.is_zero() { Some(amount) } else { unit?.liability(amount) };
            equity -= owed((-net).max(Minor::ZERO))?;
            loans += owed(loan)?;
        }
        Some((equity, loans))
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

    /// Let an account pay back what it can of what it owes: loans of a MARGIN account, debts of a FUTURES account.
    pub(crate) fn repay(&mut self, account_id: AccountId, asset_id: AssetId) {
        match self.accounts[account_id].kind {
            AccountKind::Margin => self.repay_loan(account_id, asset_id),
            AccountKind::Futures => self.repay_debts(account_id, asset_id),
            AccountKind::Spot | AccountKind::System | AccountKind::ClearingPnl => {}
        }
    }

    fn repay_loan(&mut self, account_id: AccountId, asset_id: AssetId) {
        let balance = self.accounts[account_id].balance(asset_id);
        let amount = balance.loan.min(balance.available);
        if amount.is_zero() {
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
        *self.firms[account.firm_id].loans.entry(asset_id).or_default() += amount;
        account.credit(asset_id, amount);
        account.owe(asset_id, amount);
    }
}
