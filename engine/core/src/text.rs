//! Short printable ASCII, kept in place.

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<const N: usize> {
    length: u8,
    bytes: [u8; N],
}

pub type Name = Text<{ crate::limits::NAME_LENGTH_MAX }>;
pub type ClOrdId = Text<{ crate::limits::CL_ORD_ID_LENGTH_MAX }>;
pub type DepositRef = Text<{ crate::limits::DEPOSIT_REF_LENGTH_MAX }>;

/// Tell whether every byte is a printable ASCII character, the space included.
pub fn is_printable(raw: &[u8]) -> bool {
    raw.iter().all(|byte| (0x20..=0x7e).contains(byte))
}

impl<const N: usize> Text<N> {
    /// Take a copy, or nothing when `raw` is too long or not printable.
    pub fn new(raw: &[u8]) -> Option<Self> {
        if raw.len() > N || !is_printable(raw) {
            return None;
        }
        let mut bytes = [0; N];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { length: raw.len() as u8, bytes })
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length as usize]
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}
