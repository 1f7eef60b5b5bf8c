//! What the processor does best in its own way: the core is given it.

use crate::language::crc32c::Checksum;

/// A way to bring a place into the caches without waiting for it, or to do nothing.
pub type Prefetch = fn(place: *const u8);

#[derive(Clone, Copy)]
pub struct Processor {
    pub checksum: Checksum,
    pub prefetch: Prefetch,
}
