//! What programs ask of whole Berkeley DB files.

use std::borrow::Cow;
use std::io::BufRead;

use bdb_file::{
    BuildOptions, ByteOrder, DumpReader, ErrorKind as Kind, FileId, HashBuilder, HashDb, HashPlan,
    Keep, NewDatabases, PageUse, Severity, dump_all,
};
use kv_file_core::{Datum, Source};

use crate::formats::tools::{
    Database, DatabasePairs, Figure, FigureValue, LoadOptions, Loaded, Problem, Report, ToolError,
    ToolResult, Tools, Verdict, refused,
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
    load,
};

/// An error in words for programs.
fn plain(error: bdb_file::Error) -> ToolError {
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

/// As `db_load`, but stricter where a mistake would lose data.
fn load(text: &mut dyn BufRead, options: &LoadOptions<'_>) -> ToolResult<Loaded> {
    let keep = if options.keep_first { Keep::First } else { Keep::Last };
    match read(text, options)? {
        Databases::One(builder) => {
            let plan = builder.plan(keep).map_err(plain)?;
            let left_out = left_out(&plan, options);
            Ok(Loaded { contents: Box::new(plan), left_out })
        }
        Databases::Several(databases) => {
            let new = NewDatabases::plan(databases, keep).map_err(plain)?;
            let left_out = new.plans().flat_map(|(_, plan)| left_out(plan, options)).collect();
            Ok(Loaded { contents: Box::new(new), left_out })
        }
    }
}

/// Keys whose values have been left out, where that is news: otherwise the last one counts.
fn left_out(plan: &HashPlan<'_>, options: &LoadOptions<'_>) -> Vec<Vec<u8>> {
    if !options.keep_first && plan.data_order().is_none() {
        return Vec::new();
    }
    plan.dropped().map(|(_, key)| key.to_vec()).collect()
}

/// What a text holds.
enum Databases {
    /// One without a name, or the one that is asked for.
    One(Box<HashBuilder<'static>>),
    Several(Vec<(Vec<u8>, HashBuilder<'static>)>),
}

/// Collects the pairs of all databases, or of the one that is asked for.
fn read(text: &mut dyn BufRead, options: &LoadOptions<'_>) -> ToolResult<Databases> {
    let build = |build: BuildOptions| {
        HashBuilder::new(if options.reproducible { build.file_id(FileId::Contents) } else { build })
    };
    if options.plain {
        let mut builder = build(BuildOptions::default());
        DumpReader::plain(text).push_all(&mut builder).map_err(plain)?;
        return Ok(Databases::One(builder.into()));
    }
    let wanted = options.database;
    let mut reader = DumpReader::new(text);
    let mut nameless = None;
    let mut named = Vec::new();
    while let Some(header) = reader.next_database().map_err(plain)? {
        let mut builder = build(header.build_options());
        match header.database {
            name if wanted.is_some() && name.as_deref() != wanted => continue,
            Some(name) => {
                reader.push_all(&mut builder).map_err(plain)?;
                named.push((name, builder));
            }
            None => {
                reader.push_all(&mut builder).map_err(plain)?;
                if nameless.replace(builder).is_some() {
                    return Err(refused("text has several databases without a name"));
                }
            }
        }
    }
    match (nameless, named.len()) {
        (Some(_), 1..) => Err(refused("text has databases with a name and one without")),
        (Some(builder), 0) => Ok(Databases::One(builder.into())),
        (None, 0) if wanted.is_some() => Err(refused("text has no such database")),
        (None, 0) => Err(refused("text has no database")),
        (None, _) if wanted.is_none() => Ok(Databases::Several(named)),
        (None, 2..) => Err(refused("text has several databases of this name")),
        (None, 1) => Ok(Databases::One(named.remove(0).1.into())),
    }
}
