//! Reading instruments and what their markets stand at.

use std::collections::VecDeque;

use crate::language::codes::{InstrumentKind, Matching, Parameter, SymbolStatus};
use crate::language::listing::{Listing, Step};
use crate::language::parameters::rule;
use crate::market::{Auction, MarkSecond, Market, Unacted, Walk};
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
    market.unacted_last = Unacted { low: input.price()?, high: input.price()? };
    market.unacted_mark = Unacted { low: input.price()?, high: input.price()? };
    market.breaker_until_ns = input.u64()?;
    let mut window = VecDeque::new();
    for _ in 0..input.u64()? {
        window.push_back(MarkSecond { second: input.u64()?, low: input.price()?, high: input.price()? });
    }
    let is_sorted = window.iter().zip(window.iter().skip(1)).all(|(one, next)| one.second < next.second);
    if !is_sorted
        || window.len() > rule(Parameter::BreakerWindowS).most as usize + 1
        || window.iter().any(|marks| marks.low.is_zero())
    {
        return Err(UNSOUND);
    }
    market.window = window;
    read_market_work(input, market)
}

/// Read what is left to do in a market.
fn read_market_work(input: &mut Reader<'_>, market: &mut Market) -> Restored {
    market.peg_references = (input.price()?, input.price()?);
    market.peg_next = input.u64()?;
    let (target, price) = (input.u8()?, input.price()?);
    let (bid, ask, last_bid, last_ask) = (input.price()?, input.price()?, input.price()?, input.price()?);
    let (volume, bid_lots, ask_lots) = (input.sum()?, input.sum()?, input.sum()?);
    if volume < 0 || bid_lots < 0 || ask_lots < 0 {
        return Err(UNSOUND);
    }
    if target != 0 {
        let target = SymbolStatus::of(target).ok_or(UNSOUND)?;
        let walk = Walk { volume, bid, ask, bid_lots, ask_lots, last_bid, last_ask };
        let walk = (!bid.is_zero() || !last_bid.is_zero()).then_some(walk);
        market.auction = Some(Auction { target, price, walk });
    }
    Ok(())
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
