//! An order takes from the other side: price-time, self-trade prevention, trades (docs/MATCHING.md, section 5).

use crate::accounts::account::Account;
use std::collections::BTreeMap;

use crate::language::codes::{AccountKind, Code, OrderState, RestateReason, SelfTrade, Side};
use crate::language::event::{OrderRestated, Traded};
use crate::language::ids::AccountId;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::book::{rank, LevelSlot};
use crate::market::instrument::Instrument;
use crate::market::open_orders::{Hand, OpenOrder, Slot, Terms};
use crate::rules::solvency::Prior;
use crate::state::exchange::Exchange;
use crate::store::registry::Registry;

/// Why matching stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Filled,
    NothingCrosses,
    OwnOrder,
    StepsUsedUp,
    /// Its account cannot bear the next trade.
    CannotPay,
    /// The order was ended while it took.
    Closed,
}

impl Exchange {
    /// Match an order that has no place in the book, up to its price.
    pub(crate) fn take(&mut self, slot: Slot) -> Stop {
        let OpenOrder { symbol_id, side, price, .. } = self.open[slot];
        if self.markets[symbol_id].instrument.is_pro_rata() {
            return self.take_pro_rata(slot);
        }
        let makers = side.opposite();
        while self.open[slot].leaves > Lots::ZERO {
            if !self.settle_excess(symbol_id) {
                return Stop::StepsUsedUp;
            }
            let Some((price, maker)) = self.markets[symbol_id].book.front_within(makers, price) else {
                return Stop::NothingCrosses;
            };
            if self.now.steps == 0 {
                return Stop::StepsUsedUp;
            }
            if self.now.may_be_out && self.is_out(maker) {
                self.now.steps -= 1;
                self.dismiss(maker);
                continue;
            }
            if self.is_self_trade(slot, maker) {
                match self.prevent_self_trade(slot, maker) {
                    Some(stop) => return stop,
                    None => continue,
                }
            }
            let qty = self.open[slot].leaves.min(self.open[maker].display);
            match self.unable(maker, slot, price, qty) {
                Some(unable) if unable == maker => {
                    self.now.steps -= 1;
                    self.cancel(maker, Code::InsufficientBalance);
                    continue;
                }
                Some(_) => return Stop::CannotPay,
                None => {}
            }
            self.trade(slot, maker, price, qty, false);
            self.settle_maker(maker);
        }
        Stop::Filled
    }

    /// Take lots off an order by decision of the engine, and tell it.
    pub(crate) fn shrink(&mut self, slot: Slot, lots: Lots, reason: RestateReason) {
        self.change_open_lots(slot, -lots);
        let symbol_id = self.open[slot].symbol_id;
        self.markets[symbol_id].book.change_leaves(&mut self.open, slot, -lots);
        let terms = *self.open.terms(slot);
        self.open.set_terms(slot, Terms { taken_off: terms.taken_off + lots, ..terms });
        let order = &mut self.open[slot];
        order.order_qty -= lots;
        order.display = order.display.min(order.leaves);
        let order = *order;
        let released = order.per_lot.times(lots);
        self.release(&order, released);
        self.tell_restated(slot, reason, released);
        self.repay_reserved(&order);
    }

    /// Tell an order as the engine has changed it.
    pub(crate) fn tell_restated(&mut self, slot: Slot, reason: RestateReason, released: Minor) {
        let order = &self.open[slot];
        self.records.tell(&OrderRestated {
            order_id: order.order_id,
            reason,
            order_qty: order.order_qty,
            leaves: order.leaves,
            price: order.price,
            // An order that takes shows all of it.
            display: if order.level == LevelSlot::NIL && order.hand != Hand::Waits {
                order.leaves
            } else {
                order.display
            },
            released,
        });
    }

    /// Tell whether two orders belong together: one account, or one firm and one group.
    pub(crate) fn is_self_trade(&self, one: Slot, other: Slot) -> bool {
        let (a, b) = (&self.open[one], &self.open[other]);
        if a.account_id == b.account_id {
            return true;
        }
        let group = self.open.terms(one).stp_group;
        group != 0
            && group == self.open.terms(other).stp_group
            && self.accounts[a.account_id].firm_id == self.accounts[b.account_id].firm_id
    }

