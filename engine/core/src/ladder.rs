//! Levels by rank: a window of ranks as an array with a bitmap over it, and a tree for the few outside.
//!
//! In a market nearly all levels stand close together: there a look-up, an insertion and the way to the next best
//! level touch one or two words. The window grows with the levels up to `WINDOW_MAX` and moves after the best when
//! the market has left it; ranks outside are right but slower.

use std::collections::BTreeMap;

use crate::slab::NIL;

const WINDOW_MIN: usize = 256;
const WINDOW_MAX: usize = 1 << 16;
const WORD: usize = 64;

pub struct Ladder {
    /// Rank of the first slot of the window.
    base: i64,
    slots: Vec<u32>,
    /// One bit per slot that is taken.
    bits: Vec<u64>,
    in_window: usize,
    outside: BTreeMap<i64, u32>,
    /// Insertions outside since the window was last placed.
    misses: usize,
    /// Lowest rank, when there is one, and its level.
    best: (i64, u32),
}

impl Ladder {
    pub fn new() -> Self {
        Self {
            base: 0,
            slots: Vec::new(),
            bits: Vec::new(),
            in_window: 0,
            outside: BTreeMap::new(),
            misses: 0,
            best: (0, NIL),
        }
    }

    pub fn len(&self) -> usize {
        self.in_window + self.outside.len()
    }

    /// The level of the lowest rank, or `NIL`. Cost: O(1).
    pub fn best(&self) -> u32 {
        self.best.1
    }

    /// Find the level of a rank, or `NIL`. Cost: O(1) in the window.
    pub fn get(&self, rank: i64) -> u32 {
        match self.slot(rank) {
            Some(at) => self.slots[at],
            None => self.outside.get(&rank).copied().unwrap_or(NIL),
        }
    }

    /// Add the level of a rank that has none. Cost: O(1) amortised in the window.
    pub fn insert(&mut self, rank: i64, level: u32) {
        if self.slot(rank).is_none() && self.is_to_be_placed(rank) {
            self.place(rank);
        }
        self.put(rank, level);
        if self.best.1 == NIL || rank < self.best.0 {
            self.best = (rank, level);
        }
    }

    /// Take out a rank that has a level. Cost: O(1) in the window, plus the way to the next when it was the best.
    pub fn remove(&mut self, rank: i64) {
        match self.slot(rank) {
            Some(at) => {
                self.slots[at] = NIL;
                self.bits[at / WORD] &= !(1 << (at % WORD));
                self.in_window -= 1;
            }
            None => {
                self.outside.remove(&rank);
            }
        }
        if rank == self.best.0 {
            self.best = self.after(rank).unwrap_or((0, NIL));
        }
    }

    /// The next rank above, with its level.
    pub fn after(&self, rank: i64) -> Option<(i64, u32)> {
        let inside = self.next_in_window(rank);
        let above = (std::ops::Bound::Excluded(rank), std::ops::Bound::Unbounded);
        let outside = self.outside.range(above).next().map(|(rank, level)| (*rank, *level));
        match (inside, outside) {
            (Some(inside), Some(outside)) => Some(if inside.0 < outside.0 { inside } else { outside }),
            (inside, outside) => inside.or(outside),
        }
    }

    /// Walk from the best on.
    pub fn iter(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let first = (self.best.1 != NIL).then_some(self.best);
        std::iter::successors(first, move |(rank, _)| self.after(*rank))
    }

    fn slot(&self, rank: i64) -> Option<usize> {
        let at = rank.wrapping_sub(self.base) as u64;
        (at < self.slots.len() as u64).then_some(at as usize)
    }

    fn put(&mut self, rank: i64, level: u32) {
        if let Some(at) = self.slot(rank) {
            self.slots[at] = level;
            self.bits[at / WORD] |= 1 << (at % WORD);
            self.in_window += 1;
        } else {
            self.outside.insert(rank, level);
            self.misses += 1;
        }
    }

    fn next_in_window(&self, rank: i64) -> Option<(i64, u32)> {
        let from = if rank < self.base { 0 } else { usize::try_from(rank - self.base).ok()? + 1 };
        let mut word = from / WORD;
        let mut bits = self.bits.get(word)? & (!0 << (from % WORD));
        while bits == 0 {
            word += 1;
            bits = *self.bits.get(word)?;
        }
        let at = word * WORD + bits.trailing_zeros() as usize;
        Some((self.base + at as i64, self.slots[at]))
    }

