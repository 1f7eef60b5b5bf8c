//! The whole state, and the one way it changes: a command in, a record out.

use std::collections::BTreeSet;

use crate::codes::{
    code, command_type, AccountKind, Code, OrderState, SessionKind, SymbolStatus, TimeInForce, VenueStatus, VERSION,
};
use crate::command;
use crate::event::Records;
use crate::frame::{fault, take_command_frame, take_record, Fault, Frame, Header};
use crate::ledger::{Account, Asset, Balance};
use crate::limits::{
    ACCOUNTS_MAX, ASSETS_MAX, BATCH_COMMANDS_MAX, ELECTIONS_PER_COMMAND_MAX, FIRMS_MAX, SESSIONS_MAX,
    STEPS_PER_COMMAND_MAX, SYMBOLS_MAX,
};
use crate::look_ahead::{Ahead, LOOK_AHEAD};
use crate::market::Market;
use crate::open_orders::{OpenOrder, OpenOrders};
use crate::orders::OrderRegister;
use crate::refs::DepositRefs;
use crate::registry::Registry;
use crate::slab::NIL;

pub struct Session {
    pub firm_id: u32,
    pub kind: SessionKind,
    /// Its kill switch is on.
    pub is_blocked: bool,
}

pub struct Firm {
    /// Its accounts in the order in which they were opened.
    pub accounts: Vec<u32>,
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

/// The command in hand.
#[derive(Clone, Copy, Default)]
pub struct Now {
    pub seq: u64,
    pub ts_ns: u64,
    /// Steps and elections it may still cause.
    pub steps: u32,
    pub elections: u32,
}

pub struct Exchange {
    pub(crate) position: Position,
    pub(crate) venue_status: VenueStatus,
    pub(crate) assets: Registry<Asset>,
    pub(crate) firms: Registry<Firm>,
    pub(crate) accounts: Registry<Account>,
    pub(crate) sessions: Registry<Session>,
    pub(crate) markets: Registry<Market>,
    pub(crate) deposit_refs: DepositRefs,
    pub(crate) orders: OrderRegister,
    pub(crate) open: OpenOrders,
    /// DAY and GTD orders: expiry, order id, slot.
    pub(crate) expiries: BTreeSet<(u64, u64, u32)>,
    /// Active breakers: until when, and the symbol.
    pub(crate) breakers: BTreeSet<(u64, u32)>,
    pub(crate) ahead: Ahead,
    /// Symbols in which something may have to follow from what happened.
    pub(crate) touched: Vec<u32>,
    pub(crate) now: Now,
    pub(crate) records: Records,
}

impl Exchange {
    /// Create an empty exchange. `seed` spreads the hash tables and decides nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            position: Position::default(),
            venue_status: VenueStatus::Open,
            assets: Registry::new(ASSETS_MAX, seed),
            firms: Registry::new(FIRMS_MAX, seed),
            accounts: Registry::new(ACCOUNTS_MAX, seed),
            sessions: Registry::new(SESSIONS_MAX, seed),
            markets: Registry::new(SYMBOLS_MAX, seed),
            deposit_refs: DepositRefs::new(seed),
            orders: OrderRegister::new(seed),
            open: OpenOrders::new(),
            expiries: BTreeSet::new(),
            breakers: BTreeSet::new(),
            ahead: Ahead::default(),
            touched: Vec::new(),
            now: Now::default(),
            records: Records::default(),
        }
    }

    pub fn position(&self) -> Position {
        self.position
    }

    pub fn open_orders(&self) -> usize {
        self.open.len()
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
            let at = progress.count as usize % LOOK_AHEAD;
            if at == 0 {
                self.look_ahead(&frames[progress.consumed..]);
            }
            match take_command_frame(&frames[progress.consumed..]) {
                Ok(Some(frame)) => {
                    let batch_index = (batch_index + progress.count) as u16;
                    self.execute(&frame, self.ahead.keys[at], now_ns, batch_index, None);
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
        loop {
            let at = progress.count as usize % LOOK_AHEAD;
            if at == 0 {
                self.look_ahead(&records[progress.consumed..]);
            }
            match self.replay_one(self.ahead.keys[at], &records[progress.consumed..]) {
                Ok(Some(length)) => {
                    progress.consumed += length;
                    progress.count += 1;
                }
                Ok(None) => return progress,
                Err(fault) => return Progress { fault, ..progress },
            }
        }
    }

    fn replay_one(&mut self, key: u64, records: &[u8]) -> Result<Option<usize>, Fault> {
        let Position { seq, event_ts_ns, crc } = self.position;
        let Some(record) = take_record(records, seq, event_ts_ns, crc)? else {
            return Ok(None);
        };
        self.records.clear();
        // If the bytes are equal, so is their checksum, which was just found to be right.
        let Header { ts_ns, batch_index, crc32c, .. } = record.header;
        self.execute(&record, key, ts_ns, batch_index, Some(crc32c));
        if self.records.as_bytes() != record.bytes {
            return Err(fault::DIVERGED);
        }
        Ok(Some(record.bytes.len()))
    }

    /// Stamp a command, decide it, and finish its record, whose CRC may be known. Event `i` happens at `ts_ns + i` (DRV-10).
    fn execute(&mut self, frame: &Frame<'_>, key: u64, now_ns: u64, batch_index: u16, crc: Option<u32>) {
        let seq = self.position.seq + 1;
        let ts_ns = now_ns.max(self.position.event_ts_ns + 1);
        self.now = Now { seq, ts_ns, steps: STEPS_PER_COMMAND_MAX, elections: ELECTIONS_PER_COMMAND_MAX };
        self.records.begin(frame.command);
        self.settle_what_is_due();
        let source = frame.header.source;
        match self.decide(source, key, frame.command) {
            Some(Ok(())) => {}
            Some(Err(code)) => self.records.command_refused(code),
            None => self.records.command_refused(code::MALFORMED_COMMAND),
        }
        if !self.touched.is_empty() {
            self.follow_up();
        }
        let event_count = self.records.event_count();
        assert!(event_count > 0, "a command without an event");
        let header = Header {
            crc32c: 0,
            seq,
            ts_ns,
            prev_crc: self.position.crc,
            source,
            source_seq: frame.header.source_seq,
            command_length: frame.command.len(),
            batch_index,
            event_count,
        };
        let crc = self.records.finish(&header, frame.command, crc);
        self.position = Position { seq, event_ts_ns: ts_ns + u64::from(event_count - 1), crc };
    }

    /// Read a command and decide it; `key` is that of the `ClOrdID` of a new order, a cancel or a replace. Returns `None`
    /// for a command that is not to the letter.
    fn decide(&mut self, source: u32, key: u64, raw: &[u8]) -> Option<Decision> {
        let (kind, version) = (*raw.first()?, *raw.get(1)?);
        if version != VERSION {
            return Some(Err(code::UNKNOWN_COMMAND));
        }
        match kind {
            command_type::NEW_ORDER => self.new_order(source, key, &command::new_order(raw)?),
            command_type::REPLACE_ORDER => self.replace_order(source, key, &command::replace_order(raw)?),
            command_type::CANCEL_ORDER => self.cancel_order(source, key, &command::cancel_order(raw)?),
            command_type::MASS_CANCEL => self.mass_cancel(source, &command::mass_cancel(raw)?),
            command_type::REQUEST_ORDER_STATUS => {
                let (order_id, cl_ord_id) = command::request_order_status(raw)?;
                self.request_order_status(source, order_id, cl_ord_id);
            }
            command_type::REFUSE_ORDER => self.records.order_rejected(0, command::refuse_order(raw)?),
            command_type::SET_KILL_SWITCH => {
                let (session_id, is_on) = command::set_kill_switch(raw)?;
                return Some(self.set_kill_switch(source, session_id, is_on));
            }
            command_type::SET_LEVERAGE => return Some(self.set_leverage(source, &command::set_leverage(raw)?)),
            command_type::ADJUST_MARGIN => {
                let (account_id, symbol_id, amount) = command::adjust_margin(raw)?;
                return Some(self.adjust_margin(source, account_id, symbol_id, amount));
            }
            command_type::REGISTER_ASSET..=command_type::DEPOSIT
            | command_type::SET_MARK..=command_type::COVER_DEBT => {
                return Some(self.operate(source, &command::operation(raw)?));
            }
            _ => return Some(Err(code::UNKNOWN_COMMAND)),
        }
        Some(Ok(()))
    }

    /// Release breakers and expire orders whose time has come (section 1 of docs/MATCHING.md).
    fn settle_what_is_due(&mut self) {
        let ts_ns = self.now.ts_ns;
        while let Some((_, symbol_id)) = self.breakers.first().copied().filter(|(until, _)| *until <= ts_ns) {
            self.breakers.pop_first();
            self.markets[symbol_id].breaker_until_ns = 0;
            self.records.breaker_released(symbol_id);
            self.touch(symbol_id);
        }
        while let Some((_, _, slot)) = self.expiries.first().copied().filter(|(expiry, _, _)| *expiry <= ts_ns) {
            let is_day = self.open[slot].time_in_force == TimeInForce::Day;
            self.expire(slot, if is_day { code::DAY_EXPIRED } else { code::GTD_EXPIRED });
        }
    }

    /// Remember that something may follow from what happened in a symbol.
    pub(crate) fn touch(&mut self, symbol_id: u32) {
        let market = &mut self.markets[symbol_id];
        if !market.is_touched {
            market.is_touched = true;
            self.touched.push(symbol_id);
        }
    }

    /// Elect stops and reprice pegs in the symbols that were touched, by id; those with stops still due stay touched.
    fn follow_up(&mut self) {
        let mut symbols = std::mem::take(&mut self.touched);
        symbols.sort_unstable();
        for symbol_id in &symbols {
            if self.is_trading(*symbol_id) {
                self.elect_stops(*symbol_id);
                while self.reprice_pegs(*symbol_id) {
                    self.elect_stops(*symbol_id);
                }
            }
        }
        for symbol_id in &symbols {
            self.markets[*symbol_id].is_touched = self.markets[*symbol_id].has_unacted();
        }
        symbols.retain(|symbol_id| self.markets[*symbol_id].is_touched);
        debug_assert!(self.touched.is_empty(), "a symbol touches another");
        self.touched = symbols;
    }

    /// The firm for which a source may enter orders and ask about them.
    pub(crate) fn firm_of(&self, source: u32) -> Option<u32> {
        let session = self.sessions.get(source)?;
        (session.kind == SessionKind::OrderEntry).then_some(session.firm_id)
    }

    /// Tell whether stops are elected and pegs repriced in a symbol.
    pub(crate) fn is_trading(&self, symbol_id: u32) -> bool {
        let market = &self.markets[symbol_id];
        self.venue_status == VenueStatus::Open && market.status == SymbolStatus::Open && market.breaker_until_ns == 0
    }

    /// Let an order count as open, and be found by account and expiry.
    #[inline(always)]
    pub(crate) fn list(&mut self, slot: u32) {
        if self.open[slot].is_listed {
            return;
        }
        let expire_time_ns = self.open.terms(slot).expire_time_ns;
        let order = &mut self.open[slot];
        order.is_listed = true;
        if expire_time_ns != 0 {
            self.expiries.insert((expire_time_ns, order.order_id, slot));
        }
        let account = &mut self.accounts[order.account_id];
        account.order_opened(order.symbol_id);
        let next = std::mem::replace(&mut account.last_open, slot);
        (order.account_previous, order.account_next) = (NIL, next);
        if next != NIL {
            self.open[next].account_previous = slot;
        }
        let leaves = self.open[slot].leaves;
        self.change_open_lots(slot, leaves);
    }

    /// Keep count of the lots an account has open in a perpetual, while the order is listed.
    pub(crate) fn change_open_lots(&mut self, slot: u32, lots: i64) {
        let order = &self.open[slot];
        if order.is_listed && !order.is_reduce_only() && self.markets[order.symbol_id].instrument.is_perpetual() {
            let position = self.accounts[order.account_id].position_mut(order.symbol_id);
            *position.expect("an accepted order has a position").open_lots(order.side) += lots;
        }
    }

    /// End an order that has no place in the book any more.
    pub(crate) fn finish(&mut self, slot: u32, state: OrderState) {
        let order = self.open[slot];
        if order.is_listed {
            self.change_open_lots(slot, -order.leaves);
            self.unlist(slot);
        }
        self.orders.close(order.entry, state);
        self.open.remove(slot);
    }

    fn unlist(&mut self, slot: u32) {
        let order = self.open[slot];
        let expire_time_ns = self.open.terms(slot).expire_time_ns;
        if expire_time_ns != 0 {
            self.expiries.remove(&(expire_time_ns, order.order_id, slot));
        }
        let account = &mut self.accounts[order.account_id];
        account.order_closed(order.symbol_id);
        if order.account_previous == NIL {
            account.last_open = order.account_next;
        } else {
            self.open[order.account_previous].account_next = order.account_next;
        }
        if order.account_next != NIL {
            self.open[order.account_next].account_previous = order.account_previous;
        }
        if order.is_pegged() {
            self.markets[order.symbol_id].remove_peg(order.order_id);
        }
    }

    /// Take an order out of wherever it stands, give back what it has locked, end it, and return its leaves and that amount.
    pub(crate) fn withdraw(&mut self, slot: u32, state: OrderState) -> (i64, i128) {
        let order = self.open[slot];
        self.detach(slot);
        let released = order.reserved();
        self.release(&order, released);
        self.finish(slot, state);
        (order.leaves, released)
    }

    /// Take an order out of the book, or from among the stops that wait.
    #[inline(always)]
    pub(crate) fn detach(&mut self, slot: u32) {
        let order = self.open[slot];
        let market = &mut self.markets[order.symbol_id];
        if order.level != NIL {
            market.book.remove(&mut self.open, slot);
            if market.has_pegs() {
                self.touch(order.symbol_id);
            }
        } else if self.open.is_waiting_stop(slot) && order.is_listed {
            market.stops.remove(order.side, self.open.terms(slot), order.order_id);
        }
    }

    /// Move part of what an order has locked back to available.
    pub(crate) fn release(&mut self, order: &OpenOrder, amount: i128) {
        let asset_id = self.markets[order.symbol_id].instrument.reserved_asset(order.side);
        self.accounts[order.account_id].release(asset_id, amount);
    }

    /// Cancel an open order and tell it.
    pub(crate) fn cancel(&mut self, slot: u32, code: Code) {
        let order = self.open[slot];
        let (leaves, released) = self.withdraw(slot, OrderState::Canceled);
        self.records.order_canceled(order.order_id, leaves, released, code);
        self.repay_reserved(&order);
    }

    /// Expire an order and tell it.
    pub(crate) fn expire(&mut self, slot: u32, code: Code) {
        let order = self.open[slot];
        let (leaves, released) = self.withdraw(slot, OrderState::Expired);
        self.records.order_expired(order.order_id, leaves, released, code);
        self.repay_reserved(&order);
    }

    /// Pay back a loan from what an order's end or change has made available.
    pub(crate) fn repay_reserved(&mut self, order: &OpenOrder) {
        if self.accounts[order.account_id].kind == AccountKind::Margin {
            let asset_id = self.markets[order.symbol_id].instrument.reserved_asset(order.side);
            self.repay(order.account_id, asset_id);
        }
    }

    /// Walk all positions that came into being, by account and symbol.
    pub fn positions(&self) -> impl Iterator<Item = (u32, &crate::positions::Position)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.positions.iter().map(move |position| (id, position)))
    }

    /// Walk all balances that are not zero, by account and asset.
    pub fn balances(&self) -> impl Iterator<Item = (u32, u32, Balance)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.balances().map(move |(asset, balance)| (id, asset, balance)))
    }
}

/// A refusal's code as the error of a decision.
pub type Decision<T = ()> = Result<T, Code>;
