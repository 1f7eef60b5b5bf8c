//! Orders that closed lately, as rows: those that the log may still name, because a `ClOrdID` of theirs is not forgotten.
//!
//! `ClOrdIDs` are spent and forgotten here as in `market::order_register`, told from events alone. What is forgotten
//! stays in memory until nobody who reads along can be at a record that names it; it is not written.

use std::collections::{BTreeMap, VecDeque};

use crate::language::bytes::{u32_at, u64_at};
use crate::language::ids::{OrderId, SessionId};
use crate::standing::by_order::ByOrder;
use crate::standing::order::{rows, Order};
use crate::standing::window::Window;

/// The order a spent `ClOrdID` named, and when it was spent.
#[derive(Clone, Copy)]
struct Spent {
    order_id: OrderId,
    spent_ns: u64,
}

/// Of one session: how many `ClOrdIDs` it has spent, how many of these are forgotten because there were too many, and
/// the last of them, the oldest first.
#[derive(Default)]
struct OfSession {
    count: u64,
    forgotten: u64,
    names: VecDeque<Spent>,
}

impl OfSession {
    /// Count the names at the head of the queue that are forgotten.
    fn forgotten_names(&self, forgotten_ns: u64) -> usize {
        let gone = self.names.len() as u64 - (self.count - self.forgotten).min(self.names.len() as u64);
        gone as usize + self.names.range(gone as usize..).take_while(|name| name.spent_ns <= forgotten_ns).count()
    }
}

/// An order, its row once it is closed, and how many spent `ClOrdIDs` name it.
#[derive(Default)]
struct Named {
    names: u32,
    row: Box<[u8]>,
}

/// Written of a session: `session_id` u32, zero u32, count u64, forgotten u64, number of names u64; of each of these:
/// `order_id` u64, `spent_ns` u64. At last the rows.
const SESSION_BYTES: usize = 32;
const NAME_BYTES: usize = 16;

#[derive(Default)]
pub struct Closed {
    pub window: Window,
    named: ByOrder<Named>,
    sessions: BTreeMap<SessionId, OfSession>,
    /// What was spent at or before this is forgotten.
    pub forgotten_ns: u64,
    now_ns: u64,
    /// Spent since it was last looked for what may go.
    unswept: usize,
}

impl Closed {
    /// Begin a record of this time.
    pub fn begin(&mut self, ts_ns: u64) {
        self.now_ns = ts_ns;
        self.forgotten_ns = self.forgotten_ns.max(ts_ns.saturating_sub(self.window.window_ns));
    }

    /// Spend a `ClOrdID` a session gave to an order.
    pub fn spend(&mut self, session_id: SessionId, order_id: OrderId) {
        let session = self.sessions.entry(session_id).or_default();
        session.count += 1;
        session.forgotten = session.forgotten.max(session.count.saturating_sub(self.window.spent_max));
        session.names.push_back(Spent { order_id, spent_ns: self.now_ns });
        self.named.entry(order_id).or_default().names += 1;
        self.unswept += 1;
    }

    /// Keep an order that closes: its `ClOrdIDs` are spent.
    pub fn close(&mut self, order: &Order) {
        let mut row = Vec::with_capacity(192);
        order.write_row(&mut row);
        self.named.entry(order.order_id).or_default().row = row.into();
        self.spend(order.session_id, order.order_id);
        if let Some(session_id) = order.latest_by {
            self.spend(session_id, order.order_id);
        }
    }

    /// Let go of what is forgotten. Cost: O(1) for each `ClOrdID` spent since, and for each let go.
    pub fn sweep(&mut self) {
        if self.unswept < self.sessions.len() {
            return;
        }
        self.unswept = 0;
        for session in self.sessions.values_mut() {
            for name in session.names.drain(..session.forgotten_names(self.forgotten_ns)) {
                let named = self.named.get_mut(&name.order_id).expect("it has a name");
                named.names -= 1;
                if named.names == 0 {
                    self.named.remove(&name.order_id);
                }
            }
        }
    }

    pub fn find(&self, order_id: OrderId) -> Option<&[u8]> {
        self.named.get(&order_id).map(|named| &named.row[..])
    }

    /// Append what is not forgotten. Cost: O(n log n).
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.sessions.len() as u64).to_le_bytes());
        let mut order_ids = Vec::with_capacity(self.named.len());
        for (session_id, session) in &self.sessions {
            let kept = session.names.range(session.forgotten_names(self.forgotten_ns)..);
            out.extend_from_slice(&session_id.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
            for number in [session.count, session.forgotten, kept.len() as u64] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            for name in kept {
                out.extend_from_slice(&name.order_id.to_le_bytes());
                out.extend_from_slice(&name.spent_ns.to_le_bytes());
                order_ids.push(name.order_id);
            }
        }
        order_ids.sort_unstable();
        order_ids.dedup();
        for order_id in order_ids {
            out.extend_from_slice(&self.named[&order_id].row);
        }
    }

    /// Read what `write` appended.
    pub fn read(&mut self, raw: &[u8]) {
        let (sessions, mut raw) = (u64_at(raw, 0), &raw[8..]);
        for _ in 0..sessions {
            let (session_id, count) = (SessionId::new(u32_at(raw, 0)), u64_at(raw, 24) as usize);
            let (names, rest) = raw[SESSION_BYTES..].split_at(count * NAME_BYTES);
            let name = |raw| Spent { order_id: OrderId::new(u64_at(raw, 0)), spent_ns: u64_at(raw, 8) };
            let names: VecDeque<Spent> = names.chunks_exact(NAME_BYTES).map(name).collect();
            self.named.reserve(names.len());
            for name in &names {
                self.named.entry(name.order_id).or_default().names += 1;
            }
            self.sessions.insert(session_id, OfSession { count: u64_at(raw, 8), forgotten: u64_at(raw, 16), names });
            raw = rest;
        }
        for row in rows(raw) {
            self.named.entry(OrderId::new(u64_at(row, 8))).or_default().row = row.into();
        }
    }
}
