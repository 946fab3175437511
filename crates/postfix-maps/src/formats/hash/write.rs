//! Making and changing tables of the type `hash`.

use std::borrow::Cow;

use bdb_file::{AccessMethod, BuildOptions, HashBuilder, HashUpdate};
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
        open: |file| Ok(Box::new(HashUpdate::open(file)?)),
        // What will be added is not known: libdb's usual page size suits most.
        plan_empty: |options| {
            plan(Entries::over(&[]), build_options(options).page_size(4096), options)
        },
    }),
    called,
    load: |text, options, is_table| load(text, options, is_table.then_some(AccessMethod::Hash)),
};

fn plan<'t>(entries: Entries<'t>, build: BuildOptions, options: &WriteOptions) -> Planned<'t> {
    Ok(Box::new(HashBuilder::of(entries, build).plan(keep(options.duplicates))?))
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
