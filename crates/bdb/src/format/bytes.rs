//! The one place that knows how a number lies in a file.

use byteorder::{BigEndian, ByteOrder as _, LittleEndian};

/// The order in which a file stores the bytes of its numbers.
///
/// A file keeps the order of the machine that made it; every number in it, on every page, follows
/// it (section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first: x86, ARM and most others.
    Little,
    /// Most significant byte first: s390x, old SPARC and PowerPC.
    Big,
}

impl ByteOrder {
    /// The byte order of the machine that this program runs on.
    pub const NATIVE: ByteOrder =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };

    /// The number at `at`, or `None` where the bytes end before it does.
    #[inline]
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk::<2>()?;
        Some(match self {
            ByteOrder::Little => LittleEndian::read_u16(bytes),
            ByteOrder::Big => BigEndian::read_u16(bytes),
        })
    }

    /// The number at `at`, or `None` where the bytes end before it does.
    #[inline]
    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk::<4>()?;
        Some(match self {
            ByteOrder::Little => LittleEndian::read_u32(bytes),
            ByteOrder::Big => BigEndian::read_u32(bytes),
        })
    }

    /// Writes `value` at `at`, which the caller has laid out inside `bytes`.
    #[inline]
    pub(crate) fn put_u16(self, bytes: &mut [u8], at: usize, value: u16) {
        match self {
            ByteOrder::Little => LittleEndian::write_u16(&mut bytes[at..at + 2], value),
            ByteOrder::Big => BigEndian::write_u16(&mut bytes[at..at + 2], value),
        }
    }

    /// Writes `value` at `at`, which the caller has laid out inside `bytes`.
    #[inline]
    pub(crate) fn put_u32(self, bytes: &mut [u8], at: usize, value: u32) {
        match self {
            ByteOrder::Little => LittleEndian::write_u32(&mut bytes[at..at + 4], value),
            ByteOrder::Big => BigEndian::write_u32(&mut bytes[at..at + 4], value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lie_in_the_order_of_the_file() {
        let mut bytes = [0; 8];
        ByteOrder::Little.put_u32(&mut bytes, 0, 0x0102_0304);
        ByteOrder::Big.put_u16(&mut bytes, 5, 0x0506);
        assert_eq!(bytes, [4, 3, 2, 1, 0, 5, 6, 0]);
        assert_eq!(ByteOrder::Big.u32(&bytes, 0), Some(0x0403_0201));
        assert_eq!(ByteOrder::Little.u16(&bytes, 5), Some(0x0605));
    }

    #[test]
    fn a_number_that_does_not_fit_is_none() {
        assert_eq!(ByteOrder::Little.u32(&[0; 6], 3), None);
        assert_eq!(ByteOrder::Big.u16(&[0; 2], 1), None);
        assert_eq!(ByteOrder::Big.u16(&[0; 2], 3), None);
    }
}
