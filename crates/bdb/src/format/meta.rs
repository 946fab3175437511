//! Meta pages: what a database says of itself (section 3, and section 2 of the btree
//! specification).

use super::{
    ByteOrder, MAIN_ROOT, MAX_PAGE_SIZE, META_LEN, MIN_PAGE_SIZE, NOT_LOGGED, PageLayout, checksum,
    magic, page_type,
};
use crate::error::{Error, ErrorKind, Result, Unsupported};
use crate::fault::{Fault, Problem};

/// Number of entries of the page-address table: bucket groups, each twice the size of the one
/// before.
pub const MAX_BUCKET_GROUPS: usize = 32;

/// `metaflags`: every page carries a checksum.
const CHECKSUMS: u8 = 0x01;
/// `metaflags`: the database is spread over several files.
const PARTITIONED: u8 = 0x02 | 0x04;

/// Hash `flags`: duplicates are allowed, belongs to a file of several databases, duplicates are
/// sorted.
pub(crate) const HASH_FLAGS: u32 = 0x01 | ONE_OF_SEVERAL | 0x04;
const ONE_OF_SEVERAL: u32 = 0x02;

/// Keys for which each page of a btree has room unless it is told otherwise.
pub(crate) const MINIMUM_KEYS: u32 = 2;

/// Btree `flags` (btree specification, section 2).
pub(crate) mod btree_flag {
    pub const DUPLICATES: u32 = 0x01;
    pub const RECNO: u32 = 0x02;
    pub const RECORD_NUMBERS: u32 = 0x04;
    pub const FIXED_LENGTH: u32 = 0x08;
    pub const RENUMBERING: u32 = 0x10;
    pub const SEVERAL_DATABASES: u32 = 0x20;
    pub const SORTED_DUPLICATES: u32 = 0x40;
    pub const COMPRESSED: u32 = 0x80;
    pub const KNOWN: u32 = 0xff;
}

/// Offsets of fields; those up to `UID` are common to all access methods.
pub(crate) mod at {
    pub const LSN: usize = 0;
    pub const NUMBER: usize = 8;
    pub const MAGIC: usize = 12;
    pub const VERSION: usize = 16;
    pub const PAGE_SIZE: usize = 20;
    pub const ENCRYPTION: usize = 24;
    pub const TYPE: usize = 25;
    pub const META_FLAGS: usize = 26;
    pub const FREE: usize = 28;
    pub const LAST_PAGE: usize = 32;
    pub const PARTITIONS: usize = 36;
    pub const FLAGS: usize = 48;
    pub const UID: usize = 52;
    pub const MAX_BUCKET: usize = 72;
    pub const HIGH_MASK: usize = 76;
    pub const LOW_MASK: usize = 80;
    pub const FILL_FACTOR: usize = 84;
    pub const ELEMENTS: usize = 88;
    pub const CHARKEY: usize = 92;
    pub const SPARES: usize = 96;
    pub const BTREE_MINIMUM: usize = 76;
    pub const BTREE_RECORD_LEN: usize = 80;
    pub const BTREE_RECORD_PAD: usize = 84;
    pub const BTREE_ROOT: usize = 88;
    pub const CRYPTO_MAGIC: usize = 460;
}

/// The fields of a meta page as they are, unchecked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawMeta<'p> {
    page: &'p [u8; META_LEN],
    pub order: ByteOrder,
    pub magic: u32,
    pub number: u32,
    pub version: u32,
    pub page_size: u32,
    pub encryption: u8,
    pub page_type: u8,
    pub meta_flags: u8,
    pub free: u32,
    pub last_page: u32,
    pub partitions: u32,
    pub flags: u32,
    pub crypto_magic: u32,
}

/// A meta page, checked as far as one page can be.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub layout: PageLayout,
    /// Highest page number in the file, where this version of the format keeps it.
    pub last_page: Option<u32>,
    pub method: Method,
}

/// The access method of a database, with what only its meta page holds.
#[derive(Clone, Debug)]
pub(crate) enum Method {
    Hash(HashMeta),
    Btree(BtreeMeta),
}

