//! The register of orders, open and lately closed, and of the `ClOrdIDs` that name them.
//!
//! A `ClOrdID` is in use while its order is open, if the order was entered with it or it is the latest one given to the
//! order. Else it is spent, and forgotten some time after: a repeated `ClOrdID` and a late cancel are answered with the
//! order they meant until then (docs/MATCHING.md, section 9).

use crate::language::codes::{OrderState, Side};
use crate::language::ids::{keys, kinds, AccountId, Key, OrderId, SessionId, SymbolId};
use crate::language::processor::{prefetch_all, Prefetch};
use crate::language::units::{Lots, Ticks};
use crate::market::namings::{Named, NamingSlot, Namings};
use crate::market::open_orders::Slot;
use crate::store::index::{hash_number, Index};
use crate::store::slab::{Slab, NIL};

kinds! {
    /// Where an accepted order stands in the register.
    Entry(u32)
}

keys! { Entry }

impl Entry {
    pub const NIL: Self = Self::new(NIL);
}

#[derive(Clone, Copy)]
pub struct Order {
    /// 0 of an entry that is not in use.
    pub order_id: OrderId,
    pub account_id: AccountId,
    pub symbol_id: SymbolId,
    /// Its slot among the open orders while it is one.
    pub slot: Slot,
    /// The `ClOrdID` it was entered with, `NIL` once that is gone.
    entered: NamingSlot,
    /// The latest one given to it since, while it is open; `NIL` for none.
    latest: NamingSlot,
    /// How many name it.
    names: u32,
    /// Sum of price times quantity over its trades, in ticks and lots.
    pub traded: i128,
    pub side: Side,
    pub state: OrderState,
}

/// The order a request is about, and its state; `None` when there is none.
pub type Answer = Option<(OrderId, OrderState)>;

impl Order {
    pub fn new(order_id: OrderId, account_id: AccountId, symbol_id: SymbolId, side: Side, state: OrderState) -> Self {
        Self {
            order_id,
            account_id,
            symbol_id,
            slot: Slot::NIL,
            entered: NamingSlot::NIL,
            latest: NamingSlot::NIL,
            names: 0,
            traded: 0,
            side,
            state,
        }
    }

    pub fn answer(&self) -> (OrderId, OrderState) {
        (self.order_id, self.state)
    }
}

/// Spent `ClOrdIDs` whose memory is taken back for each one that is spent, and for each command.
const RECLAIMED_AT_ONCE: usize = 4;

pub struct OrderRegister {
    orders: Slab<Entry, Order>,
    by_order_id: Index<Entry>,
    namings: Namings,
    seed: u64,
}

impl OrderRegister {
    pub fn new(seed: u64) -> Self {
        Self { orders: Slab::new(), by_order_id: Index::large(), namings: Namings::new(seed), seed }
    }

    /// Begin a command: forget what was spent longer ago than `window_ns`, or is not among the last `spent_max` of its source.
    #[inline(always)]
    pub fn begin(&mut self, now_ns: u64, window_ns: u64, spent_max: u32) {
        if let Some(source) = self.namings.begin(now_ns, window_ns, spent_max) {
            self.reclaim(source);
        }
    }

    /// Remember so many spent `ClOrdIDs` of each source from now on.
    pub fn set_spent_max(&mut self, spent_max: u32) {
        self.namings.spent_max = spent_max;
    }

    /// Spent `ClOrdIDs` are forgotten up to this time.
    pub fn forgotten_ns(&self) -> u64 {
        self.namings.forgotten_ns
    }

    pub fn set_forgotten_ns(&mut self, forgotten_ns: u64) {
        self.namings.forgotten_ns = forgotten_ns;
    }

    /// Hash a `ClOrdID` once for a look-up and the naming that may follow it.
    pub fn key(&self, source: SessionId, cl_ord_id: &[u8]) -> u64 {
        self.namings.key(source, cl_ord_id)
    }

