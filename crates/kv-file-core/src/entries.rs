//! Pairs that are to be stored, as positions in a text.

use std::hint::black_box;
use std::ops::Range;

use crate::datum::Datum;

/// Pairs that are to be stored: keys and data which are parts of a text, or were copied.
///
/// Takes 24 bytes of memory a pair, and the pair's own bytes unless they lie in the text.
///
/// ```
/// use kv_file_core::{Datum, Entries};
///
/// let text = b"postmaster root";
/// let mut entries = Entries::over(text);
/// entries.push(Datum::terminated(&text[..10]), Datum::terminated(&text[11..]))?; // not copied
/// entries.push(b"abuse", b"root")?; // copied
/// assert_eq!(entries.key(0), Datum::terminated(b"postmaster"));
/// assert_eq!(entries.data(1), Datum::from(b"root"));
/// # Ok::<(), kv_file_core::TooLarge>(())
/// ```
#[derive(Clone, Debug)]
pub struct Entries<'t> {
    text: &'t [u8],
    /// Bytes that did not lie in `text`; their positions count on from its end.
    copies: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The key's position, and above it whether it ends in a NUL.
    key_and_nul: u64,
    /// The data's position, and above it whether they end in a NUL.
    data_and_nul: u64,
    key_len: u32,
    data_len: u32,
}

/// No position needs this bit.
const NUL: u64 = 1 << 63;
const POSITION: u64 = NUL - 1;

/// More pairs, or longer items, than 32 bits can number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more pairs, or longer items, than can be numbered")]
pub struct TooLarge;

impl<'t> Entries<'t> {
    /// Pairs whose memory [`touch`](Self::touch) asks for together: about as many loads as a
    /// processor core has under way at once.
    pub const AHEAD: usize = 32;

    /// No pairs. Of those that are added, what lies in `text` is not copied.
    pub fn over(text: &'t [u8]) -> Self {
        Entries { text, copies: Vec::new(), entries: Vec::new() }
    }

    /// No pairs, over the same text.
    pub fn fork(&self) -> Self {
        Self::over(self.text)
    }

    /// Number of pairs.
    pub fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Returns `true` if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The indices of all pairs, in the order in which they were added.
    pub fn indices(&self) -> Range<u32> {
        0..self.len()
    }

    /// Adds a pair.
    ///
    /// # Errors
    /// For an item of 4 GiB or more, and for the pair after 2^32 - 1 others.
    pub fn push<'a>(
        &mut self,
        key: impl Into<Datum<'a>>,
        data: impl Into<Datum<'a>>,
    ) -> Result<(), TooLarge> {
        let (key, data) = (key.into(), data.into());
        // One less than the largest length leaves room for the NUL.
        let len = |datum: Datum<'_>| {
            let len = u32::try_from(datum.bytes.len()).ok().filter(|len| *len < u32::MAX);
            len.ok_or(TooLarge)
        };
        let (key_len, data_len) = (len(key)?, len(data)?);
        if self.entries.len() >= u32::MAX as usize {
            return Err(TooLarge);
        }
        let nul = |datum: Datum<'_>| if datum.nul { NUL } else { 0 };
        let key_and_nul = self.place(key.bytes) | nul(key);
        let data_and_nul = self.place(data.bytes) | nul(data);
        self.entries.push(Entry { key_and_nul, data_and_nul, key_len, data_len });
        Ok(())
    }

    /// Adds all of `other`, behind those that there are.
    ///
    /// # Errors
    /// For more than 2^32 - 1 pairs together.
    ///
    /// # Complexity
    /// Copies 24 bytes a pair, and the pairs' own where `other` has another text.
    pub fn append(&mut self, other: Self) -> Result<(), TooLarge> {
        if !std::ptr::eq(self.text, other.text) {
            let mut indices = other.indices();
            return indices.try_for_each(|index| self.push(other.key(index), other.data(index)));
        }
        let all = self.entries.len() + other.entries.len();
        if all > u32::MAX as usize {
            return Err(TooLarge);
        }
        // Positions behind the text move, for there are other copies before these.
        let (end, copied) = (self.text.len() as u64, self.copies.len() as u64);
        let moved = |position_and_nul| {
            let behind = position_and_nul & POSITION >= end;
            if behind { position_and_nul + copied } else { position_and_nul }
        };
        self.entries.extend(other.entries.iter().map(|entry| Entry {
            key_and_nul: moved(entry.key_and_nul),
            data_and_nul: moved(entry.data_and_nul),
            ..*entry
        }));
        self.copies.extend(other.copies);
        Ok(())
    }

    /// The position of bytes, which are copied unless they lie in the text.
    fn place(&mut self, bytes: &[u8]) -> u64 {
        // Different objects have different addresses: bytes that lie between the text's ends are
        // the text's.
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

    /// The key of a pair that was added.
    ///
    /// # Panics
    /// For an index that is not less than [`len`](Self::len).
    #[inline]
    pub fn key(&self, index: u32) -> Datum<'_> {
        let Entry { key_and_nul, key_len, .. } = self.entries[index as usize];
        let bytes = self.bytes(key_and_nul & POSITION, key_len);
        Datum { bytes, nul: key_and_nul & NUL != 0 }
    }

    /// The data of a pair that was added.
    ///
    /// # Panics
    /// As [`key`](Self::key).
    #[inline]
    pub fn data(&self, index: u32) -> Datum<'_> {
        let Entry { data_and_nul, data_len, .. } = self.entries[index as usize];
        let bytes = self.bytes(data_and_nul & POSITION, data_len);
        Datum { bytes, nul: data_and_nul & NUL != 0 }
    }

    /// Lengths of key and data, their NULs included, without a look at their bytes.
    ///
    /// # Panics
    /// As [`key`](Self::key).
    #[inline]
    pub fn lens(&self, index: u32) -> (usize, usize) {
        let Entry { key_and_nul, data_and_nul, key_len, data_len } = self.entries[index as usize];
        let len = |len: u32, flags| len as usize + usize::from(flags & NUL != 0);
        (len(key_len, key_and_nul), len(data_len, data_and_nul))
    }

    /// Loads the lengths of up to [`AHEAD`](Self::AHEAD) pairs: memory works on all of them at once
    /// instead of on one after the other.
    pub fn touch_lens(&self, indices: impl Iterator<Item = u32>) {
        let lens = indices.take(Self::AHEAD).map(|index| self.entries.get(index as usize));
        black_box(lens.flatten().fold(0, |seen, entry| seen ^ entry.key_len));
    }

    /// Loads the first byte of the keys and the last of the data of up to [`AHEAD`](Self::AHEAD)
    /// pairs, which may lie anywhere in the text: memory works on all of them at once instead of on
    /// one after the other.
    pub fn touch(&self, indices: impl Iterator<Item = u32>) {
        let mut ends = [(0, 0); Self::AHEAD];
        for (ends, index) in ends.iter_mut().zip(indices) {
            if let Some(entry) = self.entries.get(index as usize) {
                let data = (entry.data_and_nul & POSITION) as usize + entry.data_len as usize;
                *ends = ((entry.key_and_nul & POSITION) as usize, data.saturating_sub(1));
            }
        }
        // Only loads whose results are used are made.
        let byte = |at: usize| self.text.get(at).copied().unwrap_or(0);
        black_box(ends.iter().fold(0, |seen, (start, end)| seen ^ byte(*start) ^ byte(*end)));
    }
}
