//! A command in, a record out: each is stamped, decided, followed up, and its record finished.

use crate::language::codes::{code, command_type, TimeInForce, VERSION};
use crate::language::command;
use crate::language::frame::{fault, take_command_frame, take_record, Fault, Frame, Header};
use crate::language::limits::{BATCH_COMMANDS_MAX, ELECTIONS_PER_COMMAND_MAX, STEPS_PER_COMMAND_MAX};
use crate::state::exchange::{Decision, Exchange, LogEnd, Now};
use crate::state::look_ahead::LOOK_AHEAD;

/// How far a buffer was taken, and why it was not taken further.
#[derive(Clone, Copy, Default)]
pub struct Progress {
    pub consumed: usize,
    pub count: u32,
    pub fault: Fault,
}

impl Exchange {
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
        let LogEnd { seq, event_ts_ns, crc } = self.log_end;
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
        let seq = self.log_end.seq + 1;
        let ts_ns = now_ns.max(self.log_end.event_ts_ns + 1);
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
            prev_crc: self.log_end.crc,
            source,
            source_seq: frame.header.source_seq,
            command_length: frame.command.len(),
            batch_index,
            event_count,
        };
        let crc = self.records.finish(&header, frame.command, crc);
        self.log_end = LogEnd { seq, event_ts_ns: ts_ns + u64::from(event_count - 1), crc };
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
}