/// What the meta page of a hash database says of its table ([section 3]).
///
/// These are the file's claims. Addressing fields have been checked against each other and against
/// the file's length when the database was opened; the counts are hints that nothing relies on.
///
/// [section 3]: crate::specification::hash#3-meta-page-v
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashMeta {
    /// Format version: 7 to 10.
    pub version: u32,
    /// First page of the free list, 0 for none. Only kept in page 0.
    pub free: u32,
    /// Whether a key may have several data items (flag 0x01).
    pub duplicates: bool,
    /// Whether those are kept in byte order (flag 0x04).
    pub sorted_duplicates: bool,
    /// File identification: 20 bytes that differ from file to file.
    pub uid: [u8; 20],
    /// Highest bucket number in use: one less than the number of buckets.
    pub max_bucket: u32,
    /// Mask for the current doubling of the table.
    pub high_mask: u32,
    /// Mask for the doubling before.
    pub low_mask: u32,
    /// Wanted pairs per page, 0 for none.
    pub fill_factor: u32,
    /// Estimate at creation plus inserted minus deleted keys. Not the number of keys.
    pub elements: u32,
    /// Hash of a fixed string, by which the hash function is recognised ([section 10]).
    ///
    /// [section 10]: crate::specification::hash#10-hash-functions-v
    pub charkey: u32,
    /// For each group of buckets, its first page minus its first bucket ([section 11]). 0: no such
    /// group.
    ///
    /// [section 11]: crate::specification::hash#11-bucket-addressing-v
    pub spares: [u32; MAX_BUCKET_GROUPS],
}

/// What the meta page of a btree database says (btree specification, section 2).
///
/// These are the file's claims, of which the root page has not been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BtreeMeta {
    /// Format version: 8 to 10.
    pub version: u32,
    /// First page of the free list, 0 for none. Only kept in page 0.
    pub free: u32,
    /// Whether a key may have several data items (flag 0x01).
    pub duplicates: bool,
    /// Whether those are kept in byte order (flag 0x40).
    pub sorted_duplicates: bool,
    /// Whether internal pages count the records under them (flag 0x04).
    pub record_numbers: bool,
    /// Whether the file has several databases (flag 0x20): this is one of them, or, on page 0, the
    /// list of their names.
    pub several_databases: bool,
    /// File identification: 20 bytes that differ from file to file.
    pub uid: [u8; 20],
    /// Number of keys for which each page has room.
    pub minimum_keys: u32,
    /// The root page. It stays the same while a database grows.
    pub root: u32,
}

/// Returns `true` if a file that begins with these bytes is a Berkeley DB file, of whatever kind:
/// `head` must have 16 of them.
pub fn is_database(head: &[u8]) -> bool {
    !matches!(identify(head).map_err(Error::into_kind), Err(ErrorKind::NotADatabase))
}

/// Returns `true` if a file that begins with these bytes is one btree database, or begins with the
/// list of several databases, which is one: `head` must have 16 of them.
pub fn is_btree(head: &[u8]) -> bool {
    matches!(identify(head), Ok((_, magic::BTREE)))
}

