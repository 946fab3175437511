//! What programs ask of whole Berkeley DB files.

use std::io::Write;

use bdb_file::{
    AccessMethod, BtreeDb, ByteOrder, ErrorKind as Kind, HashDb, PageUse, Severity, access_method,
    dump_all,
};
use kv_file_core::{Source, TextFormat};

use crate::formats::tools::{
    Database, FigureValue, Problem, Report, ToolError, ToolResult, Tools, Verdict,
};

/// The tools of a type in Berkeley DB files: they take all such files, whatever the access method of
/// their databases. By `is_database` the type knows its own.
pub(in crate::formats) const fn tools(is_database: fn(&[u8]) -> bool) -> Tools {
    Tools {
        is_database,
        database_names: |file| bdb_file::database_names(file).map_err(plain),
        open: |file, name| open(file, name).map_err(plain),
        verify,
        dump: |file, name, format, out| {
            match name {
                Some(name) => dump(file, name, format, out),
                None => dump_all(file, format, out),
            }
            .map_err(plain)
        },
    }
}

/// An error in words for programs.
pub(in crate::formats) fn plain(error: bdb_file::Error) -> ToolError {
    match error.into_kind() {
        Kind::Io(error) => error.into(),
        error => bdb_file::Error::from(error).into(),
    }
}

/// Opens the database of this name, or the only one.
fn open<'s>(file: &'s dyn Source, name: Option<&[u8]>) -> bdb_file::Result<Box<dyn Database + 's>> {
    Ok(match (access_method(file, name)?, name) {
        (AccessMethod::Btree, None) => Box::new(BtreeDb::open(file)?),
        (AccessMethod::Btree, Some(name)) => Box::new(BtreeDb::open_named(file, name)?),
        (_, None) => Box::new(HashDb::open(file)?),
        (_, Some(name)) => Box::new(HashDb::open_named(file, name)?),
    })
}

fn dump(
    file: &dyn Source,
    name: &[u8],
    format: TextFormat,
    out: &mut dyn Write,
) -> bdb_file::Result<()> {
    match access_method(file, Some(name))? {
        AccessMethod::Btree => BtreeDb::open_named(file, name)?.dump(format, out),
        _ => HashDb::open_named(file, name)?.dump(format, out),
    }
}

/// Its words.
pub(in crate::formats) fn byte_order(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::Little => "little-endian",
        ByteOrder::Big => "big-endian",
    }
}

/// How pages of one kind are used.
pub(in crate::formats) fn pages(part: PageUse, page_size: u32) -> FigureValue {
    let PageUse { pages, free_bytes, .. } = part;
    let words = match pages {
        0 => "0".into(),
        _ => {
            let percent = part.fill_percent(page_size);
            format!("{pages}, {percent} % full, {free_bytes} bytes free")
        }
    };
    FigureValue::Several(vec![("pages", pages), ("free_bytes", free_bytes)], words)
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
