//! `cdb:NAME`, a file of tinycdb's format (cdb specification, section 7).

#[cfg(feature = "write")]
mod write;

use std::collections::HashSet;
use std::path::Path;

use cdb_file::{Cdb, ErrorKind as Kind, Lengths, Severity};
use kv_file_core::{Datum, Source};

use super::tools::{
    Database, DatabasePairs, EachKey, Figure, FigureValue, Problem, Report, ToolError, ToolResult,
    Tools, Verdict, refused,
};
use super::{Bytes, FileFormat};
use crate::error::ErrorKind;
use crate::forms::Forms;
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, ValueOf};
use crate::sharing::Sharing;

const SUFFIX: &str = ".cdb";
const TEMPORARY: &str = ".tmp";

/// Length of the shortest file.
const SHORTEST: u64 = 2048;

/// Postfix's reason for all that is wrong with a file.
const DAMAGED: &str = "Protocol error";
/// Its reason for what is no file.
const NOT_MAPPED: &str = "No such device";

pub(crate) static FORMAT: FileFormat = FileFormat {
    name: "cdb",
    suffix: SUFFIX,
    sharing: Sharing::Finished,
    open: |bytes| match Cdb::open(bytes) {
        Ok(database) => Ok(Box::new(database)),
        // tinycdb looks at a file's length when it opens it, and at its numbers when it searches.
        Err(error) => {
            let cause = Cause::from(error);
            let is_damage = cause.kind == ErrorKind::Damaged;
            Err(cause.at(if is_damage { Operation::Read } else { Operation::Open }))
        }
    },
    words,
    tools: &Tools {
        is_database: cdb_file::is_database,
        database_names: |file| Ok(Cdb::open(file).map(|_| Vec::new())?),
        open: |file, name| Ok(Box::new(open(file, name)?)),
        verify,
        dump: |file, name, _, out| cdb_file::dump(&open(file, name)?, out).map_err(plain),
    },
    #[cfg(feature = "write")]
    write: &write::FORMAT,
};

fn words(operation: Operation, path: &Path, reason: &str) -> Vec<u8> {
    let file = path.as_os_str().as_encoded_bytes();
    let temporary = &[file, TEMPORARY.as_bytes()].concat()[..];
    // tinycdb maps what it opens, if that is long enough: of a directory it fails.
    let reason = match operation {
        Operation::Open if path.is_dir() => match path.metadata() {
            Ok(metadata) if metadata.len() >= SHORTEST => NOT_MAPPED,
            _ => DAMAGED,
        },
        _ => reason,
    };
    let what: &[&[u8]] = match operation {
        Operation::Change => {
            return b"dict_cdb_open: inappropriate open flags for cdb database - specify O_RDONLY \
                or O_WRONLY|O_CREAT|O_TRUNC"
                .to_vec();
        }
        Operation::Open if [DAMAGED, NOT_MAPPED].contains(&reason) => {
            &[b"dict_cdbq_open: unable to init ", file]
        }
        Operation::Open => &[b"open database ", file],
        Operation::Make => &[b"open database ", temporary],
        Operation::Lock => &[b"lock ", temporary],
        Operation::Read => &[b"error reading ", file],
        Operation::Write => &[b"error writing ", temporary],
        Operation::Rename => &[b"rename database from ", temporary, b" to ", file],
    };
    [&what.concat()[..], b": ", reason.as_bytes()].concat()
}

impl From<cdb_file::Error> for Cause {
    fn from(error: cdb_file::Error) -> Self {
        let error = match error.into_kind() {
            Kind::Io(error) => return error.into(),
            error => error,
        };
        let (kind, reason) = match error {
            Kind::TooLarge => (ErrorKind::TooLarge, "Cannot allocate memory"),
            Kind::NotADatabase => (ErrorKind::UnsupportedFile, DAMAGED),
            _ => (ErrorKind::Damaged, DAMAGED),
        };
        let source = Some(cdb_file::Error::from(error).into());
        Cause { kind, reason: reason.into(), source, tells_more: true }
    }
}

