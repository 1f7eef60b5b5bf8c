//! The record being written: a command, then the events it causes. Layouts are drawn in `engine/api/wire.py`.

use crate::bytes::put;
use crate::codes::{code, event_type, Code, OrderState, Side, UNKNOWN_STATE, VERSION};
use crate::frame::{Header, HEADER_BYTES};

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
    pub taker_fee: i128,
    pub maker_fee: i128,
    pub buyer_released: i128,
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

    /// Write the header of the record, and return its CRC.
    pub fn finish(&mut self, header: &Header) -> u32 {
        let record = &mut self.bytes[self.start..];
        header.encode(record);
        let crc = crate::crc32c(&record[8..]);
        put(record, 4, crc.to_le_bytes());
        crc
    }

    fn push<const N: usize>(&mut self, kind: u8, mut event: [u8; N]) {
        put(&mut event, 0, (N as u16).to_le_bytes());
        event[2] = kind;
        event[3] = VERSION;
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

    /// Refuse a cancel; `order` is the order it named, when there is one.
    pub fn cancel_rejected(&mut self, order: Option<(u64, OrderState)>, code: Code) {
        self.answer(event_type::CANCEL_REJECTED, order, code);
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
        debug_assert!(code >= code::MALFORMED_COMMAND || code == code::NOT_AUTHORISED);
        let mut event = [0; 8];
        put(&mut event, 4, code.to_le_bytes());
        self.push(event_type::COMMAND_REFUSED, event);
    }
}
