//! The kill switch of a session: no order comes in, and what it entered goes (docs/MATCHING.md, section 9).

use crate::language::codes::{Code, ExecInst, SessionKind};
use crate::language::command::SetKillSwitch;
use crate::language::event::{KillSwitchSet, MassCanceled};
use crate::language::ids::{AccountId, OrderId, SessionId, SymbolId};
use crate::market::open_orders::Slot;
use crate::state::exchange::{Blocked, Decision, Exchange, Withdrawal};

impl Exchange {
    pub(crate) fn set_kill_switch(&mut self, source: SessionId, switch: &SetKillSwitch) -> Decision {
        let SetKillSwitch { session_id, is_on } = *switch;
        let session = self.sessions.get(session_id).filter(|session| session.kind == SessionKind::OrderEntry);
        let session = session.ok_or(Code::UnknownReference)?;
        let is_theirs = source == session_id && (is_on || session.blocked != Blocked::ByOperations);
        if !source.is_operations() && !is_theirs {
            return Err(Code::NotAuthorised);
        }
        if is_on {
            self.block(source, session_id);
            self.withdraw_killed(source, session_id);
            return Ok(());
        }
        if self.withdrawals.iter().any(|withdrawal| withdrawal.kills(session_id)) {
            return Err(Code::NotAllowedNow);
        }
        self.sessions[session_id].blocked = Blocked::No;
        self.records.tell(&KillSwitchSet { session_id, is_on, is_by_operations: source.is_operations() });
        Ok(())
    }

    /// Let a session enter no orders; a switch of operations stays theirs.
    pub(crate) fn block(&mut self, source: SessionId, session_id: SessionId) {
        let session = &mut self.sessions[session_id];
        if source.is_operations() {
            session.blocked = Blocked::ByOperations;
        } else if session.blocked == Blocked::No {
            session.blocked = Blocked::BySession;
        }
        let is_by_operations = session.blocked == Blocked::ByOperations;
        self.records.tell(&KillSwitchSet { session_id, is_on: true, is_by_operations });
    }

    /// Take all orders that a session entered out of the market. While it is blocked it enters none, so once is enough.
    fn withdraw_killed(&mut self, source: SessionId, session_id: SessionId) {
        let known = self.withdrawals.iter().find(|withdrawal| withdrawal.kills(session_id));
        let request_seq = known.map_or(self.now.seq, |withdrawal| withdrawal.seq);
        if known.is_none() {
            self.withdrawals.push(Withdrawal {
                seq: request_seq,
                firm_id: self.sessions[session_id].firm_id,
                account_id: AccountId::NONE,
                symbol_id: SymbolId::NONE,
                session_id,
                side: None,
                keeps: ExecInst::default(),
                code: Code::KillSwitch,
                is_operations: source.is_operations(),
                canceled: 0,
                at_account: AccountId::NONE,
                at_order: OrderId::NONE,
                next: Slot::NIL,
            });
            self.now.may_be_out = true;
        }
        self.go_on_withdrawing(request_seq);
    }

    /// Go on with a mass cancel, and tell how far it has come.
    pub(crate) fn go_on_withdrawing(&mut self, request_seq: u64) {
        let told = self.withdraw_all(request_seq);
        let under_way = || self.withdrawals.iter().find(|withdrawal| withdrawal.seq == request_seq);
        let canceled = told.or_else(|| under_way().map(|withdrawal| withdrawal.canceled)).unwrap_or(0);
        self.records.tell(&MassCanceled { canceled, request_seq, is_complete: told.is_some() });
    }
}

impl Withdrawal {
    /// Tell whether it cancels all that a session has entered because of its kill switch.
    fn kills(&self, session_id: SessionId) -> bool {
        let is_of_all = self.account_id.is_none() && self.symbol_id.is_none() && self.side.is_none();
        self.code == Code::KillSwitch && self.session_id == session_id && is_of_all
    }
}
