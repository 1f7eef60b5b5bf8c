//! The stops that wait in a symbol, in the order in which they will be elected.

use std::collections::BTreeMap;

use crate::language::codes::{Side, Trigger};
use crate::language::ids::OrderId;
use crate::language::units::Ticks;
use crate::market::open_orders::{Slot, Terms};

/// Stops that wait, by trigger and side, the first to be elected first.
#[derive(Default)]
pub struct Stops {
    /// By stop price, priority and order id: some come back together.
    queues: [BTreeMap<(Ticks, u64, OrderId), Slot>; 4],
}

/// In which order the queues are looked at.
const QUEUES: [(Trigger, Side); 4] =
    [(Trigger::Last, Side::Buy), (Trigger::Last, Side::Sell), (Trigger::Mark, Side::Buy), (Trigger::Mark, Side::Sell)];

fn queue_of(side: Side, trigger: Trigger) -> usize {
    usize::from(trigger == Trigger::Mark) * 2 + usize::from(side == Side::Sell)
}

fn key(side: Side, stop_px: Ticks, (priority, order_id): (u64, OrderId)) -> (Ticks, u64, OrderId) {
    (stop_px.on(side), priority, order_id)
}

impl Stops {
    pub fn insert(&mut self, side: Side, terms: &Terms, place: (u64, OrderId), slot: Slot) {
        self.queues[queue_of(side, terms.trigger)].insert(key(side, terms.stop_px, place), slot);
    }

    pub fn remove(&mut self, side: Side, terms: &Terms, place: (u64, OrderId)) {
        self.queues[queue_of(side, terms.trigger)].remove(&key(side, terms.stop_px, place));
    }

    /// The next stop due by the present last price and mark, 0 for none.
    pub fn next_due(&self, last_px: Ticks, mark: Ticks) -> Option<Slot> {
        QUEUES.iter().zip(&self.queues).find_map(|((trigger, side), queue)| {
            let present = if *trigger == Trigger::Mark { mark } else { last_px };
            let ((price, ..), slot) = queue.first_key_value()?;
            is_reached(*side, price.on(*side), present).then_some(*slot)
        })
    }

    /// The first that waits, in the order of the queues.
    pub fn first(&self) -> Option<Slot> {
        self.queues.iter().find_map(|queue| queue.first_key_value().map(|(_, slot)| *slot))
    }

    /// Walk all that wait.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.queues.iter().flat_map(|queue| queue.values().copied())
    }
}

/// Tell whether a price, 0 for none, is at or beyond a stop's trigger price.
pub fn is_reached(side: Side, stop_px: Ticks, present: Ticks) -> bool {
    !present.is_zero()
        && match side {
            Side::Buy => stop_px <= present,
            Side::Sell => stop_px >= present,
        }
}
