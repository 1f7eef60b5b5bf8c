//! A symbol's market: instrument, book, waiting stops, pegged orders, prices, status.

pub mod book;
pub mod in_hand;
pub mod instrument;
pub mod mark_window;
pub mod namings;
pub mod open_orders;
pub mod order_register;
pub mod own_orders;
pub mod stops;

use std::collections::{BTreeMap, BTreeSet};

use crate::language::codes::{Side, SymbolStatus};
use crate::language::ids::{AccountId, FirmId, OrderId};
use crate::language::limits::{PEGS_PER_ACCOUNT_MAX, PEGS_PER_FIRM_MAX, PEGS_PER_SYMBOL_MAX};
use crate::language::units::Ticks;
use crate::market::book::{rank, Book};
use crate::market::in_hand::InHand;
use crate::market::instrument::Instrument;
use crate::market::mark_window::MarkWindow;
use crate::market::open_orders::Slot;
use crate::market::own_orders::{OwnOrders, Place};
use crate::market::stops::Stops;

/// Best bid and ask among orders that are neither pegged nor reduce-only, and the mark; 0 for none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct References {
    pub bid: Ticks,
    pub ask: Ticks,
    pub mark: Ticks,
}

pub struct Market {
    pub instrument: Instrument,
    pub book: Book,
    pub stops: Stops,
    /// Open pegged orders: slot by priority and order id.
    pub pegs: BTreeMap<(u64, OrderId), Slot>,
    pub status: SymbolStatus,
    pub is_delisted: bool,
    /// Mark and last price in ticks, 0 for none.
    pub mark: Ticks,
    pub last_px: Ticks,
    /// 0 while no breaker is active.
    pub breaker_until_ns: u64,
    pub window: MarkWindow,
    /// By what this round prices the pegs, and the place from which it goes on.
    pub peg_references: References,
    pub peg_next: (u64, OrderId),
    /// Pegs of each account and of each firm.
    pegs_of_accounts: BTreeMap<AccountId, u32>,
    pegs_of_firms: BTreeMap<FirmId, u32>,
    /// Reduce-only orders in the book, by account and priority.
    pub reducers: BTreeMap<(AccountId, u64, OrderId), Slot>,
    /// Accounts of which more rests than can be reduced.
    pub in_excess: BTreeSet<AccountId>,
    pub in_hand: InHand,
    /// Orders of suspended accounts that are not pegged.
    pub outside: BTreeMap<OrderId, Slot>,
    /// The auction that is under way, and what it has gathered of the firm it has come to and not forgotten yet.
    pub auction: Option<Auction>,
    pub own_orders: OwnOrders,
    /// Open orders, and accounts with a position or a debt.
    pub open_orders: u32,
    pub holders: u32,
}

/// How far own overlap has been taken out: all firms before this one; of its orders those up to one of an account are
/// gathered, and those up to a place netted and forgotten again.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Netting {
    pub firm_id: FirmId,
    pub account_id: AccountId,
    pub order_id: OrderId,
    pub forgotten: Option<Place>,
}

/// An auction that is under way.
#[derive(Clone, Copy)]
pub struct Auction {
    /// The status that follows.
    pub target: SymbolStatus,
    /// How far own overlap has been taken out, `None` when it is.
    pub netting: Option<Netting>,
    /// The price it trades at, 0 while that is sought.
    pub price: Ticks,
    pub walk: Option<Walk>,
}

/// How far the search for an auction's price has come: it trades the best levels of both sides on paper.
#[derive(Clone, Copy, Default)]
pub struct Walk {
    pub volume: i128,
    /// The levels it stands at, 0 when there is none left, and the lots that are left there.
    pub bid: Ticks,
    pub ask: Ticks,
    pub bid_lots: i128,
    pub ask_lots: i128,
    /// The levels it traded last.
    pub last_bid: Ticks,
    pub last_ask: Ticks,
}

impl Market {
    pub fn new(instrument: Instrument) -> Self {
        Self {
            instrument,
            book: Book::new(),
            stops: Stops::default(),
            pegs: BTreeMap::new(),
            status: SymbolStatus::Open,
            is_delisted: false,
            mark: Ticks::ZERO,
            last_px: Ticks::ZERO,
            breaker_until_ns: 0,
            window: MarkWindow::default(),
            peg_references: References::default(),
            peg_next: (0, OrderId::NONE),
            pegs_of_accounts: BTreeMap::new(),
            pegs_of_firms: BTreeMap::new(),
            reducers: BTreeMap::new(),
            in_excess: BTreeSet::new(),
            in_hand: InHand::new(),
            outside: BTreeMap::new(),
            auction: None,
            own_orders: OwnOrders::default(),
            open_orders: 0,
            holders: 0,
        }
    }

