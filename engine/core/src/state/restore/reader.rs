//! What a snapshot is read from: numbers, prices, amounts and texts, each within its bounds.

use crate::language::bytes::take;
use crate::language::ids::{Key, OrderId};
use crate::language::parameters::{Bracket, Brackets};
use crate::language::text::Text;
use crate::language::units::{Lots, Minor, Ticks};
use crate::market::instrument::FeeRates;
use crate::state::ruleset::InForce;

/// Largest amount a sum of balances or costs can come to.
const AMOUNT_MAX: i128 = 1 << 122;

/// Why a snapshot was not restored.
pub(super) type Refusal = &'static str;
pub(super) type Restored<T = ()> = Result<T, Refusal>;

pub(super) const SHORT: Refusal = "the snapshot is cut short";
pub(super) const UNSOUND: Refusal = "the snapshot holds a value out of its bounds";

pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl Reader<'_> {
    pub(super) fn raw<const N: usize>(&mut self) -> Restored<[u8; N]> {
        let (head, rest) = self.rest.split_at_checked(N).ok_or(SHORT)?;
        self.rest = rest;
        Ok(take(head, 0))
    }

    pub(super) fn u8(&mut self) -> Restored<u8> {
        self.raw().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Restored<u32> {
        self.raw().map(u32::from_le_bytes)
    }

    /// A number that stands for something, of whatever kind is asked for.
    pub(super) fn id<K: Key>(&mut self) -> Restored<K> {
        self.u32().map(|number| K::of(number as usize))
    }

    pub(super) fn order_id(&mut self) -> Restored<OrderId> {
        self.u64().map(OrderId::new)
    }

    pub(super) fn u64(&mut self) -> Restored<u64> {
        self.raw().map(u64::from_le_bytes)
    }

    pub(super) fn i64(&mut self) -> Restored<i64> {
        self.raw().map(i64::from_le_bytes)
    }

    pub(super) fn i128(&mut self) -> Restored<i128> {
        self.raw().map(i128::from_le_bytes)
    }

    pub(super) fn flag(&mut self) -> Restored<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(UNSOUND),
        }
    }

    /// A price, 0 for none.
    pub(super) fn price(&mut self) -> Restored<Ticks> {
        self.ticks().and_then(|price| (price.is_zero() || price.is_price()).then_some(price).ok_or(UNSOUND))
    }

    pub(super) fn ticks(&mut self) -> Restored<Ticks> {
        self.i64().map(Ticks::new)
    }

    pub(super) fn lots(&mut self) -> Restored<Lots> {
        self.i64().map(Lots::new)
    }

    pub(super) fn amount(&mut self) -> Restored<Minor> {
        self.sum().map(Minor::new)
    }

    /// A sum that can go on.
    pub(super) fn sum(&mut self) -> Restored<i128> {
        self.i128().and_then(|sum| (-AMOUNT_MAX..=AMOUNT_MAX).contains(&sum).then_some(sum).ok_or(UNSOUND))
    }

    /// A rule, its version, and the record since which it holds.
    pub(super) fn since<T>(&mut self, rule: impl FnOnce(&mut Self) -> Restored<T>) -> Restored<InForce<T>> {
        Ok(InForce { rule: rule(self)?, version: self.u64()?, seq: self.u64()? })
    }

    pub(super) fn brackets(&mut self) -> Restored<Brackets> {
        let mut rows = Vec::new();
        for _ in 0..self.u64()? {
            let (notional_max, leverage_max, maintenance_ppm) = (self.i64()?, self.u8()?, self.u32()?);
            rows.push(Bracket { notional_max, leverage_max, maintenance_ppm });
        }
        Brackets::new(&rows).ok_or(UNSOUND)
    }

    pub(super) fn fee_rates(&mut self) -> Restored<FeeRates> {
        let rates =
            FeeRates { maker_ppm: self.raw().map(i32::from_le_bytes)?, taker_ppm: self.raw().map(i32::from_le_bytes)? };
        rates.are_bounded().then_some(rates).ok_or(UNSOUND)
    }

    pub(super) fn text<const N: usize>(&mut self) -> Restored<Text<N>> {
        let length = self.u8()? as usize;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(SHORT)?;
        self.rest = rest;
        Text::new(head).ok_or(UNSOUND)
    }
}
