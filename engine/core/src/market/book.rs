//! One symbol's book: price levels best first, first in first out within a level.
//!
//! Open orders of all symbols live in one slab; a level's queue is linked through its orders, so that an order
//! leaves in O(1) wherever it stands (OST-30). Matching looks at nothing but the best level's front.

use crate::language::codes::Side;
use crate::language::limits::PRICE_TICKS_MAX;
use crate::market::open_orders::OpenOrders;
use crate::store::ladder::Ladder;
use crate::store::slab::{Slab, NIL};

#[derive(Clone, Copy)]
struct Level {
    price: i64,
    head: u32,
    tail: u32,
    /// Orders here that are not pegged: these make the reference prices.
    unpegged: u32,
    /// Leaves of all orders here.
    lots: i128,
}

pub struct Book {
    bids: Ladder,
    asks: Ladder,
    levels: Slab<Level>,
    len: usize,
    /// Nothing has changed since the search for an auction's price was interrupted.
    pub is_as_walked: bool,
}

/// Place of a price among the prices of a side: the lower the better. The rank of a rank is the price.
pub fn rank(side: Side, price: i64) -> i64 {
    match side {
        Side::Buy => -price,
        Side::Sell => price,
    }
}

impl Book {
    pub fn new() -> Self {
        Self { bids: Ladder::new(), asks: Ladder::new(), levels: Slab::new(), len: 0, is_as_walked: false }
    }

    /// The best price of a side. Cost: O(1).
    pub fn best_price(&self, side: Side) -> Option<i64> {
        self.ladder(side).best().map(|(best, _)| rank(side, best))
    }

    /// The best price of a side among orders that are not pegged. Cost: O(levels of pegged orders before it).
    pub fn reference(&self, side: Side) -> Option<i64> {
        let mut prices = self.ladder(side).iter().map(|(_, level)| self.levels[level]);
        prices.find(|level| level.unpegged > 0).map(|level| level.price)
    }

    /// The price and slot of the order that trades next on this side. Cost: O(1).
    pub fn front(&self, side: Side) -> Option<(i64, u32)> {
        self.ladder(side).best().map(|(best, level)| (rank(side, best), self.levels[level].head))
    }

    /// The same for an order that takes up to `price`.
    pub fn front_within(&self, side: Side, price: i64) -> Option<(i64, u32)> {
        let (best, level) = self.ladder(side).best().filter(|(best, _)| *best <= rank(side, price))?;
        Some((rank(side, best), self.levels[level].head))
    }

    /// Tell whether an order of `side` at `price` would meet somebody.
    pub fn crosses(&self, side: Side, price: i64) -> bool {
        self.front_within(side.opposite(), price).is_some()
    }

    /// Put an order behind all others of its price. Cost: O(1), amortised at a new price.
    pub fn rest(&mut self, orders: &mut OpenOrders, slot: u32) {
        let level = self.level_at(orders[slot].side, orders[slot].price);
        let order = &mut orders[slot];
        let stands = &mut self.levels[level];
        (order.level, order.previous, order.next) = (level, stands.tail, NIL);
        stands.unpegged += u32::from(!order.is_pegged());
        stands.lots += i128::from(order.leaves);
        let tail = std::mem::replace(&mut stands.tail, slot);
        if tail == NIL {
            stands.head = slot;
        } else {
            orders[tail].next = slot;
        }
        self.len += 1;
        self.is_as_walked = false;
    }

    /// Let an order have other leaves than it has.
    #[inline(always)]
    pub fn change_leaves(&mut self, orders: &mut OpenOrders, slot: u32, lots: i64) {
        let order = &mut orders[slot];
        order.leaves += lots;
        if order.level != NIL {
            self.levels[order.level].lots += i128::from(lots);
            self.is_as_walked = false;
        }
    }

    /// Take an order out. Cost: O(1), amortised when it was the last at its price.
    pub fn remove(&mut self, orders: &mut OpenOrders, slot: u32) {
        let order = &mut orders[slot];
        let (level, previous, next, side) = (order.level, order.previous, order.next, order.side);
        order.level = NIL;
        let stands = &mut self.levels[level];
        stands.unpegged -= u32::from(!order.is_pegged());
        stands.lots -= i128::from(order.leaves);
        self.is_as_walked = false;
        if previous == NIL {
            stands.head = next;
        } else {
            orders[previous].next = next;
        }
        if next == NIL {
            self.levels[level].tail = previous;
        } else {
            orders[next].previous = previous;
        }
        self.len -= 1;
        if self.levels[level].head == NIL {
            let price = self.levels[level].price;
            self.ladder_mut(side).remove(rank(side, price));
            self.levels.remove(level);
        }
    }

