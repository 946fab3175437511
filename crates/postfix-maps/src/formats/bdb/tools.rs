//! What programs ask of whole Berkeley DB files.

use std::borrow::Cow;

use bdb_file::{ByteOrder, ErrorKind as Kind, HashDb, PageUse, Severity, dump_all};
use kv_file_core::{Datum, Source};

use crate::formats::tools::{
    Database, DatabasePairs, Figure, FigureValue, Problem, Report, ToolError, ToolResult, Tools,
    Verdict,
};

pub(crate) static TOOLS: Tools = Tools {
    is_database: bdb_file::is_database,
    database_names: |file| bdb_file::database_names(file).map_err(plain),
    open: |file, name| Ok(Box::new(open(file, name)?)),
    verify,
    dump: |file, name, format, out| match name {
        Some(_) => open(file, name)?.dump(format, out).map_err(plain),
        None => dump_all(file, format, out).map_err(plain),
    },
};

/// An error in words for programs.
pub(super) fn plain(error: bdb_file::Error) -> ToolError {
    match error.into_kind() {
        Kind::Io(error) => error.into(),
        error => bdb_file::Error::from(error).into(),
    }
}

fn open<'s>(file: &'s dyn Source, name: Option<&[u8]>) -> ToolResult<HashDb<&'s dyn Source>> {
    match name {
        Some(name) => HashDb::open_named(file, name),
        None => HashDb::open(file),
    }
    .map_err(plain)
}

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
        let byte_order = match self.byte_order() {
            ByteOrder::Little => "little-endian",
            ByteOrder::Big => "big-endian",
        };
        let pages = |part: PageUse| {
            let PageUse { pages, free_bytes, .. } = part;
            let words = match pages {
                0 => "0".into(),
                _ => {
                    let percent = part.fill_percent(self.page_size());
                    format!("{pages}, {percent} % full, {free_bytes} bytes free")
                }
            };
            FigureValue::Several(vec![("pages", pages), ("free_bytes", free_bytes)], words)
        };
        Ok(vec![
            Figure::new("version", "format version", meta.version),
            Figure::new("byte_order", "byte order", byte_order),
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

fn verify(file: &dyn Source, report: Report<'_>) -> ToolResult<Verdict> {
    let verdict = bdb_file::verify(file, |problem| {
        report(Problem {
            is_damage: problem.severity() == Severity::Damage,
            code: problem.fault.code(),
            place: vec![
                ("page", Some(problem.page.into())),
                ("item", problem.item.map(u64::from)),
                ("value", problem.value),
            ],
            message: problem.to_string(),
        })
    });
    let verdict = verdict.map_err(plain)?;
    Ok(Verdict {
        is_sound: verdict.is_sound(),
        damage: verdict.damage,
        notes: verdict.notes,
        counts: vec![("keys", verdict.keys), ("pages", verdict.pages)],
    })
}
