//! A command in, a record out: each is stamped, decided, followed up, and its record finished.

use crate::language::codes::{Code, Fault, Parameter};
use crate::language::command::{
    AdjustMargin, AdvanceTime, CancelOrder, ChangeInstrument, CommandType, CoverDebt, DelistInstrument, Deposit,
    ListInstrument, MassCancel, NewOrder, OpenAccount, RefuseOrder, RegisterAsset, RegisterFirm, RegisterSession,
    ReplaceOrder, RequestOrderStatus, SetAccountLimits, SetAccountStatus, SetCollateral, SetKillSwitch, SetLeverage,
    SetMarginState, SetMark, SetSymbolStatus, SetVenueStatus, Transfer, TriggerBreaker,
};
use crate::language::event::{
    BreakerReleased, CommandRefused, OrderCanceled, OrderRestated, OrderTriggered, ParameterTookEffect,
    PositionChanged, Repaid, Traded,
};
use crate::language::frame::{take_command_frame, take_record, Frame, Header, HEADER_BYTES};
use crate::language::ids::SessionId;
use crate::language::layout::VERSION;
use crate::language::limits::{
    BATCH_COMMANDS_MAX, COMMAND_BYTES_MAX, RECORD_BYTES_MAX, SCHEDULED_CHANGES_MAX, STEPS_PER_COMMAND_MAX,
    STEP_BYTES_MAX,
};
use crate::rules::governance::Asked;
use crate::state::exchange::{Decision, Exchange, LogEnd, Now};
use crate::state::look_ahead::LOOK_AHEAD;

/// What one step tells at most: an election or a turn, clipped, matched or ended, with loans paid back on both sides.
const LARGEST_STEP: usize = OrderTriggered::BYTES
    + 4 * OrderRestated::BYTES
    + Traded::BYTES
    + 2 * PositionChanged::BYTES
    + 4 * Repaid::BYTES
    + 2 * OrderCanceled::BYTES;

/// Steps that would tell more than what a command tells besides its steps.
const OWN_STEPS: usize = 8;

/// What all rules that wait tell when they take effect at once.
const RULES_BYTES: usize = SCHEDULED_CHANGES_MAX * ParameterTookEffect::BYTES;

/// The longest record, by construction.
const LONGEST_RECORD: usize =
    HEADER_BYTES + COMMAND_BYTES_MAX + (STEPS_PER_COMMAND_MAX as usize + OWN_STEPS) * STEP_BYTES_MAX + RULES_BYTES;
