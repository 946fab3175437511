//! What can be found wrong with a file, under names that stay.

use std::fmt;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Odd, but libdb itself leaves files so, or accepts them, and nothing is lost by it.
    Note,
    /// The file is damaged: something in it cannot be read, has been lost, or would mislead a
    /// program.
    Damage,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Damage => "damage",
        })
    }
}

/// One problem of a file, and where it is: what [`verify`](crate::verify()) reports, and why
/// reading and changing files [fails](crate::ErrorKind::Corrupt).
///
/// ```
/// use bdb_file::{Fault, Problem};
///
/// fn line(problem: &Problem) -> String {
///     format!("{}: [{}] {problem}", problem.severity(), problem.fault.code())
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Number of the page.
    pub page: u32,
    /// Index of the item on the page, where one item is at fault.
    pub item: Option<u16>,
    /// What is wrong.
    pub fault: Fault,
    /// The value that is wrong, where one is: the number found in a field, or of the page that is
    /// linked to.
    pub value: Option<u64>,
}

impl Problem {
    pub(crate) fn on(page: u32, fault: Fault) -> Self {
        Problem { page, item: None, fault, value: None }
    }

    pub(crate) fn item(self, index: usize) -> Self {
        Problem { item: u16::try_from(index).ok(), ..self }
    }

    pub(crate) fn value(self, value: impl Into<u64>) -> Self {
        Problem { value: Some(value.into()), ..self }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.fault.severity()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "page {}", self.page)?;
        if let Some(item) = self.item {
            write!(f, ", item {item}")?;
        }
        write!(f, ": {}", self.fault)?;
        match self.value {
            Some(value) => write!(f, ": {value}"),
            None => Ok(()),
        }
    }
}

/// What is wrong with an item, of which only its bytes are known, and not where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    fault: Fault,
    value: Option<u64>,
}

impl From<Fault> for Flaw {
    fn from(fault: Fault) -> Self {
        Flaw { fault, value: None }
    }
}

impl Flaw {
    /// The problem of the page that has the item.
    pub fn on(self, page: u32) -> Problem {
        Problem { page, item: None, fault: self.fault, value: self.value }
    }
}

impl Fault {
    /// This fault, with the value that is wrong.
    pub(crate) fn with(self, value: impl Into<u64>) -> Flaw {
        Flaw { fault: self, value: Some(value.into()) }
    }
}

/// Defines [`Fault`]: one row for each, with its code, its severity and its words.
macro_rules! faults {
    ($($name:ident, $code:literal, $severity:ident, $words:literal;)*) => {
        /// What is wrong with a file, a page or an item.
        ///
        /// The checks are those of [section 24] of the hash format and of
        /// [section 12] of the btree format, with what is said there to escape libdb.
        ///
        /// [section 24]: crate::specification::hash#24-verify-checklist
        /// [section 12]: crate::specification::btree#12-verify-checklist
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $(#[doc = concat!("`", $code, "`: ", $words, ".")] $name,)*
        }

        impl Fault {
            /// All faults.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// A name for programs, which stays the same from version to version.
            pub fn code(self) -> &'static str {
                match self { $(Fault::$name => $code,)* }
            }

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Fault::$name => Severity::$severity,)* }
            }
        }

        impl fmt::Display for Fault {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Fault::$name => $words,)* })
            }
        }
    };
}

#[rustfmt::skip]
faults! {
    // The file.
    FileLength, "file-length", Damage, "file length is not a multiple of the page size";
    LastPage, "last-page", Damage, "last page according to page 0 is not the last page of the file";

    // Meta pages.
    PageSize, "page-size", Damage, "impossible page size, or another one than the file's";
    MetaType, "meta-type", Damage, "page type does not go with the magic number";
    MetaFlags, "meta-flags", Damage, "unknown bits in the meta page's flags, or other ones than page 0's";
    DatabaseFlags, "database-flags", Damage, "impossible combination of database flags";
    FreeListHead, "free-list-head", Damage, "free list starts outside the file, or in a page other than page 0";
    HashFunction, "hash-function", Damage, "unknown hash function";
    MaxBucket, "max-bucket", Damage, "more buckets than pages";
    Masks, "masks", Damage, "masks do not follow from the number of buckets";
    Spares, "spares", Damage, "page-address table leads outside the file, to a page twice, or is incomplete";
    Elements, "elements", Damage, "impossible number of elements";
    ElementsTooFew, "elements-too-few", Note, "number of elements is less than that of the keys";
    UnusedField, "unused-field", Note, "unused field is not 0";
    BtreeMinimum, "btree-minimum", Damage, "impossible minimum of keys per page";
    BtreeRoot, "btree-root", Damage, "impossible root page";
    RecordLength, "record-length", Damage, "record length without fixed-length records";
    DatabaseEntry, "database-entry", Damage, "entry in the list of databases does not lead to a meta page";

    // Any page.
    Checksum, "checksum", Damage, "checksum does not match";
    PageNumber, "page-number", Damage, "page calls itself by another number";
    HoleNotEmpty, "hole-not-empty", Damage, "page without a number is not all zeros";
    PageType, "page-type", Damage, "page type does not exist in such files";
    Link, "link", Damage, "link to a page that does not exist, or to the page itself";
    Level, "level", Damage, "impossible level";

    // Items of a page.
    Entries, "entries", Damage, "impossible number of entries";
    Offset, "offset", Damage, "item offset out of place";
    HighOffset, "high-offset", Damage, "offset of the lowest item is not that of the header";
    ItemOverlap, "item-overlap", Damage, "items overlap or leave a gap";
    ItemType, "item-type", Damage, "item type does not exist here";
    ItemLength, "item-length", Damage, "item does not have the length that its type needs";
    ItemDeleted, "item-deleted", Damage, "item is marked as deleted";
    DuplicateSet, "duplicate-set", Damage, "set of duplicates is malformed";
    Reference, "reference", Damage, "item refers to a page that does not exist, or to its own";
    ReferenceCount, "reference-count", Damage, "reference count is 0 or not the number of references";
    OverflowBytes, "overflow-bytes", Damage, "impossible number of bytes on an overflow page";

    // Pages together.
    Shared, "shared", Damage, "page belongs to two owners, or links form a loop";
    BackLink, "back-link", Damage, "page does not link back to its predecessor";
    LinkedType, "linked-type", Damage, "page of another type is linked to";
    ChainLength, "chain-length", Damage, "overflow pages do not have the stated length together";
    WrongBucket, "wrong-bucket", Damage, "key belongs to another bucket";
    KeyTwice, "key-twice", Note, "key is in its bucket twice";
    Unsorted, "unsorted", Damage, "items are not in order";
    AmbiguousOrder, "ambiguous-order", Note, "keys that begin alike are not in order: libdb may not find them";
    DuplicatesNotAllowed, "duplicates-not-allowed", Damage, "set of duplicates in a database without";
    ReservedBucket, "reserved-bucket", Damage, "page is reserved for the table to grow, and in use";
    LevelStep, "level-step", Damage, "level is not one below that of the parent page";
    Separator, "separator", Damage, "keys of the page do not lie between the separators above it";
    EmptyLeaf, "empty-leaf", Note, "leaf of a tree is empty";
    LeafOrder, "leaf-order", Damage, "leaf is not linked to its neighbours";
    RecordCount, "record-count", Damage, "number of records is wrong";
    FreeList, "free-list", Damage, "page on the free list is not free";
    Orphan, "orphan", Damage, "nothing leads to the page";
    Unused, "unused", Note, "nothing leads to the page, which is empty";
}
