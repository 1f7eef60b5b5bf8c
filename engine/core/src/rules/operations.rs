//! Commands of operations: what exists, what is deposited, in which state markets and accounts are (section 10).

use crate::accounts::account::{Account, Asset};
use crate::language::codes::{
    code, event_type, AccountKind, AccountStatus, BreakerReason, SessionKind, SymbolStatus, VenueStatus,
};
use crate::language::command::Operation;
use crate::language::limits::{
    ASSET_DECIMALS_MAX, ASSET_UNITS_MAX, BREAKER_NS, CANCELS_PER_COMMAND_MAX, LEVERAGE_MAX, NOTIONAL_MINOR_MAX,
    PRICE_TICKS_MAX, WEIGHT_PPM_MAX,
};
use crate::language::listing::Listing;
use crate::language::text::{DepositRef, Name};
use crate::market::book::Book;
use crate::market::Market;
use crate::state::exchange::{Decision, Exchange, Firm, Session};

const NS_PER_SECOND: u64 = 1_000_000_000;

impl Exchange {
    pub(crate) fn operate(&mut self, source: u32, operation: &Operation) -> Decision {
        if source != 0 {
            return Err(code::NOT_AUTHORISED);
        }
        let told = match *operation {
            Operation::RegisterAsset { asset_id, decimals, name } => {
                self.register_asset(asset_id, name, decimals)?;
                event_type::ASSET_REGISTERED
            }
            Operation::RegisterFirm { firm_id, name } => {
                self.firms.check_vacant(firm_id, &name)?;
                self.firms.insert(firm_id, name, Firm { accounts: Vec::new() });
                event_type::FIRM_REGISTERED
            }
            Operation::OpenAccount { account_id, firm_id, kind, name } => {
                self.open_account(account_id, firm_id, kind, name)?;
                event_type::ACCOUNT_OPENED
            }
            Operation::RegisterSession { session_id, firm_id, kind, comp_id } => {
                self.register_session(session_id, firm_id, kind, comp_id)?;
                event_type::SESSION_REGISTERED
            }
            Operation::ListInstrument { symbol_id, symbol, listing } => {
                self.list_instrument(symbol_id, symbol, listing)?;
                event_type::INSTRUMENT_LISTED
            }
            Operation::ChangeInstrument { symbol_id, symbol, listing } => {
                self.change_instrument(symbol_id, &symbol, listing)?;
                event_type::INSTRUMENT_CHANGED
            }
            Operation::DelistInstrument { symbol_id } => {
                self.delist(symbol_id)?;
                event_type::INSTRUMENT_DELISTED
            }
            Operation::SetVenueStatus { status } => {
                self.set_venue_status(status);
                event_type::VENUE_STATUS_SET
            }
            Operation::AdvanceTime => event_type::TIME_ADVANCED,
            Operation::SetAccountStatus { account_id, status } => {
                self.set_account_status(account_id, status)?;
                event_type::ACCOUNT_STATUS_SET
            }
            Operation::SetAccountLimits { account_id, tier, leverage_max, position_notional_max } => {
                self.set_account_limits(account_id, tier, leverage_max, position_notional_max)?;
                event_type::ACCOUNT_LIMITS_SET
            }
            Operation::SetMarginState { account_id, state } => {
                self.member_mut(account_id)?.margin_state = state;
                event_type::MARGIN_STATE_SET
            }
            Operation::SetCollateral { asset_id, weight_ppm, lending_account_id } => {
                self.set_collateral(asset_id, weight_ppm, lending_account_id)?;
                event_type::COLLATERAL_SET
            }
            // These tell more than that they happened.
            Operation::SetMark { symbol_id, price } => return self.set_mark(symbol_id, price),
            Operation::SetSymbolStatus { symbol_id, status } => return self.set_symbol_status(symbol_id, status),
            Operation::TriggerBreaker { symbol_id, reason } => return self.trigger_breaker(symbol_id, reason),
            Operation::Deposit { account_id, asset_id, amount, deposit_ref } => {
                return self.deposit(account_id, asset_id, amount, deposit_ref);
            }
            Operation::Transfer { from_account_id, to_account_id, asset_id, amount } => {
                return self.transfer(from_account_id, to_account_id, asset_id, amount);
            }
            Operation::CoverDebt { payer_account_id, account_id, symbol_id, amount } => {
                return self.cover_debt(payer_account_id, account_id, symbol_id, amount);
            }
        };
        self.records.bare(told);
        Ok(())
    }

