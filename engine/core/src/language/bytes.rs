//! Little-endian numbers at fixed offsets.

/// Copy `N` bytes at `at`; the caller has checked that they are there.
#[inline(always)]
pub fn take<const N: usize>(raw: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&raw[at..at + N]);
    bytes
}

#[inline(always)]
pub fn u16_at(raw: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(take(raw, at))
}

#[inline(always)]
pub fn u32_at(raw: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(take(raw, at))
}

#[inline(always)]
pub fn u64_at(raw: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(take(raw, at))
}

#[inline(always)]
pub fn i64_at(raw: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(take(raw, at))
}

pub fn i128_at(raw: &[u8], at: usize) -> i128 {
    i128::from_le_bytes(take(raw, at))
}

#[inline(always)]
pub fn put<const N: usize>(raw: &mut [u8], at: usize, bytes: [u8; N]) {
    raw[at..at + N].copy_from_slice(&bytes);
}