    /// Walk the queues of a side, best price first.
    pub fn queues<'a>(
        &'a self,
        orders: &'a OpenOrders,
        side: Side,
    ) -> impl Iterator<Item = (i64, impl Iterator<Item = u32> + Clone + 'a)> + 'a {
        self.ladder(side).iter().map(move |(_, level)| {
            let Level { price, head, .. } = self.levels[level];
            (price, queue(orders, head))
        })
    }

    /// Walk a side in the order its orders would trade.
    pub fn iter<'a>(&'a self, orders: &'a OpenOrders, side: Side) -> impl Iterator<Item = u32> + 'a {
        self.queues(orders, side).flat_map(|(_, queue)| queue)
    }

    /// The first orders at the best price of a side, as they stand now.
    pub fn front_queue(&self, orders: &OpenOrders, side: Side, most: usize) -> Vec<u32> {
        queue(orders, self.front(side).map_or(NIL, |(_, head)| head)).take(most).collect()
    }

    /// The next price of a side after one. Cost: O(1).
    pub fn after(&self, side: Side, price: i64) -> Option<i64> {
        self.ladder(side).after(rank(side, price)).map(|(next, _)| rank(side, next))
    }

    /// What stands at a price, hidden quantity included. Cost: O(1).
    pub fn lots_at(&self, side: Side, price: i64) -> i128 {
        match self.ladder(side).get(rank(side, price)) {
            NIL => 0,
            level => self.levels[level].lots,
        }
    }

    fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    #[inline(always)]
    fn level_at(&mut self, side: Side, price: i64) -> u32 {
        let Self { bids, asks, levels, .. } = self;
        let ladder = if side == Side::Buy { bids } else { asks };
        ladder
            .level_at(rank(side, price), || levels.insert(Level { price, head: NIL, tail: NIL, unpegged: 0, lots: 0 }))
    }

    /// The level an order at this price, which nobody has checked yet, would probably join, or `NIL`.
    pub fn level_near(&self, price: i64) -> u32 {
        match self.best_price(Side::Buy) {
            _ if !(1..=PRICE_TICKS_MAX).contains(&price) => NIL,
            Some(best) if price <= best => self.bids.get(rank(Side::Buy, price)),
            _ => self.asks.get(rank(Side::Sell, price)),
        }
    }

    /// Read two levels.
    pub fn warm(&self, one: u32, other: u32) -> u32 {
        let known = |level: u32| if level == NIL { 0 } else { self.levels[level].head };
        known(one) ^ known(other)
    }

    /// Check levels, links and caches of both sides. Cost: O(orders).
    pub fn check(&self, orders: &OpenOrders) -> Result<(), &'static str> {
        let (mut count, mut levels) = (0, 0);
        for (side, ladder) in [(Side::Buy, &self.bids), (Side::Sell, &self.asks)] {
            ladder.check()?;
            levels += ladder.len();
            for (key, level) in ladder.iter() {
                if key != rank(side, self.levels[level].price) {
                    return Err("a level stands at another price's place");
                }
                count += self.check_queue(orders, level)?;
            }
        }
        if count != self.len || levels != self.levels.len() {
            return Err("an order or a level is lost");
        }
        Ok(())
    }

    fn check_queue(&self, orders: &OpenOrders, level: u32) -> Result<usize, &'static str> {
        let Level { head, tail, unpegged, lots, .. } = self.levels[level];
        let (mut previous, mut count, mut not_pegged, mut standing) = (NIL, 0, 0, 0);
        for slot in queue(orders, head) {
            let order = &orders[slot];
            if order.level != level || order.previous != previous {
                return Err("a link of a queue is broken");
            }
            if order.price != self.levels[level].price {
                return Err("an order stands at another price's level");
            }
            not_pegged += u32::from(!order.is_pegged());
            standing += i128::from(order.leaves);
            (previous, count) = (slot, count + 1);
        }
        if count == 0 || previous != tail || unpegged != not_pegged || lots != standing {
            return Err("a level is empty, or its tail or one of its sums is wrong");
        }
        Ok(count)
    }
}

fn queue(orders: &OpenOrders, head: u32) -> impl Iterator<Item = u32> + Clone + '_ {
    let present = |slot: u32| (slot != NIL).then_some(slot);
    std::iter::successors(present(head), move |slot| present(orders[*slot].next))
}