    // --- what exists ------------------------------------------------------------------------------------

    fn register_asset(&mut self, asset_id: u32, name: Name, decimals: u8) -> Decision {
        if decimals > ASSET_DECIMALS_MAX {
            return Err(code::BOUND_EXCEEDED);
        }
        self.assets.check_vacant(asset_id, &name)?;
        let asset = Asset { decimals, deposited: 0, weight_ppm: WEIGHT_PPM_MAX, lending_account_id: 0, lent: 0 };
        self.assets.insert(asset_id, name, asset);
        Ok(())
    }

    fn open_account(&mut self, account_id: u32, firm_id: u32, kind: AccountKind, name: Name) -> Decision {
        self.accounts.check_vacant(account_id, &name)?;
        if kind.is_member() {
            let firm = self.firms.get_mut(firm_id).ok_or(code::UNKNOWN_REFERENCE)?;
            firm.accounts.push(account_id);
        } else if firm_id != 0 {
            return Err(code::UNKNOWN_REFERENCE);
        }
        self.accounts.insert(account_id, name, Account::new(firm_id, kind));
        Ok(())
    }

    fn register_session(&mut self, session_id: u32, firm_id: u32, kind: SessionKind, comp_id: Name) -> Decision {
        self.sessions.check_vacant(session_id, &comp_id)?;
        self.firms.get(firm_id).ok_or(code::UNKNOWN_REFERENCE)?;
        self.sessions.insert(session_id, comp_id, Session { firm_id, kind, is_blocked: false });
        Ok(())
    }

    // --- instruments ------------------------------------------------------------------------------------

    fn list_instrument(&mut self, symbol_id: u32, symbol: Name, listing: Listing) -> Decision {
        self.markets.check_vacant(symbol_id, &symbol)?;
        let instrument = self.instrument(symbol_id, listing)?;
        self.markets.insert(symbol_id, symbol, Market::new(instrument));
        Ok(())
    }

    fn listed_mut(&mut self, symbol_id: u32) -> Decision<&mut Market> {
        let market = self.markets.get_mut(symbol_id).filter(|market| !market.is_delisted);
        market.ok_or(code::UNKNOWN_REFERENCE)
    }

    fn change_instrument(&mut self, symbol_id: u32, symbol: &Name, listing: Listing) -> Decision {
        let old = self.listed_mut(symbol_id)?.instrument.listing;
        let keeps_identity = self.markets.is_named(symbol_id, symbol)
            && listing.kind == old.kind
            && listing.base_asset_id == old.base_asset_id
            && listing.quote_asset_id == old.quote_asset_id
            && listing.pnl_account_id == old.pnl_account_id;
        if !keeps_identity {
            return Err(code::BOUND_EXCEEDED);
        }
        let instrument = self.instrument(symbol_id, listing)?;
        let keeps_steps = listing.tick == old.tick && listing.lot == old.lot;
        let fees = |listing: &Listing| (listing.maker_ppm, listing.taker_ppm, listing.fee_account_id);
        let has_orders = !self.open_in(symbol_id).is_empty();
        let needs_no_orders = !keeps_steps || fees(&listing) != fees(&old);
        if needs_no_orders && has_orders || !keeps_steps && self.has_positions(symbol_id) {
            return Err(code::NOT_EMPTY);
        }
        let market = &mut self.markets[symbol_id];
        market.instrument = instrument;
        if !keeps_steps {
            market.forget_prices();
        }
        Ok(())
    }

    /// Tell whether anybody has a position or a debt in a symbol. Cost: O(accounts).
    fn has_positions(&self, symbol_id: u32) -> bool {
        let positions = self.accounts.iter().filter_map(|(_, entry)| entry.value.position(symbol_id));
        positions.into_iter().any(|position| !position.is_empty())
    }

