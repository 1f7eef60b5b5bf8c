//! Commands of operations (section 10).

use crate::language::command::Operation;
use crate::language::event::TimeAdvanced;
use crate::state::exchange::{Decision, Exchange};

impl Exchange {
    pub(crate) fn operate(&mut self, operation: &Operation) -> Decision {
        match operation {
            Operation::RegisterAsset(asked) => self.register_asset(asked),
            Operation::RegisterFirm(asked) => self.register_firm(asked),
            Operation::OpenAccount(asked) => self.open_account(asked),
            Operation::RegisterSession(asked) => self.register_session(asked),
            Operation::ListInstrument(asked) => self.list_instrument(asked),
            Operation::ChangeInstrument(asked) => self.change_instrument(asked),
            Operation::DelistInstrument(asked) => self.delist(asked),
            Operation::SetMark(asked) => self.set_mark(asked),
            Operation::SetSymbolStatus(asked) => self.set_symbol_status(asked),
            Operation::SetVenueStatus(asked) => {
                self.set_venue_status(asked);
                Ok(())
            }
            Operation::TriggerBreaker(asked) => self.trigger_breaker(asked),
            Operation::AdvanceTime(_) => {
                self.records.tell(&TimeAdvanced {});
                Ok(())
            }
            Operation::SetAccountStatus(asked) => self.set_account_status(asked),
            Operation::SetAccountLimits(asked) => self.set_account_limits(asked),
            Operation::SetMarginState(asked) => self.set_margin_state(asked),
            Operation::SetCollateral(asked) => self.set_collateral(asked),
            Operation::Deposit(asked) => self.deposit(asked),
            Operation::Transfer(asked) => self.transfer(asked),
            Operation::CoverDebt(asked) => self.cover_debt(asked),
        }
    }
}
