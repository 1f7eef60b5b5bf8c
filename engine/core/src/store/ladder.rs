//! Levels by rank: a radix tree of 64-way nodes, no taller than the levels are far apart.
//!
//! A market's levels share the upper digits of their ranks, so two to four nodes lead to any of them; the next
//! best level is found with one bit scan per node. An order far away makes the tree taller while it is there.

use std::marker::PhantomData;

use crate::language::ids::Key;
use crate::store::slab::{Slab, NIL};

/// The place of a level among others: the lower the better.
pub type Rank = i64;

const DIGIT_BITS: u32 = 6;
const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;
/// Digits of the widest key: ranks are within 2^40 of zero.
const HEIGHT_MAX: usize = 7;
const KEY_OFFSET: i64 = 1 << 41;

#[derive(Clone, Copy)]
struct Node {
    /// One bit per child that is there.
    bits: u64,
    /// Nodes, or levels in the lowest nodes.
    children: [u32; 64],
}

const EMPTY: Node = Node { bits: 0, children: [NIL; 64] };

impl Node {
    fn child(&self, digit: usize) -> Option<u32> {
        (self.bits >> digit & 1 == 1).then(|| self.children[digit])
    }

    fn set(&mut self, digit: usize, child: u32) {
        self.bits |= 1 << digit;
        self.children[digit] = child;
    }

    /// The first child from `digit` on.
    fn first_from(&self, digit: usize) -> Option<usize> {
        let bits = if digit < 64 { self.bits & (!0 << digit) } else { 0 };
        (bits != 0).then(|| bits.trailing_zeros() as usize)
    }
}

/// Levels are kept elsewhere, by slots of their own kind.
pub struct Ladder<L> {
    nodes: Slab<u32, Node>,
    root: u32,
    /// Nodes from the root down to a level.
    height: usize,
    /// What all keys have in common above the root's digit.
    prefix: u64,
    len: usize,
    /// Lowest rank, when there is one, and its level.
    best: (i64, u32),
    levels: PhantomData<L>,
}

fn key_of(rank: i64) -> u64 {
    (rank + KEY_OFFSET) as u64
}

fn rank_of(key: u64) -> i64 {
    key as i64 - KEY_OFFSET
}

/// The digit of a key that a node at this height looks at; the lowest nodes stand at height 1.
fn digit(key: u64, height: usize) -> usize {
    (key.wrapping_shr(DIGIT_BITS.wrapping_mul(height as u32).wrapping_sub(DIGIT_BITS)) & DIGIT_MASK) as usize
}

fn above(key: u64, height: usize) -> u64 {
    key.wrapping_shr(DIGIT_BITS.wrapping_mul(height as u32))
}

impl<L: Key> Ladder<L> {
    pub fn new() -> Self {
        Self { nodes: Slab::new(), root: NIL, height: 0, prefix: 0, len: 0, best: (0, NIL), levels: PhantomData }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The lowest rank and its level. Cost: O(1).
    pub fn best(&self) -> Option<(i64, L)> {
        let (rank, level) = self.best;
        (level != NIL).then_some((rank, L::of(level as usize)))
    }

    /// Find the level of a rank. Cost: O(height).
    pub fn get(&self, rank: i64) -> Option<L> {
        let key = key_of(rank);
        if self.root == NIL || above(key, self.height) != self.prefix {
            return None;
        }
        let mut node = self.root;
        for height in (1..=self.height).rev() {
            match self.nodes[node].child(digit(key, height)) {
                Some(child) => node = child,
                None => return None,
            }
        }
        Some(L::of(node as usize))
    }

    /// Find the level of a rank, or add the one that `make` makes. Cost: O(height).
    pub fn level_at(&mut self, rank: i64, make: impl FnOnce() -> L) -> L {
        let key = key_of(rank);
        self.cover(key);
        let mut node = self.root;
        for height in (2..=self.height).rev() {
            let at = digit(key, height);
            node = self.nodes[node].child(at).unwrap_or_else(|| {
                let child = self.nodes.insert(EMPTY);
                self.nodes[node].set(at, child);
                child
            });
        }
        let leaf = &mut self.nodes[node];
        if let Some(level) = leaf.child(digit(key, 1)) {
            return L::of(level as usize);
        }
        let level = make();
        leaf.set(digit(key, 1), level.at() as u32);
        self.len += 1;
        if self.best.1 == NIL || rank < self.best.0 {
            self.best = (rank, level.at() as u32);
        }
        level
    }

    /// Take out a rank that has a level. Cost: O(height).
    pub fn remove(&mut self, rank: i64) {
        if rank == self.best.0 {
            self.best = self.first_from(key_of(rank) + 1).unwrap_or((0, NIL));
        }
        let key = key_of(rank);
        let mut path = [NIL; HEIGHT_MAX + 1];
        path[self.height] = self.root;
        for height in (2..=self.height).rev() {
            path[height - 1] = self.nodes[path[height]].children[digit(key, height)];
        }
        for (height, node) in path.into_iter().enumerate().take(self.height + 1).skip(1) {
            self.nodes[node].bits &= !(1 << digit(key, height));
            if self.nodes[node].bits != 0 {
                break;
            }
            self.nodes.remove(node);
            if height == self.height {
                (self.root, self.height) = (NIL, 0);
            }
        }
        self.len -= 1;
        self.lower();
    }

    /// The next rank above, with its level. Cost: O(height).
    pub fn after(&self, rank: i64) -> Option<(i64, L)> {
        self.first_from(key_of(rank) + 1).map(|(rank, level)| (rank, L::of(level as usize)))
    }

    /// Walk from the best on.
    pub fn iter(&self) -> impl Iterator<Item = (i64, L)> + '_ {
        std::iter::successors(self.best(), move |(rank, _)| self.after(*rank))
    }

