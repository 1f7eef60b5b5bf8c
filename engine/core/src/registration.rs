//! Commands of operations: what exists, and what is deposited.

use crate::codes::{code, event_type, AccountKind, SessionKind};
use crate::command::Command;
use crate::exchange::{Decision, Exchange, Market, Session};
use crate::instrument::{Instrument, Listing};
use crate::ledger::{Account, Asset};
use crate::limits::{ASSET_DECIMALS_MAX, ASSET_UNITS_MAX};
use crate::text::{DepositRef, Name};

/// Source of commands that no FIX session sent.
const OPERATIONS: u32 = 0;

impl Exchange {
    pub(crate) fn register(&mut self, source: u32, command: &Command) {
        let decision = if source == OPERATIONS { self.try_register(command) } else { Err(code::NOT_AUTHORISED) };
        if let Err(code) = decision {
            self.records.command_refused(code);
        }
    }

    fn try_register(&mut self, command: &Command) -> Decision {
        let event = match *command {
            Command::RegisterAsset { asset_id, decimals, name } => {
                self.register_asset(asset_id, name, decimals)?;
                event_type::ASSET_REGISTERED
            }
            Command::RegisterFirm { firm_id, name } => {
                self.firms.check_vacant(firm_id, &name)?;
                self.firms.insert(firm_id, name, ());
                event_type::FIRM_REGISTERED
            }
            Command::OpenAccount { account_id, firm_id, kind, name } => {
                self.open_account(account_id, firm_id, kind, name)?;
                event_type::ACCOUNT_OPENED
            }
            Command::RegisterSession { session_id, firm_id, kind, comp_id } => {
                self.register_session(session_id, firm_id, kind, comp_id)?;
                event_type::SESSION_REGISTERED
            }
            Command::ListInstrument { symbol_id, symbol, listing } => {
                self.list_instrument(symbol_id, symbol, listing)?;
                event_type::INSTRUMENT_LISTED
            }
            Command::Deposit { account_id, asset_id, amount, deposit_ref } => {
                return self.deposit(account_id, asset_id, amount, deposit_ref);
            }
            _ => unreachable!("orders are decided elsewhere"),
        };
        self.records.bare(event);
        Ok(())
    }

    fn register_asset(&mut self, asset_id: u32, name: Name, decimals: u8) -> Decision {
        if decimals > ASSET_DECIMALS_MAX {
            return Err(code::BOUND_EXCEEDED);
        }
        self.assets.check_vacant(asset_id, &name)?;
        self.assets.insert(asset_id, name, Asset { decimals, deposited: 0 });
        Ok(())
    }

    fn open_account(&mut self, account_id: u32, firm_id: u32, kind: AccountKind, name: Name) -> Decision {
        self.accounts.check_vacant(account_id, &name)?;
        let is_owned = match kind {
            AccountKind::System => firm_id == 0,
            AccountKind::Spot => self.firms.get(firm_id).is_some(),
        };
        if !is_owned {
            return Err(code::UNKNOWN_REFERENCE);
        }
        self.accounts.insert(account_id, name, Account::new(firm_id, kind));
        Ok(())
    }

    fn register_session(&mut self, session_id: u32, firm_id: u32, kind: SessionKind, comp_id: Name) -> Decision {
        self.sessions.check_vacant(session_id, &comp_id)?;
        self.firms.get(firm_id).ok_or(code::UNKNOWN_REFERENCE)?;
        self.sessions.insert(session_id, comp_id, Session { firm_id, kind });
        Ok(())
    }

    fn list_instrument(&mut self, symbol_id: u32, symbol: Name, listing: Listing) -> Decision {
        self.markets.check_vacant(symbol_id, &symbol)?;
        let instrument = self.instrument(listing)?;
        self.markets.insert(symbol_id, symbol, Market { instrument, book: crate::book::Book::new() });
        Ok(())
    }

    /// Check a listing against the assets and the fee account it names.
    pub(crate) fn instrument(&self, listing: Listing) -> Decision<Instrument> {
        let base = self.assets.get(listing.base_asset_id).ok_or(code::UNKNOWN_REFERENCE)?;
        let quote = self.assets.get(listing.quote_asset_id).ok_or(code::UNKNOWN_REFERENCE)?;
        let fee_account = self.accounts.get(listing.fee_account_id).ok_or(code::UNKNOWN_REFERENCE)?;
        if fee_account.kind != AccountKind::System {
            return Err(code::BOUND_EXCEEDED);
        }
        Instrument::new(listing, base.decimals, quote.decimals)
    }

    fn deposit(&mut self, account_id: u32, asset_id: u32, amount: i128, deposit_ref: DepositRef) -> Decision {
        let account = self.accounts.get_mut(account_id).ok_or(code::UNKNOWN_REFERENCE)?;
        let asset = self.assets.get_mut(asset_id).ok_or(code::UNKNOWN_REFERENCE)?;
        let room = ASSET_UNITS_MAX * 10i128.pow(u32::from(asset.decimals)) - asset.deposited;
        if !(1..=room).contains(&amount) || deposit_ref.is_empty() {
            return Err(code::BOUND_EXCEEDED);
        }
        if self.deposit_refs.contains(&deposit_ref) {
            return Err(code::DUPLICATE_DEPOSIT);
        }
        asset.deposited += amount;
        account.credit(asset_id, amount);
        self.deposit_refs.add(deposit_ref);
        self.records.deposited(account.balance(asset_id).available);
        Ok(())
    }
}
