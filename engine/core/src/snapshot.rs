//! Snapshots: the whole state as bytes. Equal states give equal bytes, whatever way led to them.
//!
//! Little-endian; amounts are 128-bit two's complement; a text is its length u8, then its ASCII; a list is its
//! count u64, then its members:
//!
//! ```text
//! magic       b"EXCHSNAP", version u32 = 1
//! position    seq u64, event_ts_ns u64 (time of the last event), crc u32 (of the last record)
//! assets      list by id: asset_id u32, name text, decimals u8, deposited i128
//! firms       list by id: firm_id u32, name text
//! accounts    list by id: account_id u32, name text, firm_id u32, kind u8,
//!             balances list by asset, those that are not zero: asset_id u32, available i128, locked i128
//! sessions    list by id: session_id u32, comp_id text, firm_id u32, kind u8
//! instruments list by id: symbol_id u32, symbol text, base_asset_id u32, quote_asset_id u32,
//!             tick_decimals u8, lot_decimals u8, tick i64, lot i64, min_qty i64, max_qty i64,
//!             min_notional i128, max_notional i128, maker_ppm i32, taker_ppm i32, band_ppm u32, fee_account_id u32
//! deposits    list in order of time: deposit_ref text
//! orders      list by order_id, open and closed: order_id u64, account_id u32, symbol_id u32, side u8, state u8
//! cl_ord_ids  list in order of acceptance, those of orders and of cancels: source u32, order_id u64, cl_ord_id text
//! books       for each instrument by id, first the bids, then the asks:
//!             list in the order they would trade: order_id u64, price i64, order_qty i64, leaves i64
//! crc32c      u32, of all bytes before
//! ```

use crate::book::Resting;
use crate::bytes::take;
use crate::codes::{AccountKind, OrderState, SessionKind, Side};
use crate::exchange::{Exchange, Market, Position, Session};
use crate::frame::TS_NS_MAX;
use crate::instrument::{Listing, Step};
use crate::ledger::{Account, Asset, Balance};
use crate::limits::ASSET_DECIMALS_MAX;
use crate::orders::{Naming, Order};
use crate::slab::NIL;
use crate::text::Text;

const MAGIC: &[u8; 8] = b"EXCHSNAP";
const VERSION: u32 = 1;
/// Largest record number an identifier carries (`engine.api.ids`).
const SEQ_MAX: u64 = (1 << 50) - 1;
const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

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

    fn text<const N: usize>(&mut self, text: &Text<N>) {
        self.put([text.as_bytes().len() as u8]);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

impl Exchange {
    /// Write the state. Cost: O(all orders ever accepted).
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.put(*MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(self.position.seq.to_le_bytes());
        out.put(self.position.event_ts_ns.to_le_bytes());
        out.put(self.position.crc.to_le_bytes());
        self.write_registries(&mut out);
        self.write_instruments(&mut out);
        self.write_orders(&mut out);
        self.write_books(&mut out);
        let crc = crate::crc32c(&out.bytes);
        out.put(crc.to_le_bytes());
        out.bytes
    }

    fn write_registries(&self, out: &mut Writer) {
        out.count(self.assets.len());
        for (id, entry) in self.assets.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
            out.put([entry.value.decimals]);
            out.put(entry.value.deposited.to_le_bytes());
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
            out.put([entry.value.kind as u8]);
        }
    }

    fn write_instruments(&self, out: &mut Writer) {
        out.count(self.markets.len());
        for (id, entry) in self.markets.iter() {
            out.put(id.to_le_bytes());
            out.text(&entry.name);
            write_listing(out, &entry.value.instrument.listing);
        }
    }

    fn write_orders(&self, out: &mut Writer) {
        out.count(self.deposit_refs.as_slice().len());
        for deposit_ref in self.deposit_refs.as_slice() {
            out.text(deposit_ref);
        }
        out.count(self.orders.orders().len());
        for order in self.orders.orders() {
            out.put(order.order_id.to_le_bytes());
            out.put(order.account_id.to_le_bytes());
            out.put(order.symbol_id.to_le_bytes());
            out.put([order.side as u8, order.state as u8]);
        }
        out.count(self.orders.namings().len());
        for naming in self.orders.namings() {
            out.put(naming.source.to_le_bytes());
            out.put(self.orders[naming.entry].order_id.to_le_bytes());
            out.text(&naming.cl_ord_id);
        }
    }

    fn write_books(&self, out: &mut Writer) {
        for (_, entry) in self.markets.iter() {
            for side in SIDES {
                out.count(entry.value.book.iter(side).count());
                for (price, _, resting) in entry.value.book.iter(side) {
                    out.put(resting.order_id.to_le_bytes());
                    out.put(price.to_le_bytes());
                    out.put(resting.order_qty.to_le_bytes());
                    out.put(resting.leaves.to_le_bytes());
                }
            }
        }
    }
}

