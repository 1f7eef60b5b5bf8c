//! Texts of which most are short: those are kept where they belong, the others beside them.

use crate::language::bytes::{put, u32_at};
use crate::language::ids::{keys, kinds, Key};
use crate::store::slab::Slab;

kinds! {
    /// Where a long text is kept.
    LongText(u32)
}

keys! { LongText }

/// Characters of a text that is kept where it belongs.
const SHORT: usize = 15;

/// A text, or, when it is long, where it is kept.
#[derive(Clone, Copy)]
pub struct Kept {
    length: u8,
    bytes: [u8; SHORT],
}

impl Kept {
    fn is_short(&self) -> bool {
        usize::from(self.length) <= SHORT
    }

    fn long(&self) -> LongText {
        LongText::new(u32_at(&self.bytes, 0))
    }
}

/// Texts of at most `MOST` characters.
pub struct Texts<const MOST: usize> {
    long: Slab<LongText, [u8; MOST]>,
}

impl<const MOST: usize> Texts<MOST> {
    pub fn new() -> Self {
        Self { long: Slab::new() }
    }

    #[inline(always)]
    pub fn keep(&mut self, raw: &[u8]) -> Kept {
        let mut kept = Kept { length: raw.len() as u8, bytes: [0; SHORT] };
        if kept.is_short() {
            kept.bytes[..raw.len()].copy_from_slice(raw);
        } else {
            let mut bytes = [0; MOST];
            bytes[..raw.len()].copy_from_slice(raw);
            put(&mut kept.bytes, 0, self.long.insert(bytes).number().to_le_bytes());
        }
        kept
    }

    #[inline(always)]
    pub fn get<'a>(&'a self, kept: &'a Kept) -> &'a [u8] {
        let bytes: &[u8] = if kept.is_short() { &kept.bytes } else { &self.long[kept.long()] };
        &bytes[..usize::from(kept.length)]
    }

    /// Use the memory of a text again.
    pub fn drop(&mut self, kept: &Kept) {
        if !kept.is_short() {
            self.long.remove(kept.long());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Texts;

    #[test]
    fn texts_of_every_length_are_kept_and_memory_is_used_again() {
        let all = [b'x'; 36];
        let mut texts = Texts::<36>::new();
        for _ in 0..2 {
            let kept: Vec<_> = (0..=36).map(|length| texts.keep(&all[..length])).collect();
            for (length, kept) in kept.iter().enumerate() {
                assert_eq!(texts.get(kept), &all[..length]);
            }
            assert_eq!(texts.long.len(), 21);
            for kept in &kept {
                texts.drop(kept);
            }
            assert_eq!(texts.long.len(), 0);
        }
        assert_eq!(texts.long.iter().count(), 21);
    }
}
