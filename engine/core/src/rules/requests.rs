//! Requests about one order that exists, or should: cancel, status (docs/MATCHING.md, section 9).

use crate::language::codes::Code;
use crate::language::command::{CancelOrder, RequestOrderStatus, Target};
use crate::language::event::{CancelRejected, StatusReported};
use crate::language::ids::{OrderId, SessionId};
use crate::language::layout::Event;
use crate::market::order_register::{Answer, Entry, Order};
use crate::state::exchange::Exchange;

impl Exchange {
    pub(crate) fn cancel_order(&mut self, source: SessionId, key: u64, cancel: &CancelOrder<'_>) {
        let CancelOrder { cl_ord_id, flags, .. } = cancel;
        let (target, is_resent) = (cancel.target(), flags.poss_resend());
        if let Some(entry) = self.open_target(source, key, cl_ord_id, &target, is_resent, cancel_rejected) {
            self.orders.name(key, source, entry, cl_ord_id);
            self.cancel(self.orders[entry].slot, Code::UserRequested);
        }
    }

    /// Find the open order a cancel or a replace means; the request's own `ClOrdID`, hashed to `key`, must be new.
    /// Otherwise answer it.
    #[inline(always)]
    pub(crate) fn open_target<E: Event>(
        &mut self,
        source: SessionId,
        key: u64,
        cl_ord_id: &[u8],
        target: &Target<'_>,
        poss_resend: bool,
        rejected: fn(Answer, Code) -> E,
    ) -> Option<Entry> {
        let known = self.orders.find_named(key, source, cl_ord_id);
        if let Some(known) = known.filter(|_| poss_resend) {
            let (order_id, state) = self.orders[known].answer();
            self.records.tell(&StatusReported { state: Some(state), order_id });
            return None;
        }
        let found = self.find_target(source, target);
        if let Some(entry) = found {
            self.dismiss_if_out(entry);
        }
        let answer = found.map(|entry| self.orders[entry].answer());
        if known.is_some() {
            self.records.tell(&rejected(answer, Code::DuplicateClOrdId));
            return None;
        }
        match answer {
            None => self.records.tell(&rejected(None, Code::UnknownOrder)),
            Some((_, state)) if !state.is_open() => self.records.tell(&rejected(answer, Code::TooLate)),
            Some(_) => match found.filter(|entry| !self.is_held(self.orders[*entry].slot)) {
                None => self.records.tell(&rejected(answer, Code::TooLate)),
                found => return found,
            },
        }
        None
    }

    pub(crate) fn request_order_status(&mut self, source: SessionId, asked: &RequestOrderStatus<'_>) {
        let entry = self.find_order(source, asked.order_id, &asked.cl_ord_id);
        if let Some(entry) = entry {
            self.dismiss_if_out(entry);
        }
        let (order_id, state) = entry.map(|entry| self.orders[entry].answer()).unzip();
        self.records.tell(&StatusReported { state, order_id: order_id.unwrap_or_default() });
    }

    /// Find the order a cancel or a replace means, if it is as described.
    #[inline(always)]
    fn find_target(&self, source: SessionId, target: &Target<'_>) -> Option<Entry> {
        let entry = self.find_order(source, target.order_id, target.orig_cl_ord_id)?;
        is_as_described(target, &self.orders[entry]).then_some(entry)
    }

    /// Find an order of the source's firm by its id, else by the source's `ClOrdID`.
    #[inline(always)]
    fn find_order(&self, source: SessionId, order_id: OrderId, cl_ord_id: &[u8]) -> Option<Entry> {
        let firm_id = if source.is_operations() { None } else { Some(self.firm_of(source)?) };
        let entry = if order_id.is_none() {
            self.orders.find_named(self.orders.key(source, cl_ord_id), source, cl_ord_id)?
        } else {
            self.orders.find(order_id)?
        };
        let owner = &self.accounts[self.orders[entry].account_id];
        firm_id.is_none_or(|firm_id| firm_id == owner.firm_id).then_some(entry)
    }
}

fn cancel_rejected(order: Answer, code: Code) -> CancelRejected {
    let (order_id, state) = order.unzip();
    CancelRejected { code, state, order_id: order_id.unwrap_or_default() }
}

/// Tell whether what a request says about its order, where it says anything, is so.
fn is_as_described(target: &Target<'_>, order: &Order) -> bool {
    (target.account_id.is_none() || target.account_id == order.account_id)
        && (target.symbol_id.is_none() || target.symbol_id == order.symbol_id)
        && target.side.is_none_or(|side| side == order.side)
}
