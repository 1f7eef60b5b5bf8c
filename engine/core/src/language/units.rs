//! What is counted in ticks, lots and minor units. One is made of another by multiplication alone, by name.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use crate::language::amount::{ceil_div, times};
use crate::language::bytes::{put, take};
use crate::language::codes::Side;
use crate::language::ids::kinds;
use crate::language::layout::{Field, Input, Written};
use crate::language::limits::PRICE_TICKS_MAX;

kinds! {
    /// A price, or a difference of prices; 0 for none where there may be none.
    Ticks(i64)
    /// A quantity; signed where it is a position's.
    Lots(i64)
    /// An amount of an asset.
    Minor(i128)
}

/// Let quantities of one kind be added and compared.
macro_rules! quantities {
    ($($name:ident($number:ident))*) => {$(
        // Not every kind is asked everything.
        #[allow(dead_code)]
        impl $name {
            pub const ZERO: Self = Self::new(0);
            pub const ONE: Self = Self::new(1);
            pub const MAX: Self = Self::new($number::MAX);

            pub const fn to_le_bytes(self) -> [u8; size_of::<$number>()] {
                self.number().to_le_bytes()
            }

            /// With the sign that a side gives it: sells take away.
            #[inline(always)]
            pub fn on(self, side: Side) -> Self {
                match side {
                    Side::Buy => self,
                    Side::Sell => -self,
                }
            }

            #[inline(always)]
            pub fn is_zero(self) -> bool {
                self == Self::ZERO
            }

            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.number().checked_add(other.number()).map(Self::new)
            }

            #[inline(always)]
            pub fn abs(self) -> Self {
                Self::new(self.number().abs())
            }

            #[inline(always)]
            pub fn signum(self) -> $number {
                self.number().signum()
            }
        }

        impl Add for $name {
            type Output = Self;

            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self::new(self.number() + other.number())
            }
        }

        impl Sub for $name {
            type Output = Self;

            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self::new(self.number() - other.number())
            }
        }

        impl Neg for $name {
            type Output = Self;

            #[inline(always)]
            fn neg(self) -> Self {
                Self::new(-self.number())
            }
        }

        impl AddAssign for $name {
            #[inline(always)]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl SubAssign for $name {
            #[inline(always)]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
                all.fold(Self::ZERO, Add::add)
            }
        }

        impl<'a> Field<'a> for $name {
            const WIDTH: usize = size_of::<$number>();
            const KIND: &'static str = stringify!($number);
            type Place = Self;

            #[inline(always)]
            fn read(input: &mut Input<'a>) -> Option<Self> {
                Some(Self::new($number::from_le_bytes(input.take())))
            }

            #[inline(always)]
            fn complete(place: Self, _: &mut Input<'a>, _: bool) -> Option<Self> {
                Some(place)
            }
        }

        impl Written for $name {
            const BYTES: usize = size_of::<$number>();
            const SHOWN: &'static str = stringify!($number);

            #[inline(always)]
            fn write(&self, event: &mut [u8], at: usize) {
                put(event, at, self.to_le_bytes());
            }

            #[inline(always)]
            fn read_again(event: &[u8], at: usize) -> Option<Self> {
                Some(Self::new($number::from_le_bytes(take(event, at))))
            }
        }
    )*};
}

quantities! { Ticks(i64) Lots(i64) Minor(i128) }

impl Ticks {
    /// The highest price.
    pub const MOST: Self = Self::new(PRICE_TICKS_MAX);

    /// Tell whether an order may have this price.
    #[inline(always)]
    pub fn is_price(self) -> bool {
        (1..=PRICE_TICKS_MAX).contains(&self.number())
    }

    /// A price, `None` when it is out of bounds.
    #[inline(always)]
    pub fn as_price(self) -> Option<Self> {
        self.is_price().then_some(self)
    }

    /// Tell whether a pegged order may be so far off its reference.
    pub fn is_offset(self) -> bool {
        (-PRICE_TICKS_MAX..=PRICE_TICKS_MAX).contains(&self.number())
    }

    /// Half of it, rounded down.
    pub fn half(self) -> Self {
        Self::new(self.number().div_euclid(2))
    }

    /// A price so many ticks on.
    #[inline(always)]
    pub fn moved(self, ticks: i64) -> Self {
        Self::new(self.number() + ticks)
    }
}

impl Lots {
    /// So many lots of a wide number, or as many as there can be.
    pub fn of_wide(lots: i128) -> Self {
        i64::try_from(lots).map_or(Self::MAX, Self::new)
    }

    /// How many shares of a size it takes to hold them all.
    pub fn shares_of(self, size: Self) -> i64 {
        (self.number() + size.number() - 1) / size.number()
    }

    /// So many lots as a number that holds every sum of lots.
    #[inline(always)]
    pub fn wide(self) -> i128 {
        i128::from(self.number())
    }
}

impl Minor {
    /// A part of it, rounded toward plus infinity.
    #[inline(always)]
    pub fn divided_up(self, parts: i128) -> Self {
        Self::new(ceil_div(self.number(), parts))
    }

    /// What so many lots come to when one comes to this.
    #[inline(always)]
    pub fn times(self, lots: Lots) -> Self {
        Self::new(times(self.number(), lots.number()))
    }

    pub fn checked_times(self, lots: Lots) -> Option<Self> {
        self.number().checked_mul(lots.wide()).map(Self::new)
    }

    /// What so many ticks come to when one comes to this.
    #[inline(always)]
    pub fn times_ticks(self, ticks: Ticks) -> Self {
        Self::new(times(self.number(), ticks.number()))
    }
}
