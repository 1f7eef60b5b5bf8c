//! References of all deposits ever made, so that none is credited twice (REC-33).

use crate::language::text::DepositRef;
use crate::store::index::{hash, Index};

pub struct DepositRefs {
    refs: Vec<DepositRef>,
    index: Index<u32>,
    seed: u64,
}

impl DepositRefs {
    pub fn new(seed: u64) -> Self {
        Self { refs: Vec::new(), index: Index::large(), seed }
    }

    pub fn contains(&self, deposit_ref: &DepositRef) -> bool {
        let is_same = |at: u32| self.refs[at as usize] == *deposit_ref;
        self.index.find(self.key(deposit_ref), is_same).is_some()
    }

    /// Add a reference that is not contained. Cost: O(1) amortised.
    pub fn add(&mut self, deposit_ref: DepositRef) {
        self.index.insert(self.key(&deposit_ref), self.refs.len() as u32);
        self.refs.push(deposit_ref);
    }

    /// All references in the order of their deposits.
    pub fn as_slice(&self) -> &[DepositRef] {
        &self.refs
    }

    fn key(&self, deposit_ref: &DepositRef) -> u64 {
        hash(self.seed, 0, deposit_ref.as_bytes())
    }
}
