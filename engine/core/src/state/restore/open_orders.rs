//! Reading orders, the `ClOrdIDs` that name them, and the places of those that are open.

use crate::language::codes::{
    AccountKind, ExecInst, OrdType, OrderState, Peg, SelfTrade, Side, TimeInForce, Trigger, SIDES,
};
use crate::language::ids::{OrderId, SymbolId};
use crate::language::limits::{ORDER_QTY_LOTS_MAX, SESSIONS_MAX};
use crate::language::text::ClOrdId;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::book::LevelSlot;
use crate::market::namings::Named;
use crate::market::open_orders::{Hand, OpenOrder, Slot, Terms, TermsSlot};
use crate::market::order_register::Order;
use crate::state::exchange::Exchange;
use crate::state::restore::reader::{Reader, Restored, UNSOUND};

impl Exchange {
    pub(super) fn read_orders(&mut self, input: &mut Reader<'_>) -> Restored {
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
            let cl_ord_id: ClOrdId = input.text()?;
            let named = Named { source, order_id, is_entered, spent_ns, cl_ord_id: cl_ord_id.as_bytes() };
            if source.number() > SESSIONS_MAX || spent_ns > self.log_end.event_ts_ns {
                return Err(UNSOUND);
            }
            self.orders.restore_name(&named).ok_or(UNSOUND)?;
        }
        Ok(())
    }

    pub(super) fn read_open_orders(&mut self, input: &mut Reader<'_>) -> Restored {
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
            let is_outside = order.hand == Hand::Outside;
            let is_in_hand = side.is_none() && !order.price.is_zero() && !is_outside;
            let waits = is_waiting_stop || order.is_pegged() || is_outside;
            if is_outside && (side.is_some() || order.is_pegged() && !order.price.is_zero()) {
                return Err(UNSOUND);
            }
            if side.is_none() && !is_in_hand && !waits || side.is_some() && order.price.is_zero() {
                return Err(UNSOUND);
            }
            if is_waiting_stop && (side.is_some() || is_in_hand)
                || !is_in_hand && !is_outside && !order.time_in_force.may_rest()
            {
                return Err(UNSOUND);
            }
            let slot = self.open.insert(order, terms);
            self.orders.set_slot(order.entry, slot);
            let market = &mut self.markets[symbol_id];
            if order.is_pegged() {
                market.add_peg(order.place(), slot, order.account_id, self.accounts[order.account_id].firm_id);
            }
            if side.is_some() {
                market.book.rest(&mut self.open, slot);
                if order.is_reduce_only() {
                    self.accounts[order.account_id].position(symbol_id).ok_or(UNSOUND)?;
                    self.join_reducers(slot);
                }
            } else if is_outside {
                if !order.is_pegged() {
                    market.outside.insert(order.order_id, slot);
                }
            } else if is_waiting_stop {
                market.stops.insert(order.side, &terms, order.place(), slot);
            }
            slots.push((order.order_id, slot));
        }
        Ok(())
    }

    /// Read the turns of the orders in hand.
    fn read_in_hand(&mut self, input: &mut Reader<'_>, symbol_id: SymbolId) -> Restored {
        let has_begun = input.flag()?;
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
        let in_hand = &mut self.markets[symbol_id].in_hand;
        in_hand.has_begun = has_begun;
        (!has_begun || !in_hand.is_empty()).then_some(()).ok_or(UNSOUND)
    }

    fn read_open_order(&self, input: &mut Reader<'_>) -> Restored<(OpenOrder, Terms, i128)> {
        let (order_id, priority, source) = (input.order_id()?, input.u64()?, input.id()?);
        let entry = self.orders.find(order_id).ok_or(UNSOUND)?;
        let Order { account_id, symbol_id, side, .. } = self.orders[entry];
        let ord_type = OrdType::of(input.u8()?).ok_or(UNSOUND)?;
        let time_in_force = TimeInForce::of(input.u8()?).ok_or(UNSOUND)?;
        let flags = ExecInst::of(input.u8()?).ok_or(UNSOUND)?;
        let trigger = Trigger::of(input.u8()?).ok_or(UNSOUND)?;
        let peg = Peg::of(input.u8()?).ok_or(UNSOUND)?;
        let stp = SelfTrade::of(input.u8()?).ok_or(UNSOUND)?;
        let is_triggered = input.flag()?;
        let is_outside = input.flag()?;
        let (price, limit, stop_px) = (input.price()?, input.price()?, input.price()?);
        let (order_qty, leaves, display) = (input.lots()?, input.lots()?, input.lots()?);
        let (max_floor, min_qty, peg_offset) = (input.lots()?, input.lots()?, input.ticks()?);
        let (taken_off, expire_time_ns, stp_group) = (input.lots()?, input.u64()?, input.u32()?);
        let (rates, per_lot, traded) = (input.fee_rates()?, input.amount()?, input.i128()?);
        let shown = Lots::ZERO..=if price.is_zero() { Lots::ZERO } else { leaves };
        let is_bounded = (Lots::ONE..=order_qty).contains(&leaves)
            && shown.contains(&display)
            && (0..=ORDER_QTY_LOTS_MAX).contains(&max_floor.number())
            && (0..=ORDER_QTY_LOTS_MAX).contains(&min_qty.number())
            && peg_offset.is_offset()
            && (0..=ORDER_QTY_LOTS_MAX).contains(&taken_off.number())
            && (order_id.number()..=self.log_end.seq).contains(&priority)
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
        let terms = Terms {
            stop_px,
            max_floor,
            min_qty,
            peg_offset,
            taken_off,
            expire_time_ns,
            stp_group,
            trigger,
            peg,
            is_triggered,
        };
        let order = OpenOrder {
            rates,
            per_lot,
            order_id,
            priority,
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
            hand: if is_outside { Hand::Outside } else { Hand::No },
        };
        Ok((order, terms, traded))
    }
}
