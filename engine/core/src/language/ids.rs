//! What things are called by: numbers of one kind, which no number of another kind can be taken for.

use crate::language::bytes::{put, take};
use crate::language::layout::{Field, Input, Written};

/// A number that counts things of one kind from 0 or 1 on, so that they can be kept in a list.
pub trait Key: Copy + Ord {
    fn of(at: usize) -> Self;

    fn at(self) -> usize;

    fn next(self) -> Self {
        Self::of(self.at() + 1)
    }
}

impl Key for u32 {
    #[inline(always)]
    fn of(at: usize) -> Self {
        at as u32
    }

    #[inline(always)]
    fn at(self) -> usize {
        self as usize
    }
}

/// Make kinds of numbers, each as wide as the number it is made of.
macro_rules! kinds {
    ($($(#[$note:meta])* $name:ident($number:ident))*) => {$(
        $(#[$note])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        #[repr(transparent)]
        pub struct $name($number);

        impl $name {
            pub const fn new(number: $number) -> Self {
                Self(number)
            }

            pub const fn number(self) -> $number {
                self.0
            }
        }
    )*};
}
pub(crate) use kinds;

/// Let kinds of numbers be keys of lists.
macro_rules! keys {
    ($($name:ident)*) => {$(
        impl Key for $name {
            #[inline(always)]
            fn of(at: usize) -> Self {
                Self::new(at as u32)
            }

            #[inline(always)]
            fn at(self) -> usize {
                self.number() as usize
            }
        }
    )*};
}
pub(crate) use keys;

/// Let kinds of numbers stand in messages, as numbers of some width.
macro_rules! id_fields {
    ($($name:ident($number:ident): $wire:ident)*) => {$(
        impl<'a> Field<'a> for $name {
            const WIDTH: usize = size_of::<$wire>();
            const KIND: &'static str = stringify!($wire);
            type Place = Self;

            #[inline(always)]
            fn read(input: &mut Input<'a>) -> Option<Self> {
                Some(Self($wire::from_le_bytes(input.take()).into()))
            }

            #[inline(always)]
            fn complete(place: Self, _: &mut Input<'a>, _: bool) -> Option<Self> {
                Some(place)
            }
        }

        impl Written for $name {
            const BYTES: usize = size_of::<$wire>();
            const SHOWN: &'static str = stringify!($wire);

            #[inline(always)]
            fn write(&self, event: &mut [u8], at: usize) {
                put(event, at, (self.0 as $wire).to_le_bytes());
            }

            #[inline(always)]
            fn read_again(event: &[u8], at: usize) -> Option<Self> {
                Some(Self($wire::from_le_bytes(take(event, at)).into()))
            }
        }

        // Not every kind is asked everything.
        #[allow(dead_code)]
        impl $name {
            /// 0 stands for none.
            pub const NONE: Self = Self(0);

            pub const fn to_le_bytes(self) -> [u8; size_of::<$number>()] {
                self.0.to_le_bytes()
            }

            pub fn is_none(self) -> bool {
                self.0 == 0
            }

            /// Tell whether this is none, or the one that is named.
            pub fn allows(self, named: Self) -> bool {
                self.is_none() || self == named
            }
        }
    )*};
}

kinds! {
    AccountId(u32)
    AssetId(u32)
    FirmId(u32)
    SymbolId(u32)
    /// A FIX session, or operations.
    SessionId(u32)
    /// The number of the record that accepted it.
    OrderId(u64)
}

keys! { AccountId AssetId FirmId SymbolId SessionId }

id_fields! {
    AccountId(u32): u32
    AssetId(u32): u16
    FirmId(u32): u32
    SymbolId(u32): u32
    SessionId(u32): u32
    OrderId(u64): u64
}

impl SessionId {
    /// Whoever runs the exchange.
    pub const OPERATIONS: Self = Self::NONE;

    pub fn is_operations(self) -> bool {
        self == Self::OPERATIONS
    }
}
