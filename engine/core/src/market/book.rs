//! One symbol's book: price levels best first, first in first out within a level.
//!
//! Open orders of all symbols live in one slab; a level's queue is linked through its orders, so that an order
//! leaves in O(1) wherever it stands (OST-30). Matching looks at nothing but the best level's front.

use crate::language::codes::Side;
use crate::language::ids::{keys, kinds, Key};
use crate::language::processor::{prefetch_all, Prefetch};
use crate::language::units::{Lots, Ticks};
use crate::market::open_orders::{OpenOrders, Slot};
use crate::store::ladder::{Ladder, Rank};
use crate::store::slab::{Slab, NIL};

kinds! {
    /// Where a price level is kept.
    LevelSlot(u32)
}

keys! { LevelSlot }

impl LevelSlot {
    pub const NIL: Self = Self::new(NIL);
}

#[derive(Clone, Copy)]
struct Level {
    price: Ticks,
    head: Slot,
    tail: Slot,
    /// Orders here that are neither pegged nor reduce-only: these make the reference prices.
    leading: u32,
    /// Leaves of all orders here.
    lots: i128,
}

pub struct Book {
    bids: Ladder<LevelSlot>,
    asks: Ladder<LevelSlot>,
    levels: Slab<LevelSlot, Level>,
    len: usize,
    /// Nothing has changed since the search for an auction's price was interrupted.
    pub is_as_walked: bool,
}

/// Place of a price among the prices of a side: the lower the better.
pub fn rank(side: Side, price: Ticks) -> Rank {
    match side {
        Side::Buy => -price.number(),
        Side::Sell => price.number(),
    }
}

/// The price of a rank.
pub fn price_of(side: Side, rank: Rank) -> Ticks {
    match side {
        Side::Buy => Ticks::new(-rank),
        Side::Sell => Ticks::new(rank),
    }
}

impl Book {
    pub fn new() -> Self {
        Self { bids: Ladder::new(), asks: Ladder::new(), levels: Slab::new(), len: 0, is_as_walked: false }
    }

    /// The best price of a side. Cost: O(1).
    pub fn best_price(&self, side: Side) -> Option<Ticks> {
        self.ladder(side).best().map(|(best, _)| price_of(side, best))
    }

    /// The best price of a side among orders that lead pegs. Cost: O(levels of others before it).
    pub fn reference(&self, side: Side) -> Option<Ticks> {
        let mut prices = self.ladder(side).iter().map(|(_, level)| self.levels[level]);
        prices.find(|level| level.leading > 0).map(|level| level.price)
    }

    /// The price and slot of the order that trades next on this side. Cost: O(1).
    pub fn front(&self, side: Side) -> Option<(Ticks, Slot)> {
        self.ladder(side).best().map(|(best, level)| (price_of(side, best), self.levels[level].head))
    }

    /// The same for an order that takes up to `price`.
    pub fn front_within(&self, side: Side, price: Ticks) -> Option<(Ticks, Slot)> {
        let (best, level) = self.ladder(side).best().filter(|(best, _)| *best <= rank(side, price))?;
        Some((price_of(side, best), self.levels[level].head))
    }

    /// Tell whether an order of `side` at `price` would meet somebody.
    pub fn crosses(&self, side: Side, price: Ticks) -> bool {
        self.front_within(side.opposite(), price).is_some()
    }

    /// Put an order behind all others of its price. Cost: O(1), amortised at a new price.
    pub fn rest(&mut self, orders: &mut OpenOrders, slot: Slot) {
        let level = self.level_at(orders[slot].side, orders[slot].price);
        let order = &mut orders[slot];
        let stands = &mut self.levels[level];
        (order.level, order.previous, order.next) = (level, stands.tail, Slot::NIL);
        stands.leading += u32::from(order.leads());
        stands.lots += order.leaves.wide();
        let tail = std::mem::replace(&mut stands.tail, slot);
        if tail == Slot::NIL {
            stands.head = slot;
        } else {
            orders[tail].next = slot;
        }
        self.len += 1;
        self.is_as_walked = false;
    }

    /// Let an order have other leaves than it has.
    #[inline(always)]
    pub fn change_leaves(&mut self, orders: &mut OpenOrders, slot: Slot, lots: Lots) {
        let order = &mut orders[slot];
        order.leaves += lots;
        if order.level != LevelSlot::NIL {
            self.levels[order.level].lots += lots.wide();
            self.is_as_walked = false;
        }
    }

