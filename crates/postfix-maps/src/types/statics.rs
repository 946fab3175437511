//! `static:value`: one answer to every key (specification of the table types, section 5).

use std::borrow::Cow;

use super::{Definition, Dictionary, Failure};
use crate::config::scan::braced;
use crate::error::Error;

#[derive(Debug)]
struct Static(Vec<u8>);

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Dictionary>, Error> {
    let name = definition.name();
    let text = match name {
        [b'{', ..] => braced(name).map_err(|what| {
            let what = what.as_bytes();
            let text: [&[u8]; 5] = [b"bad static:name syntax: ", what, b" in \"", name, b"\""];
            Error::Definition(text.concat())
        })?,
        name => name,
    };
    Ok(Box::new(Static(definition.value(text).map_err(Error::Definition)?)))
}

impl Dictionary for Static {
    fn get(&self, _: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        Ok(Some(self.0.as_slice().into()))
    }
}
