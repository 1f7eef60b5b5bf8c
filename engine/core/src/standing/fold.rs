//! Taking over records, one event after another.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::language::bytes::{u16_at, u32_at, u64_at};
use crate::language::codes::{Fault, OrderState, RestateReason, SymbolStatus};
use crate::language::command::{CommandType, DelistInstrument, ListInstrument, ReplaceOrder, SetMark};
use crate::language::crc32c::Checksum;
use crate::language::event::{
    BreakerReleased, BreakerTriggered, EventType, OrderAccepted, OrderCanceled, OrderExpired, OrderReplaced,
    OrderRestated, OrderTriggered, SymbolStatusSet, Traded,
};
use crate::language::frame::{take_record, Frame, HEADER_BYTES};
use crate::language::ids::{OrderId, SymbolId};
use crate::language::limits::CLOSED_ORDERS_MAX;
use crate::language::units::{Lots, Ticks};
use crate::standing::order::Order;

/// Registrations, and what operations set that stands until it is set anew.
fn is_kept(kind: CommandType) -> bool {
    matches!(
        kind,
        CommandType::RegisterAsset
            | CommandType::RegisterFirm
            | CommandType::OpenAccount
            | CommandType::RegisterSession
            | CommandType::ListInstrument
            | CommandType::ChangeInstrument
            | CommandType::SetVenueStatus
            | CommandType::SetAccountStatus
            | CommandType::SetAccountLimits
            | CommandType::SetMarginState
            | CommandType::SetCollateral
            | CommandType::SetParameter
            | CommandType::SetFeeRates
    )
}

/// Tell whether members are told of a restatement (`RoE` section 7).
fn is_told(reason: RestateReason) -> bool {
    match reason {
        RestateReason::Decrement | RestateReason::ReduceOnly | RestateReason::Slide => true,
        RestateReason::Peg | RestateReason::Refill | RestateReason::Turn => false,
    }
}

/// Spreads the numbers of records, which nobody chooses.
#[derive(Default)]
pub struct SeqHasher(u64);

impl Hasher for SeqHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub type ByOrder<T> = HashMap<OrderId, T, BuildHasherDefault<SeqHasher>>;

/// One market; a price of 0 is none.
#[derive(Clone, Copy)]
pub struct Market {
    pub status: SymbolStatus,
    pub is_delisted: bool,
    pub mark: Ticks,
    pub last_px: Ticks,
    pub breaker_until_ns: u64,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            status: SymbolStatus::Open,
            is_delisted: false,
            mark: Ticks::ZERO,
            last_px: Ticks::ZERO,
            breaker_until_ns: 0,
        }
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
    /// Rows of closed orders, and their ids in the order of closing.
    pub(super) closed: ByOrder<Box<[u8]>>,
    pub(super) closings: VecDeque<OrderId>,
    pub(super) markets: BTreeMap<SymbolId, Market>,
    /// Records of operations that still say what is so, by command and subject; those of rules by their seq.
    pub(super) kept: BTreeMap<(u8, u64), Box<[u8]>>,
}

/// What the events of a record tell of its command, and of rules. What was due comes first, so that either may be any event.
#[derive(Clone, Copy, Default)]
struct Told {
    is_refused: bool,
    took_effect: bool,
}

impl Told {
    fn note(&mut self, kind: u8) {
        self.is_refused |= kind == EventType::CommandRefused as u8;
        self.took_effect |= kind == EventType::ParameterTookEffect as u8;
    }
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
            closed: ByOrder::default(),
            closings: VecDeque::new(),
            markets: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Take whole records up to `to_seq`. Those taken before are passed over; an incomplete one at the end is left.
    pub fn take(&mut self, records: &[u8], to_seq: u64) -> Taken {
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
        for index in 0..header.event_count {
            let (event, rest) = events.split_at_checked(u16_at(events.get(..4)?, 0) as usize)?;
            told.note(event[2]);
            self.happen(frame, index, event)?;
            events = rest;
        }
        self.keep(frame.bytes, told);
        (self.seq, self.crc) = (header.seq, header.crc32c);
        self.event_ts_ns = header.ts_ns + u64::from(header.event_count.saturating_sub(1));
        events.is_empty().then_some(())
    }

    /// Keep a record of operations that registers or sets something, instead of the one that did so before, and
    /// every record in which a rule took effect.
    fn keep(&mut self, record: &[u8], told: Told) {
        let command = command_of(record);
        if u32_at(record, 28) == 0 && !told.is_refused && command_type(command).is_some_and(is_kept) {
            self.kept.insert((command[0], subject_of(record)), record.into());
        }
        if told.took_effect {
            self.kept.insert((0, u64_at(record, 8)), record.into());
        }
    }

    /// Keep a record that a snapshot holds.
    pub(super) fn keep_again(&mut self, record: &[u8]) {
        let mut told = Told::default();
        let mut events = &record[HEADER_BYTES + command_of(record).len()..];
        while !events.is_empty() {
            told.note(events[2]);
            events = &events[u16_at(events, 0) as usize..];
        }
        self.keep(record, told);
    }

