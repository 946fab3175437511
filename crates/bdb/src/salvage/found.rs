//! What salvage finds, and how far it can be trusted.

use std::borrow::Cow;
use std::fmt;
use std::ops::{BitOr, BitOrAssign, ControlFlow};

use crate::databases::AccessMethod;
use crate::error::Result;
use crate::fault::Fault;
use crate::stop::Stop;

/// One pair that could be read: what [`salvage`](crate::salvage()) hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged<'a> {
    /// Name of the database, in a file of several; nothing where it is not known.
    pub database: Option<&'a [u8]>,
    /// The access method of its database, where that is known: at least where there is a key.
    pub access_method: Option<AccessMethod>,
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
    /// Returns `true` if nothing speaks against the pair: all its pages are sound, and libdb would
    /// find it.
    pub fn is_certain(&self) -> bool {
        self.doubts.is_empty()
    }
}

/// What speaks against a [`Salvaged`] pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// A fault of the pair's pages, or of the key's place.
    Fault(Fault),
    /// `key-elsewhere`: the key has been found where it is looked for, too.
    KeyElsewhere,
    /// `page-damaged`: other items of the page, or of a page that leads to it, are damaged.
    PageDamaged,
    /// `compressed`: the database calls itself compressed. What is packed cannot be told from other
    /// items.
    Compressed,
    /// `broken-key`: the key is not whole.
    BrokenKey,
    /// `broken-data`: the data are not whole.
    BrokenData,
    /// `broken-duplicates`: the set of duplicates is not whole.
    BrokenDuplicates,
}

impl Doubt {
    /// All doubts. Of the faults, these are the ones that speak against pairs which can be read.
    pub const ALL: &'static [Doubt] = &[
        Doubt::Fault(Fault::Orphan),
        Doubt::KeyElsewhere,
        Doubt::Fault(Fault::KeyTwice),
        Doubt::Fault(Fault::WrongBucket),
        Doubt::Fault(Fault::Separator),
        Doubt::Fault(Fault::Unsorted),
        Doubt::Fault(Fault::ItemDeleted),
        Doubt::Fault(Fault::Checksum),
        Doubt::Fault(Fault::PageNumber),
        Doubt::PageDamaged,
        Doubt::Compressed,
        Doubt::BrokenKey,
        Doubt::BrokenData,
        Doubt::BrokenDuplicates,
        Doubt::Fault(Fault::Shared),
    ];

    /// A name for programs, which stays the same from version to version.
    pub fn code(self) -> &'static str {
        match self {
            Doubt::Fault(fault) => fault.code(),
            Doubt::KeyElsewhere => "key-elsewhere",
            Doubt::PageDamaged => "page-damaged",
            Doubt::Compressed => "compressed",
            Doubt::BrokenKey => "broken-key",
            Doubt::BrokenData => "broken-data",
            Doubt::BrokenDuplicates => "broken-duplicates",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::Fault(fault) => return fault.fmt(f),
            Doubt::KeyElsewhere => "the key has been found where it is looked for, too",
            Doubt::PageDamaged => {
                "other items of the page, or of a page that leads to it, are damaged"
            }
            Doubt::Compressed => "the database calls itself compressed",
            Doubt::BrokenKey => "the key is not whole",
            Doubt::BrokenData => "the data are not whole",
            Doubt::BrokenDuplicates => "the set of duplicates is not whole",
        })
    }
}

/// A set of doubts: one bit for each, in the order of [`Doubt::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubts(u16);

impl From<Doubt> for Doubts {
    fn from(doubt: Doubt) -> Self {
        Doubt::ALL.iter().position(|other| *other == doubt).map_or(Doubts(0), |at| Doubts(1 << at))
    }
}

impl From<Fault> for Doubts {
    fn from(fault: Fault) -> Self {
        Doubt::Fault(fault).into()
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
    pub fn when(there: bool, doubt: impl Into<Doubts>) -> Self {
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
    pub method: Option<AccessMethod>,
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
            access_method: place.method,
            key: key.map(Cow::Borrowed),
            data: Cow::Borrowed(data),
            page: place.page,
            item,
            doubts: &doubts,
        }))
    }
}
