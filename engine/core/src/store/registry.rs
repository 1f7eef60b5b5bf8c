//! Things known by a small id and a unique name: assets, firms, accounts, sessions, instruments.

use crate::language::codes::Code;
use crate::language::ids::Key;
use crate::language::text::Name;
use crate::store::index::{hash, Index};

pub struct Named<T> {
    pub name: Name,
    pub value: T,
}

/// Things by ids of their own kind.
pub struct Registry<K, T> {
    entries: Vec<Option<Named<T>>>,
    names: Index<K>,
    id_max: u32,
    seed: u64,
}

impl<K: Key, T> Registry<K, T> {
    pub fn new(id_max: u32, seed: u64) -> Self {
        Self { entries: Vec::new(), names: Index::small(), id_max, seed }
    }

    /// Check that `id` and `name` are within bounds and free. The error is the code of the refusal.
    pub fn check_vacant(&self, id: K, name: &Name) -> Result<(), Code> {
        if id.at() == 0 || id.at() > self.id_max as usize || name.is_empty() {
            return Err(Code::BoundExceeded);
        }
        if self.get(id).is_some() || self.find(name).is_some() {
            return Err(Code::AlreadyRegistered);
        }
        Ok(())
    }

    /// Add a vacant id. Cost: O(1) amortised, memory up to the largest id.
    pub fn insert(&mut self, id: K, name: Name, value: T) {
        let at = id.at();
        if self.entries.len() <= at {
            self.entries.resize_with(at + 1, || None);
        }
        self.entries[at] = Some(Named { name, value });
        self.names.insert(hash(self.seed, 0, name.as_bytes()), id);
    }

    pub fn get(&self, id: K) -> Option<&T> {
        self.entries.get(id.at())?.as_ref().map(|entry| &entry.value)
    }

    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        self.entries.get_mut(id.at())?.as_mut().map(|entry| &mut entry.value)
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Tell whether an id goes by this name.
    pub fn is_named(&self, id: K, name: &Name) -> bool {
        self.entries.get(id.at()).and_then(Option::as_ref).is_some_and(|entry| entry.name == *name)
    }

    /// The first id from `id` on. Cost: O(ids that are vacant).
    pub fn first_from(&self, id: K) -> Option<K> {
        let entries = self.entries.get(id.at()..)?;
        entries.iter().position(Option::is_some).map(|at| K::of(id.at() + at))
    }

    /// Walk the ids.
    pub fn ids(&self) -> Vec<K> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// Walk in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (K, &Named<T>)> {
        self.entries.iter().enumerate().filter_map(|(id, entry)| Some((K::of(id), entry.as_ref()?)))
    }

    fn find(&self, name: &Name) -> Option<K> {
        let is_named = |id: K| self.entries[id.at()].as_ref().is_some_and(|entry| entry.name == *name);
        self.names.find(hash(self.seed, 0, name.as_bytes()), is_named)
    }
}

/// An id that is known to be registered.
impl<K: Key, T> std::ops::Index<K> for Registry<K, T> {
    type Output = T;

    fn index(&self, id: K) -> &T {
        self.get(id).expect("the id is registered")
    }
}

impl<K: Key, T> std::ops::IndexMut<K> for Registry<K, T> {
    fn index_mut(&mut self, id: K) -> &mut T {
        self.get_mut(id).expect("the id is registered")
    }
}