    fn delist(&mut self, symbol_id: u32) -> Decision {
        self.listed_mut(symbol_id)?;
        let slots = self.open_in(symbol_id);
        if slots.len() > CANCELS_PER_COMMAND_MAX {
            return Err(code::TOO_MANY_ORDERS);
        }
        if self.has_positions(symbol_id) {
            return Err(code::NOT_EMPTY);
        }
        for slot in slots {
            self.cancel(slot, code::DELISTED);
        }
        let market = &mut self.markets[symbol_id];
        market.is_delisted = true;
        market.book = Book::new();
        Ok(())
    }

    // --- states of the market -----------------------------------------------------------------------------

    fn set_mark(&mut self, symbol_id: u32, price: i64) -> Decision {
        let (second, ts_ns) = (self.now.ts_ns / NS_PER_SECOND, self.now.ts_ns);
        let market = self.listed_mut(symbol_id)?;
        if !(1..=PRICE_TICKS_MAX).contains(&price) {
            return Err(code::BOUND_EXCEEDED);
        }
        market.mark = price;
        market.unacted_mark.add(price);
        let breaking_move = market.breaking_move(second, price).filter(|_| market.breaker_until_ns == 0);
        if breaking_move.is_some() {
            market.window.clear();
        }
        market.remember_mark(second, price);
        self.touch(symbol_id);
        self.records.bare(event_type::MARK_SET);
        if let Some(change_ppm) = breaking_move {
            self.activate_breaker(symbol_id, BreakerReason::MarkMove, change_ppm, ts_ns + BREAKER_NS);
        }
        Ok(())
    }

    fn trigger_breaker(&mut self, symbol_id: u32, reason: BreakerReason) -> Decision {
        let until_ns = self.now.ts_ns + BREAKER_NS;
        let until_ns = until_ns.max(self.listed_mut(symbol_id)?.breaker_until_ns);
        self.activate_breaker(symbol_id, reason, 0, until_ns);
        Ok(())
    }

    fn activate_breaker(&mut self, symbol_id: u32, reason: BreakerReason, change_ppm: i64, until_ns: u64) {
        let before = std::mem::replace(&mut self.markets[symbol_id].breaker_until_ns, until_ns);
        self.breakers.remove(&(before, symbol_id));
        self.breakers.insert((until_ns, symbol_id));
        self.records.breaker_triggered(symbol_id, reason, change_ppm, until_ns);
    }

    fn set_symbol_status(&mut self, symbol_id: u32, status: SymbolStatus) -> Decision {
        let before = self.listed_mut(symbol_id)?.status;
        let opens = matches!(status, SymbolStatus::Open | SymbolStatus::PostOnly) && status != before;
        let reached = if opens && !self.uncross(symbol_id) { SymbolStatus::PreOpen } else { status };
        self.markets[symbol_id].status = reached;
        self.touch(symbol_id);
        self.records.symbol_status_set(symbol_id, reached);
        Ok(())
    }

    fn set_venue_status(&mut self, status: VenueStatus) {
        self.venue_status = status;
        for symbol_id in self.markets.ids() {
            self.touch(symbol_id);
        }
    }

    // --- accounts -----------------------------------------------------------------------------------------

    fn member_mut(&mut self, account_id: u32) -> Decision<&mut Account> {
        let account = self.accounts.get_mut(account_id).filter(|account| account.kind.is_member());
        account.ok_or(code::UNKNOWN_REFERENCE)
    }

    fn set_account_status(&mut self, account_id: u32, status: AccountStatus) -> Decision {
        let account = self.member_mut(account_id)?;
        if account.status == AccountStatus::Closed && status != AccountStatus::Closed {
            return Err(code::INVALID_TRANSITION);
        }
        let holds = |position: &crate::accounts::position::Position| !position.is_empty() || position.margin != 0;
        let is_empty =
            account.open_orders == 0 && account.balances().next().is_none() && !account.positions.iter().any(holds);
        if status == AccountStatus::Closed && !is_empty {
            return Err(code::NOT_EMPTY);
        }
        account.status = status;
        Ok(())
    }

