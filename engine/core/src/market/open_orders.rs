//! Every open order, of all symbols: in a book, or waiting for its trigger or its price.

use crate::language::codes::{ExecInst, OrdType, Peg, SelfTrade, Side, TimeInForce, Trigger};
use crate::language::ids::{keys, kinds, AccountId, Key, OrderId, SessionId, SymbolId};
use crate::language::processor::{prefetch_all, Prefetch};
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::book::LevelSlot;
use crate::market::instrument::FeeRates;
use crate::market::order_register::Entry;
use crate::store::slab::{Slab, NIL};

/// Whether an order waits for its turn to be matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hand {
    No,
    /// It stands among the orders in hand.
    Waits,
    /// It was taken out to be matched, and nothing else was told of it since.
    Turn,
    /// Its account is suspended: it stands outside the market.
    Outside,
}

kinds! {
    /// Where an open order is kept; another order has it afterwards.
    Slot(u32)
    /// Where the terms of an open order are kept.
    TermsSlot(u32)
}

keys! { Slot TermsSlot }

impl Slot {
    pub const NIL: Self = Self::new(NIL);

    /// Walk on, unless this is no slot.
    pub fn present(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
}

impl TermsSlot {
    pub const NIL: Self = Self::new(NIL);
}

/// An order while it is open, and while it looks for makers.
#[derive(Clone, Copy)]
pub struct OpenOrder {
    /// What it pays, as it was accepted.
    pub rates: FeeRates,
    /// Minor units locked per lot of leaves.
    pub per_lot: Minor,
    pub order_id: OrderId,
    /// The record in which it was accepted, elected, or last lost its place by a replace: the lower goes first.
    pub priority: u64,
    pub order_qty: Lots,
    pub leaves: Lots,
    /// What it shows in the book; never more than leaves.
    pub display: Lots,
    /// Limit, cap of a pegged order, or worst price of a stop, in ticks.
    pub limit: Ticks,
    /// The price it stands at in the book, or up to which it takes.
    pub price: Ticks,
    /// Its entry in the order register.
    pub entry: Entry,
    pub account_id: AccountId,
    pub symbol_id: SymbolId,
    /// The session that entered it.
    pub source: SessionId,
    /// Its level, `NIL` while it has no place in the book.
    pub level: LevelSlot,
    /// Neighbours at its level, or among the orders in hand.
    pub previous: Slot,
    pub next: Slot,
    /// Neighbours among the open orders of its account.
    pub account_previous: Slot,
    pub account_next: Slot,
    /// Its slot among the terms, `NIL` when it has none.
    pub terms: TermsSlot,
    pub side: Side,
    pub ord_type: OrdType,
    pub time_in_force: TimeInForce,
    pub exec_inst: ExecInst,
    pub stp: SelfTrade,
    /// It rests or waits: it counts as open, and is found by account and expiry.
    pub is_listed: bool,
    pub hand: Hand,
}

impl OpenOrder {
    /// Tell whether what is left after matching stays in the book.
    pub fn rests(&self) -> bool {
        self.time_in_force.may_rest() && self.ord_type != OrdType::Stop
    }

    pub fn is_pegged(&self) -> bool {
        self.ord_type == OrdType::Pegged
    }

    pub fn is_reduce_only(&self) -> bool {
        self.exec_inst.has(ExecInst::REDUCE_ONLY)
    }

    /// Where it stands in time: of two that one record elected or brought back, the one entered first goes first.
    pub fn place(&self) -> (u64, OrderId) {
        (self.priority, self.order_id)
    }

    /// Tell whether its price is one that pegged orders follow.
    pub fn leads(&self) -> bool {
        !self.is_pegged() && !self.is_reduce_only()
    }

    pub fn is_post_only(&self) -> bool {
        self.exec_inst.has(ExecInst::POST_ONLY)
    }

    pub fn filled(&self) -> Lots {
        self.order_qty - self.leaves
    }

    pub fn reserved(&self) -> Minor {
        self.per_lot.times(self.leaves)
    }

