//! The fold as bytes, so that a start reads what stands instead of all that happened.
//!
//! ```text
//! magic    b"EXCHSTND", version u32 = 3
//! log end  journal u64, seq u64, event_ts_ns u64, crc u32, forgotten_ns u64
//! lengths  of the four parts that follow, u64 each
//! parts    kept records, markets, rows of open orders, spent ClOrdIDs by session and rows of closed orders
//! crc32c   u32, of all bytes before
//! ```

use crate::language::bytes::{u32_at, u64_at};
use crate::language::crc32c::Checksum;
use crate::standing::fold::Fold;
use crate::standing::kept::Kept;
use crate::standing::market::Markets;
use crate::standing::order::{rows, Order, ROW_BYTES};
use crate::standing::window::Window;

const MAGIC: &[u8; 8] = b"EXCHSTND";
const VERSION: u32 = 3;
const HEAD_BYTES: usize = 80;

impl Fold {
    /// Write all of it; equal folds give equal bytes. Cost: O(orders kept).
    pub fn snapshot(&self) -> Vec<u8> {
        let mut parts = [const { Vec::new() }; 4];
        self.kept.write(&mut parts[0]);
        self.markets.write(&mut parts[1]);
        self.write_open(&mut parts[2]);
        self.closed.write(&mut parts[3]);
        let mut out = Vec::with_capacity(HEAD_BYTES + parts.iter().map(Vec::len).sum::<usize>() + 4);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.journal.to_le_bytes());
        out.extend_from_slice(&self.seq.to_le_bytes());
        out.extend_from_slice(&self.event_ts_ns.to_le_bytes());
        out.extend_from_slice(&self.crc.to_le_bytes());
        out.extend_from_slice(&self.closed.forgotten_ns.to_le_bytes());
        for part in &parts {
            out.extend_from_slice(&(part.len() as u64).to_le_bytes());
        }
        for part in parts {
            out.extend_from_slice(&part);
        }
        let crc = (self.checksum)(&[], &[&out]);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Restore what `snapshot` wrote. Once the checksum holds, the bytes are believed.
    pub fn restore(raw: &[u8], checksum: Checksum) -> Result<Self, &'static str> {
        if raw.len() < HEAD_BYTES + 4 || &raw[..8] != MAGIC || u32_at(raw, 8) != VERSION {
            return Err("it is no standing of this version");
        }
        let body = raw.len() - 4;
        if checksum(&[], &[&raw[..body]]) != u32_at(raw, body) {
            return Err("its checksum does not match");
        }
        let lengths = [48, 56, 64, 72].map(|at| u64_at(raw, at) as usize);
        if HEAD_BYTES + lengths.iter().sum::<usize>() != body {
            return Err("its parts have other lengths");
        }
        let mut fold = Self::of(u64_at(raw, 12), checksum);
        (fold.seq, fold.event_ts_ns, fold.crc) = (u64_at(raw, 20), u64_at(raw, 28), u32_at(raw, 36));
        let mut parts = &raw[HEAD_BYTES..body];
        let [kept, markets, open, closed] = lengths.map(|length| {
            let (part, rest) = parts.split_at(length);
            parts = rest;
            part
        });
        fold.kept = Kept::read(kept);
        fold.markets = Markets::read(markets);
        fold.open.reserve(open.len() / ROW_BYTES);
        for row in rows(open) {
            let order = Order::read_row(row);
            fold.open.insert(order.order_id, order);
        }
        fold.closed.forgotten_ns = u64_at(raw, 40);
        fold.closed.window = Window::read(kept);
        fold.closed.read(closed);
        Ok(fold)
    }
}
