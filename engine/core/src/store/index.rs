//! Open-addressing table from a hash to the number of an entry kept elsewhere.
//!
//! The table is cut into shards that grow one at a time, so that no command waits for all of it. Within a shard the
//! upper bits of the hash are the home slot, and entries stand in the order of their homes (Robin Hood hashing): a shard
//! may be filled to seven eighths, a look-up in vain ends early, and it grows in one sequential pass over both halves.
//! Nothing walks the table in its own order: what the core decides never depends on the hash or its seed.

use std::marker::PhantomData;

use crate::language::bytes::u64_at;
use crate::language::ids::Key;
use crate::language::processor::{prefetch_all, Prefetch};
use crate::store::slab::NIL;

#[derive(Clone, Copy)]
struct Slot {
    tag: u32,
    entry: u32,
}

const EMPTY: Slot = Slot { tag: 0, entry: NIL };
const FIRST_BITS: u32 = 6;

/// Shards of a large table.
const SHARDS: usize = 1024;

/// Numbers of entries are of their own kind.
pub struct Index<K> {
    shards: Vec<Shard>,
    len: usize,
    entries: PhantomData<K>,
}

#[derive(Clone)]
struct Shard {
    slots: Vec<Slot>,
    /// Bits of a tag that are not part of its home.
    shift: u32,
    len: usize,
}

impl<K: Key> Index<K> {
    /// Create a table for things of which there are few.
    pub fn small() -> Self {
        Self { shards: vec![Shard::new(); 1], len: 0, entries: PhantomData }
    }

