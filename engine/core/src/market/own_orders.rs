//! Orders of one firm that rest in a symbol, by those who must not trade with each other.

use std::collections::BTreeMap;

use crate::language::codes::Side;
use crate::language::ids::{AccountId, OrderId};
use crate::language::units::Ticks;
use crate::market::open_orders::{OpenOrders, Slot};

/// Whose orders must not meet: those of a group of the firm, or of an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    Group(u32),
    Account(AccountId),
}

/// Owner, price, priority and id.
type Place = (Owner, Ticks, u64, OrderId);

/// Orders that may have left the book since they were entered here.
#[derive(Default)]
pub struct OwnOrders {
    bids: BTreeMap<Place, Slot>,
    asks: BTreeMap<Place, Slot>,
}

impl OwnOrders {
    pub fn insert(&mut self, orders: &OpenOrders, slot: Slot) {
        let (order, group) = (&orders[slot], orders.terms(slot).stp_group);
        let places = if order.side == Side::Buy { &mut self.bids } else { &mut self.asks };
        let mut enter = |owner| places.insert((owner, order.price, order.priority, order.order_id), slot);
        enter(Owner::Account(order.account_id));
        if group != 0 {
            enter(Owner::Group(group));
        }
    }

    pub fn first_owner(&self) -> Option<Owner> {
        let first = |places: &BTreeMap<Place, Slot>| places.first_key_value().map(|((owner, ..), _)| *owner);
        first(&self.bids).into_iter().chain(first(&self.asks)).min()
    }

    /// Forget an owner's orders.
    pub fn remove(&mut self, owner: Owner) {
        for places in [&mut self.bids, &mut self.asks] {
            while let Some((place, _)) = places.range(from(owner, Ticks::ZERO)..=up_to(owner, Ticks::MOST)).next() {
                let place = *place;
                places.remove(&place);
            }
        }
    }

    /// An owner's bid and ask that cross: of the asks that cross a bid the last to trade, and of the bids it crosses the last.
    pub fn crossing(&mut self, orders: &OpenOrders, owner: Owner) -> Option<(Slot, Slot)> {
        let ((_, best, ..), _) = last(&mut self.bids, orders, owner, Ticks::ZERO, Ticks::MOST)?;
        let ((_, asked, ..), ask) = last(&mut self.asks, orders, owner, Ticks::ZERO, best)?;
        loop {
            let ((_, lowest, ..), _) = self.bids.range(from(owner, asked)..).next()?;
            let lowest = *lowest;
            // Those of that price may all have left.
            if let Some((_, bid)) = last(&mut self.bids, orders, owner, lowest, lowest) {
                return Some((bid, ask));
            }
        }
    }

    /// An owner's orders of a side, that with the best price first, and of one price by priority.
    pub fn of(&self, orders: &OpenOrders, owner: Owner, side: Side) -> Vec<(Ticks, Slot)> {
        let places = if side == Side::Buy { &self.bids } else { &self.asks };
        let all = places.range(from(owner, Ticks::ZERO)..=up_to(owner, Ticks::MOST));
        let standing = all.filter(|((.., order_id), slot)| orders.stands(**slot, *order_id));
        let mut own: Vec<(Ticks, Slot)> = standing.map(|((_, price, ..), slot)| (*price, *slot)).collect();
        // Those of one price stay as they are.
        own.sort_by_key(|(price, _)| (-*price).on(side));
        own
    }
}

fn from(owner: Owner, price: Ticks) -> Place {
    (owner, price, 0, OrderId::NONE)
}

fn up_to(owner: Owner, price: Ticks) -> Place {
    (owner, price, u64::MAX, OrderId::new(u64::MAX))
}

/// The last of an owner's orders between two prices that still stand in the book; those that do not are forgotten.
fn last(
    places: &mut BTreeMap<Place, Slot>,
    orders: &OpenOrders,
    owner: Owner,
    low: Ticks,
    high: Ticks,
) -> Option<(Place, Slot)> {
    loop {
        let (place, slot) = places.range(from(owner, low)..=up_to(owner, high)).next_back()?;
        let (place, slot) = (*place, *slot);
        if orders.stands(slot, place.3) {
            return Some((place, slot));
        }
        places.remove(&place);
    }
}