    pub fn netting(&self) -> Option<Netting> {
        self.auction.and_then(|auction| auction.netting)
    }

    /// Count the reduce-only orders of an account that rest.
    pub fn reducers_of(&self, account_id: AccountId) -> usize {
        self.reducers.range((account_id, 0, OrderId::NONE)..=(account_id, u64::MAX, OrderId::new(u64::MAX))).count()
    }

    /// Tell whether an auction has found its price, and has trades to tell.
    pub fn has_decided_trades(&self) -> bool {
        self.auction.is_some_and(|auction| !auction.price.is_zero())
    }

    /// Tell whether an order of a price is to trade in an auction that has found its own.
    pub fn trades_in_auction(&self, side: Side, price: Ticks) -> bool {
        let at = self.auction.map_or(Ticks::ZERO, |auction| auction.price);
        !at.is_zero() && rank(side, price) <= rank(side, at)
    }

    pub fn has_pegs(&self) -> bool {
        !self.pegs.is_empty()
    }

    /// The stop to be elected next, by the prices as they are.
    pub fn due_stop(&self) -> Option<Slot> {
        self.stops.next_due(self.last_px, self.mark)
    }

    /// Let a pegged order be priced.
    pub fn add_peg(&mut self, place: (u64, OrderId), slot: Slot, account_id: AccountId, firm_id: FirmId) {
        self.pegs.insert(place, slot);
        *self.pegs_of_accounts.entry(account_id).or_default() += 1;
        *self.pegs_of_firms.entry(firm_id).or_default() += 1;
    }

    /// Let a pegged order be priced no more, which may not be among them.
    pub fn remove_peg(&mut self, place: (u64, OrderId), account_id: AccountId, firm_id: FirmId) {
        if self.pegs.remove(&place).is_some() {
            count_down(&mut self.pegs_of_accounts, &account_id);
            count_down(&mut self.pegs_of_firms, &firm_id);
        }
    }

    /// Tell whether one more pegged order of this account may be open.
    pub fn may_peg(&self, account_id: AccountId, firm_id: FirmId) -> bool {
        self.pegs_of_accounts.get(&account_id).is_none_or(|count| *count < PEGS_PER_ACCOUNT_MAX)
            && self.pegs_of_firms.get(&firm_id).is_none_or(|count| *count < PEGS_PER_FIRM_MAX)
            && self.pegs.len() < PEGS_PER_SYMBOL_MAX
    }

    /// By what pegs are priced now.
    pub fn references(&self) -> References {
        let reference = |side: Side| self.book.reference(side).unwrap_or_default();
        References { bid: reference(Side::Buy), ask: reference(Side::Sell), mark: self.mark }
    }

    /// Tell whether a price lies within the band of a mark; without one there is none.
    pub fn is_within_band(&self, price: Ticks, mark: Ticks) -> bool {
        mark.is_zero() || self.instrument.check_band(price, mark).is_ok()
    }

    /// Hold the price up to which a market order takes to the band of the mark (RES-09, RES-98).
    pub fn collared(&self, side: Side, price: Ticks) -> Ticks {
        if self.mark.is_zero() {
            return price;
        }
        let edge = self.instrument.moved_by_band(side, self.mark);
        match side {
            Side::Buy => price.min(edge),
            Side::Sell => price.max(edge),
        }
    }

    /// Tell whether pegs may have to be priced.
    pub fn has_pegs_to_price(&self) -> bool {
        self.pegs
            .last_key_value()
            .is_some_and(|(last, _)| *last >= self.peg_next || self.references() != self.peg_references)
    }

    /// Forget all prices, because ticks or lots mean something else now.
    pub fn forget_prices(&mut self) {
        (self.mark, self.last_px) = (Ticks::ZERO, Ticks::ZERO);
        self.window.clear();
    }
}

/// Count one peg less of an owner.
fn count_down<K: Ord>(owners: &mut BTreeMap<K, u32>, owner: &K) {
    let count = owners.get_mut(owner).expect("a peg has an owner");
    *count -= 1;
    if *count == 0 {
        owners.remove(owner);
    }
}
