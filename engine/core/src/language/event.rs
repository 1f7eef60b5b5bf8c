//! The record being written: a command, then the events it causes. Layouts are drawn in `engine/api/messages`.

use crate::language::bytes::put;
use crate::language::codes::{
    code, event_type, BreakerReason, Code, OrderState, PositionReason, RestateReason, Side, SymbolStatus,
    UNKNOWN_STATE, VERSION,
};
use crate::language::frame::{Header, HEADER_BYTES};

/// What a match did; fields as in `engine.api.events.Traded`.
pub struct Trade {
    pub taker_order_id: u64,
    pub maker_order_id: u64,
    pub last_px: i64,
    pub last_qty: i64,
    pub taker_leaves: i64,
    pub maker_leaves: i64,
    pub taker_account_id: u32,
    pub maker_account_id: u32,
    pub symbol_id: u32,
    pub taker_side: Side,
    pub is_auction: bool,
    pub taker_fee: i128,
    pub maker_fee: i128,
    pub buyer_released: i128,
}

/// An order as the engine changed it; fields as in `engine.api.events.OrderRestated`.
pub struct Restated {
    pub order_id: u64,
    pub reason: RestateReason,
    pub order_qty: i64,
    pub leaves: i64,
    pub price: i64,
    pub display: i64,
    pub released: i128,
}

/// A position as it stands now, and what was realized and released on the way; fields as in
/// `engine.api.events.PositionChanged`.
pub struct PositionChanged {
    pub account_id: u32,
    pub symbol_id: u32,
    pub reason: PositionReason,
    pub leverage: u8,
    pub is_isolated: bool,
    pub size: i64,
    pub cost: i128,
    pub margin: i128,
    pub extra: i128,
    pub debt: i128,
    pub realized_pnl: i128,
    pub released: i128,
    pub available_after: i128,
    pub locked_after: i128,
}

/// Finished records, one after the other, and the one being written.
#[derive(Default)]
pub struct Records {
    bytes: Vec<u8>,
    start: usize,
    event_count: u32,
}

impl Records {
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn begin(&mut self, command: &[u8]) {
        self.start = self.bytes.len();
        self.event_count = 0;
        self.bytes.extend_from_slice(&[0; HEADER_BYTES]);
        self.bytes.extend_from_slice(command);
    }

    pub fn event_count(&self) -> u32 {
        self.event_count
    }

    /// Write the header of the record of a command, and return its CRC, which may be known already.
    pub fn finish(&mut self, header: &Header, command: &[u8], crc: Option<u32>) -> u32 {
        let record = &mut self.bytes[self.start..];
        let [lengths, words @ ..] = header.encode(record.len());
        // Header and command are read where they come from: what was just written is slow to read across its seams.
        let events = &record[HEADER_BYTES + command.len()..];
        let crc = crc.unwrap_or_else(|| crate::ffi::crc32c(words, [command, events]));
        put(record, 0, (lengths | u64::from(crc) << 32).to_le_bytes());
        for (at, word) in words.into_iter().enumerate() {
            put(record, 8 * (at + 1), word.to_le_bytes());
        }
        crc
    }

    #[inline(always)]
    fn push<const N: usize>(&mut self, kind: u8, mut event: [u8; N]) {
        let [low, high] = (N as u16).to_le_bytes();
        put(&mut event, 0, [low, high, kind, VERSION]);
        self.bytes.extend_from_slice(&event);
        self.event_count += 1;
    }

    /// Write an event that has no body.
    pub fn bare(&mut self, kind: u8) {
        self.push(kind, [0; 4]);
    }

    pub fn deposited(&mut self, available_after: i128) {
        let mut event = [0; 24];
        put(&mut event, 8, available_after.to_le_bytes());
        self.push(event_type::DEPOSITED, event);
    }

    pub fn order_accepted(&mut self, order_id: u64, reserved: i128) {
        let mut event = [0; 32];
        put(&mut event, 8, order_id.to_le_bytes());
        put(&mut event, 16, reserved.to_le_bytes());
        self.push(event_type::ORDER_ACCEPTED, event);
    }

    pub fn order_rejected(&mut self, order_id: u64, code: Code) {
        let mut event = [0; 16];
        put(&mut event, 4, code.to_le_bytes());
        put(&mut event, 8, order_id.to_le_bytes());
        self.push(event_type::ORDER_REJECTED, event);
    }

