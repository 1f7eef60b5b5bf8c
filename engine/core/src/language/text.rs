//! Short printable ASCII, kept in place.

use crate::language::bytes::u64_at;
use crate::language::limits::{CL_ORD_ID_LENGTH_MAX, DEPOSIT_REF_LENGTH_MAX, NAME_LENGTH_MAX, TEXT_LENGTH_MAX};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

pub type Name = Text<NAME_LENGTH_MAX>;
pub type ClOrdId = Text<CL_ORD_ID_LENGTH_MAX>;
pub type DepositRef = Text<DEPOSIT_REF_LENGTH_MAX>;

/// Tell whether every byte is a printable ASCII character, the space included.
pub fn is_printable(raw: &[u8]) -> bool {
    match raw.last_chunk() {
        None => raw.iter().all(|byte| (0x20..=0x7e).contains(byte)),
        Some(last) => {
            raw.chunks_exact(8).all(|word| is_printable_word(u64_at(word, 0)))
                && is_printable_word(u64::from_le_bytes(*last))
        }
    }
}

/// Eight characters at once. None is above `0x7e`: adding 1 sets no upper bit; none is below `0x20`: taking that away
/// leaves an upper bit put there before.
fn is_printable_word(word: u64) -> bool {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const UPPER: u64 = ONES << 7;
    let above = word | word.wrapping_add(ONES);
    let below = !((word | UPPER) - ONES * 0x20);
    (above | below) & UPPER == 0
}

impl<const N: usize> Text<N> {
    /// Take a copy, or nothing when `raw` is too long or not printable.
    pub fn new(raw: &[u8]) -> Option<Self> {
        if raw.len() > N || !is_printable(raw) {
            return None;
        }
        Some(Self::of_printable(raw))
    }

    /// Take a copy of what was found printable, and short enough, before.
    pub fn of_printable(raw: &[u8]) -> Self {
        debug_assert!(is_printable(raw));
        let mut bytes = [0; N];
        bytes[..raw.len()].copy_from_slice(raw);
        Self { length: raw.len() as u8, bytes }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length as usize]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// A printable text of `LEAST` to `MOST` characters, looked at where it lies.
#[derive(Clone, Copy)]
pub struct Ascii<'a, const LEAST: usize, const MOST: usize>(&'a [u8]);

/// A `ClOrdID` that must be there, and one that may be empty.
pub type GivenClOrdId<'a> = Ascii<'a, 1, CL_ORD_ID_LENGTH_MAX>;
pub type MaybeClOrdId<'a> = Ascii<'a, 0, CL_ORD_ID_LENGTH_MAX>;
/// A text of the member's, which is handed through.
pub type Note<'a> = Ascii<'a, 0, TEXT_LENGTH_MAX>;
/// A field as the member wrote it, as long as the layout carries it.
pub type AsWritten<'a> = Ascii<'a, 0, { u8::MAX as usize }>;

impl<'a, const LEAST: usize, const MOST: usize> Ascii<'a, LEAST, MOST> {
    #[inline(always)]
    pub fn new(raw: &'a [u8]) -> Option<Self> {
        ((LEAST..=MOST).contains(&raw.len()) && is_printable(raw)).then_some(Self(raw))
    }
}

impl<const LEAST: usize, const MOST: usize> std::ops::Deref for Ascii<'_, LEAST, MOST> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::is_printable;

    #[test]
    fn every_byte_at_every_place_is_told_apart() {
        for length in 1..=20 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    for around in [0x20, 0x41, 0x7e] {
                        let mut raw = vec![around; length];
                        raw[at] = byte;
                        assert_eq!(is_printable(&raw), (0x20..=0x7e).contains(&byte), "{byte} at {at} of {length}");
                    }
                }
            }
        }
        assert!(is_printable(b""));
    }
}
