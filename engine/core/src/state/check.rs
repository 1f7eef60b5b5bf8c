//! What must be true of the state after every command. Cost: O(state); for tests, restores and audits.

use std::collections::BTreeMap;

use crate::accounts::account::Account;
use crate::accounts::position::Position;
use crate::language::codes::{AccountKind, OrderState, SymbolStatus};
use crate::language::ids::{AccountId, AssetId, Key, SymbolId};
use crate::language::units::{Lots, Minor};
use crate::market::book::LevelSlot;
use crate::market::open_orders::{Hand, OpenOrder, Slot};
use crate::market::Market;
use crate::state::exchange::Exchange;

type Check = Result<(), &'static str>;

fn ensure(holds: bool, otherwise: &'static str) -> Check {
    if holds {
        Ok(())
    } else {
        Err(otherwise)
    }
}

fn add(sum: &mut Minor, amount: Minor) -> Check {
    *sum = sum.checked_add(amount).ok_or("a sum is out of bounds")?;
    Ok(())
}

/// What the open orders and positions of one account add up to.
#[derive(Clone, Default)]
struct Open {
    by_symbol: BTreeMap<SymbolId, u32>,
    /// Lots that are not reduce-only: bought, sold.
    lots: BTreeMap<SymbolId, (Lots, Lots)>,
    locked_by_asset: BTreeMap<AssetId, Minor>,
}

impl Exchange {
    /// Check every invariant of the state. The error names the first that is broken.
    pub fn check(&self) -> Check {
        self.orders.check()?;
        let last = self.accounts.iter().last().map_or(0, |(id, _)| id.at());
        let mut open = vec![Open::default(); last + 1];
        let mut counted = 0;
        let mut expiring = 0;
        for (symbol_id, entry) in self.markets.iter() {
            let market = &entry.value;
            market.book.check(&self.open)?;
            self.check_prices(symbol_id, market)?;
            self.check_waiting(market)?;
            for slot in self.open_in(symbol_id) {
                self.check_order(symbol_id, slot, &mut open)?;
                expiring += usize::from(self.open.terms(slot).expire_time_ns != 0);
                counted += 1;
            }
            ensure(market.open_orders as usize == self.open_in(symbol_id).len(), "a count of open orders is wrong")?;
        }
        ensure(counted == self.open.len(), "an open order is nowhere")?;
        let registered = self.orders.open_count();
        ensure(counted == registered, "an open order is in no book")?;
        ensure(expiring == self.expiries.len(), "an expiry is missing or left over")?;
        for (expiry, order_id, slot) in &self.expiries {
            let is_same = self.open[*slot].order_id == *order_id && self.open.terms(*slot).expire_time_ns == *expiry;
            ensure(is_same, "an expiry is not its order's")?;
        }
        for (id, entry) in self.accounts.iter() {
            self.check_account(id, &entry.value, &mut open[id.at()])?;
        }
        self.check_perpetuals()?;
        self.check_conservation()
    }

    fn check_prices(&self, symbol_id: SymbolId, market: &Market) -> Check {
        let matches_now = matches!(market.status, SymbolStatus::Open | SymbolStatus::PostOnly);
        let bid = market.book.best_price(crate::language::codes::Side::Buy);
        let ask = market.book.best_price(crate::language::codes::Side::Sell);
        let is_crossed = bid.zip(ask).is_some_and(|(bid, ask)| bid >= ask);
        ensure(!(matches_now && is_crossed), "the book is crossed")?;
        let is_active = market.breaker_until_ns != 0;
        ensure(
            is_active == self.breakers.contains(&(market.breaker_until_ns, symbol_id)),
            "a breaker is missing or left over",
        )?;
        ensure(self.touched.contains(symbol_id) || !self.has_work(symbol_id), "work that is left is forgotten")
    }

