//! What salvage finds, and how far it can be trusted.

use std::borrow::Cow;
use std::fmt;
use std::ops::{BitOr, BitOrAssign, ControlFlow};

use crate::stop::Stop;

/// One pair that could be read: what [`salvage`](crate::salvage()) hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged<'a> {
    /// Name of the database, in a file of several; nothing where it is not known.
    pub database: Option<&'a [u8]>,
    /// The key, or nothing for data whose key is lost.
    pub key: Option<Cow<'a, [u8]>>,
    /// The data. Of a set of duplicates, each comes as a pair of its own.
    pub data: Cow<'a, [u8]>,
    /// Page of the data item.
    pub page: u32,
    /// Index of the data item on the page, where there is one.
    pub item: Option<u16>,
    /// What speaks against the pair: nothing where it is certain.
    pub doubts: &'a [Doubt],
}

impl Salvaged<'_> {
    /// Whether nothing speaks against the pair: all its pages are sound, and libdb would find it.
    pub fn is_certain(&self) -> bool {
        self.doubts.is_empty()
    }
}

/// Defines [`Doubt`]: one row for each, with its code and its words.
macro_rules! doubts {
    ($($name:ident, $code:literal, $words:literal;)*) => {
        /// What speaks against a [`Salvaged`] pair.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Doubt {
            $(#[doc = concat!("`", $code, "`: ", $words, ".")] $name,)*
        }

        impl Doubt {
            /// All doubts.
            pub const ALL: &'static [Doubt] = &[$(Doubt::$name,)*];

            /// A name for programs, which stays the same from version to version.
            pub fn code(self) -> &'static str {
                match self { $(Doubt::$name => $code,)* }
            }
        }

        impl fmt::Display for Doubt {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Doubt::$name => $words,)* })
            }
        }
    };
}

#[rustfmt::skip]
doubts! {
    Orphan, "orphan", "nothing leads to the page: it may hold what has been deleted or replaced";
    KeyElsewhere, "key-elsewhere", "the key has been found in its bucket, too";
    KeyTwice, "key-twice", "the key comes before in its bucket";
    WrongBucket, "wrong-bucket", "the key belongs to another bucket";
    Checksum, "checksum", "a page has a wrong checksum";
    PageNumber, "page-number", "a page calls itself by another number";
    PageDamaged, "page-damaged", "other items of the page are damaged";
    BrokenKey, "broken-key", "the key is not whole";
    BrokenData, "broken-data", "the data are not whole";
    BrokenDuplicates, "broken-duplicates", "the set of duplicates is not whole";
    Shared, "shared", "other data claim the same pages";
}

/// A set of doubts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts(u16);

impl From<Doubt> for Doubts {
    fn from(doubt: Doubt) -> Self {
        Doubts(1 << doubt as u16)
    }
}

impl<T: Into<Doubts>> BitOr<T> for Doubts {
    type Output = Doubts;

    fn bitor(self, other: T) -> Doubts {
        Doubts(self.0 | other.into().0)
    }
}

impl<T: Into<Doubts>> BitOrAssign<T> for Doubts {
    fn bitor_assign(&mut self, other: T) {
        *self = *self | other;
    }
}

impl Doubts {
    /// The doubt, if `there`.
    pub fn when(there: bool, doubt: Doubt) -> Self {
        if there { doubt.into() } else { Doubts::default() }
    }

    pub fn has(self, doubt: Doubt) -> bool {
        self.0 & Doubts::from(doubt).0 != 0
    }

    fn list(self) -> Vec<Doubt> {
        Doubt::ALL.iter().copied().filter(|doubt| self.has(*doubt)).collect()
    }
}

/// Where pairs go.
pub(super) struct Output<'r> {
    pub call: &'r mut dyn FnMut(Salvaged<'_>) -> ControlFlow<()>,
    pub certain: u64,
    pub doubtful: u64,
}

/// Where a data item is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'d> {
    pub database: Option<&'d [u8]>,
    pub page: u32,
    pub item: Option<usize>,
}

impl Output<'_> {
    /// Number of pairs so far.
    pub fn given(&self) -> u64 {
        self.certain + self.doubtful
    }

    pub fn give(
        &mut self,
        place: Place<'_>,
        key: Option<&[u8]>,
        data: &[u8],
        doubts: Doubts,
    ) -> Result<(), Stop> {
        let doubts = doubts.list();
        match doubts.is_empty() {
            true => self.certain += 1,
            false => self.doubtful += 1,
        }
        let item = place.item.and_then(|item| u16::try_from(item).ok());
        Stop::unless((self.call)(Salvaged {
            database: place.database,
            key: key.map(Cow::Borrowed),
            data: Cow::Borrowed(data),
            page: place.page,
            item,
            doubts: &doubts,
        }))
    }
}