    /// Create a table for things without number.
    pub fn large() -> Self {
        Self { shards: vec![Shard::new(); SHARDS], len: 0, entries: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Find the entry of this hash that `is_match` accepts. Cost: O(1) expected.
    pub fn find(&self, hash: u64, is_match: impl Fn(K) -> bool) -> Option<K> {
        let found = self.shards[self.shard(hash)].find(tag(hash), |entry| is_match(K::of(entry as usize)));
        found.map(|entry| K::of(entry as usize))
    }

    /// Bring the place where a look-up of this hash will begin into the cache.
    pub fn prefetch(&self, hash: u64, prefetch: Prefetch) {
        let shard = &self.shards[self.shard(hash)];
        prefetch_all(prefetch, &shard.slots[shard.home(tag(hash))]);
    }

    /// Add an entry that `find` does not find. Cost: O(1) amortised, O(shard) at most.
    #[inline(always)]
    pub fn insert(&mut self, hash: u64, entry: K) {
        let at = self.shard(hash);
        self.shards[at].insert(Slot { tag: tag(hash), entry: entry.at() as u32 });
        self.len += 1;
    }

    /// Take an entry out that is there. Cost: O(1) expected.
    pub fn remove(&mut self, hash: u64, entry: K) {
        let at = self.shard(hash);
        self.shards[at].remove(tag(hash), entry.at() as u32);
        self.len -= 1;
    }

    fn shard(&self, hash: u64) -> usize {
        hash as usize & (self.shards.len() - 1)
    }
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Shard {
    fn new() -> Self {
        Self { slots: vec![EMPTY; 1 << FIRST_BITS], shift: 32 - FIRST_BITS, len: 0 }
    }

    fn find(&self, tag: u32, is_match: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut at = self.home(tag);
        let mut distance = 0;
        loop {
            let slot = self.slots[at];
            if slot.entry == NIL || slot.tag != tag && self.distance(slot, at) < distance {
                return None;
            }
            if slot.tag == tag && is_match(slot.entry) {
                return Some(slot.entry);
            }
            at = (at + 1) & mask;
            distance += 1;
        }
    }

    #[inline(always)]
    fn insert(&mut self, slot: Slot) {
        if self.len * 8 >= self.slots.len() * 7 {
            self.grow();
        }
        self.place(slot);
        self.len += 1;
    }

    /// Empty a slot; those behind it that are not at home move up.
    fn remove(&mut self, tag: u32, entry: u32) {
        let mask = self.slots.len() - 1;
        let mut hole = self.home(tag);
        while self.slots[hole].entry != entry {
            assert!(self.slots[hole].entry != NIL, "an entry is not in the index");
            hole = (hole + 1) & mask;
        }
        loop {
            let next = (hole + 1) & mask;
            let slot = self.slots[next];
            if slot.entry == NIL || self.distance(slot, next) == 0 {
                break;
            }
            self.slots[hole] = slot;
            hole = next;
        }
        self.slots[hole] = EMPTY;
        self.len -= 1;
    }

    /// How far an entry stands from its home.
    #[inline(always)]
    fn distance(&self, slot: Slot, at: usize) -> usize {
        at.wrapping_sub(self.home(slot.tag)) & (self.slots.len() - 1)
    }

    fn home(&self, tag: u32) -> usize {
        tag.wrapping_shr(self.shift) as usize
    }

    /// Put an entry behind those that are as far from home as it would be; whoever is nearer to home moves on.
    #[inline(always)]
    fn place(&mut self, mut slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut at = self.home(slot.tag);
        let mut distance = 0;
        loop {
            let there = self.slots[at];
            if there.entry == NIL {
                self.slots[at] = slot;
                return;
            }
            let theirs = self.distance(there, at);
            if theirs < distance {
                self.slots[at] = slot;
                (slot, distance) = (there, theirs);
            }
            at = (at + 1) & mask;
            distance += 1;
        }
    }

    fn grow(&mut self) {
        assert!(self.shift > 0, "the index is full");
        self.shift -= 1;
        let wider = vec![EMPTY; self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, wider);
        for slot in old.into_iter().filter(|slot| slot.entry != NIL) {
            self.place(slot);
        }
    }
}

const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// Hash bytes under a seed, sixteen at a time. The seed only makes collisions hard to prepare.
pub fn hash(seed: u64, prefix: u32, raw: &[u8]) -> u64 {
    let key = (seed ^ MULTIPLIER) | 1;
    let mut state = seed ^ u64::from(prefix) ^ ((raw.len() as u64) << 32);
    let mut pairs = raw.chunks_exact(16);
    for pair in &mut pairs {
        state = fold(state ^ u64_at(pair, 0), key ^ u64_at(pair, 8));
    }
    let (first, last) = ends(pairs.remainder());
    fold(fold(state ^ first, key ^ last), MULTIPLIER)
}

/// Hash a number under a seed.
pub fn hash_number(seed: u64, number: u64) -> u64 {
    fold(number ^ seed, MULTIPLIER)
}

/// Fewer than sixteen bytes as two words: their beginning and their end, which may overlap.
fn ends(raw: &[u8]) -> (u64, u64) {
    if let (Some(first), Some(last)) = (raw.first_chunk(), raw.last_chunk()) {
        return (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (raw.first_chunk(), raw.last_chunk()) {
        return (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)));
    }
    (raw.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)), 0)
}

#[cfg(test)]
mod tests {
    use super::{hash, Index};

    #[test]
    fn finds_what_was_inserted_and_nothing_else() {
        let mut index = Index::<u32>::large();
        let key = |n: u32| hash(7, n % 3, &n.to_le_bytes());
        for n in 0..10_000 {
            assert_eq!(index.find(key(n), |entry| entry == n), None);
            index.insert(key(n), n);
        }
        for n in 0..10_000 {
            assert_eq!(index.find(key(n), |entry| entry == n), Some(n));
        }
        assert_eq!(index.len(), 10_000);
    }

    #[test]
    fn what_was_taken_out_is_gone_and_all_else_is_found() {
        let mut index = Index::<u32>::small();
        let key = |n: u32| hash(7, 0, &(n / 3).to_le_bytes());
        for n in 0..3_000 {
            index.insert(key(n), n);
        }
        for n in (0..3_000).filter(|n| n % 7 != 0) {
            index.remove(key(n), n);
        }
        for n in 0..3_000 {
            assert_eq!(index.find(key(n), |entry| entry == n).is_some(), n % 7 == 0, "{n}");
        }
        assert_eq!(index.len(), 429);
    }

    #[test]
    fn equal_hashes_are_told_apart_by_the_key() {
        let mut index = Index::<u32>::small();
        for n in 0..100 {
            index.insert(42, n);
        }
        assert_eq!(index.find(42, |entry| entry == 99), Some(99));
        assert_eq!(index.find(42, |_| false), None);
    }
}
