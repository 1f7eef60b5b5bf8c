//! A list that grows by pages: beyond the first nothing is ever moved, so no entry waits for a long list to be copied.

const PAGE: usize = 4096;

pub struct Pages<T> {
    pages: Vec<Vec<T>>,
    len: usize,
}

impl<T> Pages<T> {
    pub fn new() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Add an entry at the end. Cost: O(1).
    #[inline(always)]
    pub fn push(&mut self, entry: T) {
        if self.len.is_multiple_of(PAGE) {
            // Most lists stay small: only the first page grows.
            let page = if self.len == 0 { Vec::new() } else { Vec::with_capacity(PAGE) };
            self.pages.push(page);
        }
        let last = self.pages.len() - 1;
        self.pages[last].push(entry);
        self.len += 1;
    }

    /// Take the entry at the end. Cost: O(1).
    pub fn pop(&mut self) -> Option<T> {
        let page = self.pages.last_mut()?;
        let entry = page.pop();
        if page.is_empty() {
            self.pages.pop();
        }
        self.len -= 1;
        entry
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }
}

impl<T> std::ops::Index<usize> for Pages<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        &self.pages[at / PAGE][at % PAGE]
    }
}

impl<T> std::ops::IndexMut<usize> for Pages<T> {
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.pages[at / PAGE][at % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::{Pages, PAGE};

    #[test]
    fn is_a_list_across_its_pages() {
        let mut pages = Pages::new();
        for n in 0..=3 * PAGE {
            pages.push(n);
            assert_eq!((pages.len(), pages[n]), (n + 1, n));
        }
        pages[PAGE] = 7;
        while pages.len() > 2 * PAGE {
            assert_eq!(pages.pop(), Some(pages.len()));
        }
        pages.push(8);
        assert_eq!((pages.len(), pages[2 * PAGE]), (2 * PAGE + 1, 8));
        assert!(pages.iter().take(PAGE + 1).copied().eq((0..PAGE).chain([7])));
    }
}
