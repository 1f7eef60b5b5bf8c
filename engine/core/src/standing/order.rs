//! An order as it stands, and the row that followers read.

use crate::language::bytes::{i128_at, i64_at, put, u16_at, u32_at, u64_at};
use crate::language::codes::OrderState;
use crate::language::command::{NewOrder, NewTerms, ReplaceOrder};
use crate::language::event::OrderReplaced;
use crate::language::ids::{OrderId, SessionId};
use crate::language::text::ClOrdId;
use crate::language::units::{Lots, Ticks};

/// Bytes of a `NewOrder` before its texts, without and with the terms that few orders have.
const PLAIN_BYTES: usize = NewOrder::FIXED;
const COMMAND_BYTES: usize = NewOrder::FIXED + NewTerms::BYTES;

/// Offsets in a `NewOrder`, as `language::command` declares it.
const TIME_IN_FORCE: usize = 4;
const FLAGS: usize = 5;
const CL_ORD_ID: usize = 6;
const TEXT: usize = 7;
const ORDER_QTY: usize = 16;
const PRICE: usize = 24;
const STOP_PX: usize = 32;
const MAX_FLOOR: usize = 40;
const EXPIRE_TIME_NS: usize = 56;
const PEG_OFFSET: usize = 64;
const HAS_TERMS: u8 = 2;

/// Flags of a row.
const IS_RENAMED: u8 = 1;
const IS_SUSPENDED: u8 = 2;

/// Bytes of a row before the command:
///
/// ```text
/// length u16 (of the row), state u8, is_triggered u8, session_id u32, order_id u64, ts_ns u64, leaves i64,
/// cum_qty i64, cum_notional i128, report_seq u64, report_n u32, command_length u16, previous_length u8,
/// flags u8 (1 it is renamed, 2 it is suspended), latest_by u32 (0 unless it is renamed, and for operations)
/// ```
///
/// then the `NewOrder` that would enter it on the terms in force, then the `ClOrdID` it had before the last replacement.
pub const ROW_BYTES: usize = 76;

pub struct Order {
    pub order_id: OrderId,
    /// When it was accepted.
    pub ts_ns: u64,
    pub session_id: SessionId,
    pub state: OrderState,
    pub is_triggered: bool,
    /// Its account is suspended: it stands outside the market.
    pub is_suspended: bool,
    pub leaves: Lots,
    pub cum_qty: Lots,
    /// Sum of ticks times lots of what it traded.
    pub cum_notional: i128,
    /// The session that gave it the latest `ClOrdID`, if it has another than the one it was entered with.
    pub latest_by: Option<SessionId>,
    /// The last event that is reported about it: its record, and its number as in `ExecID`.
    pub report: (u64, u32),
    /// The head of its `NewOrder`, terms in force included.
    command: [u8; COMMAND_BYTES],
    cl_ord_id: ClOrdId,
    previous_cl_ord_id: ClOrdId,
    text: Box<[u8]>,
}

impl Order {
    /// An order as its `NewOrder` entered it.
    pub fn accepted(order_id: OrderId, ts_ns: u64, session_id: SessionId, command: &[u8], report: (u64, u32)) -> Self {
        let head = if command[FLAGS] & HAS_TERMS == 0 { PLAIN_BYTES } else { COMMAND_BYTES };
        let mut kept = [0; COMMAND_BYTES];
        kept[..head].copy_from_slice(&command[..head]);
        let texts = &command[head..];
        let (cl_ord_id, text) = texts.split_at(command[CL_ORD_ID] as usize);
        Self {
            order_id,
            ts_ns,
            session_id,
            state: OrderState::Pending,
            is_triggered: false,
            is_suspended: false,
            leaves: Lots::new(i64_at(command, ORDER_QTY)),
            cum_qty: Lots::ZERO,
            cum_notional: 0,
            latest_by: None,
            report,
            command: kept,
            cl_ord_id: ClOrdId::of_printable(cl_ord_id),
            previous_cl_ord_id: ClOrdId::of_printable(b""),
            text: text.into(),
        }
    }

    pub fn order_qty(&self) -> Lots {
        Lots::new(i64_at(&self.command, ORDER_QTY))
    }

    pub fn trade(&mut self, price: Ticks, qty: Lots, leaves: Lots) {
        self.cum_qty += qty;
        self.cum_notional += i128::from(price.number()) * i128::from(qty.number());
        self.leaves = leaves;
        assert!(self.cum_qty + leaves == self.order_qty(), "an order does not add up");
        self.state = if leaves.is_zero() { OrderState::Filled } else { OrderState::Partial };
    }

    /// Take over a quantity, and a price where one is told.
    pub fn restate(&mut self, order_qty: Lots, leaves: Lots, price: Option<Ticks>) {
        put(&mut self.command, ORDER_QTY, order_qty.to_le_bytes());
        self.leaves = leaves;
        if let Some(price) = price {
            put(&mut self.command, PRICE, price.to_le_bytes());
        }
    }

