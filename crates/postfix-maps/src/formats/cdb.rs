//! `cdb:NAME`, a file of tinycdb's format (cdb specification, section 7).

use std::path::Path;

use cdb_file::{Cdb, CdbBuilder, ErrorKind as Kind, Keep};
use kv_file_core::Datum;

use super::{Bytes, FileFormat};
use crate::commit::Way;
use crate::error::ErrorKind;
use crate::forms::Forms;
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, ValueOf};
use crate::options::Duplicates;

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
    terminated: false,
    way: Way::Rename { suffix: TEMPORARY },
    open: |bytes| match Cdb::open(bytes) {
        Ok(database) => Ok(Box::new(database)),
        // tinycdb looks at a file's length when it opens it, and at its numbers when it searches.
        Err(error) => {
            let cause = Cause::from(error);
            let is_damage = cause.kind == ErrorKind::Damaged;
            Err(cause.at(if is_damage { Operation::Read } else { Operation::Open }))
        }
    },
    plan: |entries, options| {
        let keep = match options.duplicates {
            Duplicates::Warn => Keep::First,
            Duplicates::Ignore => Keep::All,
            Duplicates::Replace => Keep::Last,
        };
        Ok(Box::new(CdbBuilder::of(entries).plan(keep)?))
    },
    update: None,
    words,
    called: |file| {
        let file = file.as_os_str().as_encoded_bytes();
        file.strip_suffix(SUFFIX.as_bytes()).unwrap_or(file).to_vec()
    },
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

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Ok(Box::new(Cdb::iter(self).map(|record| record.map_err(failure))))
    }
}