    pub fn traded(&mut self, trade: &Trade) {
        let mut event = [0; 120];
        event[6] = u8::from(trade.is_auction);
        event[7] = trade.taker_side as u8;
        put(&mut event, 8, trade.taker_order_id.to_le_bytes());
        put(&mut event, 16, trade.maker_order_id.to_le_bytes());
        put(&mut event, 24, trade.last_px.to_le_bytes());
        put(&mut event, 32, trade.last_qty.to_le_bytes());
        put(&mut event, 40, trade.taker_leaves.to_le_bytes());
        put(&mut event, 48, trade.maker_leaves.to_le_bytes());
        put(&mut event, 56, trade.taker_account_id.to_le_bytes());
        put(&mut event, 60, trade.maker_account_id.to_le_bytes());
        put(&mut event, 64, trade.symbol_id.to_le_bytes());
        put(&mut event, 72, trade.taker_fee.to_le_bytes());
        put(&mut event, 88, trade.maker_fee.to_le_bytes());
        put(&mut event, 104, trade.buyer_released.to_le_bytes());
        self.push(event_type::TRADED, event);
    }

    pub fn order_canceled(&mut self, order_id: u64, leaves: i64, released: i128, code: Code) {
        self.order_closed(event_type::ORDER_CANCELED, order_id, leaves, released, code);
    }

    pub fn order_expired(&mut self, order_id: u64, leaves: i64, released: i128, code: Code) {
        self.order_closed(event_type::ORDER_EXPIRED, order_id, leaves, released, code);
    }

    fn order_closed(&mut self, kind: u8, order_id: u64, leaves: i64, released: i128, code: Code) {
        let mut event = [0; 40];
        put(&mut event, 4, code.to_le_bytes());
        put(&mut event, 8, order_id.to_le_bytes());
        put(&mut event, 16, leaves.to_le_bytes());
        put(&mut event, 24, released.to_le_bytes());
        self.push(kind, event);
    }

    pub fn order_replaced(
        &mut self,
        order_id: u64,
        order_qty: i64,
        leaves: i64,
        price: i64,
        reserved: i128,
        keeps_priority: bool,
    ) {
        let mut event = [0; 56];
        event[6] = u8::from(keeps_priority);
        put(&mut event, 8, order_id.to_le_bytes());
        put(&mut event, 16, order_qty.to_le_bytes());
        put(&mut event, 24, leaves.to_le_bytes());
        put(&mut event, 32, price.to_le_bytes());
        put(&mut event, 40, reserved.to_le_bytes());
        self.push(event_type::ORDER_REPLACED, event);
    }

    pub fn order_triggered(&mut self, order_id: u64, price: i64) {
        let mut event = [0; 24];
        put(&mut event, 8, order_id.to_le_bytes());
        put(&mut event, 16, price.to_le_bytes());
        self.push(event_type::ORDER_TRIGGERED, event);
    }

    pub fn order_restated(&mut self, restated: &Restated) {
        let mut event = [0; 64];
        event[4] = restated.reason as u8;
        put(&mut event, 8, restated.order_id.to_le_bytes());
        put(&mut event, 16, restated.order_qty.to_le_bytes());
        put(&mut event, 24, restated.leaves.to_le_bytes());
        put(&mut event, 32, restated.price.to_le_bytes());
        put(&mut event, 40, restated.display.to_le_bytes());
        put(&mut event, 48, restated.released.to_le_bytes());
        self.push(event_type::ORDER_RESTATED, event);
    }

    /// Refuse a cancel; `order` is the order it named, when there is one.
    pub fn cancel_rejected(&mut self, order: Option<(u64, OrderState)>, code: Code) {
        self.answer(event_type::CANCEL_REJECTED, order, code);
    }

    /// Refuse a replace; `order` is the order it named, when there is one.
    pub fn replace_rejected(&mut self, order: Option<(u64, OrderState)>, code: Code) {
        self.answer(event_type::REPLACE_REJECTED, order, code);
    }

    pub fn status_reported(&mut self, order: Option<(u64, OrderState)>) {
        self.answer(event_type::STATUS_REPORTED, order, 0);
    }

    fn answer(&mut self, kind: u8, order: Option<(u64, OrderState)>, code: Code) {
        let mut event = [0; 16];
        put(&mut event, 4, code.to_le_bytes());
        event[7] = order.map_or(UNKNOWN_STATE, |(_, state)| state as u8);
        put(&mut event, 8, order.map_or(0, |(order_id, _)| order_id).to_le_bytes());
        self.push(kind, event);
    }

    pub fn command_refused(&mut self, code: Code) {
        self.refusal(event_type::COMMAND_REFUSED, code);
    }

    pub fn mass_cancel_rejected(&mut self, code: Code) {
        self.refusal(event_type::MASS_CANCEL_REJECTED, code);
    }

