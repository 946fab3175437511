//! What can be wrong with a file, and where.

use std::io;

use crate::fault::Fault;

/// Why a database could not be opened, read or built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system failed to read or write.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is too short or does not start as any Berkeley DB file does.
    #[error("not a Berkeley DB file")]
    NotADatabase,
    /// A Berkeley DB file of a kind that this crate does not read.
    #[error("{0}")]
    Unsupported(#[from] Unsupported),
    /// The file's length is no multiple of its page size: it was cut short, or is being written.
    #[error("file length {len} is not a multiple of the page size {page_size}")]
    Length {
        /// Length of the file in bytes.
        len: u64,
        /// Page size that page 0 states, in bytes.
        page_size: u32,
    },
    /// The file has fewer pages than its page 0 says: it was cut short, or is being written.
    #[error(
        "file is truncated: page 0 says that its last page is {stated}, but it has {pages} pages"
    )]
    Truncated {
        /// Number of pages that are there.
        pages: u64,
        /// Last page number according to page 0.
        stated: u32,
    },
    /// A page contradicts the format. The file is damaged; what other pages hold can still be read.
    #[error("page {page}{}: {damage}", .item.map(|i| format!(", item {i}")).unwrap_or_default())]
    Corrupt {
        /// Number of the page.
        page: u32,
        /// Index of the item on the page, where one item is at fault.
        item: Option<u16>,
        /// What is wrong.
        damage: Damage,
    },
    /// The file holds several databases, each under a name: open one with [`HashDb::open_named`](crate::HashDb::open_named).
    #[error("file holds several named databases")]
    SeveralDatabases,
    /// The file holds no database of the name asked for.
    #[error("file holds no database of that name")]
    NoSuchDatabase,
    /// The text of a dump makes no sense.
    #[error("line {line}: {problem}")]
    Text {
        /// Number of the line; the first is 1.
        line: u64,
        /// What is wrong with it.
        problem: TextProblem,
    },
    /// More data than the format can address: pages are numbered with 32 bits, and so are the bytes of an item.
    #[error("too large for a Berkeley DB file")]
    TooLarge,
    /// A build option outside the format's limits.
    #[error("invalid option: {0}")]
    Option(&'static str),
}

/// A kind of Berkeley DB file that this crate refuses by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// The database is encrypted.
    #[error("database is encrypted")]
    Encrypted,
    /// The database is spread over several files.
    #[error("database is partitioned")]
    Partitioned,
    /// A file of Berkeley DB 1.85 or of a C library's `dbopen`.
    #[error("file has the format of Berkeley DB 1.85")]
    Version185,
    /// A version of the format before Berkeley DB 3.1 or after 6.
    #[error("unsupported version {0} of the file format")]
    Version(u32),
    /// A database of another access method than hash.
    #[error("unsupported access method: {0}")]
    AccessMethod(&'static str),
    /// A btree whose items are packed.
    #[error("database is compressed")]
    Compressed,
    /// The table was built with an application's own hash function: it can be listed, not searched.
    #[error("database has a hash function of its own")]
    HashFunction,
}

/// What is wrong with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The checksum is not that of the page's bytes.
    #[error("checksum does not match")]
    Checksum,
    /// Page size outside 512 to 65536, or no power of two.
    #[error("impossible page size {0}")]
    PageSize(u32),
    /// Unknown bits in the meta page's flags byte.
    #[error("unknown meta page flags")]
    MetaFlags,
    /// Unknown bits in the database's flags.
    #[error("unknown database flags {0:#x}")]
    DatabaseFlags(u32),
    /// Bucket count and masks contradict each other.
    #[error("bucket count and masks do not agree")]
    Masks,
    /// A group of buckets lies outside the file.
    #[error("page-address table leads outside the file")]
    Spares,
    /// The page's number field holds another number.
    #[error("page calls itself {0}")]
    PageNumber(u32),
    /// A page of a type that does not belong here.
    #[error("unexpected page type {0}")]
    PageType(u8),
    /// A link to a page that the file does not have.
    #[error("reference to page {0}, which does not exist")]
    NoSuchPage(u32),
    /// More pages were linked than the file has: links form a loop, or pages have two owners. The page is the one at which
    /// reading was given up.
    #[error("pages are linked in a loop or belong to two owners")]
    Loop,
    /// The number of entries is odd or does not fit on the page.
    #[error("impossible number of entries {0}")]
    Entries(u16),
    /// An item's offset lies outside the page's item area, or above its predecessor.
    #[error("item offset out of place")]
    Offset,
    /// An item is shorter than its type needs.
    #[error("item is too short")]
    ItemLength,
    /// A key is in its bucket twice.
    #[error("the same key twice in one bucket")]
    DuplicateKey,
    /// An item of a type that the format does not have here.
    #[error("unexpected item type {0}")]
    ItemType(u8),
    /// The lengths inside a set of duplicates contradict each other.
    #[error("set of duplicates is malformed")]
    DuplicateSet,
    /// A big item's pages hold fewer or more bytes than its reference states.
    #[error("chain of overflow pages does not have the stated length {0}")]
    ChainLength(u32),
    /// An overflow page states no data bytes, or more than a page holds.
    #[error("impossible number of bytes on an overflow page: {0}")]
    OverflowBytes(u16),
    /// The level of a tree page is not one below that of its parent.
    #[error("tree page has level {0}")]
    Level(u8),
    /// An entry of the list of databases does not lead to a meta page.
    #[error("malformed entry in the list of databases")]
    DatabaseEntry,
    /// What [`verify`](crate::verify()) would report: [`HashUpdate`](crate::HashUpdate) changes nothing that it is told of.
    #[error("{0}")]
    Fault(Fault),
}

/// What is wrong with a line of a dump.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextProblem {
    /// The header has a line that is not `keyword=value`.
    #[error("expected keyword=value")]
    NotAHeaderLine,
    /// A keyword that no dump of a hash database has.
    #[error("unknown keyword {0:?}")]
    Keyword(String),
    /// A value that its keyword cannot have.
    #[error("impossible value of {0}")]
    Value(&'static str),
    /// The database is of another access method than hash.
    #[error("unsupported access method")]
    AccessMethod,
    /// The header does not state the type.
    #[error("header does not state the type")]
    NoType,
    /// The text ends inside a header.
    #[error("text ends before HEADER=END")]
    NoHeaderEnd,
    /// The text ends inside a database: it has been cut short.
    #[error("text ends before DATA=END")]
    NoDataEnd,
    /// A line of data that does not start with a space, or is malformed.
    #[error("malformed key or data")]
    Item,
    /// The database ends after a key.
    #[error("key without data")]
    NoData,
}

impl From<kv_file_core::TooLarge> for Error {
    fn from(_: kv_file_core::TooLarge) -> Self {
        Error::TooLarge
    }
}

impl Error {
    /// Damage that concerns a whole page.
    #[cold]
    #[inline(never)]
    pub(crate) fn corrupt(page: u32, damage: Damage) -> Self {
        Error::Corrupt { page, item: None, damage }
    }

    /// Damage of one item of a page.
    #[cold]
    #[inline(never)]
    pub(crate) fn corrupt_item(page: u32, item: usize, damage: Damage) -> Self {
        Error::Corrupt { page, item: u16::try_from(item).ok(), damage }
    }
}
