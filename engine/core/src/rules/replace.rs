//! A replace: which order, whether it may change so, and what becomes of its place (docs/MATCHING.md, section 9).

use crate::language::codes::{Code, ExecInst, OrdType, TimeInForce};
use crate::language::command::ReplaceOrder;
use crate::language::event::{OrderReplaced, ReplaceRejected};
use crate::language::ids::SessionId;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::open_orders::{OpenOrder, Slot, Terms};
use crate::market::order_register::Answer;
use crate::market::Market;
use crate::rules::entry::{check_band, check_tranches, likely_price, one_tick_off, Gate, Wanted};
use crate::state::exchange::{Decision, Exchange};

/// An order as it will be.
struct Changed {
    order_qty: Lots,
    leaves: Lots,
    limit: Ticks,
    time_in_force: TimeInForce,
    /// `None` when they stay as they are.
    terms: Option<Terms>,
    per_lot: Minor,
    borrow: Minor,
    keeps_priority: bool,
    is_slid: bool,
}

impl Exchange {
    pub(crate) fn replace_order(&mut self, source: SessionId, key: u64, replace: &ReplaceOrder<'_>) {
        let ReplaceOrder { cl_ord_id, flags, .. } = replace;
        let (target, is_resent) = (replace.target(), flags.poss_resend());
        let Some(entry) = self.open_target(source, key, cl_ord_id, &target, is_resent, replace_rejected) else {
            return;
        };
        let slot = self.orders[entry].slot;
        let symbol_id = self.open[slot].symbol_id;
        self.clear_fronts(symbol_id);
        self.find_whether_to_wait(symbol_id);
        let filled = self.open[slot].filled();
        if replace.order_qty <= filled && filled > Lots::ZERO {
            self.orders.name(key, source, entry, cl_ord_id);
            return self.cancel(slot, Code::ReplacedBelowFilled);
        }
        match self.changed(source, slot, replace) {
            Ok(changed) => {
                self.orders.name(key, source, entry, cl_ord_id);
                self.change(slot, &changed);
            }
            Err(code) => {
                let answer = self.orders[entry].answer();
                self.records.tell(&replace_rejected(Some(answer), code));
            }
        }
    }

