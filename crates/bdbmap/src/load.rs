//! `bdbmap load`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, bail};
use bdb_file::{
    BuildOptions, Contents, DumpReader, FileId, HashBuilder, Keep, NewDatabases, Plan,
    print_escaped,
};
use postfix_maps::{create_database, replace_database};

use crate::Answer;
use crate::args::LoadArgs;
use crate::output::tell;
use crate::progress::Progress;

/// Makes a file from text.
pub fn run(args: &LoadArgs) -> anyhow::Result<Answer> {
    let progress = Progress::new();
    let databases = match &args.text {
        Some(text) => {
            let file = File::open(text).with_context(|| text.display().to_string())?;
            progress.expect(file.metadata()?.len());
            let read = read(args, BufReader::new(progress.watch(&file)));
            read.with_context(|| text.display().to_string())?
        }
        None => read(args, io::stdin().lock()).context("standard input")?,
    };
    let keep = if args.no_overwrite { Keep::First } else { Keep::Last };
    match databases {
        Databases::One(builder) => {
            let plan = builder.plan(keep)?;
            write(args, &plan)?;
            Ok(report(args, [&plan]))
        }
        Databases::Several(databases) => {
            let new = NewDatabases::plan(databases, keep)?;
            write(args, &new)?;
            Ok(report(args, new.plans().map(|(_, plan)| plan)))
        }
    }
}

fn write(args: &LoadArgs, contents: &dyn Contents) -> anyhow::Result<()> {
    const MODE: u32 = 0o644;
    let write = if args.force { replace_database } else { create_database };
    // Its words say all that its source does.
    write(args.map.path(), MODE, contents).map_err(anyhow::Error::msg)
}

/// Tells of what has not been loaded.
fn report<'p>(args: &LoadArgs, plans: impl IntoIterator<Item = &'p Plan<'static>>) -> Answer {
    let mut answer = Answer::Yes;
    // Otherwise the last one counts, and that is no news.
    let to_tell = |plan: &&Plan<'_>| args.no_overwrite || plan.data_order().is_some();
    for (_, key) in plans.into_iter().filter(to_tell).flat_map(Plan::dropped) {
        tell(format_args!("there already, not loaded: {}", print_escaped(key)));
        answer = Answer::No;
    }
    answer
}

/// What a text holds.
enum Databases {
    /// One without a name, or the one that is asked for.
    One(Box<HashBuilder<'static>>),
    Several(Vec<(Vec<u8>, HashBuilder<'static>)>),
}

/// Collects the pairs of all databases, or of the one that is asked for.
fn read(args: &LoadArgs, text: impl BufRead) -> anyhow::Result<Databases> {
    if args.plain {
        let mut builder = HashBuilder::new(options(BuildOptions::default()));
        DumpReader::plain(text).push_all(&mut builder)?;
        return Ok(Databases::One(builder.into()));
    }
    let wanted = args.database.as_ref().map(|name| name.as_bytes());
    let mut reader = DumpReader::new(text);
    let mut nameless = None;
    let mut named = Vec::new();
    while let Some(header) = reader.next_database()? {
        let mut builder = HashBuilder::new(options(header.build_options()));
        match header.database {
            name if wanted.is_some() && name.as_deref() != wanted => continue,
            Some(name) => {
                reader.push_all(&mut builder)?;
                named.push((name, builder));
            }
            None => {
                reader.push_all(&mut builder)?;
                if nameless.replace(builder).is_some() {
                    bail!("text has several databases without a name");
                }
            }
        }
    }
    match (nameless, named.len()) {
        (Some(_), 1..) => bail!("text has databases with a name and one without"),
        (Some(builder), 0) => Ok(Databases::One(builder.into())),
        (None, 0) if wanted.is_some() => bail!("text has no such database"),
        (None, 0) => bail!("text has no database"),
        (None, _) if wanted.is_none() => Ok(Databases::Several(named)),
        (None, 2..) => bail!("text has several databases of this name"),
        (None, 1) => Ok(Databases::One(named.remove(0).1.into())),
    }
}

/// With SOURCE_DATE_EPOCH in the environment, as build systems set it, the same text makes the same
/// file.
fn options(options: BuildOptions) -> BuildOptions {
    let reproducible = std::env::var_os("SOURCE_DATE_EPOCH").is_some();
    let file_id = if reproducible { FileId::Contents } else { options.file_id };
    options.file_id(file_id)
}
