//! A new order: admitted or rejected, matched against the opposite side, and what is left of it put somewhere.

use crate::book::{rank, Resting};
use crate::codes::{code, AccountKind, Code, OrdType, OrderState, Side, TimeInForce};
use crate::command::NewOrder;
use crate::event::Trade;
use crate::exchange::{Decision, Exchange, Market};
use crate::instrument::Instrument;
use crate::ledger::Account;
use crate::limits::{PRICE_TICKS_MAX, TRADES_PER_COMMAND_MAX};
use crate::orders::{Naming, Order};
use crate::registry::Registry;
use crate::slab::NIL;

/// On which terms an admitted order trades.
struct Terms {
    /// Worst price in ticks; `None` for a market order that finds nobody on the other side.
    limit: Option<i64>,
    per_lot: i128,
}

/// An accepted order while it looks for makers.
struct Taker {
    order_id: u64,
    entry: u32,
    account_id: u32,
    symbol_id: u32,
    side: Side,
    limit: i64,
    per_lot: i128,
    order_qty: i64,
    leaves: i64,
}

/// Why matching stopped.
enum Stop {
    Filled,
    NothingCrosses,
    OwnOrder,
    TooManyTrades,
}

impl Exchange {
    pub(crate) fn new_order(&mut self, seq: u64, source: u32, order: &NewOrder) {
        let key = self.orders.key(source, &order.cl_ord_id);
        if let Some(known) = self.orders.find_named(key, source, &order.cl_ord_id) {
            let (order_id, state) = self.orders[known].answer();
            if order.poss_resend {
                return self.records.status_reported(Some((order_id, state)));
            }
            return self.records.order_rejected(order_id, code::DUPLICATE_CL_ORD_ID);
        }
        match self.admit(source, order) {
            Ok(terms) => self.accept(seq, source, key, order, &terms),
            Err(code) => self.records.order_rejected(0, code),
        }
    }

    /// Check an order; the first failure decides (ORD-01).
    fn admit(&self, source: u32, order: &NewOrder) -> Decision<Terms> {
        let firm_id = self.firm_of(source).ok_or(code::NOT_AUTHORISED)?;
        let account = self.accounts.get(order.account_id).ok_or(code::UNKNOWN_ACCOUNT)?;
        if account.kind == AccountKind::System {
            return Err(code::UNKNOWN_ACCOUNT);
        }
        if account.firm_id != firm_id {
            return Err(code::NOT_AUTHORISED);
        }
        let market = self.markets.get(order.symbol_id).ok_or(code::UNKNOWN_SYMBOL)?;
        let limit = worst_price(market, order)?;
        let per_lot = check_size(&market.instrument, order, limit)?;
        let asset_id = market.instrument.reserved_asset(order.side);
        if per_lot * i128::from(order.order_qty) > account.balance(asset_id).available {
            return Err(code::INSUFFICIENT_BALANCE);
        }
        if order.time_in_force == TimeInForce::GoodTillCancel && !account.may_open(order.symbol_id) {
            return Err(code::EXCEEDS_LIMIT);
        }
        Ok(Terms { limit, per_lot })
    }

