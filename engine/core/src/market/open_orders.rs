//! Every open order, of all symbols: in a book, or waiting for its trigger or its price.

use crate::language::amount::times;
use crate::language::codes::{ExecInst, OrdType, Peg, SelfTrade, Side, TimeInForce, Trigger};
use crate::store::slab::{Slab, NIL};

/// Whether an order waits for its turn to be matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hand {
    No,
    /// It stands among the orders in hand.
    Waits,
    /// It was taken out to be matched, and nothing else was told of it since.
    Turn,
}

/// An order while it is open, and while it looks for makers.
#[derive(Clone, Copy)]
pub struct OpenOrder {
    /// Minor units locked per lot of leaves.
    pub per_lot: i128,
    pub order_id: u64,
    pub order_qty: i64,
    pub leaves: i64,
    /// What it shows in the book; never more than leaves.
    pub display: i64,
    /// Limit, cap of a pegged order, or worst price of a stop, in ticks.
    pub limit: i64,
    /// The price it stands at in the book, or up to which it takes.
    pub price: i64,
    /// Its entry in the order register.
    pub entry: u32,
    pub account_id: u32,
    pub symbol_id: u32,
    /// The session that entered it.
    pub source: u32,
    /// Its level, `NIL` while it has no place in the book.
    pub level: u32,
    /// Neighbours at its level, or among the orders in hand.
    pub previous: u32,
    pub next: u32,
    /// Neighbours among the open orders of its account.
    pub account_previous: u32,
    pub account_next: u32,
    /// Its slot among the terms, `NIL` when it has none.
    pub terms: u32,
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

    pub fn is_post_only(&self) -> bool {
        self.exec_inst.has(ExecInst::POST_ONLY)
    }

    pub fn filled(&self) -> i64 {
        self.order_qty - self.leaves
    }

    pub fn reserved(&self) -> i128 {
        times(self.per_lot, self.leaves)
    }

    /// The orders whose links change when it leaves its place, or when it ends.
    pub fn neighbors(&self, ends: bool) -> [u32; 4] {
        let [before, after] = if ends { [self.account_previous, self.account_next] } else { [NIL; 2] };
        [self.previous, self.next, before, after]
    }

    /// Read both ends of it.
    pub fn warm(&self) -> u32 {
        self.order_id as u32 ^ self.account_next
    }
}

/// What few orders have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    pub stop_px: i64,
    /// Displayed quantity of an iceberg, else 0.
    pub max_floor: i64,
    /// What must be filled at once, until that has been decided.
    pub min_qty: i64,
    pub peg_offset: i64,
    /// Nanoseconds since 1970, 0 for never.
    pub expire_time_ns: u64,
    pub stp_group: u32,
    pub trigger: Trigger,
    pub peg: Peg,
    pub is_triggered: bool,
}

pub static PLAIN: Terms = Terms {
    stop_px: 0,
    max_floor: 0,
    min_qty: 0,
    peg_offset: 0,
    expire_time_ns: 0,
    stp_group: 0,
    trigger: Trigger::None,
    peg: Peg::None,
    is_triggered: false,
};

/// The slab of open orders, and that of their terms.
pub struct OpenOrders {
    orders: Slab<OpenOrder>,
    terms: Slab<Terms>,
}

impl OpenOrders {
    pub fn new() -> Self {
        Self { orders: Slab::new(), terms: Slab::new() }
    }

    pub fn len(&self) -> usize {
        self.orders.len()
    }

    pub fn insert(&mut self, order: OpenOrder, terms: Terms) -> u32 {
        let terms = if terms == PLAIN { NIL } else { self.terms.insert(terms) };
        self.orders.insert(OpenOrder { terms, ..order })
    }

    pub fn remove(&mut self, slot: u32) {
        let order = &mut self.orders[slot];
        order.order_id = 0;
        if order.terms != NIL {
            self.terms.remove(order.terms);
        }
        self.orders.remove(slot);
    }

    pub fn terms(&self, slot: u32) -> &Terms {
        match self.orders[slot].terms {
            NIL => &PLAIN,
            terms => &self.terms[terms],
        }
    }

    pub fn set_terms(&mut self, slot: u32, changed: Terms) {
        let terms = self.orders[slot].terms;
        match (terms == NIL, changed == PLAIN) {
            (true, true) => {}
            (true, false) => self.orders[slot].terms = self.terms.insert(changed),
            (false, true) => {
                self.terms.remove(terms);
                self.orders[slot].terms = NIL;
            }
            (false, false) => self.terms[terms] = changed,
        }
    }

    /// The order in a slot; none for `NIL`.
    pub fn get(&self, slot: u32) -> Option<&OpenOrder> {
        (slot != NIL).then(|| &self.orders[slot])
    }

    /// What an order of these leaves shows.
    pub fn full_display(&self, slot: u32) -> i64 {
        let leaves = self.orders[slot].leaves;
        match self.terms(slot).max_floor {
            0 => leaves,
            max_floor => max_floor.min(leaves),
        }
    }

    /// Tell whether an order waits for its trigger.
    pub fn is_waiting_stop(&self, slot: u32) -> bool {
        self.orders[slot].ord_type.is_stop() && !self.terms(slot).is_triggered
    }
}

impl std::ops::Index<u32> for OpenOrders {
    type Output = OpenOrder;

    fn index(&self, slot: u32) -> &OpenOrder {
        &self.orders[slot]
    }
}

impl std::ops::IndexMut<u32> for OpenOrders {
    fn index_mut(&mut self, slot: u32) -> &mut OpenOrder {
        &mut self.orders[slot]
    }
}
