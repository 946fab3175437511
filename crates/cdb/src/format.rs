//! The layout of a file (section 1), and the hash function (section 2).
//!
//! The format in words: [`specification`](crate::specification), whose section numbers comments
//! cite. All numbers have 32 bits, the least significant byte first.

use kv_file_core::Datum;

/// Number of hash tables, each with a pointer at the start of the file.
pub const TABLES: usize = 256;
/// Length of a pointer, of a slot, and of the two lengths before a record.
pub const PAIR: usize = 8;
/// Length of all pointers: the first record follows.
pub const HEAD: u64 = (TABLES * PAIR) as u64;
/// The longest file.
pub const LONGEST: u64 = u32::MAX as u64;

/// Two numbers: a pointer's position and number of slots, a slot's hash and position, or a record's
/// lengths of key and value.
#[inline]
pub fn pair(bytes: &[u8]) -> Option<(u32, u32)> {
    let [a, b, c, d, e, f, g, h] = *bytes.first_chunk()?;
    Some((u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])))
}

/// Adds two numbers.
#[inline]
pub fn put_pair(to: &mut Vec<u8>, one: u32, other: u32) {
    to.extend_from_slice(&one.to_le_bytes());
    to.extend_from_slice(&other.to_le_bytes());
}

/// The hash of no bytes.
const START: u32 = 5381;

#[inline]
fn step(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(33) ^ u32::from(byte)
}

/// The hash of a key.
#[inline]
pub fn hash(key: Datum<'_>) -> u32 {
    let hash = key.bytes.iter().fold(START, |hash, byte| step(hash, *byte));
    if key.nul { step(hash, 0) } else { hash }
}

/// The hashes of four keys: none waits for another, as long as all have bytes.
#[inline]
pub fn hash_four(keys: [Datum<'_>; 4]) -> [u32; 4] {
    let common = keys.iter().map(|key| key.bytes.len()).min().unwrap_or(0);
    let [a, b, c, d] = keys.map(|key| &key.bytes[..common]);
    let bytes = a.iter().zip(b).zip(c.iter().zip(d));
    let hashes = bytes.fold([START; 4], |[ha, hb, hc, hd], ((a, b), (c, d))| {
        [step(ha, *a), step(hb, *b), step(hc, *c), step(hd, *d)]
    });
    let mut keys = keys.iter();
    hashes.map(|hash| {
        let key = keys.next().copied().unwrap_or(Datum::EMPTY);
        let hash = key.bytes[common..].iter().fold(hash, |hash, byte| step(hash, *byte));
        if key.nul { step(hash, 0) } else { hash }
    })
}

/// The table of a hash.
#[inline]
pub fn table(hash: u32) -> usize {
    (hash & 0xff) as usize
}

/// The first slot of a hash in a table of `slots`, of which there are some.
#[inline]
pub fn first_slot(hash: u32, slots: u32) -> u32 {
    (hash >> 8) % slots
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of section 2.
    #[test]
    fn vectors() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let digits = b"0123456789".repeat(4);
        let rows: [(&[u8], u32); 9] = [
            (b"", 0x1505),
            (b"a", 0x0002_b5c4),
            (b"abc", 0x0b87_3285),
            (b"root", 0x7c79_02e3),
            (b"abuse", 0x0a1e_14e5),
            (b"info@example.org", 0x84a6_8577),
            (b"\xff\xfe", 0x0059_6064),
            (&digits, 0xc39a_7b05),
            (&all_bytes, 0xe63a_4d05),
        ];
        for (key, expected) in rows {
            assert_eq!(hash(key.into()), expected, "{}", key.escape_ascii());
        }
        for four in rows.windows(4) {
            let keys = [0, 1, 2, 3].map(|i| Datum { bytes: four[i].0, nul: i % 2 == 0 });
            assert_eq!(hash_four(keys), keys.map(hash));
        }
    }

    #[test]
    fn a_nul_is_hashed_with_its_key() {
        assert_eq!(hash(Datum::terminated(b"a")), hash(b"a\0".into()));
    }
}