    /// Find the entry a session's `ClOrdID` names. Cost: O(1) expected.
    #[inline(always)]
    pub fn find_named(&self, key: u64, source: SessionId, cl_ord_id: &[u8]) -> Option<Entry> {
        self.namings.find(key, source, cl_ord_id)
    }

    /// Bring what looking up a `ClOrdID` and an order will read first into the cache.
    pub fn prefetch(&self, key: u64, order_id: OrderId, prefetch: Prefetch) {
        self.namings.prefetch(key, prefetch);
        if !order_id.is_none() {
            self.by_order_id.prefetch(hash_number(self.seed, order_id.number()), prefetch);
        }
    }

    /// Find an order by its id: it is open, or what it was entered with is not forgotten. Cost: O(1) expected.
    pub fn find(&self, order_id: OrderId) -> Option<Entry> {
        let entry = self.entry(order_id)?;
        let order = &self.orders[entry];
        (order.slot != Slot::NIL || self.namings.is_remembered(order.entered)).then_some(entry)
    }

    /// Find what most likely is the entry of an order without looking at it, and bring that into the cache.
    pub fn guess(&self, order_id: OrderId, prefetch: Prefetch) -> Option<Entry> {
        let key = hash_number(self.seed, order_id.number());
        let entry = (!order_id.is_none()).then(|| self.by_order_id.find(key, |_| true))??;
        prefetch_all(prefetch, &self.orders[entry]);
        Some(entry)
    }

    /// Find an order as long as any `ClOrdID` names it.
    #[inline(always)]
    pub fn entry(&self, order_id: OrderId) -> Option<Entry> {
        self.by_order_id
            .find(hash_number(self.seed, order_id.number()), |entry| self.orders[entry].order_id == order_id)
    }

    /// Enter an order that has no `ClOrdID` yet.
    pub fn add(&mut self, order: Order) -> Entry {
        let entry = self.orders.insert(order);
        self.by_order_id.insert(hash_number(self.seed, order.order_id.number()), entry);
        entry
    }

    /// Let an unused `ClOrdID` name an open order: the first is what it was entered with.
    #[inline(always)]
    pub fn name(&mut self, key: u64, source: SessionId, entry: Entry, cl_ord_id: &[u8]) {
        let at = self.namings.add(key, source, entry, cl_ord_id);
        let order = &mut self.orders[entry];
        order.names += 1;
        if order.entered == NamingSlot::NIL {
            order.entered = at;
            return;
        }
        let superseded = std::mem::replace(&mut order.latest, at);
        if superseded != NamingSlot::NIL {
            self.spend(superseded);
        }
    }

    /// Add a trade to what an order has done.
    pub fn add_trade(&mut self, entry: Entry, price: Ticks, qty: Lots) {
        let order = &mut self.orders[entry];
        order.state = OrderState::Partial;
        order.traded += i128::from(price.number()) * i128::from(qty.number());
    }

    pub fn set_traded(&mut self, entry: Entry, traded: i128) {
        self.orders[entry].traded = traded;
    }

    /// Let an open order be found in this slot.
    pub fn set_slot(&mut self, entry: Entry, slot: Slot) {
        self.orders[entry].slot = slot;
    }

    /// Close an order: its `ClOrdIDs` are spent.
    pub fn close(&mut self, entry: Entry, state: OrderState) {
        let order = &mut self.orders[entry];
        (order.state, order.slot) = (state, Slot::NIL);
        let (entered, latest) = (order.entered, std::mem::replace(&mut order.latest, NamingSlot::NIL));
        self.spend(entered);
        if latest != NamingSlot::NIL {
            self.spend(latest);
        }
    }

    fn spend(&mut self, at: NamingSlot) {
        let source = self.namings.spend(at);
        self.reclaim(source);
    }

