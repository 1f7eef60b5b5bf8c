//! Reading instruments and what their markets stand at.

use std::collections::VecDeque;

use crate::language::codes::{InstrumentKind, Matching, Side, SymbolStatus};
use crate::language::limits::MARKS_IN_WINDOW_MAX;
use crate::language::listing::{Listing, Step};
use crate::language::units::Ticks;
use crate::market::mark_window::MarkSeen;
use crate::market::own_orders::{Owner, Place};
use crate::market::{Auction, Market, Netting, References, Walk};
use crate::state::exchange::Exchange;
use crate::state::restore::reader::{Reader, Restored, UNSOUND};

impl Exchange {
    pub(super) fn read_instruments(&mut self, input: &mut Reader<'_>) -> Restored {
        for _ in 0..input.u64()? {
            let (id, symbol) = (input.id()?, input.text()?);
            self.markets.check_vacant(id, &symbol).map_err(|_| UNSOUND)?;
            let instrument = self.instrument(id, read_listing(input)?).map_err(|_| UNSOUND)?;
            let mut market = Market::new(instrument);
            read_market(input, &mut market)?;
            if market.breaker_until_ns != 0 {
                self.breakers.insert((market.breaker_until_ns, id));
            }
            self.markets.insert(id, symbol, market);
            self.touch(id);
        }
        Ok(())
    }
}

fn read_market(input: &mut Reader<'_>, market: &mut Market) -> Restored {
    market.status = SymbolStatus::of(input.u8()?).ok_or(UNSOUND)?;
    market.is_delisted = input.flag()?;
    (market.mark, market.last_px) = (input.price()?, input.price()?);
    market.breaker_until_ns = input.u64()?;
    market.window.lows = read_marks(input, |one, next| one < next)?;
    market.window.highs = read_marks(input, |one, next| one > next)?;
    read_market_work(input, market)
}

/// Read marks of a breaker's window, whose times rise and whose prices follow one another so.
fn read_marks(input: &mut Reader<'_>, follows: fn(Ticks, Ticks) -> bool) -> Restored<VecDeque<MarkSeen>> {
    let mut marks = VecDeque::new();
    for _ in 0..input.u64()? {
        marks.push_back(MarkSeen { ts_ns: input.u64()?, price: input.price()? });
    }
    let mut pairs = marks.iter().zip(marks.iter().skip(1));
    let is_sorted = pairs.all(|(one, next)| one.ts_ns < next.ts_ns && follows(one.price, next.price));
    if !is_sorted || marks.len() > MARKS_IN_WINDOW_MAX || marks.iter().any(|mark| mark.price.is_zero()) {
        return Err(UNSOUND);
    }
    Ok(marks)
}

/// Read what is left to do in a market.
fn read_market_work(input: &mut Reader<'_>, market: &mut Market) -> Restored {
    market.peg_references = References { bid: input.price()?, ask: input.price()?, mark: input.price()? };
    market.peg_next = (input.u64()?, input.order_id()?);
    let (target, is_netting) = (input.u8()?, input.flag()?);
    let (firm_id, account_id, order_id) = (input.id()?, input.id()?, input.order_id()?);
    let netting = Netting { firm_id, account_id, order_id, forgotten: read_place(input)? };
    let price = input.price()?;
    let (bid, ask, last_bid, last_ask) = (input.price()?, input.price()?, input.price()?, input.price()?);
    let (volume, bid_lots, ask_lots) = (input.sum()?, input.sum()?, input.sum()?);
    if volume < 0 || bid_lots < 0 || ask_lots < 0 {
        return Err(UNSOUND);
    }
    if target != 0 {
        let target = SymbolStatus::of(target).ok_or(UNSOUND)?;
        let walk = Walk { volume, bid, ask, bid_lots, ask_lots, last_bid, last_ask };
        let walk = (!bid.is_zero() || !last_bid.is_zero()).then_some(walk);
        market.auction = Some(Auction { target, netting: is_netting.then_some(netting), price, walk });
    }
    Ok(())
}

/// Read the place of the own order that an auction has forgotten last.
fn read_place(input: &mut Reader<'_>) -> Restored<Option<Place>> {
    let (group, account_id, side) = (input.u32()?, input.id()?, input.u8()?);
    let owner = if group == 0 { Owner::Account(account_id) } else { Owner::Group(group) };
    let (price, priority, order_id) = (input.price()?, input.u64()?, input.order_id()?);
    if side == 0 {
        return Ok(None);
    }
    let side = Side::of(side).ok_or(UNSOUND)?;
    Ok(Some(Place { owner, side, price, priority, order_id }))
}

fn read_listing(input: &mut Reader<'_>) -> Restored<Listing> {
    let kind = InstrumentKind::of(input.u8()?).ok_or(UNSOUND)?;
    let matching = Matching::of(input.u8()?).ok_or(UNSOUND)?;
    let (max_leverage, pnl_account_id) = (input.u8()?, input.id()?);
    let (base_asset_id, quote_asset_id) = (input.id()?, input.id()?);
    let (tick_decimals, lot_decimals) = (input.u8()?, input.u8()?);
    Ok(Listing {
        kind,
        matching,
        max_leverage,
        pnl_account_id,
        base_asset_id,
        quote_asset_id,
        tick: Step { mantissa: input.i64()?, decimals: tick_decimals },
        lot: Step { mantissa: input.i64()?, decimals: lot_decimals },
        min_qty: input.lots()?,
        max_qty: input.lots()?,
        min_notional: input.amount()?,
        max_notional: input.amount()?,
        maker_ppm: input.raw().map(i32::from_le_bytes)?,
        taker_ppm: input.raw().map(i32::from_le_bytes)?,
        band_ppm: input.u32()?,
        fee_account_id: input.id()?,
    })
}
