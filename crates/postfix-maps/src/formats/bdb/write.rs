//! Making Berkeley DB files, and changing them.

use std::io::BufRead;
use std::path::Path;

use bdb_file::{
    AccessMethod, BuildOptions, Contents, DatabaseBuilder, DatabasePlan, DumpReader, FileId, Keep,
    NewDatabases,
};

use super::tools::plain;
use crate::error::ErrorKind;
use crate::formats::tools::{ToolResult, refused};
use crate::lookup::{Cause, Operation, Trouble};
use crate::options::Duplicates;
use crate::write::{LoadOptions, Loaded, WriteOptions};

/// Defines `FORMAT`, how tables are made and changed whose databases are of one access method, by
/// its builder and its update, which have the same functions.
macro_rules! write_format {
    ($method:ident, $builder:ident, $update:ident) => {
        use std::borrow::Cow;

        use bdb_file::{AccessMethod, BuildOptions, $builder, $update};
        use kv_file_core::{Changes, Datum, Entries, FileSource};

        use crate::formats::bdb::write::{build_options, called, keep, load, trouble};
        use crate::lookup::{Cause, Operation, Trouble};
        use crate::options::Duplicates;
        use crate::write::commit::{ChangeWay, Way};
        use crate::write::{Planned, Update, UpdateFormat, WriteFormat, WriteOptions};

        pub(super) static FORMAT: WriteFormat = WriteFormat {
            terminated: true,
            way: Way::Exchange,
            plan: |entries, options| plan(entries, build_options(options), options),
            update: Some(UpdateFormat {
                way: ChangeWay::Exchange,
                open: |file| Ok(Box::new($update::open(file)?)),
                // What will be added is not known: libdb's usual page size suits most.
                plan_empty: |options| {
                    plan(Entries::over(&[]), build_options(options).page_size(4096), options)
                },
            }),
            called,
            load: |text, options, is_table| {
                load(text, options, is_table.then_some(AccessMethod::$method))
            },
        };

        fn plan<'t>(
            entries: Entries<'t>,
            build: BuildOptions,
            options: &WriteOptions,
        ) -> Planned<'t> {
            Ok(Box::new($builder::of(entries, build).plan(keep(options.duplicates))?))
        }

        impl Update for $update<FileSource> {
            fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Trouble> {
                $update::get(self, key).map_err(trouble)
            }

            fn put(
                &mut self,
                key: Datum<'_>,
                value: Datum<'_>,
                duplicates: Duplicates,
            ) -> Result<bool, Trouble> {
                $update::put(self, key, value, keep(duplicates)).map_err(trouble)
            }

            fn delete(&mut self, key: Datum<'_>) -> Result<bool, Trouble> {
                $update::delete(self, key).map_err(trouble)
            }

            fn finish(self: Box<Self>) -> Result<Changes, Trouble> {
                $update::finish(*self).map_err(|error| Cause::from(error).at(Operation::Write))
            }
        }
    };
}
pub(crate) use write_format;

/// What Postfix's warnings call a table: its file.
pub(crate) fn called(file: &Path) -> Vec<u8> {
    file.as_os_str().as_encoded_bytes().to_vec()
}

pub(crate) fn build_options(options: &WriteOptions) -> BuildOptions {
    let file_id = if options.reproducible { FileId::Contents } else { FileId::Unique };
    BuildOptions::default().file_id(file_id)
}

pub(crate) fn keep(duplicates: Duplicates) -> Keep {
    match duplicates {
        Duplicates::Warn | Duplicates::Ignore | Duplicates::Refuse => Keep::First,
        Duplicates::Replace => Keep::Last,
    }
}

/// What a change fails with.
pub(crate) fn trouble(error: bdb_file::Error) -> Trouble {
    let cause = Cause::from(error);
    let is_limit = cause.kind == ErrorKind::TooLarge;
    cause.at(if is_limit { Operation::Write } else { Operation::Read })
}

/// As `db_load`, but stricter where a mistake would lose data. The databases are of the `method`, or of
/// what the text says.
pub(crate) fn load(
    text: &mut dyn BufRead,
    options: &LoadOptions<'_>,
    method: Option<AccessMethod>,
) -> ToolResult<Loaded> {
    let keep = if options.keep_first { Keep::First } else { Keep::Last };
    match read(text, options, method)? {
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
fn left_out(plan: &DatabasePlan<'_>, options: &LoadOptions<'_>) -> Vec<Vec<u8>> {
    if !options.keep_first && plan.data_order().is_none() {
        return Vec::new();
    }
    let mut keys = Vec::new();
    plan.dropped(&mut |_, key| keys.push(key.to_vec()));
    keys
}

/// What a text holds.
enum Databases {
    /// One without a name, or the one that is asked for.
    One(Box<DatabaseBuilder<'static>>),
    Several(Vec<(Vec<u8>, DatabaseBuilder<'static>)>),
}

/// Collects the pairs of all databases, or of the one that is asked for.
fn read(
    text: &mut dyn BufRead,
    options: &LoadOptions<'_>,
    method: Option<AccessMethod>,
) -> ToolResult<Databases> {
    let builder = |build: BuildOptions, stated: AccessMethod| {
        let build = if options.reproducible { build.file_id(FileId::Contents) } else { build };
        DatabaseBuilder::new(method.unwrap_or(stated), build)
    };
    if options.plain {
        let mut builder = builder(BuildOptions::default(), AccessMethod::default());
        DumpReader::plain(text).push_all(&mut builder).map_err(plain)?;
        return Ok(Databases::One(builder.into()));
    }
    let wanted = options.database;
    let mut reader = DumpReader::new(text);
    let mut nameless = None;
    let mut named = Vec::new();
    while let Some(header) = reader.next_database().map_err(plain)? {
        if wanted.is_some() && header.database.as_deref() != wanted {
            continue;
        }
        let mut builder = builder(header.build_options(), header.access_method);
        match header.database {
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
