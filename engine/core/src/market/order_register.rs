//! The register of orders, open and lately closed, and of the `ClOrdIDs` that name them.
//!
//! A `ClOrdID` is in use while its order is open, if the order was entered with it or it is the latest one given to the
//! order. Else it is spent, and forgotten some time after: a repeated `ClOrdID` and a late cancel are answered with the
//! order they meant until then (docs/MATCHING.md, section 9). What is forgotten is found no more from that moment on;
//! its memory is used again a little later, which nobody can tell.

use crate::language::codes::{OrderState, Side};
use crate::language::ids::{keys, kinds, AccountId, Key, OrderId, SessionId, SymbolId};
use crate::language::text::ClOrdId;
use crate::language::units::{Lots, Ticks};
use crate::market::open_orders::Slot;
use crate::store::index::{hash, hash_number, Index};
use crate::store::slab::{Slab, NIL};

kinds! {
    /// Where an accepted order stands in the register.
    Entry(u32)
    /// Where a `ClOrdID` is kept.
    NamingSlot(u32)
}

keys! { Entry NamingSlot }

impl Entry {
    const NIL: Self = Self::new(NIL);
}

impl NamingSlot {
    const NIL: Self = Self::new(NIL);

    fn present(self) -> Option<Self> {
        (self != Self::NIL).then_some(self)
    }
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

/// A `ClOrdID` that names an order.
#[derive(Clone, Copy)]
struct Naming {
    source: SessionId,
    /// The order it names, by entry; `NIL` when it is not in use any more.
    entry: Entry,
    /// The one of its source that was spent next.
    next: NamingSlot,
    /// Its number among those its source has spent, modulo 2^32.
    number: u32,
    /// When it was spent, 0 while it is in use.
    spent_ns: u64,
    cl_ord_id: ClOrdId,
}

/// The `ClOrdIDs` a source has spent, the oldest first.
#[derive(Clone, Copy)]
struct Spent {
    first: NamingSlot,
    last: NamingSlot,
    /// Number of the next one.
    number: u32,
    /// Those with lower numbers are forgotten: too many were spent since.
    kept_from: u32,
}

const NONE_SPENT: Spent = Spent { first: NamingSlot::NIL, last: NamingSlot::NIL, number: 0, kept_from: 0 };

/// A `ClOrdID` that is not forgotten, as a snapshot holds it.
pub struct Named<'a> {
    pub source: SessionId,
    pub order_id: OrderId,
    /// The order was entered with it.
    pub is_entered: bool,
    /// 0 while it is in use.
    pub spent_ns: u64,
    pub cl_ord_id: &'a ClOrdId,
}

/// Spent `ClOrdIDs` whose memory is taken back for each one that is spent, and for each command.
const RECLAIMED_AT_ONCE: usize = 4;

pub struct OrderRegister {
    orders: Slab<Entry, Order>,
    by_order_id: Index<Entry>,
    namings: Slab<NamingSlot, Naming>,
    index: Index<NamingSlot>,
    /// By source.
    spent: Vec<Spent>,
    /// The source whose forgotten `ClOrdIDs` are looked for next.
    turn: usize,
    /// `ClOrdIDs` spent at or before this are forgotten.
    pub forgotten_ns: u64,
    now_ns: u64,
    /// How many spent `ClOrdIDs` of one source are remembered.
    spent_max: u32,
    seed: u64,
}

impl OrderRegister {
    pub fn new(seed: u64) -> Self {
        Self {
            orders: Slab::new(),
            by_order_id: Index::large(),
            namings: Slab::new(),
            index: Index::large(),
            spent: Vec::new(),
            turn: 0,
            forgotten_ns: 0,
            now_ns: 0,
            spent_max: 0,
            seed,
        }
    }

    /// Begin a command: forget what was spent longer ago than `window_ns`, or is not among the last `spent_max` of its source.
    #[inline(always)]
    pub fn begin(&mut self, now_ns: u64, window_ns: u64, spent_max: u32) {
        self.now_ns = now_ns;
        self.spent_max = spent_max;
        self.forgotten_ns = self.forgotten_ns.max(now_ns.saturating_sub(window_ns));
        if self.turn < self.spent.len() {
            self.reclaim(self.turn);
            self.turn += 1;
        } else {
            self.turn = 0;
        }
    }

