//! A new order: checked, accepted, and sent on its way (docs/MATCHING.md, section 3).

use crate::accounts::account::Account;
use crate::language::codes::{
    AccountKind, AccountStatus, Code, ExecInst, OrdType, OrderState, Parameter, Peg, RestateReason, SelfTrade, Side,
    SymbolStatus, TimeInForce, Trigger, VenueStatus,
};
use crate::language::command::{NewOrder, NewTerms, RefuseOrder};
use crate::language::event::{OrderAccepted, OrderRejected, OrderRestated, StatusReported};
use crate::language::ids::{AccountId, AssetId, OrderId, SessionId, SymbolId};
use crate::language::limits::TRANCHES_PER_ORDER_MAX;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::book::LevelSlot;
use crate::market::instrument::{FeeRates, Priced};
use crate::market::open_orders::{Hand, OpenOrder, Slot, Terms, TermsSlot};
use crate::market::order_register::Order;
use crate::market::Market;
use crate::rules::matching::Stop;
use crate::state::exchange::{Blocked, Decision, Exchange};

/// 2100-01-01 (TIM-07): nothing expires later.
pub const EXPIRE_TIME_NS_MAX: u64 = 4_102_444_800_000_000_000;
const DAY_NS: u64 = 86_400_000_000_000;

/// What a market lets in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    Open,
    PreOpen,
    PostOnly,
    CancelOnly,
    Closed,
}

impl Gate {
    /// Tell whether an order entered now may meet the book.
    pub fn has_continuous_book(self) -> bool {
        matches!(self, Self::Open | Self::PostOnly)
    }
}

/// On which terms an order is admitted.
struct Admitted {
    gate: Gate,
    /// Worst price in ticks; `None` for a market order that finds nobody on the other side.
    worst: Option<Ticks>,
    rates: FeeRates,
    per_lot: Minor,
    /// What must be borrowed first.
    borrow: Minor,
    is_slid: bool,
    expire_time_ns: u64,
}

/// What an order wants to lock, of which it has `held` locked already.
pub struct Wanted {
    pub account_id: AccountId,
    pub symbol_id: SymbolId,
    pub side: Side,
    pub qty: Lots,
    pub worst: Ticks,
    pub rates: FeeRates,
    pub per_lot: Minor,
    pub held: Minor,
}

impl Exchange {
    pub(crate) fn new_order(&mut self, source: SessionId, key: u64, order: &NewOrder<'_>) {
        if let Some(known) = self.orders.find_named(key, source, &order.cl_ord_id) {
            let (order_id, state) = self.orders[known].answer();
            if order.flags.poss_resend() {
                return self.records.tell(&StatusReported { state: Some(state), order_id });
            }
            return self.records.tell(&OrderRejected { code: Code::DuplicateClOrdId, order_id });
        }
        if self.markets.get(order.symbol_id).is_some_and(|market| !market.is_delisted) {
            self.clear_fronts(order.symbol_id);
            self.find_whether_to_wait(order.symbol_id);
        }
        match self.admit(source, order) {
            Ok(admitted) => {
                let slot = self.accept(source, key, order, &admitted);
                self.enter(slot, order, &admitted);
            }
            Err(code) => self.records.tell(&OrderRejected { code, order_id: OrderId::NONE }),
        }
    }

    /// Put on record what a gateway has refused already.
    pub(crate) fn refuse_order(&mut self, refusal: &RefuseOrder<'_>) {
        self.records.tell(&OrderRejected { code: refusal.code, order_id: OrderId::NONE });
    }

