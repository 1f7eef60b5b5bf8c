//! Reading ahead of time what the next commands will look up. Nothing is decided here.
//!
//! Orders, accounts and levels of a large exchange lie in memory that no cache holds, and each is found through the
//! one before. So every step is taken for several commands at once: by the next step its memory has mostly come.

use crate::language::bytes::u32_at;
use crate::language::command::{self, Glance};
use crate::language::frame::HEADER_BYTES;
use crate::language::ids::SessionId;
use crate::market::book::LevelSlot;
use crate::market::open_orders::Slot;
use crate::market::order_register::Entry;
use crate::state::exchange::Exchange;

/// Commands that are looked ahead at together.
pub const LOOK_AHEAD: usize = 32;

/// As many open orders as the caches hold with all that belongs to them.
const NEAR_ORDERS: usize = 10_000;

/// What is known of the next commands, in their order; beyond those, of commands that were next before.
#[derive(Default)]
pub struct Ahead {
    /// Keys of their `ClOrdIDs`.
    pub keys: [u64; LOOK_AHEAD],
    glances: [Glance; LOOK_AHEAD],
    /// The orders they name, by entry.
    entries: [Option<Entry>; LOOK_AHEAD],
    /// Where those stand.
    slots: [Slot; LOOK_AHEAD],
    /// The levels their orders may join.
    levels: [LevelSlot; LOOK_AHEAD],
}

impl Exchange {
    /// Hash the `ClOrdIDs` of the commands at the head of `frames`, and bring what they name into the cache.
    pub(crate) fn look_ahead(&mut self, frames: &[u8]) {
        let count = self.glance(frames);
        if self.open.len() > NEAR_ORDERS {
            for i in 0..count {
                self.ahead.entries[i] = self.orders.guess(self.ahead.glances[i].order_id, self.prefetch);
            }
            self.look_at_orders(count);
        }
    }

    /// Read what commands name, and hash their `ClOrdIDs`; returns how many commands there are.
    fn glance(&mut self, frames: &[u8]) -> usize {
        let mut at = 0;
        for count in 0..LOOK_AHEAD {
            let Some(header) = frames.get(at..at + HEADER_BYTES) else {
                return count;
            };
            let (length, source) = (u32_at(header, 0) as usize, SessionId::new(u32_at(header, 28)));
            let Some(raw) = frames.get(at + HEADER_BYTES..at.saturating_add(length)) else {
                return count;
            };
            if let Some((glance, cl_ord_id)) = command::glance(raw) {
                self.ahead.glances[count] = Glance { source, ..glance };
                self.ahead.keys[count] = self.orders.key(source, cl_ord_id);
                self.orders.prefetch(self.ahead.keys[count], glance.order_id, self.prefetch);
            }
            at += length;
        }
        LOOK_AHEAD
    }

    /// Bring what orders are entered into and taken out of into the cache.
    fn look_at_orders(&mut self, count: usize) {
        let Ahead { glances, entries, slots, levels, .. } = &mut self.ahead;
        let (glances, prefetch) = (&mut glances[..count], self.prefetch);
        for (i, glance) in glances.iter_mut().enumerate() {
            self.sessions.prefetch(glance.source, prefetch);
            slots[i] = Slot::NIL;
            if let Some(entry) = entries[i] {
                let order = &self.orders[entry];
                (slots[i], glance.account_id, glance.symbol_id) = (order.slot, order.account_id, order.symbol_id);
            }
            self.open.prefetch(slots[i], prefetch);
            self.accounts.prefetch(glance.account_id, prefetch);
            self.markets.prefetch(glance.symbol_id, prefetch);
        }
        for (i, glance) in glances.iter().enumerate() {
            if let Some(account) = self.accounts.get(glance.account_id) {
                account.prefetch(prefetch);
            }
            let order = self.open.get(slots[i]);
            for slot in order.map_or([Slot::NIL; 4], |order| order.neighbors(glance.is_cancel)) {
                self.open.prefetch(slot, prefetch);
            }
            levels[i] = LevelSlot::NIL;
            if let Some(market) = self.markets.get(glance.symbol_id) {
                market.book.prefetch(order.map_or(LevelSlot::NIL, |order| order.level), prefetch);
                levels[i] = market.book.level_near(glance.price).unwrap_or(LevelSlot::NIL);
            }
        }
        for (i, glance) in glances.iter().enumerate() {
            if let Some(market) = self.markets.get(glance.symbol_id) {
                market.book.prefetch(levels[i], prefetch);
            }
        }
    }
}
