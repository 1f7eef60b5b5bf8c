//! Orders of one firm that rest in a symbol, by those who must not trade with each other.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

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

/// Where an order stands among those of its owners, groups first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub owner: Owner,
    pub side: Side,
    pub price: Ticks,
    pub priority: u64,
    pub order_id: OrderId,
}

/// Orders that stand in the book; each may have two owners.
#[derive(Default)]
pub struct OwnOrders {
    places: BTreeMap<Place, Slot>,
}

impl OwnOrders {
    /// Enter an order with those of its owners, but not where that is forgotten already.
    pub fn insert(&mut self, orders: &OpenOrders, slot: Slot, forgotten: Option<Place>) {
        for place in places_of(orders, slot).filter(|place| forgotten.is_none_or(|last| *place > last)) {
            self.places.insert(place, slot);
        }
    }

    /// An order leaves the book.
    #[inline(always)]
    pub fn leave(&mut self, orders: &OpenOrders, slot: Slot) {
        if !self.places.is_empty() {
            for place in places_of(orders, slot) {
                self.places.remove(&place);
            }
        }
    }

    pub fn first_owner(&self) -> Option<Owner> {
        self.places.first_key_value().map(|(place, _)| place.owner)
    }

    /// Forget the first order of the first owner.
    pub fn forget_first(&mut self) -> Option<Place> {
        self.places.pop_first().map(|(place, _)| place)
    }

    /// An owner's bid and ask that cross: of the asks that cross a bid the last to trade, and of the bids it crosses the last.
    pub fn crossing(&self, owner: Owner) -> Option<(Slot, Slot)> {
        let (bids, asks) = ((owner, Side::Buy), (owner, Side::Sell));
        let (best, _) = self.places.range(between(bids, Ticks::ZERO, Ticks::MOST)).next_back()?;
        let (asked, ask) = self.places.range(between(asks, Ticks::ZERO, best.price)).next_back()?;
        let (lowest, _) = self.places.range(between(bids, asked.price, Ticks::MOST)).next()?;
        let (_, bid) = self.places.range(between(bids, lowest.price, lowest.price)).next_back()?;
        Some((*bid, *ask))
    }

    /// An owner's orders of a side, that with the best price first, and of one price by priority.
    pub fn of(&self, owner: Owner, side: Side) -> Vec<(Ticks, Slot)> {
        let all = self.places.range(between((owner, side), Ticks::ZERO, Ticks::MOST));
        let mut own: Vec<(Ticks, Slot)> = all.map(|(place, slot)| (place.price, *slot)).collect();
        // Those of one price stay as they are.
        own.sort_by_key(|(price, _)| (-*price).on(side));
        own
    }
}

/// The places of an order: with its account, and with its group if it has one.
fn places_of(orders: &OpenOrders, slot: Slot) -> impl Iterator<Item = Place> {
    let (order, group) = (orders[slot], orders.terms(slot).stp_group);
    let owners = [Some(Owner::Account(order.account_id)), (group != 0).then_some(Owner::Group(group))];
    owners.into_iter().flatten().map(move |owner| Place {
        owner,
        side: order.side,
        price: order.price,
        priority: order.priority,
        order_id: order.order_id,
    })
}

fn between((owner, side): (Owner, Side), low: Ticks, high: Ticks) -> RangeInclusive<Place> {
    let from = Place { owner, side, price: low, priority: 0, order_id: OrderId::NONE };
    from..=Place { owner, side, price: high, priority: u64::MAX, order_id: OrderId::new(u64::MAX) }
}
