//! What programs ask of hash databases.

use std::borrow::Cow;

use bdb_file::HashDb;
use kv_file_core::{Datum, Source};

use crate::formats::bdb::{byte_order, pages, plain};
use crate::formats::tools::{Database, DatabasePairs, Figure, ToolResult};

impl Database for HashDb<&dyn Source> {
    fn get_all(&self, key: Datum<'_>) -> ToolResult<Vec<Vec<u8>>> {
        let values = HashDb::get_all(self, key).map_err(plain)?;
        values.map(|value| value.map(Cow::into_owned).map_err(plain)).collect()
    }

    fn iter(&self) -> DatabasePairs<'_> {
        Box::new(HashDb::iter(self).map(|pair| pair.map_err(plain)))
    }

    fn stat(&self) -> ToolResult<Vec<Figure>> {
        let stat = HashDb::stat(self).map_err(plain)?;
        let meta = self.meta();
        let pages = |part| pages(part, self.page_size());
        Ok(vec![
            Figure::new("version", "format version", meta.version),
            Figure::new("byte_order", "byte order", byte_order(self.byte_order())),
            Figure::new("checksums", "checksums", self.has_checksums()),
            Figure::new("duplicates", "several data of a key", meta.duplicates),
            Figure::new("sorted_duplicates", "sorted data of a key", meta.sorted_duplicates),
            Figure::new("page_size", "page size", self.page_size()),
            Figure::new("file_pages", "pages of the file", stat.file_pages),
            Figure::new("fill_factor", "fill factor", meta.fill_factor),
            Figure::new("keys", "keys", stat.keys),
            Figure::new("data_items", "data items", stat.data_items),
            Figure::new("buckets", "buckets", pages(stat.buckets)),
            Figure::new("bucket_overflow", "bucket overflow pages", pages(stat.bucket_overflow)),
            Figure::new("big_items", "big-item pages", pages(stat.big_items)),
            Figure::new("duplicate_trees", "duplicate tree pages", pages(stat.duplicates)),
            Figure::new("free_pages", "free pages", stat.free_pages),
        ])
    }
}