    /// The orders whose links change when it leaves its place, or when it ends.
    pub fn neighbors(&self, ends: bool) -> [Slot; 4] {
        let [before, after] = if ends { [self.account_previous, self.account_next] } else { [Slot::NIL; 2] };
        [self.previous, self.next, before, after]
    }
}

/// What few orders have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    pub stop_px: Ticks,
    /// Displayed quantity of an iceberg, else 0.
    pub max_floor: Lots,
    /// What must be filled at once, until that has been decided.
    pub min_qty: Lots,
    pub peg_offset: Ticks,
    /// What the engine took off its quantity, which a replace under way may not know.
    pub taken_off: Lots,
    /// Nanoseconds since 1970, 0 for never.
    pub expire_time_ns: u64,
    pub stp_group: u32,
    pub trigger: Trigger,
    pub peg: Peg,
    pub is_triggered: bool,
}

pub static PLAIN: Terms = Terms {
    stop_px: Ticks::ZERO,
    max_floor: Lots::ZERO,
    min_qty: Lots::ZERO,
    peg_offset: Ticks::ZERO,
    taken_off: Lots::ZERO,
    expire_time_ns: 0,
    stp_group: 0,
    trigger: Trigger::None,
    peg: Peg::None,
    is_triggered: false,
};

/// The slab of open orders, and that of their terms.
pub struct OpenOrders {
    orders: Slab<Slot, OpenOrder>,
    terms: Slab<TermsSlot, Terms>,
}

impl OpenOrders {
    pub fn new() -> Self {
        Self { orders: Slab::new(), terms: Slab::new() }
    }

    pub fn len(&self) -> usize {
        self.orders.len()
    }

    pub fn insert(&mut self, order: OpenOrder, terms: Terms) -> Slot {
        let terms = if terms == PLAIN { TermsSlot::NIL } else { self.terms.insert(terms) };
        self.orders.insert(OpenOrder { terms, ..order })
    }

    pub fn remove(&mut self, slot: Slot) {
        let order = &mut self.orders[slot];
        order.order_id = OrderId::NONE;
        if order.terms != TermsSlot::NIL {
            self.terms.remove(order.terms);
        }
        self.orders.remove(slot);
    }

    pub fn terms(&self, slot: Slot) -> &Terms {
        match self.orders[slot].terms {
            TermsSlot::NIL => &PLAIN,
            terms => &self.terms[terms],
        }
    }

    pub fn set_terms(&mut self, slot: Slot, changed: Terms) {
        let terms = self.orders[slot].terms;
        match (terms == TermsSlot::NIL, changed == PLAIN) {
            (true, true) => {}
            (true, false) => self.orders[slot].terms = self.terms.insert(changed),
            (false, true) => {
                self.terms.remove(terms);
                self.orders[slot].terms = TermsSlot::NIL;
            }
            (false, false) => self.terms[terms] = changed,
        }
    }

    /// Bring an order into the cache; nothing for `NIL`.
    pub fn prefetch(&self, slot: Slot, prefetch: Prefetch) {
        if let Some(order) = self.get(slot) {
            prefetch_all(prefetch, order);
        }
    }

    /// The order in a slot; none for `NIL`.
    pub fn get(&self, slot: Slot) -> Option<&OpenOrder> {
        (slot != Slot::NIL).then(|| &self.orders[slot])
    }

    /// What an order of these leaves shows.
    pub fn full_display(&self, slot: Slot) -> Lots {
        let leaves = self.orders[slot].leaves;
        match self.terms(slot).max_floor {
            Lots::ZERO => leaves,
            max_floor => max_floor.min(leaves),
        }
    }

    /// Tell whether an order waits for its trigger.
    pub fn is_waiting_stop(&self, slot: Slot) -> bool {
        self.orders[slot].ord_type.is_stop() && !self.terms(slot).is_triggered
    }
}

impl std::ops::Index<Slot> for OpenOrders {
    type Output = OpenOrder;

    fn index(&self, slot: Slot) -> &OpenOrder {
        &self.orders[slot]
    }
}

impl std::ops::IndexMut<Slot> for OpenOrders {
    fn index_mut(&mut self, slot: Slot) -> &mut OpenOrder {
        &mut self.orders[slot]
    }
}
