//! A key or a data item as a file stores it: some bytes and, in most of Postfix's tables, one NUL after them.

use std::cmp::Ordering;

use super::function::HashFunction;

/// Bytes that need not have been copied to get their terminating NUL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub bytes: &'a [u8],
    pub nul: bool,
}

impl<'a> Stored<'a> {
    #[inline]
    pub fn len(self) -> usize {
        self.bytes.len() + usize::from(self.nul)
    }

    fn tail(self) -> &'static [u8] {
        if self.nul { &[0] } else { &[] }
    }

    #[inline]
    pub fn hash(self, function: HashFunction) -> u32 {
        self.hash_rest(function, 0, 0)
    }

    /// The hash, of which `hash` is that of the first `done` bytes.
    #[inline]
    fn hash_rest(self, function: HashFunction, hash: u32, done: usize) -> u32 {
        let hash = function.extend(hash, &self.bytes[done..]);
        if self.nul { function.extend(hash, &[0]) } else { hash }
    }

    /// The hashes of several keys: faster than one after the other, for each waits for its own last byte only.
    pub fn hash_all<const N: usize>(keys: &[Self; N], function: HashFunction) -> [u32; N] {
        const { assert!(N.is_multiple_of(4)) };
        let mut hashes = [0; N];
        let (fours, _) = keys.as_chunks();
        let (hashes_of_four, _) = hashes.as_chunks_mut();
        for (keys, hashes) in fours.iter().zip(hashes_of_four) {
            let common = keys.iter().map(|key| key.bytes.len()).min().unwrap_or(0);
            let [a, b, c, d] = keys.map(|key| &key.bytes[..common]);
            *hashes = function.hash_four([a, b, c, d]);
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = key.hash_rest(function, *hash, common);
            }
        }
        hashes
    }

    /// Two numbers by which keys of one bucket differ, mostly, even where they were chosen for their hashes to be the same.
    pub fn marks(self) -> [u8; 2] {
        let bytes = self.bytes.iter().chain(self.tail());
        let sum = bytes.fold(0u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x9e37_79b1));
        [(sum >> 24) as u8, (sum >> 16) as u8]
    }

    /// Whether this is stored as just these bytes.
    #[inline]
    pub fn is(self, stored: &[u8]) -> bool {
        match (self.nul, stored) {
            (false, stored) => same(stored, self.bytes),
            (true, [stored @ .., 0]) => same(stored, self.bytes),
            (true, _) => false,
        }
    }

    /// The bytes in one or two pieces.
    pub fn pieces(self) -> [&'a [u8]; 2] {
        [self.bytes, self.tail()]
    }

    /// The first `len` bytes.
    pub fn prefix(self, len: usize) -> Self {
        match self.bytes.get(..len) {
            Some(bytes) => Stored { bytes, nul: false },
            None => self,
        }
    }

    /// How many bytes both start with.
    pub fn common_prefix(self, other: Self) -> usize {
        let bytes = self.bytes.iter().chain(self.tail());
        bytes.zip(other.bytes.iter().chain(other.tail())).take_while(|(a, b)| a == b).count()
    }

    /// Writes the bytes at the start of `to`, which has room for them.
    pub fn put(self, to: &mut [u8]) {
        let (bytes, tail) = to.split_at_mut(self.bytes.len());
        bytes.copy_from_slice(self.bytes);
        tail[..self.tail().len()].copy_from_slice(self.tail());
    }

    /// Byte order, a prefix first: the order of big keys.
    pub fn cmp_bytes(self, other: Self) -> Ordering {
        if self.nul == other.nul {
            // A common terminator decides nothing unless one string is a prefix of the other; then it meets a byte
            // that is at least as great, and the longer string has more to come.
            return self.bytes.cmp(other.bytes);
        }
        self.bytes.iter().chain(self.tail()).cmp(other.bytes.iter().chain(other.tail()))
    }

    /// The order of keys on a sorted hash page: byte order, but a prefix *after* what it begins (section 12.2).
    pub fn cmp_on_page(self, other: Self) -> Ordering {
        let (long, short) = (self.len().max(other.len()), self.len().min(other.len()));
        let order = self.cmp_bytes(other);
        // Byte order puts a prefix first; only then do the rules differ.
        if long != short && self.starts_alike(other, short) { order.reverse() } else { order }
    }

    /// Whether the first `len` bytes of both are the same; neither is shorter.
    fn starts_alike(self, other: Self, len: usize) -> bool {
        let bytes = len.min(self.bytes.len()).min(other.bytes.len());
        self.bytes[..bytes] == other.bytes[..bytes]
            && self.bytes.iter().chain(self.tail()).skip(bytes).take(len - bytes).eq(other
                .bytes
                .iter()
                .chain(other.tail())
                .skip(bytes)
                .take(len - bytes))
    }
}

/// Whether two strings are the same: without a call, for the usual lengths of keys.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    const HALF: usize = 16;
    if a.len() == b.len()
        && a.len() <= 2 * HALF
        && let (Some(a_start), Some(b_start)) = (a.first_chunk::<HALF>(), b.first_chunk())
        && let (Some(a_end), Some(b_end)) = (a.last_chunk::<HALF>(), b.last_chunk())
    {
        return a_start == b_start && a_end == b_end;
    }
    a == b
}

impl PartialEq for Stored<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.starts_alike(*other, self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(stored: Stored<'_>) -> Vec<u8> {
        stored.pieces().concat()
    }

    /// The rule of section 12.2 in its own words.
    fn on_page(a: &[u8], b: &[u8]) -> Ordering {
        let common = a.len().min(b.len());
        a[..common].cmp(&b[..common]).then(b.len().cmp(&a.len()))
    }

    proptest! {
        #[test]
        fn a_virtual_nul_is_as_good_as_a_real_one(
            a in "[\0ab]{0,4}", a_nul: bool, b in "[\0ab]{0,4}", b_nul: bool,
        ) {
            let a = Stored { bytes: a.as_bytes(), nul: a_nul };
            let b = Stored { bytes: b.as_bytes(), nul: b_nul };
            prop_assert_eq!(a.len(), flat(a).len());
            prop_assert_eq!(a == b, flat(a) == flat(b));
            prop_assert_eq!(a.is(&flat(b)), flat(a) == flat(b));
            prop_assert_eq!(a.cmp_bytes(b), flat(a).cmp(&flat(b)));
            prop_assert_eq!(a.cmp_on_page(b), on_page(&flat(a), &flat(b)));
            let common = flat(a).iter().zip(flat(b)).take_while(|(a, b)| **a == *b).count();
            prop_assert_eq!(a.common_prefix(b), common);
            prop_assert_eq!(flat(a.prefix(common)), &flat(a)[..common]);
            for function in [HashFunction::Fnv, HashFunction::Phong] {
                prop_assert_eq!(a.hash(function), function.hash(&flat(a)));
                let keys = [a, b, b, a, a, b, a, a];
                let hashes = keys.map(|key| key.hash(function));
                prop_assert_eq!(Stored::hash_all(&keys, function), hashes);
            }
            let mut put = vec![9; a.len()];
            a.put(&mut put);
            prop_assert_eq!(put, flat(a));
        }
    }
}