const _: () = assert!(LARGEST_STEP <= STEP_BYTES_MAX && LONGEST_RECORD <= RECORD_BYTES_MAX);

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
            match take_command_frame(self.checksum, &frames[progress.consumed..]) {
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
        let Some(record) = take_record(self.checksum, records, seq, event_ts_ns, crc)? else {
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
        let source = frame.header.source;
        let is_for_what_is_left =
            source.is_operations() && frame.command.first() == Some(&(CommandType::AdvanceTime as u8));
        self.now = Now { seq, ts_ns, steps: self.steps_max, looks: 0, may_be_out: false, must_wait: false };
        self.now.may_be_out = self.may_be_out();
        self.records.begin(frame.command);
        self.orders.begin(
            ts_ns,
            self.ruleset.venue(Parameter::ClOrdIdWindowNs) as u64,
            self.ruleset.venue(Parameter::ClOrdIdsSpentMax) as u32,
        );
        self.settle_changes();
        self.release_breakers();
        if self.now.may_be_out {
            let share = if is_for_what_is_left { 2 * self.share() } else { self.share() };
            self.within(share, Self::settle_due);
        }
        if !self.touched.is_empty() && !is_for_what_is_left {
            self.within(self.share(), Self::work_in_markets);
        }
        match self.decide(source, key, frame.command) {
            Some(Ok(())) => {}
            Some(Err(code)) => self.records.tell(&CommandRefused { code }),
            None => self.records.tell(&CommandRefused { code: Code::MalformedCommand }),
        }
        if is_for_what_is_left {
            self.work_in_markets();
            self.settle_due();
        } else if !self.touched.is_empty() {
            self.within(self.share(), Self::work_in_markets);
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
        let crc = self.records.finish(&header, frame.command, crc, self.checksum);
        self.log_end = LogEnd { seq, event_ts_ns: ts_ns + u64::from(event_count - 1), crc };
    }

    /// Read a command and decide it; `key` is that of the `ClOrdID` of a new order, a cancel or a replace. Returns `None`
    /// for a command that is not to the letter.
    fn decide(&mut self, source: SessionId, key: u64, raw: &[u8]) -> Option<Decision> {
        let (kind, version) = (*raw.first()?, *raw.get(1)?);
        let Some(kind) = CommandType::of(kind).filter(|_| version == VERSION) else {
            return Some(Err(Code::UnknownCommand));
        };
        Some(match kind {
            CommandType::NewOrder => {
                self.new_order(source, key, &NewOrder::read(raw)?);
                Ok(())
            }
            CommandType::ReplaceOrder => {
                self.replace_order(source, key, &ReplaceOrder::read(raw)?);
                Ok(())
            }
            CommandType::CancelOrder => {
                self.cancel_order(source, key, &CancelOrder::read(raw)?);
                Ok(())
            }
            CommandType::MassCancel => {
                self.mass_cancel(source, &MassCancel::read(raw)?);
                Ok(())
            }
            CommandType::RequestOrderStatus => {
                self.request_order_status(source, &RequestOrderStatus::read(raw)?);
                Ok(())
            }
            CommandType::RefuseOrder => {
                self.refuse_order(&RefuseOrder::read(raw)?);
                Ok(())
            }
            CommandType::SetKillSwitch => self.set_kill_switch(source, &SetKillSwitch::read(raw)?),
            CommandType::SetLeverage => self.set_leverage(source, &SetLeverage::read(raw)?),
            CommandType::AdjustMargin => self.adjust_margin(source, &AdjustMargin::read(raw)?),
            CommandType::RegisterAsset => self.operate(source, &RegisterAsset::read(raw)?, Self::register_asset),
            CommandType::RegisterFirm => self.operate(source, &RegisterFirm::read(raw)?, Self::register_firm),
            CommandType::OpenAccount => self.operate(source, &OpenAccount::read(raw)?, Self::open_account),
            CommandType::RegisterSession => self.operate(source, &RegisterSession::read(raw)?, Self::register_session),
            CommandType::ListInstrument => self.operate(source, &ListInstrument::read(raw)?, Self::list_instrument),
            CommandType::ChangeInstrument => {
                self.operate(source, &ChangeInstrument::read(raw)?, Self::change_instrument)
            }
            CommandType::DelistInstrument => self.operate(source, &DelistInstrument::read(raw)?, Self::delist),
            CommandType::Deposit => self.operate(source, &Deposit::read(raw)?, Self::deposit),
            CommandType::Transfer => self.operate(source, &Transfer::read(raw)?, Self::transfer),
            CommandType::CoverDebt => self.operate(source, &CoverDebt::read(raw)?, Self::cover_debt),
            CommandType::SetMark => self.operate(source, &SetMark::read(raw)?, Self::set_mark),
            CommandType::SetSymbolStatus => self.operate(source, &SetSymbolStatus::read(raw)?, Self::set_symbol_status),
            CommandType::SetVenueStatus => self.operate(source, &SetVenueStatus::read(raw)?, Self::set_venue_status),
            CommandType::TriggerBreaker => self.operate(source, &TriggerBreaker::read(raw)?, Self::trigger_breaker),
            CommandType::AdvanceTime => self.operate(source, &AdvanceTime::read(raw)?, Self::advance_time),
            CommandType::SetAccountStatus => {
                self.operate(source, &SetAccountStatus::read(raw)?, Self::set_account_status)
            }
            CommandType::SetAccountLimits => {
                self.operate(source, &SetAccountLimits::read(raw)?, Self::set_account_limits)
            }
            CommandType::SetMarginState => self.operate(source, &SetMarginState::read(raw)?, Self::set_margin_state),
            CommandType::SetCollateral => self.operate(source, &SetCollateral::read(raw)?, Self::set_collateral),
            CommandType::SetParameter | CommandType::SetMarginBrackets | CommandType::SetFeeRates => {
                self.operate(source, &Asked::read(raw)?, Self::set_rule)
            }
        })
    }

    /// Do what only operations may ask.
    fn operate<T>(&mut self, source: SessionId, asked: &T, does: fn(&mut Self, &T) -> Decision) -> Decision {
        if source.is_operations() {
            does(self, asked)
        } else {
            Err(Code::NotAuthorised)
        }
    }

    /// Release breakers whose time has come.
    fn release_breakers(&mut self) {
        let ts_ns = self.now.ts_ns;
        while let Some((_, symbol_id)) = self.breakers.first().copied().filter(|(until, _)| *until <= ts_ns) {
            if !self.now.step() {
                return;
            }
            self.breakers.pop_first();
            self.markets[symbol_id].breaker_until_ns = 0;
            self.records.tell(&BreakerReleased { symbol_id });
            self.touch(symbol_id);
        }
    }

    /// Work with a share of the steps that are left.
    #[inline(always)]
    fn within(&mut self, share: u32, work: fn(&mut Self)) {
        let aside = self.now.steps.saturating_sub(share);
        self.now.steps -= aside;
        work(self);
        self.now.steps += aside;
    }
}
