//! Slots that keep their number while in use and are used again afterwards, the last freed first.

use crate::language::ids::Key;
use crate::store::pages::Pages;

/// No slot.
pub const NIL: u32 = u32::MAX;

/// Values of one kind by slots of their own kind.
pub struct Slab<K, T> {
    slots: Pages<T>,
    free: Pages<K>,
}

impl<K: Key, T: Copy> Slab<K, T> {
    pub fn new() -> Self {
        Self { slots: Pages::new(), free: Pages::new() }
    }

    /// Count the slots in use.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Store a value. Cost: O(1); allocates only beyond the largest number ever in use.
    pub fn insert(&mut self, value: T) -> K {
        if let Some(slot) = self.free.pop() {
            self.slots[slot.at()] = value;
            return slot;
        }
        assert!(self.slots.len() < NIL as usize, "the slab is full");
        let slot = K::of(self.slots.len());
        self.slots.push(value);
        slot
    }

    pub fn remove(&mut self, slot: K) {
        self.free.push(slot);
    }

    /// Walk all slots, those not in use included.
    pub fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.slots.iter().enumerate().map(|(slot, value)| (K::of(slot), value))
    }
}

impl<K: Key, T> std::ops::Index<K> for Slab<K, T> {
    type Output = T;

    fn index(&self, slot: K) -> &T {
        &self.slots[slot.at()]
    }
}

impl<K: Key, T> std::ops::IndexMut<K> for Slab<K, T> {
    fn index_mut(&mut self, slot: K) -> &mut T {
        &mut self.slots[slot.at()]
    }
}
