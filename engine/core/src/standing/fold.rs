//! Taking over records, one event after another.

use crate::language::bytes::{u16_at, u32_at, u64_at};
use crate::language::codes::{Code, Fault, OrderState, RestateReason};
use crate::language::command::{CommandType, DelistInstrument, ListInstrument, ReplaceOrder, SetMark};
use crate::language::crc32c::Checksum;
use crate::language::event::{
    BreakerReleased, BreakerTriggered, EventType, OrderAccepted, OrderCanceled, OrderExpired, OrderReplaced,
    OrderRestated, OrderTriggered, SymbolStatusSet, Traded,
};
use crate::language::frame::{take_record, Frame, HEADER_BYTES};
use crate::language::ids::OrderId;
use crate::language::units::Lots;
use crate::standing::by_order::ByOrder;
use crate::standing::closed::Closed;
use crate::standing::kept::{command_type, Kept, Told};
use crate::standing::market::Markets;
use crate::standing::order::Order;

/// Tell whether members are told of a restatement (`RoE` section 7).
fn is_told(reason: RestateReason) -> bool {
    match reason {
        RestateReason::Decrement
        | RestateReason::ReduceOnly
        | RestateReason::Slide
        | RestateReason::Suspended
        | RestateReason::Resumed => true,
        RestateReason::Peg | RestateReason::Refill | RestateReason::Turn => false,
    }
}

/// What stands after the last record taken.
pub struct Fold {
    pub(super) checksum: Checksum,
    /// Identity of the journal it is made of.
    pub journal: u64,
    pub seq: u64,
    /// Time of the last event.
    pub event_ts_ns: u64,
    /// CRC of the last record.
    pub crc: u32,
    pub(super) open: ByOrder<Order>,
    pub closed: Closed,
    pub markets: Markets,
    pub kept: Kept,
}

/// How far records were taken; with a fault, `consumed` is the offset of the bad one.
pub struct Taken {
    pub consumed: usize,
    pub count: u32,
    pub fault: Option<Fault>,
}

impl Fold {
    /// Nothing yet, of the journal of this identity.
    pub fn of(journal: u64, checksum: Checksum) -> Self {
        Self {
            checksum,
            journal,
            seq: 0,
            event_ts_ns: 0,
            crc: 0,
            open: ByOrder::default(),
            closed: Closed::default(),
            markets: Markets::default(),
            kept: Kept::default(),
        }
    }

    /// Take whole records up to `to_seq`. Those taken before are passed over; an incomplete one at the end is left.
    pub fn take(&mut self, records: &[u8], to_seq: u64) -> Taken {
        // Whoever reads along is at the last record taken.
        self.closed.sweep();
        let mut taken = Taken { consumed: pass_over(records, self.seq), count: 0, fault: None };
        while self.seq < to_seq {
            match take_record(self.checksum, &records[taken.consumed..], self.seq, self.event_ts_ns, self.crc) {
                Ok(Some(frame)) => {
                    if self.apply(&frame).is_none() {
                        taken.fault = Some(Fault::BadLength);
                        break;
                    }
                    taken.consumed += frame.bytes.len();
                    taken.count += 1;
                }
                Ok(None) => break,
                Err(fault) => {
                    taken.fault = Some(fault);
                    break;
                }
            }
        }
        taken
    }

    /// Apply a record, `None` if it is not written to the letter.
    fn apply(&mut self, frame: &Frame<'_>) -> Option<()> {
        let header = &frame.header;
        let mut events = &frame.bytes[HEADER_BYTES + header.command_length..];
        let mut told = Told::default();
        self.closed.begin(header.ts_ns);
        for index in 0..header.event_count {
            let (event, rest) = events.split_at_checked(u16_at(events.get(..4)?, 0) as usize)?;
            told.note(event[2]);
            self.happen(frame, index, event)?;
            events = rest;
        }
        self.kept.keep(frame.bytes, told);
        (self.seq, self.crc) = (header.seq, header.crc32c);
        self.event_ts_ns = header.ts_ns + u64::from(header.event_count.saturating_sub(1));
        events.is_empty().then_some(())
    }