fn write_account(out: &mut Writer, account: &Account) {
    out.put(account.firm_id.to_le_bytes());
    out.put([account.kind as u8]);
    out.count(account.balances().count());
    for (asset_id, balance) in account.balances() {
        out.put(asset_id.to_le_bytes());
        out.put(balance.available.to_le_bytes());
        out.put(balance.locked.to_le_bytes());
    }
}

fn write_listing(out: &mut Writer, listing: &Listing) {
    out.put(listing.base_asset_id.to_le_bytes());
    out.put(listing.quote_asset_id.to_le_bytes());
    out.put([listing.tick.decimals, listing.lot.decimals]);
    for number in [listing.tick.mantissa, listing.lot.mantissa, listing.min_qty, listing.max_qty] {
        out.put(number.to_le_bytes());
    }
    out.put(listing.min_notional.to_le_bytes());
    out.put(listing.max_notional.to_le_bytes());
    out.put(listing.maker_ppm.to_le_bytes());
    out.put(listing.taker_ppm.to_le_bytes());
    out.put(listing.band_ppm.to_le_bytes());
    out.put(listing.fee_account_id.to_le_bytes());
}

/// Why a snapshot was not restored.
type Refusal = &'static str;
type Restored<T = ()> = Result<T, Refusal>;

const SHORT: Refusal = "the snapshot is cut short";
const UNSOUND: Refusal = "the snapshot holds a value out of its bounds";

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn raw<const N: usize>(&mut self) -> Restored<[u8; N]> {
        let (head, rest) = self.rest.split_at_checked(N).ok_or(SHORT)?;
        self.rest = rest;
        Ok(take(head, 0))
    }

    fn u8(&mut self) -> Restored<u8> {
        self.raw().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Restored<u32> {
        self.raw().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Restored<u64> {
        self.raw().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Restored<i64> {
        self.raw().map(i64::from_le_bytes)
    }

    fn i128(&mut self) -> Restored<i128> {
        self.raw().map(i128::from_le_bytes)
    }

    fn text<const N: usize>(&mut self) -> Restored<Text<N>> {
        let length = self.u8()? as usize;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Text::new(head).ok_or(UNSOUND)
    }
}

impl Exchange {
    /// Read a state that `snapshot` wrote. The error says why it is none.
    pub fn restore(snapshot: &[u8], seed: u64) -> Restored<Self> {
        let (body, crc) = snapshot.split_last_chunk::<4>().ok_or(SHORT)?;
        if u32::from_le_bytes(*crc) != crate::crc32c(body) {
            return Err("the checksum of the snapshot does not match");
        }
        let mut input = Reader { rest: body };
        if input.raw::<8>()? != *MAGIC || input.u32()? != VERSION {
            return Err("not a snapshot of this version");
        }
        let mut exchange = Self::new(seed);
        exchange.position = Position { seq: input.u64()?, event_ts_ns: input.u64()?, crc: input.u32()? };
        if exchange.position.seq > SEQ_MAX || exchange.position.event_ts_ns > TS_NS_MAX {
            return Err(UNSOUND);
        }
        exchange.read_registries(&mut input)?;
        exchange.read_instruments(&mut input)?;
        exchange.read_orders(&mut input)?;
        exchange.read_books(&mut input)?;
        exchange.check()?;
        if exchange.snapshot() == snapshot {
            Ok(exchange)
        } else {
            Err("the snapshot does not restore to its own bytes")
        }
    }

    fn read_registries(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (id, name) = (input.u32()?, input.text()?);
            self.assets.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            let asset = Asset { decimals: input.u8()?, deposited: input.i128()? };
            if asset.decimals > ASSET_DECIMALS_MAX {
                return Err(UNSOUND);
            }
            self.assets.insert(id, name, asset);
        }
        for _ in 0..input.u64()? {
            let (id, name) = (input.u32()?, input.text()?);
            self.firms.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            self.firms.insert(id, name, ());
        }
        for _ in 0..input.u64()? {
            let (id, name) = (input.u32()?, input.text()?);
            self.accounts.check_vacant(id, &name).map_err(|_| UNSOUND)?;
            let account = self.read_account(input)?;
            self.accounts.insert(id, name, account);
        }
        for _ in 0..input.u64()? {
            let (id, comp_id) = (input.u32()?, input.text()?);
            self.sessions.check_vacant(id, &comp_id).map_err(|_| UNSOUND)?;
            let firm_id = input.u32()?;
            let kind = SessionKind::from_byte(input.u8()?).ok_or(UNSOUND)?;
            self.sessions.insert(id, comp_id, Session { firm_id, kind });
        }
        Ok(())
    }

    fn read_account(&self, input: &mut Reader<'_>) -> Restored<Account> {
        let firm_id = input.u32()?;
        let mut account = Account::new(firm_id, AccountKind::from_byte(input.u8()?).ok_or(UNSOUND)?);
        for _ in 0..input.u64()? {
            let asset_id = input.u32()?;
            self.assets.get(asset_id).ok_or(UNSOUND)?;
            account.restore(asset_id, Balance { available: input.i128()?, locked: input.i128()? });
        }
        Ok(account)
    }

    fn read_instruments(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (id, symbol) = (input.u32()?, input.text()?);
            self.markets.check_vacant(id, &symbol).map_err(|_| UNSOUND)?;
            let instrument = self.instrument(read_listing(input)?).map_err(|_| UNSOUND)?;
            self.markets.insert(id, symbol, Market { instrument, book: crate::book::Book::new() });
        }
        Ok(())
    }

    fn read_orders(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            self.deposit_refs.add(input.text()?);
        }
        let mut last = 0;
        for _ in 0..input.u64()? {
            let (order_id, account_id, symbol_id) = (input.u64()?, input.u32()?, input.u32()?);
            let side = Side::from_byte(input.u8()?).ok_or(UNSOUND)?;
            let state = OrderState::from_byte(input.u8()?).ok_or(UNSOUND)?;
            let is_known = self.accounts.get(account_id).is_some() && self.markets.get(symbol_id).is_some();
            if !is_known || order_id <= last || order_id > self.position.seq {
                return Err(UNSOUND);
            }
            self.orders.add(Order { order_id, account_id, symbol_id, slot: NIL, side, state });
            last = order_id;
        }
        for _ in 0..input.u64()? {
            let (source, order_id, cl_ord_id) = (input.u32()?, input.u64()?, input.text()?);
            let entry = self.orders.find(order_id).ok_or(UNSOUND)?;
            self.orders.name(self.orders.key(source, &cl_ord_id), Naming { source, entry, cl_ord_id });
        }
        Ok(())
    }

    fn read_books(&mut self, input: &mut Reader<'_>) -> Restored {
        let symbols: Vec<u32> = self.markets.iter().map(|(id, _)| id).collect();
        for symbol_id in symbols {
            for side in SIDES {
                for _ in 0..input.u64()? {
                    let (order_id, price) = (input.u64()?, input.i64()?);
                    let (order_qty, leaves) = (input.i64()?, input.i64()?);
                    self.restore_resting(symbol_id, side, order_id, price, order_qty, leaves)?;
                }
            }
        }
        Ok(())
    }

    fn restore_resting(
        &mut self,
        symbol_id: u32,
        side: Side,
        order_id: u64,
        price: i64,
        order_qty: i64,
        leaves: i64,
    ) -> Restored {
        let entry = self.orders.find(order_id).ok_or(UNSOUND)?;
        let Order { account_id, state, .. } = self.orders[entry];
        let market = &mut self.markets[symbol_id];
        if !market.instrument.admits(price, order_qty) || !(1..=order_qty).contains(&leaves) {
            return Err(UNSOUND);
        }
        let per_lot = market.instrument.reservation_per_lot(side, price);
        let resting = Resting::new(order_id, entry, account_id, order_qty, leaves, per_lot);
        let slot = market.book.rest(side, price, resting);
        self.orders.open(entry, state, slot);
        self.accounts[account_id].order_opened(symbol_id);
        Ok(())
    }
}

fn read_listing(input: &mut Reader<'_>) -> Restored<Listing> {
    let (base_asset_id, quote_asset_id) = (input.u32()?, input.u32()?);
    let (tick_decimals, lot_decimals) = (input.u8()?, input.u8()?);
    Ok(Listing {
        base_asset_id,
        quote_asset_id,
        tick: Step { mantissa: input.i64()?, decimals: tick_decimals },
        lot: Step { mantissa: input.i64()?, decimals: lot_decimals },
        min_qty: input.i64()?,
        max_qty: input.i64()?,
        min_notional: input.i128()?,
        max_notional: input.i128()?,
        maker_ppm: input.raw().map(i32::from_le_bytes)?,
        taker_ppm: input.raw().map(i32::from_le_bytes)?,
        band_ppm: input.u32()?,
        fee_account_id: input.u32()?,
    })
}
