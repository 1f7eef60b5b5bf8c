//! Snapshots: the whole state as bytes. Equal states give equal bytes, whatever way led to them.
//!
//! Little-endian; amounts are 128-bit two's complement; a text is its length u8, then its ASCII; a list is its
//! count u64, then its members:
//!
//! ```text
//! magic       b"EXCHSNAP", version u32 = 6
//! position    seq u64, event_ts_ns u64 (time of the last event), crc u32 (of the last record), forgotten_ns u64
//!             (ClOrdIDs spent at or before it are forgotten)
//! venue       status u8
//! work        steps_max u32, turn u32 (the symbol with which work that was left goes on),
//!             mass cancels that are not complete, list in order of time: seq u64, firm_id u32, account_id u32,
//!             symbol_id u32, session_id u32, side u8, is_operations u8, keeps u8, code u16, canceled u32, at_account u32,
//!             at_order u64; suspensions and their ends that are not complete, list by account: account_id u32,
//!             at_order u64
//! assets      list by id: asset_id u32, name text, decimals u8, deposited i128, weight_ppm u32,
//!             lending_account_id u32, lent i128
//! firms       list by id: firm_id u32, name text
//! accounts    list by id: account_id u32, name text, firm_id u32, kind u8, status u8, margin_state u8, tier u8,
//!             leverage_max u8, position_notional_max i128,
//!             balances list by asset, those that are not zero: asset_id u32, available i128, locked i128, loan i128,
//!             positions list by symbol: symbol_id u32, leverage u8, is_isolated u8, size i64, cost i128,
//!             margin i128, extra i128, debt i128
//! sessions    list by id: session_id u32, comp_id text, firm_id u32, kind u8, blocked u8 (0 not, 1 by itself, 2 by operations)
//! instruments list by id: symbol_id u32, symbol text, kind u8, matching u8, max_leverage u8, pnl_account_id u32,
//!             base_asset_id u32, quote_asset_id u32, tick_decimals u8, lot_decimals u8, tick i64, lot i64,
//!             min_qty i64, max_qty i64, min_notional i128, max_notional i128, maker_ppm i32, taker_ppm i32,
//!             band_ppm u32, fee_account_id u32, status u8, is_delisted u8, mark i64, last_px i64,
//!             breaker_until_ns u64, marks below all later ones of the breaker's window list, then those above all later
//!             ones, by time: ts_ns u64, price i64,
//!             pegs: best bid i64, best ask i64, mark i64 (by which they are being priced; 0 none), peg_next u64, u64 (priority and order id),
//!             auction: target status u8 (0: none), is_netting u8, firm_id u32, account_id u32, order_id u64 (up to which own
//!             orders were gathered; 0 when it is done), group u32, account_id u32 (0: the other), side u8, price i64,
//!             priority u64, order_id u64 (of the last that was forgotten again; 0 none), price i64 (0: sought), bid i64, ask i64, last_bid i64,
//!             last_ask i64, volume i128, bid_lots i128, ask_lots i128 (all 0 where the search has not begun)
//! rules       version u64,
//!             parameters list by number: value i64, version u64, seq u64 (since when it holds),
//!             own values list by parameter and subject: parameter u8, subject_id u32, value i64, version u64, seq u64,
//!             margin brackets list by symbol, 0 first: symbol_id u32, rows list: notional_max i64, leverage_max u8,
//!             maintenance_ppm u32; version u64, seq u64,
//!             fee rates list by account and symbol: account_id u32, symbol_id u32, maker_ppm i32, taker_ppm i32,
//!             version u64, seq u64,
//!             scheduled list by time and version: version u64, command list of u8
//! deposits    list in order of time: deposit_ref text
//! orders      list by order_id, open ones and those a ClOrdID names: order_id u64, account_id u32, symbol_id u32,
//!             side u8, state u8
//! cl_ord_ids  list of those not forgotten by source, first those in use by order id, then those spent in their order:
//!             source u32, order_id u64, is_entered u8 (its order was
//!             entered with it), spent_ns u64 (0 while it is in use), cl_ord_id text
//! open orders for each instrument by id, first the bids, then the asks as they would trade, then those without a
//!             place in the book by order_id, each a list, has_begun u8 (the first in hand has begun its turn), and the order
//!             ids of those in hand in the order of their turns, a list; an order: order_id u64, priority u64, source u32, ord_type u8, time_in_force u8,
//!             exec_inst u8, trigger u8, peg u8, stp u8, is_triggered u8, is_outside u8, price i64 (0 while it waits),
//!             limit i64, stop_px i64, order_qty i64, leaves i64, display i64 (0 without a place), max_floor i64,
//!             min_qty i64, peg_offset i64, taken_off i64, expire_time_ns u64, stp_group u32, maker_ppm i32, taker_ppm i32 (as it was
//!             accepted), per_lot i128, traded i128 (sum of price times quantity)
//! crc32c      u32, of all bytes before
//! ```

