//! An order takes from the other side: price-time, self-trade prevention, trades (docs/MATCHING.md, section 5).

use crate::accounts::account::Account;
use crate::language::amount::times;
use crate::language::codes::{AccountKind, Code, OrderState, RestateReason, SelfTrade, Side};
use crate::language::event::{OrderRestated, Traded};
use crate::market::book::rank;
use crate::market::instrument::Instrument;
use crate::market::open_orders::OpenOrder;
use crate::state::exchange::Exchange;
use crate::store::registry::Registry;
use crate::store::slab::NIL;

/// Why matching stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Filled,
    NothingCrosses,
    OwnOrder,
    StepsUsedUp,
    /// The order was ended while it took.
    Closed,
}

impl Exchange {
    /// Match an order that has no place in the book, up to its price.
    pub(crate) fn take(&mut self, slot: u32) -> Stop {
        let OpenOrder { symbol_id, side, price, .. } = self.open[slot];
        if self.markets[symbol_id].instrument.is_pro_rata() {
            return self.take_pro_rata(slot);
        }
        let makers = side.opposite();
        while self.open[slot].leaves > 0 {
            let Some((price, maker)) = self.markets[symbol_id].book.front_within(makers, price) else {
                return Stop::NothingCrosses;
            };
            if self.now.steps == 0 {
                return Stop::StepsUsedUp;
            }
            if self.open[maker].is_reduce_only() && self.clip_maker(maker) {
                continue;
            }
            if self.is_self_trade(slot, maker) {
                match self.prevent_self_trade(slot, maker) {
                    Some(stop) => return stop,
                    None => continue,
                }
            }
            let qty = self.open[slot].leaves.min(self.open[maker].display);
            self.trade(slot, maker, price, qty, false);
            self.settle_maker(maker);
        }
        Stop::Filled
    }

    /// Clip or cancel a reduce-only maker, which is a step; tells whether that changed it.
    pub(crate) fn clip_maker(&mut self, maker: u32) -> bool {
        let before = self.open[maker].leaves;
        let is_changed = !self.clip(maker) || self.open[maker].leaves != before;
        self.now.steps -= u32::from(is_changed);
        is_changed
    }

    /// Clip a reduce-only order to what it could close, or cancel it when that is nothing; tells whether it is still there.
    pub(crate) fn clip(&mut self, slot: u32) -> bool {
        let reducible = self.reducible(slot);
        if reducible == 0 {
            self.cancel(slot, Code::NothingToReduce);
            return false;
        }
        let leaves = self.open[slot].leaves;
        if leaves > reducible {
            self.shrink(slot, leaves - reducible, RestateReason::ReduceOnly);
        }
        true
    }

    /// Take lots off an order by decision of the engine, and tell it.
    fn shrink(&mut self, slot: u32, lots: i64, reason: RestateReason) {
        self.change_open_lots(slot, -lots);
        let order = &mut self.open[slot];
        order.order_qty -= lots;
        order.leaves -= lots;
        order.display = order.display.min(order.leaves);
        let order = *order;
        let released = times(order.per_lot, lots);
        self.release(&order, released);
        self.tell_restated(slot, reason, released);
        self.repay_reserved(&order);
    }

    /// Tell an order as the engine has changed it.
    pub(crate) fn tell_restated(&mut self, slot: u32, reason: RestateReason, released: i128) {
        let order = &self.open[slot];
        self.records.tell(&OrderRestated {
            order_id: order.order_id,
            reason,
            order_qty: order.order_qty,
            leaves: order.leaves,
            price: order.price,
            display: if order.level == NIL { order.leaves } else { order.display },
            released,
        });
    }

