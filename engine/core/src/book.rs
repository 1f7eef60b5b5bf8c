//! One symbol's book: price levels best first, first in first out within a level.
//!
//! Orders and levels live in slabs; a level's queue is linked through its orders, so that an order leaves in
//! O(1) wherever it stands (OST-30). Each side caches its best level, which is all that matching looks at.

use std::collections::BTreeMap;

use crate::codes::Side;
use crate::slab::{Slab, NIL};

/// An order in the book.
#[derive(Clone, Copy)]
pub struct Resting {
    /// Minor units locked per lot of leaves.
    pub per_lot: i128,
    pub order_id: u64,
    pub order_qty: i64,
    pub leaves: i64,
    /// Its entry in the order register.
    pub entry: u32,
    pub account_id: u32,
    level: u32,
    previous: u32,
    next: u32,
}

impl Resting {
    pub fn new(order_id: u64, entry: u32, account_id: u32, order_qty: i64, leaves: i64, per_lot: i128) -> Self {
        Self { per_lot, order_id, order_qty, leaves, entry, account_id, level: NIL, previous: NIL, next: NIL }
    }
}

#[derive(Clone, Copy)]
struct Level {
    price: i64,
    head: u32,
    tail: u32,
}

/// The levels of one side by rank: the lower the better.
struct Half {
    levels: BTreeMap<i64, u32>,
    best: u32,
}

impl Half {
    fn new() -> Self {
        Self { levels: BTreeMap::new(), best: NIL }
    }
}

pub struct Book {
    bids: Half,
    asks: Half,
    levels: Slab<Level>,
    orders: Slab<Resting>,
}

/// Place of a price among the prices of a side: the lower the better.
pub fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Book {
    pub fn new() -> Self {
        Self { bids: Half::new(), asks: Half::new(), levels: Slab::new(), orders: Slab::new() }
    }

    /// Count the orders in the book.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    pub fn order(&self, slot: u32) -> &Resting {
        &self.orders[slot]
    }

    pub fn best_price(&self, side: Side) -> Option<i64> {
        let best = self.half(side).best;
        (best != NIL).then(|| self.levels[best].price)
    }

    /// The price and slot of the order that trades next on this side. Cost: O(1).
    pub fn front(&self, side: Side) -> Option<(i64, u32)> {
        let best = self.half(side).best;
        (best != NIL).then(|| (self.levels[best].price, self.levels[best].head))
    }

    /// Put an order behind all others of its price. Cost: O(1) at a known price, O(log levels) at a new one.
    pub fn rest(&mut self, side: Side, price: i64, order: Resting) -> u32 {
        let level = self.level_at(side, price);
        let tail = self.levels[level].tail;
        let slot = self.orders.insert(Resting { level, previous: tail, next: NIL, ..order });
        self.levels[level].tail = slot;
        if tail == NIL {
            self.levels[level].head = slot;
        } else {
            self.orders[tail].next = slot;
        }
        slot
    }

    /// Take lots off an order that stays or is removed next; returns what is left.
    pub fn fill(&mut self, slot: u32, qty: i64) -> i64 {
        let order = &mut self.orders[slot];
        order.leaves -= qty;
        assert!(order.leaves >= 0, "filled more than was left");
        order.leaves
    }

    /// Take an order out. Cost: O(1), O(log levels) when it was the last at its price.
    pub fn remove(&mut self, side: Side, slot: u32) {
        let Resting { level, previous, next, .. } = self.orders[slot];
        if previous == NIL {
            self.levels[level].head = next;
        } else {
            self.orders[previous].next = next;
        }
        if next == NIL {
            self.levels[level].tail = previous;
        } else {
            self.orders[next].previous = previous;
        }
        self.orders.remove(slot);
        if self.levels[level].head == NIL {
            self.remove_level(side, level);
        }
    }

    /// Walk a side in the order its orders would trade.
    pub fn iter(&self, side: Side) -> impl Iterator<Item = (i64, u32, &Resting)> {
        self.half(side).levels.values().flat_map(move |level| {
            let Level { price, head, .. } = self.levels[*level];
            let present = |slot: u32| (slot != NIL).then_some(slot);
            let slots = std::iter::successors(present(head), move |slot| present(self.orders[*slot].next));
            slots.map(move |slot| (price, slot, &self.orders[slot]))
        })
    }

    fn half(&self, side: Side) -> &Half {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn half_mut(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn level_at(&mut self, side: Side, price: i64) -> u32 {
        let best = self.half(side).best;
        if best != NIL && self.levels[best].price == price {
            return best;
        }
        let key = rank(side, price);
        if let Some(level) = self.half(side).levels.get(&key) {
            return *level;
        }
        let is_best = best == NIL || key < rank(side, self.levels[best].price);
        let level = self.levels.insert(Level { price, head: NIL, tail: NIL });
        let half = self.half_mut(side);
        half.levels.insert(key, level);
        if is_best {
            half.best = level;
        }
        level
    }

    fn remove_level(&mut self, side: Side, level: u32) {
        let key = rank(side, self.levels[level].price);
        let half = self.half_mut(side);
        half.levels.remove(&key);
        if half.best == level {
            half.best = half.levels.first_key_value().map_or(NIL, |(_, next)| *next);
        }
        self.levels.remove(level);
    }

    /// Check levels, links and caches of both sides. Cost: O(orders).
    pub fn check(&self) -> Result<(), &'static str> {
        let mut orders = 0;
        let mut levels = 0;
        for side in [Side::Buy, Side::Sell] {
            let half = self.half(side);
            levels += half.levels.len();
            if half.best != half.levels.first_key_value().map_or(NIL, |(_, level)| *level) {
                return Err("the best level is not the first");
            }
            for (key, level) in &half.levels {
                if *key != rank(side, self.levels[*level].price) {
                    return Err("a level stands at another price's place");
                }
                orders += self.check_queue(*level)?;
            }
        }
        if orders != self.orders.len() || levels != self.levels.len() {
            return Err("an order or a level is lost");
        }
        match (self.best_price(Side::Buy), self.best_price(Side::Sell)) {
            (Some(bid), Some(ask)) if bid >= ask => Err("the book is crossed"),
            _ => Ok(()),
        }
    }

    fn check_queue(&self, level: u32) -> Result<usize, &'static str> {
        let Level { head, tail, .. } = self.levels[level];
        let (mut slot, mut previous, mut count) = (head, NIL, 0);
        while slot != NIL {
            let order = &self.orders[slot];
            if order.level != level || order.previous != previous {
                return Err("a link of a queue is broken");
            }
            if previous != NIL && self.orders[previous].order_id >= order.order_id {
                return Err("a queue is not first in first out");
            }
            (previous, slot, count) = (slot, order.next, count + 1);
        }
        if count == 0 || previous != tail {
            return Err("a level is empty or its tail is wrong");
        }
        Ok(count)
    }
}