    fn set_account_limits(&mut self, account_id: u32, tier: u8, leverage_max: u8, most: i128) -> Decision {
        let account = self.member_mut(account_id)?;
        let is_bounded =
            (1..=4).contains(&tier) && leverage_max <= LEVERAGE_MAX && (0..=NOTIONAL_MINOR_MAX).contains(&most);
        if !is_bounded {
            return Err(code::BOUND_EXCEEDED);
        }
        (account.tier, account.leverage_max, account.position_notional_max) = (tier, leverage_max, most);
        Ok(())
    }

    fn set_collateral(&mut self, asset_id: u32, weight_ppm: u32, lending_account_id: u32) -> Decision {
        let lender = self.accounts.get(lending_account_id);
        if lending_account_id != 0 && lender.is_none() {
            return Err(code::UNKNOWN_REFERENCE);
        }
        let is_bounded = weight_ppm <= WEIGHT_PPM_MAX && lender.is_none_or(|lender| lender.kind == AccountKind::System);
        let asset = self.assets.get_mut(asset_id).ok_or(code::UNKNOWN_REFERENCE)?;
        if !is_bounded {
            return Err(code::BOUND_EXCEEDED);
        }
        if asset.lent != 0 && asset.lending_account_id != lending_account_id {
            return Err(code::NOT_EMPTY);
        }
        (asset.weight_ppm, asset.lending_account_id) = (weight_ppm, lending_account_id);
        Ok(())
    }

    fn deposit(&mut self, account_id: u32, asset_id: u32, amount: i128, deposit_ref: DepositRef) -> Decision {
        let account = self.accounts.get_mut(account_id).ok_or(code::UNKNOWN_REFERENCE)?;
        let asset = self.assets.get_mut(asset_id).ok_or(code::UNKNOWN_REFERENCE)?;
        let room = ASSET_UNITS_MAX * 10i128.pow(u32::from(asset.decimals)) - asset.deposited;
        if !(1..=room).contains(&amount) || deposit_ref.is_empty() || !takes_money(account) {
            return Err(code::BOUND_EXCEEDED);
        }
        if self.deposit_refs.contains(&deposit_ref) {
            return Err(code::DUPLICATE_DEPOSIT);
        }
        asset.deposited += amount;
        account.credit(asset_id, amount);
        self.deposit_refs.add(deposit_ref);
        self.records.deposited(account.balance(asset_id).available);
        self.repay(account_id, asset_id);
        Ok(())
    }

    fn transfer(&mut self, from: u32, to: u32, asset_id: u32, amount: i128) -> Decision {
        let giver = self.accounts.get(from).ok_or(code::UNKNOWN_REFERENCE)?;
        let taker = self.accounts.get(to).ok_or(code::UNKNOWN_REFERENCE)?;
        self.assets.get(asset_id).ok_or(code::UNKNOWN_REFERENCE)?;
        if from == to || amount < 1 || !takes_money(giver) || !takes_money(taker) {
            return Err(code::BOUND_EXCEEDED);
        }
        let owes = giver.balances().any(|(_, balance)| balance.loan != 0);
        let held_back = match giver.kind {
            AccountKind::Futures => self.unrealized_loss(from, asset_id),
            _ => 0,
        };
        if owes || amount > giver.balance(asset_id).available - held_back {
            return Err(code::INSUFFICIENT_BALANCE);
        }
        self.accounts[from].credit(asset_id, -amount);
        self.accounts[to].credit(asset_id, amount);
        let available = |account_id: u32| self.accounts[account_id].balance(asset_id).available;
        self.records.transferred(available(from), available(to));
        self.repay(to, asset_id);
        Ok(())
    }
}

/// Tell whether deposits and transfers reach an account.
fn takes_money(account: &Account) -> bool {
    account.kind != AccountKind::ClearingPnl && account.status != AccountStatus::Closed
}