    /// Take an order out. Cost: O(1), amortised when it was the last at its price.
    pub fn remove(&mut self, orders: &mut OpenOrders, slot: Slot) {
        let order = &mut orders[slot];
        let (level, previous, next, side) = (order.level, order.previous, order.next, order.side);
        order.level = LevelSlot::NIL;
        let stands = &mut self.levels[level];
        stands.leading -= u32::from(order.leads());
        stands.lots -= order.leaves.wide();
        self.is_as_walked = false;
        if previous == Slot::NIL {
            stands.head = next;
        } else {
            orders[previous].next = next;
        }
        if next == Slot::NIL {
            self.levels[level].tail = previous;
        } else {
            orders[next].previous = previous;
        }
        self.len -= 1;
        if self.levels[level].head == Slot::NIL {
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
    ) -> impl Iterator<Item = (Ticks, impl Iterator<Item = Slot> + Clone + 'a)> + 'a {
        self.ladder(side).iter().map(move |(_, level)| {
            let Level { price, head, .. } = self.levels[level];
            (price, queue(orders, head))
        })
    }

    /// Walk a side in the order its orders would trade.
    pub fn iter<'a>(&'a self, orders: &'a OpenOrders, side: Side) -> impl Iterator<Item = Slot> + 'a {
        self.queues(orders, side).flat_map(|(_, queue)| queue)
    }

    /// The first orders at the best price of a side, as they stand now.
    pub fn front_queue(&self, orders: &OpenOrders, side: Side, most: usize) -> Vec<Slot> {
        queue(orders, self.front(side).map_or(Slot::NIL, |(_, head)| head)).take(most).collect()
    }

    /// The next price of a side after one. Cost: O(1).
    pub fn after(&self, side: Side, price: Ticks) -> Option<Ticks> {
        self.ladder(side).after(rank(side, price)).map(|(next, _)| price_of(side, next))
    }

    /// What stands at a price, hidden quantity included. Cost: O(1).
    pub fn lots_at(&self, side: Side, price: Ticks) -> i128 {
        match self.ladder(side).get(rank(side, price)) {
            None => 0,
            Some(level) => self.levels[level].lots,
        }
    }

    fn ladder(&self, side: Side) -> &Ladder<LevelSlot> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn ladder_mut(&mut self, side: Side) -> &mut Ladder<LevelSlot> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    #[inline(always)]
    fn level_at(&mut self, side: Side, price: Ticks) -> LevelSlot {
        let Self { bids, asks, levels, .. } = self;
        let ladder = if side == Side::Buy { bids } else { asks };
        ladder.level_at(rank(side, price), || {
            levels.insert(Level { price, head: Slot::NIL, tail: Slot::NIL, leading: 0, lots: 0 })
        })
    }

    /// The level an order at this price, which nobody has checked yet, would probably join.
    pub fn level_near(&self, price: Ticks) -> Option<LevelSlot> {
        match self.best_price(Side::Buy) {
            _ if !price.is_price() => None,
            Some(best) if price <= best => self.bids.get(rank(Side::Buy, price)),
            _ => self.asks.get(rank(Side::Sell, price)),
        }
    }

    /// Bring a level into the cache; nothing for `NIL`.
    pub fn prefetch(&self, level: LevelSlot, prefetch: Prefetch) {
        if level != LevelSlot::NIL {
            prefetch_all(prefetch, &self.levels[level]);
        }
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

    fn check_queue(&self, orders: &OpenOrders, level: LevelSlot) -> Result<usize, &'static str> {
        let Level { head, tail, leading, lots, .. } = self.levels[level];
        let (mut previous, mut count, mut leaders, mut standing) = (Slot::NIL, 0, 0, 0);
        for slot in queue(orders, head) {
            let order = &orders[slot];
            if order.level != level || order.previous != previous {
                return Err("a link of a queue is broken");
            }
            if order.price != self.levels[level].price {
                return Err("an order stands at another price's level");
            }
            leaders += u32::from(order.leads());
            standing += order.leaves.wide();
            (previous, count) = (slot, count + 1);
        }
        if count == 0 || previous != tail || leading != leaders || lots != standing {
            return Err("a level is empty, or its tail or one of its sums is wrong");
        }
        Ok(count)
    }
}

fn queue(orders: &OpenOrders, head: Slot) -> impl Iterator<Item = Slot> + Clone + '_ {
    std::iter::successors(head.present(), move |slot| orders[*slot].next.present())
}