    /// Check an order; the first failure decides (ORD-01).
    fn admit(&self, source: SessionId, order: &NewOrder<'_>) -> Decision<Admitted> {
        let account = self.member_account(source, order.account_id)?;
        let market = self.markets.get(order.symbol_id).filter(|market| !market.is_delisted);
        let market = market.ok_or(Code::UnknownSymbol)?;
        let is_perpetual = market.instrument.is_perpetual();
        if is_perpetual != (account.kind == AccountKind::Futures) {
            return Err(Code::Unsupported);
        }
        self.check_may_trade(source, account, order.terms.exec_inst)?;
        let gate = self.gate(market);
        check_gate(gate, order)?;
        check_combination(order, source, is_perpetual)?;
        check_prices(order)?;
        let expire_time_ns = self.expire_time_ns(order.time_in_force, order.terms.expire_time_ns)?;
        let mut limit = order.price;
        let slides = order.terms.exec_inst.has(ExecInst::SLIDE);
        let is_slid = slides && gate.has_continuous_book() && market.book.crosses(order.side, limit);
        if is_slid {
            limit = one_tick_off(market, order.side).ok_or(Code::Unsupported)?;
        }
        if is_perpetual && market.mark.is_zero() {
            return Err(Code::NotAllowedNow);
        }
        check_band(market, order.ord_type, limit, order.terms.stop_px)?;
        let worst = worst_price(market, order, limit);
        let is_reduce_only = order.terms.exec_inst.has(ExecInst::REDUCE_ONLY);
        market.instrument.check_qty(order.order_qty)?;
        if order.terms.max_floor > order.order_qty || order.terms.min_qty > order.order_qty {
            return Err(Code::SizeOffLot);
        }
        check_tranches(order.order_qty, order.terms.max_floor)?;
        if let Some(worst) = worst {
            let likely = likely_price(market, order.side, order.ord_type, worst, order.terms.stop_px);
            market.instrument.check_notional(order.order_qty, worst, likely, is_reduce_only)?;
        }
        let priced = worst.map(|worst| {
            let meets_book = gate.has_continuous_book()
                && !self.now.must_wait
                && matches!(order.ord_type, OrdType::Limit | OrdType::Market);
            market.priced(order.side, worst, order.terms.stop_px, meets_book)
        });
        let rates = self.ruleset.rates_of(order.account_id, order.symbol_id, market.instrument.listing.fee_rates());
        let per_lot = priced.map_or(Minor::ZERO, |priced| {
            self.per_lot(order.account_id, order.symbol_id, order.side, priced, is_reduce_only, rates)
        });
        let NewOrder { account_id, symbol_id, side, order_qty: qty, .. } = *order;
        let worst_px = worst.unwrap_or_default();
        let wanted = Wanted { account_id, symbol_id, side, qty, worst: worst_px, rates, per_lot, held: Minor::ZERO };
        let borrow = self.check_funds(&wanted)?;
        self.check_room(account, market, order)?;
        if is_perpetual && !is_reduce_only {
            let price = priced.unwrap_or_default().margin;
            self.check_position(order.account_id, order.symbol_id, order.side, order.order_qty, price, Lots::ZERO)?;
        }
        Ok(Admitted { gate, worst, rates, per_lot, borrow, is_slid, expire_time_ns })
    }

    /// The account a source may enter orders for.
    fn member_account(&self, source: SessionId, account_id: AccountId) -> Decision<&Account> {
        let firm_id =
            if source.is_operations() { None } else { Some(self.firm_of(source).ok_or(Code::NotAuthorised)?) };
        let account = self.accounts.get(account_id).filter(|account| account.kind.is_member());
        let account = account.ok_or(Code::UnknownAccount)?;
        if firm_id.is_some_and(|firm_id| firm_id != account.firm_id) {
            return Err(Code::NotAuthorised);
        }
        Ok(account)
    }

    /// Check that account and session are free to enter or change an order with these flags.
    pub(crate) fn check_may_trade(&self, source: SessionId, account: &Account, flags: ExecInst) -> Decision {
        let is_liquidated = account.status == AccountStatus::Suspended && flags.has(ExecInst::LIQUIDATION);
        if account.status != AccountStatus::Active && !is_liquidated {
            return Err(Code::AccountSuspended);
        }
        if self.sessions.get(source).is_some_and(|session| session.blocked != Blocked::No) {
            return Err(Code::KillSwitch);
        }
        let is_allowed = flags.has(account.margin_state.still_allowed());
        is_allowed.then_some(()).ok_or(Code::MarginRestricted)
    }