    fn accept(&mut self, order_id: u64, source: u32, key: u64, order: &NewOrder, terms: &Terms) {
        let NewOrder { account_id, symbol_id, side, order_qty, cl_ord_id, .. } = *order;
        let state = OrderState::Pending;
        let entry = self.orders.add(Order { order_id, account_id, symbol_id, slot: NIL, side, state });
        self.orders.name(key, Naming { source, entry, cl_ord_id });
        let reserved = terms.per_lot * i128::from(order_qty);
        let asset_id = self.markets[symbol_id].instrument.reserved_asset(side);
        self.accounts[account_id].reserve(asset_id, reserved);
        self.records.order_accepted(order_id, reserved);
        let per_lot = terms.per_lot;
        let limit = terms.limit.unwrap_or_default();
        let mut taker =
            Taker { order_id, entry, account_id, symbol_id, side, limit, per_lot, order_qty, leaves: order_qty };
        if terms.limit.is_none() {
            return self.expire(&taker, code::NO_LIQUIDITY);
        }
        if order.time_in_force == TimeInForce::FillOrKill && !self.is_fillable(&taker) {
            return self.expire(&taker, code::FOK_UNFILLABLE);
        }
        match (self.take(&mut taker), order.time_in_force) {
            (Stop::Filled, _) => self.orders.close(entry, OrderState::Filled),
            (Stop::OwnOrder, _) => self.cancel_remainder(&taker, code::SELF_TRADE),
            (Stop::TooManyTrades, _) => self.cancel_remainder(&taker, code::EXCEEDS_LIMIT),
            (Stop::NothingCrosses, TimeInForce::GoodTillCancel) => self.rest(&taker),
            (Stop::NothingCrosses, _) => self.expire(&taker, code::IOC_REMAINDER),
        }
    }

    /// Tell whether enough lots stand at acceptable prices before the first own order. Cost: O(makers).
    fn is_fillable(&self, taker: &Taker) -> bool {
        let makers = taker.side.opposite();
        let worst = rank(makers, taker.limit);
        let mut missing = taker.leaves;
        for (price, _, maker) in self.markets[taker.symbol_id].book.iter(makers).take(TRADES_PER_COMMAND_MAX as usize) {
            if rank(makers, price) > worst || maker.account_id == taker.account_id {
                return false;
            }
            missing -= maker.leaves.min(missing);
            if missing == 0 {
                return true;
            }
        }
        false
    }

    /// Match best price first, then first in first out, at the maker's price (ORD-06, TRD-03).
    fn take(&mut self, taker: &mut Taker) -> Stop {
        let makers = taker.side.opposite();
        let worst = rank(makers, taker.limit);
        let Market { instrument, book } = &mut self.markets[taker.symbol_id];
        let mut trades = 0;
        while taker.leaves > 0 {
            let Some((price, slot)) = book.front(makers).filter(|(price, _)| rank(makers, *price) <= worst) else {
                return Stop::NothingCrosses;
            };
            let maker = *book.order(slot);
            if maker.account_id == taker.account_id {
                return Stop::OwnOrder;
            }
            if trades == TRADES_PER_COMMAND_MAX {
                return Stop::TooManyTrades;
            }
            trades += 1;
            let last_qty = taker.leaves.min(maker.leaves);
            taker.leaves -= last_qty;
            let maker_leaves = book.fill(slot, last_qty);
            let trade = trade(instrument, taker, &maker, price, last_qty);
            settle(&mut self.accounts, instrument, &trade);
            self.records.traded(&trade);
            if maker_leaves == 0 {
                book.remove(makers, slot);
                self.orders.close(maker.entry, OrderState::Filled);
                self.accounts[maker.account_id].order_closed(taker.symbol_id);
            } else {
                self.orders.set_state(maker.entry, OrderState::Partial);
            }
        }
        Stop::Filled
    }

    fn rest(&mut self, taker: &Taker) {
        let Taker { order_id, entry, account_id, symbol_id, side, limit, per_lot, order_qty, leaves } = *taker;
        let resting = Resting::new(order_id, entry, account_id, order_qty, leaves, per_lot);
        let slot = self.markets[symbol_id].book.rest(side, limit, resting);
        self.accounts[account_id].order_opened(symbol_id);
        let state = if leaves < order_qty { OrderState::Partial } else { OrderState::Pending };
        self.orders.open(entry, state, slot);
    }

    fn expire(&mut self, taker: &Taker, code: Code) {
        let released = self.release_remainder(taker);
        self.orders.close(taker.entry, OrderState::Expired);
        self.records.order_expired(taker.order_id, taker.leaves, released, code);
    }

    fn cancel_remainder(&mut self, taker: &Taker, code: Code) {
        let released = self.release_remainder(taker);
        self.orders.close(taker.entry, OrderState::Canceled);
        self.records.order_canceled(taker.order_id, taker.leaves, released, code);
    }