    /// Use again the memory of a few `ClOrdIDs` that a source has spent and that are forgotten.
    #[inline(always)]
    fn reclaim(&mut self, source: SessionId) {
        for _ in 0..RECLAIMED_AT_ONCE {
            let Some((at, entry)) = self.namings.drop_forgotten(source) else {
                return;
            };
            self.unname(entry, at);
        }
    }

    /// Let an order be named by one `ClOrdID` less; the last takes it along.
    fn unname(&mut self, entry: Entry, at: NamingSlot) {
        let order = &mut self.orders[entry];
        order.names -= 1;
        if order.entered == at {
            order.entered = NamingSlot::NIL;
        }
        if order.names == 0 {
            let order_id = std::mem::take(&mut order.order_id);
            self.by_order_id.remove(hash_number(self.seed, order_id.number()), entry);
            self.orders.remove(entry);
        }
    }

    /// List the orders that are open or have a `ClOrdID` that is not forgotten, by id. Cost: O(n log n).
    pub fn remembered(&self) -> Vec<&Order> {
        let mut named: Vec<&Order> = self.namings.spent().map(|at| &self.orders[self.namings[at].entry]).collect();
        named.extend(self.open().map(|(_, order)| order));
        named.sort_unstable_by_key(|order| order.order_id);
        named.dedup_by_key(|order| order.order_id);
        named
    }

    /// List what is not forgotten: by source, first what is in use by order id, then what is spent, the oldest first.
    pub fn names(&self) -> Vec<Named<'_>> {
        let in_use =
            self.open().flat_map(|(_, order)| [order.entered, order.latest]).filter(|at| *at != NamingSlot::NIL);
        let mut names: Vec<Named<'_>> = in_use.map(|at| self.named(at)).collect();
        names.sort_unstable_by_key(|named| (named.source, named.order_id, !named.is_entered));
        names.extend(self.namings.spent().map(|at| self.named(at)));
        names.sort_by_key(|named| named.source);
        names
    }

    fn named(&self, at: NamingSlot) -> Named<'_> {
        let naming = &self.namings[at];
        let Order { order_id, entered, .. } = self.orders[naming.entry];
        let (source, spent_ns) = (naming.source, naming.spent_ns);
        Named { source, order_id, is_entered: entered == at, spent_ns, cl_ord_id: self.namings.text(at) }
    }

    /// Let a `ClOrdID` name an order as a snapshot says; `None` when that cannot be.
    pub fn restore_name(&mut self, named: &Named<'_>) -> Option<()> {
        let Named { source, order_id, is_entered, spent_ns, cl_ord_id } = *named;
        let entry = self.entry(order_id)?;
        let key = self.key(source, cl_ord_id);
        if self.find_named(key, source, cl_ord_id).is_some() {
            return None;
        }
        let at = self.namings.add(key, source, entry, cl_ord_id);
        let order = &mut self.orders[entry];
        order.names += 1;
        if spent_ns == 0 && !order.state.is_open() {
            return None;
        }
        if is_entered || spent_ns == 0 {
            let place = if is_entered { &mut order.entered } else { &mut order.latest };
            if std::mem::replace(place, at) != NamingSlot::NIL {
                return None;
            }
        }
        if spent_ns != 0 {
            self.namings.queue(at, spent_ns);
        }
        Some(())
    }

    fn open(&self) -> impl Iterator<Item = (Entry, &Order)> {
        self.orders.iter().filter(|(_, order)| !order.order_id.is_none() && order.state.is_open())
    }

    /// Count the open orders. Cost: O(orders).
    pub fn open_count(&self) -> usize {
        self.open().count()
    }

    /// Check that every order and every `ClOrdID` is found under its own key, as long as it should be. Cost: O(orders).
    pub fn check(&self) -> Result<(), &'static str> {
        for (at, order) in self.orders.iter().filter(|(_, order)| !order.order_id.is_none()) {
            if self.entry(order.order_id) != Some(at) || order.names == 0 {
                return Err("an order is not found under its id");
            }
            if order.state.is_open() != (order.slot != Slot::NIL) {
                return Err("an order's state and its place in the book differ");
            }
            let is_in_use = |at: NamingSlot| at != NamingSlot::NIL && self.namings[at].spent_ns == 0;
            if order.state.is_open() != is_in_use(order.entered)
                || !order.state.is_open() && order.latest != NamingSlot::NIL
            {
                return Err("an order's state and its ClOrdIDs differ");
            }
        }
        self.namings.check()?;
        let in_use = self.orders.iter().filter(|(_, order)| !order.order_id.is_none());
        let named: usize = in_use.map(|(_, order)| order.names as usize).sum();
        if (self.by_order_id.len(), self.namings.len()) == (self.orders.len(), named) {
            Ok(())
        } else {
            Err("the index of orders has another length")
        }
    }
}

