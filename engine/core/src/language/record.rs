//! The records being written: each a command, then the events it causes.

use crate::language::bytes::put;
use crate::language::crc32c::Checksum;
use crate::language::frame::{Header, HEADER_BYTES};
use crate::language::layout::Event;

/// Finished records, one after the other, and the one being written.
#[derive(Default)]
pub struct Records {
    bytes: Vec<u8>,
    start: usize,
    event_count: u32,
}

impl Records {
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn begin(&mut self, command: &[u8]) {
        self.start = self.bytes.len();
        self.event_count = 0;
        self.bytes.extend_from_slice(&[0; HEADER_BYTES]);
        self.bytes.extend_from_slice(command);
    }

    pub fn event_count(&self) -> u32 {
        self.event_count
    }

    /// Write the header of the record of a command, and return its CRC, which may be known already.
    pub fn finish(&mut self, header: &Header, command: &[u8], crc: Option<u32>, checksum: Checksum) -> u32 {
        let record = &mut self.bytes[self.start..];
        let [lengths, words @ ..] = header.encode(record.len());
        // Header and command are read where they come from: what was just written is slow to read across its seams.
        let events = &record[HEADER_BYTES + command.len()..];
        let crc = crc.unwrap_or_else(|| checksum(&words, &[command, events]));
        put(record, 0, (lengths | u64::from(crc) << 32).to_le_bytes());
        for (at, word) in words.into_iter().enumerate() {
            put(record, 8 * (at + 1), word.to_le_bytes());
        }
        crc
    }

    /// Write an event.
    #[inline(always)]
    pub fn tell(&mut self, event: &impl Event) {
        event.append(&mut self.bytes);
        self.event_count += 1;
    }
}
