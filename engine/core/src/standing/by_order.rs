//! What is found by order id.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::language::ids::OrderId;

/// Spreads the numbers of records, which nobody chooses.
#[derive(Default)]
pub struct SeqHasher(u64);

impl Hasher for SeqHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

pub type ByOrder<T> = HashMap<OrderId, T, BuildHasherDefault<SeqHasher>>;
