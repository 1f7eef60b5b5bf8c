//! Reading the rules in force, and those whose time is to come.

use crate::language::codes::{Parameter, Subject};
use crate::language::command::{SetFeeRates, SetParameter};
use crate::language::ids::{AccountId, FirmId, SessionId, SymbolId};
use crate::language::parameters::{rule, Rule, RULES, UNSET};
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
            let change = Change::read(raw).ok_or(UNSOUND)?;
            self.check_scheduled(&change)?;
            rules.scheduled.insert((change.effective_ns(), version), raw.to_vec());
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

    /// Check that what a change is about exists, and that it may hold: it will take effect without being asked again.
    /// A symbol may have been delisted since.
    fn check_scheduled(&self, change: &Change) -> Restored {
        let is_account = |id: AccountId| id.is_none() || self.accounts.get(id).is_some();
        let is_symbol = |id: SymbolId| id.is_none() || self.markets.get(id).is_some();
        let is_sound = match change {
            Change::Parameter(SetParameter { parameter, subject_id, value, .. }) => {
                let (rule, subject_id) = (rule(*parameter), *subject_id);
                let is_there = match rule.subject {
                    Subject::None => subject_id == 0,
                    Subject::Account => is_account(AccountId::new(subject_id)),
                    Subject::Firm => subject_id == 0 || self.firms.get(FirmId::new(subject_id)).is_some(),
                    Subject::Symbol => is_symbol(SymbolId::new(subject_id)),
                    Subject::Session => subject_id == 0 || self.sessions.get(SessionId::new(subject_id)).is_some(),
                };
                let is_of_listing = *parameter == Parameter::BandPpm;
                let may_be_unset = subject_id != 0 && !is_of_listing;
                let is_within = (rule.least..=rule.most).contains(value) || *value == UNSET && may_be_unset;
                is_there && is_within && !(is_of_listing && subject_id == 0)
            }
            Change::Brackets(asked) => is_symbol(asked.symbol_id),
            Change::FeeRates(SetFeeRates { account_id, symbol_id, .. }) => {
                is_account(*account_id) && is_symbol(*symbol_id) && !(account_id.is_none() && symbol_id.is_none())
            }
        };
        is_sound.then_some(()).ok_or(UNSOUND)
    }
}