    fn happen(&mut self, frame: &Frame<'_>, index: u32, event: &[u8]) -> Option<()> {
        let report = (frame.header.seq, 2 * index);
        match EventType::of(*event.get(2)?)? {
            EventType::OrderAccepted => self.accept(frame, index, &OrderAccepted::read(event)?),
            EventType::Traded => self.trade(report, &Traded::read(event)?),
            EventType::OrderCanceled => {
                let OrderCanceled { order_id, code, .. } = OrderCanceled::read(event)?;
                if let Code::UserRequested | Code::ReplacedBelowFilled = code {
                    // The ClOrdID of the request became its latest one.
                    self.rename(order_id, frame);
                }
                self.end(report, order_id, OrderState::Canceled);
            }
            EventType::OrderExpired => {
                self.end(report, OrderExpired::read(event)?.order_id, OrderState::Expired);
            }
            EventType::OrderReplaced => {
                let told = OrderReplaced::read(event)?;
                self.rename(told.order_id, frame);
                self.replace(report, &ReplaceOrder::read(frame.command)?, &told);
            }
            EventType::OrderRestated => self.restate(report, &OrderRestated::read(event)?),
            EventType::OrderTriggered => {
                let order = self.order(OrderTriggered::read(event)?.order_id);
                (order.is_triggered, order.report) = (true, report);
            }
            EventType::InstrumentListed => {
                self.markets.list(ListInstrument::read(frame.command)?.symbol_id);
            }
            EventType::InstrumentDelisted => {
                self.markets.of(DelistInstrument::read(frame.command)?.symbol_id).is_delisted = true;
            }
            EventType::MarkSet => {
                let SetMark { symbol_id, price } = SetMark::read(frame.command)?;
                self.markets.of(symbol_id).mark = price;
            }
            EventType::SymbolStatusSet => {
                let SymbolStatusSet { symbol_id, status } = SymbolStatusSet::read(event)?;
                self.markets.of(symbol_id).status = status;
            }
            EventType::BreakerTriggered => {
                let told = BreakerTriggered::read(event)?;
                self.markets.of(told.symbol_id).breaker_until_ns = told.until_ns;
            }
            EventType::BreakerReleased => {
                self.markets.of(BreakerReleased::read(event)?.symbol_id).breaker_until_ns = 0;
            }
            EventType::ParameterSet | EventType::ParameterTookEffect => {
                self.closed.window.note(frame.header.ts_ns, frame.command, event)?;
            }
            // What was registered or set is in the records kept; the rest leaves orders and markets as they stand.
            EventType::AssetRegistered
            | EventType::FirmRegistered
            | EventType::AccountOpened
            | EventType::SessionRegistered
            | EventType::VenueStatusSet
            | EventType::TimeAdvanced
            | EventType::InstrumentChanged
            | EventType::AccountStatusSet
            | EventType::AccountLimitsSet
            | EventType::MarginStateSet
            | EventType::CollateralSet
            | EventType::Deposited
            | EventType::OrderRejected
            | EventType::CancelRejected
            | EventType::ReplaceRejected
            | EventType::StatusReported
            | EventType::CommandRefused
            | EventType::MassCancelRejected
            | EventType::MassCanceled
            | EventType::PositionChanged
            | EventType::Borrowed
            | EventType::Repaid
            | EventType::Uncrossed
            | EventType::KillSwitchSet
            | EventType::Transferred
            | EventType::DebtCovered => {}
        }
        Some(())
    }

    fn order(&mut self, order_id: OrderId) -> &mut Order {
        self.open.get_mut(&order_id).expect("an event about an order that is not open")
    }

    fn accept(&mut self, frame: &Frame<'_>, index: u32, told: &OrderAccepted) {
        let header = &frame.header;
        assert!(command_type(frame.command) == Some(CommandType::NewOrder), "an order is accepted that nobody entered");
        let (ts_ns, report) = (header.ts_ns + u64::from(index), (header.seq, 2 * index));
        self.open.insert(told.order_id, Order::accepted(told.order_id, ts_ns, header.source, frame.command, report));
    }

