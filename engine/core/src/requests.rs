//! Commands about an order that exists, or should: cancel and status.

use crate::codes::{code, OrderState};
use crate::command::CancelOrder;
use crate::exchange::Exchange;
use crate::orders::{Naming, Order};
use crate::text::ClOrdId;

impl Exchange {
    pub(crate) fn cancel_order(&mut self, source: u32, cancel: &CancelOrder) {
        let target = self.find_order(source, cancel.order_id, &cancel.orig_cl_ord_id);
        let target = target.filter(|entry| is_as_described(cancel, &self.orders[*entry]));
        let answer = target.map(|entry| self.orders[entry].answer());
        let key = self.orders.key(source, &cancel.cl_ord_id);
        if let Some(known) = self.orders.find_named(key, source, &cancel.cl_ord_id) {
            if cancel.poss_resend {
                return self.records.status_reported(Some(self.orders[known].answer()));
            }
            return self.records.cancel_rejected(answer, code::DUPLICATE_CL_ORD_ID);
        }
        let Some(entry) = target else {
            return self.records.cancel_rejected(None, code::UNKNOWN_ORDER);
        };
        let Order { order_id, symbol_id, side, slot, state, .. } = self.orders[entry];
        if !state.is_open() {
            return self.records.cancel_rejected(answer, code::TOO_LATE);
        }
        let (leaves, released) = self.withdraw(symbol_id, side, slot);
        self.orders.close(entry, OrderState::Canceled);
        self.orders.name(key, Naming { source, entry, cl_ord_id: cancel.cl_ord_id });
        self.records.order_canceled(order_id, leaves, released, code::USER_REQUESTED);
    }

    pub(crate) fn request_order_status(&mut self, source: u32, order_id: u64, cl_ord_id: &ClOrdId) {
        let entry = self.find_order(source, order_id, cl_ord_id);
        self.records.status_reported(entry.map(|entry| self.orders[entry].answer()));
    }

    /// Find an order of the source's firm by its id, else by the source's `ClOrdID`.
    fn find_order(&self, source: u32, order_id: u64, cl_ord_id: &ClOrdId) -> Option<u32> {
        let firm_id = self.firm_of(source)?;
        let entry = if order_id == 0 {
            self.orders.find_named(self.orders.key(source, cl_ord_id), source, cl_ord_id)?
        } else {
            self.orders.find(order_id)?
        };
        let owner = &self.accounts[self.orders[entry].account_id];
        (owner.firm_id == firm_id).then_some(entry)
    }
}

/// Tell whether what a cancel says about its order, where it says anything, is so.
fn is_as_described(cancel: &CancelOrder, order: &Order) -> bool {
    (cancel.account_id == 0 || cancel.account_id == order.account_id)
        && (cancel.symbol_id == 0 || cancel.symbol_id == order.symbol_id)
        && cancel.side.is_none_or(|side| side == order.side)
}