    /// Hash a `ClOrdID` once for a look-up and the naming that may follow it.
    pub fn key(&self, source: SessionId, cl_ord_id: &[u8]) -> u64 {
        hash(self.seed, source.number(), cl_ord_id)
    }

    /// Find the entry a session's `ClOrdID` names. Cost: O(1) expected.
    #[inline(always)]
    pub fn find_named(&self, key: u64, source: SessionId, cl_ord_id: &[u8]) -> Option<Entry> {
        let is_same = |at: NamingSlot| {
            let naming = &self.namings[at];
            naming.source == source && naming.cl_ord_id.as_bytes() == cl_ord_id && !self.is_forgotten(naming)
        };
        self.index.find(key, is_same).map(|at| self.namings[at].entry)
    }

    /// Read what looking up a `ClOrdID` will read first, so that it is in the cache by then.
    pub fn warm(&self, key: u64) -> u32 {
        self.index.warm(key)
    }

    /// Find an order by its id: it is open, or what it was entered with is not forgotten. Cost: O(1) expected.
    pub fn find(&self, order_id: OrderId) -> Option<Entry> {
        let entry = self.entry(order_id)?;
        let order = &self.orders[entry];
        let is_remembered = || order.entered != NamingSlot::NIL && !self.is_forgotten(&self.namings[order.entered]);
        (order.slot != Slot::NIL || is_remembered()).then_some(entry)
    }

    /// Find what most likely is the entry of an order, without looking at it.
    pub fn guess(&self, order_id: OrderId) -> Option<Entry> {
        (!order_id.is_none()).then(|| self.by_order_id.find(hash_number(self.seed, order_id.number()), |_| true))?
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
        let cl_ord_id = ClOrdId::of_printable(cl_ord_id);
        let at =
            self.insert_naming(key, Naming { source, entry, next: NamingSlot::NIL, number: 0, spent_ns: 0, cl_ord_id });
        let order = &mut self.orders[entry];
        if order.entered == NamingSlot::NIL {
            order.entered = at;
            return;
        }
        let superseded = std::mem::replace(&mut order.latest, at);
        if superseded != NamingSlot::NIL {
            self.spend(superseded);
        }
    }

    fn insert_naming(&mut self, key: u64, naming: Naming) -> NamingSlot {
        let at = self.namings.insert(naming);
        self.index.insert(key, at);
        self.orders[naming.entry].names += 1;
        at
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
        let source = self.namings[at].source.at();
        if source >= self.spent.len() {
            self.spent.resize(source + 1, NONE_SPENT);
        }
        self.queue(at, self.now_ns);
        let spent = &mut self.spent[source];
        let kept_from = spent.number.wrapping_sub(self.spent_max);
        if is_before(spent.kept_from, kept_from) {
            spent.kept_from = kept_from;
        }
        self.reclaim(source);
    }

    /// Put a `ClOrdID` behind those its source has spent.
    fn queue(&mut self, at: NamingSlot, spent_ns: u64) {
        let spent = &mut self.spent[self.namings[at].source.at()];
        let last = std::mem::replace(&mut spent.last, at);
        if last == NamingSlot::NIL {
            spent.first = at;
        } else {
            self.namings[last].next = at;
        }
        let naming = &mut self.namings[at];
        (naming.number, naming.spent_ns) = (spent.number, spent_ns);
        spent.number = spent.number.wrapping_add(1);
    }

    fn is_forgotten(&self, naming: &Naming) -> bool {
        naming.spent_ns != 0
            && (naming.spent_ns <= self.forgotten_ns
                || is_before(naming.number, self.spent[naming.source.at()].kept_from))
    }

    /// Use again the memory of a few `ClOrdIDs` that a source has spent and that are forgotten.
    #[inline(always)]
    fn reclaim(&mut self, source: usize) {
        for _ in 0..RECLAIMED_AT_ONCE {
            let first = self.spent[source].first;
            if first == NamingSlot::NIL || !self.is_forgotten(&self.namings[first]) {
                return;
            }
            self.spent[source].first = self.namings[first].next;
            if self.spent[source].first == NamingSlot::NIL {
                self.spent[source].last = NamingSlot::NIL;
            }
            self.drop_naming(first);
        }
    }