    /// Do as the taker's instruction says; `None` to go on matching.
    pub(crate) fn prevent_self_trade(&mut self, taker: Slot, maker: Slot) -> Option<Stop> {
        match self.open[taker].stp {
            SelfTrade::Default | SelfTrade::Aggressive => return Some(Stop::OwnOrder),
            SelfTrade::Decrement => {
                self.now.steps -= 1;
                return self.decrement(taker, maker);
            }
            SelfTrade::Resting | SelfTrade::Both => {}
        }
        self.now.steps -= 1;
        self.cancel(maker, Code::SelfTrade);
        (self.open[taker].stp == SelfTrade::Both).then_some(Stop::OwnOrder)
    }

    /// Both orders lose what the smaller has; `None` when the taker has something left.
    pub(crate) fn decrement(&mut self, taker: Slot, maker: Slot) -> Option<Stop> {
        let lots = self.open[taker].leaves.min(self.open[maker].leaves);
        for slot in [maker, taker] {
            if self.open[slot].leaves == lots {
                self.cancel(slot, Code::SelfTrade);
                if slot == taker {
                    return Some(Stop::Closed);
                }
            } else {
                self.shrink(slot, lots, RestateReason::Decrement);
            }
        }
        None
    }

    /// Trade at a price and settle at once (TRD-04, TRD-07); a step.
    pub(crate) fn trade(&mut self, taker: Slot, maker: Slot, price: Ticks, qty: Lots, is_auction: bool) {
        self.now.steps -= 1;
        for slot in [taker, maker] {
            if self.open[slot].is_listed {
                self.change_open_lots(slot, -qty);
            }
            let OpenOrder { symbol_id, entry, .. } = self.open[slot];
            self.markets[symbol_id].book.change_leaves(&mut self.open, slot, -qty);
            assert!(self.open[slot].leaves >= Lots::ZERO, "filled more than was left");
            self.orders.add_trade(entry, price, qty);
        }
        self.open[maker].display -= qty;
        let (taking, making) = (self.open[taker], self.open[maker]);
        let market = &mut self.markets[taking.symbol_id];
        market.last_px = price;
        let instrument = market.instrument;
        let trade = describe(&instrument, &taking, &making, price, qty, is_auction);
        self.records.tell(&trade);
        if instrument.is_perpetual() {
            self.fill_position(maker, price, qty, trade.maker_fee);
            self.fill_position(taker, price, qty, trade.taker_fee);
            self.note_excess(making.account_id, making.symbol_id);
            self.note_excess(taking.account_id, taking.symbol_id);
            let listing = &instrument.listing;
            self.accounts[listing.fee_account_id].credit(listing.quote_asset_id, trade.maker_fee + trade.taker_fee);
            self.repay_debts(making.account_id, listing.quote_asset_id);
            self.repay_debts(taking.account_id, listing.quote_asset_id);
        } else {
            settle(&mut self.accounts, &instrument, &trade);
            self.repay_parties(&instrument, &making, &taking);
        }
        self.touch(taking.symbol_id);
    }

    /// Pay back loans from what a trade has made available: maker first, base first.
    fn repay_parties(&mut self, instrument: &Instrument, maker: &OpenOrder, taker: &OpenOrder) {
        for party in [maker, taker] {
            if self.accounts[party.account_id].kind == AccountKind::Margin {
                self.repay(party.account_id, instrument.listing.base_asset_id);
                self.repay(party.account_id, instrument.listing.quote_asset_id);
            }
        }
    }

