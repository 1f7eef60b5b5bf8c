//! Reading the rules in force, and those whose time is to come.

use crate::language::codes::Parameter;
use crate::language::parameters::{rule, Rule, RULES};
use crate::state::exchange::Exchange;
use crate::state::restore::reader::{Reader, Restored, SHORT, UNSOUND};
use crate::state::ruleset::{Change, Ruleset};

impl Exchange {
    pub(super) fn read_rules(&mut self, input: &mut Reader<'_>) -> Restored {
        let mut rules = Ruleset::new();
        rules.version = input.u64()?;
        if input.u64()? != RULES.len() as u64 {
            return Err(UNSOUND);
        }
        for value in &mut rules.venue_wide {
            *value = input.since(Reader::i64)?;
        }
        for _ in 0..input.u64()? {
            let parameter = Parameter::of(input.u8()?).ok_or(UNSOUND)?;
            rules.own.insert((parameter, input.u32()?), input.since(Reader::i64)?);
        }
        for at in 0..input.u64()? {
            let symbol_id = input.id()?;
            let brackets = input.since(Reader::brackets)?;
            if at == 0 {
                rules.brackets = brackets;
            } else {
                rules.own_brackets.insert(symbol_id, brackets);
            }
        }
        for _ in 0..input.u64()? {
            let subject = (input.id()?, input.id()?);
            rules.fee_rates.insert(subject, input.since(Reader::fee_rates)?);
        }
        for _ in 0..input.u64()? {
            let version = input.u64()?;
            let length = usize::try_from(input.u64()?).map_err(|_| UNSOUND)?;
            let (raw, rest) = input.rest.split_at_checked(length).ok_or(SHORT)?;
            input.rest = rest;
            let effective_ns = Change::read(raw).ok_or(UNSOUND)?.effective_ns();
            rules.scheduled.insert((effective_ns, version), raw.to_vec());
        }
        let is_within = |rule: &Rule, value: i64| (rule.least..=rule.most).contains(&value);
        let venue_wide = RULES.iter().zip(&rules.venue_wide).all(|(rule, value)| is_within(rule, value.rule));
        let mut own = rules.own.iter();
        if !venue_wide || !own.all(|((parameter, _), value)| is_within(rule(*parameter), value.rule)) {
            return Err(UNSOUND);
        }
        self.ruleset = rules;
        Ok(())
    }
}
