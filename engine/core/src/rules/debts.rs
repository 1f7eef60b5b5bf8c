//! Debts of FUTURES accounts: paid from whatever comes in, and by operations (docs/MATCHING.md, section 8).

use crate::language::codes::{AccountKind, Code, PositionReason};
use crate::language::command::CoverDebt;
use crate::language::event::DebtCovered;
use crate::language::ids::{AccountId, AssetId, SymbolId};
use crate::language::units::Minor;
use crate::state::exchange::{Decision, Exchange};

impl Exchange {
    /// Pay the debts of an account's cross positions from what is available, by ascending symbol, as loans are paid back.
    pub(crate) fn repay_debts(&mut self, account_id: AccountId, asset_id: AssetId) {
        for at in 0..self.accounts[account_id].positions.len() {
            let account = &self.accounts[account_id];
            let position = &account.positions[at];
            let symbol_id = position.symbol_id;
            if position.is_isolated
                || position.debt.is_zero()
                || self.markets[symbol_id].instrument.listing.quote_asset_id != asset_id
            {
                continue;
            }
            let amount = position.debt.min(account.balance(asset_id).available);
            if amount.is_zero() {
                return;
            }
            self.accounts[account_id].credit(asset_id, -amount);
            self.lower_debt(account_id, symbol_id, amount, PositionReason::Repayment);
        }
    }

    /// Let a payment reach the clearing `PnL` account a debt is owed to, and tell what is left of the debt.
    fn lower_debt(&mut self, account_id: AccountId, symbol_id: SymbolId, amount: Minor, reason: PositionReason) {
        let listing = self.markets[symbol_id].instrument.listing;
        self.accounts[listing.pnl_account_id].credit(listing.quote_asset_id, amount);
        let account = &mut self.accounts[account_id];
        let position = account.position_mut(symbol_id).expect("the position is there");
        position.debt -= amount;
        let position = *position;
        let balance = account.balance(listing.quote_asset_id);
        self.note_holder(symbol_id, false, position.is_empty());
        self.tell_unsettled(account_id, reason, &position, balance);
    }

    pub(crate) fn cover_debt(&mut self, asked: &CoverDebt) -> Decision {
        let CoverDebt { payer_account_id: payer, account_id, symbol_id, amount } = *asked;
        let paying = self.accounts.get(payer).ok_or(Code::UnknownReference)?;
        let account = self.accounts.get(account_id).ok_or(Code::UnknownReference)?;
        let position = account.position(symbol_id).ok_or(Code::UnknownReference)?;
        if paying.kind == AccountKind::ClearingPnl || !(Minor::ONE..=position.debt).contains(&amount) {
            return Err(Code::BoundExceeded);
        }
        let quote = self.markets[symbol_id].instrument.listing.quote_asset_id;
        if amount > self.free_cash(payer, quote) {
            return Err(Code::InsufficientBalance);
        }
        self.accounts[payer].credit(quote, -amount);
        let payer_available = self.accounts[payer].balance(quote).available;
        self.records.tell(&DebtCovered { payer_available });
        self.lower_debt(account_id, symbol_id, amount, PositionReason::Debt);
        Ok(())
    }
}