    fn drop_naming(&mut self, at: NamingSlot) {
        let naming = self.namings[at];
        self.index.remove(self.key(naming.source, naming.cl_ord_id.as_bytes()), at);
        self.namings[at].entry = Entry::NIL;
        self.namings.remove(at);
        let order = &mut self.orders[naming.entry];
        order.names -= 1;
        if order.entered == at {
            order.entered = NamingSlot::NIL;
        }
        if order.names == 0 {
            let order_id = std::mem::take(&mut order.order_id);
            self.by_order_id.remove(hash_number(self.seed, order_id.number()), naming.entry);
            self.orders.remove(naming.entry);
        }
    }

    /// List the orders that are open or have a `ClOrdID` that is not forgotten, by id. Cost: O(n log n).
    pub fn remembered(&self) -> Vec<&Order> {
        let mut named: Vec<&Order> = self.spent_names().map(|at| &self.orders[self.namings[at].entry]).collect();
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
        names.extend(self.spent_names().map(|at| self.named(at)));
        names.sort_by_key(|named| named.source);
        names
    }

    fn named(&self, at: NamingSlot) -> Named<'_> {
        let Naming { source, entry, spent_ns, cl_ord_id, .. } = &self.namings[at];
        let Order { order_id, entered, .. } = self.orders[*entry];
        Named { source: *source, order_id, is_entered: entered == at, spent_ns: *spent_ns, cl_ord_id }
    }

    /// Let a `ClOrdID` name an order as a snapshot says; `None` when that cannot be.
    pub fn restore_name(&mut self, named: &Named<'_>) -> Option<()> {
        let Named { source, order_id, is_entered, spent_ns, cl_ord_id } = *named;
        let entry = self.entry(order_id)?;
        let key = self.key(source, cl_ord_id.as_bytes());
        if self.find_named(key, source, cl_ord_id.as_bytes()).is_some() {
            return None;
        }
        let naming = Naming { source, entry, next: NamingSlot::NIL, number: 0, spent_ns, cl_ord_id: *cl_ord_id };
        let at = self.insert_naming(key, naming);
        let order = &mut self.orders[entry];
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
            if source.at() >= self.spent.len() {
                self.spent.resize(source.at() + 1, NONE_SPENT);
            }
            self.queue(at, spent_ns);
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

    /// Walk the spent `ClOrdIDs` that are not forgotten, by source, the oldest first.
    fn spent_names(&self) -> impl Iterator<Item = NamingSlot> + '_ {
        let queues = self.spent.iter().flat_map(move |spent| {
            std::iter::successors(spent.first.present(), move |at| self.namings[*at].next.present())
        });
        queues.filter(|at| !self.is_forgotten(&self.namings[*at]))
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
        let mut kept = 0;
        for (at, naming) in self.namings.iter().filter(|(_, naming)| naming.entry != Entry::NIL) {
            kept += 1;
            let key = self.key(naming.source, naming.cl_ord_id.as_bytes());
            if self.index.find(key, |found| found == at).is_none() {
                return Err("a ClOrdID is not found under its key");
            }
            let found = self.find_named(key, naming.source, naming.cl_ord_id.as_bytes());
            if !self.is_forgotten(naming) && found != Some(naming.entry) {
                return Err("a ClOrdID does not name its order");
            }
        }
        let named: usize =
            self.orders.iter().filter(|(_, o)| !o.order_id.is_none()).map(|(_, o)| o.names as usize).sum();
        if (kept, self.by_order_id.len()) == (self.index.len(), self.orders.len()) && kept == named {
            Ok(())
        } else {
            Err("the index of ClOrdIDs has another length")
        }
    }
}

/// Compare numbers that count modulo 2^32.
fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
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
        assert!(orders.namings.iter().count() <= 310, "{}", orders.namings.iter().count());
        orders.begin(3_000_000, 1_000_000, 100);
        assert_eq!(orders.names().len(), 1);
        for n in 0..400 {
            orders.begin(3_000_000 + n, 1_000_000, 100);
        }
        assert_eq!((orders.namings.len(), orders.orders.len(), orders.index.len()), (1, 1, 1));
        assert_eq!(orders.check(), Ok(()));
    }
}
