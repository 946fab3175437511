//! `bdbmap stat`.

use std::io::Write;

use anyhow::Context;
use bdb_file::{ByteOrder, HashDb, PageUse, Source, Stat};
use serde_json::json;

use crate::Answer;
use crate::args::StatArgs;
use crate::output::{stdout, write_json};
use crate::progress::Progress;

/// Prints the figures of a database.
pub fn run(args: &StatArgs) -> anyhow::Result<Answer> {
    let progress = Progress::new();
    let file = args.database.map.open(&progress)?;
    let database = file.database(args.database.database.as_deref())?;
    let stat = database.stat().with_context(|| file.name())?;
    let mut out = stdout();
    if args.json {
        write_json(&mut out, &object(&database, &stat))?;
    } else {
        write_table(&mut out, &database, &stat)?;
    }
    out.flush()?;
    Ok(Answer::Yes)
}

fn byte_order(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::Little => "little-endian",
        ByteOrder::Big => "big-endian",
    }
}

fn object<S: Source>(database: &HashDb<S>, stat: &Stat) -> serde_json::Value {
    let meta = database.meta();
    let pages = |part: PageUse| json!({ "pages": part.pages, "free_bytes": part.free_bytes });
    json!({
        "version": meta.version,
        "byte_order": byte_order(database.byte_order()),
        "checksums": database.has_checksums(),
        "duplicates": meta.duplicates,
        "sorted_duplicates": meta.sorted_duplicates,
        "page_size": database.page_size(),
        "file_pages": stat.file_pages,
        "fill_factor": meta.fill_factor,
        "keys": stat.keys,
        "data_items": stat.data_items,
        "buckets": pages(stat.buckets),
        "bucket_overflow": pages(stat.bucket_overflow),
        "big_items": pages(stat.big_items),
        "duplicate_trees": pages(stat.duplicates),
        "free_pages": stat.free_pages,
    })
}

fn write_table<S: Source>(
    out: &mut impl Write,
    database: &HashDb<S>,
    stat: &Stat,
) -> std::io::Result<()> {
    let meta = database.meta();
    let duplicates = match (meta.duplicates, meta.sorted_duplicates) {
        (false, _) => "no",
        (true, false) => "in order of arrival",
        (true, true) => "sorted",
    };
    let yes_no = |flag| if flag { "yes" } else { "no" };
    let pages = |part: PageUse| match part.pages {
        0 => "0".into(),
        count => {
            let percent = part.fill_percent(database.page_size());
            format!("{count}, {percent} % full, {} bytes free", part.free_bytes)
        }
    };
    for (label, value) in [
        ("format version", meta.version.to_string()),
        ("byte order", byte_order(database.byte_order()).into()),
        ("checksums", yes_no(database.has_checksums()).into()),
        ("duplicates", duplicates.into()),
        ("page size", database.page_size().to_string()),
        ("pages of the file", stat.file_pages.to_string()),
        ("fill factor", meta.fill_factor.to_string()),
        ("keys", stat.keys.to_string()),
        ("data items", stat.data_items.to_string()),
        ("buckets", pages(stat.buckets)),
        ("bucket overflow pages", pages(stat.bucket_overflow)),
        ("big-item pages", pages(stat.big_items)),
        ("duplicate tree pages", pages(stat.duplicates)),
        ("free pages", stat.free_pages.to_string()),
    ] {
        writeln!(out, "{label:<23}{value}")?;
    }
    Ok(())
}
