//! The orders of a symbol that wait for their turn to be matched, linked through the orders themselves.

use crate::market::open_orders::{Hand, OpenOrders, Slot};

pub struct InHand {
    head: Slot,
    tail: Slot,
    /// The first has begun its turn: it comes before all that follows from it.
    pub has_begun: bool,
}

impl InHand {
    pub fn new() -> Self {
        Self { head: Slot::NIL, tail: Slot::NIL, has_begun: false }
    }

    pub fn is_empty(&self) -> bool {
        self.head == Slot::NIL
    }

    /// The order whose turn is next.
    pub fn first(&self) -> Option<Slot> {
        self.head.present()
    }

    pub fn push_back(&mut self, orders: &mut OpenOrders, slot: Slot) {
        let order = &mut orders[slot];
        (order.hand, order.previous, order.next) = (Hand::Waits, self.tail, Slot::NIL);
        match std::mem::replace(&mut self.tail, slot) {
            Slot::NIL => self.head = slot,
            before => orders[before].next = slot,
        }
    }

    pub fn push_front(&mut self, orders: &mut OpenOrders, slot: Slot) {
        let order = &mut orders[slot];
        (order.hand, order.previous, order.next) = (Hand::Waits, Slot::NIL, self.head);
        match std::mem::replace(&mut self.head, slot) {
            Slot::NIL => self.tail = slot,
            after => orders[after].previous = slot,
        }
        self.has_begun = true;
    }

    /// Take an order out, wherever it stands. Cost: O(1).
    pub fn remove(&mut self, orders: &mut OpenOrders, slot: Slot) {
        let order = &mut orders[slot];
        order.hand = Hand::Turn;
        let (previous, next) = (order.previous, order.next);
        match previous {
            Slot::NIL => (self.head, self.has_begun) = (next, false),
            before => orders[before].next = next,
        }
        match next {
            Slot::NIL => self.tail = previous,
            after => orders[after].previous = previous,
        }
    }

    /// Walk in the order of the turns.
    pub fn iter<'a>(&self, orders: &'a OpenOrders) -> impl Iterator<Item = Slot> + 'a {
        std::iter::successors(self.head.present(), move |slot| orders[*slot].next.present())
    }
}
