//! A key or its data as a file stores it: some bytes and, in most of Postfix's tables, one NUL
//! after them.

use std::borrow::Cow;
use std::cmp::Ordering;

/// A key or data: bytes, and one NUL after them or none. The bytes need not be copied to get their
/// NUL.
///
/// Everything that is bytes turns into one without a NUL.
///
/// ```
/// use kv_file_core::Datum;
///
/// assert_eq!(Datum::terminated(b"root"), Datum::from(b"root\0"));
/// assert_ne!(Datum::terminated(b"root"), Datum::from("root"));
/// assert!(Datum::from("root") < Datum::terminated(b"root"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Datum<'a> {
    /// The bytes without the NUL.
    pub bytes: &'a [u8],
    /// Whether a NUL follows them.
    pub nul: bool,
}

impl<'a> Datum<'a> {
    /// No bytes, and no NUL.
    pub const EMPTY: Self = Datum { bytes: &[], nul: false };

    /// The bytes and one NUL after them: a C string.
    #[inline]
    pub const fn terminated(bytes: &'a [u8]) -> Self {
        Datum { bytes, nul: true }
    }

    /// What lies in a file: if the last byte is a NUL, that is the terminating one.
    ///
    /// ```
    /// use kv_file_core::Datum;
    ///
    /// assert_eq!(Datum::stored(b"root\0").bytes, b"root");
    /// assert_eq!(Datum::stored(b"root").bytes, b"root");
    /// ```
    #[inline]
    pub const fn stored(bytes: &'a [u8]) -> Self {
        match bytes {
            [bytes @ .., 0] => Datum { bytes, nul: true },
            bytes => Datum { bytes, nul: false },
        }
    }

    /// Number of bytes, the NUL included.
    #[inline]
    pub fn len(self) -> usize {
        self.bytes.len() + usize::from(self.nul)
    }

    /// Returns `true` if there is no byte, and no NUL.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn tail(self) -> &'static [u8] {
        if self.nul { &[0] } else { &[] }
    }

    /// Returns `true` if it is just these bytes. Faster than a comparison with another `Datum`.
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
            Some(bytes) => Datum { bytes, nul: false },
            None => self,
        }
    }

    /// How many bytes both start with.
    pub fn common_prefix(self, other: Self) -> usize {
        let bytes = self.bytes.iter().chain(self.tail());
        bytes.zip(other.bytes.iter().chain(other.tail())).take_while(|(a, b)| a == b).count()
    }

    /// Writes the bytes at the start of `to`.
    ///
    /// # Panics
    /// If `to` has no room for them.
    pub fn put(self, to: &mut [u8]) {
        let (bytes, tail) = to.split_at_mut(self.bytes.len());
        bytes.copy_from_slice(self.bytes);
        tail[..self.tail().len()].copy_from_slice(self.tail());
    }

    /// Returns `true` if the first `len` bytes of both are the same.
    ///
    /// # Panics
    /// If one of them is shorter.
    pub fn starts_alike(self, other: Self, len: usize) -> bool {
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

/// Returns `true` if two strings are the same: without a call, for the usual lengths of keys.
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

impl PartialEq for Datum<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.starts_alike(*other, self.len())
    }
}

impl Eq for Datum<'_> {}

/// Byte order, a prefix first.
impl Ord for Datum<'_> {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        if self.nul == other.nul {
            // A common terminator decides nothing unless one string is a prefix of the other; then
            // it meets a byte that is at least as great, and the longer string has more to come.
            return self.bytes.cmp(other.bytes);
        }
        self.bytes.iter().chain(self.tail()).cmp(other.bytes.iter().chain(other.tail()))
    }
}

impl PartialOrd for Datum<'_> {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> From<&'a [u8]> for Datum<'a> {
    #[inline]
    fn from(bytes: &'a [u8]) -> Self {
        Datum { bytes, nul: false }
    }
}

impl<'a> From<&'a &[u8]> for Datum<'a> {
    #[inline]
    fn from(bytes: &'a &[u8]) -> Self {
        (*bytes).into()
    }
}

impl<'a> From<&'a &str> for Datum<'a> {
    #[inline]
    fn from(text: &'a &str) -> Self {
        text.as_bytes().into()
    }
}

impl<'a> From<&'a Datum<'_>> for Datum<'a> {
    #[inline]
    fn from(datum: &'a Datum<'_>) -> Self {
        *datum
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Datum<'a> {
    #[inline]
    fn from(bytes: &'a [u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl<'a> From<&'a str> for Datum<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        text.as_bytes().into()
    }
}

impl<'a> From<&'a Vec<u8>> for Datum<'a> {
    #[inline]
    fn from(bytes: &'a Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl<'a> From<&'a String> for Datum<'a> {
    #[inline]
    fn from(text: &'a String) -> Self {
        text.as_bytes().into()
    }
}

impl<'a> From<&'a Cow<'_, [u8]>> for Datum<'a> {
    #[inline]
    fn from(bytes: &'a Cow<'_, [u8]>) -> Self {
        bytes.as_ref().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(datum: Datum<'_>) -> Vec<u8> {
        datum.pieces().concat()
    }

    proptest! {
        #[test]
        fn a_virtual_nul_is_as_good_as_a_real_one(
            a in "[\0ab]{0,4}", a_nul: bool, b in "[\0ab]{0,4}", b_nul: bool,
        ) {
            let a = Datum { bytes: a.as_bytes(), nul: a_nul };
            let b = Datum { bytes: b.as_bytes(), nul: b_nul };
            prop_assert_eq!(a.len(), flat(a).len());
            prop_assert_eq!(a == b, flat(a) == flat(b));
            prop_assert_eq!(a.is(&flat(b)), flat(a) == flat(b));
            prop_assert_eq!(a.cmp(&b), flat(a).cmp(&flat(b)));
            let common = flat(a).iter().zip(flat(b)).take_while(|(a, b)| **a == *b).count();
            prop_assert_eq!(a.common_prefix(b), common);
            prop_assert_eq!(flat(a.prefix(common)), &flat(a)[..common]);
            let mut put = vec![9; a.len()];
            a.put(&mut put);
            prop_assert_eq!(put, flat(a));
        }
    }
}
