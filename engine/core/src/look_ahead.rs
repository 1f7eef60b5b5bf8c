//! Reading ahead of time what the next commands will look up. Nothing is decided here.
//!
//! Orders, accounts and levels of a large exchange lie in memory that no cache holds, and each is found through the
//! one before. So every step is taken for several commands at once: one wait for memory instead of one for each.

use crate::bytes::u32_at;
use crate::command::{self, Glance};
use crate::exchange::Exchange;
use crate::frame::HEADER_BYTES;
use crate::ledger::Account;
use crate::slab::NIL;

/// Commands that are looked ahead at together.
pub const LOOK_AHEAD: usize = 32;

/// As many open orders as the caches hold with all that belongs to them.
const NEAR_ORDERS: usize = 10_000;

impl Exchange {
    /// Hash the `ClOrdIDs` of the commands at the head of `frames`, and bring what they name into the cache.
    pub(crate) fn look_ahead(&mut self, frames: &[u8]) {
        let mut glances = [Glance::default(); LOOK_AHEAD];
        let count = self.glance(frames, &mut glances);
        let glances = &glances[..count];
        let mut entries = [None; LOOK_AHEAD];
        let mut seen = 0;
        for (i, glance) in glances.iter().enumerate() {
            seen ^= self.orders.touch(self.ahead[i]);
            entries[i] = self.orders.find(glance.order_id);
        }
        if self.open.len() > NEAR_ORDERS {
            seen ^= self.look_at_orders(glances, entries);
        }
        std::hint::black_box(seen);
    }

    /// Bring what orders are entered into and taken out of into the cache.
    fn look_at_orders(&self, glances: &[Glance], entries: [Option<u32>; LOOK_AHEAD]) -> u32 {
        let mut slots = [NIL; LOOK_AHEAD];
        let mut levels = [NIL; LOOK_AHEAD];
        let mut seen = 0;
        for (i, glance) in glances.iter().enumerate() {
            slots[i] = entries[i].map_or(NIL, |entry| self.orders[entry].slot);
            seen ^= self.sessions.get(glance.source).map_or(0, |session| session.firm_id);
            seen ^= self.accounts.get(glance.account_id).map_or(0, Account::touch);
        }
        for (i, glance) in glances.iter().enumerate() {
            levels[i] = self.markets.get(glance.symbol_id).map_or(NIL, |market| market.book.level_near(glance.price));
        }
        for (i, glance) in glances.iter().enumerate() {
            let Some(market) = self.markets.get(glance.symbol_id) else {
                continue;
            };
            let order = self.open.get(slots[i]);
            seen ^= market.book.touch(levels[i], order.map_or(NIL, |order| order.level));
            seen ^= order.map_or(0, |order| order.order_id as u32);
        }
        seen
    }

    /// Read what commands name, and hash their `ClOrdIDs`; returns how many there are.
    fn glance(&mut self, frames: &[u8], glances: &mut [Glance; LOOK_AHEAD]) -> usize {
        let mut at = 0;
        for (count, glance) in glances.iter_mut().enumerate() {
            let Some(header) = frames.get(at..at + HEADER_BYTES) else {
                return count;
            };
            let (length, source) = (u32_at(header, 0) as usize, u32_at(header, 28));
            let Some(raw) = frames.get(at + HEADER_BYTES..at.saturating_add(length)) else {
                return count;
            };
            if let Some((seen, cl_ord_id)) = command::glance(raw) {
                *glance = Glance { source, ..seen };
                self.ahead[count] = self.orders.key(source, cl_ord_id);
            }
            at += length;
        }
        LOOK_AHEAD
    }
}