use crate::accounts::account::Account;
use crate::language::codes::SIDES;
use crate::language::ids::{AccountId, SymbolId};
use crate::language::listing::Listing;
use crate::language::text::Text;
use crate::language::units::{Lots, Ticks};
use crate::market::book::LevelSlot;
use crate::market::open_orders::{Hand, Slot};
use crate::market::own_orders::{Owner, Place};
use crate::market::{Market, Netting, References};
use crate::state::exchange::{Exchange, Withdrawal};
use crate::state::ruleset::InForce;

pub const MAGIC: &[u8; 8] = b"EXCHSNAP";
pub const VERSION: u32 = 6;

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes.extend_from_slice(&bytes);
    }

    fn count(&mut self, count: usize) {
        self.put((count as u64).to_le_bytes());
    }

    fn since<T>(&mut self, value: &InForce<T>) {
        self.put(value.version.to_le_bytes());
        self.put(value.seq.to_le_bytes());
    }

    fn text<const N: usize>(&mut self, text: &Text<N>) {
        self.ascii(text.as_bytes());
    }

    fn ascii(&mut self, raw: &[u8]) {
        self.put([raw.len() as u8]);
        self.bytes.extend_from_slice(raw);
    }
}

impl Exchange {
    /// Write the state. Cost: O(all orders ever accepted).
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.put(*MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(self.log_end.seq.to_le_bytes());
        out.put(self.log_end.event_ts_ns.to_le_bytes());
        out.put(self.log_end.crc.to_le_bytes());
        out.put(self.orders.forgotten_ns().to_le_bytes());
        out.put([self.venue_status as u8]);
        self.write_work(&mut out);
        self.write_registries(&mut out);
        self.write_instruments(&mut out);
        self.write_rules(&mut out);
        self.write_orders(&mut out);
        self.write_open_orders(&mut out);
        let crc = (self.checksum)(&[], &[&out.bytes]);
        out.put(crc.to_le_bytes());
        out.bytes
    }

    fn write_work(&self, out: &mut Writer) {
        out.put(self.steps_max.to_le_bytes());
        out.put(self.turn.to_le_bytes());
        out.count(self.withdrawals.len());
        for withdrawal in &self.withdrawals {
            out.put(withdrawal.seq.to_le_bytes());
            let Withdrawal { firm_id, account_id, symbol_id, session_id, .. } = *withdrawal;
            out.put(firm_id.to_le_bytes());
            out.put(account_id.to_le_bytes());
            out.put(symbol_id.to_le_bytes());
            out.put(session_id.to_le_bytes());
            out.put([withdrawal.side.map_or(0, |side| side as u8), u8::from(withdrawal.is_operations)]);
            out.put([withdrawal.keeps.bits()]);
            out.put((withdrawal.code as u16).to_le_bytes());
            out.put(withdrawal.canceled.to_le_bytes());
            out.put(withdrawal.at_account.to_le_bytes());
            out.put(withdrawal.at_order.to_le_bytes());
        }
        out.count(self.moves.len());
        for (account_id, way) in &self.moves {
            out.put(account_id.to_le_bytes());
            out.put(way.at_order.to_le_bytes());
        }
    }

