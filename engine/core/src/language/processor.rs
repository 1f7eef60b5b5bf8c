//! What the processor does best in its own way: the core is given it.

use crate::language::crc32c::Checksum;

/// A way to bring the line of memory with a place into the caches without waiting for it, or to do nothing.
pub type Prefetch = fn(place: *const u8);

/// What a cache takes from memory at once. Units: bytes.
const LINE: usize = 64;

#[derive(Clone, Copy)]
pub struct Processor {
    pub checksum: Checksum,
    pub prefetch: Prefetch,
}

/// Bring all of a thing into the caches.
#[inline(always)]
pub fn prefetch_all<T>(prefetch: Prefetch, thing: &T) {
    let start = std::ptr::from_ref(thing).cast::<u8>();
    for at in (0..size_of::<T>()).step_by(LINE) {
        prefetch(start.wrapping_add(at));
    }
}
