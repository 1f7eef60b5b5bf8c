//! An instrument as operations list it.

use crate::language::codes::{InstrumentKind, Matching};

/// A tick or a lot: `mantissa * 10^-decimals` of its asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub mantissa: i64,
    pub decimals: u8,
}

/// An instrument as listed; fields as in `engine.api.instrument.Instrument`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listing {
    pub kind: InstrumentKind,
    pub matching: Matching,
    /// Cap of a perpetual's volatility class; 0 for spot.
    pub max_leverage: u8,
    /// The perpetual's clearing `PnL` account; 0 for spot.
    pub pnl_account_id: u32,
    pub base_asset_id: u32,
    pub quote_asset_id: u32,
    pub tick: Step,
    pub lot: Step,
    pub min_qty: i64,
    pub max_qty: i64,
    pub min_notional: i128,
    pub max_notional: i128,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    pub band_ppm: u32,
    pub fee_account_id: u32,
}