    /// What a market lets in now: the venue first, then the breaker, then the symbol's status (section 2).
    pub(crate) fn gate(&self, market: &Market) -> Gate {
        match self.venue_status {
            VenueStatus::Halt | VenueStatus::Closed => return Gate::Closed,
            VenueStatus::CancelOnly => return Gate::CancelOnly,
            VenueStatus::Open => {}
        }
        if market.breaker_until_ns != 0 {
            return Gate::Closed;
        }
        if market.auction.is_some() {
            return Gate::CancelOnly;
        }
        match market.status {
            SymbolStatus::Open => Gate::Open,
            SymbolStatus::PreOpen => Gate::PreOpen,
            SymbolStatus::PostOnly => Gate::PostOnly,
            SymbolStatus::CancelOnly => Gate::CancelOnly,
            SymbolStatus::Halt | SymbolStatus::Closed => Gate::Closed,
        }
    }

    /// When an order of this time in force expires, 0 for never.
    pub(crate) fn expire_time_ns(&self, time_in_force: TimeInForce, given: u64) -> Decision<u64> {
        match time_in_force {
            TimeInForce::Day => Ok((self.now.ts_ns / DAY_NS + 1) * DAY_NS),
            TimeInForce::GoodTillDate if given <= self.now.ts_ns => Err(Code::Stale),
            TimeInForce::GoodTillDate if given > EXPIRE_TIME_NS_MAX => Err(Code::Unsupported),
            TimeInForce::GoodTillDate => Ok(given),
            TimeInForce::GoodTillCancel | TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => Ok(0),
        }
    }

    /// Minor units an order locks for each lot (section 4).
    #[inline(always)]
    pub(crate) fn per_lot(
        &self,
        account_id: AccountId,
        symbol_id: SymbolId,
        side: Side,
        priced: Priced,
        is_reduce_only: bool,
        rates: FeeRates,
    ) -> Minor {
        let instrument = &self.markets[symbol_id].instrument;
        if !instrument.is_perpetual() {
            return instrument.reservation_per_lot(side, priced.worst, rates);
        }
        if is_reduce_only {
            return Minor::ZERO;
        }
        instrument.margin_per_lot(priced, self.leverage(account_id, symbol_id), rates)
    }

    /// Check that an account can reserve what an order wants; returns what it must borrow.
    #[inline(always)]
    pub(crate) fn check_funds(&self, wanted: &Wanted) -> Decision<Minor> {
        let Wanted { account_id, side, qty, per_lot, held, .. } = *wanted;
        let instrument = &self.markets[wanted.symbol_id].instrument;
        let (asset_id, needed) = (instrument.reserved_asset(side), per_lot.times(qty));
        if needed.is_zero() {
            return Ok(Minor::ZERO);
        }
        let missing = needed - held - self.free_cash(account_id, asset_id);
        if missing <= Minor::ZERO {
            return Ok(Minor::ZERO);
        }
        if self.accounts[account_id].kind != AccountKind::Margin {
            return Err(Code::InsufficientBalance);
        }
        let exchanged = instrument.exchanged(side, wanted.worst, qty, wanted.rates);
        self.check_loan(account_id, asset_id, missing, &exchanged)?;
        Ok(missing)
    }

    /// Tell whether one more order of an account may rest in the symbol (ORD-22).
    fn may_open(&self, account: &Account, order: &NewOrder<'_>) -> bool {
        let most = |parameter: Parameter| self.ruleset.of(parameter, order.account_id.number());
        i64::from(account.open_orders) < most(Parameter::OpenOrdersPerAccountMax)
            && i64::from(account.open_in_symbol(order.symbol_id)) < most(Parameter::OpenOrdersPerSymbolMax)
    }

