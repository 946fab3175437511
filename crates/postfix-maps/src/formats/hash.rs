//! `hash:NAME`, a Berkeley DB hash file.

mod tools;
#[cfg(feature = "write")]
mod write;

use bdb_file::HashDb;
use kv_file_core::{Datum, Source};

use super::bdb::{SUFFIX, failure, tools, words};
use super::{Bytes, FileFormat};
use crate::forms::Forms;
use crate::lookup::{Cause, Failure, Found, Lookup, Operation, Pairs, ValueOf};
use crate::sharing::Sharing;

pub(crate) static FORMAT: FileFormat = FileFormat {
    name: "hash",
    suffix: SUFFIX,
    sharing: Sharing::Locked,
    open: |bytes| match HashDb::open(bytes) {
        Ok(database) => Ok(Box::new(database)),
        Err(error) => Err(Cause::from(error).at(Operation::Open)),
    },
    words,
    // Whatever is no btree: those of other access methods, too, so that they are refused by name.
    tools: &tools(|head| bdb_file::is_database(head) && !bdb_file::is_btree(head)),
    #[cfg(feature = "write")]
    write: &write::FORMAT,
};

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