fn failure(error: cdb_file::Error) -> Failure {
    Failure::File(Cause::from(error).at(Operation::Read))
}

impl Lookup for Cdb<Bytes> {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        forms.find(|nul| Cdb::get(self, Datum { bytes: key, nul })).map_err(failure)
    }

    fn get_many<'t>(&'t self, keys: &[Datum<'_>], each: &mut dyn FnMut(ValueOf<'t>)) {
        Cdb::get_many(self, keys).for_each(|found| each(found.map_err(failure)));
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.source().as_slice()
    }

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Ok(Box::new(Cdb::iter(self).map(|record| record.map_err(failure))))
    }
}

/// An error in words for programs.
fn plain(error: cdb_file::Error) -> ToolError {
    match error.into_kind() {
        Kind::Io(error) => error.into(),
        error => cdb_file::Error::from(error).into(),
    }
}

/// The only database of a file.
fn open<'s>(file: &'s dyn Source, name: Option<&[u8]>) -> ToolResult<Cdb<&'s dyn Source>> {
    match name {
        Some(_) => Err(refused("databases in cdb files have no names")),
        None => Cdb::open(file).map_err(plain),
    }
}

impl Database for Cdb<&dyn Source> {
    fn get_all(&self, key: Datum<'_>) -> ToolResult<Vec<Vec<u8>>> {
        let values = Cdb::get_all(self, key).map_err(plain)?;
        values.map(|value| Ok(value.map_err(plain)?.into_owned())).collect()
    }

    fn iter(&self) -> DatabasePairs<'_> {
        Box::new(Cdb::iter(self).map(|record| record.map_err(plain)))
    }

    /// Records with one key may lie anywhere: of those with several values, the keys are kept.
    fn each_key(&self, each: EachKey<'_>) -> ToolResult<()> {
        let mut seen = HashSet::new();
        for record in self {
            let (key, value) = record.map_err(plain)?;
            if seen.contains(&*key) {
                continue;
            }
            let values = Database::get_all(self, Datum::from(&key))?;
            match values.len() {
                // No lookup finds it.
                0 => each(&key, vec![value.into_owned()])?,
                1 => each(&key, values)?,
                _ => {
                    each(&key, values)?;
                    seen.insert(key.into_owned());
                }
            }
        }
        Ok(())
    }

    fn stat(&self) -> ToolResult<Vec<Figure>> {
        let stat = Cdb::stat(self).map_err(plain)?;
        let lengths = |lengths: Lengths| {
            let (min, average, max) = (lengths.min, lengths.average(), lengths.max);
            let names = ["min", "average", "max"];
            let words = format!("{min} to {max}, {average} on average");
            FigureValue::Several(names.into_iter().zip([min, average, max]).collect(), words)
        };
        let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "more"];
        let words = stat.distances.map(|count| count.to_string()).join(" ");
        let distances = names.into_iter().zip(stat.distances).collect();
        Ok(vec![
            Figure::new("records", "records", stat.records),
            Figure::new("key_length", "length of keys", lengths(stat.keys)),
            Figure::new("value_length", "length of values", lengths(stat.values)),
            Figure::new("tables", "hash tables", stat.tables),
            Figure::new("slots", "slots", stat.slots.total),
            Figure::new("table_slots", "slots of a table", lengths(stat.slots)),
            Figure::new("collisions", "collisions", stat.collisions()),
            Figure::new(
                "distances",
                "records 0 to 9 slots away, and further",
                FigureValue::Several(distances, words),
            ),
        ])
    }
}

fn verify(file: &dyn Source, report: Report<'_>) -> ToolResult<Verdict> {
    let verdict = cdb_file::verify(file, |problem| {
        report(Problem {
            is_damage: problem.severity() == Severity::Damage,
            code: problem.fault.code(),
            place: vec![("offset", Some(problem.at)), ("value", problem.value)],
            message: problem.to_string(),
        })
    });
    let verdict = verdict.map_err(plain)?;
    Ok(Verdict {
        is_sound: verdict.is_sound(),
        damage: verdict.damage,
        notes: verdict.notes,
        counts: vec![("records", verdict.records)],
    })
}
