//! The whole state, and the one way it changes: a command in, a record out.

use crate::codes::{Code, SessionKind, Side};
use crate::command::{self, Command};
use crate::event::Records;
use crate::frame::{fault, take_command_frame, take_record, Fault, Frame, Header};
use crate::instrument::Instrument;
use crate::ledger::{Account, Asset};
use crate::limits::{ACCOUNTS_MAX, ASSETS_MAX, BATCH_COMMANDS_MAX, FIRMS_MAX, SESSIONS_MAX, SYMBOLS_MAX};
use crate::orders::OrderRegister;
use crate::refs::DepositRefs;
use crate::registry::Registry;

pub struct Session {
    pub firm_id: u32,
    pub kind: SessionKind,
}

/// An instrument and its book.
pub struct Market {
    pub instrument: Instrument,
    pub book: crate::book::Book,
}

/// Where the log stands: what the next record follows.
#[derive(Clone, Copy, Default)]
pub struct Position {
    pub seq: u64,
    /// Time of the last event.
    pub event_ts_ns: u64,
    /// CRC of the last record.
    pub crc: u32,
}

/// How far a buffer was taken, and why it was not taken further.
#[derive(Clone, Copy, Default)]
pub struct Progress {
    pub consumed: usize,
    pub count: u32,
    pub fault: Fault,
}

pub struct Exchange {
    pub(crate) position: Position,
    pub(crate) assets: Registry<Asset>,
    pub(crate) firms: Registry<()>,
    pub(crate) accounts: Registry<Account>,
    pub(crate) sessions: Registry<Session>,
    pub(crate) markets: Registry<Market>,
    pub(crate) deposit_refs: DepositRefs,
    pub(crate) orders: OrderRegister,
    pub(crate) records: Records,
}

impl Exchange {
    /// Create an empty exchange. `seed` spreads the hash tables and decides nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            position: Position::default(),
            assets: Registry::new(ASSETS_MAX, seed),
            firms: Registry::new(FIRMS_MAX, seed),
            accounts: Registry::new(ACCOUNTS_MAX, seed),
            sessions: Registry::new(SESSIONS_MAX, seed),
            markets: Registry::new(SYMBOLS_MAX, seed),
            deposit_refs: DepositRefs::new(seed),
            orders: OrderRegister::new(seed),
            records: Records::default(),
        }
    }

    pub fn position(&self) -> Position {
        self.position
    }

    pub fn open_orders(&self) -> usize {
        self.markets.iter().map(|(_, entry)| entry.value.book.len()).sum()
    }

    /// The records the last `apply` finished.
    pub fn records(&self) -> &[u8] {
        self.records.as_bytes()
    }

    /// Apply the whole command frames at the head of `frames`.
    pub fn apply(&mut self, now_ns: u64, frames: &[u8], batch_index: u32) -> Progress {
        self.records.clear();
        let mut progress = Progress::default();
        while batch_index + progress.count < BATCH_COMMANDS_MAX {
            match take_command_frame(&frames[progress.consumed..]) {
                Ok(Some(frame)) => {
                    self.execute(&frame, now_ns, (batch_index + progress.count) as u16);
                    progress.consumed += frame.bytes.len();
                    progress.count += 1;
                }
                Ok(None) => break,
                Err(fault) => {
                    progress.fault = fault;
                    break;
                }
            }
        }
        progress
    }

    /// Execute the commands of whole records again, and compare what they produce.
    pub fn replay(&mut self, records: &[u8]) -> Progress {
        let mut progress = Progress::default();
        while let Some(length) = self.replay_one(&records[progress.consumed..]).unwrap_or_else(|fault| {
            progress.fault = fault;
            None
        }) {
            progress.consumed += length;
            progress.count += 1;
        }
        progress
    }

    fn replay_one(&mut self, records: &[u8]) -> Result<Option<usize>, Fault> {
        let Position { seq, event_ts_ns, crc } = self.position;
        let Some(record) = take_record(records, seq, event_ts_ns, crc)? else {
            return Ok(None);
        };
        self.records.clear();
        self.execute(&record, record.header.ts_ns, record.header.batch_index);
        if self.records.as_bytes() != record.bytes {
            return Err(fault::DIVERGED);
        }
        Ok(Some(record.bytes.len()))
    }

    /// Stamp a command, decide it, and finish its record. Event `i` happens at `ts_ns + i` (DRV-10).
    fn execute(&mut self, frame: &Frame<'_>, now_ns: u64, batch_index: u16) {
        let seq = self.position.seq + 1;
        let ts_ns = now_ns.max(self.position.event_ts_ns + 1);
        self.records.begin(frame.command);
        let source = frame.header.source;
        match command::parse(frame.command) {
            Ok(command) => self.decide(seq, source, &command),
            Err(code) => self.records.command_refused(code),
        }
        let event_count = self.records.event_count();
        assert!(event_count > 0, "a command without an event");
        let crc = self.records.finish(&Header {
            crc32c: 0,
            seq,
            ts_ns,
            prev_crc: self.position.crc,
            source,
            source_seq: frame.header.source_seq,
            command_length: frame.command.len(),
            batch_index,
            event_count,
        });
        self.position = Position { seq, event_ts_ns: ts_ns + u64::from(event_count - 1), crc };
    }

    fn decide(&mut self, seq: u64, source: u32, command: &Command) {
        match command {
            Command::NewOrder(order) => self.new_order(seq, source, order),
            Command::CancelOrder(cancel) => self.cancel_order(source, cancel),
            Command::RequestOrderStatus { order_id, cl_ord_id } => {
                self.request_order_status(source, *order_id, cl_ord_id);
            }
            Command::RefuseOrder { code } => self.records.order_rejected(0, *code),
            registration => self.register(source, registration),
        }
    }

    /// The firm for which a source may enter orders and ask about them.
    pub(crate) fn firm_of(&self, source: u32) -> Option<u32> {
        let session = self.sessions.get(source)?;
        (session.kind == SessionKind::OrderEntry).then_some(session.firm_id)
    }

    /// Take an open order out of its book, give back what it has locked, and return its leaves and that amount.
    pub(crate) fn withdraw(&mut self, symbol_id: u32, side: Side, slot: u32) -> (i64, i128) {
        let Market { instrument, book } = &mut self.markets[symbol_id];
        let resting = *book.order(slot);
        book.remove(side, slot);
        let released = resting.per_lot * i128::from(resting.leaves);
        let account = &mut self.accounts[resting.account_id];
        account.release(instrument.reserved_asset(side), released);
        account.order_closed(symbol_id);
        (resting.leaves, released)
    }

    /// Walk all balances that are not zero, by account and asset.
    pub fn balances(&self) -> impl Iterator<Item = (u32, u32, crate::ledger::Balance)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.balances().map(move |(asset, balance)| (id, asset, balance)))
    }
}

/// A refusal's code as the error of a decision.
pub type Decision<T = ()> = Result<T, Code>;
