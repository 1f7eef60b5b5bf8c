//! Reading a snapshot: strictly, so that nothing is restored that could not have been written.

use std::collections::VecDeque;

use crate::accounts::account::{Account, Asset, Balance};
use crate::accounts::position::Position;
use crate::language::bytes::take;
use crate::language::codes::{
    AccountKind, AccountStatus, Code, ExecInst, InstrumentKind, MarginState, Matching, OrdType, OrderState, Parameter,
    Peg, SelfTrade, SessionKind, Side, SymbolStatus, TimeInForce, Trigger, VenueStatus, SIDES,
};
use crate::language::crc32c::Checksum;
use crate::language::frame::TS_NS_MAX;
use crate::language::ids::{AccountId, Key, OrderId, SymbolId};
use crate::language::limits::{
    ACCOUNTS_MAX, ASSET_DECIMALS_MAX, LEVERAGE_MAX, ORDER_QTY_LOTS_MAX, POSITIONS_PER_ACCOUNT_MAX, POSITION_LOTS_MAX,
    SESSIONS_MAX, STEPS_PER_COMMAND_MAX, STEPS_PER_COMMAND_MIN, SYMBOLS_MAX, WEIGHT_PPM_MAX,
};
use crate::language::listing::{Listing, Step};
use crate::language::parameters::{rule, Bracket, Brackets, Rule, RULES};
use crate::language::text::{ClOrdId, Text};
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::book::LevelSlot;
use crate::market::instrument::FeeRates;
use crate::market::open_orders::{Hand, OpenOrder, Slot, Terms, TermsSlot};
use crate::market::order_register::{Named, Order};
use crate::market::{Auction, MarkSecond, Market, Unacted, Walk};
use crate::state::exchange::{Exchange, Firm, LogEnd, Session, Withdrawal};
use crate::state::ruleset::{Change, InForce, Ruleset};
use crate::state::snapshot::{MAGIC, VERSION};

/// Largest record number an identifier carries (`engine.api.ids`).
const SEQ_MAX: u64 = (1 << 50) - 1;
/// Largest amount a sum of balances or costs can come to.
const AMOUNT_MAX: i128 = 1 << 122;

/// Why a snapshot was not restored.
type Refusal = &'static str;
type Restored<T = ()> = Result<T, Refusal>;

const SHORT: Refusal = "the snapshot is cut short";
const UNSOUND: Refusal = "the snapshot holds a value out of its bounds";

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn raw<const N: usize>(&mut self) -> Restored<[u8; N]> {
        let (head, rest) = self.rest.split_at_checked(N).ok_or(SHORT)?;
        self.rest = rest;
        Ok(take(head, 0))
    }

    fn u8(&mut self) -> Restored<u8> {
        self.raw().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Restored<u32> {
        self.raw().map(u32::from_le_bytes)
    }

    /// A number that stands for something, of whatever kind is asked for.
    fn id<K: Key>(&mut self) -> Restored<K> {
        self.u32().map(|number| K::of(number as usize))
    }

    fn order_id(&mut self) -> Restored<OrderId> {
        self.u64().map(OrderId::new)
    }

    fn u64(&mut self) -> Restored<u64> {
        self.raw().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Restored<i64> {
        self.raw().map(i64::from_le_bytes)
    }

    fn i128(&mut self) -> Restored<i128> {
        self.raw().map(i128::from_le_bytes)
    }

    fn flag(&mut self) -> Restored<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(UNSOUND),
        }
    }

    /// A price, 0 for none.
    fn price(&mut self) -> Restored<Ticks> {
        self.ticks().and_then(|price| (price.is_zero() || price.is_price()).then_some(price).ok_or(UNSOUND))
    }

    fn ticks(&mut self) -> Restored<Ticks> {
        self.i64().map(Ticks::new)
    }

    fn lots(&mut self) -> Restored<Lots> {
        self.i64().map(Lots::new)
    }

    fn amount(&mut self) -> Restored<Minor> {
        self.sum().map(Minor::new)
    }

    /// A sum that can go on.
    fn sum(&mut self) -> Restored<i128> {
        self.i128().and_then(|sum| (-AMOUNT_MAX..=AMOUNT_MAX).contains(&sum).then_some(sum).ok_or(UNSOUND))
    }

    /// A rule, its version, and the record since which it holds.
    fn since<T>(&mut self, rule: impl FnOnce(&mut Self) -> Restored<T>) -> Restored<InForce<T>> {
        Ok(InForce { rule: rule(self)?, version: self.u64()?, seq: self.u64()? })
    }

    fn brackets(&mut self) -> Restored<Brackets> {
        let mut rows = Vec::new();
        for _ in 0..self.u64()? {
            let (notional_max, leverage_max, maintenance_ppm) = (self.i64()?, self.u8()?, self.u32()?);
            rows.push(Bracket { notional_max, leverage_max, maintenance_ppm });
        }
        Brackets::new(&rows).ok_or(UNSOUND)
    }

    fn fee_rates(&mut self) -> Restored<FeeRates> {
        let rates =
            FeeRates { maker_ppm: self.raw().map(i32::from_le_bytes)?, taker_ppm: self.raw().map(i32::from_le_bytes)? };
        rates.are_bounded().then_some(rates).ok_or(UNSOUND)
    }

    fn text<const N: usize>(&mut self) -> Restored<Text<N>> {
        let length = self.u8()? as usize;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Text::new(head).ok_or(UNSOUND)
    }
}

