//! Rules that governance sets, at once or for a time to come (docs/MATCHING.md, section 12).

use crate::language::codes::{Code, Parameter, Subject};
use crate::language::command::{SetFeeRates, SetMarginBrackets, SetParameter};
use crate::language::event::{ParameterSet, ParameterTookEffect};
use crate::language::ids::{AccountId, FirmId, SessionId, SymbolId};
use crate::language::limits::{OWN_RULES_MAX, SCHEDULED_CHANGES_MAX};
use crate::language::parameters::{rule, Bracket, Brackets, UNSET};
use crate::market::instrument::FeeRates;
use crate::rules::entry::EXPIRE_TIME_NS_MAX;
use crate::state::exchange::{Decision, Exchange};
use crate::state::ruleset::{Change, InForce};

/// A rule that is asked for, and its command.
pub struct Asked<'a> {
    change: Change,
    raw: &'a [u8],
}

impl<'a> Asked<'a> {
    /// Read one of the commands that set rules.
    pub fn read(raw: &'a [u8]) -> Option<Self> {
        Some(Self { change: Change::read(raw)?, raw })
    }
}

impl SetMarginBrackets {
    /// Its rows that are used: the first ones.
    fn rows(&self) -> Vec<Bracket> {
        let used = self.all_rows().into_iter().take_while(|row| *row != 0);
        // A leverage that no bracket can have becomes 0, which none can have either.
        let leverage_max = |row: i128| u8::try_from((row >> 32) as u32).unwrap_or(0);
        let bracket = |row: i128| Bracket {
            notional_max: (row >> 64) as i64,
            leverage_max: leverage_max(row),
            maintenance_ppm: row as u32,
        };
        used.map(bracket).collect()
    }
}

impl Exchange {
    /// Let a rule hold at once, or from its time on.
    pub(crate) fn set_rule(&mut self, asked: &Asked<'_>) -> Decision {
        match &asked.change {
            Change::Parameter(asked) => self.check_parameter(asked)?,
            Change::Brackets(asked) => self.check_brackets(asked)?,
            Change::FeeRates(asked) => self.check_fee_rates(asked)?,
        }
        let effective_ns = asked.change.effective_ns();
        if effective_ns > EXPIRE_TIME_NS_MAX {
            return Err(Code::BoundExceeded);
        }
        let is_at_once = effective_ns <= self.now.ts_ns;
        let rules = &mut self.ruleset;
        let of_own = rules.own.len() + rules.fee_rates.len() + rules.scheduled.len();
        if !is_at_once && rules.scheduled.len() >= SCHEDULED_CHANGES_MAX || of_own >= OWN_RULES_MAX {
            return Err(Code::TooManyChanges);
        }
        rules.version += 1;
        let version = rules.version;
        if is_at_once {
            self.take_effect(&asked.change, version);
        } else {
            rules.scheduled.insert((effective_ns, version), asked.raw.to_vec());
        }
        self.records.tell(&ParameterSet { version, effective_ns: effective_ns.max(self.now.ts_ns) });
        Ok(())
    }

    /// Let the rules hold whose time has come, by time and version.
    pub(crate) fn settle_changes(&mut self) {
        while let Some(first) = self.ruleset.scheduled.first_entry() {
            let (effective_ns, version) = *first.key();
            if effective_ns > self.now.ts_ns {
                return;
            }
            let change = Change::read(&first.remove()).expect("it was read when it was set");
            self.take_effect(&change, version);
            self.records.tell(&ParameterTookEffect { version });
        }
    }

    fn take_effect(&mut self, change: &Change, version: u64) {
        let seq = self.now.seq;
        match *change {
            Change::Parameter(SetParameter { parameter: Parameter::BandPpm, subject_id, value, .. }) => {
                self.markets[SymbolId::new(subject_id)].instrument.listing.band_ppm = value as u32;
            }
            Change::Parameter(SetParameter { parameter, subject_id: 0, value, .. }) => {
                self.ruleset.venue_wide[parameter as usize - 1] = InForce { rule: value, version, seq };
                if parameter == Parameter::ClOrdIdsSpentMax {
                    self.orders.set_spent_max(value as u32);
                }
            }
            Change::Parameter(SetParameter { parameter, subject_id, value, .. }) => {
                self.ruleset.own.remove(&(parameter, subject_id));
                if value != UNSET {
                    self.ruleset.own.insert((parameter, subject_id), InForce { rule: value, version, seq });
                }
            }
            Change::Brackets(ref asked) => {
                let rule = Brackets::new(&asked.rows());
                match (asked.symbol_id, rule) {
                    (SymbolId::NONE, Some(rule)) => self.ruleset.brackets = InForce { rule, version, seq },
                    (id, Some(rule)) => drop(self.ruleset.own_brackets.insert(id, InForce { rule, version, seq })),
                    (id, None) => drop(self.ruleset.own_brackets.remove(&id)),
                }
            }
            Change::FeeRates(ref asked) => self.change_fee_rates(asked, version),
        }
    }

