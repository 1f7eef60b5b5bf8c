//! Markets as they stand.

use std::collections::BTreeMap;

use crate::language::bytes::{i64_at, u32_at, u64_at};
use crate::language::codes::SymbolStatus;
use crate::language::ids::SymbolId;
use crate::language::units::Ticks;

const MARKET_BYTES: usize = 32;

/// One market; a price of 0 is none.
#[derive(Clone, Copy)]
pub struct Market {
    pub status: SymbolStatus,
    pub is_delisted: bool,
    pub mark: Ticks,
    pub last_px: Ticks,
    pub breaker_until_ns: u64,
}

impl Default for Market {
    fn default() -> Self {
        Self {
            status: SymbolStatus::Open,
            is_delisted: false,
            mark: Ticks::ZERO,
            last_px: Ticks::ZERO,
            breaker_until_ns: 0,
        }
    }
}

#[derive(Default)]
pub struct Markets {
    by_symbol: BTreeMap<SymbolId, Market>,
}

impl Markets {
    pub fn of(&mut self, symbol_id: SymbolId) -> &mut Market {
        self.by_symbol.entry(symbol_id).or_default()
    }

    /// List a market: whatever was known of it is gone.
    pub fn list(&mut self, symbol_id: SymbolId) {
        self.by_symbol.insert(symbol_id, Market::default());
    }

    /// Append the markets by symbol, 32 bytes each: `symbol_id` u32, status u8, `is_delisted` u8, zero u16, mark i64,
    /// `last_px` i64, `breaker_until_ns` u64.
    pub fn write(&self, out: &mut Vec<u8>) {
        for (symbol_id, market) in &self.by_symbol {
            out.extend_from_slice(&symbol_id.to_le_bytes());
            out.extend_from_slice(&[market.status as u8, u8::from(market.is_delisted), 0, 0]);
            out.extend_from_slice(&market.mark.to_le_bytes());
            out.extend_from_slice(&market.last_px.to_le_bytes());
            out.extend_from_slice(&market.breaker_until_ns.to_le_bytes());
        }
    }

    /// Read what `write` appended.
    pub fn read(raw: &[u8]) -> Self {
        let by_symbol = raw.chunks_exact(MARKET_BYTES).map(|raw| (SymbolId::new(u32_at(raw, 0)), read_market(raw)));
        Self { by_symbol: by_symbol.collect() }
    }
}

fn read_market(raw: &[u8]) -> Market {
    Market {
        status: SymbolStatus::of(raw[4]).expect("it was written as one"),
        is_delisted: raw[5] != 0,
        mark: Ticks::new(i64_at(raw, 8)),
        last_px: Ticks::new(i64_at(raw, 16)),
        breaker_until_ns: u64_at(raw, 24),
    }
}