    fn refusal(&mut self, kind: u8, code: Code) {
        debug_assert!(code >= code::UNKNOWN_SYMBOL);
        let mut event = [0; 8];
        put(&mut event, 4, code.to_le_bytes());
        self.push(kind, event);
    }

    pub fn mass_canceled(&mut self, canceled: u32, remaining: u32) {
        let mut event = [0; 12];
        put(&mut event, 4, canceled.to_le_bytes());
        put(&mut event, 8, remaining.to_le_bytes());
        self.push(event_type::MASS_CANCELED, event);
    }

    pub fn kill_switch_set(&mut self, session_id: u32, is_on: bool) {
        let mut event = [0; 12];
        put(&mut event, 4, session_id.to_le_bytes());
        event[8] = u8::from(is_on);
        self.push(event_type::KILL_SWITCH_SET, event);
    }

    pub fn position_changed(&mut self, changed: &PositionChanged) {
        let mut event = [0; 152];
        event[4] = changed.reason as u8;
        event[5] = changed.leverage;
        event[6] = u8::from(changed.is_isolated);
        put(&mut event, 8, changed.account_id.to_le_bytes());
        put(&mut event, 12, changed.symbol_id.to_le_bytes());
        put(&mut event, 16, changed.size.to_le_bytes());
        put(&mut event, 24, changed.cost.to_le_bytes());
        put(&mut event, 40, changed.margin.to_le_bytes());
        put(&mut event, 56, changed.extra.to_le_bytes());
        put(&mut event, 72, changed.debt.to_le_bytes());
        put(&mut event, 88, changed.realized_pnl.to_le_bytes());
        put(&mut event, 104, changed.released.to_le_bytes());
        put(&mut event, 120, changed.available_after.to_le_bytes());
        put(&mut event, 136, changed.locked_after.to_le_bytes());
        self.push(event_type::POSITION_CHANGED, event);
    }

    pub fn borrowed(&mut self, account_id: u32, asset_id: u32, amount: i128, loan: i128) {
        self.loan(event_type::BORROWED, account_id, asset_id, amount, loan);
    }

    pub fn repaid(&mut self, account_id: u32, asset_id: u32, amount: i128, loan: i128) {
        self.loan(event_type::REPAID, account_id, asset_id, amount, loan);
    }

    fn loan(&mut self, kind: u8, account_id: u32, asset_id: u32, amount: i128, loan: i128) {
        let mut event = [0; 48];
        put(&mut event, 4, account_id.to_le_bytes());
        put(&mut event, 8, (asset_id as u16).to_le_bytes());
        put(&mut event, 16, amount.to_le_bytes());
        put(&mut event, 32, loan.to_le_bytes());
        self.push(kind, event);
    }

    pub fn symbol_status_set(&mut self, symbol_id: u32, status: SymbolStatus) {
        let mut event = [0; 12];
        put(&mut event, 4, symbol_id.to_le_bytes());
        event[8] = status as u8;
        self.push(event_type::SYMBOL_STATUS_SET, event);
    }

    pub fn breaker_triggered(&mut self, symbol_id: u32, reason: BreakerReason, change_ppm: i64, until_ns: u64) {
        let mut event = [0; 32];
        put(&mut event, 4, symbol_id.to_le_bytes());
        put(&mut event, 8, until_ns.to_le_bytes());
        put(&mut event, 16, change_ppm.to_le_bytes());
        event[24] = reason as u8;
        self.push(event_type::BREAKER_TRIGGERED, event);
    }

    pub fn breaker_released(&mut self, symbol_id: u32) {
        let mut event = [0; 8];
        put(&mut event, 4, symbol_id.to_le_bytes());
        self.push(event_type::BREAKER_RELEASED, event);
    }

    pub fn uncrossed(&mut self, symbol_id: u32, price: i64, volume: i64) {
        let mut event = [0; 24];
        put(&mut event, 4, symbol_id.to_le_bytes());
        put(&mut event, 8, price.to_le_bytes());
        put(&mut event, 16, volume.to_le_bytes());
        self.push(event_type::UNCROSSED, event);
    }

    pub fn transferred(&mut self, from_available: i128, to_available: i128) {
        let mut event = [0; 40];
        put(&mut event, 8, from_available.to_le_bytes());
        put(&mut event, 24, to_available.to_le_bytes());
        self.push(event_type::TRANSFERRED, event);
    }

    pub fn debt_covered(&mut self, payer_available: i128) {
        let mut event = [0; 24];
        put(&mut event, 8, payer_available.to_le_bytes());
        self.push(event_type::DEBT_COVERED, event);
    }
}
