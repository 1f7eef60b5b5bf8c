//! CRC-32C (Castagnoli), eight bytes at a time.

use crate::language::bytes::{u32_at, u64_at};

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// `TABLES[k][b]` is the CRC of byte `b` followed by `k` zero bytes.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[k - 1][byte];
            tables[k][byte] = before >> 8 ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        k += 1;
    }
    tables
}

/// A way to compute the CRC-32C of words and of parts that follow one another. Which is the fastest depends on the
/// processor, so the core is given one.
pub type Checksum = fn(words: &[u64], parts: &[&[u8]]) -> u32;

/// Compute by table; the same on every machine.
pub fn by_table(words: &[u64], parts: &[&[u8]]) -> u32 {
    let crc = words.iter().fold(!0, |crc, word| by_table_on(crc, &word.to_le_bytes()));
    !parts.iter().fold(crc, |crc, part| by_table_on(crc, part))
}

fn by_table_on(mut crc: u32, part: &[u8]) -> u32 {
    let mut words = part.chunks_exact(8);
    for word in &mut words {
        let low = crc ^ u32_at(word, 0);
        crc = TABLES[7][(low & 0xff) as usize]
            ^ TABLES[6][(low >> 8 & 0xff) as usize]
            ^ TABLES[5][(low >> 16 & 0xff) as usize]
            ^ TABLES[4][(low >> 24) as usize]
            ^ TABLES[3][word[4] as usize]
            ^ TABLES[2][word[5] as usize]
            ^ TABLES[1][word[6] as usize]
            ^ TABLES[0][word[7] as usize];
    }
    for byte in words.remainder() {
        crc = crc >> 8 ^ TABLES[0][((crc ^ u32::from(*byte)) & 0xff) as usize];
    }
    crc
}

/// Compute with the processor's own instruction.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
pub fn by_instruction(words: &[u64], parts: &[&[u8]]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u32, _mm_crc32_u64, _mm_crc32_u8};
    let mut crc = u64::from(!0_u32);
    for word in words {
        crc = _mm_crc32_u64(crc, *word);
    }
    for part in parts {
        let mut words = part.chunks_exact(8);
        for word in &mut words {
            crc = _mm_crc32_u64(crc, u64_at(word, 0));
        }
        let mut rest = words.remainder();
        if let Some((half, after)) = rest.split_first_chunk() {
            crc = u64::from(_mm_crc32_u32(crc as u32, u32::from_le_bytes(*half)));
            rest = after;
        }
        for byte in rest {
            crc = u64::from(_mm_crc32_u8(crc as u32, *byte));
        }
    }
    !(crc as u32)
}

#[cfg(test)]
mod tests {
    use super::by_table;

    #[test]
    fn known_values() {
        assert_eq!(by_table(&[], &[b""]), 0);
        assert_eq!(by_table(&[], &[b"123456789"]), 0xe306_9283);
        assert_eq!(by_table(&[], &[&[0; 32]]), 0x8a91_36aa);
        assert_eq!(by_table(&[u64::from_le_bytes(*b"12345678")], &[b"9"]), 0xe306_9283);
    }

    #[test]
    fn both_ways_agree_on_every_length_and_on_every_cut() {
        let fastest = crate::ffi::fastest_checksum();
        let data: Vec<u8> = (0..300u32).map(|n| (n * 37 % 251) as u8).collect();
        for end in 0..data.len() {
            assert_eq!(fastest(&[], &[&data[..end]]), by_table(&[], &[&data[..end]]));
            let (head, tail) = data.split_at(end);
            assert_eq!(fastest(&[], &[head, tail]), by_table(&[], &[&data]));
            assert_eq!(by_table(&[], &[head, tail]), by_table(&[], &[&data]));
            let words = [end as u64, !0];
            assert_eq!(fastest(&words, &[head, tail]), by_table(&words, &[&data]));
        }
    }
}