impl Exchange {
    /// Read a state that `snapshot` wrote. The error says why it is none.
    pub fn restore(snapshot: &[u8], seed: u64, checksum: Checksum) -> Restored<Self> {
        let (body, crc) = snapshot.split_last_chunk::<4>().ok_or(SHORT)?;
        if u32::from_le_bytes(*crc) != checksum(&[], &[body]) {
            return Err("the checksum of the snapshot does not match");
        }
        let mut input = Reader { rest: body };
        if input.raw::<8>()? != *MAGIC || input.u32()? != VERSION {
            return Err("not a snapshot of this version");
        }
        let mut exchange = Self::new(seed, checksum);
        exchange.log_end = LogEnd { seq: input.u64()?, event_ts_ns: input.u64()?, crc: input.u32()? };
        exchange.orders.forgotten_ns = input.u64()?;
        if exchange.log_end.seq > SEQ_MAX || exchange.log_end.event_ts_ns > TS_NS_MAX {
            return Err(UNSOUND);
        }
        exchange.venue_status = VenueStatus::of(input.u8()?).ok_or(UNSOUND)?;
        exchange.read_work(&mut input)?;
        exchange.read_registries(&mut input)?;
        exchange.read_instruments(&mut input)?;
        exchange.check_references()?;
        exchange.read_rules(&mut input)?;
        exchange.read_orders(&mut input)?;
        exchange.read_open_orders(&mut input)?;
        exchange.find_places()?;
        exchange.check()?;
        if exchange.snapshot() == snapshot {
            Ok(exchange)
        } else {
            Err("the snapshot does not restore to its own bytes")
        }
    }

    /// Read what is left to do of mass cancels, and the steps of a record.
    fn read_work(&mut self, input: &mut Reader<'_>) -> Restored {
        (self.steps_max, self.turn) = (input.u32()?, input.id()?);
        if !(STEPS_PER_COMMAND_MIN..=STEPS_PER_COMMAND_MAX).contains(&self.steps_max)
            || self.turn.number() > SYMBOLS_MAX + 1
        {
            return Err(UNSOUND);
        }
        for _ in 0..input.u64()? {
            let seq = input.u64()?;
            let (firm_id, account_id) = (input.id()?, input.id()?);
            let (symbol_id, session_id) = (input.id()?, input.id()?);
            let (side, is_operations) = (input.u8()?, input.flag()?);
            let side = if side == 0 { None } else { Some(Side::of(side).ok_or(UNSOUND)?) };
            let code = Code::of(input.raw().map(u16::from_le_bytes)?).ok_or(UNSOUND)?;
            let (canceled, at_account, at_order) = (input.u32()?, input.id::<AccountId>()?, input.order_id()?);
            let last = self.withdrawals.last().map_or(0, |withdrawal| withdrawal.seq);
            if seq <= last || seq > self.log_end.seq || at_account.number() > ACCOUNTS_MAX + 1 {
                return Err(UNSOUND);
            }
            self.withdrawals.push(Withdrawal {
                seq,
                firm_id,
                account_id,
                symbol_id,
                session_id,
                side,
                code,
                is_operations,
                canceled,
                at_account,
                at_order,
                next: Slot::NIL,
            });
        }
        Ok(())
    }