    fn check_waiting(&self, market: &Market) -> Check {
        for slot in market.stops.slots() {
            ensure(self.open.is_waiting_stop(slot), "a stop waits that was triggered")?;
        }
        for (order_id, slot) in &market.outside {
            let order = &self.open[*slot];
            let is_outside = order.hand == Hand::Outside && order.level == LevelSlot::NIL && !order.is_pegged();
            ensure(order.order_id == *order_id && is_outside, "an order is outside that stands elsewhere")?;
        }
        for slot in market.in_hand.iter(&self.open) {
            let order = &self.open[slot];
            let is_in_hand = order.hand == Hand::Waits && order.level == LevelSlot::NIL && !order.price.is_zero();
            ensure(is_in_hand, "an order is in hand that stands elsewhere")?;
        }
        for (place, slot) in &market.pegs {
            let order = &self.open[*slot];
            ensure(order.place() == *place && order.is_pegged(), "a peg is not its order")?;
        }
        Ok(())
    }

    fn check_order(&self, symbol_id: SymbolId, slot: Slot, open: &mut [Open]) -> Check {
        let order = &self.open[slot];
        let registered = &self.orders[order.entry];
        let is_same = order.order_id == registered.order_id
            && order.account_id == registered.account_id
            && order.symbol_id == symbol_id
            && order.symbol_id == registered.symbol_id
            && order.side == registered.side
            && registered.slot == slot;
        ensure(is_same, "an open order is not the one in the register")?;
        ensure(order.is_listed, "an open order is not listed")?;
        ensure(order.hand != Hand::Turn, "a turn was not ended")?;
        // Lots may be taken off a partly filled order, but never those that were filled.
        let state = if order.leaves < order.order_qty { OrderState::Partial } else { OrderState::Pending };
        ensure(registered.state == state, "an order's state and its leaves differ")?;
        ensure(order.leaves >= Lots::ONE && order.leaves <= order.order_qty, "leaves out of bounds")?;
        if order.level != LevelSlot::NIL {
            ensure((Lots::ONE..=order.leaves).contains(&order.display), "an order shows nothing, or more than it has")?;
        }
        self.check_reservation(order)?;
        let sums = &mut open[order.account_id.at()];
        *sums.by_symbol.entry(symbol_id).or_default() += 1;
        let instrument = &self.markets[symbol_id].instrument;
        if instrument.is_perpetual() && !order.is_reduce_only() {
            let lots = sums.lots.entry(symbol_id).or_default();
            let side = if order.side == crate::language::codes::Side::Buy { &mut lots.0 } else { &mut lots.1 };
            *side = side.checked_add(order.leaves).ok_or("a sum of lots is out of bounds")?;
        }
        let asset_id = instrument.reserved_asset(order.side);
        let reserved = order.per_lot.checked_times(order.leaves).ok_or("a reservation is out of bounds")?;
        add(sums.locked_by_asset.entry(asset_id).or_default(), reserved)
    }

    /// What a spot order locks per lot follows from its limit, a reduce-only order locks nothing.
    fn check_reservation(&self, order: &OpenOrder) -> Check {
        let instrument = &self.markets[order.symbol_id].instrument;
        if instrument.is_perpetual() {
            return ensure(
                (order.per_lot.is_zero()) == order.is_reduce_only(),
                "a reservation does not follow its flags",
            );
        }
        let per_lot = instrument.reservation_per_lot(order.side, order.limit, order.rates);
        ensure(order.per_lot == per_lot, "a reservation per lot does not follow from the price")
    }