    /// After a trade: a maker that has nothing left is filled, one that shows nothing any more is shown anew.
    pub(crate) fn settle_maker(&mut self, maker: Slot) {
        let order = self.open[maker];
        if order.leaves.is_zero() {
            self.detach(maker);
            self.finish(maker, OrderState::Filled);
        } else if order.display.is_zero() {
            let book = &mut self.markets[order.symbol_id].book;
            book.remove(&mut self.open, maker);
            self.open[maker].display = self.open.full_display(maker);
            book.rest(&mut self.open, maker);
            self.tell_restated(maker, RestateReason::Refill, Minor::ZERO);
        }
    }

    /// Tell whether matching would surely give an order `lots`, within the steps that such orders have. Cost: O(steps).
    pub(crate) fn is_fillable(&self, slot: Slot, lots: Lots) -> bool {
        let taker = &self.open[slot];
        if lots > taker.leaves {
            return false;
        }
        let market = &self.markets[taker.symbol_id];
        let makers = taker.side.opposite();
        let worst = rank(makers, taker.price);
        let steps = i64::from(self.fill_steps_max());
        let (priors, reducing) = (BTreeMap::new(), Vec::new());
        let mut tally = Tally { missing: lots, steps, price: Ticks::ZERO, lots, priors, reducing };
        let mut of_taker = Prior::default();
        for (price, queue) in market.book.queues(&self.open, makers) {
            let before = tally.missing;
            tally.price = price;
            let is_end = rank(makers, price) > worst
                || if market.instrument.is_pro_rata() {
                    self.count_shares(slot, queue, &mut tally)
                } else {
                    self.count_queue(slot, queue, &mut tally)
                };
            let counted = before - tally.missing.max(Lots::ZERO);
            if counted > Lots::ZERO && !self.bears(slot, price, counted, &mut of_taker) {
                return false;
            }
            if is_end || tally.is_decided() {
                break;
            }
        }
        tally.missing <= Lots::ZERO && tally.steps >= 0
    }

    /// Count one price in the order of its queue, then what is hidden there; tells whether this ends the count.
    fn count_queue(&self, slot: Slot, queue: impl Iterator<Item = Slot>, tally: &mut Tally) -> bool {
        let (mut hidden, mut tranches) = (Lots::ZERO, 0);
        for maker in queue {
            if tally.is_decided() {
                return true;
            }
            let OpenOrder { leaves, display, .. } = self.open[maker];
            if self.is_out(maker) {
                tally.steps -= 1;
            } else if self.is_self_trade(slot, maker) {
                // What an iceberg hides would come to stand behind this one.
                if self.open[slot].stp != SelfTrade::Resting {
                    return true;
                }
                tally.steps -= 1;
            } else if self.open[maker].is_reduce_only() {
                // It may be clipped before each trade, and gives nothing for sure.
                tally.steps -= 2 * (1 + self.hidden_tranches(maker)) + self.excess_steps(slot, maker, tally);
            } else if !self.bears_on_paper(maker, tally) {
                tally.steps -= 1;
            } else {
                tally.missing -= display;
                tally.steps -= 1 + self.excess_steps(slot, maker, tally);
                hidden += leaves - display;
                tranches += self.hidden_tranches(maker);
            }
        }
        if tally.missing > Lots::ZERO {
            tally.missing -= hidden;
            tally.steps -= tranches;
        }
        false
    }

    /// Count one price as a whole, as pro-rata matching takes it; tells whether this ends the count.
    fn count_shares(&self, slot: Slot, queue: impl Iterator<Item = Slot>, tally: &mut Tally) -> bool {
        let (mut found, mut is_last) = (Lots::ZERO, false);
        for maker in queue {
            if tally.steps < 0 {
                return true;
            }
            let is_out = self.is_out(maker);
            if !is_out && self.is_self_trade(slot, maker) {
                match self.open[slot].stp {
                    SelfTrade::Both | SelfTrade::Decrement => return true,
                    SelfTrade::Default | SelfTrade::Aggressive => is_last = true,
                    SelfTrade::Resting => {}
                }
                tally.steps -= 1;
            } else if is_out || self.open[maker].is_reduce_only() {
                tally.steps -= 2 * (1 + self.hidden_tranches(maker)) + self.excess_steps(slot, maker, tally);
            } else if !self.bears_on_paper(maker, tally) {
                tally.steps -= 1;
            } else {
                found += self.open[maker].leaves;
                tally.steps -= 1 + self.hidden_tranches(maker) + self.excess_steps(slot, maker, tally);
            }
        }
        tally.missing -= found;
        is_last
    }

