//! The register of every order ever accepted, open or closed, and of the `ClOrdIDs` that name them.
//!
//! Closed orders stay: a repeated `ClOrdID` and a late cancel must still be answered with the order they meant.

use crate::language::codes::{OrderState, Side};
use crate::language::text::ClOrdId;
use crate::store::index::{hash, Index};
use crate::store::pages::Pages;
use crate::store::slab::NIL;

#[derive(Clone, Copy)]
pub struct Order {
    pub order_id: u64,
    pub account_id: u32,
    pub symbol_id: u32,
    /// Its slot among the open orders while it is one.
    pub slot: u32,
    pub side: Side,
    pub state: OrderState,
}

/// The order a request is about, and its state; `None` when there is none.
pub type Answer = Option<(u64, OrderState)>;

impl Order {
    pub fn answer(&self) -> (u64, OrderState) {
        (self.order_id, self.state)
    }
}

/// A `ClOrdID` of an accepted order, or of an accepted cancel of it.
#[derive(Clone, Copy)]
pub struct Naming {
    pub source: u32,
    /// The order it names, by entry.
    pub entry: u32,
    pub cl_ord_id: ClOrdId,
}

pub struct OrderRegister {
    orders: Pages<Order>,
    /// Entry by order id; record numbers that accepted no order hold `NIL`.
    by_order_id: Pages<u32>,
    namings: Pages<Naming>,
    index: Index,
    seed: u64,
}

impl OrderRegister {
    pub fn new(seed: u64) -> Self {
        Self { orders: Pages::new(), by_order_id: Pages::new(), namings: Pages::new(), index: Index::large(), seed }
    }

    /// Hash a `ClOrdID` once for a look-up and the naming that may follow it.
    pub fn key(&self, source: u32, cl_ord_id: &[u8]) -> u64 {
        hash(self.seed, source, cl_ord_id)
    }

    /// Find the entry a session's `ClOrdID` names. Cost: O(1) expected.
    #[inline(always)]
    pub fn find_named(&self, key: u64, source: u32, cl_ord_id: &[u8]) -> Option<u32> {
        let is_same = |at: u32| {
            let naming = &self.namings[at as usize];
            naming.source == source && naming.cl_ord_id.as_bytes() == cl_ord_id
        };
        self.index.find(key, is_same).map(|at| self.namings[at as usize].entry)
    }

    /// Read what looking up a `ClOrdID` will read first, so that it is in the cache by then.
    pub fn warm(&self, key: u64) -> u32 {
        self.index.warm(key)
    }

    /// Find an entry by order id. Cost: O(1).
    pub fn find(&self, order_id: u64) -> Option<u32> {
        let at = usize::try_from(order_id).ok()?;
        self.by_order_id.get(at).copied().filter(|entry| *entry != NIL)
    }

    /// Enter an accepted order; ids rise. Cost: O(1) amortised.
    pub fn add(&mut self, order: Order) -> u32 {
        let at = order.order_id as usize;
        assert!(at >= self.by_order_id.len(), "order ids rise");
        let entry = self.orders.len() as u32;
        assert!(entry < NIL, "the order register is full");
        self.orders.push(order);
        while self.by_order_id.len() < at {
            self.by_order_id.push(NIL);
        }
        self.by_order_id.push(entry);
        entry
    }

    /// Let an unused `ClOrdID` name an order.
    #[inline(always)]
    pub fn name(&mut self, key: u64, source: u32, entry: u32, cl_ord_id: &[u8]) {
        let at = self.namings.len() as u32;
        assert!(at < NIL, "the ClOrdID register is full");
        self.namings.push(Naming { source, entry, cl_ord_id: ClOrdId::of_printable(cl_ord_id) });
        self.index.insert(key, at);
    }

    pub fn set_state(&mut self, entry: u32, state: OrderState) {
        self.orders[entry as usize].state = state;
    }

    /// Let an open order be found in this slot.
    pub fn set_slot(&mut self, entry: u32, slot: u32) {
        self.orders[entry as usize].slot = slot;
    }

    pub fn close(&mut self, entry: u32, state: OrderState) {
        let order = &mut self.orders[entry as usize];
        (order.state, order.slot) = (state, NIL);
    }

    pub fn orders(&self) -> &Pages<Order> {
        &self.orders
    }

    pub fn namings(&self) -> &Pages<Naming> {
        &self.namings
    }

    /// Check that every order and every `ClOrdID` is found under its own key. Cost: O(orders).
    pub fn check(&self) -> Result<(), &'static str> {
        for (at, order) in self.orders.iter().enumerate() {
            if self.find(order.order_id) != Some(at as u32) {
                return Err("an order is not found under its id");
            }
            if order.state.is_open() != (order.slot != NIL) {
                return Err("an order's state and its place in the book differ");
            }
        }
        for naming in self.namings.iter() {
            let key = self.key(naming.source, naming.cl_ord_id.as_bytes());
            if self.find_named(key, naming.source, naming.cl_ord_id.as_bytes()) != Some(naming.entry) {
                return Err("a ClOrdID does not name its order");
            }
        }
        if self.index.len() == self.namings.len() {
            Ok(())
        } else {
            Err("the index of ClOrdIDs has another length")
        }
    }
}

impl std::ops::Index<u32> for OrderRegister {
    type Output = Order;

    fn index(&self, entry: u32) -> &Order {
        &self.orders[entry as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, OrderRegister};
    use crate::language::codes::{OrderState, Side};
    use crate::store::slab::NIL;

    #[test]
    fn sessions_whose_keys_collide_are_told_apart() {
        let mut orders = OrderRegister::new(0);
        let (state, side) = (OrderState::Filled, Side::Buy);
        for source in 1..=3 {
            let order_id = u64::from(source) * 10;
            let entry = orders.add(Order { order_id, account_id: 1, symbol_id: 1, slot: NIL, side, state });
            orders.name(42, source, entry, b"same");
        }
        for source in 1..=3 {
            assert_eq!(orders.find_named(42, source, b"same"), orders.find(u64::from(source) * 10));
        }
        assert_eq!(orders.find_named(42, 4, b"same"), None);
        assert_eq!(orders.find_named(42, 1, b"other"), None);
    }
}
