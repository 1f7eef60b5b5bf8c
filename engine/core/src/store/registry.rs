//! Things known by a small id and a unique name: assets, firms, accounts, sessions, instruments.

use crate::language::codes::Code;
use crate::language::ids::Key;
use crate::language::processor::{prefetch_all, Prefetch};
use crate::language::text::Name;
use crate::store::index::{hash, Index};

pub struct Named<T> {
    pub name: Name,
    pub value: T,
}

/// Entries of ids that follow one another.
type Page<T> = Box<[Option<Named<T>>]>;

/// Ids of one page: a large id after a gap costs one page and its place, however large it is.
const PAGE: usize = 256;

/// Things by ids of their own kind.
pub struct Registry<K, T> {
    pages: Vec<Option<Page<T>>>,
    names: Index<K>,
    id_max: u32,
    seed: u64,
}

impl<K: Key, T> Registry<K, T> {
    pub fn new(id_max: u32, seed: u64) -> Self {
        Self { pages: Vec::new(), names: Index::small(), id_max, seed }
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

    /// Add a vacant id. Cost: O(PAGE), and a word for each page up to the largest id.
    pub fn insert(&mut self, id: K, name: Name, value: T) {
        let (page, at) = (id.at() / PAGE, id.at() % PAGE);
        if self.pages.len() <= page {
            self.pages.resize_with(page + 1, || None);
        }
        let page = self.pages[page].get_or_insert_with(|| (0..PAGE).map(|_| None).collect());
        page[at] = Some(Named { name, value });
        self.names.insert(hash(self.seed, 0, name.as_bytes()), id);
    }

    pub fn get(&self, id: K) -> Option<&T> {
        self.entry(id).map(|entry| &entry.value)
    }

    pub fn get_mut(&mut self, id: K) -> Option<&mut T> {
        let page = self.pages.get_mut(id.at() / PAGE)?.as_mut()?;
        page[id.at() % PAGE].as_mut().map(|entry| &mut entry.value)
    }

    #[inline(always)]
    fn entry(&self, id: K) -> Option<&Named<T>> {
        self.pages.get(id.at() / PAGE)?.as_ref()?[id.at() % PAGE].as_ref()
    }

    /// Bring what is known by an id into the cache.
    pub fn prefetch(&self, id: K, prefetch: Prefetch) {
        if let Some(Some(page)) = self.pages.get(id.at() / PAGE) {
            prefetch_all(prefetch, &page[id.at() % PAGE]);
        }
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Tell whether an id goes by this name.
    pub fn is_named(&self, id: K, name: &Name) -> bool {
        self.entry(id).is_some_and(|entry| entry.name == *name)
    }

    /// The first id from `id` on. Cost: O(vacant ids of its page, and vacant pages).
    pub fn first_from(&self, id: K) -> Option<K> {
        self.beginning_at_page(id.at() / PAGE).map(|(found, _)| found).find(|found| found.at() >= id.at())
    }

    /// Walk the ids.
    pub fn ids(&self) -> Vec<K> {
        self.iter().map(|(id, _)| id).collect()
    }

    /// Walk in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (K, &Named<T>)> {
        self.beginning_at_page(0)
    }

    fn beginning_at_page(&self, first: usize) -> impl Iterator<Item = (K, &Named<T>)> {
        let pages = self.pages.iter().enumerate().skip(first).filter_map(|(n, page)| Some((n, page.as_ref()?)));
        pages.flat_map(|(n, page)| {
            let entries = page.iter().enumerate();
            entries.filter_map(move |(at, entry)| Some((K::of(n * PAGE + at), entry.as_ref()?)))
        })
    }

    fn find(&self, name: &Name) -> Option<K> {
        let is_named = |id: K| self.is_named(id, name);
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

#[cfg(test)]
mod tests {
    use super::{Registry, PAGE};
    use crate::language::ids::{AccountId, Key};
    use crate::language::text::Name;

    #[test]
    fn ids_far_apart_are_found_in_their_order_and_cost_a_page_each() {
        let mut registry: Registry<AccountId, usize> = Registry::new(1_000_000, 7);
        for at in [1_000_000, 1, PAGE - 1, PAGE, 500_000] {
            registry.insert(AccountId::of(at), Name::new(at.to_string().as_bytes()).unwrap(), at);
        }
        let ids: Vec<usize> = registry.ids().into_iter().map(Key::at).collect();
        assert_eq!(ids, [1, PAGE - 1, PAGE, 500_000, 1_000_000]);
        assert_eq!(registry.pages.iter().flatten().count(), 4);
        let first_from = |at| registry.first_from(AccountId::of(at)).map(Key::at);
        assert_eq!([1, 2, PAGE, PAGE + 1].map(first_from), [1, PAGE - 1, PAGE, 500_000].map(Some));
        assert_eq!([1_000_000, 1_000_001, 3_000_000].map(first_from), [Some(1_000_000), None, None]);
        assert_eq!(registry.get(AccountId::of(PAGE + 1)), None);
        assert_eq!(registry.get(AccountId::of(500_000)), Some(&500_000));
    }
}
