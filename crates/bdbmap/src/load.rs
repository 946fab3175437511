//! `bdbmap load`.

use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use bdb_file::{
    BuildOptions, Builder, DumpReader, FileId, Keep, NewDatabases, Plan, print_escaped,
};

use crate::Answer;
use crate::args::LoadArgs;
use crate::progress::Progress;

/// Makes a file from text.
pub fn run(args: &LoadArgs) -> anyhow::Result<Answer> {
    let path = args.map.path();
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
    let new = match databases {
        Databases::One(builder) => New::One(builder.plan(keep)?),
        Databases::Several(databases) => New::Several(NewDatabases::plan(databases, keep)?),
    };
    write(&new, path, args.force).with_context(|| path.display().to_string())?;
    let mut answer = Answer::Yes;
    for plan in new.plans() {
        // Without either, the last one counts, and that is no news.
        if args.no_overwrite || plan.allows_duplicates() {
            for (_, key) in plan.duplicates() {
                eprintln!("bdbmap: there already, not loaded: {}", print_escaped(key));
                answer = Answer::No;
            }
        }
    }
    Ok(answer)
}

/// What a text holds.
enum Databases {
    /// One without a name, or the one that is asked for.
    One(Box<Builder<'static>>),
    Several(Vec<(Vec<u8>, Builder<'static>)>),
}

/// What is to be written.
enum New {
    One(Plan<'static>),
    Several(NewDatabases<'static>),
}

impl New {
    fn plans(&self) -> Vec<&Plan<'static>> {
        match self {
            New::One(plan) => vec![plan],
            New::Several(databases) => databases.plans().map(|(_, plan)| plan).collect(),
        }
    }

    fn write_to(&self, file: &mut File) -> io::Result<()> {
        match self {
            New::One(plan) => plan.write_to(file),
            New::Several(databases) => databases.write_to(file),
        }
    }
}

/// Collects the pairs of all databases, or of the one that is asked for.
fn read(args: &LoadArgs, text: impl BufRead) -> anyhow::Result<Databases> {
    if args.plain {
        let mut builder = Builder::new(options(BuildOptions::default()));
        DumpReader::plain(text).push_all(&mut builder)?;
        return Ok(Databases::One(builder.into()));
    }
    let wanted = args.database.as_ref().map(|name| name.as_bytes());
    let mut reader = DumpReader::new(text);
    let mut nameless = None;
    let mut named = Vec::new();
    while let Some(header) = reader.next_database()? {
        let mut builder = Builder::new(options(header.build_options()));
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
    match (nameless, named) {
        (Some(builder), named) if named.is_empty() => Ok(Databases::One(builder.into())),
        (Some(_), _) => bail!("text has databases with a name and one without"),
        (None, mut named) => match (wanted, named.pop()) {
            (Some(_), None) => bail!("text has no such database"),
            (None, None) => bail!("text has no database"),
            (Some(_), Some((_, builder))) if named.is_empty() => Ok(Databases::One(builder.into())),
            (Some(_), Some(_)) => bail!("text has several databases of this name"),
            (None, Some(last)) => {
                named.push(last);
                Ok(Databases::Several(named))
            }
        },
    }
}

/// With SOURCE_DATE_EPOCH in the environment, as build systems set it, the same text makes the same file.
fn options(options: BuildOptions) -> BuildOptions {
    let reproducible = std::env::var_os("SOURCE_DATE_EPOCH").is_some();
    let file_id = if reproducible { FileId::Contents } else { options.file_id };
    BuildOptions { file_id, ..options }
}

/// Writes a file: whole, or not at all. One that is there is an error, or else is replaced once no other program has it locked,
/// and its permissions are kept.
fn write(databases: &New, path: &Path, replace: bool) -> anyhow::Result<()> {
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
    databases.write_to(new.as_file_mut())?;
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
