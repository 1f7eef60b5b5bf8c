//! Records of operations that say what is so: registrations, and what is set until it is set anew.

use std::collections::BTreeMap;

use crate::language::bytes::{u16_at, u32_at, u64_at};
use crate::language::command::CommandType;
use crate::language::event::EventType;
use crate::language::frame::HEADER_BYTES;

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

/// What the events of a record tell of its command, and of rules. What was due comes first, so that either may be any event.
#[derive(Clone, Copy, Default)]
pub struct Told {
    is_refused: bool,
    took_effect: bool,
}

impl Told {
    pub fn note(&mut self, kind: u8) {
        self.is_refused |= kind == EventType::CommandRefused as u8;
        self.took_effect |= kind == EventType::ParameterTookEffect as u8;
    }
}

/// By command and subject; those in which a rule took effect, by their seq.
#[derive(Default)]
pub struct Kept {
    records: BTreeMap<(u8, u64), Box<[u8]>>,
}

impl Kept {
    /// Keep a record of operations that registers or sets something, instead of the one that did so before, and
    /// every record in which a rule took effect.
    pub fn keep(&mut self, record: &[u8], told: Told) {
        let command = command_of(record);
        if u32_at(record, 28) == 0 && !told.is_refused && command_type(command).is_some_and(is_kept) {
            self.records.insert((command[0], subject_of(record)), record.into());
        }
        if told.took_effect {
            self.records.insert((0, u64_at(record, 8)), record.into());
        }
    }

    /// Keep a record that a snapshot holds.
    fn keep_again(&mut self, record: &[u8]) {
        let mut told = Told::default();
        for event in events_of(record) {
            told.note(event[2]);
        }
        self.keep(record, told);
    }

    /// Read what `write` appended.
    pub fn read(records: &[u8]) -> Self {
        let mut kept = Self::default();
        for record in each(records) {
            kept.keep_again(record);
        }
        kept
    }

    /// Append the kept records, in the order of the log.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut records: Vec<&[u8]> = self.records.values().map(|record| &record[..]).collect();
        records.sort_unstable_by_key(|record| u64_at(record, 8));
        records.dedup_by_key(|record| u64_at(record, 8));
        for record in records {
            out.extend_from_slice(record);
        }
    }
}

/// Walk whole records.
pub fn each(mut records: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (record, rest) = records.split_at_checked(u32_at(records.get(..4)?, 0) as usize)?;
        records = rest;
        Some(record)
    })
}

/// Walk the events of a sound record.
pub fn events_of(record: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut events = &record[HEADER_BYTES + command_of(record).len()..];
    std::iter::from_fn(move || {
        let (event, rest) = events.split_at_checked(u16_at(events.get(..4)?, 0) as usize)?;
        events = rest;
        Some(event)
    })
}

pub fn command_type(command: &[u8]) -> Option<CommandType> {
    CommandType::of(*command.first()?)
}

pub fn command_of(record: &[u8]) -> &[u8] {
    &record[HEADER_BYTES..HEADER_BYTES + u16_at(record, 40) as usize]
}

/// What a kept record is about, 0 for the venue; of a rule its seq, since one that is set may wait for its time, and of a
/// changed listing, since orders that closed before are told in its ticks and lots.
fn subject_of(record: &[u8]) -> u64 {
    let command = command_of(record);
    match command_type(command) {
        Some(CommandType::SetCollateral) => u64::from(u16_at(command, 2)),
        Some(CommandType::SetVenueStatus) => 0,
        Some(CommandType::SetParameter | CommandType::SetFeeRates | CommandType::ChangeInstrument) => u64_at(record, 8),
        _ => u64::from(u32_at(command, 4)),
    }
}