    fn trade(&mut self, report: (u64, u32), told: &Traded) {
        let taker = (told.taker_order_id, told.taker_leaves, report.1);
        let maker = (told.maker_order_id, told.maker_leaves, report.1 + 1);
        // In the order in which their ClOrdIDs are spent.
        for (order_id, leaves, number) in [maker, taker] {
            let order = self.order(order_id);
            order.trade(told.last_px, told.last_qty, leaves);
            order.report = (report.0, number);
            if leaves.is_zero() {
                self.close(order_id);
            }
        }
        self.markets.of(told.symbol_id).last_px = told.last_px;
    }

    fn end(&mut self, report: (u64, u32), order_id: OrderId, state: OrderState) {
        let order = self.order(order_id);
        (order.leaves, order.state, order.report) = (Lots::ZERO, state, report);
        self.close(order_id);
    }

    fn replace(&mut self, report: (u64, u32), asked: &ReplaceOrder<'_>, told: &OrderReplaced) {
        let order = self.order(told.order_id);
        order.replace(asked, told);
        order.report = report;
    }

    /// Take over that the request of a record gave an order its latest `ClOrdID`: the one before is spent.
    fn rename(&mut self, order_id: OrderId, frame: &Frame<'_>) {
        let is_request =
            matches!(command_type(frame.command), Some(CommandType::CancelOrder | CommandType::ReplaceOrder));
        if is_request {
            let superseded = self.order(order_id).latest_by.replace(frame.header.source);
            if let Some(session_id) = superseded {
                self.closed.spend(session_id, order_id);
            }
        }
    }

    fn restate(&mut self, report: (u64, u32), told: &OrderRestated) {
        let order = self.order(told.order_id);
        let price = (told.reason == RestateReason::Slide).then_some(told.price);
        order.restate(told.order_qty, told.leaves, price);
        match told.reason {
            RestateReason::Suspended => order.is_suspended = true,
            RestateReason::Resumed => order.is_suspended = false,
            RestateReason::Peg
            | RestateReason::Decrement
            | RestateReason::Refill
            | RestateReason::ReduceOnly
            | RestateReason::Slide
            | RestateReason::Turn => {}
        }
        if is_told(told.reason) {
            order.report = report;
        }
    }

    fn close(&mut self, order_id: OrderId) {
        let order = self.open.remove(&order_id).expect("it was found before");
        self.closed.close(&order);
    }

    /// Tell whether the last record taken is one of these.
    pub fn is_of(&self, records: &[u8]) -> bool {
        let at = pass_over(records, self.seq - 1);
        records.len() - at >= HEADER_BYTES && u64_at(records, at + 8) == self.seq && u32_at(records, at + 4) == self.crc
    }

    pub fn open_orders(&self) -> usize {
        self.open.len()
    }

    /// Append the row of an order, open or closed; nothing for one that is not known.
    pub fn find(&self, order_id: OrderId, out: &mut Vec<u8>) {
        if let Some(order) = self.open.get(&order_id) {
            order.write_row(out);
        } else if let Some(row) = self.closed.find(order_id) {
            out.extend_from_slice(row);
        }
    }

    /// Append the rows of all open orders, in the order in which they were accepted.
    pub fn write_open(&self, out: &mut Vec<u8>) {
        let mut order_ids: Vec<OrderId> = self.open.keys().copied().collect();
        order_ids.sort_unstable();
        for order_id in order_ids {
            self.open[&order_id].write_row(out);
        }
    }
}

/// Find where the records up to `seq` end.
fn pass_over(records: &[u8], seq: u64) -> usize {
    let mut at = 0;
    while records.len() - at >= HEADER_BYTES && u64_at(records, at + 8) <= seq {
        let length = u32_at(records, at) as usize;
        if length < HEADER_BYTES || length > records.len() - at {
            break;
        }
        at += length;
    }
    at
}