    /// Find again where mass cancels have come to, and who has positions.
    fn find_places(&mut self) -> Restored {
        for withdrawal in &mut self.withdrawals {
            let account = self.accounts.get(withdrawal.at_account);
            if !withdrawal.at_order.is_none() {
                let mut slot = account.ok_or(UNSOUND)?.first_open;
                while slot != Slot::NIL && self.open[slot].order_id <= withdrawal.at_order {
                    slot = self.open[slot].account_previous;
                }
                withdrawal.next = slot;
            }
        }
        for (_, entry) in self.accounts.iter() {
            for position in entry.value.positions.iter().filter(|position| !position.is_empty()) {
                self.markets[position.symbol_id].holders += 1;
            }
        }
        for symbol_id in self.markets.ids() {
            self.note_mark(symbol_id);
            let market = &mut self.markets[symbol_id];
            self.delisted_with_orders += u32::from(market.is_delisted && market.open_orders > 0);
            market.book.is_as_walked = market.auction.is_some_and(|auction| auction.walk.is_some());
            if market.pegs_left as usize > market.pegs.len() {
                return Err(UNSOUND);
            }
        }
        Ok(())
    }

    fn read_registries(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (id, name) = (input.id()?, input.text()?);
            self.assets.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            let asset = Asset {
                decimals: input.u8()?,
                deposited: input.amount()?,
                weight_ppm: input.u32()?,
                lending_account_id: input.id()?,
                lent: input.amount()?,
            };
            if asset.decimals > ASSET_DECIMALS_MAX || asset.weight_ppm > WEIGHT_PPM_MAX {
                return Err(UNSOUND);
            }
            self.assets.insert(id, name, asset);
        }
        for _ in 0..input.u64()? {
            let (id, name) = (input.id()?, input.text()?);
            self.firms.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            self.firms.insert(id, name, Firm { accounts: Vec::new() });
        }
        for _ in 0..input.u64()? {
            let (id, name) = (input.id()?, input.text()?);
            self.accounts.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            let account = self.read_account(input)?;
            if account.kind.is_member() {
                self.firms.get_mut(account.firm_id).ok_or(UNSOUND)?.accounts.push(id);
            } else if !account.firm_id.is_none() {
                return Err(UNSOUND);
            }
            self.accounts.insert(id, name, account);
        }
        for _ in 0..input.u64()? {
            let (id, comp_id) = (input.id()?, input.text()?);
            self.sessions.check_vacant(id, &comp_id).map_err(|_| UNSOUND)?;
            let firm_id = input.id()?;
            self.firms.get(firm_id).ok_or(UNSOUND)?;
            let kind = SessionKind::of(input.u8()?).ok_or(UNSOUND)?;
            let is_blocked = input.flag()?;
            self.sessions.insert(id, comp_id, Session { firm_id, kind, is_blocked });
        }
        Ok(())
    }

    fn read_account(&self, input: &mut Reader<'_>) -> Restored<Account> {
        let firm_id = input.id()?;
        let mut account = Account::new(firm_id, AccountKind::of(input.u8()?).ok_or(UNSOUND)?);
        account.status = AccountStatus::of(input.u8()?).ok_or(UNSOUND)?;
        account.margin_state = MarginState::of(input.u8()?).ok_or(UNSOUND)?;
        (account.tier, account.leverage_max) = (input.u8()?, input.u8()?);
        account.position_notional_max = input.amount()?;
        if !(1..=4).contains(&account.tier) || account.leverage_max > LEVERAGE_MAX {
            return Err(UNSOUND);
        }
        for _ in 0..input.u64()? {
            let asset_id = input.id()?;
            self.assets.get(asset_id).ok_or(UNSOUND)?;
            let balance = Balance { available: input.amount()?, locked: input.amount()?, loan: input.amount()? };
            account.put(asset_id, balance);
        }
        for _ in 0..input.u64()? {
            account.positions.push(read_position(input)?);
        }
        let is_sorted = account.positions.windows(2).all(|pair| pair[0].symbol_id < pair[1].symbol_id);
        if account.positions.len() > POSITIONS_PER_ACCOUNT_MAX || !is_sorted {
            return Err(UNSOUND);
        }
        Ok(account)
    }

    fn read_instruments(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (id, symbol) = (input.id()?, input.text()?);
            self.markets.check_vacant(id, &symbol).map_err(|_| UNSOUND)?;
            let instrument = self.instrument(id, read_listing(input)?).map_err(|_| UNSOUND)?;
            let mut market = Market::new(instrument);
            read_market(input, &mut market)?;
            if market.breaker_until_ns != 0 {
                self.breakers.insert((market.breaker_until_ns, id));
            }
            self.markets.insert(id, symbol, market);
            self.touch(id);
        }
        Ok(())
    }

    /// Check that lending accounts and positions name what exists.
    fn check_references(&self) -> Restored {
        let is_lender =
            |id: AccountId| id.is_none() || self.accounts.get(id).is_some_and(|a| a.kind == AccountKind::System);
        let lenders = self.assets.iter().all(|(_, entry)| is_lender(entry.value.lending_account_id));
        let is_perpetual = |id: SymbolId| self.markets.get(id).is_some_and(|market| market.instrument.is_perpetual());
        let mut positions = self.accounts.iter().flat_map(|(_, entry)| &entry.value.positions);
        let known = positions.all(|position| is_perpetual(position.symbol_id));
        (lenders && known).then_some(()).ok_or(UNSOUND)
    }

    fn read_rules(&mut self, input: &mut Reader<'_>) -> Restored {
        let mut rules = Ruleset::new();
        rules.version = input.u64()?;
        if input.u64()? != RULES.len() as u64 {
            return Err(UNSOUND);
        }
        for value in &mut rules.venue_wide {
            *value = input.since(Reader::i64)?;
        }
        for _ in 0..input.u64()? {
            let parameter = Parameter::of(input.u8()?).ok_or(UNSOUND)?;
            rules.own.insert((parameter, input.u32()?), input.since(Reader::i64)?);
        }
        for at in 0..input.u64()? {
            let symbol_id = input.id()?;
            let brackets = input.since(Reader::brackets)?;
            if at == 0 {
                rules.brackets = brackets;
            } else {
                rules.own_brackets.insert(symbol_id, brackets);
            }
        }
        for _ in 0..input.u64()? {
            let subject = (input.id()?, input.id()?);
            rules.fee_rates.insert(subject, input.since(Reader::fee_rates)?);
        }
        for _ in 0..input.u64()? {
            let version = input.u64()?;
            let length = usize::try_from(input.u64()?).map_err(|_| UNSOUND)?;
            let (raw, rest) = input.rest.split_at_checked(length).ok_or(SHORT)?;
            input.rest = rest;
            let effective_ns = Change::read(raw).ok_or(UNSOUND)?.effective_ns();
            rules.scheduled.insert((effective_ns, version), raw.to_vec());
        }
        let is_within = |rule: &Rule, value: i64| (rule.least..=rule.most).contains(&value);
        let venue_wide = RULES.iter().zip(&rules.venue_wide).all(|(rule, value)| is_within(rule, value.rule));
        let mut own = rules.own.iter();
        if !venue_wide || !own.all(|((parameter, _), value)| is_within(rule(*parameter), value.rule)) {
            return Err(UNSOUND);
        }
        self.ruleset = rules;
        Ok(())
    }

    fn read_orders(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            self.deposit_refs.add(input.text()?);
        }
        let mut last = OrderId::NONE;
        for _ in 0..input.u64()? {
            let (order_id, account_id, symbol_id) = (input.order_id()?, input.id()?, input.id()?);
            let side = Side::of(input.u8()?).ok_or(UNSOUND)?;
            let state = OrderState::of(input.u8()?).ok_or(UNSOUND)?;
            let is_known = self.accounts.get(account_id).is_some() && self.markets.get(symbol_id).is_some();
            if !is_known || order_id <= last || order_id.number() > self.log_end.seq {
                return Err(UNSOUND);
            }
            self.orders.add(Order::new(order_id, account_id, symbol_id, side, state));
            last = order_id;
        }
        for _ in 0..input.u64()? {
            let (source, order_id) = (input.id()?, input.order_id()?);
            let (is_entered, spent_ns) = (input.flag()?, input.u64()?);
            let cl_ord_id: &ClOrdId = &input.text()?;
            let named = Named { source, order_id, is_entered, spent_ns, cl_ord_id };
            if source.number() > SESSIONS_MAX || spent_ns > self.log_end.event_ts_ns {
                return Err(UNSOUND);
            }
            self.orders.restore_name(&named).ok_or(UNSOUND)?;
        }
        Ok(())
    }

    fn read_open_orders(&mut self, input: &mut Reader<'_>) -> Restored {
        let mut slots = Vec::new();
        for symbol_id in self.markets.ids() {
            for side in [SIDES.map(Some).as_slice(), &[None]].concat() {
                self.read_slots(input, symbol_id, side, &mut slots)?;
            }
            self.read_in_hand(input, symbol_id)?;
        }
        // As they were listed: by their ids.
        slots.sort_unstable();
        for (_, slot) in slots {
            self.list(slot);
        }
        Ok(())
    }

    /// Read the orders of one side of a book, or those without a place in it.
    fn read_slots(
        &mut self,
        input: &mut Reader<'_>,
        symbol_id: SymbolId,
        side: Option<Side>,
        slots: &mut Vec<(OrderId, Slot)>,
    ) -> Restored {
        for _ in 0..input.u64()? {
            let (order, terms, traded) = self.read_open_order(input)?;
            self.orders.set_traded(order.entry, traded);
            let registered = self.orders[order.entry];
            let is_here = order.symbol_id == symbol_id && side.is_none_or(|side| side == order.side);
            if !is_here || registered.slot != Slot::NIL || side.is_some() == order.display.is_zero() {
                return Err(UNSOUND);
            }
            let is_waiting_stop = order.ord_type.is_stop() && !terms.is_triggered;
            // Without a place it waits for its trigger or its price, or it is in hand, up to a price.
            let is_in_hand = side.is_none() && !order.price.is_zero();
            let waits = is_waiting_stop || order.is_pegged();
            if side.is_none() && !is_in_hand && !waits || side.is_some() && order.price.is_zero() {
                return Err(UNSOUND);
            }
            if is_waiting_stop && (side.is_some() || is_in_hand) || !is_in_hand && !order.time_in_force.may_rest() {
                return Err(UNSOUND);
            }
            let slot = self.open.insert(order, terms);
            self.orders.set_slot(order.entry, slot);
            let market = &mut self.markets[symbol_id];
            if order.is_pegged() {
                market.add_peg(order.order_id, slot, order.account_id, self.accounts[order.account_id].firm_id);
            }
            if side.is_some() {
                market.book.rest(&mut self.open, slot);
            } else if is_waiting_stop {
                market.stops.insert(order.side, &terms, order.order_id, slot);
            }
            slots.push((order.order_id, slot));
        }
        Ok(())
    }

    /// Read the turns of the orders in hand.
    fn read_in_hand(&mut self, input: &mut Reader<'_>, symbol_id: SymbolId) -> Restored {
        for _ in 0..input.u64()? {
            let entry = self.orders.find(input.order_id()?).ok_or(UNSOUND)?;
            let slot = self.orders[entry].slot;
            let order = self.open.get(slot).ok_or(UNSOUND)?;
            let waits_for_turn =
                order.symbol_id == symbol_id && order.level == LevelSlot::NIL && !order.price.is_zero();
            if !waits_for_turn || order.hand != Hand::No {
                return Err(UNSOUND);
            }
            self.markets[symbol_id].in_hand.push_back(&mut self.open, slot);
        }
        Ok(())
    }

    fn read_open_order(&self, input: &mut Reader<'_>) -> Restored<(OpenOrder, Terms, i128)> {
        let (order_id, source) = (input.order_id()?, input.id()?);
        let entry = self.orders.find(order_id).ok_or(UNSOUND)?;
        let Order { account_id, symbol_id, side, .. } = self.orders[entry];
        let ord_type = OrdType::of(input.u8()?).ok_or(UNSOUND)?;
        let time_in_force = TimeInForce::of(input.u8()?).ok_or(UNSOUND)?;
        let flags = ExecInst::of(input.u8()?).ok_or(UNSOUND)?;
        let trigger = Trigger::of(input.u8()?).ok_or(UNSOUND)?;
        let peg = Peg::of(input.u8()?).ok_or(UNSOUND)?;
        let stp = SelfTrade::of(input.u8()?).ok_or(UNSOUND)?;
        let is_triggered = input.flag()?;
        if input.u8()? != 0 {
            return Err(UNSOUND);
        }
        let (price, limit, stop_px) = (input.price()?, input.price()?, input.price()?);
        let (order_qty, leaves, display) = (input.lots()?, input.lots()?, input.lots()?);
        let (max_floor, min_qty, peg_offset) = (input.lots()?, input.lots()?, input.ticks()?);
        let (expire_time_ns, stp_group) = (input.u64()?, input.u32()?);
        let (rates, per_lot, traded) = (input.fee_rates()?, input.amount()?, input.i128()?);
        let shown = Lots::ZERO..=if price.is_zero() { Lots::ZERO } else { leaves };
        let is_bounded = (Lots::ONE..=order_qty).contains(&leaves)
            && shown.contains(&display)
            && (0..=ORDER_QTY_LOTS_MAX).contains(&max_floor.number())
            && (0..=ORDER_QTY_LOTS_MAX).contains(&min_qty.number())
            && peg_offset.is_offset()
            && per_lot >= Minor::ZERO
            && limit > Ticks::ZERO
            && order_qty.number() <= ORDER_QTY_LOTS_MAX
            && (peg != Peg::None) == (ord_type == OrdType::Pegged)
            && self.accounts[account_id].kind.is_member();
        let kind = self.accounts[account_id].kind;
        let is_perpetual = self.markets[symbol_id].instrument.is_perpetual();
        if !is_bounded || is_perpetual != (kind == AccountKind::Futures) {
            return Err(UNSOUND);
        }
        let has_position = self.accounts[account_id].position(symbol_id).is_some();
        if is_perpetual && !has_position && !flags.has(ExecInst::REDUCE_ONLY) {
            return Err(UNSOUND);
        }
        let terms =
            Terms { stop_px, max_floor, min_qty, peg_offset, expire_time_ns, stp_group, trigger, peg, is_triggered };
        let order = OpenOrder {
            rates,
            per_lot,
            order_id,
            order_qty,
            leaves,
            display,
            limit,
            price,
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
            ord_type,
            time_in_force,
            exec_inst: flags,
            stp,
            is_listed: false,
            hand: Hand::No,
        };
        Ok((order, terms, traded))
    }
}

