//! How long a closed order is remembered: as long as the log may name it (docs/MATCHING.md, section 9).

use std::collections::BTreeMap;

use crate::language::bytes::u64_at;
use crate::language::codes::Parameter;
use crate::language::command::{CommandType, SetParameter};
use crate::language::event::{EventType, ParameterSet, ParameterTookEffect};
use crate::language::parameters::rule;
use crate::standing::kept::{command_of, command_type, each, events_of};

/// The rules that say it, and those whose time is to come by their version.
pub struct Window {
    pub window_ns: u64,
    pub spent_max: u64,
    scheduled: BTreeMap<u64, (Parameter, i64)>,
}

impl Default for Window {
    fn default() -> Self {
        let default = |parameter| rule(parameter).default as u64;
        Self {
            window_ns: default(Parameter::ClOrdIdWindowNs),
            spent_max: default(Parameter::ClOrdIdsSpentMax),
            scheduled: BTreeMap::new(),
        }
    }
}

impl Window {
    /// Learn the rules from the kept records.
    pub fn read(kept: &[u8]) -> Self {
        let mut window = Self::default();
        for record in each(kept) {
            for event in events_of(record) {
                window.note(u64_at(record, 16), command_of(record), event);
            }
        }
        window
    }

    /// Take over what an event tells of a rule, with its command and the time of its record.
    pub fn note(&mut self, now_ns: u64, command: &[u8], event: &[u8]) -> Option<()> {
        let is_set = matches!(EventType::of(event[2])?, EventType::ParameterSet);
        if matches!(EventType::of(event[2])?, EventType::ParameterTookEffect) {
            self.take_effect(ParameterTookEffect::read(event)?.version);
        } else if is_set && command_type(command) == Some(CommandType::SetParameter) {
            self.set(&SetParameter::read(command)?, &ParameterSet::read(event)?, now_ns);
        }
        Some(())
    }

    /// Take over a rule that was set, at once or for a time to come.
    fn set(&mut self, asked: &SetParameter, told: &ParameterSet, now_ns: u64) {
        let is_of_it = matches!(asked.parameter, Parameter::ClOrdIdWindowNs | Parameter::ClOrdIdsSpentMax);
        if !is_of_it {
            return;
        }
        if told.effective_ns <= now_ns {
            self.hold(asked.parameter, asked.value);
        } else {
            self.scheduled.insert(told.version, (asked.parameter, asked.value));
        }
    }

    /// Let the rule of this version hold, if it is one of them.
    fn take_effect(&mut self, version: u64) {
        if let Some((parameter, value)) = self.scheduled.remove(&version) {
            self.hold(parameter, value);
        }
    }

    fn hold(&mut self, parameter: Parameter, value: i64) {
        if parameter == Parameter::ClOrdIdWindowNs {
            self.window_ns = value as u64;
        } else {
            self.spent_max = value as u64;
        }
    }
}
