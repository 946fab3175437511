//! `bdbmap load`.

use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use bdb_file::{BuildOptions, Builder, DumpReader, FileId, Keep, Plan, print_escaped};

use crate::Answer;
use crate::args::LoadArgs;
use crate::progress::Progress;

/// Makes a file from text.
pub fn run(args: &LoadArgs) -> anyhow::Result<Answer> {
    let path = args.map.path();
    let progress = Progress::new();
    let builder = match &args.text {
        Some(text) => {
            let file = File::open(text).with_context(|| text.display().to_string())?;
            progress.expect(file.metadata()?.len());
            let read = read(args, BufReader::new(progress.watch(&file)));
            read.with_context(|| text.display().to_string())?
        }
        None => read(args, io::stdin().lock()).context("standard input")?,
    };
    let keep = if args.no_overwrite { Keep::First } else { Keep::Last };
    let may_overwrite = !args.no_overwrite && builder.options().duplicates.is_none();
    let plan = builder.plan(keep)?;
    write(&plan, path, args.force).with_context(|| path.display().to_string())?;
    let mut answer = Answer::Yes;
    if !may_overwrite {
        for (_, key) in plan.duplicates() {
            eprintln!("bdbmap: there already, not loaded: {}", print_escaped(key));
            answer = Answer::No;
        }
    }
    Ok(answer)
}

/// Collects the pairs of the database that is asked for.
fn read(args: &LoadArgs, text: impl BufRead) -> anyhow::Result<Builder<'static>> {
    if args.plain {
        let mut builder = Builder::new(options(BuildOptions::default()));
        DumpReader::plain(text).push_all(&mut builder)?;
        return Ok(builder);
    }
    let wanted = args.database.as_ref().map(|name| name.as_bytes());
    let mut reader = DumpReader::new(text);
    let mut found = None;
    while let Some(header) = reader.next_database()? {
        if wanted.is_some() && header.database.as_deref() != wanted {
            continue;
        }
        if found.is_some() {
            bail!("text has several databases; choose one with --database");
        }
        let mut builder = Builder::new(options(header.build_options()));
        reader.push_all(&mut builder)?;
        found = Some(builder);
    }
    found.context(match wanted {
        Some(_) => "text has no such database",
        None => "text has no database",
    })
}

/// With SOURCE_DATE_EPOCH in the environment, as build systems set it, the same text makes the same file.
fn options(options: BuildOptions) -> BuildOptions {
    let reproducible = std::env::var_os("SOURCE_DATE_EPOCH").is_some();
    let file_id = if reproducible { FileId::Contents } else { options.file_id };
    BuildOptions { file_id, ..options }
}

/// Writes a file: whole, or not at all. One that is there is an error, or else is replaced once no other program has it locked,
/// and its permissions are kept.
fn write(plan: &Plan<'_>, path: &Path, replace: bool) -> anyhow::Result<()> {
    let old = if replace { old(path)? } else { None };
    let (path, mode) = match &old {
        // Not the link to it.
        Some(old) => (path.canonicalize()?, old.metadata()?.permissions()),
        None => (path.to_owned(), Permissions::from_mode(0o644)),
    };
    let directory = match path.parent() {
        Some(directory) if directory != "" => directory,
        _ => Path::new("."),
    };
    let mut new = tempfile::Builder::new().prefix(".bdbmap-").tempfile_in(directory)?;
    plan.write_to(new.as_file_mut())?;
    new.as_file().set_permissions(mode)?;
    new.as_file().sync_all()?;
    match old {
        Some(_) => new.persist(path),
        None => new.persist_noclobber(path),
    }
    .map_err(|error| error.error)?;
    Ok(())
}

/// The file that is there, if there is one, locked.
fn old(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(old) => {
            old.lock()?;
            Ok(Some(old))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
