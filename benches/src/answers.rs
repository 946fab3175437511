//! Queries, and what they found: in a form that C reads too.

use std::ops::Range;

/// Keys to be looked up, in this order. C strings, one after the other: engines that store the NUL
/// find it in place.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    pub(crate) bytes: Vec<u8>,
    /// Where each key ends, behind its NUL.
    pub(crate) ends: Vec<usize>,
}

impl<K: AsRef<[u8]>> FromIterator<K> for Keys {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        let mut all = Keys::default();
        for key in keys {
            all.bytes.extend_from_slice(key.as_ref());
            all.bytes.push(0);
            all.ends.push(all.bytes.len());
        }
        all
    }
}

impl Keys {
    /// The number of keys.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The keys of these indices, each with its index, without the NULs.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = (usize, &[u8])> {
        let mut start = range.start.checked_sub(1).map_or(0, |before| self.ends[before]);
        range.map(move |index| {
            let end = self.ends[index];
            let key = &self.bytes[start..end - 1];
            start = end;
            (index, key)
        })
    }
}

/// What a series of queries found: the same from every engine, or one of them is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Answers {
    found: u64,
    digest: u64,
}

impl Answers {
    /// Adds the value found for the key of this index. The digest covers its length and its first
    /// `touch` bytes.
    #[inline]
    pub fn add(&mut self, index: usize, value: &[u8], touch: usize) {
        const PRIME: u64 = 0x100_0000_01b3;
        let start = ((index ^ value.len()) as u64).wrapping_mul(PRIME);
        let digest = value
            .iter()
            .take(touch)
            .fold(start, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(PRIME));
        self.found += 1;
        self.digest = self.digest.wrapping_add(digest);
    }

    /// What two series of queries found together.
    pub fn and(self, other: Self) -> Self {
        Answers { found: self.found + other.found, digest: self.digest.wrapping_add(other.digest) }
    }

    /// The number of keys that had a value.
    pub fn found(&self) -> u64 {
        self.found
    }
}
