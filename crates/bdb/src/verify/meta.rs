//! Meta pages, and the databases that they start.

use kv_file_core::Source;

use super::{Check, refuse_unsupported};
use crate::error::Result;
use crate::fault::{Fault, Problem};
use crate::format::meta::{HASH_FLAGS, RawMeta};
use crate::format::{Method, page_type};
use crate::stop::Stop;

impl<S: Source> Check<'_, '_, S> {
    /// Takes a meta page that the list of databases leads to; returns `true` if it is one.
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
            && RawMeta::read(&self.file.read(number)?).is_ok_and(|raw| raw.order == order)
        {
            return Ok(true);
        }
        self.lost = true;
        self.report.add(Problem::on(number, Fault::DatabaseEntry))?;
        Ok(false)
    }

    /// Checks the meta page `number`, whose magic number is known.
    pub(super) fn meta(&mut self, number: u32) -> Result<Method, Stop> {
        let page = self.file.read(number)?;
        refuse_unsupported(&page, number)?;
        let raw = RawMeta::read(&page)?;
        let on = |fault| Problem::on(number, fault);

        let page_type = if raw.is_hash() { page_type::HASH_META } else { page_type::BTREE_META };
        if raw.page_type != page_type {
            self.report.add(on(Fault::MetaType).value(raw.page_type))?;
        }
        if raw.page_size as usize != self.file.layout.page_size {
            self.report.add(on(Fault::PageSize).value(raw.page_size))?;
        }
        if raw.meta_flags != u8::from(self.file.layout.checksums) {
            self.report.add(on(Fault::MetaFlags).value(raw.meta_flags))?;
        }
        if raw.free > if number == 0 { self.file.last_page } else { 0 } {
            self.report.add(on(Fault::FreeListHead).value(raw.free))?;
        }
        if number == 0 && raw.last_page != self.file.last_page {
            // Version 7 need not keep it up, but libdb 5.3 relies on it there, too, and overwrites
            // the pages behind.
            self.report.add(on(Fault::LastPage).value(raw.last_page))?;
        }
        for unused in [raw.partitions, raw.crypto_magic] {
            if unused != 0 {
                self.report.add(on(Fault::UnusedField).value(unused))?;
            }
        }
        if raw.is_hash() {
            let meta = raw.hash();
            let sorted_without = meta.sorted_duplicates && !meta.duplicates;
            if raw.flags & !HASH_FLAGS != 0 || sorted_without {
                self.report.add(on(Fault::DatabaseFlags).value(raw.flags))?;
            }
            self.hash_meta(number, &meta)?;
            return Ok(Method::Hash(meta));
        }
        let meta = raw.btree();
        self.btree_meta(number, &raw, &meta)?;
        Ok(Method::Btree(meta))
    }

    /// Checks the pages of a database. A list of databases is gathered in `databases`.
    pub(super) fn database(
        &mut self,
        number: u32,
        database: Method,
        databases: Option<&mut Vec<u32>>,
    ) -> Result<(), Stop> {
        match database {
            Method::Hash(meta) => self.hash_database(number, &meta),
            Method::Btree(meta) => {
                self.btree(number, &meta, databases.filter(|_| meta.several_databases))
            }
        }
    }
}
