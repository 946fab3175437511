//! What is remembered of each page of a bucket, so that most walks need not look at its pairs
//! again.

use kv_file_core::Datum;

use crate::error::Result;
use crate::format::page::Header;
use crate::format::{ByteOrder, item};
use crate::hash::page::HashPage;

/// What a walk through a bucket asks of a page that most likely does not have the key.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub prev: u32,
    pub next: u32,
    /// Bytes that are left.
    pub room: usize,
    plain_keys: bool,
    big_keys: bool,
    /// The marks of the keys on the page.
    marks: [u64; 4],
}

impl Summary {
    /// Sums a page up.
    pub fn of(page: &HashPage<'_>, order: ByteOrder) -> Result<Self> {
        let Header { prev, next, .. } = page.page.header;
        let (plain_keys, big_keys) = (false, false);
        let mut summary =
            Summary { prev, next, room: page.room(), plain_keys, big_keys, marks: [0; 4] };
        let mut at = page.start();
        while let Some(pair) = page.next_pair(order, &mut at)? {
            match page.page.bytes.get(pair.key) {
                Some([item::PLAIN, key @ ..]) => {
                    summary.plain_keys = true;
                    for mark in marks(key.into()) {
                        summary.marks[usize::from(mark >> 6)] |= 1 << (mark & 63);
                    }
                }
                // What is not on the page would have to be read.
                _ => (summary.big_keys, summary.marks) = (true, [u64::MAX; 4]),
            }
        }
        Ok(summary)
    }

    /// Returns `true` if the page can have a key of these marks.
    #[inline]
    pub fn may_have(&self, marks: [u8; 2]) -> bool {
        marks.iter().all(|mark| self.marks[usize::from(mark >> 6)] >> (mark & 63) & 1 != 0)
    }

    /// Whether big keys and others would be mixed by a pair more: on such sorted pages libdb misses
    /// keys (section 12.2).
    pub fn mixes_with(&self, big_key: bool) -> bool {
        if big_key { self.plain_keys } else { self.big_keys }
    }
}

/// Two numbers by which keys of one bucket differ, mostly, even where they were chosen for their
/// hashes to be the same.
pub(super) fn marks(key: Datum<'_>) -> [u8; 2] {
    let [bytes, tail] = key.pieces();
    let sum = bytes
        .iter()
        .chain(tail)
        .fold(0u32, |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x9e37_79b1));
    [(sum >> 24) as u8, (sum >> 16) as u8]
}
