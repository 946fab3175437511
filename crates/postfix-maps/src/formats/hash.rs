//! `hash:NAME`, a Berkeley DB hash file.

use std::borrow::Cow;

use bdb_file::{BuildOptions, HashBuilder, HashDb, HashUpdate};
use kv_file_core::{Changes, Datum, Entries, FileSource, Source};

use super::bdb::{SUFFIX, TOOLS, build_options, called, failure, keep, trouble, words};
use super::{Bytes, FileFormat, Planned, Update, UpdateFormat};
use crate::commit::{ChangeWay, Way};
use crate::forms::Forms;
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, Trouble, ValueOf};
use crate::options::{Duplicates, WriteOptions};

pub(crate) static FORMAT: FileFormat = FileFormat {
    name: "hash",
    suffix: SUFFIX,
    terminated: true,
    way: Way::Exchange,
    open: |bytes| match HashDb::open(bytes) {
        Ok(database) => Ok(Box::new(database)),
        Err(error) => Err(Cause::from(error).at(Operation::Open)),
    },
    plan: |entries, options| plan(entries, build_options(options), options),
    update: Some(UpdateFormat {
        way: ChangeWay::Exchange,
        open: |file| Ok(Box::new(HashUpdate::open(file)?)),
        // What will be added is not known: libdb's usual page size suits most.
        plan_empty: |options| {
            plan(Entries::over(&[]), build_options(options).page_size(4096), options)
        },
    }),
    words,
    called,
    tools: &TOOLS,
};

fn plan<'t>(entries: Entries<'t>, build: BuildOptions, options: &WriteOptions) -> Planned<'t> {
    Ok(Box::new(HashBuilder::of(entries, build).plan(keep(options.duplicates))?))
}

impl Lookup for HashDb<Bytes> {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        forms.find(|nul| HashDb::get(self, Datum { bytes: key, nul })).map_err(failure)
    }

    fn get_many<'t>(&'t self, keys: &[Datum<'_>], each: &mut dyn FnMut(ValueOf<'t>)) {
        HashDb::get_many(self, keys).for_each(|found| each(found.map_err(failure)));
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.source().as_slice()
    }

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Ok(Box::new(HashDb::iter(self).map(|pair| pair.map_err(failure))))
    }
}

impl Update for HashUpdate<FileSource> {
    fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Trouble> {
        HashUpdate::get(self, key).map_err(trouble)
    }

    fn put(
        &mut self,
        key: Datum<'_>,
        value: Datum<'_>,
        duplicates: Duplicates,
    ) -> Result<bool, Trouble> {
        HashUpdate::put(self, key, value, keep(duplicates)).map_err(trouble)
    }

    fn delete(&mut self, key: Datum<'_>) -> Result<bool, Trouble> {
        HashUpdate::delete(self, key).map_err(trouble)
    }

    fn finish(self: Box<Self>) -> Result<Changes, Trouble> {
        HashUpdate::finish(*self).map_err(|error| Cause::from(error).at(Operation::Write))
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
