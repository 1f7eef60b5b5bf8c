//! Frames: the header before a command, and what makes one sound. Drawn in `engine/api/wire.py`.

use crate::language::bytes::{u16_at, u32_at, u64_at};
use crate::language::codes::Fault;
use crate::language::crc32c::Checksum;
use crate::language::ids::SessionId;
use crate::language::limits::{COMMAND_BYTES_MAX, RECORD_BYTES_MAX};

pub const HEADER_BYTES: usize = 48;

/// Latest time a record may carry; leaves room for its events in a signed 64-bit count of nanoseconds.
pub const TS_NS_MAX: u64 = i64::MAX as u64 - u32::MAX as u64;

pub struct Header {
    pub crc32c: u32,
    pub seq: u64,
    pub ts_ns: u64,
    pub prev_crc: u32,
    pub source: SessionId,
    pub source_seq: u64,
    pub command_length: usize,
    pub batch_index: u16,
    pub event_count: u32,
}

impl Header {
    fn decode(raw: &[u8; HEADER_BYTES]) -> Self {
        Self {
            crc32c: u32_at(raw, 4),
            seq: u64_at(raw, 8),
            ts_ns: u64_at(raw, 16),
            prev_crc: u32_at(raw, 24),
            source: SessionId::new(u32_at(raw, 28)),
            source_seq: u64_at(raw, 32),
            command_length: u16_at(raw, 40) as usize,
            batch_index: u16_at(raw, 42),
            event_count: u32_at(raw, 44),
        }
    }

    /// The header of a record of `length` bytes as words, the upper half of the first left for its CRC.
    pub fn encode(&self, length: usize) -> [u64; HEADER_BYTES / 8] {
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let lengths = u32::from(self.command_length as u16) | u32::from(self.batch_index) << 16;
        [
            two(length as u32, 0),
            self.seq,
            self.ts_ns,
            two(self.prev_crc, self.source.number()),
            self.source_seq,
            two(lengths, self.event_count),
        ]
    }
}

/// A sound frame at the head of a buffer.
pub struct Frame<'a> {
    pub header: Header,
    pub bytes: &'a [u8],
    pub command: &'a [u8],
}

/// Take the frame at the head of `buffer`; `None` when it is not whole yet.
fn take_frame(checksum: Checksum, buffer: &[u8], length_max: usize) -> Result<Option<Frame<'_>>, Fault> {
    if buffer.len() < 4 {
        return Ok(None);
    }
    let length = u32_at(buffer, 0) as usize;
    if !(HEADER_BYTES..=length_max).contains(&length) {
        return Err(Fault::BadLength);
    }
    let Some((bytes, head)) = buffer.get(..length).and_then(|bytes| Some((bytes, bytes.first_chunk()?))) else {
        return Ok(None);
    };
    let header = Header::decode(head);
    if header.crc32c != checksum(&[], &[&bytes[8..]]) {
        return Err(Fault::BadCrc);
    }
    let command_max = COMMAND_BYTES_MAX.min(length - HEADER_BYTES);
    if header.command_length > command_max {
        return Err(Fault::BadLength);
    }
    let command = &bytes[HEADER_BYTES..HEADER_BYTES + header.command_length];
    Ok(Some(Frame { header, bytes, command }))
}

/// Take a command frame: nothing stamped yet, and nothing after the command.
pub fn take_command_frame(checksum: Checksum, buffer: &[u8]) -> Result<Option<Frame<'_>>, Fault> {
    let Some(frame) = take_frame(checksum, buffer, HEADER_BYTES + COMMAND_BYTES_MAX)? else {
        return Ok(None);
    };
    let header = &frame.header;
    if header.command_length != frame.bytes.len() - HEADER_BYTES {
        return Err(Fault::BadLength);
    }
    let stamps = header.seq | header.ts_ns | u64::from(header.prev_crc | header.event_count);
    let stamped = stamps | u64::from(header.batch_index) != 0;
    if stamped {
        return Err(Fault::BadHeader);
    }
    Ok(Some(frame))
}

/// How far the chain of records was followed, and the last record that was sound.
pub struct Walked {
    pub consumed: usize,
    pub seq: u64,
    pub crc: u32,
}

/// Follow the chain of whole, sound records from the one that follows `(seq, crc)`, without executing them.
pub fn walk(checksum: Checksum, records: &[u8], seq: u64, crc: u32) -> Walked {
    let mut walked = Walked { consumed: 0, seq, crc };
    while let Ok(Some(frame)) = take_frame(checksum, &records[walked.consumed..], RECORD_BYTES_MAX) {
        let header = &frame.header;
        if header.seq != walked.seq + 1 || header.prev_crc != walked.crc {
            break;
        }
        walked.consumed += frame.bytes.len();
        (walked.seq, walked.crc) = (header.seq, header.crc32c);
    }
    walked
}

/// Take the record that must follow `(seq, event_ts_ns, crc)` of the last one.
pub fn take_record(
    checksum: Checksum,
    buffer: &[u8],
    seq: u64,
    event_ts_ns: u64,
    crc: u32,
) -> Result<Option<Frame<'_>>, Fault> {
    let Some(frame) = take_frame(checksum, buffer, RECORD_BYTES_MAX)? else {
        return Ok(None);
    };
    if frame.header.seq != seq + 1 {
        return Err(Fault::BadSeq);
    }
    if frame.header.prev_crc != crc {
        return Err(Fault::BrokenChain);
    }
    if !(event_ts_ns + 1..=TS_NS_MAX).contains(&frame.header.ts_ns) {
        return Err(Fault::Diverged);
    }
    Ok(Some(frame))
}