    /// Check the counts of open orders (ORD-22).
    fn check_room(&self, account: &Account, market: &Market, order: &NewOrder<'_>) -> Decision {
        let may_be_open = order.time_in_force.may_rest() || self.now.must_wait;
        let is_full = may_be_open && !self.may_open(account, order)
            || order.ord_type == OrdType::Pegged && !market.may_peg(order.account_id, account.firm_id);
        if is_full {
            return Err(Code::ExceedsLimit);
        }
        Ok(())
    }

    /// Enter an admitted order into the register, lock its reservation, and tell it; returns its slot.
    fn accept(&mut self, source: SessionId, key: u64, order: &NewOrder<'_>, admitted: &Admitted) -> Slot {
        let NewOrder { account_id, symbol_id, side, order_qty, ref cl_ord_id, terms: ref asked, .. } = *order;
        let order_id = OrderId::new(self.now.seq);
        let (reserved, asset_id) = self.reservation(order, admitted);
        if admitted.borrow > Minor::ZERO {
            self.borrow(account_id, asset_id, admitted.borrow);
        }
        self.accounts[account_id].reserve(asset_id, reserved);
        let is_reduce_only = asked.exec_inst.has(ExecInst::REDUCE_ONLY);
        if self.markets[symbol_id].instrument.is_perpetual() && !is_reduce_only {
            let leverage = self.leverage(account_id, symbol_id);
            self.accounts[account_id].open_position(symbol_id, leverage);
        }
        let entry = self.orders.add(Order::new(order_id, account_id, symbol_id, side, OrderState::Pending));
        self.orders.name(key, source, entry, cl_ord_id);
        let stp = if asked.stp == SelfTrade::Default { SelfTrade::Aggressive } else { asked.stp };
        let open = OpenOrder {
            rates: admitted.rates,
            per_lot: admitted.per_lot,
            order_id,
            priority: self.now.seq,
            order_qty,
            leaves: order_qty,
            display: order_qty,
            limit: admitted.worst.unwrap_or_default(),
            price: admitted.worst.unwrap_or_default(),
            entry,
            account_id,
            symbol_id,
            source,
            level: LevelSlot::NIL,
            previous: Slot::NIL,
            next: Slot::NIL,
            account_previous: Slot::NIL,
            account_next: Slot::NIL,
            terms: TermsSlot::NIL,
            side,
            ord_type: order.ord_type,
            time_in_force: order.time_in_force,
            exec_inst: asked.exec_inst,
            stp,
            is_listed: false,
            hand: Hand::No,
        };
        let slot = self.open.insert(open, kept_terms(order.ord_type, asked, admitted.expire_time_ns));
        self.open[slot].display = self.open.full_display(slot);
        self.orders.set_slot(entry, slot);
        self.records.tell(&OrderAccepted { order_id, reserved });
        slot
    }

    fn reservation(&self, order: &NewOrder<'_>, admitted: &Admitted) -> (Minor, AssetId) {
        let asset_id = self.markets[order.symbol_id].instrument.reserved_asset(order.side);
        (admitted.per_lot.times(order.order_qty), asset_id)
    }

    /// Send an accepted order on its way (section 3, after acceptance).
    fn enter(&mut self, slot: Slot, order: &NewOrder<'_>, admitted: &Admitted) {
        if admitted.worst.is_none() {
            return self.expire(slot, Code::NoLiquidity);
        }
        if admitted.is_slid {
            self.tell_slide(slot);
        }
        if order.ord_type.is_stop() {
            return self.wait_or_elect(slot);
        }
        if self.open[slot].is_reduce_only() && !self.clip(slot) {
            return;
        }
        if order.ord_type == OrdType::Pegged {
            return self.wait_for_price(slot);
        }
        if admitted.gate == Gate::PreOpen {
            return self.rest(slot);
        }
        let must_wait = self.now.must_wait;
        self.meet_book_in_turn(slot, must_wait);
    }

