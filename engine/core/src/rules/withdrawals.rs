//! Mass cancels: what they mean is out at once, and told account by account (docs/MATCHING.md, section 9).

use crate::language::codes::{Code, ExecInst};
use crate::language::command::MassCancel;
use crate::language::event::MassCancelRejected;
use crate::language::ids::{AccountId, Key, OrderId, SessionId};
use crate::language::limits::WITHDRAWALS_PER_FIRM_MAX;
use crate::market::open_orders::{OpenOrder, Slot};
use crate::state::exchange::{Decision, Exchange, Withdrawal};

impl Exchange {
    pub(crate) fn mass_cancel(&mut self, source: SessionId, cancel: &MassCancel<'_>) {
        let withdrawal = match self.withdrawal(source, cancel) {
            Ok(withdrawal) => withdrawal,
            Err(code) => return self.records.tell(&MassCancelRejected { code }),
        };
        self.withdrawals.push(withdrawal);
        self.now.may_be_out = true;
        let request_seq = withdrawal.seq;
        if cancel.flags.kill() {
            self.block(source, source);
        }
        self.go_on_withdrawing(request_seq);
    }

    /// Check a mass cancel.
    fn withdrawal(&self, source: SessionId, cancel: &MassCancel<'_>) -> Decision<Withdrawal> {
        let is_operations = source.is_operations();
        let mut firm_id = cancel.firm_id;
        if is_operations {
            if cancel.flags.kill() {
                return Err(Code::Unsupported);
            }
        } else {
            firm_id = self.firm_of(source).ok_or(Code::NotAuthorised)?;
            if !cancel.firm_id.is_none() || cancel.code.is_some() {
                return Err(Code::Unsupported);
            }
            let account = self.accounts.get(cancel.account_id);
            let is_own = account.is_some_and(|account| account.firm_id == firm_id);
            if !cancel.account_id.is_none() && !is_own {
                return Err(Code::UnknownAccount);
            }
        }
        if !cancel.symbol_id.is_none() && self.markets.get(cancel.symbol_id).is_none() {
            return Err(Code::UnknownSymbol);
        }
        let is_of_the_same = |one: &&Withdrawal| {
            one.is_operations == is_operations
                && (is_operations || one.firm_id == firm_id)
                && one.keeps == ExecInst::default()
        };
        if self.withdrawals.iter().filter(is_of_the_same).count() >= WITHDRAWALS_PER_FIRM_MAX {
            return Err(Code::RateLimit);
        }
        Ok(Withdrawal {
            seq: self.now.seq,
            firm_id,
            account_id: cancel.account_id,
            symbol_id: cancel.symbol_id,
            session_id: cancel.of_session,
            side: cancel.side,
            keeps: ExecInst::default(),
            code: cancel.code.unwrap_or(Code::MassCanceled),
            is_operations,
            canceled: 0,
            at_account: AccountId::NONE,
            at_order: OrderId::NONE,
            next: Slot::NIL,
        })
    }

    /// The first mass cancel under way that means an order.
    pub(crate) fn withdrawal_of(&self, slot: Slot) -> Option<usize> {
        let order = &self.open[slot];
        self.withdrawals.iter().position(|withdrawal| self.reaches(withdrawal, order))
    }

    fn reaches(&self, withdrawal: &Withdrawal, order: &OpenOrder) -> bool {
        order.order_id.number() < withdrawal.seq
            && withdrawal.account_id.allows(order.account_id)
            && withdrawal.symbol_id.allows(order.symbol_id)
            && withdrawal.session_id.allows(order.source)
            && withdrawal.side.is_none_or(|side| side == order.side)
            && (withdrawal.keeps == ExecInst::default() || !order.exec_inst.has(withdrawal.keeps))
            && withdrawal.firm_id.allows(self.accounts[order.account_id].firm_id)
    }

    /// Go on with a mass cancel, the oldest order of each account first; returns its cancels when it is complete.
    pub(crate) fn withdraw_all(&mut self, seq: u64) -> Option<u32> {
        let at = self.withdrawals.iter().position(|withdrawal| withdrawal.seq == seq)?;
        while let Some(account_id) = self.next_account(at) {
            if !self.now.look() {
                return None;
            }
            if account_id != self.withdrawals[at].at_account {
                self.withdrawals[at].at_account = account_id;
                self.withdrawals[at].at_order = OrderId::NONE;
            }
            if !self.withdraw_of(at, account_id) {
                return None;
            }
            self.withdrawals[at].at_account = account_id.next();
            self.withdrawals[at].at_order = OrderId::NONE;
        }
        Some(self.withdrawals.remove(at).canceled)
    }

    /// Go on with one account of a mass cancel; tells whether the steps sufficed.
    fn withdraw_of(&mut self, at: usize, account_id: AccountId) -> bool {
        if self.withdrawals[at].at_order.is_none() {
            self.withdrawals[at].next = self.accounts[account_id].first_open;
        }
        loop {
            let slot = self.withdrawals[at].next;
            if slot == Slot::NIL || self.open[slot].order_id.number() > self.withdrawals[at].seq {
                return true;
            }
            if !self.now.look() {
                return false;
            }
            let order = self.open[slot];
            let is_meant = self.reaches(&self.withdrawals[at], &order);
            if is_meant && (self.is_held(slot) || !self.now.step()) {
                return false;
            }
            let withdrawal = &mut self.withdrawals[at];
            (withdrawal.at_order, withdrawal.next) = (order.order_id, order.account_previous);
            if is_meant {
                self.dismiss(slot);
            }
        }
    }

    /// The next account a mass cancel has to look at.
    fn next_account(&self, at: usize) -> Option<AccountId> {
        let Withdrawal { at_account, account_id, firm_id, .. } = self.withdrawals[at];
        if !account_id.is_none() {
            let account = self.accounts.get(account_id).filter(|_| at_account <= account_id)?;
            return (firm_id.is_none() || firm_id == account.firm_id).then_some(account_id);
        }
        if firm_id.is_none() {
            return self.accounts.first_from(at_account);
        }
        let accounts = &self.firms.get(firm_id)?.accounts;
        accounts.get(accounts.partition_point(|account_id| *account_id < at_account)).copied()
    }
}
