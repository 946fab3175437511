//! The pairs of a new table as positions in a text.

use std::hint::black_box;
use std::ops::Range;

use super::stored::Stored;
use crate::error::Error;

/// Pairs whose bytes lie in a text that is there anyway, or were copied.
#[derive(Debug)]
pub(super) struct Entries<'t> {
    text: &'t [u8],
    /// Bytes that did not lie in `text`; their positions count on from its end.
    copies: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: u64,
    /// The position, and above it whether both items end in a NUL.
    data_and_nul: u64,
    key_len: u32,
    data_len: u32,
}

/// No position needs this bit.
const NUL: u64 = 1 << 63;

/// Pairs whose memory is asked for together: about as many loads as a processor core has under way at once.
pub(super) const AHEAD: usize = 32;

impl<'t> Entries<'t> {
    pub fn over(text: &'t [u8]) -> Self {
        Entries { text, copies: Vec::new(), entries: Vec::new() }
    }

    pub fn text(&self) -> &'t [u8] {
        self.text
    }

    /// The indices of all pairs, in the order in which they were added.
    pub fn indices(&self) -> Range<u32> {
        0..self.entries.len() as u32
    }

    /// Adds a pair.
    pub fn push(&mut self, key: &[u8], data: &[u8], nul: bool) -> Result<(), Error> {
        // One less than the largest length leaves room for the NUL.
        let len = |bytes: &[u8]| {
            u32::try_from(bytes.len()).ok().filter(|len| *len < u32::MAX).ok_or(Error::TooLarge)
        };
        let (key_len, data_len) = (len(key)?, len(data)?);
        if self.entries.len() >= u32::MAX as usize {
            return Err(Error::TooLarge);
        }
        let (key, data) = (self.place(key), self.place(data));
        let data_and_nul = if nul { data | NUL } else { data };
        self.entries.push(Entry { key, data_and_nul, key_len, data_len });
        Ok(())
    }

    /// Adds all pairs of another text, or of the same.
    pub fn append(&mut self, other: Self) -> Result<(), Error> {
        if !std::ptr::eq(self.text, other.text) {
            let mut indices = other.indices();
            return indices.try_for_each(|index| {
                let (key, data) = (other.key(index), other.data(index));
                self.push(key.bytes, data.bytes, key.nul)
            });
        }
        let all = self.entries.len() + other.entries.len();
        if all > u32::MAX as usize {
            return Err(Error::TooLarge);
        }
        // Positions behind the text move, for there are other copies before these.
        let (end, copied) = (self.text.len() as u64, self.copies.len() as u64);
        let moved = |position| if position < end { position } else { position + copied };
        self.entries.extend(other.entries.iter().map(|entry| Entry {
            key: moved(entry.key),
            data_and_nul: moved(entry.data_and_nul & !NUL) | entry.data_and_nul & NUL,
            ..*entry
        }));
        self.copies.extend(other.copies);
        Ok(())
    }

    /// The position of bytes, which are copied unless they lie in the text.
    fn place(&mut self, bytes: &[u8]) -> u64 {
        // Different objects have different addresses: bytes that lie between the text's ends are the text's.
        let offset = bytes.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        if offset.checked_add(bytes.len()).is_some_and(|end| end <= self.text.len()) {
            return offset as u64;
        }
        let offset = self.text.len() + self.copies.len();
        self.copies.extend_from_slice(bytes);
        offset as u64
    }

    /// The bytes at a position that [`place`](Self::place) gave.
    #[inline]
    fn bytes(&self, position: u64, len: u32) -> &[u8] {
        let (position, len) = (position as usize, len as usize);
        match position.checked_sub(self.text.len()) {
            _ if len == 0 => &[],
            Some(behind) => &self.copies[behind..behind + len],
            None => &self.text[position..position + len],
        }
    }

    #[inline]
    pub fn key(&self, index: u32) -> Stored<'_> {
        let Entry { key, data_and_nul, key_len, .. } = self.entries[index as usize];
        Stored { bytes: self.bytes(key, key_len), nul: data_and_nul & NUL != 0 }
    }

    #[inline]
    pub fn data(&self, index: u32) -> Stored<'_> {
        let Entry { data_and_nul, data_len, .. } = self.entries[index as usize];
        Stored { bytes: self.bytes(data_and_nul & !NUL, data_len), nul: data_and_nul & NUL != 0 }
    }

    /// Lengths of key and data, without a look at their bytes.
    #[inline]
    pub fn lens(&self, index: u32) -> (usize, usize) {
        let Entry { data_and_nul, key_len, data_len, .. } = self.entries[index as usize];
        let nul = usize::from(data_and_nul & NUL != 0);
        (key_len as usize + nul, data_len as usize + nul)
    }

    /// Has memory bring what comes next, of up to [`AHEAD`] pairs that lie anywhere: all together, not one after the other.
    pub fn touch(&self, indices: impl Iterator<Item = u32>) {
        let mut ends = [(0, 0); AHEAD];
        for (ends, index) in ends.iter_mut().zip(indices) {
            if let Some(entry) = self.entries.get(index as usize) {
                let data = (entry.data_and_nul & !NUL) as usize + entry.data_len as usize;
                *ends = (entry.key as usize, data.saturating_sub(1));
            }
        }
        // Only loads whose results are used are made.
        let byte = |at: usize| self.text.get(at).copied().unwrap_or(0);
        black_box(ends.iter().fold(0, |seen, (start, end)| seen ^ byte(*start) ^ byte(*end)));
    }
}
