//! Compatibility levels: `3.6`, compared by their parts.

use super::scan::integer;

/// A compatibility level, `major[.minor[.patch]]`. A part that is left out is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompatibilityLevel {
    /// First part.
    pub major: u64,
    /// Second part.
    pub minor: u16,
    /// Third part.
    pub patch: u16,
}

/// Postfix keeps a level in one 64-bit number, minor and patch in ten bits each.
const MAX_MAJOR: u64 = i64::MAX as u64 >> 20;
const MAX_PART: u16 = (1 << 10) - 1;

impl CompatibilityLevel {
    /// Reads a level. None if it is not one.
    pub(super) fn parse(text: &[u8]) -> Option<CompatibilityLevel> {
        let (major, mut rest) = integer(text)?;
        let mut part = || match rest {
            [b'.', text @ ..] => {
                let (number, after) = integer(text)?;
                rest = after;
                u16::try_from(number).ok().filter(|part| *part <= MAX_PART)
            }
            _ => Some(0),
        };
        let level = CompatibilityLevel {
            major: u64::try_from(major).ok().filter(|major| *major <= MAX_MAJOR)?,
            minor: part()?,
            patch: part()?,
        };
        rest.is_empty().then_some(level)
    }
}
