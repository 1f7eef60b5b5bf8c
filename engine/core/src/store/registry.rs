//! Things known by a small id and a unique name: assets, firms, accounts, sessions, instruments.

use crate::language::codes::Code;
use crate::language::text::Name;
use crate::store::index::{hash, Index};

pub struct Entry<T> {
    pub name: Name,
    pub value: T,
}

pub struct Registry<T> {
    entries: Vec<Option<Entry<T>>>,
    names: Index,
    id_max: u32,
    seed: u64,
}

impl<T> Registry<T> {
    pub fn new(id_max: u32, seed: u64) -> Self {
        Self { entries: Vec::new(), names: Index::small(), id_max, seed }
    }

    /// Check that `id` and `name` are within bounds and free. The error is the code of the refusal.
    pub fn check_vacant(&self, id: u32, name: &Name) -> Result<(), Code> {
        if id == 0 || id > self.id_max || name.is_empty() {
            return Err(Code::BoundExceeded);
        }
        if self.get(id).is_some() || self.find(name).is_some() {
            return Err(Code::AlreadyRegistered);
        }
        Ok(())
    }

    /// Add a vacant id. Cost: O(1) amortised, memory up to the largest id.
    pub fn insert(&mut self, id: u32, name: Name, value: T) {
        let at = id as usize;
        if self.entries.len() <= at {
            self.entries.resize_with(at + 1, || None);
        }
        self.entries[at] = Some(Entry { name, value });
        self.names.insert(hash(self.seed, 0, name.as_bytes()), id);
    }

    pub fn get(&self, id: u32) -> Option<&T> {
        self.entries.get(id as usize)?.as_ref().map(|entry| &entry.value)
    }

    pub fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.entries.get_mut(id as usize)?.as_mut().map(|entry| &mut entry.value)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Tell whether an id goes by this name.
    pub fn is_named(&self, id: u32, name: &Name) -> bool {
        self.entries.get(id as usize).and_then(Option::as_ref).is_some_and(|entry| entry.name == *name)
    }

    /// The first id from `id` on. Cost: O(ids that are vacant).
    pub fn first_from(&self, id: u32) -> Option<u32> {
        let entries = self.entries.get(id as usize..)?;
        entries.iter().position(Option::is_some).map(|at| id + at as u32)
    }

    /// Walk the ids.
    pub fn ids(&self) -> Vec<u32> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// Walk in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Entry<T>)> {
        self.entries.iter().enumerate().filter_map(|(id, entry)| Some((id as u32, entry.as_ref()?)))
    }

    fn find(&self, name: &Name) -> Option<u32> {
        let is_named = |id: u32| self.entries[id as usize].as_ref().is_some_and(|entry| entry.name == *name);
        self.names.find(hash(self.seed, 0, name.as_bytes()), is_named)
    }
}

/// An id that is known to be registered.
impl<T> std::ops::Index<u32> for Registry<T> {
    type Output = T;

    fn index(&self, id: u32) -> &T {
        self.get(id).expect("the id is registered")
    }
}

impl<T> std::ops::IndexMut<u32> for Registry<T> {
    fn index_mut(&mut self, id: u32) -> &mut T {
        self.get_mut(id).expect("the id is registered")
    }
}