    /// Check a replace, and work out the order it makes.
    fn changed(&self, source: SessionId, slot: Slot, replace: &ReplaceOrder<'_>) -> Decision<Changed> {
        if replace.order_qty < Lots::ONE {
            return Err(Code::SizeOffLot);
        }
        let order = &self.open[slot];
        let old = self.open.terms(slot);
        let market = &self.markets[order.symbol_id];
        let is_stop_market = order.ord_type == OrdType::Stop;
        let shown_limit = if is_stop_market { Ticks::ZERO } else { order.limit };
        let order_qty = in_flight_safe(replace.order_qty, order, old);
        let price = given_or(replace.price, shown_limit);
        let stop_px = given_or(replace.terms.stop_px, old.stop_px);
        let max_floor = given_or(replace.terms.max_floor, old.max_floor);
        let peg_offset = replace.peg_offset().unwrap_or(old.peg_offset);
        let keeps_prices = price == shown_limit && stop_px == old.stop_px && peg_offset == old.peg_offset;
        let is_pure_reduction = keeps_prices && max_floor == old.max_floor && order_qty <= order.order_qty;
        // No floor shows everything.
        let floor = |max_floor: Lots| if max_floor.is_zero() { Lots::MAX } else { max_floor };
        let keeps_priority = keeps_prices && order_qty <= order.order_qty && floor(max_floor) <= floor(old.max_floor);
        let gate = self.gate(market);
        if !is_pure_reduction {
            self.check_may_trade(source, &self.accounts[order.account_id], order.exec_inst)?;
            check_gate(gate, order, keeps_priority)?;
        }
        check_terms(replace, order, old)?;
        let (time_in_force, expire_time_ns) = self.lifetime(replace, order, old)?;
        if !keeps_priority {
            check_replaced_band(market, order, old, price, stop_px)?;
        }
        let mut limit = match (is_stop_market, is_pure_reduction) {
            (true, true) => order.limit,
            (true, false) => market.instrument.moved_by_band(order.side, stop_px),
            (false, _) => price,
        };
        let likely = likely_price(market, order.side, order.ord_type, limit, stop_px);
        if replace.terms.max_floor > order_qty {
            return Err(Code::SizeOffLot);
        }
        check_what_is_left(market, order, order_qty, likely)?;
        if !is_pure_reduction {
            market.instrument.check_qty(order_qty)?;
            check_tranches(order_qty, max_floor)?;
            market.instrument.check_notional(order_qty, limit, likely, order.is_reduce_only())?;
        }
        let is_slid = price != shown_limit
            && order.is_post_only()
            && gate.has_continuous_book()
            && market.book.crosses(order.side, price);
        if is_slid {
            if !order.exec_inst.has(ExecInst::SLIDE) {
                return Err(Code::PostOnlyWouldTake);
            }
            limit = one_tick_off(market, order.side).ok_or(Code::Unsupported)?;
            check_band(market, OrdType::Limit, limit, stop_px)?;
        }
        let leaves = order_qty - order.filled();
        let (mut per_lot, mut borrow) = (order.per_lot, Minor::ZERO);
        if !is_pure_reduction {
            let is_limit = order.ord_type == OrdType::Limit || old.is_triggered;
            let meets_book = gate.has_continuous_book() && !self.now.must_wait && is_limit;
            let waits_at = if old.is_triggered { Ticks::ZERO } else { stop_px };
            (per_lot, borrow) = self.fund(market, order, leaves, limit, waits_at, meets_book)?;
        }
        let max_floor = if max_floor >= order_qty { Lots::ZERO } else { max_floor };
        let changes_terms = replace.asks_terms() || max_floor != old.max_floor;
        let terms = changes_terms.then_some(Terms { stop_px, max_floor, peg_offset, expire_time_ns, ..*old });
        Ok(Changed { order_qty, leaves, limit, time_in_force, terms, per_lot, borrow, keeps_priority, is_slid })
    }

    /// Time in force and expiry of the changed order.
    fn lifetime(&self, replace: &ReplaceOrder<'_>, order: &OpenOrder, old: &Terms) -> Decision<(TimeInForce, u64)> {
        let time_in_force = replace.time_in_force.unwrap_or(order.time_in_force);
        let is_kept = replace.time_in_force.is_none() && replace.terms.expire_time_ns == 0;
        if is_kept {
            return Ok((time_in_force, old.expire_time_ns));
        }
        Ok((time_in_force, self.expire_time_ns(time_in_force, replace.terms.expire_time_ns)?))
    }

    /// Check funds and limits of a changed order, with what it has locked counted as available; returns what it locks
    /// for each lot, and what its account must borrow.
    #[inline(always)]
    fn fund(
        &self,
        market: &Market,
        order: &OpenOrder,
        leaves: Lots,
        limit: Ticks,
        stop_px: Ticks,
        meets_book: bool,
    ) -> Decision<(Minor, Minor)> {
        let OpenOrder { account_id, symbol_id, side, rates, .. } = *order;
        let priced = market.priced(side, limit, stop_px, meets_book);
        let per_lot = self.per_lot(account_id, symbol_id, side, priced, order.is_reduce_only(), rates);
        let is_tamer = leaves <= order.leaves && (limit - order.limit).on(side) <= Ticks::ZERO;
        if is_tamer {
            // What lowers the risk is never refused for funds (DRV-13).
            return Ok((per_lot.min(order.per_lot), Minor::ZERO));
        }
        let held = order.reserved();
        let wanted = Wanted { account_id, symbol_id, side, qty: leaves, worst: limit, rates, per_lot, held };
        let borrow = self.check_funds(&wanted)?;
        if market.instrument.is_perpetual() && !order.is_reduce_only() {
            self.check_position(account_id, symbol_id, side, leaves, priced.margin, order.leaves)?;
        }
        Ok((per_lot, borrow))
    }

