//! The hash functions that Berkeley DB has used (section 10).

use kv_file_core::Datum;

/// Keys are hashed with one of these; which one, the table's meta page tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashFunction {
    /// F2: a linear congruential step for each byte.
    Phong,
    /// F3: times 65599.
    Times65599,
    /// F4: times 33. Also the page checksum.
    Times33,
    /// F5: FNV-1 from zero. What every current library uses.
    Fnv,
}

/// What the function is told apart by: its hash of this string stands in the meta page.
const CHARKEY: &[u8] = b"%$sniglet^&\0";

impl HashFunction {
    const ALL: [HashFunction; 4] =
        [HashFunction::Fnv, HashFunction::Times33, HashFunction::Times65599, HashFunction::Phong];

    /// The function of a table whose meta page holds `charkey`; `None` for an application's own.
    pub fn from_charkey(charkey: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.charkey() == charkey)
    }

    /// The number by which a meta page names this function.
    pub fn charkey(self) -> u32 {
        self.hash(CHARKEY)
    }

    /// The hash of a string. Four cycles a byte: each step needs the one before.
    #[inline]
    pub fn hash(self, bytes: &[u8]) -> u32 {
        self.extend(0, bytes)
    }

    /// The hash of a key.
    #[inline]
    pub fn hash_key(self, key: Datum<'_>) -> u32 {
        self.extend_key(0, key, 0)
    }

    /// The hash of a key, of which `hash` is that of the first `done` bytes.
    #[inline]
    fn extend_key(self, hash: u32, key: Datum<'_>, done: usize) -> u32 {
        let hash = self.extend(hash, &key.bytes[done..]);
        if key.nul { self.extend(hash, &[0]) } else { hash }
    }

    /// The hashes of several keys: faster than one after the other, for each waits for its own last
    /// byte only.
    pub fn hash_keys<const N: usize>(self, keys: &[Datum<'_>; N]) -> [u32; N] {
        const { assert!(N.is_multiple_of(4)) };
        let mut hashes = [0; N];
        let (fours, _) = keys.as_chunks();
        let (hashes_of_four, _) = hashes.as_chunks_mut();
        for (keys, hashes) in fours.iter().zip(hashes_of_four) {
            let common = keys.iter().map(|key| key.bytes.len()).min().unwrap_or(0);
            let [a, b, c, d] = keys.map(|key| &key.bytes[..common]);
            *hashes = self.hash_four([a, b, c, d]);
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = self.extend_key(*hash, *key, common);
            }
        }
        hashes
    }

    /// The hash of bytes that hash to `hash`, followed by `bytes`.
    #[inline]
    pub fn extend(self, hash: u32, bytes: &[u8]) -> u32 {
        // Each function has a loop of its own: the choice is made once.
        match self {
            HashFunction::Fnv => bytes.iter().fold(hash, |hash, byte| fnv(hash, *byte)),
            HashFunction::Times33 => bytes.iter().fold(hash, |hash, byte| times_33(hash, *byte)),
            HashFunction::Times65599 => {
                bytes.iter().fold(hash, |hash, byte| times_65599(hash, *byte))
            }
            HashFunction::Phong => bytes.iter().fold(hash, |hash, byte| phong(hash, *byte)),
        }
    }

    /// The hashes of four strings of one length, none of which waits for another.
    #[inline]
    fn hash_four(self, [a, b, c, d]: [&[u8]; 4]) -> [u32; 4] {
        match self {
            HashFunction::Fnv => {
                let bytes = a.iter().zip(b).zip(c.iter().zip(d));
                bytes.fold([0; 4], |[ha, hb, hc, hd], ((a, b), (c, d))| {
                    [fnv(ha, *a), fnv(hb, *b), fnv(hc, *c), fnv(hd, *d)]
                })
            }
            _ => [a, b, c, d].map(|bytes| self.hash(bytes)),
        }
    }
}

#[inline]
fn phong(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(0x63c6_3cd9).wrapping_add(0x9c39_c33d).wrapping_add(u32::from(byte))
}

#[inline]
fn times_65599(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(65_599).wrapping_add(u32::from(byte))
}

#[inline]
fn times_33(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(33).wrapping_add(u32::from(byte))
}

#[inline]
fn fnv(hash: u32, byte: u8) -> u32 {
    hash.wrapping_mul(16_777_619) ^ u32::from(byte)
}

#[cfg(test)]
mod tests {
    use super::HashFunction::{Fnv, Phong, Times33, Times65599};
    use super::*;

    /// The vectors of section 10, computed there with libdb's own functions.
    #[test]
    fn vectors() {
        let all_bytes: Vec<u8> = (0..=255).collect();
        let digits = b"0123456789".repeat(4);
        let rows: [(&[u8], [u32; 4]); 8] = [
            (b"", [0; 4]),
            (b"a", [0x9c39_c39e, 0x61, 0x61, 0x61]),
            (b"abc", [0xee32_8325, 0x3025_f862, 0x0001_a9a6, 0x84f0_9160]),
            (b"abc\0", [0x1965_999a, 0xd1ba_201e, 0x0036_de66, 0xa6b4_da20]),
            (b"\xff\xfe", [0x8d97_2b17, 0x00ff_3fbf, 0x0000_21dd, 0xff01_9193]),
            (&digits, [0xe5c6_9dfc, 0x8e34_8514, 0x3f5a_95b4, 0x8606_1fd0]),
            (&all_bytes, [0x9d02_f880, 0x35fc_0080, 0xe044_df80, 0xf56c_4800]),
            (CHARKEY, [0x3a58_8027, 0x298a_b2f5, 0x956e_7de3, 0x5e68_8dd1]),
        ];
        for (bytes, hashes) in rows {
            let ours = [Phong, Times65599, Times33, Fnv].map(|function| function.hash(bytes));
            assert_eq!(ours, hashes, "{bytes:02x?}");
        }
    }

    #[test]
    fn keys_are_hashed_with_their_nul() {
        let keys = [b"a".as_slice(), b"", b"longer than the others", b"\0"];
        let keys = [keys.map(Datum::from), keys.map(Datum::terminated)].concat();
        let keys: [Datum<'_>; 8] = keys.try_into().unwrap();
        for function in HashFunction::ALL {
            let hashes = keys.map(|key| function.hash(&key.pieces().concat()));
            assert_eq!(keys.map(|key| function.hash_key(key)), hashes);
            assert_eq!(function.hash_keys(&keys), hashes);
        }
    }

    #[test]
    fn functions_are_told_apart_by_their_charkey() {
        for function in HashFunction::ALL {
            assert_eq!(HashFunction::from_charkey(function.charkey()), Some(function));
        }
        assert_eq!(HashFunction::from_charkey(0), None);
    }
}
