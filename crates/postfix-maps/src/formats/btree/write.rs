//! Making and changing tables of the type `btree`.

use std::borrow::Cow;

use bdb_file::{AccessMethod, BtreeBuilder, BtreeUpdate, BuildOptions};
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
        open: |file| Ok(Box::new(BtreeUpdate::open(file)?)),
        // What will be added is not known: libdb's usual page size suits most.
        plan_empty: |options| {
            plan(Entries::over(&[]), build_options(options).page_size(4096), options)
        },
    }),
    called,
    load: |text, options, is_table| load(text, options, is_table.then_some(AccessMethod::Btree)),
};

fn plan<'t>(entries: Entries<'t>, build: BuildOptions, options: &WriteOptions) -> Planned<'t> {
    Ok(Box::new(BtreeBuilder::of(entries, build).plan(keep(options.duplicates))?))
}

impl Update for BtreeUpdate<FileSource> {
    fn get(&self, key: Datum<'_>) -> Result<Option<Cow<'_, [u8]>>, Trouble> {
        BtreeUpdate::get(self, key).map_err(trouble)
    }

    fn put(
        &mut self,
        key: Datum<'_>,
        value: Datum<'_>,
        duplicates: Duplicates,
    ) -> Result<bool, Trouble> {
        BtreeUpdate::put(self, key, value, keep(duplicates)).map_err(trouble)
    }

    fn delete(&mut self, key: Datum<'_>) -> Result<bool, Trouble> {
        BtreeUpdate::delete(self, key).map_err(trouble)
    }

    fn finish(self: Box<Self>) -> Result<Changes, Trouble> {
        BtreeUpdate::finish(*self).map_err(|error| Cause::from(error).at(Operation::Write))
    }
}