    fn check_account(&self, account_id: AccountId, account: &Account, open: &mut Open) -> Check {
        let total: u32 = open.by_symbol.values().sum();
        ensure(account.open_orders == total, "an account's count of open orders is wrong")?;
        ensure(self.open_of(account_id).len() == total as usize, "an account's list of open orders is wrong")?;
        for (symbol_id, count) in &open.by_symbol {
            ensure(account.open_in_symbol(*symbol_id) == *count, "a count of open orders by symbol is wrong")?;
        }
        for position in &account.positions {
            self.check_reducing(account_id, position)?;
            let lots = open.lots.get(&position.symbol_id).copied().unwrap_or_default();
            ensure(lots == (position.open_buy, position.open_sell), "the open lots of a position are wrong")?;
            ensure(
                !position.size.is_zero() || position.cost.is_zero() && position.margin.is_zero(),
                "a flat position has cost",
            )?;
            let quote = self.markets[position.symbol_id].instrument.listing.quote_asset_id;
            add(open.locked_by_asset.entry(quote).or_default(), position.margin)?;
            ensure(
                position.debt.is_zero() || position.is_isolated || account.balance(quote).available.is_zero(),
                "a debt was not paid",
            )?;
        }
        let may_be_negative = account.kind == AccountKind::ClearingPnl;
        for (asset_id, balance) in account.balances() {
            ensure(balance.available >= Minor::ZERO || may_be_negative, "a balance is negative")?;
            ensure(
                balance.locked >= Minor::ZERO && balance.loan >= Minor::ZERO,
                "a locked balance or a loan is negative",
            )?;
            ensure(
                balance.loan.is_zero() || account.kind == AccountKind::Margin,
                "an account owes that may not borrow",
            )?;
            ensure(balance.loan.is_zero() || balance.available.is_zero(), "a loan was not paid back")?;
            let locked = open.locked_by_asset.get(&asset_id).copied().unwrap_or_default();
            ensure(balance.locked == locked, "locked is not what the open orders and positions demand")?;
        }
        let has_locked = |(asset_id, locked): (&AssetId, &Minor)| {
            locked.is_zero() || account.balance(*asset_id).locked > Minor::ZERO
        };
        ensure(open.locked_by_asset.iter().all(has_locked), "an open order has nothing locked")
    }

    /// What rests to reduce a position is counted, and never exceeds it unless its excess is still to be taken off.
    fn check_reducing(&self, account_id: AccountId, position: &Position) -> Check {
        let market = &self.markets[position.symbol_id];
        let reducers = market.reducers.iter().filter(|((account, ..), _)| *account == account_id);
        let mut resting = Lots::ZERO;
        let mut most = Lots::ZERO;
        for ((_, priority, order_id), slot) in reducers {
            let order = &self.open[*slot];
            let is_same = (order.priority, order.order_id) == (*priority, *order_id) && order.level != LevelSlot::NIL;
            ensure(is_same && order.is_reduce_only(), "an order rests to reduce that is another one")?;
            resting = resting.checked_add(order.leaves).ok_or("a sum of lots is out of bounds")?;
            most = position.reducible(order.side);
        }
        ensure(resting == position.reducing, "what rests to reduce a position is counted wrongly")?;
        ensure(resting <= most || market.in_excess.contains(&account_id), "more rests to reduce a position than it has")
    }

    /// Sizes net to zero, and what was realized is in the clearing `PnL` account (DRV-11, INV-06).
    fn check_perpetuals(&self) -> Check {
        for (symbol_id, entry) in self.markets.iter() {
            let listing = &entry.value.instrument.listing;
            if !entry.value.instrument.is_perpetual() {
                continue;
            }
            let (mut sizes, mut rest) =
                (0, self.accounts[listing.pnl_account_id].balance(listing.quote_asset_id).available);
            for (_, account) in self.accounts.iter() {
                if let Some(position) = account.value.position(symbol_id) {
                    sizes += position.size.wide();
                    add(&mut rest, position.cost)?;
                    add(&mut rest, position.debt)?;
                }
            }
            ensure(sizes == 0, "the positions of a symbol do not net to zero")?;
            ensure(rest.is_zero(), "a clearing PnL account is not what was realized")?;
        }
        Ok(())
    }

    /// Nothing is made and nothing is lost: balances of an asset add up to what was deposited, loans to what was lent.
    fn check_conservation(&self) -> Check {
        let last = self.assets.iter().last().map_or(0, |(id, _)| id.at());
        let mut sums = vec![(Minor::ZERO, Minor::ZERO); last + 1];
        for (_, asset_id, balance) in self.balances() {
            let (total, loans) = &mut sums[asset_id.at()];
            add(total, balance.available)?;
            add(total, balance.locked)?;
            add(loans, balance.loan)?;
        }
        for (id, entry) in self.assets.iter() {
            let (total, loans) = sums[id.at()];
            ensure(total == entry.value.deposited, "balances do not add up to deposits")?;
            ensure(loans == entry.value.lent, "loans do not add up to what was lent")?;
        }
        Ok(())
    }
}