/// Byte order and magic number of a file, from the first bytes of its page 0.
fn identify(page: &[u8]) -> Result<(ByteOrder, u32)> {
    let known = |at| {
        [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .filter_map(move |order| Some((order, order.u32(page, at)?)))
            .find(|(_, number)| {
                matches!(*number, magic::HASH | magic::BTREE | magic::QUEUE | magic::HEAP)
            })
    };
    // Files of the 1.85 format have their magic number at the very start.
    known(at::MAGIC).ok_or_else(|| match known(0) {
        Some((_, magic::HASH | magic::BTREE)) => Unsupported::Version185.into(),
        _ => ErrorKind::NotADatabase.into(),
    })
}

impl<'p> RawMeta<'p> {
    /// Reads a meta page, which its magic number tells, from its first 512 bytes.
    pub fn read(page: &'p [u8]) -> Result<Self> {
        let page = page.first_chunk::<META_LEN>().ok_or(ErrorKind::NotADatabase)?;
        let (order, magic) = identify(page)?;
        // Every offset below lies inside the 512 bytes.
        let field = |at| order.u32(page, at).unwrap_or_default();
        Ok(RawMeta {
            page,
            order,
            magic,
            number: field(at::NUMBER),
            version: field(at::VERSION),
            page_size: field(at::PAGE_SIZE),
            encryption: page[at::ENCRYPTION],
            page_type: page[at::TYPE],
            meta_flags: page[at::META_FLAGS],
            free: field(at::FREE),
            last_page: field(at::LAST_PAGE),
            partitions: field(at::PARTITIONS),
            flags: field(at::FLAGS),
            crypto_magic: field(at::CRYPTO_MAGIC),
        })
    }

    pub fn is_hash(&self) -> bool {
        self.magic == magic::HASH
    }

    /// The fields that only a hash database has.
    pub fn hash(&self) -> HashMeta {
        HashMeta::parse(self.page, self.order)
    }

    /// The fields that only a btree database has.
    pub fn btree(&self) -> BtreeMeta {
        let field = |at| self.order.u32(self.page, at).unwrap_or_default();
        let has = |flag| self.flags & flag != 0;
        let mut uid = [0; 20];
        uid.copy_from_slice(&self.page[at::UID..at::UID + 20]);
        BtreeMeta {
            version: self.version,
            free: self.free,
            duplicates: has(btree_flag::DUPLICATES),
            sorted_duplicates: has(btree_flag::SORTED_DUPLICATES),
            record_numbers: has(btree_flag::RECORD_NUMBERS),
            several_databases: has(btree_flag::SEVERAL_DATABASES),
            uid,
            minimum_keys: field(at::BTREE_MINIMUM),
            root: field(at::BTREE_ROOT),
        }
    }

    /// Length of a btree's records, where it is fixed.
    pub fn record_len(&self) -> u32 {
        self.order.u32(self.page, at::BTREE_RECORD_LEN).unwrap_or_default()
    }

    /// The layout of the file's pages, or `None` for an impossible page size.
    pub fn layout(&self) -> Option<PageLayout> {
        let possible = self.page_size.is_power_of_two()
            && (MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&self.page_size);
        possible.then_some(PageLayout {
            order: self.order,
            page_size: self.page_size as usize,
            checksums: self.meta_flags & CHECKSUMS != 0,
        })
    }
}

impl Meta {
    /// Reads the meta page `number` from its first 512 bytes.
    pub fn parse(page: &[u8], number: u32) -> Result<Self> {
        let raw = RawMeta::read(page)?;
        let problem = |fault| Problem::on(number, fault);
        if raw.encryption != 0 {
            return Err(Unsupported::Encrypted.into());
        }
        if raw.meta_flags & PARTITIONED != 0 {
            return Err(Unsupported::Partitioned.into());
        }
        if raw.meta_flags & !CHECKSUMS != 0 {
            return Err(problem(Fault::MetaFlags).value(raw.meta_flags).into());
        }
        let (method_type, versions) = match raw.magic {
            magic::HASH => (page_type::HASH_META, 7..=10),
            magic::BTREE => (page_type::BTREE_META, 8..=10),
            magic::QUEUE => return Err(Unsupported::AccessMethod("queue").into()),
            _ => return Err(Unsupported::AccessMethod("heap").into()),
        };
        if !versions.contains(&raw.version) {
            return Err(Unsupported::Version(raw.version).into());
        }
        if raw.page_type != method_type {
            return Err(problem(Fault::MetaType).value(raw.page_type).into());
        }
        if raw.meta_flags & CHECKSUMS != 0 && !checksum::matches(raw.page, raw.order) {
            return Err(problem(Fault::Checksum).into());
        }
        if raw.number != number {
            return Err(problem(Fault::PageNumber).value(raw.number).into());
        }
        let layout = raw.layout().ok_or_else(|| problem(Fault::PageSize).value(raw.page_size))?;
        let (method, known_flags) = if raw.is_hash() {
            (Method::Hash(raw.hash()), HASH_FLAGS)
        } else {
            if raw.flags & btree_flag::RECNO != 0 {
                return Err(Unsupported::AccessMethod("recno").into());
            }
            if raw.flags & btree_flag::COMPRESSED != 0 {
                return Err(Unsupported::Compressed.into());
            }
            (Method::Btree(raw.btree()), btree_flag::KNOWN)
        };
        if raw.flags & !known_flags != 0 {
            return Err(problem(Fault::DatabaseFlags).value(raw.flags).into());
        }
        // Hash version 7 and btree version 8 came before the field was kept up to date.
        let kept = raw.version > if raw.is_hash() { 7 } else { 8 };
        Ok(Meta { layout, last_page: kept.then_some(raw.last_page), method })
    }
}

/// Where the meta page of a new hash database lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MetaPlace {
    /// On page 0 of a file, of which it is the only database.
    File { last_page: u32 },
    /// On this page of a file of several databases.
    OneOfSeveral { number: u32 },
}

/// Writes what meta pages of all access methods have, but for what is 0 in a new file, on a page of
/// zeros.
fn put_common(page: &mut [u8], layout: PageLayout, (magic, kind): (u32, u8), version: u32) {
    let order = layout.order;
    order.put_u32(page, at::LSN, NOT_LOGGED[0]);
    order.put_u32(page, at::LSN + 4, NOT_LOGGED[1]);
    order.put_u32(page, at::MAGIC, magic);
    order.put_u32(page, at::VERSION, version);
    order.put_u32(page, at::PAGE_SIZE, layout.page_size as u32);
    page[at::TYPE] = kind;
    page[at::META_FLAGS] = if layout.checksums { CHECKSUMS } else { 0 };
}

impl BtreeMeta {
    /// What the meta page of a new file of several databases says: a list of their names.
    pub(crate) fn list(uid: [u8; 20]) -> Self {
        BtreeMeta {
            version: 9,
            free: 0,
            duplicates: false,
            sorted_duplicates: false,
            record_numbers: false,
            several_databases: true,
            uid,
            minimum_keys: MINIMUM_KEYS,
            root: MAIN_ROOT,
        }
    }

