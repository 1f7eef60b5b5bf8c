//! What a listing is worth in minor units: notionals, fees, reservations, the protection price.

use crate::language::amount::{ceil_div, times};
use crate::language::codes::{Code, InstrumentKind, Matching, Side};
use crate::language::ids::AssetId;
use crate::language::limits::{
    BAND_PPM_MAX, FEE_DECIMALS, FEE_PPM_MAX, LEVERAGE_MAX, LOT_MINOR_MAX, NOTIONAL_MINOR_MAX, ORDER_QTY_LOTS_MAX,
    PRICE_TICKS_MAX, TICK_LOT_MINOR_MAX,
};
use crate::language::listing::{Listing, Step};
use crate::language::units::{Lots, Minor, Ticks};

pub const MILLION: i128 = 1_000_000;

/// What an order pays: in ppm of what it trades, as maker and as taker. A negative rate is a rebate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeeRates {
    pub maker_ppm: i32,
    pub taker_ppm: i32,
}

impl FeeRates {
    /// Tell whether they are within bounds, and no maker is paid more than a taker pays.
    pub fn are_bounded(self) -> bool {
        (-FEE_PPM_MAX..=FEE_PPM_MAX).contains(&self.maker_ppm)
            && (0..=FEE_PPM_MAX).contains(&self.taker_ppm)
            && self.maker_ppm + self.taker_ppm >= 0
    }

    /// What must be reserved for fees.
    fn worst_ppm(self) -> i32 {
        self.maker_ppm.max(self.taker_ppm).max(0)
    }
}

impl Listing {
    pub fn fee_rates(&self) -> FeeRates {
        FeeRates { maker_ppm: self.maker_ppm, taker_ppm: self.taker_ppm }
    }

    /// Tell whether every number is within its bound; assets and fee account are checked elsewhere.
    fn is_bounded(&self) -> bool {
        let leverage = match self.kind {
            InstrumentKind::Spot => 0..=0,
            InstrumentKind::Perpetual => 1..=LEVERAGE_MAX,
        };
        leverage.contains(&self.max_leverage)
            && self.base_asset_id != self.quote_asset_id
            && self.tick.mantissa >= 1
            && self.lot.mantissa >= 1
            && Lots::ONE <= self.min_qty
            && self.min_qty <= self.max_qty
            && self.max_qty.number() <= ORDER_QTY_LOTS_MAX
            && Minor::ZERO <= self.min_notional
            && self.min_notional <= self.max_notional
            && self.max_notional.number() <= NOTIONAL_MINOR_MAX
            && self.fee_rates().are_bounded()
            && self.band_ppm <= BAND_PPM_MAX
    }
}

/// At what prices an order is reserved.
#[derive(Clone, Copy, Default)]
pub struct Priced {
    /// Its worst: what it may pay, or sell for at least.
    pub worst: Ticks,
    /// What a lot is margined at; of a spot order its worst price.
    pub margin: Ticks,
    /// What a lot of a perpetual loses at once against the mark, when the order trades at its worst price.
    pub loss: Ticks,
}

/// A listing with what follows from it and from the decimals of its assets.
#[derive(Clone, Copy)]
pub struct Instrument {
    pub listing: Listing,
    pub lot_minor: Minor,
    pub tick_lot_minor: Minor,
    fee_step: i128,
    /// What a notional in ppm is divided by to come to fee steps.
    fee_unit: i128,
}

impl Instrument {
    /// Check a listing. The error is the code of its refusal.
    pub fn new(listing: Listing, base_decimals: u8, quote_decimals: u8) -> Result<Self, Code> {
        if !listing.is_bounded() {
            return Err(Code::BoundExceeded);
        }
        let fee_step = 10_i128.pow(quote_decimals.saturating_sub(FEE_DECIMALS) as u32);
        let lot_minor = lot_minor(listing.lot, base_decimals).map(Minor::new).ok_or(Code::InexactNotional)?;
        let tick_lot_minor = tick_lot_minor(&listing, quote_decimals).map(Minor::new).ok_or(Code::InexactNotional)?;
        let exact =
            lot_minor.number() <= LOT_MINOR_MAX && (fee_step..=TICK_LOT_MINOR_MAX).contains(&tick_lot_minor.number());
        let instrument = Self { listing, lot_minor, tick_lot_minor, fee_step, fee_unit: MILLION * fee_step };
        exact.then_some(instrument).ok_or(Code::InexactNotional)
    }

    /// Quote minor units of `qty` lots at `price` ticks; exact, and below 2^127 by the bounds.
    pub fn notional(&self, price: Ticks, qty: Lots) -> Minor {
        self.tick_lot_minor.times_ticks(price).times(qty)
    }

