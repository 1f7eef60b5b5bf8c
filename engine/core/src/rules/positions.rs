//! Perpetuals: positions at exact cost, their margin, what fills and commands do to them (DRV-11, MAR).

use crate::accounts::account::Balance;
use crate::accounts::position::{Deal, Filled, Paid, Position};
use crate::language::codes::{AccountKind, AccountStatus, Code, Parameter, PositionReason, Side};
use crate::language::command::{AdjustMargin, SetLeverage};
use crate::language::event::PositionChanged;
use crate::language::ids::{AccountId, AssetId, SessionId, SymbolId};
use crate::language::limits::POSITION_LOTS_MAX;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::open_orders::Slot;
use crate::market::Market;
use crate::state::exchange::{Decision, Exchange};

/// What a fill realized, and what it took out of its order's reservation.
#[derive(Clone, Copy, Default)]
struct Settled {
    realized: Minor,
    released: Minor,
}

impl Exchange {
    /// Settle one side of a match in a perpetual.
    pub(crate) fn fill_position(&mut self, slot: Slot, price: Ticks, qty: Lots, fee: Minor) {
        let order = self.open[slot];
        let Market { instrument, mark, .. } = &self.markets[order.symbol_id];
        let (quote, pnl_account) = (instrument.listing.quote_asset_id, instrument.listing.pnl_account_id);
        let paid = Paid { released: order.per_lot.times(qty), fee };
        let account = &mut self.accounts[order.account_id];
        let balance = account.balance(quote);
        let position = account.position_mut(order.symbol_id).expect("an accepted order has a position");
        let deal = Deal { side: order.side, price, qty, mark: *mark };
        let filled = position.fill(instrument, deal, paid, balance);
        let debt_added = filled.position.debt - position.debt;
        let was_empty = std::mem::replace(position, filled.position).is_empty();
        let is_empty = filled.position.is_empty();
        assert!(filled.balance.locked >= Minor::ZERO, "released more than was locked");
        account.put(quote, filled.balance);
        let Filled { position, realized, balance } = filled;
        let (account_id, reason) = (order.account_id, PositionReason::Trade);
        self.tell_position(account_id, reason, &position, Settled { realized, released: paid.released }, balance);
        self.accounts[pnl_account].credit(quote, -realized - debt_added);
        self.note_holder(order.symbol_id, was_empty, is_empty);
    }

    /// Keep count of the accounts that have a position or a debt in a symbol.
    pub(crate) fn note_holder(&mut self, symbol_id: SymbolId, was_empty: bool, is_empty: bool) {
        let holders = &mut self.markets[symbol_id].holders;
        *holders += u32::from(was_empty && !is_empty);
        *holders -= u32::from(!was_empty && is_empty);
    }

    /// Check what a new order adds to a position, given the price it is margined at and the lots of this order
    /// that its account has open already (section 8).
    pub(crate) fn check_position(
        &self,
        account_id: AccountId,
        symbol_id: SymbolId,
        side: Side,
        order_qty: Lots,
        margin_price: Ticks,
        open_already: Lots,
    ) -> Decision {
        let account = &self.accounts[account_id];
        let position = account.position(symbol_id);
        if !position.is_some_and(Position::is_held) && !self.may_hold_another(account_id) {
            return Err(Code::ExceedsLimit);
        }
        if account.has_debt() {
            return Err(Code::MarginRestricted);
        }
        let mut position = position.copied().unwrap_or(Position::new(symbol_id, 1));
        let open = (*position.open_lots(side) - open_already).wide();
        let lots = position.size.on(side).wide() + open + order_qty.wide();
        if lots > POSITION_LOTS_MAX {
            return Err(Code::ExceedsLimit);
        }
        if lots <= 0 {
            return Ok(());
        }
        let market = &self.markets[symbol_id];
        let notional = market.instrument.notional(margin_price.max(market.mark), Lots::of_wide(lots));
        let leverage = self.leverage(account_id, symbol_id);
        if !self.is_leverage_allowed(account_id, symbol_id, leverage, notional) {
            return Err(Code::LeverageExceeded);
        }
        if !self.is_position_allowed(account_id, symbol_id, notional) {
            return Err(Code::ExceedsLimit);
        }
        Ok(())
    }

    /// Tell whether an account holds fewer positions than it may.
    fn may_hold_another(&self, account_id: AccountId) -> bool {
        let most = self.ruleset.of(Parameter::PositionsPerAccountMax, account_id.number());
        let held = self.accounts[account_id].positions.iter().filter(|position| position.is_held());
        (held.count() as i64) < most
    }

    /// Lots a reduce-only order could close now.
    pub(crate) fn reducible(&self, slot: Slot) -> Lots {
        let order = &self.open[slot];
        let position = self.accounts[order.account_id].position(order.symbol_id);
        position.map_or(Lots::ZERO, |position| position.reducible(order.side))
    }

    /// Tell whether a source speaks for an account.
    fn may_manage(&self, source: SessionId, account_id: AccountId) -> Decision {
        let firm_id = self.firm_of(source);
        if !source.is_operations() && firm_id.is_none() {
            return Err(Code::NotAuthorised);
        }
        let account = self.accounts.get(account_id).ok_or(Code::UnknownReference)?;
        let is_entitled = firm_id.is_none_or(|firm_id| firm_id == account.firm_id);
        is_entitled.then_some(()).ok_or(Code::NotAuthorised)
    }