    /// Tell whether a maker's account can bear what the taker may take of it, after what was counted of its others.
    fn bears_on_paper(&self, maker: Slot, tally: &mut Tally) -> bool {
        let OpenOrder { account_id, leaves, .. } = self.open[maker];
        if self.accounts[account_id].kind == AccountKind::Spot {
            return true;
        }
        let prior = tally.priors.entry(account_id).or_default();
        self.bears(maker, tally.price, leaves.min(tally.lots), prior)
    }

    /// Steps that trades with a maker may cost besides: each may leave more resting than can be reduced, of either side.
    fn excess_steps(&self, taker: Slot, maker: Slot, tally: &mut Tally) -> i64 {
        let mut steps = 0;
        for party in [taker, maker] {
            let OpenOrder { account_id, symbol_id, .. } = self.open[party];
            let position = self.accounts[account_id].position(symbol_id);
            if position.is_none_or(|position| position.reducing.is_zero()) {
                continue;
            }
            steps += 1 + self.hidden_tranches(maker);
            if !tally.reducing.contains(&account_id) {
                tally.reducing.push(account_id);
                steps += self.markets[symbol_id].reducers_of(account_id) as i64;
            }
        }
        steps
    }

    /// How many trades it takes to take what an order hides.
    fn hidden_tranches(&self, maker: Slot) -> i64 {
        let OpenOrder { leaves, display, .. } = self.open[maker];
        match self.open.terms(maker).max_floor {
            Lots::ZERO => 0,
            max_floor => (leaves - display).shares_of(max_floor),
        }
    }
}

/// What is missing for an order to be fillable, how many steps it may still take, and whose reduce-only orders are counted.
struct Tally {
    missing: Lots,
    steps: i64,
    /// Counted now.
    price: Ticks,
    /// Wanted in all.
    lots: Lots,
    /// What makers' accounts have traded by this count.
    priors: BTreeMap<AccountId, Prior>,
    /// Accounts whose reduce-only orders are counted.
    reducing: Vec<AccountId>,
}

impl Tally {
    fn is_decided(&self) -> bool {
        self.missing <= Lots::ZERO || self.steps < 0
    }
}

fn describe(
    instrument: &Instrument,
    taker: &OpenOrder,
    maker: &OpenOrder,
    last_px: Ticks,
    last_qty: Lots,
    is_auction: bool,
) -> Traded {
    let notional = instrument.notional(last_px, last_qty);
    let taker_fee = instrument.fee(notional, taker.rates.taker_ppm);
    let buyer = if taker.side == Side::Buy { taker } else { maker };
    let buyer_released = if instrument.is_perpetual() { Minor::ZERO } else { buyer.per_lot.times(last_qty) };
    Traded {
        taker_order_id: taker.order_id,
        maker_order_id: maker.order_id,
        last_px,
        last_qty,
        taker_leaves: taker.leaves,
        maker_leaves: maker.leaves,
        taker_account_id: taker.account_id,
        maker_account_id: maker.account_id,
        symbol_id: taker.symbol_id,
        taker_side: taker.side,
        is_auction,
        taker_fee,
        // Whatever rates the two have, nobody is paid more than the other one pays.
        maker_fee: instrument.fee(notional, maker.rates.maker_ppm).max(-taker_fee),
        buyer_released,
    }
}

/// Settle a spot match at once (TRD-07): each side pays its own fee in quote; the two fees go to the fee account.
fn settle(accounts: &mut Registry<AccountId, Account>, instrument: &Instrument, trade: &Traded) {
    let listing = &instrument.listing;
    let notional = instrument.notional(trade.last_px, trade.last_qty);
    let base = instrument.lot_minor.times(trade.last_qty);
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
