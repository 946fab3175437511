//! Meta pages, and the databases that they start.

use kv_file_core::Source;

use super::{Check, refuse_unsupported};
use crate::error::Error;
use crate::fault::{Fault, Problem};
use crate::format::meta::{HASH_FLAGS, at, identify};
use crate::format::{HashMeta, META_LEN, magic, page_type};
use crate::stop::Stop;

/// A database by what its meta page says, unchecked.
pub(super) enum Database {
    Hash(HashMeta),
    Btree(Btree),
}

/// What a btree's meta page says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Btree {
    pub root: u32,
    pub flags: u32,
    /// The list of the file's databases.
    pub is_list: bool,
}

/// Btree `flags` (btree specification, section 2).
pub(super) mod btree_flag {
    pub const DUPLICATES: u32 = 0x01;
    pub const RECORD_NUMBERS: u32 = 0x04;
    pub const FIXED_LENGTH: u32 = 0x08;
    pub const RENUMBERING: u32 = 0x10;
    pub const SEVERAL_DATABASES: u32 = 0x20;
    pub const SORTED_DUPLICATES: u32 = 0x40;
    pub const KNOWN: u32 = 0xff;
}

impl<S: Source> Check<'_, '_, S> {
    /// Takes a meta page that the list of databases leads to; says whether it is one.
    pub(super) fn claim_database(&mut self, number: u32) -> Result<bool, Stop> {
        let order = self.file.layout.order;
        let Some(entry) = self.entry(number) else { return Ok(false) };
        let is_meta = matches!(entry.kind, page_type::HASH_META | page_type::BTREE_META);
        if is_meta && !entry.claim() {
            self.report.add(Problem::on(number, Fault::Shared))?;
            return Ok(false);
        }
        if is_meta
            && !entry.is_broken()
            && identify(&self.file.read(number)?).is_ok_and(|found| found.0 == order)
        {
            return Ok(true);
        }
        self.lost = true;
        self.report.add(Problem::on(number, Fault::DatabaseEntry))?;
        Ok(false)
    }

    /// Checks the meta page `number`, whose magic number is known.
    pub(super) fn meta(&mut self, number: u32) -> Result<Database, Stop> {
        let page = self.file.read(number)?;
        refuse_unsupported(&page, number)?;
        let (order, magic) = identify(&page)?;
        let page = page.first_chunk::<META_LEN>().ok_or(Error::NotADatabase)?;
        // Every offset below lies inside the 512 bytes.
        let field = |at| order.u32(page, at).unwrap_or_default();
        let on = |fault| Problem::on(number, fault);
        let is_hash = magic == magic::HASH;

        let page_type = if is_hash { page_type::HASH_META } else { page_type::BTREE_META };
        if page[at::TYPE] != page_type {
            self.report.add(on(Fault::MetaType).value(page[at::TYPE]))?;
        }
        if field(at::PAGE_SIZE) as usize != self.file.layout.page_size {
            self.report.add(on(Fault::PageSize).value(field(at::PAGE_SIZE)))?;
        }
        if page[at::META_FLAGS] != u8::from(self.file.layout.checksums) {
            self.report.add(on(Fault::MetaFlags).value(page[at::META_FLAGS]))?;
        }
        let free = field(at::FREE);
        if free > if number == 0 { self.file.last_page } else { 0 } {
            self.report.add(on(Fault::FreeListHead).value(free))?;
        }
        if number == 0 && field(at::LAST_PAGE) != self.file.last_page {
            // Version 7 need not keep it up, but libdb 5.3 relies on it there, too, and overwrites the pages behind.
            self.report.add(on(Fault::LastPage).value(field(at::LAST_PAGE)))?;
        }
        for at in [at::PARTITIONS, at::CRYPTO_MAGIC] {
            if field(at) != 0 {
                self.report.add(on(Fault::UnusedField).value(field(at)))?;
            }
        }
        let flags = field(at::FLAGS);
        if is_hash {
            let meta = HashMeta::parse(page, order);
            let sorted_without = meta.sorted_duplicates && !meta.duplicates;
            if flags & !HASH_FLAGS != 0 || sorted_without {
                self.report.add(on(Fault::DatabaseFlags).value(flags))?;
            }
            return self.hash_meta(number, meta);
        }
        self.btree_flags(number, flags)?;
        let minimum = u64::from(field(at::BTREE_MINIMUM));
        // Of the page, each of twice as many items must get at least what it takes itself.
        let room = (self.file.layout.page_size - self.file.layout.header_len()) as u64;
        if minimum < 2 || room / (2 * minimum) < 10 {
            self.report.add(on(Fault::BtreeMinimum).value(minimum))?;
        }
        if field(at::BTREE_RECORD_LEN) != 0 && flags & btree_flag::FIXED_LENGTH == 0 {
            self.report.add(on(Fault::RecordLength).value(field(at::BTREE_RECORD_LEN)))?;
        }
        let root = field(at::BTREE_ROOT);
        let fits = if number == 0 { root == 1 } else { root != number };
        if !fits || !self.exists(root) {
            self.report.add(on(Fault::BtreeRoot).value(root))?;
        }
        let is_list = number == 0 && flags & btree_flag::SEVERAL_DATABASES != 0;
        Ok(Database::Btree(Btree { root, flags, is_list }))
    }

    fn btree_flags(&mut self, number: u32, flags: u32) -> Result<(), Stop> {
        use btree_flag::*;
        let has = |flag| flags & flag != 0;
        let list_with_duplicates =
            number == 0 && has(SEVERAL_DATABASES) && has(DUPLICATES | SORTED_DUPLICATES);
        if flags & !KNOWN != 0
            || has(DUPLICATES) && has(RECORD_NUMBERS)
            || has(SORTED_DUPLICATES) && !has(DUPLICATES)
            || has(FIXED_LENGTH | RENUMBERING)
            || list_with_duplicates
        {
            self.report.add(Problem::on(number, Fault::DatabaseFlags).value(flags))?;
        }
        Ok(())
    }

    /// Checks the pages of a database. A list of databases is gathered in `databases`.
    pub(super) fn database(
        &mut self,
        number: u32,
        database: Database,
        databases: Option<&mut Vec<u32>>,
    ) -> Result<(), Stop> {
        match database {
            Database::Hash(meta) => self.hash_database(number, &meta),
            Database::Btree(btree) => {
                self.btree_database(number, &btree, databases.filter(|_| btree.is_list))
            }
        }
    }
}
