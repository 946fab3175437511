//! `hash:NAME`, a Berkeley DB hash file (postmap specification, section 8).

use std::borrow::Cow;

use bdb_file::{BuildOptions, FileId, HashBuilder, HashDb, HashUpdate, Keep};
use kv_file_core::{Changes, Datum, Entries, FileSource};

use super::{Bytes, FileFormat, Planned, Update, found, words};
use crate::commit::Way;
use crate::error::ErrorKind;
use crate::forms::Forms;
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, ValueOf};
use crate::options::{Duplicates, WriteOptions};

pub(crate) static FORMAT: FileFormat = FileFormat {
    name: "hash",
    suffix: ".db",
    terminated: true,
    way: Way::Exchange,
    open: |bytes| Ok(Box::new(HashDb::open(bytes)?)),
    plan: |entries, options| plan(entries, build_options(options), options.duplicates),
    plan_empty: |options| {
        // What will be added is not known: libdb's usual page size suits most.
        let build = build_options(options).page_size(4096);
        plan(Entries::over(&[]), build, options.duplicates)
    },
    update: |file| Ok(Box::new(HashUpdate::open(file)?)),
    words: |operation, file, cause| words(what(operation), file, cause, "Invalid argument"),
};

fn build_options(options: &WriteOptions) -> BuildOptions {
    let file_id = if options.reproducible { FileId::Contents } else { FileId::Unique };
    BuildOptions::default().file_id(file_id)
}

fn plan(entries: Entries<'_>, options: BuildOptions, duplicates: Duplicates) -> Planned<'_> {
    Ok(Box::new(HashBuilder::of(entries, options).plan(keep(duplicates))?))
}

fn keep(duplicates: Duplicates) -> Keep {
    match duplicates {
        Duplicates::Warn | Duplicates::Ignore => Keep::First,
        Duplicates::Replace => Keep::Last,
    }
}

fn what(operation: Operation) -> &'static str {
    match operation {
        Operation::Open => "open database",
        Operation::Read => "error reading",
        Operation::Write => "error writing",
    }
}

impl From<bdb_file::Error> for Cause {
    fn from(error: bdb_file::Error) -> Self {
        use bdb_file::ErrorKind as Kind;
        let error = match error.into_kind() {
            Kind::Io(error) => return Cause::System(error),
            error => error,
        };
        let kind = match error {
            Kind::Unsupported(_) | Kind::SeveralDatabases => ErrorKind::UnsupportedFile,
            Kind::TooLarge => ErrorKind::TooLarge,
            _ => ErrorKind::Damaged,
        };
        found(kind, bdb_file::Error::from(error))
    }
}

fn failure(error: bdb_file::Error) -> Failure {
    Failure::File(Operation::Read, Box::new(error.into()))
}

impl Lookup for HashDb<Bytes> {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        forms.find(|nul| HashDb::get(self, Datum { bytes: key, nul })).map_err(failure)
    }

    fn get_many<'t>(&'t self, keys: &[Datum<'_>], each: &mut dyn FnMut(ValueOf<'t>)) {
        HashDb::get_many(self, keys).for_each(|found| each(found.map_err(failure)));
    }

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Ok(Box::new(HashDb::iter(self).map(|pair| pair.map_err(failure))))
    }
}

impl Update for HashUpdate<FileSource> {
    fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Cause> {
        Ok(HashUpdate::get(self, key)?)
    }

    fn put(
        &mut self,
        key: Datum<'_>,
        value: Datum<'_>,
        duplicates: Duplicates,
    ) -> Result<bool, Cause> {
        Ok(HashUpdate::put(self, key, value, keep(duplicates))?)
    }

    fn delete(&mut self, key: Datum<'_>) -> Result<bool, Cause> {
        Ok(HashUpdate::delete(self, key)?)
    }

    fn finish(self: Box<Self>) -> Result<Changes, Cause> {
        Ok(HashUpdate::finish(*self)?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_suffix_is_always_added() {
        assert_eq!(FORMAT.file(Path::new("m")), Path::new("m.db"));
        assert_eq!(FORMAT.file(Path::new("m.db")), Path::new("m.db.db"));
    }
}