fn read_position(input: &mut Reader<'_>) -> Restored<Position> {
    let symbol_id = input.id()?;
    let leverage = input.u8()?;
    let is_isolated = input.flag()?;
    let size = input.lots()?;
    let (cost, margin, extra, debt) = (input.amount()?, input.amount()?, input.amount()?, input.amount()?);
    let is_bounded = (1..=LEVERAGE_MAX).contains(&leverage)
        && size.wide().abs() <= POSITION_LOTS_MAX
        && cost.signum() == i128::from(size.signum())
        && margin >= Minor::ZERO
        && extra >= Minor::ZERO
        && debt >= Minor::ZERO;
    if !is_bounded {
        return Err(UNSOUND);
    }
    let position = Position::new(symbol_id, leverage);
    Ok(Position { is_isolated, size, cost, margin, extra, debt, ..position })
}

fn read_market(input: &mut Reader<'_>, market: &mut Market) -> Restored {
    market.status = SymbolStatus::of(input.u8()?).ok_or(UNSOUND)?;
    market.is_delisted = input.flag()?;
    (market.mark, market.last_px) = (input.price()?, input.price()?);
    market.unacted_last = Unacted { low: input.price()?, high: input.price()? };
    market.unacted_mark = Unacted { low: input.price()?, high: input.price()? };
    market.breaker_until_ns = input.u64()?;
    let mut window = VecDeque::new();
    for _ in 0..input.u64()? {
        window.push_back(MarkSecond { second: input.u64()?, low: input.price()?, high: input.price()? });
    }
    let is_sorted = window.iter().zip(window.iter().skip(1)).all(|(one, next)| one.second < next.second);
    if !is_sorted
        || window.len() > rule(Parameter::BreakerWindowS).most as usize + 1
        || window.iter().any(|marks| marks.low.is_zero())
    {
        return Err(UNSOUND);
    }
    market.window = window;
    read_market_work(input, market)
}