    /// Match an order up to its price; what is left rests there or expires, or waits for more steps.
    pub(crate) fn trade_then_rest(&mut self, slot: Slot) {
        match self.take(slot) {
            Stop::Closed => {}
            Stop::Filled => self.finish(slot, OrderState::Filled),
            Stop::OwnOrder => self.cancel(slot, Code::SelfTrade),
            Stop::CannotPay => self.cancel(slot, Code::InsufficientBalance),
            Stop::StepsUsedUp => self.take_in_hand(slot, true),
            Stop::NothingCrosses if self.open[slot].rests() => self.rest(slot),
            Stop::NothingCrosses => self.expire(slot, Code::IocRemainder),
        }
    }

    /// Put an order into the book behind all others of its price.
    pub(crate) fn rest(&mut self, slot: Slot) {
        let is_reduce_only = self.open[slot].is_reduce_only();
        if is_reduce_only && !self.clip_to_room(slot) {
            return;
        }
        self.open[slot].display = self.open.full_display(slot);
        let symbol_id = self.open[slot].symbol_id;
        let market = &mut self.markets[symbol_id];
        market.book.rest(&mut self.open, slot);
        if market.has_pegs() {
            self.touch(symbol_id);
        }
        if is_reduce_only {
            self.join_reducers(slot);
        }
        self.list(slot);
        if self.open[slot].hand == Hand::Turn {
            self.open[slot].hand = Hand::No;
            self.tell_restated(slot, RestateReason::Turn, Minor::ZERO);
        }
    }

    pub(crate) fn tell_slide(&mut self, slot: Slot) {
        let order = &self.open[slot];
        self.records.tell(&OrderRestated {
            order_id: order.order_id,
            reason: RestateReason::Slide,
            order_qty: order.order_qty,
            leaves: order.leaves,
            price: order.limit,
            display: order.display,
            released: Minor::ZERO,
        });
    }
}

/// Check that an iceberg does not show itself too often.
pub fn check_tranches(order_qty: Lots, max_floor: Lots) -> Decision {
    let most = Lots::new(max_floor.number().saturating_mul(TRANCHES_PER_ORDER_MAX));
    if !most.is_zero() && most < order_qty {
        return Err(Code::ExceedsLimit);
    }
    Ok(())
}

/// Check that the market takes this order in its state (section 2).
fn check_gate(gate: Gate, order: &NewOrder<'_>) -> Decision {
    let is_taken = match gate {
        Gate::Open => true,
        Gate::PreOpen => order.time_in_force.may_rest() && order.ord_type != OrdType::Market,
        Gate::PostOnly => order.ord_type == OrdType::Limit && order.terms.exec_inst.has(ExecInst::POST_ONLY),
        Gate::CancelOnly => false,
        Gate::Closed => return Err(Code::SymbolClosed),
    };
    is_taken.then_some(()).ok_or(Code::NotAllowedNow)
}

/// Check that the terms of an order go together (the table of section 3).
fn check_combination(order: &NewOrder<'_>, source: SessionId, is_perpetual: bool) -> Decision {
    let NewTerms { stop_px, max_floor, min_qty, expire_time_ns, peg_offset, exec_inst: flags, trigger, peg, .. } =
        order.terms;
    let has = |flag: ExecInst| flags.has(flag);
    let is_limit = order.ord_type == OrdType::Limit;
    let rests = order.time_in_force.may_rest();
    let is_ioc = order.time_in_force == TimeInForce::ImmediateOrCancel;
    let fits_type = match order.ord_type {
        OrdType::Market => !rests && order.price.is_zero(),
        OrdType::Limit => true,
        OrdType::Stop => rests && order.price.is_zero(),
        OrdType::StopLimit | OrdType::Pegged => rests,
    };
    let may_be_marketable = matches!(order.ord_type, OrdType::Market | OrdType::Limit);
    let fits = fits_type
        && (order.ord_type.is_stop() || stop_px.is_zero() && trigger == Trigger::None)
        && (order.ord_type == OrdType::Pegged) == (peg != Peg::None)
        && (order.ord_type == OrdType::Pegged || peg_offset.is_zero())
        && peg_offset.is_offset()
        && (order.time_in_force == TimeInForce::GoodTillDate) == (expire_time_ns != 0)
        && (min_qty.is_zero() || min_qty > Lots::ZERO && is_ioc && may_be_marketable)
        && (max_floor.is_zero()
            || max_floor > Lots::ZERO && rests && (is_limit || order.ord_type == OrdType::StopLimit))
        && (!has(ExecInst::POST_ONLY) || is_limit && rests && !has(ExecInst::REDUCE_ONLY))
        && (!has(ExecInst::SLIDE) || has(ExecInst::POST_ONLY))
        && (!has(ExecInst::REDUCE_ONLY) || is_perpetual && order.ord_type != OrdType::Pegged)
        && (!has(ExecInst::LIQUIDATION) || has(ExecInst::REDUCE_ONLY) && source.is_operations() && may_be_marketable);
    fits.then_some(()).ok_or(Code::Unsupported)
}