impl std::ops::Index<Entry> for OrderRegister {
    type Output = Order;

    fn index(&self, entry: Entry) -> &Order {
        &self.orders[entry]
    }
}

#[cfg(test)]
mod tests {
    use super::{Order, OrderRegister};
    use crate::language::codes::{OrderState, Side};
    use crate::language::ids::{AccountId, Key, OrderId, SessionId, SymbolId};
    use crate::market::open_orders::Slot;
    use crate::market::order_register::Entry;

    fn order(number: u64) -> Order {
        let (account_id, symbol_id) = (AccountId::new(1), SymbolId::new(1));
        Order::new(OrderId::new(number), account_id, symbol_id, Side::Buy, OrderState::Pending)
    }

    fn enter(orders: &mut OrderRegister, order_id: u64, source: u32, name: &[u8]) -> Entry {
        let (entry, source) = (orders.add(order(order_id)), SessionId::new(source));
        orders.name(orders.key(source, name), source, entry, name);
        entry
    }

    #[test]
    fn sessions_whose_keys_collide_are_told_apart() {
        let mut orders = OrderRegister::new(0);
        for source in 1..=3 {
            let entry = orders.add(order(source * 10));
            orders.name(42, SessionId::new(source as u32), entry, b"same");
        }
        for source in 1..=3 {
            let session = SessionId::new(source as u32);
            assert_eq!(orders.find_named(42, session, b"same"), orders.find(OrderId::new(source * 10)));
        }
        assert_eq!(orders.find_named(42, SessionId::new(4), b"same"), None);
        assert_eq!(orders.find_named(42, SessionId::new(1), b"other"), None);
    }

    #[test]
    fn memory_does_not_grow_with_what_is_forgotten() {
        let mut orders = OrderRegister::new(7);
        let resting = enter(&mut orders, 1, 5, b"resting");
        orders.set_slot(resting, Slot::of(0));
        for n in 2..200_000_u64 {
            orders.begin(n, 1_000_000, 100);
            let source = (n % 3) as u32;
            let entry = enter(&mut orders, n, source, n.to_string().as_bytes());
            orders.close(entry, OrderState::Filled);
        }
        assert_eq!(orders.check(), Ok(()));
        let name = |n: u64| {
            let (source, name) = (SessionId::new((n % 3) as u32), n.to_string());
            orders.find_named(orders.key(source, name.as_bytes()), source, name.as_bytes())
        };
        assert!(name(199_999).is_some() && name(199_999 - 3 * 99).is_some());
        assert!(name(199_999 - 3 * 100).is_none());
        assert_eq!(orders.find(OrderId::new(1)), Some(resting));
        assert_eq!((orders.remembered().len(), orders.names().len()), (301, 301));
        assert!(orders.namings.len() <= 310, "{}", orders.namings.len());
        orders.begin(3_000_000, 1_000_000, 100);
        assert_eq!(orders.names().len(), 1);
        for n in 0..400 {
            orders.begin(3_000_000 + n, 1_000_000, 100);
        }
        assert_eq!((orders.namings.len(), orders.orders.len()), (1, 1));
        assert_eq!(orders.check(), Ok(()));
    }
}
