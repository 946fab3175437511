//! `btree:NAME`, a Berkeley DB btree file.

mod tools;
#[cfg(feature = "write")]
mod write;

use bdb_file::BtreeDb;
use kv_file_core::{Datum, Source};

use super::bdb::{SUFFIX, failure, tools, words};
use super::{Bytes, FileFormat};
use crate::forms::Forms;
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, ValueOf};
use crate::sharing::Sharing;

pub(crate) static FORMAT: FileFormat = FileFormat {
    name: "btree",
    suffix: SUFFIX,
    sharing: Sharing::Locked,
    open: |bytes| match BtreeDb::open(bytes) {
        Ok(database) => Ok(Box::new(database)),
        Err(error) => Err(Cause::from(error).at(Operation::Open)),
    },
    words,
    tools: &tools(bdb_file::is_btree),
    #[cfg(feature = "write")]
    write: &write::FORMAT,
};

impl Lookup for BtreeDb<Bytes> {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        forms.find(|nul| BtreeDb::get(self, Datum { bytes: key, nul })).map_err(failure)
    }

    fn get_many<'t>(&'t self, keys: &[Datum<'_>], each: &mut dyn FnMut(ValueOf<'t>)) {
        BtreeDb::get_many(self, keys).for_each(|found| each(found.map_err(failure)));
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.source().as_slice()
    }

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Ok(Box::new(BtreeDb::iter(self).map(|pair| pair.map_err(failure))))
    }
}
