//! What programs ask of btree databases.

use std::borrow::Cow;

use bdb_file::BtreeDb;
use kv_file_core::{Datum, Source};

use crate::formats::bdb::{byte_order, pages, plain};
use crate::formats::tools::{Database, DatabasePairs, Figure, ToolResult};

impl Database for BtreeDb<&dyn Source> {
    fn get_all(&self, key: Datum<'_>) -> ToolResult<Vec<Vec<u8>>> {
        let values = BtreeDb::get_all(self, key).map_err(plain)?;
        values.map(|value| value.map(Cow::into_owned).map_err(plain)).collect()
    }

    fn iter(&self) -> DatabasePairs<'_> {
        Box::new(BtreeDb::iter(self).map(|pair| pair.map_err(plain)))
    }

    fn stat(&self) -> ToolResult<Vec<Figure>> {
        let stat = BtreeDb::stat(self).map_err(plain)?;
        let meta = self.meta();
        let pages = |part| pages(part, self.page_size());
        Ok(vec![
            Figure::new("version", "format version", meta.version),
            Figure::new("byte_order", "byte order", byte_order(self.byte_order())),
            Figure::new("checksums", "checksums", self.has_checksums()),
            Figure::new("duplicates", "several data of a key", meta.duplicates),
            Figure::new("sorted_duplicates", "sorted data of a key", meta.sorted_duplicates),
            Figure::new("record_numbers", "record numbers", meta.record_numbers),
            Figure::new("page_size", "page size", self.page_size()),
            Figure::new("file_pages", "pages of the file", stat.file_pages),
            Figure::new("minimum_keys", "minimum keys of a page", meta.minimum_keys),
            Figure::new("keys", "keys", stat.keys),
            Figure::new("data_items", "data items", stat.data_items),
            Figure::new("levels", "levels", u64::from(stat.levels)),
            Figure::new("internal_pages", "internal pages", pages(stat.internal)),
            Figure::new("leaves", "leaves", pages(stat.leaves)),
            Figure::new("duplicate_leaves", "leaves of duplicate trees", pages(stat.duplicates)),
            Figure::new("big_items", "big-item pages", pages(stat.big_items)),
            Figure::new("empty_leaves", "empty leaves", stat.empty_leaves),
            Figure::new("free_pages", "free pages", stat.free_pages),
        ])
    }
}
