//! An instrument as operations list it.

use crate::language::codes::{InstrumentKind, Matching};
use crate::language::ids::{AccountId, AssetId};
use crate::language::units::{Lots, Minor};

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
    pub pnl_account_id: AccountId,
    pub base_asset_id: AssetId,
    pub quote_asset_id: AssetId,
    pub tick: Step,
    pub lot: Step,
    pub min_qty: Lots,
    pub max_qty: Lots,
    pub min_notional: Minor,
    pub max_notional: Minor,
    pub maker_ppm: i32,
    pub taker_ppm: i32,
    pub band_ppm: u32,
    pub fee_account_id: AccountId,
}