    fn happen(&mut self, frame: &Frame<'_>, index: u32, event: &[u8]) -> Option<()> {
        let report = (frame.header.seq, 2 * index);
        match EventType::of(*event.get(2)?)? {
            EventType::OrderAccepted => self.accept(frame, index, &OrderAccepted::read(event)?),
            EventType::Traded => self.trade(report, &Traded::read(event)?),
            EventType::OrderCanceled => {
                self.end(report, OrderCanceled::read(event)?.order_id, OrderState::Canceled);
            }
            EventType::OrderExpired => self.end(report, OrderExpired::read(event)?.order_id, OrderState::Expired),
            EventType::OrderReplaced => {
                let told = OrderReplaced::read(event)?;
                let order = self.order(told.order_id);
                order.replace(&ReplaceOrder::read(frame.command)?, &told);
                order.report = report;
            }
            EventType::OrderRestated => self.restate(report, &OrderRestated::read(event)?),
            EventType::OrderTriggered => {
                let order = self.order(OrderTriggered::read(event)?.order_id);
                (order.is_triggered, order.report) = (true, report);
            }
            EventType::InstrumentListed => {
                self.markets.insert(ListInstrument::read(frame.command)?.symbol_id, Market::default());
            }
            EventType::InstrumentDelisted => {
                self.market(DelistInstrument::read(frame.command)?.symbol_id).is_delisted = true;
            }
            EventType::MarkSet => {
                let SetMark { symbol_id, price } = SetMark::read(frame.command)?;
                self.market(symbol_id).mark = price;
            }
            EventType::SymbolStatusSet => {
                let SymbolStatusSet { symbol_id, status } = SymbolStatusSet::read(event)?;
                self.market(symbol_id).status = status;
            }
            EventType::BreakerTriggered => {
                let told = BreakerTriggered::read(event)?;
                self.market(told.symbol_id).breaker_until_ns = told.until_ns;
            }
            EventType::BreakerReleased => {
                self.market(BreakerReleased::read(event)?.symbol_id).breaker_until_ns = 0;
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
            | EventType::DebtCovered
            | EventType::ParameterSet
            | EventType::ParameterTookEffect => {}
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
        for (order_id, leaves, number) in [taker, maker] {
            let order = self.order(order_id);
            order.trade(told.last_px, told.last_qty, leaves);
            order.report = (report.0, number);
            if leaves.is_zero() {
                self.close(order_id);
            }
        }
        self.market(told.symbol_id).last_px = told.last_px;
    }

    fn end(&mut self, report: (u64, u32), order_id: OrderId, state: OrderState) {
        let order = self.order(order_id);
        (order.leaves, order.state, order.report) = (Lots::ZERO, state, report);
        self.close(order_id);
    }

    fn restate(&mut self, report: (u64, u32), told: &OrderRestated) {
        let order = self.order(told.order_id);
        let price = (told.reason == RestateReason::Slide).then_some(told.price);
        order.restate(told.order_qty, told.leaves, price);
        if is_told(told.reason) {
            order.report = report;
        }
    }

    /// Keep a closed order as its row, and forget the one closed first when there are too many.
    fn close(&mut self, order_id: OrderId) {
        let order = self.open.remove(&order_id).expect("it was found before");
        let mut row = Vec::with_capacity(192);
        order.write_row(&mut row);
        self.remember(order_id, row.into_boxed_slice());
    }

    pub(super) fn remember(&mut self, order_id: OrderId, row: Box<[u8]>) {
        self.closed.insert(order_id, row);
        self.closings.push_back(order_id);
        if self.closings.len() > CLOSED_ORDERS_MAX {
            let forgotten = self.closings.pop_front().expect("there are too many");
            self.closed.remove(&forgotten);
        }
    }

    fn market(&mut self, symbol_id: SymbolId) -> &mut Market {
        self.markets.entry(symbol_id).or_default()
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
        } else if let Some(row) = self.closed.get(&order_id) {
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

    /// Append the kept records, in the order of the log.
    pub fn write_kept(&self, out: &mut Vec<u8>) {
        let mut records: Vec<&[u8]> = self.kept.values().map(|record| &record[..]).collect();
        records.sort_unstable_by_key(|record| u64_at(record, 8));
        records.dedup_by_key(|record| u64_at(record, 8));
        for record in records {
            out.extend_from_slice(record);
        }
    }

    /// Append the markets by symbol, 32 bytes each: `symbol_id` u32, status u8, `is_delisted` u8, zero u16, mark i64,
    /// `last_px` i64, `breaker_until_ns` u64.
    pub fn write_markets(&self, out: &mut Vec<u8>) {
        for (symbol_id, market) in &self.markets {
            out.extend_from_slice(&symbol_id.to_le_bytes());
            out.extend_from_slice(&[market.status as u8, u8::from(market.is_delisted), 0, 0]);
            out.extend_from_slice(&market.mark.to_le_bytes());
            out.extend_from_slice(&market.last_px.to_le_bytes());
            out.extend_from_slice(&market.breaker_until_ns.to_le_bytes());
        }
    }
}

fn command_type(command: &[u8]) -> Option<CommandType> {
    CommandType::of(*command.first()?)
}

fn command_of(record: &[u8]) -> &[u8] {
    &record[HEADER_BYTES..HEADER_BYTES + u16_at(record, 40) as usize]
}

/// What a kept record is about, 0 for the venue; of a rule its seq, since one that is set may wait for its time.
fn subject_of(record: &[u8]) -> u64 {
    let command = command_of(record);
    match command_type(command) {
        Some(CommandType::SetCollateral) => u64::from(u16_at(command, 2)),
        Some(CommandType::SetVenueStatus) => 0,
        Some(CommandType::SetParameter | CommandType::SetFeeRates) => u64_at(record, 8),
        _ => u64::from(u32_at(command, 4)),
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