    /// Tell whether the window should move or grow for a rank outside it: the levels all fit one, or it has
    /// been missed as often as a new one costs.
    fn is_to_be_placed(&self, rank: i64) -> bool {
        self.misses >= self.slots.len() || self.span(rank) <= WINDOW_MAX as u64 / 2
    }

    /// How many ranks lie between the lowest and the highest, with `rank` among them.
    fn span(&self, rank: i64) -> u64 {
        let (low, high) = self.ends(rank);
        low.abs_diff(high) + 1
    }

    fn ends(&self, rank: i64) -> (i64, i64) {
        if self.best.1 == NIL {
            return (rank, rank);
        }
        let last_inside = self.bits.iter().rposition(|bits| *bits != 0).map(|word| {
            let at = word * WORD + (WORD - 1 - self.bits[word].leading_zeros() as usize);
            self.base + at as i64
        });
        let last_outside = self.outside.last_key_value().map(|(rank, _)| *rank);
        let last = last_inside.max(last_outside).unwrap_or(rank);
        (self.best.0.min(rank), last.max(rank))
    }

    /// Place the window so that it holds all levels and `rank`, or, when they do not fit, those next to the best.
    fn place(&mut self, rank: i64) {
        let levels: Vec<(i64, u32)> = self.iter().collect();
        let (low, _) = self.ends(rank);
        let span = self.span(rank).min(WINDOW_MAX as u64 / 2) as usize;
        let size = (span * 2).next_power_of_two().clamp(WINDOW_MIN, WINDOW_MAX);
        self.base = low - ((size - span) / 2) as i64;
        self.slots.clear();
        self.slots.resize(size, NIL);
        self.bits.clear();
        self.bits.resize(size / WORD, 0);
        self.in_window = 0;
        self.outside.clear();
        for (rank, level) in levels {
            self.put(rank, level);
        }
        self.misses = 0;
    }

    /// Check that bits, slots and counts agree, and that the best is the first.
    pub fn check(&self) -> Result<(), &'static str> {
        let taken = |at: usize| self.bits[at / WORD] >> (at % WORD) & 1 == 1;
        if (0..self.slots.len()).any(|at| taken(at) != (self.slots[at] != NIL)) {
            return Err("a bit of a ladder does not tell what stands there");
        }
        if self.slots.iter().filter(|level| **level != NIL).count() != self.in_window {
            return Err("the count of a ladder is wrong");
        }
        if self.outside.keys().any(|rank| self.slot(*rank).is_some()) {
            return Err("a level outside the window belongs in it");
        }
        let first = self.after(i64::MIN).unwrap_or((0, NIL));
        if first == self.best {
            Ok(())
        } else {
            Err("the best level is not the first")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Ladder;
    use crate::slab::NIL;

    /// A small generator of numbers that look random and are always the same.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |bound| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % bound
        }
    }

    fn compare(spread: u64, drift: i64, seed: u64) {
        let mut next = numbers(seed);
        let mut ladder = Ladder::new();
        let mut tree = BTreeMap::new();
        for step in 0..20_000_i64 {
            let rank = step * drift + next(spread) as i64 - (spread / 2) as i64;
            let oldest = tree.first_key_value().map(|(rank, _)| *rank);
            if let (true, Some(rank)) = (tree.len() > 200, oldest) {
                tree.remove(&rank);
                ladder.remove(rank);
            }
            if tree.contains_key(&rank) {
                tree.remove(&rank);
                ladder.remove(rank);
            } else {
                tree.insert(rank, step as u32);
                ladder.insert(rank, step as u32);
            }
            assert_eq!(ladder.best(), tree.first_key_value().map_or(NIL, |(_, level)| *level));
            assert_eq!(ladder.get(rank), tree.get(&rank).copied().unwrap_or(NIL));
            if step % 500 == 0 {
                ladder.check().unwrap();
                assert!(ladder.iter().eq(tree.iter().map(|(rank, level)| (*rank, *level))));
                assert_eq!(ladder.len(), tree.len());
            }
        }
    }

    #[test]
    fn is_a_sorted_map_near_and_far_standing_and_moving() {
        for (seed, spread) in [(1, 10), (2, 1_000), (3, 100_000), (4, 1_000_000_000_000)] {
            for drift in [0, 1, -3, 40_000] {
                compare(spread, drift, seed);
            }
        }
    }
}