    fn release_remainder(&mut self, taker: &Taker) -> i128 {
        let released = taker.per_lot * i128::from(taker.leaves);
        let asset_id = self.markets[taker.symbol_id].instrument.reserved_asset(taker.side);
        self.accounts[taker.account_id].release(asset_id, released);
        released
    }
}

/// The worst price an order trades at: its limit, or the protection price of a market order.
fn worst_price(market: &Market, order: &NewOrder) -> Decision<Option<i64>> {
    match order.ord_type {
        OrdType::Limit if (1..=PRICE_TICKS_MAX).contains(&order.price) => Ok(Some(order.price)),
        OrdType::Limit => Err(code::PRICE_OFF_TICK),
        OrdType::Market if order.price != 0 || order.time_in_force == TimeInForce::GoodTillCancel => {
            Err(code::UNSUPPORTED)
        }
        OrdType::Market => {
            let best = market.book.best_price(order.side.opposite());
            Ok(best.map(|best| market.instrument.protection_price(order.side, best)))
        }
    }
}

/// Check quantity and notional, and return what the order must lock per lot.
fn check_size(instrument: &Instrument, order: &NewOrder, limit: Option<i64>) -> Decision<i128> {
    let listing = &instrument.listing;
    if order.order_qty < listing.min_qty {
        return Err(code::SIZE_OFF_LOT);
    }
    if order.order_qty > listing.max_qty {
        return Err(code::EXCEEDS_LIMIT);
    }
    let Some(limit) = limit else {
        return Ok(0);
    };
    let notional = instrument.notional(limit, order.order_qty);
    if !(listing.min_notional..=listing.max_notional).contains(&notional) {
        return Err(code::EXCEEDS_LIMIT);
    }
    Ok(instrument.reservation_per_lot(order.side, limit))
}

/// Draw up a match; both leaves are those after it.
fn trade(instrument: &Instrument, taker: &Taker, maker: &Resting, last_px: i64, last_qty: i64) -> Trade {
    let notional = instrument.notional(last_px, last_qty);
    let buyer_per_lot = if taker.side == Side::Buy { taker.per_lot } else { maker.per_lot };
    Trade {
        taker_order_id: taker.order_id,
        maker_order_id: maker.order_id,
        last_px,
        last_qty,
        taker_leaves: taker.leaves,
        maker_leaves: maker.leaves - last_qty,
        taker_account_id: taker.account_id,
        maker_account_id: maker.account_id,
        symbol_id: taker.symbol_id,
        taker_side: taker.side,
        taker_fee: instrument.taker_fee(notional),
        maker_fee: instrument.maker_fee(notional),
        buyer_released: buyer_per_lot * i128::from(last_qty),
    }
}

/// Settle a match at once (TRD-07): each side pays its own fee in quote; the two fees go to the fee account.
fn settle(accounts: &mut Registry<Account>, instrument: &Instrument, trade: &Trade) {
    let listing = &instrument.listing;
    let notional = instrument.notional(trade.last_px, trade.last_qty);
    let base = instrument.lot_minor * i128::from(trade.last_qty);
    let taker = (trade.taker_account_id, trade.taker_fee);
    let maker = (trade.maker_account_id, trade.maker_fee);
    let (buyer, seller) = if trade.taker_side == Side::Buy { (taker, maker) } else { (maker, taker) };

    let account = &mut accounts[buyer.0];
    account.spend(listing.quote_asset_id, trade.buyer_released);
    account.credit(listing.quote_asset_id, trade.buyer_released - (notional + buyer.1));
    account.credit(listing.base_asset_id, base);

    let account = &mut accounts[seller.0];
    account.spend(listing.base_asset_id, base);
    account.credit(listing.quote_asset_id, notional - seller.1);

    accounts[listing.fee_account_id].credit(listing.quote_asset_id, taker.1 + maker.1);
}