    fn write_registries(&self, out: &mut Writer) {
        out.count(self.assets.len());
        for (id, entry) in self.assets.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
            out.put([entry.value.decimals]);
            out.put(entry.value.deposited.to_le_bytes());
            out.put(entry.value.weight_ppm.to_le_bytes());
            out.put(entry.value.lending_account_id.to_le_bytes());
            out.put(entry.value.lent.to_le_bytes());
        }
        out.count(self.firms.len());
        for (id, entry) in self.firms.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
        }
        out.count(self.accounts.len());
        for (id, entry) in self.accounts.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
            write_account(out, &entry.value);
        }
        out.count(self.sessions.len());
        for (id, entry) in self.sessions.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
            out.put(entry.value.firm_id.to_le_bytes());
            out.put([entry.value.kind as u8, entry.value.blocked as u8]);
        }
    }

    fn write_instruments(&self, out: &mut Writer) {
        out.count(self.markets.len());
        for (id, entry) in self.markets.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
            write_listing(out, &entry.value.instrument.listing);
            write_market(out, &entry.value);
        }
    }

    /// The rules alone, as a snapshot has them.
    pub fn rules(&self) -> Vec<u8> {
        let mut out = Writer::default();
        self.write_rules(&mut out);
        out.bytes
    }

    fn write_rules(&self, out: &mut Writer) {
        let rules = &self.ruleset;
        out.put(rules.version.to_le_bytes());
        out.count(rules.venue_wide.len());
        for value in &rules.venue_wide {
            out.put(value.rule.to_le_bytes());
            out.since(value);
        }
        out.count(rules.own.len());
        for ((parameter, subject_id), value) in &rules.own {
            out.put([*parameter as u8]);
            out.put(subject_id.to_le_bytes());
            out.put(value.rule.to_le_bytes());
            out.since(value);
        }
        out.count(1 + rules.own_brackets.len());
        let own_brackets = rules.own_brackets.iter().map(|(symbol_id, brackets)| (*symbol_id, brackets));
        for (symbol_id, brackets) in std::iter::once((SymbolId::NONE, &rules.brackets)).chain(own_brackets) {
            out.put(symbol_id.to_le_bytes());
            out.count(brackets.rule.rows().len());
            for row in brackets.rule.rows() {
                out.put(row.notional_max.to_le_bytes());
                out.put([row.leverage_max]);
                out.put(row.maintenance_ppm.to_le_bytes());
            }
            out.since(brackets);
        }
        out.count(rules.fee_rates.len());
        for ((account_id, symbol_id), rates) in &rules.fee_rates {
            out.put(account_id.to_le_bytes());
            out.put(symbol_id.to_le_bytes());
            out.put(rates.rule.maker_ppm.to_le_bytes());
            out.put(rates.rule.taker_ppm.to_le_bytes());
            out.since(rates);
        }
        out.count(rules.scheduled.len());
        for ((_, version), raw) in &rules.scheduled {
            out.put(version.to_le_bytes());
            out.count(raw.len());
            out.bytes.extend_from_slice(raw);
        }
    }

    fn write_orders(&self, out: &mut Writer) {
        out.count(self.deposit_refs.as_slice().len());
        for deposit_ref in self.deposit_refs.as_slice() {
            out.text(deposit_ref);
        }
        let orders = self.orders.remembered();
        out.count(orders.len());
        for order in orders {
            out.put(order.order_id.to_le_bytes());
            out.put(order.account_id.to_le_bytes());
            out.put(order.symbol_id.to_le_bytes());
            out.put([order.side as u8, order.state as u8]);
        }
        let names = self.orders.names();
        out.count(names.len());
        for named in names {
            out.put(named.source.to_le_bytes());
            out.put(named.order_id.to_le_bytes());
            out.put([u8::from(named.is_entered)]);
            out.put(named.spent_ns.to_le_bytes());
            out.ascii(named.cl_ord_id);
        }
    }

    fn write_open_orders(&self, out: &mut Writer) {
        for (symbol_id, entry) in self.markets.iter() {
            for side in SIDES {
                let slots: Vec<Slot> = entry.value.book.iter(&self.open, side).collect();
                self.write_slots(out, &slots);
            }
            let mut slots = self.open_in(symbol_id);
            slots.retain(|slot| self.open[*slot].level == LevelSlot::NIL);
            self.write_slots(out, &slots);
            let in_hand: Vec<Slot> = entry.value.in_hand.iter(&self.open).collect();
            out.put([u8::from(entry.value.in_hand.has_begun)]);
            out.count(in_hand.len());
            for slot in in_hand {
                out.put(self.open[slot].order_id.to_le_bytes());
            }
        }
    }

    fn write_slots(&self, out: &mut Writer, slots: &[Slot]) {
        out.count(slots.len());
        for slot in slots {
            let (order, terms) = (&self.open[*slot], self.open.terms(*slot));
            let is_placed = order.level != LevelSlot::NIL;
            let is_outside = order.hand == Hand::Outside;
            let has_price = is_placed || order.hand == Hand::Waits || is_outside && !self.open.is_waiting_stop(*slot);
            let price = if has_price { order.price } else { Ticks::ZERO };
            let display = if is_placed { order.display } else { Lots::ZERO };
            out.put(order.order_id.to_le_bytes());
            out.put(order.priority.to_le_bytes());
            out.put(order.source.to_le_bytes());
            out.put([order.ord_type as u8, order.time_in_force as u8, order.exec_inst.bits(), terms.trigger as u8]);
            out.put([terms.peg as u8, order.stp as u8, u8::from(terms.is_triggered), u8::from(is_outside)]);
            for ticks in [price, order.limit, terms.stop_px] {
                out.put(ticks.to_le_bytes());
            }
            for lots in [order.order_qty, order.leaves, display] {
                out.put(lots.to_le_bytes());
            }
            out.put(terms.max_floor.to_le_bytes());
            out.put(terms.min_qty.to_le_bytes());
            out.put(terms.peg_offset.to_le_bytes());
            out.put(terms.taken_off.to_le_bytes());
            out.put(terms.expire_time_ns.to_le_bytes());
            out.put(terms.stp_group.to_le_bytes());
            out.put(order.rates.maker_ppm.to_le_bytes());
            out.put(order.rates.taker_ppm.to_le_bytes());
            out.put(order.per_lot.to_le_bytes());
            out.put(self.orders[order.entry].traded.to_le_bytes());
        }
    }
}

