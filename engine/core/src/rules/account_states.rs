//! What accounts may do, and the money that comes in and moves between them (section 10).

use crate::accounts::account::Account;
use crate::language::codes::{AccountKind, AccountStatus, Code, ExecInst};
use crate::language::command::{Deposit, SetAccountLimits, SetAccountStatus, SetCollateral, SetMarginState, Transfer};
use crate::language::event::{
    AccountLimitsSet, AccountStatusSet, CollateralSet, Deposited, MarginStateSet, Transferred,
};
use crate::language::ids::{AccountId, FirmId, OrderId, SessionId, SymbolId};
use crate::language::limits::{ASSET_UNITS_MAX, LEVERAGE_MAX, NOTIONAL_MINOR_MAX, WEIGHT_PPM_MAX};
use crate::language::units::Minor;
use crate::market::open_orders::Slot;
use crate::state::exchange::{Decision, Exchange, Withdrawal};

impl Exchange {
    fn member_mut(&mut self, account_id: AccountId) -> Decision<&mut Account> {
        let account = self.accounts.get_mut(account_id).filter(|account| account.kind.is_member());
        account.ok_or(Code::UnknownReference)
    }

    pub(crate) fn set_account_status(&mut self, asked: &SetAccountStatus) -> Decision {
        let SetAccountStatus { account_id, status } = *asked;
        let account = self.member_mut(account_id)?;
        if account.status == AccountStatus::Closed && status != AccountStatus::Closed {
            return Err(Code::InvalidTransition);
        }
        let holds = |position: &crate::accounts::position::Position| !position.is_empty() || !position.margin.is_zero();
        let is_empty =
            account.open_orders == 0 && account.balances().next().is_none() && !account.positions.iter().any(holds);
        if status == AccountStatus::Closed && !is_empty {
            return Err(Code::NotEmpty);
        }
        let before = account.status;
        let has_orders = account.open_orders > 0;
        if self.moves.contains_key(&account_id) && status != before {
            return Err(Code::NotAllowedNow);
        }
        self.accounts[account_id].status = status;
        self.records.tell(&AccountStatusSet {});
        if has_orders && status != before {
            self.begin_move(account_id);
        }
        Ok(())
    }

    pub(crate) fn set_account_limits(&mut self, asked: &SetAccountLimits) -> Decision {
        let SetAccountLimits { account_id, tier, leverage_max, position_notional_max: most } = *asked;
        let account = self.member_mut(account_id)?;
        let is_bounded = (1..=4).contains(&tier)
            && leverage_max <= LEVERAGE_MAX
            && (0..=NOTIONAL_MINOR_MAX).contains(&most.number());
        if !is_bounded {
            return Err(Code::BoundExceeded);
        }
        (account.tier, account.leverage_max, account.position_notional_max) = (tier, leverage_max, most);
        self.records.tell(&AccountLimitsSet {});
        Ok(())
    }

    pub(crate) fn set_margin_state(&mut self, asked: &SetMarginState) -> Decision {
        let account = self.member_mut(asked.account_id)?;
        account.margin_state = asked.state;
        let has_orders = account.open_orders > 0;
        self.records.tell(&MarginStateSet {});
        let keeps = asked.state.still_allowed();
        if has_orders && keeps != ExecInst::default() {
            self.withdraw_restricted(asked.account_id, keeps);
        }
        Ok(())
    }

    /// Take out of the market what an account may not have in its margin state.
    fn withdraw_restricted(&mut self, account_id: AccountId, keeps: ExecInst) {
        let is_the_same = |one: &Withdrawal| one.account_id == account_id && one.keeps == keeps;
        self.withdrawals.retain(|one| !is_the_same(one));
        let code = if keeps == ExecInst::REDUCE_ONLY { Code::MarginRestricted } else { Code::Liquidation };
        self.withdrawals.push(Withdrawal {
            seq: self.now.seq,
            firm_id: FirmId::NONE,
            account_id,
            symbol_id: SymbolId::NONE,
            session_id: SessionId::OPERATIONS,
            side: None,
            keeps,
            code,
            is_operations: true,
            canceled: 0,
            at_account: AccountId::NONE,
            at_order: OrderId::NONE,
            next: Slot::NIL,
        });
        self.now.may_be_out = true;
        self.go_on_withdrawing(self.now.seq);
    }

