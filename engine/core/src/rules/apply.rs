//! A command in, a record out: each is stamped, decided, followed up, and its record finished.

use crate::language::codes::{Code, Fault, TimeInForce};
use crate::language::command::{Command, CommandType, Request};
use crate::language::event::{BreakerReleased, CommandRefused, OrderRejected};
use crate::language::frame::{take_command_frame, take_record, Frame, Header};
use crate::language::layout::VERSION;
use crate::language::limits::{BATCH_COMMANDS_MAX, ELECTIONS_PER_COMMAND_MAX, STEPS_PER_COMMAND_MAX};
use crate::state::exchange::{Decision, Exchange, LogEnd, Now};
use crate::state::look_ahead::LOOK_AHEAD;

/// How far a buffer was taken, and why it was not taken further.
#[derive(Clone, Copy, Default)]
pub struct Progress {
    pub consumed: usize,
    pub count: u32,
    pub fault: Option<Fault>,
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
                    progress.fault = Some(fault);
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
                Err(fault) => return Progress { fault: Some(fault), ..progress },
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
            return Err(Fault::Diverged);
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
            Some(Err(code)) => self.records.tell(&CommandRefused { code }),
            None => self.records.tell(&CommandRefused { code: Code::MalformedCommand }),
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
        let Some(kind) = CommandType::of(kind).filter(|_| version == VERSION) else {
            return Some(Err(Code::UnknownCommand));
        };
        Some(match Command::read(kind, raw)? {
            Command::Request(request) => self.answer(source, key, &request),
            Command::Operation(_) if source != 0 => Err(Code::NotAuthorised),
            Command::Operation(operation) => self.operate(&operation),
        })
    }

    fn answer(&mut self, source: u32, key: u64, request: &Request<'_>) -> Decision {
        match request {
            Request::NewOrder(order) => self.new_order(source, key, order),
            Request::ReplaceOrder(replace) => self.replace_order(source, key, replace),
            Request::CancelOrder(cancel) => self.cancel_order(source, key, cancel),
            Request::MassCancel(cancel) => self.mass_cancel(source, cancel),
            Request::RequestOrderStatus(asked) => self.request_order_status(source, asked),
            Request::RefuseOrder(refusal) => self.records.tell(&OrderRejected { code: refusal.code, order_id: 0 }),
            Request::SetKillSwitch(switch) => return self.set_kill_switch(source, switch),
            Request::SetLeverage(asked) => return self.set_leverage(source, asked),
            Request::AdjustMargin(asked) => return self.adjust_margin(source, asked),
        }
        Ok(())
    }

    /// Release breakers and expire orders whose time has come (section 1 of docs/MATCHING.md).
    fn settle_what_is_due(&mut self) {
        let ts_ns = self.now.ts_ns;
        while let Some((_, symbol_id)) = self.breakers.first().copied().filter(|(until, _)| *until <= ts_ns) {
            self.breakers.pop_first();
            self.markets[symbol_id].breaker_until_ns = 0;
            self.records.tell(&BreakerReleased { symbol_id });
            self.touch(symbol_id);
        }
        while let Some((_, _, slot)) = self.expiries.first().copied().filter(|(expiry, _, _)| *expiry <= ts_ns) {
            let is_day = self.open[slot].time_in_force == TimeInForce::Day;
            self.expire(slot, if is_day { Code::DayExpired } else { Code::GtdExpired });
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
