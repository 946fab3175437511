//! The pairs of a new table as positions in a text.

use std::hint::black_box;
use std::ops::Range;

use crate::datum::Datum;
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
    /// The key's position, and above it whether it ends in a NUL.
    key_and_nul: u64,
    /// The data's position, and above it whether they end in a NUL, and their form.
    data_and_flags: u64,
    key_len: u32,
    data_len: u32,
}

/// What the data of an entry are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One data item.
    Plain,
    /// A set of data items, as it lies on a page.
    Set,
    /// Several data items that need a tree of their own, as the indices of the entries that have them.
    Tree,
}

/// No position needs these bits.
const NUL: u64 = 1 << 63;
const SET: u64 = 1 << 62;
const TREE: u64 = 1 << 61;
const POSITION: u64 = TREE - 1;

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
    pub fn push(&mut self, key: Datum<'_>, data: Datum<'_>) -> Result<(), Error> {
        // One less than the largest length leaves room for the NUL.
        let len = |datum: Datum<'_>| {
            let len = u32::try_from(datum.bytes.len()).ok().filter(|len| *len < u32::MAX);
            len.ok_or(Error::TooLarge)
        };
        let (key_len, data_len) = (len(key)?, len(data)?);
        if self.entries.len() >= u32::MAX as usize {
            return Err(Error::TooLarge);
        }
        let nul = |datum: Datum<'_>| if datum.nul { NUL } else { 0 };
        let key_and_nul = self.place(key.bytes) | nul(key);
        let data_and_flags = self.place(data.bytes) | nul(data);
        self.entries.push(Entry { key_and_nul, data_and_flags, key_len, data_len });
        Ok(())
    }

    /// Adds all pairs of another text, or of the same.
    pub fn append(&mut self, other: Self) -> Result<(), Error> {
        if !std::ptr::eq(self.text, other.text) {
            let mut indices = other.indices();
            return indices.try_for_each(|index| self.push(other.key(index), other.data(index)));
        }
        let all = self.entries.len() + other.entries.len();
        if all > u32::MAX as usize {
            return Err(Error::TooLarge);
        }
        // Positions behind the text move, for there are other copies before these.
        let (end, copied) = (self.text.len() as u64, self.copies.len() as u64);
        let moved = |position_and_flags| {
            let behind = position_and_flags & POSITION >= end;
            if behind { position_and_flags + copied } else { position_and_flags }
        };
        self.entries.extend(other.entries.iter().map(|entry| Entry {
            key_and_nul: moved(entry.key_and_nul),
            data_and_flags: moved(entry.data_and_flags),
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
    pub fn key(&self, index: u32) -> Datum<'_> {
        let Entry { key_and_nul, key_len, .. } = self.entries[index as usize];
        let bytes = self.bytes(key_and_nul & POSITION, key_len);
        Datum { bytes, nul: key_and_nul & NUL != 0 }
    }

    #[inline]
    pub fn data(&self, index: u32) -> Datum<'_> {
        let Entry { data_and_flags, data_len, .. } = self.entries[index as usize];
        let bytes = self.bytes(data_and_flags & POSITION, data_len);
        Datum { bytes, nul: data_and_flags & NUL != 0 }
    }

    #[inline]
    pub fn form(&self, index: u32) -> Form {
        match self.entries[index as usize].data_and_flags & (SET | TREE) {
            0 => Form::Plain,
            SET => Form::Set,
            _ => Form::Tree,
        }
    }

    /// The data items that an entry of the form [`Form::Tree`] refers to.
    pub fn tree_items(&self, index: u32) -> Vec<Datum<'_>> {
        let (indices, _) = self.data(index).bytes.as_chunks();
        indices.iter().map(|index| self.data(u32::from_le_bytes(*index))).collect()
    }

    /// Makes one entry of several with the same key: of a set, as it lies on a page, or of their indices. Gives its index.
    pub fn join(&mut self, indices: &[u32], set: Option<Vec<u8>>) -> Result<u32, Error> {
        let joined = self.entries.len() as u32;
        if joined == u32::MAX {
            return Err(Error::TooLarge);
        }
        let form = if set.is_some() { SET } else { TREE };
        let indices_as_bytes = || indices.iter().flat_map(|index| index.to_le_bytes()).collect();
        let bytes = set.unwrap_or_else(indices_as_bytes);
        let Entry { key_and_nul, key_len, .. } = self.entries[indices[0] as usize];
        let data_len = u32::try_from(bytes.len()).map_err(|_| Error::TooLarge)?;
        let data_and_flags = self.place(&bytes) | form;
        self.entries.push(Entry { key_and_nul, data_and_flags, key_len, data_len });
        Ok(joined)
    }

    /// Lengths of key and data, without a look at their bytes.
    #[inline]
    pub fn lens(&self, index: u32) -> (usize, usize) {
        let Entry { key_and_nul, data_and_flags, key_len, data_len } = self.entries[index as usize];
        let len = |len: u32, flags| len as usize + usize::from(flags & NUL != 0);
        (len(key_len, key_and_nul), len(data_len, data_and_flags))
    }

    /// Has memory bring what comes next, of up to [`AHEAD`] pairs that lie anywhere: all together, not one after the other.
    pub fn touch(&self, indices: impl Iterator<Item = u32>) {
        let mut ends = [(0, 0); AHEAD];
        for (ends, index) in ends.iter_mut().zip(indices) {
            if let Some(entry) = self.entries.get(index as usize) {
                let data = (entry.data_and_flags & POSITION) as usize + entry.data_len as usize;
                *ends = ((entry.key_and_nul & POSITION) as usize, data.saturating_sub(1));
            }
        }
        // Only loads whose results are used are made.
        let byte = |at: usize| self.text.get(at).copied().unwrap_or(0);
        black_box(ends.iter().fold(0, |seen, (start, end)| seen ^ byte(*start) ^ byte(*end)));
    }
}