fn write_account(out: &mut Writer, account: &Account) {
    out.put(account.firm_id.to_le_bytes());
    out.put([account.kind as u8, account.status as u8, account.margin_state as u8]);
    out.put([account.tier, account.leverage_max]);
    out.put(account.position_notional_max.to_le_bytes());
    out.count(account.balances().count());
    for (asset_id, balance) in account.balances() {
        out.put(asset_id.to_le_bytes());
        out.put(balance.available.to_le_bytes());
        out.put(balance.locked.to_le_bytes());
        out.put(balance.loan.to_le_bytes());
    }
    out.count(account.positions.len());
    for position in &account.positions {
        out.put(position.symbol_id.to_le_bytes());
        out.put([position.leverage, u8::from(position.is_isolated)]);
        out.put(position.size.to_le_bytes());
        for amount in [position.cost, position.margin, position.extra, position.debt] {
            out.put(amount.to_le_bytes());
        }
    }
}

fn write_listing(out: &mut Writer, listing: &Listing) {
    out.put([listing.kind as u8, listing.matching as u8, listing.max_leverage]);
    out.put(listing.pnl_account_id.to_le_bytes());
    out.put(listing.base_asset_id.to_le_bytes());
    out.put(listing.quote_asset_id.to_le_bytes());
    out.put([listing.tick.decimals, listing.lot.decimals]);
    out.put(listing.tick.mantissa.to_le_bytes());
    out.put(listing.lot.mantissa.to_le_bytes());
    out.put(listing.min_qty.to_le_bytes());
    out.put(listing.max_qty.to_le_bytes());
    out.put(listing.min_notional.to_le_bytes());
    out.put(listing.max_notional.to_le_bytes());
    out.put(listing.maker_ppm.to_le_bytes());
    out.put(listing.taker_ppm.to_le_bytes());
    out.put(listing.band_ppm.to_le_bytes());
    out.put(listing.fee_account_id.to_le_bytes());
}

fn write_market(out: &mut Writer, market: &Market) {
    out.put([market.status as u8, u8::from(market.is_delisted)]);
    out.put(market.mark.to_le_bytes());
    out.put(market.last_px.to_le_bytes());
    out.put(market.breaker_until_ns.to_le_bytes());
    for marks in [&market.window.lows, &market.window.highs] {
        out.count(marks.len());
        for mark in marks {
            out.put(mark.ts_ns.to_le_bytes());
            out.put(mark.price.to_le_bytes());
        }
    }
    write_work(out, market);
}

/// Write what is left to do in a market.
fn write_work(out: &mut Writer, market: &Market) {
    let References { bid, ask, mark } = market.peg_references;
    for price in [bid, ask, mark] {
        out.put(price.to_le_bytes());
    }
    out.put(market.peg_next.0.to_le_bytes());
    out.put(market.peg_next.1.to_le_bytes());
    let Some(auction) = market.auction else {
        return out.put([0; 139]);
    };
    let Netting { firm_id, account_id, order_id, forgotten } = auction.netting.unwrap_or_default();
    out.put([auction.target as u8, u8::from(auction.netting.is_some())]);
    out.put(firm_id.to_le_bytes());
    out.put(account_id.to_le_bytes());
    out.put(order_id.to_le_bytes());
    write_place(out, forgotten);
    out.put(auction.price.to_le_bytes());
    let walk = auction.walk.filter(|_| market.book.is_as_walked).unwrap_or_default();
    for price in [walk.bid, walk.ask, walk.last_bid, walk.last_ask] {
        out.put(price.to_le_bytes());
    }
    for lots in [walk.volume, walk.bid_lots, walk.ask_lots] {
        out.put(lots.to_le_bytes());
    }
}

fn write_place(out: &mut Writer, place: Option<Place>) {
    let Some(Place { owner, side, price, priority, order_id }) = place else {
        return out.put([0; 33]);
    };
    let (group, account_id) = match owner {
        Owner::Group(group) => (group, AccountId::NONE),
        Owner::Account(account_id) => (0, account_id),
    };
    out.put(group.to_le_bytes());
    out.put(account_id.to_le_bytes());
    out.put([side as u8]);
    out.put(price.to_le_bytes());
    out.put(priority.to_le_bytes());
    out.put(order_id.to_le_bytes());
}