/// Check the prices an order of its type must have.
fn check_prices(order: &NewOrder<'_>) -> Decision {
    let has_price = !matches!(order.ord_type, OrdType::Market | OrdType::Stop);
    if has_price && !order.price.is_price() || order.ord_type.is_stop() && !order.terms.stop_px.is_price() {
        return Err(Code::PriceOffTick);
    }
    Ok(())
}

/// Check a limit against the band around its reference, if it has one (step 9).
pub fn check_band(market: &Market, ord_type: OrdType, limit: Ticks, stop_px: Ticks) -> Decision {
    match ord_type {
        OrdType::Limit if !market.mark.is_zero() => market.instrument.check_band(limit, market.mark),
        OrdType::StopLimit => market.instrument.check_band(limit, stop_px),
        OrdType::Market | OrdType::Limit | OrdType::Stop | OrdType::Pegged => Ok(()),
    }
}

/// The worst price an order may trade at (section 3).
fn worst_price(market: &Market, order: &NewOrder<'_>, limit: Ticks) -> Option<Ticks> {
    let moved = |price: Ticks| market.instrument.moved_by_band(order.side, price);
    match order.ord_type {
        OrdType::Market => {
            let best = market.book.best_price(order.side.opposite());
            best.map(|best| market.collared(order.side, moved(best)))
        }
        OrdType::Stop => Some(moved(order.terms.stop_px)),
        OrdType::Limit | OrdType::StopLimit | OrdType::Pegged => Some(limit),
    }
}

/// The price by which the least worth of an order is judged: a market order's is the best it meets, a stop's its trigger,
/// a pegged order's the mark up to its cap. None of them is worth more because it might trade at a worse price.
pub fn likely_price(market: &Market, side: Side, ord_type: OrdType, worst: Ticks, stop_px: Ticks) -> Ticks {
    let mark = if market.mark.is_zero() { worst } else { market.mark };
    match (ord_type, side) {
        (OrdType::Market, _) => market.book.best_price(side.opposite()).unwrap_or(worst),
        (OrdType::Stop, _) => stop_px,
        (OrdType::Pegged, Side::Buy) => worst.min(mark),
        (OrdType::Pegged, Side::Sell) => worst.max(mark),
        (OrdType::Limit | OrdType::StopLimit, _) => worst,
    }
}

/// The limit of a post-only order that moves out of the way.
pub fn one_tick_off(market: &Market, side: Side) -> Option<Ticks> {
    let best = market.book.best_price(side.opposite())?;
    best.moved(-side.sign()).as_price()
}

/// What of an order's terms is kept while it is open.
fn kept_terms(ord_type: OrdType, asked: &NewTerms, expire_time_ns: u64) -> Terms {
    let is_unsaid = ord_type.is_stop() && asked.trigger == Trigger::None;
    let trigger = if is_unsaid { Trigger::Last } else { asked.trigger };
    Terms {
        stop_px: asked.stop_px,
        max_floor: asked.max_floor,
        min_qty: asked.min_qty,
        peg_offset: asked.peg_offset,
        taken_off: Lots::ZERO,
        expire_time_ns,
        stp_group: asked.stp_group,
        trigger,
        peg: asked.peg,
        is_triggered: false,
    }
}
