//! A set of small numbers, walked in their order.

use std::marker::PhantomData;

use crate::language::ids::Key;

pub struct Bits<K> {
    words: Vec<u64>,
    len: usize,
    numbers: PhantomData<K>,
}

impl<K: Key> Bits<K> {
    pub fn new() -> Self {
        Self { words: Vec::new(), len: 0, numbers: PhantomData }
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Put a number in. Cost: O(1), memory up to the largest number.
    pub fn insert(&mut self, number: K) {
        let (at, bit) = (number.at() / 64, 1 << (number.at() % 64));
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        self.len += usize::from(self.words[at] & bit == 0);
        self.words[at] |= bit;
    }

    pub fn contains(&self, number: K) -> bool {
        self.words.get(number.at() / 64).is_some_and(|word| word >> (number.at() % 64) & 1 == 1)
    }

    pub fn remove(&mut self, number: K) {
        if self.contains(number) {
            self.words[number.at() / 64] &= !(1 << (number.at() % 64));
            self.len -= 1;
        }
    }

    /// The first number that is in, from `number` on. Cost: O(largest number / 64).
    pub fn first_from(&self, number: K) -> Option<K> {
        let mut at = number.at() / 64;
        let mut word = self.words.get(at)? & (!0 << (number.at() % 64));
        while word == 0 {
            at += 1;
            word = *self.words.get(at)?;
        }
        Some(K::of(at * 64 + word.trailing_zeros() as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn numbers_are_walked_in_their_order() {
        let mut bits = Bits::<u32>::new();
        assert!(bits.is_empty() && bits.first_from(0).is_none());
        for number in [200, 3, 64, 3] {
            bits.insert(number);
        }
        assert_eq!([0, 4, 65, 201].map(|from| bits.first_from(from)), [Some(3), Some(64), Some(200), None]);
        bits.remove(64);
        bits.remove(65);
        assert!(!bits.contains(64) && bits.contains(200) && !bits.is_empty());
        assert_eq!(bits.first_from(4), Some(200));
        bits.remove(3);
        bits.remove(200);
        assert!(bits.is_empty());
    }
}