    /// Writes the meta page of a new database. `page` is one page of zeros.
    pub(crate) fn put(&self, page: &mut [u8], layout: PageLayout, place: MetaPlace) {
        /// What fills records of a fixed length: a space.
        const RECORD_PAD: u32 = 0x20;
        let order = layout.order;
        put_common(page, layout, (magic::BTREE, page_type::BTREE_META), self.version);
        let (number, last_page) = place.number_and_last_page();
        order.put_u32(page, at::NUMBER, number);
        let flags = [
            (self.duplicates, btree_flag::DUPLICATES),
            (self.sorted_duplicates, btree_flag::SORTED_DUPLICATES),
            (self.record_numbers, btree_flag::RECORD_NUMBERS),
            (self.several_databases, btree_flag::SEVERAL_DATABASES),
        ];
        let flags = flags.map(|(set, flag)| if set { flag } else { 0 });
        order.put_u32(page, at::FLAGS, flags.iter().sum());
        page[at::UID..at::UID + 20].copy_from_slice(&self.uid);
        order.put_u32(page, at::BTREE_MINIMUM, self.minimum_keys);
        order.put_u32(page, at::BTREE_RECORD_PAD, RECORD_PAD);
        order.put_u32(page, at::BTREE_ROOT, self.root);
        self.put_changed(page, order, last_page);
        layout.seal(page);
    }

    /// Writes the fields that change with the contents of a database over those of its page 0. The
    /// checksum is then wrong.
    pub(crate) fn put_changed(&self, page: &mut [u8], order: ByteOrder, last_page: u32) {
        order.put_u32(page, at::FREE, self.free);
        order.put_u32(page, at::LAST_PAGE, last_page);
    }
}

impl MetaPlace {
    /// The number of the meta page, and what it says of the last page: only page 0 does.
    fn number_and_last_page(self) -> (u32, u32) {
        match self {
            MetaPlace::File { last_page } => (0, last_page),
            MetaPlace::OneOfSeveral { number } => (number, 0),
        }
    }
}

impl HashMeta {
    /// Reads the fields, unchecked.
    pub(crate) fn parse(page: &[u8; META_LEN], order: ByteOrder) -> Self {
        // Every offset below lies inside the 512 bytes.
        let field = |at| order.u32(page, at).unwrap_or_default();
        let flags = field(at::FLAGS);
        let mut uid = [0; 20];
        uid.copy_from_slice(&page[at::UID..at::UID + 20]);
        HashMeta {
            version: field(at::VERSION),
            free: field(at::FREE),
            duplicates: flags & 0x01 != 0,
            sorted_duplicates: flags & 0x04 != 0,
            uid,
            max_bucket: field(at::MAX_BUCKET),
            high_mask: field(at::HIGH_MASK),
            low_mask: field(at::LOW_MASK),
            fill_factor: field(at::FILL_FACTOR),
            elements: field(at::ELEMENTS),
            charkey: field(at::CHARKEY),
            spares: std::array::from_fn(|i| field(at::SPARES + 4 * i)),
        }
    }

    /// Writes the meta page of a new database. `page` is one page of zeros.
    pub(crate) fn put(&self, page: &mut [u8], layout: PageLayout, place: MetaPlace) {
        let order = layout.order;
        put_common(page, layout, (magic::HASH, page_type::HASH_META), self.version);
        let (number, last_page) = place.number_and_last_page();
        let one_of_several = if number == 0 { 0 } else { ONE_OF_SEVERAL };
        order.put_u32(page, at::NUMBER, number);
        let flags = u32::from(self.duplicates) | u32::from(self.sorted_duplicates) << 2;
        order.put_u32(page, at::FLAGS, flags | one_of_several);
        page[at::UID..at::UID + 20].copy_from_slice(&self.uid);
        order.put_u32(page, at::FILL_FACTOR, self.fill_factor);
        order.put_u32(page, at::CHARKEY, self.charkey);
        self.put_changed(page, order, last_page);
        layout.seal(page);
    }

    /// Writes the fields that change with the contents of a database over those of its page 0. The
    /// checksum is then wrong.
    pub(crate) fn put_changed(&self, page: &mut [u8], order: ByteOrder, last_page: u32) {
        order.put_u32(page, at::FREE, self.free);
        order.put_u32(page, at::LAST_PAGE, last_page);
        order.put_u32(page, at::MAX_BUCKET, self.max_bucket);
        order.put_u32(page, at::HIGH_MASK, self.high_mask);
        order.put_u32(page, at::LOW_MASK, self.low_mask);
        order.put_u32(page, at::ELEMENTS, self.elements);
        for (i, spare) in self.spares.iter().enumerate() {
            order.put_u32(page, at::SPARES + 4 * i, *spare);
        }
    }
}
