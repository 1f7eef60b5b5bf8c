//! The whole state.

use std::collections::BTreeSet;

use crate::accounts::account::{Account, Asset, Balance};
use crate::accounts::deposit_refs::DepositRefs;
use crate::accounts::position;
use crate::language::codes::{AccountKind, Code, InstrumentKind, SessionKind, SymbolStatus, VenueStatus};
use crate::language::crc32c::Checksum;
use crate::language::limits::{ACCOUNTS_MAX, ASSETS_MAX, FIRMS_MAX, SESSIONS_MAX, SYMBOLS_MAX};
use crate::language::listing::Listing;
use crate::language::record::Records;
use crate::market::instrument::Instrument;
use crate::market::open_orders::OpenOrders;
use crate::market::order_register::OrderRegister;
use crate::market::Market;
use crate::state::look_ahead::Ahead;
use crate::store::registry::Registry;

pub struct Session {
    pub firm_id: u32,
    pub kind: SessionKind,
    /// Its kill switch is on.
    pub is_blocked: bool,
}

pub struct Firm {
    /// Its accounts in the order in which they were opened.
    pub accounts: Vec<u32>,
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
    /// Steps and elections it may still cause.
    pub steps: u32,
    pub elections: u32,
}

pub struct Exchange {
    pub(crate) checksum: Checksum,
    pub(crate) log_end: LogEnd,
    pub(crate) venue_status: VenueStatus,
    pub(crate) assets: Registry<Asset>,
    pub(crate) firms: Registry<Firm>,
    pub(crate) accounts: Registry<Account>,
    pub(crate) sessions: Registry<Session>,
    pub(crate) markets: Registry<Market>,
    pub(crate) deposit_refs: DepositRefs,
    pub(crate) orders: OrderRegister,
    pub(crate) open: OpenOrders,
    /// DAY and GTD orders: expiry, order id, slot.
    pub(crate) expiries: BTreeSet<(u64, u64, u32)>,
    /// Active breakers: until when, and the symbol.
    pub(crate) breakers: BTreeSet<(u64, u32)>,
    pub(crate) ahead: Ahead,
    /// Symbols in which something may have to follow from what happened.
    pub(crate) touched: Vec<u32>,
    pub(crate) now: Now,
    pub(crate) records: Records,
}

impl Exchange {
    /// Create an empty exchange. `seed` spreads the hash tables and decides nothing.
    pub fn new(seed: u64, checksum: Checksum) -> Self {
        Self {
            checksum,
            log_end: LogEnd::default(),
            venue_status: VenueStatus::Open,
            assets: Registry::new(ASSETS_MAX, seed),
            firms: Registry::new(FIRMS_MAX, seed),
            accounts: Registry::new(ACCOUNTS_MAX, seed),
            sessions: Registry::new(SESSIONS_MAX, seed),
            markets: Registry::new(SYMBOLS_MAX, seed),
            deposit_refs: DepositRefs::new(seed),
            orders: OrderRegister::new(seed),
            open: OpenOrders::new(),
            expiries: BTreeSet::new(),
            breakers: BTreeSet::new(),
            ahead: Ahead::default(),
            touched: Vec::new(),
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

    /// When something is due next, 0 for never: a breaker ends or an order expires (section 1 of docs/MATCHING.md).
    pub fn next_due_ns(&self) -> u64 {
        let breaker = self.breakers.first().map(|(until_ns, _)| *until_ns);
        let expiry = self.expiries.first().map(|(expiry, _, _)| *expiry);
        [breaker, expiry].into_iter().flatten().min().unwrap_or(0)
    }

    /// The records the last `apply` finished.
    pub fn records(&self) -> &[u8] {
        self.records.as_bytes()
    }

    /// Check a listing against the assets and the accounts it names.
    pub(crate) fn instrument(&self, symbol_id: u32, listing: Listing) -> Decision<Instrument> {
        let base = self.assets.get(listing.base_asset_id).ok_or(Code::UnknownReference)?;
        let quote = self.assets.get(listing.quote_asset_id).ok_or(Code::UnknownReference)?;
        let fee_account = self.accounts.get(listing.fee_account_id).ok_or(Code::UnknownReference)?;
        if listing.kind == InstrumentKind::Perpetual {
            let pnl_account = self.accounts.get(listing.pnl_account_id).ok_or(Code::UnknownReference)?;
            let is_taken = |(id, market): (u32, &Market)| {
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
    pub(crate) fn touch(&mut self, symbol_id: u32) {
        let market = &mut self.markets[symbol_id];
        if !market.is_touched {
            market.is_touched = true;
            self.touched.push(symbol_id);
        }
    }

    /// The firm for which a source may enter orders and ask about them.
    pub(crate) fn firm_of(&self, source: u32) -> Option<u32> {
        let session = self.sessions.get(source)?;
        (session.kind == SessionKind::OrderEntry).then_some(session.firm_id)
    }

    /// Tell whether stops are elected and pegs repriced in a symbol.
    pub(crate) fn is_trading(&self, symbol_id: u32) -> bool {
        let market = &self.markets[symbol_id];
        self.venue_status == VenueStatus::Open && market.status == SymbolStatus::Open && market.breaker_until_ns == 0
    }

    /// Walk all positions that came into being, by account and symbol.
    pub fn positions(&self) -> impl Iterator<Item = (u32, &position::Position)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.positions.iter().map(move |position| (id, position)))
    }

    /// Walk all balances that are not zero, by account and asset.
    pub fn balances(&self) -> impl Iterator<Item = (u32, u32, Balance)> + '_ {
        let accounts = self.accounts.iter();
        accounts.flat_map(|(id, entry)| entry.value.balances().map(move |(asset, balance)| (id, asset, balance)))
    }
}

/// A refusal's code as the error of a decision.
pub type Decision<T = ()> = Result<T, Code>;
