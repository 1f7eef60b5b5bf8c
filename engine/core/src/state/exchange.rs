//! The whole state.

use std::collections::{BTreeMap, BTreeSet};

use crate::accounts::account::{Account, Asset, Balance};
use crate::accounts::deposit_refs::DepositRefs;
use crate::accounts::position;
use crate::language::codes::{
    AccountKind, Code, ExecInst, InstrumentKind, SessionKind, Side, SymbolStatus, VenueStatus,
};
use crate::language::crc32c::Checksum;
use crate::language::ids::{AccountId, AssetId, FirmId, Key, OrderId, SessionId, SymbolId};
use crate::language::limits::{
    ACCOUNTS_MAX, ASSETS_MAX, FIRMS_MAX, LOOKS_PER_STEP, SESSIONS_MAX, STEPS_PER_COMMAND_MAX, SYMBOLS_MAX,
};
use crate::language::listing::Listing;
use crate::language::processor::{Prefetch, Processor};
use crate::language::record::Records;
use crate::language::units::Minor;
use crate::market::instrument::Instrument;
use crate::market::open_orders::{OpenOrders, Slot};
use crate::market::order_register::OrderRegister;
use crate::market::Market;
use crate::state::look_ahead::Ahead;
use crate::state::ruleset::Ruleset;
use crate::store::bits::Bits;
use crate::store::registry::Registry;

pub struct Session {
    pub firm_id: FirmId,
    pub kind: SessionKind,
    /// Whose kill switch keeps it from entering orders.
    pub blocked: Blocked,
}

/// Who set a session's kill switch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Blocked {
    No,
    /// The session itself, or operations, and they alone lift it.
    BySession,
    ByOperations,
}

#[derive(Default)]
pub struct Firm {
    /// Its accounts by id.
    pub accounts: Vec<AccountId>,
    /// What they owe together, by asset.
    pub loans: BTreeMap<AssetId, Minor>,
}

/// Where the log ends: what the next record follows.
#[derive(Clone, Copy, Default)]
pub struct LogEnd {
    pub seq: u64,
    /// Time of the last event.
    pub event_ts_ns: u64,
    /// CRC of the last record.
    pub crc: u32,
}

/// The command in hand.
#[derive(Clone, Copy, Default)]
pub struct Now {
    pub seq: u64,
    pub ts_ns: u64,
    /// Steps it may still take, and looks that are paid for.
    pub steps: u32,
    pub looks: u32,
    /// Orders may be out of the market that stand in the books.
    pub may_be_out: bool,
    /// Something is left to do in the symbol of the order in hand that came before it.
    pub must_wait: bool,
}

impl Now {
    /// Take a step; tells whether there was one left.
    pub fn step(&mut self) -> bool {
        let has_step = self.steps > 0;
        self.steps -= u32::from(has_step);
        has_step
    }

    /// Look at one of many; tells whether there was a look left.
    pub fn look(&mut self) -> bool {
        if self.looks == 0 {
            if !self.step() {
                return false;
            }
            self.looks = LOOKS_PER_STEP;
        }
        self.looks -= 1;
        true
    }
}

/// A mass cancel that has not told all its cancels yet. Ids are 0 where it does not ask.
#[derive(Clone, Copy)]
pub struct Withdrawal {
    /// Of its command: it means orders accepted before.
    pub seq: u64,
    pub firm_id: FirmId,
    pub account_id: AccountId,
    pub symbol_id: SymbolId,
    pub session_id: SessionId,
    pub side: Option<Side>,
    /// Orders with these flags stay, if there are any flags.
    pub keeps: ExecInst,
    pub code: Code,
    pub is_operations: bool,
    pub canceled: u32,
    /// The account it has come to, the last of its orders that it has looked at, and the slot of the next one.
    pub at_account: AccountId,
    pub at_order: OrderId,
    pub next: Slot,
}

/// How far the orders of an account have come that are taken out of the market or brought back: the last one that was
/// looked at, and the next.
#[derive(Clone, Copy)]
pub struct Move {
    pub at_order: OrderId,
    pub next: Slot,
}