    pub(crate) fn set_leverage(&mut self, source: SessionId, asked: &SetLeverage) -> Decision {
        let SetLeverage { account_id, symbol_id, leverage, mode } = *asked;
        let is_isolated = mode.is_isolated();
        self.may_manage(source, account_id)?;
        let account = &self.accounts[account_id];
        let market =
            self.markets.get(symbol_id).filter(|market| market.instrument.is_perpetual() && !market.is_delisted);
        let market = market.ok_or(Code::UnknownReference)?;
        if account.kind != AccountKind::Futures || account.status != AccountStatus::Active {
            return Err(Code::UnknownReference);
        }
        if account.has_debt() {
            return Err(Code::MarginRestricted);
        }
        let known = account.position(symbol_id).copied();
        let current = known.unwrap_or(Position::new(symbol_id, self.leverage(account_id, symbol_id)));
        let size = current.size.wide();
        let long = size + current.open_buy.wide();
        let short = current.open_sell.wide() - size;
        let exposure = Lots::of_wide(size.abs().max(long).max(short));
        let notional = market.instrument.notional(market.mark, exposure);
        if leverage == 0 || !self.is_leverage_allowed(account_id, symbol_id, leverage, notional) {
            return Err(Code::LeverageExceeded);
        }
        let has_orders = !current.open_buy.is_zero() || !current.open_sell.is_zero();
        let changes_mode = is_isolated != current.is_isolated;
        if changes_mode && (!current.size.is_zero() || has_orders) || leverage != current.leverage && has_orders {
            return Err(Code::NotEmpty);
        }
        let quote = market.instrument.listing.quote_asset_id;
        let margin = current.margin_at(leverage);
        let more = margin - current.margin;
        if more > Minor::ZERO && more > self.free_cash(account_id, quote) {
            return Err(Code::InsufficientBalance);
        }
        let changed = Position { leverage, is_isolated, margin, ..current };
        let is_raised = leverage > current.leverage && !current.size.is_zero();
        if is_raised && !(account.is_normal() && self.may_raise_leverage(account_id, &changed)) {
            return Err(Code::MarginRestricted);
        }
        self.accounts[account_id].open_position(symbol_id, leverage);
        self.change_margin(account_id, quote, changed, more, PositionReason::Leverage);
        Ok(())
    }

    pub(crate) fn adjust_margin(&mut self, source: SessionId, asked: &AdjustMargin) -> Decision {
        let AdjustMargin { account_id, symbol_id, amount } = *asked;
        self.may_manage(source, account_id)?;
        let account = &self.accounts[account_id];
        let isolated = account.position(symbol_id).filter(|position| position.is_isolated && !position.size.is_zero());
        let position = *isolated.ok_or(Code::UnknownReference)?;
        let quote = self.markets[symbol_id].instrument.listing.quote_asset_id;
        if amount < Minor::ZERO && (!account.is_normal() || account.has_debt()) {
            return Err(Code::MarginRestricted);
        }
        let is_there = if amount < Minor::ZERO {
            -amount <= self.removable_margin(&position)
        } else {
            amount <= self.free_cash(account_id, quote)
        };
        if amount.is_zero() || !is_there {
            return Err(Code::InsufficientBalance);
        }
        let changed = Position { margin: position.margin + amount, extra: position.extra + amount, ..position };
        self.change_margin(account_id, quote, changed, amount, PositionReason::Margin);
        Ok(())
    }

    /// Put a position in place, lock what its margin rose by, and tell it.
    fn change_margin(
        &mut self,
        account_id: AccountId,
        quote: AssetId,
        changed: Position,
        more: Minor,
        reason: PositionReason,
    ) {
        let account = &mut self.accounts[account_id];
        if more >= Minor::ZERO {
            account.reserve(quote, more);
        } else {
            account.release(quote, -more);
        }
        *account.position_mut(changed.symbol_id).expect("the position is there") = changed;
        let balance = account.balance(quote);
        self.tell_unsettled(account_id, reason, &changed, balance);
    }

    /// Tell a position that no fill has changed.
    pub(crate) fn tell_unsettled(
        &mut self,
        account_id: AccountId,
        reason: PositionReason,
        position: &Position,
        balance: Balance,
    ) {
        self.tell_position(account_id, reason, position, Settled::default(), balance);
    }

    #[inline(always)]
    fn tell_position(
        &mut self,
        account_id: AccountId,
        reason: PositionReason,
        position: &Position,
        settled: Settled,
        balance: Balance,
    ) {
        self.records.tell(&PositionChanged {
            account_id,
            symbol_id: position.symbol_id,
            reason,
            leverage: position.leverage,
            is_isolated: position.is_isolated,
            size: position.size,
            cost: position.cost,
            margin: position.margin,
            extra: position.extra,
            debt: position.debt,
            realized_pnl: settled.realized,
            released: settled.released,
            available: balance.available,
            locked: balance.locked,
        });
    }
}