    pub fn is_perpetual(&self) -> bool {
        self.listing.kind == InstrumentKind::Perpetual
    }

    pub fn is_pro_rata(&self) -> bool {
        self.listing.matching == Matching::ProRata
    }

    /// Check a total quantity. The error is the code of the refusal.
    pub fn check_qty(&self, order_qty: Lots) -> Result<(), Code> {
        if order_qty < self.listing.min_qty {
            return Err(Code::SizeOffLot);
        }
        if order_qty > self.listing.max_qty {
            return Err(Code::ExceedsLimit);
        }
        Ok(())
    }

    /// Check a total quantity at the worst price it may trade at. The error is the code of the refusal.
    pub fn check_notional(
        &self,
        order_qty: Lots,
        worst: Ticks,
        likely: Ticks,
        is_reduce_only: bool,
    ) -> Result<(), Code> {
        if self.notional(worst, order_qty) > self.listing.max_notional {
            return Err(Code::ExceedsLimit);
        }
        self.check_is_no_dust(order_qty, likely, is_reduce_only)
    }

    /// Check that a quantity is worth enough at a price to stand in the book.
    pub fn check_is_no_dust(&self, qty: Lots, price: Ticks, is_reduce_only: bool) -> Result<(), Code> {
        let is_enough = is_reduce_only || self.notional(price, qty) >= self.listing.min_notional;
        is_enough.then_some(()).ok_or(Code::ExceedsLimit)
    }

    /// Check a limit against the band around a reference price. The error is the code of the refusal.
    pub fn check_band(&self, price: Ticks, reference: Ticks) -> Result<(), Code> {
        let (price, reference) = (i128::from(price.number()) * MILLION, i128::from(reference.number()));
        let band = i128::from(self.listing.band_ppm);
        let is_within = reference * (MILLION - band) <= price && price <= reference * (MILLION + band);
        is_within.then_some(()).ok_or(Code::PriceOutsideBand)
    }

    /// Fee on a notional, rounded once toward plus infinity to a whole fee step (FEE-04).
    pub fn fee(&self, notional: Minor, ppm: i32) -> Minor {
        let steps = ceil_div(times(notional.number(), i64::from(ppm)), self.fee_unit);
        Minor::new(if self.fee_step == 1 { steps } else { steps * self.fee_step })
    }

    /// Minor units an order locks for each lot, so that what it has locked is always leaves times this (RES-21).
    #[inline(always)]
    pub fn reservation_per_lot(&self, side: Side, price: Ticks, rates: FeeRates) -> Minor {
        match side {
            Side::Buy => self.with_worst_fee(self.notional(price, Lots::ONE), rates),
            Side::Sell => self.lot_minor,
        }
    }

    /// Minor units an order of a perpetual locks for each lot: initial margin, open loss, worst-case fee (RES-94).
    pub fn margin_per_lot(&self, priced: Priced, leverage: u8, rates: FeeRates) -> Minor {
        let notional = self.notional(priced.margin, Lots::ONE);
        let margin = notional.divided_up(i128::from(leverage)) + self.notional(priced.loss, Lots::ONE);
        margin + self.with_worst_fee(notional, rates) - notional
    }

    pub fn with_worst_fee(&self, notional: Minor, rates: FeeRates) -> Minor {
        notional + self.fee(notional, rates.worst_ppm())
    }

    /// The asset an order of this side locks.
    pub fn reserved_asset(&self, side: Side) -> AssetId {
        if side == Side::Sell && !self.is_perpetual() {
            self.listing.base_asset_id
        } else {
            self.listing.quote_asset_id
        }
    }

    /// Move a price by the band, to the worse for this side (RES-09).
    pub fn moved_by_band(&self, side: Side, best: Ticks) -> Ticks {
        let best = i128::from(best.number());
        let band = i128::from(self.listing.band_ppm);
        let price = match side {
            Side::Buy => (best * (MILLION + band) / MILLION).min(i128::from(PRICE_TICKS_MAX)),
            Side::Sell => ceil_div(best * (MILLION - band), MILLION).max(1),
        };
        Ticks::new(price as i64)
    }
}

fn lot_minor(lot: Step, base_decimals: u8) -> Option<i128> {
    let shift = base_decimals.checked_sub(lot.decimals)?;
    i128::from(lot.mantissa).checked_mul(10_i128.pow(shift as u32))
}

fn tick_lot_minor(listing: &Listing, quote_decimals: u8) -> Option<i128> {
    let worth = i128::from(listing.tick.mantissa) * i128::from(listing.lot.mantissa);
    let shift = i32::from(quote_decimals) - i32::from(listing.tick.decimals) - i32::from(listing.lot.decimals);
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 {
        return worth.checked_mul(power);
    }
    (worth % power == 0).then_some(worth / power)
}