    /// The first key at or above `key`, with its level.
    fn first_from(&self, key: u64) -> Option<(i64, u32)> {
        if self.root == NIL || above(key, self.height) > self.prefix {
            return None;
        }
        if above(key, self.height) < self.prefix {
            return Some(self.leftmost(self.root, self.height, self.prefix));
        }
        let mut path = [NIL; HEIGHT_MAX + 1];
        path[self.height] = self.root;
        let mut height = self.height;
        // Down along the key as far as it goes, then up until a node has something further on.
        while height > 1 {
            let Some(child) = self.nodes[path[height]].child(digit(key, height)) else {
                break;
            };
            height -= 1;
            path[height] = child;
        }
        let mut from = digit(key, height);
        loop {
            if let Some(at) = self.nodes[path[height]].first_from(from) {
                let prefix = above(key, height) << DIGIT_BITS | at as u64;
                return Some(self.leftmost(self.nodes[path[height]].children[at], height - 1, prefix));
            }
            if height == self.height {
                return None;
            }
            height += 1;
            from = digit(key, height) + 1;
        }
    }

    /// The lowest key below a node (or the level itself at height 0), whose upper digits are `prefix`.
    fn leftmost(&self, mut node: u32, height: usize, mut prefix: u64) -> (i64, u32) {
        for _ in 0..height {
            let at = self.nodes[node].bits.trailing_zeros() as usize;
            prefix = prefix << DIGIT_BITS | at as u64;
            node = self.nodes[node].children[at];
        }
        (rank_of(prefix), node)
    }

    /// Make the tree tall enough for a key.
    fn cover(&mut self, key: u64) {
        if self.root == NIL {
            self.root = self.nodes.insert(EMPTY);
            (self.height, self.prefix) = (1, above(key, 1));
        }
        while above(key, self.height) != self.prefix {
            let mut root = EMPTY;
            root.set((self.prefix & DIGIT_MASK) as usize, self.root);
            self.root = self.nodes.insert(root);
            self.prefix >>= DIGIT_BITS;
            self.height += 1;
        }
    }

    /// Take away roots that lead to one node only.
    fn lower(&mut self) {
        while self.height > 1 && self.nodes[self.root].bits.is_power_of_two() {
            let root = self.root;
            let at = self.nodes[root].bits.trailing_zeros();
            self.root = self.nodes[root].children[at as usize];
            self.prefix = self.prefix << DIGIT_BITS | u64::from(at);
            self.height -= 1;
            self.nodes.remove(root);
        }
    }

    /// Check that the count is right, that no node is empty, and that the best is the first.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.root == NIL {
            let is_empty = self.len == 0 && self.nodes.len() == 0 && self.best.1 == NIL;
            return is_empty.then_some(()).ok_or("an empty ladder holds something");
        }
        let (levels, nodes) = self.count(self.root, self.height)?;
        if levels != self.len || nodes != self.nodes.len() {
            return Err("the count of a ladder is wrong");
        }
        if self.leftmost(self.root, self.height, self.prefix) == self.best {
            Ok(())
        } else {
            Err("the best level is not the first")
        }
    }

    fn count(&self, node: u32, height: usize) -> Result<(usize, usize), &'static str> {
        let bits = self.nodes[node].bits;
        if bits == 0 {
            return Err("a node of a ladder is empty");
        }
        let (mut levels, mut nodes) = (0, 1);
        for at in (0..64).filter(|at| bits >> at & 1 == 1) {
            if height == 1 {
                levels += 1;
            } else {
                let (more_levels, more_nodes) = self.count(self.nodes[node].children[at], height - 1)?;
                (levels, nodes) = (levels + more_levels, nodes + more_nodes);
            }
        }
        Ok((levels, nodes))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Ladder;

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
            if tree.remove(&rank).is_some() {
                ladder.remove(rank);
            } else {
                tree.insert(rank, step as u32);
                assert_eq!(ladder.level_at(rank, || step as u32), step as u32);
                assert_eq!(ladder.level_at(rank, || unreachable!("the level is there")), step as u32);
            }
            assert_eq!(ladder.best(), tree.first_key_value().map(|(rank, level)| (*rank, *level)));
            assert_eq!(ladder.get(rank), tree.get(&rank).copied());
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