pub struct Exchange {
    pub(crate) checksum: Checksum,
    pub(crate) prefetch: Prefetch,
    pub(crate) log_end: LogEnd,
    pub(crate) venue_status: VenueStatus,
    pub(crate) assets: Registry<AssetId, Asset>,
    pub(crate) firms: Registry<FirmId, Firm>,
    pub(crate) accounts: Registry<AccountId, Account>,
    pub(crate) sessions: Registry<SessionId, Session>,
    pub(crate) markets: Registry<SymbolId, Market>,
    pub(crate) ruleset: Ruleset,
    pub(crate) deposit_refs: DepositRefs,
    pub(crate) orders: OrderRegister,
    pub(crate) open: OpenOrders,
    /// DAY and GTD orders: expiry, order id, slot.
    pub(crate) expiries: BTreeSet<(u64, OrderId, Slot)>,
    /// Active breakers: until when, and the symbol.
    pub(crate) breakers: BTreeSet<(u64, SymbolId)>,
    pub(crate) ahead: Ahead,
    /// Symbols in which something may be left to do: all those in which something is.
    pub(crate) touched: Bits<SymbolId>,
    /// The symbol with which work that was left goes on.
    pub(crate) turn: SymbolId,
    /// Steps a record may take.
    pub(crate) steps_max: u32,
    /// Mass cancels with cancels left to tell, the oldest first.
    pub(crate) withdrawals: Vec<Withdrawal>,
    /// Accounts whose orders are not all out of the market, or back, since their status changed.
    pub(crate) moves: BTreeMap<AccountId, Move>,
    /// Delisted symbols whose orders are not all canceled yet.
    pub(crate) delisted_with_orders: u32,
    /// Spot instruments that have a mark, by base and quote asset: they tell what one is worth in the other.
    pub(crate) valuing: BTreeMap<(AssetId, AssetId), BTreeSet<SymbolId>>,
    pub(crate) now: Now,
    pub(crate) records: Records,
}

impl Exchange {
    /// Create an empty exchange. `seed` spreads the hash tables and decides nothing.
    pub fn new(seed: u64, processor: Processor) -> Self {
        let Processor { checksum, prefetch } = processor;
        Self {
            checksum,
            prefetch,
            log_end: LogEnd::default(),
            venue_status: VenueStatus::Open,
            assets: Registry::new(ASSETS_MAX, seed),
            firms: Registry::new(FIRMS_MAX, seed),
            accounts: Registry::new(ACCOUNTS_MAX, seed),
            sessions: Registry::new(SESSIONS_MAX, seed),
            markets: Registry::new(SYMBOLS_MAX, seed),
            ruleset: Ruleset::new(),
            deposit_refs: DepositRefs::new(seed),
            orders: OrderRegister::new(seed),
            open: OpenOrders::new(),
            expiries: BTreeSet::new(),
            breakers: BTreeSet::new(),
            ahead: Ahead::default(),
            touched: Bits::new(),
            turn: SymbolId::NONE,
            steps_max: STEPS_PER_COMMAND_MAX,
            withdrawals: Vec::new(),
            moves: BTreeMap::new(),
            delisted_with_orders: 0,
            valuing: BTreeMap::new(),
            now: Now::default(),
            records: Records::default(),
        }
    }

    pub fn log_end(&self) -> LogEnd {
        self.log_end
    }

    pub fn open_orders(&self) -> usize {
        self.open.len()
    }

    /// When something is due next, 0 for never: long ago while work is left, else when a rule holds, a breaker ends or an order
    /// expires (section 1 of docs/MATCHING.md).
    pub fn next_due_ns(&self) -> u64 {
        let mut touched =
            std::iter::successors(self.touched.first_from(SymbolId::NONE), |at| self.touched.first_from(at.next()));
        if !self.withdrawals.is_empty() || !self.moves.is_empty() || touched.any(|symbol_id| self.has_work(symbol_id)) {
            return 1;
        }
        let change = self.ruleset.scheduled.first_key_value().map(|((effective_ns, _), _)| *effective_ns);
        let breaker = self.breakers.first().map(|(until_ns, _)| *until_ns);
        let expiry = self.expiries.first().map(|(expiry, _, _)| *expiry);
        [change, breaker, expiry].into_iter().flatten().min().unwrap_or(0)
    }

    /// The records the last `apply` finished.
    pub fn records(&self) -> &[u8] {
        self.records.as_bytes()
    }

