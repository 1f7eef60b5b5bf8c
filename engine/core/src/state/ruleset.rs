//! The rules that hold, and those that will.

use std::collections::BTreeMap;

use crate::language::codes::Parameter;
use crate::language::command::{CommandType, SetFeeRates, SetMarginBrackets, SetParameter};
use crate::language::ids::{AccountId, SymbolId};
use crate::language::parameters::{Brackets, RULES};
use crate::market::instrument::FeeRates;

/// A rule that is asked for.
pub enum Change {
    Parameter(SetParameter),
    Brackets(SetMarginBrackets),
    FeeRates(SetFeeRates),
}

impl Change {
    pub fn read(raw: &[u8]) -> Option<Self> {
        let kind = CommandType::of(*raw.first()?)?;
        if kind == CommandType::SetParameter {
            SetParameter::read(raw).map(Self::Parameter)
        } else if kind == CommandType::SetMarginBrackets {
            SetMarginBrackets::read(raw).map(Self::Brackets)
        } else if kind == CommandType::SetFeeRates {
            SetFeeRates::read(raw).map(Self::FeeRates)
        } else {
            None
        }
    }

    pub fn effective_ns(&self) -> u64 {
        match self {
            Self::Parameter(asked) => asked.effective_ns,
            Self::Brackets(asked) => asked.effective_ns,
            Self::FeeRates(asked) => asked.effective_ns,
        }
    }
}

/// A rule that holds, the version it has, and the record since which it holds; 0, 0 when it was never set.
#[derive(Clone, Copy, Default)]
pub struct InForce<T> {
    pub rule: T,
    pub version: u64,
    pub seq: u64,
}

pub struct Ruleset {
    /// Counts every rule that was ever set.
    pub version: u64,
    /// By parameter.
    pub venue_wide: [InForce<i64>; RULES.len()],
    /// What subjects have of their own.
    pub own: BTreeMap<(Parameter, u32), InForce<i64>>,
    pub brackets: InForce<Brackets>,
    pub own_brackets: BTreeMap<SymbolId, InForce<Brackets>>,
    /// What accounts pay, by symbol, 0 for all others.
    pub fee_rates: BTreeMap<(AccountId, SymbolId), InForce<FeeRates>>,
    /// Commands whose time is to come, by time and version.
    pub scheduled: BTreeMap<(u64, u64), Vec<u8>>,
}

impl Ruleset {
    pub fn new() -> Self {
        Self {
            version: 0,
            venue_wide: RULES.map(|rule| InForce { rule: rule.default, version: 0, seq: 0 }),
            own: BTreeMap::new(),
            brackets: InForce::default(),
            own_brackets: BTreeMap::new(),
            fee_rates: BTreeMap::new(),
            scheduled: BTreeMap::new(),
        }
    }

    /// What a parameter of the venue is.
    pub fn venue(&self, parameter: Parameter) -> i64 {
        self.venue_wide[parameter as usize - 1].rule
    }

    /// What a parameter is for a subject.
    pub fn of(&self, parameter: Parameter, subject_id: u32) -> i64 {
        if self.own.is_empty() {
            return self.venue(parameter);
        }
        self.own.get(&(parameter, subject_id)).map_or(self.venue(parameter), |own| own.rule)
    }

    pub fn brackets_of(&self, symbol_id: SymbolId) -> &Brackets {
        let own = if self.own_brackets.is_empty() { None } else { self.own_brackets.get(&symbol_id) };
        &own.unwrap_or(&self.brackets).rule
    }

    /// What an account pays in a symbol that is listed with these rates.
    pub fn rates_of(&self, account_id: AccountId, symbol_id: SymbolId, listed: FeeRates) -> FeeRates {
        if self.fee_rates.is_empty() {
            return listed;
        }
        let own =
            self.fee_rates.get(&(account_id, symbol_id)).or_else(|| self.fee_rates.get(&(account_id, SymbolId::NONE)));
        own.map_or(listed, |own| own.rule)
    }
}
