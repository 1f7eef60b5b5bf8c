//! Requests about orders that exist, or should: cancel, mass cancel, kill switch, status (docs/MATCHING.md, section 9).

use crate::language::codes::{code, Code, OrderState, SessionKind};
use crate::language::command::{CancelOrder, MassCancel, Target};
use crate::language::event::Records;
use crate::language::limits::CANCELS_PER_COMMAND_MAX;
use crate::market::open_orders::OpenOrder;
use crate::market::order_register::Order;
use crate::state::exchange::{Decision, Exchange};

impl Exchange {
    pub(crate) fn cancel_order(&mut self, source: u32, key: u64, cancel: &CancelOrder<'_>) {
        let CancelOrder { cl_ord_id, target, poss_resend } = cancel;
        if let Some(entry) = self.open_target(source, key, cl_ord_id, target, *poss_resend, Records::cancel_rejected) {
            self.orders.name(key, source, entry, cl_ord_id);
            self.cancel(self.orders[entry].slot, code::USER_REQUESTED);
        }
    }

    /// Find the open order a cancel or a replace means; the request's own `ClOrdID`, hashed to `key`, must be new.
    /// Otherwise answer it.
    #[inline(always)]
    pub(crate) fn open_target(
        &mut self,
        source: u32,
        key: u64,
        cl_ord_id: &[u8],
        target: &Target<'_>,
        poss_resend: bool,
        reject: fn(&mut Records, Option<(u64, OrderState)>, Code),
    ) -> Option<u32> {
        let found = self.find_target(source, target);
        let answer = found.map(|entry| self.orders[entry].answer());
        if let Some(known) = self.orders.find_named(key, source, cl_ord_id) {
            if poss_resend {
                self.records.status_reported(Some(self.orders[known].answer()));
            } else {
                reject(&mut self.records, answer, code::DUPLICATE_CL_ORD_ID);
            }
            return None;
        }
        match answer {
            None => reject(&mut self.records, None, code::UNKNOWN_ORDER),
            Some((_, state)) if !state.is_open() => reject(&mut self.records, answer, code::TOO_LATE),
            Some(_) => return found,
        }
        None
    }

    pub(crate) fn request_order_status(&mut self, source: u32, order_id: u64, cl_ord_id: &[u8]) {
        let entry = self.find_order(source, order_id, cl_ord_id);
        self.records.status_reported(entry.map(|entry| self.orders[entry].answer()));
    }

    /// Find the order a cancel or a replace means, if it is as described.
    #[inline(always)]
    fn find_target(&self, source: u32, target: &Target<'_>) -> Option<u32> {
        let entry = self.find_order(source, target.order_id, target.orig_cl_ord_id)?;
        is_as_described(target, &self.orders[entry]).then_some(entry)
    }

    /// Find an order of the source's firm by its id, else by the source's `ClOrdID`.
    #[inline(always)]
    fn find_order(&self, source: u32, order_id: u64, cl_ord_id: &[u8]) -> Option<u32> {
        let firm_id = if source == 0 { None } else { Some(self.firm_of(source)?) };
        let entry = if order_id == 0 {
            self.orders.find_named(self.orders.key(source, cl_ord_id), source, cl_ord_id)?
        } else {
            self.orders.find(order_id)?
        };
        let owner = &self.accounts[self.orders[entry].account_id];
        firm_id.is_none_or(|firm_id| firm_id == owner.firm_id).then_some(entry)
    }

    pub(crate) fn mass_cancel(&mut self, source: u32, cancel: &MassCancel) {
        let mut slots = match self.scope(source, cancel) {
            Ok(slots) => slots,
            Err(code) => return self.records.mass_cancel_rejected(code),
        };
        let remaining = slots.len().saturating_sub(CANCELS_PER_COMMAND_MAX);
        slots.truncate(CANCELS_PER_COMMAND_MAX);
        let reason = if cancel.code == 0 { code::USER_REQUESTED } else { cancel.code };
        for slot in &slots {
            self.cancel(*slot, reason);
        }
        if cancel.kill {
            self.sessions[source].is_blocked = true;
            self.records.kill_switch_set(source, true);
        }
        self.records.mass_canceled(slots.len() as u32, remaining as u32);
    }

    /// The orders a mass cancel reaches, by order id.
    fn scope(&self, source: u32, cancel: &MassCancel) -> Decision<Vec<u32>> {
        let is_operations = source == 0;
        let mut firm_id = cancel.firm_id;
        if is_operations {
            if cancel.kill {
                return Err(code::UNSUPPORTED);
            }
        } else {
            firm_id = self.firm_of(source).ok_or(code::NOT_AUTHORISED)?;
            if cancel.firm_id != 0 || cancel.code != 0 {
                return Err(code::UNSUPPORTED);
            }
            let account = self.accounts.get(cancel.account_id);
            let is_own = account.is_some_and(|account| account.firm_id == firm_id);
            if cancel.account_id != 0 && !is_own {
                return Err(code::UNKNOWN_ACCOUNT);
            }
        }
        if cancel.symbol_id != 0 && self.markets.get(cancel.symbol_id).is_none() {
            return Err(code::UNKNOWN_SYMBOL);
        }
        let mut slots = self.candidates(firm_id, cancel.account_id);
        slots.retain(|slot| self.is_in_scope(&self.open[*slot], firm_id, cancel));
        slots.sort_unstable_by_key(|slot| self.open[*slot].order_id);
        Ok(slots)
    }

    /// Open orders of an account, else of a firm, else all. Cost: O(their number).
    fn candidates(&self, firm_id: u32, account_id: u32) -> Vec<u32> {
        if account_id != 0 {
            return self.open_of(account_id);
        }
        match self.firms.get(firm_id) {
            Some(firm) => firm.accounts.iter().flat_map(|account_id| self.open_of(*account_id)).collect(),
            None if firm_id != 0 => Vec::new(),
            None => self.open.iter().map(|(slot, _)| slot).collect(),
        }
    }

    fn is_in_scope(&self, order: &OpenOrder, firm_id: u32, cancel: &MassCancel) -> bool {
        (firm_id == 0 || self.accounts[order.account_id].firm_id == firm_id)
            && (cancel.account_id == 0 || cancel.account_id == order.account_id)
            && (cancel.symbol_id == 0 || cancel.symbol_id == order.symbol_id)
            && (cancel.of_session == 0 || cancel.of_session == order.source)
            && cancel.side.is_none_or(|side| side == order.side)
    }

    pub(crate) fn set_kill_switch(&mut self, source: u32, session_id: u32, is_on: bool) -> Decision {
        let session = self.sessions.get_mut(session_id).filter(|session| session.kind == SessionKind::OrderEntry);
        let session = session.ok_or(code::UNKNOWN_REFERENCE)?;
        if source != 0 && source != session_id {
            return Err(code::NOT_AUTHORISED);
        }
        session.is_blocked = is_on;
        self.records.kill_switch_set(session_id, is_on);
        Ok(())
    }
}

/// Tell whether what a request says about its order, where it says anything, is so.
fn is_as_described(target: &Target<'_>, order: &Order) -> bool {
    (target.account_id == 0 || target.account_id == order.account_id)
        && (target.symbol_id == 0 || target.symbol_id == order.symbol_id)
        && target.side.is_none_or(|side| side == order.side)
}