    pub(crate) fn set_collateral(&mut self, asked: &SetCollateral) -> Decision {
        let SetCollateral { weight_ppm, lending_account_id, .. } = *asked;
        let asset_id = asked.asset_id;
        let lender = self.accounts.get(lending_account_id);
        if !lending_account_id.is_none() && lender.is_none() {
            return Err(Code::UnknownReference);
        }
        let is_bounded = weight_ppm <= WEIGHT_PPM_MAX && lender.is_none_or(|lender| lender.kind == AccountKind::System);
        let asset = self.assets.get_mut(asset_id).ok_or(Code::UnknownReference)?;
        if !is_bounded {
            return Err(Code::BoundExceeded);
        }
        if !asset.lent.is_zero() && asset.lending_account_id != lending_account_id {
            return Err(Code::NotEmpty);
        }
        (asset.weight_ppm, asset.lending_account_id) = (weight_ppm, lending_account_id);
        self.records.tell(&CollateralSet {});
        Ok(())
    }

    pub(crate) fn deposit(&mut self, asked: &Deposit) -> Decision {
        let Deposit { account_id, amount, deposit_ref, .. } = *asked;
        let asset_id = asked.asset_id;
        let account = self.accounts.get_mut(account_id).ok_or(Code::UnknownReference)?;
        let asset = self.assets.get_mut(asset_id).ok_or(Code::UnknownReference)?;
        let room = ASSET_UNITS_MAX * 10i128.pow(u32::from(asset.decimals)) - asset.deposited.number();
        if !(1..=room).contains(&amount.number()) || deposit_ref.is_empty() || !takes_money(account) {
            return Err(Code::BoundExceeded);
        }
        if self.deposit_refs.contains(&deposit_ref) {
            return Err(Code::DuplicateDeposit);
        }
        asset.deposited += amount;
        account.credit(asset_id, amount);
        self.deposit_refs.add(deposit_ref);
        self.records.tell(&Deposited { available_after: account.balance(asset_id).available });
        self.repay(account_id, asset_id);
        Ok(())
    }

    pub(crate) fn transfer(&mut self, asked: &Transfer) -> Decision {
        let Transfer { from_account_id: from, to_account_id: to, amount, .. } = *asked;
        let asset_id = asked.asset_id;
        let giver = self.accounts.get(from).ok_or(Code::UnknownReference)?;
        let taker = self.accounts.get(to).ok_or(Code::UnknownReference)?;
        self.assets.get(asset_id).ok_or(Code::UnknownReference)?;
        if from == to || amount < Minor::ONE || !takes_money(giver) || !takes_money(taker) {
            return Err(Code::BoundExceeded);
        }
        if giver.status == AccountStatus::Suspended {
            return Err(Code::AccountSuspended);
        }
        let owes = giver.has_debt() || giver.balances().any(|(_, balance)| !balance.loan.is_zero());
        if owes || amount > self.free_cash(from, asset_id) {
            return Err(Code::InsufficientBalance);
        }
        self.accounts[from].credit(asset_id, -amount);
        self.accounts[to].credit(asset_id, amount);
        let available = |account_id: AccountId| self.accounts[account_id].balance(asset_id).available;
        let (from_available, to_available) = (available(from), available(to));
        self.records.tell(&Transferred { from_available, to_available });
        self.repay(to, asset_id);
        Ok(())
    }
}

/// Tell whether deposits and transfers reach an account.
fn takes_money(account: &Account) -> bool {
    account.kind != AccountKind::ClearingPnl && account.status != AccountStatus::Closed
}