    /// Check a listing against the assets and the accounts it names.
    pub(crate) fn instrument(&self, symbol_id: SymbolId, listing: Listing) -> Decision<Instrument> {
        let base = self.assets.get(listing.base_asset_id).ok_or(Code::UnknownReference)?;
        let quote = self.assets.get(listing.quote_asset_id).ok_or(Code::UnknownReference)?;
        let fee_account = self.accounts.get(listing.fee_account_id).ok_or(Code::UnknownReference)?;
        if listing.kind == InstrumentKind::Perpetual {
            let pnl_account = self.accounts.get(listing.pnl_account_id).ok_or(Code::UnknownReference)?;
            let is_taken = |(id, market): (SymbolId, &Market)| {
                id != symbol_id && market.instrument.listing.pnl_account_id == listing.pnl_account_id
            };
            let mut markets = self.markets.iter().map(|(id, entry)| (id, &entry.value));
            if pnl_account.kind != AccountKind::ClearingPnl || markets.any(is_taken) {
                return Err(Code::BoundExceeded);
            }
        }
        if fee_account.kind != AccountKind::System {
            return Err(Code::BoundExceeded);
        }
        Instrument::new(listing, base.decimals, quote.decimals)
    }

    /// Remember that something may follow from what happened in a symbol.
    pub(crate) fn touch(&mut self, symbol_id: SymbolId) {
        self.touched.insert(symbol_id);
    }

    /// Tell whether something is left to do in a market.
    pub(crate) fn has_work(&self, symbol_id: SymbolId) -> bool {
        let market = &self.markets[symbol_id];
        if market.is_delisted || market.auction.is_some() {
            return market.auction.is_some() || market.open_orders > 0;
        }
        if !market.in_excess.is_empty() {
            return true;
        }
        self.is_trading(symbol_id)
            && (!market.in_hand.is_empty() || market.due_stop().is_some() || market.has_pegs_to_price())
    }

    /// Let what the command enters in a symbol wait, if something is left to do there that came before.
    #[inline(always)]
    pub(crate) fn find_whether_to_wait(&mut self, symbol_id: SymbolId) {
        self.now.must_wait = self.touched.contains(symbol_id) && self.is_trading(symbol_id) && self.has_work(symbol_id);
    }

    /// The share of the steps that a command spends on what others have left, before and after its own events.
    pub(crate) fn share(&self) -> u32 {
        self.steps_max / 8
    }

    /// How many orders take part in a round of pro-rata matching.
    pub(crate) fn pro_rata_makers_max(&self) -> usize {
        self.steps_max as usize / 4
    }

    /// Steps in which an order must be filled that is filled at once or not at all.
    pub(crate) fn fill_steps_max(&self) -> u32 {
        self.steps_max / 2
    }

    /// Let a market's mark value its base asset, or no longer.
    pub(crate) fn note_mark(&mut self, symbol_id: SymbolId) {
        let market = &self.markets[symbol_id];
        let listing = &market.instrument.listing;
        if listing.kind == InstrumentKind::Spot {
            let valuing = self.valuing.entry((listing.base_asset_id, listing.quote_asset_id)).or_default();
            if !market.mark.is_zero() && !market.is_delisted {
                valuing.insert(symbol_id);
            } else {
                valuing.remove(&symbol_id);
            }
        }
    }

    /// The firm for which a source may enter orders and ask about them.
    pub(crate) fn firm_of(&self, source: SessionId) -> Option<FirmId> {
        let session = self.sessions.get(source)?;
        (session.kind == SessionKind::OrderEntry).then_some(session.firm_id)
    }

    /// Tell whether stops are elected and pegs repriced in a symbol.
    pub(crate) fn is_trading(&self, symbol_id: SymbolId) -> bool {
        let market = &self.markets[symbol_id];
        self.venue_status == VenueStatus::Open && market.status == SymbolStatus::Open && market.breaker_until_ns == 0
    }

    /// Walk all positions that came into being, by account and symbol.
    pub fn positions(&self) -> impl Iterator<Item = (AccountId, &position::Position)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.positions.iter().map(move |position| (id, position)))
    }

    /// Walk all balances that are not zero, by account and asset.
    pub fn balances(&self) -> impl Iterator<Item = (AccountId, AssetId, Balance)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.balances().map(move |(asset, balance)| (id, asset, balance)))
    }
}

/// A refusal's code as the error of a decision.
pub type Decision<T = ()> = Result<T, Code>;