/// Read what is left to do in a market.
fn read_market_work(input: &mut Reader<'_>, market: &mut Market) -> Restored {
    market.peg_references = (input.price()?, input.price()?);
    (market.peg_next, market.pegs_left) = (input.order_id()?, input.u32()?);
    let (target, price) = (input.u8()?, input.price()?);
    let (bid, ask, last_bid, last_ask) = (input.price()?, input.price()?, input.price()?, input.price()?);
    let (volume, bid_lots, ask_lots) = (input.sum()?, input.sum()?, input.sum()?);
    if volume < 0 || bid_lots < 0 || ask_lots < 0 {
        return Err(UNSOUND);
    }
    if target != 0 {
        let target = SymbolStatus::of(target).ok_or(UNSOUND)?;
        let walk = Walk { volume, bid, ask, bid_lots, ask_lots, last_bid, last_ask };
        let walk = (!bid.is_zero() || !last_bid.is_zero()).then_some(walk);
        market.auction = Some(Auction { target, price, walk });
    }
    Ok(())
}

fn read_listing(input: &mut Reader<'_>) -> Restored<Listing> {
    let kind = InstrumentKind::of(input.u8()?).ok_or(UNSOUND)?;
    let matching = Matching::of(input.u8()?).ok_or(UNSOUND)?;
    let (max_leverage, pnl_account_id) = (input.u8()?, input.id()?);
    let (base_asset_id, quote_asset_id) = (input.id()?, input.id()?);
    let (tick_decimals, lot_decimals) = (input.u8()?, input.u8()?);
    Ok(Listing {
        kind,
        matching,
        max_leverage,
        pnl_account_id,
        base_asset_id,
        quote_asset_id,
        tick: Step { mantissa: input.i64()?, decimals: tick_decimals },
        lot: Step { mantissa: input.i64()?, decimals: lot_decimals },
        min_qty: input.lots()?,
        max_qty: input.lots()?,
        min_notional: input.amount()?,
        max_notional: input.amount()?,
        maker_ppm: input.raw().map(i32::from_le_bytes)?,
        taker_ppm: input.raw().map(i32::from_le_bytes)?,
        band_ppm: input.u32()?,
        fee_account_id: input.id()?,
    })
}
