//! Where things are kept: slots, pages, hash tables, ladders of levels, registries. They know nothing of trading.

pub mod bits;
pub mod index;
pub mod ladder;
pub mod pages;
pub mod registry;
pub mod slab;
pub mod texts;