    fn change_fee_rates(&mut self, asked: &SetFeeRates, version: u64) {
        let SetFeeRates { account_id, symbol_id, maker_ppm, taker_ppm, is_unset, .. } = *asked;
        if account_id == AccountId::NONE {
            let listing = &mut self.markets[symbol_id].instrument.listing;
            (listing.maker_ppm, listing.taker_ppm) = (maker_ppm, taker_ppm);
            return;
        }
        self.ruleset.fee_rates.remove(&(account_id, symbol_id));
        if !is_unset {
            let rule = FeeRates { maker_ppm, taker_ppm };
            self.ruleset.fee_rates.insert((account_id, symbol_id), InForce { rule, version, seq: self.now.seq });
        }
    }

    fn check_parameter(&self, asked: &SetParameter) -> Decision {
        let SetParameter { parameter, subject_id, value, .. } = *asked;
        let rule = rule(parameter);
        let is_there = match rule.subject {
            _ if subject_id == 0 => true,
            Subject::None => true,
            Subject::Account => self.is_member(AccountId::new(subject_id)),
            Subject::Firm => self.firms.get(FirmId::new(subject_id)).is_some(),
            Subject::Symbol => self.is_listed(SymbolId::new(subject_id)),
            Subject::Session => self.sessions.get(SessionId::new(subject_id)).is_some(),
        };
        if !is_there {
            return Err(Code::UnknownReference);
        }
        let (is_own, is_of_listing) = (subject_id != 0, parameter == Parameter::BandPpm);
        let may_be_unset = is_own && !is_of_listing;
        let has_subject = if is_own { rule.subject != Subject::None } else { !is_of_listing };
        let is_within = (rule.least..=rule.most).contains(&value) || value == UNSET && may_be_unset;
        (is_within && has_subject).then_some(()).ok_or(Code::BoundExceeded)
    }

    fn check_brackets(&self, asked: &SetMarginBrackets) -> Decision {
        let perpetual = |id: SymbolId| self.is_listed(id) && self.markets[id].instrument.is_perpetual();
        if asked.symbol_id != SymbolId::NONE && !perpetual(asked.symbol_id) {
            return Err(Code::UnknownReference);
        }
        let rows = asked.rows();
        let is_sound = if rows.is_empty() { asked.symbol_id != SymbolId::NONE } else { Brackets::new(&rows).is_some() };
        is_sound.then_some(()).ok_or(Code::BoundExceeded)
    }

    fn check_fee_rates(&self, asked: &SetFeeRates) -> Decision {
        let SetFeeRates { account_id, symbol_id, maker_ppm, taker_ppm, is_unset, .. } = *asked;
        let is_there = (account_id == AccountId::NONE || self.is_member(account_id))
            && (symbol_id == SymbolId::NONE || self.is_listed(symbol_id));
        if !is_there {
            return Err(Code::UnknownReference);
        }
        let rates = FeeRates { maker_ppm, taker_ppm };
        let are_rates = if is_unset { (maker_ppm, taker_ppm) == (0, 0) } else { rates.are_bounded() };
        let is_of_listing = symbol_id != SymbolId::NONE && !is_unset;
        (are_rates && (account_id != AccountId::NONE || is_of_listing)).then_some(()).ok_or(Code::BoundExceeded)
    }

    fn is_member(&self, account_id: AccountId) -> bool {
        self.accounts.get(account_id).is_some_and(|account| account.kind.is_member())
    }

    fn is_listed(&self, symbol_id: SymbolId) -> bool {
        self.markets.get(symbol_id).is_some_and(|market| !market.is_delisted)
    }
}