    /// Tell whether two orders belong together: one account, or one firm and one group.
    pub(crate) fn is_self_trade(&self, one: u32, other: u32) -> bool {
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
    pub(crate) fn prevent_self_trade(&mut self, taker: u32, maker: u32) -> Option<Stop> {
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
    fn decrement(&mut self, taker: u32, maker: u32) -> Option<Stop> {
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
    pub(crate) fn trade(&mut self, taker: u32, maker: u32, price: i64, qty: i64, is_auction: bool) {
        self.now.steps -= 1;
        for slot in [taker, maker] {
            if self.open[slot].is_listed {
                self.change_open_lots(slot, -qty);
            }
            let order = &mut self.open[slot];
            order.leaves -= qty;
            assert!(order.leaves >= 0, "filled more than was left");
            let entry = order.entry;
            self.orders.set_state(entry, OrderState::Partial);
        }
        self.open[maker].display -= qty;
        let (taking, making) = (self.open[taker], self.open[maker]);
        let market = &mut self.markets[taking.symbol_id];
        market.last_px = price;
        market.unacted_last.add(price);
        let instrument = market.instrument;
        let trade = describe(&instrument, &taking, &making, price, qty, is_auction);
        self.records.tell(&trade);
        if instrument.is_perpetual() {
            self.fill_position(maker, price, qty, trade.maker_fee);
            self.fill_position(taker, price, qty, trade.taker_fee);
            let listing = &instrument.listing;
            self.accounts[listing.fee_account_id].credit(listing.quote_asset_id, trade.maker_fee + trade.taker_fee);
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
    pub(crate) fn settle_maker(&mut self, maker: u32) {
        let order = self.open[maker];
        if order.leaves == 0 {
            self.detach(maker);
            self.finish(maker, OrderState::Filled);
        } else if order.display == 0 {
            let book = &mut self.markets[order.symbol_id].book;
            book.remove(&mut self.open, maker);
            self.open[maker].display = self.open.full_display(maker);
            book.rest(&mut self.open, maker);
            self.tell_restated(maker, RestateReason::Refill, 0);
        }
    }

    /// Tell whether `need` lots stand at acceptable prices, within the steps that are left. Cost: O(makers).
    pub(crate) fn is_fillable(&self, slot: u32, need: i64) -> bool {
        let taker = &self.open[slot];
        if need > taker.leaves {
            return false;
        }
        let market = &self.markets[taker.symbol_id];
        let makers = taker.side.opposite();
        let worst = rank(makers, taker.price);
        let mut count = Count { missing: need, steps: i64::from(self.now.steps) };
        for (price, queue) in market.book.queues(&self.open, makers) {
            if rank(makers, price) > worst {
                return false;
            }
            let is_last = if market.instrument.is_pro_rata() {
                self.count_whole(slot, queue, &mut count)
            } else {
                self.count_in_turn(slot, queue, &mut count)
            };
            if count.missing <= 0 {
                return count.steps >= 0;
            }
            if is_last {
                return false;
            }
        }
        false
    }

    /// Count the makers at a price one after the other; tells whether the count ends here.
    fn count_in_turn(&self, slot: u32, queue: impl Iterator<Item = u32> + Clone, count: &mut Count) -> bool {
        let ends_at_own = self.open[slot].stp != SelfTrade::Resting;
        // What an iceberg hides would come to stand behind the order's own one.
        let has_own = ends_at_own && queue.clone().any(|maker| self.is_self_trade(slot, maker));
        for maker in queue {
            if count.missing <= 0 {
                break;
            }
            if self.is_self_trade(slot, maker) {
                if ends_at_own {
                    return true;
                }
                count.steps -= 1;
            } else if self.open[maker].is_reduce_only() {
                count.steps -= 1;
            } else {
                let OpenOrder { leaves, display, .. } = self.open[maker];
                let lots = count.missing.min(if has_own { display } else { leaves });
                count.missing -= lots;
                count.steps -= self.steps_for(maker, lots);
            }
        }
        false
    }

    /// Count all makers at a price together; tells whether the count ends here.
    fn count_whole(&self, slot: u32, queue: impl Iterator<Item = u32> + Clone, count: &mut Count) -> bool {
        let stp = self.open[slot].stp;
        let has_own = queue.clone().any(|maker| self.is_self_trade(slot, maker));
        if has_own && matches!(stp, SelfTrade::Both | SelfTrade::Decrement) {
            return true;
        }
        for maker in queue {
            if self.is_self_trade(slot, maker) || self.open[maker].is_reduce_only() {
                count.steps -= 1;
            } else {
                let leaves = self.open[maker].leaves;
                count.missing -= leaves.min(count.missing.max(0));
                count.steps -= self.steps_for(maker, leaves);
            }
        }
        has_own && stp != SelfTrade::Resting
    }

    /// How many trades it takes to take lots from a maker.
    fn steps_for(&self, maker: u32, lots: i64) -> i64 {
        match self.open.terms(maker).max_floor {
            0 => 1,
            max_floor => (lots - 1) / max_floor + 1,
        }
    }
}

/// What is missing for an order to be fillable, and how many steps it may still take.
struct Count {
    missing: i64,
    steps: i64,
}

fn describe(
    instrument: &Instrument,
    taker: &OpenOrder,
    maker: &OpenOrder,
    last_px: i64,
    last_qty: i64,
    is_auction: bool,
) -> Traded {
    let notional = instrument.notional(last_px, last_qty);
    let buyer = if taker.side == Side::Buy { taker } else { maker };
    let buyer_released = if instrument.is_perpetual() { 0 } else { times(buyer.per_lot, last_qty) };
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
        taker_fee: instrument.taker_fee(notional),
        maker_fee: instrument.maker_fee(notional),
        buyer_released,
    }
}

/// Settle a spot match at once (TRD-07): each side pays its own fee in quote; the two fees go to the fee account.
fn settle(accounts: &mut Registry<Account>, instrument: &Instrument, trade: &Traded) {
    let listing = &instrument.listing;
    let notional = instrument.notional(trade.last_px, trade.last_qty);
    let base = times(instrument.lot_minor, trade.last_qty);
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