    /// Take over what a replacement asked; what it did not ask stays.
    pub fn replace(&mut self, asked: &ReplaceOrder<'_>, told: &OrderReplaced) {
        self.restate(told.order_qty, told.leaves, Some(told.price));
        self.previous_cl_ord_id = self.cl_ord_id;
        self.cl_ord_id = ClOrdId::of_printable(&asked.cl_ord_id);
        let terms = &asked.terms;
        if !terms.stop_px.is_zero() {
            put(&mut self.command, STOP_PX, terms.stop_px.to_le_bytes());
        }
        let max_floor =
            if terms.max_floor.is_zero() { Lots::new(i64_at(&self.command, MAX_FLOOR)) } else { terms.max_floor };
        let max_floor = if max_floor >= told.order_qty { Lots::ZERO } else { max_floor };
        put(&mut self.command, MAX_FLOOR, max_floor.to_le_bytes());
        if let Some(offset) = asked.peg_offset() {
            put(&mut self.command, PEG_OFFSET, offset.to_le_bytes());
        }
        if let Some(time_in_force) = asked.time_in_force {
            self.command[TIME_IN_FORCE] = time_in_force as u8;
        }
        if asked.time_in_force.is_some() || terms.expire_time_ns != 0 {
            put(&mut self.command, EXPIRE_TIME_NS, terms.expire_time_ns.to_le_bytes());
        }
    }

    pub fn write_row(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, 0, self.state as u8, u8::from(self.is_triggered)]);
        out.extend_from_slice(&self.session_id.to_le_bytes());
        for number in [self.order_id.number(), self.ts_ns, self.leaves.number() as u64, self.cum_qty.number() as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.cum_notional.to_le_bytes());
        out.extend_from_slice(&self.report.0.to_le_bytes());
        out.extend_from_slice(&self.report.1.to_le_bytes());
        let has_terms = self.command[PLAIN_BYTES..].iter().any(|byte| *byte != 0);
        let head = if has_terms { COMMAND_BYTES } else { PLAIN_BYTES };
        let names = [self.cl_ord_id.as_bytes(), &self.text, self.previous_cl_ord_id.as_bytes()];
        let command_length = head + names[0].len() + names[1].len();
        out.extend_from_slice(&(command_length as u16).to_le_bytes());
        let is_renamed = if self.latest_by.is_some() { IS_RENAMED } else { 0 };
        let is_suspended = if self.is_suspended { IS_SUSPENDED } else { 0 };
        out.extend_from_slice(&[names[2].len() as u8, is_renamed | is_suspended]);
        out.extend_from_slice(&self.latest_by.unwrap_or(SessionId::NONE).to_le_bytes());
        let command = out.len();
        out.extend_from_slice(&self.command[..head]);
        out[command + FLAGS] = out[command + FLAGS] & !HAS_TERMS | if has_terms { HAS_TERMS } else { 0 };
        out[command + CL_ORD_ID] = names[0].len() as u8;
        out[command + TEXT] = names[1].len() as u8;
        for name in names {
            out.extend_from_slice(name);
        }
        let length = (out.len() - start) as u16;
        put(&mut out[start..], 0, length.to_le_bytes());
    }

    /// Read a row back. The caller has checked the bytes as a whole: they are what `write_row` wrote.
    pub fn read_row(row: &[u8]) -> Self {
        let command_length = u16_at(row, 68) as usize;
        let (command, previous) = row[ROW_BYTES..].split_at(command_length);
        let mut order = Self::accepted(
            OrderId::new(u64_at(row, 8)),
            u64_at(row, 16),
            SessionId::new(u32_at(row, 4)),
            command,
            (0, 0),
        );
        order.state = OrderState::of(row[2]).expect("it was written as one");
        order.is_triggered = row[3] != 0;
        order.is_suspended = row[71] & IS_SUSPENDED != 0;
        (order.leaves, order.cum_qty) = (Lots::new(i64_at(row, 24)), Lots::new(i64_at(row, 32)));
        order.cum_notional = i128_at(row, 40);
        order.report = (u64_at(row, 56), u32_at(row, 64));
        order.previous_cl_ord_id = ClOrdId::of_printable(previous);
        // Operations give ClOrdIDs too, and are no session: 0 does not tell that there is none.
        order.latest_by = (row[71] & IS_RENAMED != 0).then(|| SessionId::new(u32_at(row, 72)));
        order
    }
}

/// Walk rows.
pub fn rows(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = raw;
    std::iter::from_fn(move || {
        if rest.len() < ROW_BYTES {
            return None;
        }
        let (row, after) = rest.split_at(u16_at(rest, 0) as usize);
        rest = after;
        Some(row)
    })
}