    /// Change an order as checked, and give it its new place.
    fn change(&mut self, slot: Slot, changed: &Changed) {
        let is_waiting_stop = self.open.is_waiting_stop(slot);
        if !changed.keeps_priority {
            self.lose_priority(slot);
        }
        self.reserve_anew(slot, changed);
        if let Some(terms) = changed.terms {
            self.change_expiry(slot, terms.expire_time_ns);
            self.open.set_terms(slot, terms);
        }
        if changed.keeps_priority {
            let display = self.open[slot].display.min(self.open.full_display(slot));
            self.open[slot].display = display;
        } else {
            self.find_new_place(slot, changed, is_waiting_stop);
        }
    }

    /// Take an order out of its place, to come behind all others wherever priority counts.
    pub(crate) fn lose_priority(&mut self, slot: Slot) {
        self.detach(slot);
        let OpenOrder { symbol_id, account_id, .. } = self.open[slot];
        if self.open[slot].is_pegged() {
            let place = self.open[slot].place();
            self.markets[symbol_id].remove_peg(place, account_id, self.accounts[account_id].firm_id);
        }
        self.open[slot].priority = self.now.seq;
    }

    /// Lock what the changed order needs instead of what it has locked, and tell the change.
    fn reserve_anew(&mut self, slot: Slot, changed: &Changed) {
        let order = self.open[slot];
        let Changed { order_qty, leaves, limit, time_in_force, per_lot, keeps_priority, .. } = *changed;
        let (held, reserved) = (order.reserved(), per_lot.times(leaves));
        if reserved != held {
            let asset_id = self.markets[order.symbol_id].instrument.reserved_asset(order.side);
            self.accounts[order.account_id].release(asset_id, held);
            if changed.borrow > Minor::ZERO {
                self.borrow(order.account_id, asset_id, changed.borrow);
            }
            self.accounts[order.account_id].reserve(asset_id, reserved);
        }
        if leaves != order.leaves {
            self.change_open_lots(slot, leaves - order.leaves);
            self.markets[order.symbol_id].book.change_leaves(&mut self.open, slot, leaves - order.leaves);
        }
        let open = &mut self.open[slot];
        (open.order_qty, open.per_lot) = (order_qty, per_lot);
        (open.limit, open.time_in_force) = (limit, time_in_force);
        let told = if order.ord_type == OrdType::Stop { Ticks::ZERO } else { limit };
        let OpenOrder { order_id, .. } = order;
        self.records.tell(&OrderReplaced { keeps_priority, order_id, order_qty, leaves, price: told, reserved });
        if reserved < held {
            self.repay_reserved(&order);
        }
    }

    fn change_expiry(&mut self, slot: Slot, after: u64) {
        let (before, order_id) = (self.open.terms(slot).expire_time_ns, self.open[slot].order_id);
        if before != after {
            self.expiries.remove(&(before, order_id, slot));
            if after != 0 {
                self.expiries.insert((after, order_id, slot));
            }
        }
    }

    /// Give an order that lost its place a new one, matching it first where it may.
    fn find_new_place(&mut self, slot: Slot, changed: &Changed, is_waiting_stop: bool) {
        if changed.is_slid {
            self.open[slot].display = self.open.full_display(slot);
            self.tell_slide(slot);
        }
        if is_waiting_stop {
            return self.wait_or_elect(slot);
        }
        let order = &mut self.open[slot];
        if order.is_pegged() {
            return self.wait_for_price(slot);
        }
        order.price = changed.limit;
        let symbol_id = order.symbol_id;
        if order.is_reduce_only() && !self.clip(slot) {
            return;
        }
        if self.is_trading(symbol_id) {
            let must_wait = self.now.must_wait;
            self.meet_book_in_turn(slot, must_wait);
        } else {
            self.rest(slot);
        }
    }
}

