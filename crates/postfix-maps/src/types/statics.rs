//! `static:value`: one answer to every key (specification of the table types, section 5).

use super::definition::{Definition, definition_error};
use crate::config::scan::braced;
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};

#[derive(Debug)]
struct Static(Vec<u8>);

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    let name = definition.name();
    let text = match name {
        [b'{', ..] => braced(name).map_err(|what| {
            let what = what.as_bytes();
            let text: [&[u8]; 5] = [b"bad static:name syntax: ", what, b" in \"", name, b"\""];
            definition_error(text.concat())
        })?,
        name => name,
    };
    Ok(Box::new(Static(definition.value(text).map_err(definition_error)?)))
}

impl Lookup for Static {
    fn get(&self, _: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        Ok(Some(((&self.0).into(), forms)))
    }
}
