//! Slots that keep their number while in use and are used again afterwards, the last freed first.

use crate::store::pages::Pages;

/// No slot, no entry.
pub const NIL: u32 = u32::MAX;

pub struct Slab<T> {
    slots: Pages<T>,
    free: Pages<u32>,
}

impl<T: Copy> Slab<T> {
    pub fn new() -> Self {
        Self { slots: Pages::new(), free: Pages::new() }
    }

    /// Count the slots in use.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Store a value. Cost: O(1); allocates only beyond the largest number ever in use.
    pub fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = value;
            return slot;
        }
        let slot = self.slots.len() as u32;
        assert!(slot < NIL, "the slab is full");
        self.slots.push(value);
        slot
    }

    pub fn remove(&mut self, slot: u32) {
        self.free.push(slot);
    }

    /// Walk all slots, those not in use included.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.slots.iter().enumerate().map(|(slot, value)| (slot as u32, value))
    }
}

impl<T> std::ops::Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        &self.slots[slot as usize]
    }
}

impl<T> std::ops::IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.slots[slot as usize]
    }
}