/// What a replace gives, or, where it gives 0, what is there.
fn given_or<T: Default + PartialEq>(value: T, present: T) -> T {
    if value == T::default() {
        present
    } else {
        value
    }
}

fn replace_rejected(order: Answer, code: Code) -> ReplaceRejected {
    let (order_id, state) = order.unzip();
    ReplaceRejected { code, state, order_id: order_id.unwrap_or_default() }
}

/// Check that the market lets an order change so (section 2).
fn check_gate(gate: Gate, order: &OpenOrder, keeps_priority: bool) -> Decision {
    match gate {
        Gate::Open | Gate::PreOpen => Ok(()),
        Gate::PostOnly if keeps_priority || order.is_post_only() => Ok(()),
        Gate::PostOnly | Gate::CancelOnly => Err(Code::NotAllowedNow),
        Gate::Closed => Err(Code::SymbolClosed),
    }
}

/// Check that what is asked goes with the order.
fn check_terms(replace: &ReplaceOrder<'_>, order: &OpenOrder, old: &Terms) -> Decision {
    let fits_type = (replace.price.is_zero() || order.ord_type != OrdType::Stop) && order.time_in_force.may_rest();
    if !fits_type || replace.asks_terms() && !fits_terms(replace, order, old) {
        return Err(Code::Unsupported);
    }
    let is_bounded = |price: Ticks| price.is_zero() || price.is_price();
    if !is_bounded(replace.price) || !is_bounded(replace.terms.stop_px) {
        return Err(Code::PriceOffTick);
    }
    Ok(())
}

fn fits_terms(replace: &ReplaceOrder<'_>, order: &OpenOrder, old: &Terms) -> bool {
    let is_waiting_stop = order.ord_type.is_stop() && !old.is_triggered;
    let may_hide = matches!(order.ord_type, OrdType::Limit | OrdType::StopLimit) && !order.is_post_only();
    (replace.terms.stop_px.is_zero() || is_waiting_stop)
        && (replace.terms.max_floor.is_zero() || may_hide && replace.terms.max_floor > Lots::ZERO)
        && replace.peg_offset().is_none_or(|offset| order.is_pegged() && offset.is_offset())
        && fits_lifetime(replace, order)
}

fn fits_lifetime(replace: &ReplaceOrder<'_>, order: &OpenOrder) -> bool {
    let has_expiry = replace.terms.expire_time_ns != 0;
    match replace.time_in_force {
        Some(TimeInForce::GoodTillDate) => has_expiry,
        Some(time_in_force) => time_in_force.may_rest() && !has_expiry,
        None => !has_expiry || order.time_in_force == TimeInForce::GoodTillDate,
    }
}

/// Check what comes into the book anew against the band around its reference.
fn check_replaced_band(market: &Market, order: &OpenOrder, old: &Terms, price: Ticks, stop_px: Ticks) -> Decision {
    // An elected stop-limit is a limit order from then on.
    let is_limit = old.is_triggered && order.ord_type == OrdType::StopLimit;
    let ord_type = if is_limit { OrdType::Limit } else { order.ord_type };
    check_band(market, ord_type, price, stop_px)
}

/// Check that a lower quantity leaves no dust in the book (step 4).
fn check_what_is_left(market: &Market, order: &OpenOrder, order_qty: Lots, likely: Ticks) -> Decision {
    if order_qty >= order.order_qty {
        return Ok(());
    }
    let left = if order.is_reduce_only() { order_qty } else { order_qty - order.filled() };
    if left < market.instrument.listing.min_qty {
        return Err(Code::SizeOffLot);
    }
    market.instrument.check_is_no_dust(left, likely, order.is_reduce_only())
}

/// The quantity a replace means, in all: what the engine took off the order, which its owner may not have known, is taken
/// off what goes beyond what the order has, as what was filled is.
fn in_flight_safe(asked: Lots, order: &OpenOrder, old: &Terms) -> Lots {
    if asked > order.order_qty {
        (asked - old.taken_off).max(order.order_qty)
    } else {
        asked
    }
}
