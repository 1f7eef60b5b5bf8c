//! The orders of a symbol that wait for their turn to be matched, linked through the orders themselves.

use crate::market::open_orders::{Hand, OpenOrders};
use crate::store::slab::NIL;

pub struct InHand {
    head: u32,
    tail: u32,
}

impl InHand {
    pub fn new() -> Self {
        Self { head: NIL, tail: NIL }
    }

    pub fn is_empty(&self) -> bool {
        self.head == NIL
    }

    /// The order whose turn is next.
    pub fn first(&self) -> Option<u32> {
        (self.head != NIL).then_some(self.head)
    }

    pub fn push_back(&mut self, orders: &mut OpenOrders, slot: u32) {
        let order = &mut orders[slot];
        (order.hand, order.previous, order.next) = (Hand::Waits, self.tail, NIL);
        match std::mem::replace(&mut self.tail, slot) {
            NIL => self.head = slot,
            before => orders[before].next = slot,
        }
    }

    pub fn push_front(&mut self, orders: &mut OpenOrders, slot: u32) {
        let order = &mut orders[slot];
        (order.hand, order.previous, order.next) = (Hand::Waits, NIL, self.head);
        match std::mem::replace(&mut self.head, slot) {
            NIL => self.tail = slot,
            after => orders[after].previous = slot,
        }
    }

    /// Take an order out, wherever it stands. Cost: O(1).
    pub fn remove(&mut self, orders: &mut OpenOrders, slot: u32) {
        let order = &mut orders[slot];
        order.hand = Hand::Turn;
        let (previous, next) = (order.previous, order.next);
        match previous {
            NIL => self.head = next,
            before => orders[before].next = next,
        }
        match next {
            NIL => self.tail = previous,
            after => orders[after].previous = previous,
        }
    }

    /// Walk in the order of the turns.
    pub fn iter<'a>(&self, orders: &'a OpenOrders) -> impl Iterator<Item = u32> + 'a {
        let present = |slot: u32| (slot != NIL).then_some(slot);
        std::iter::successors(present(self.head), move |slot| present(orders[*slot].next))
    }
}
