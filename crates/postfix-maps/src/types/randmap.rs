//! `randmap:{value, value}`: one of them, by chance (specification of the table types, section 7).

use std::hash::{BuildHasher, RandomState};

use super::definition::{Definition, definition_error};
use crate::config::scan::{braced, split_items};
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};

#[derive(Debug)]
struct Random(Vec<Vec<u8>>);

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    let bad = || definition.bad_syntax(b"bad syntax", "{value...}");
    let items = braced(definition.name()).map_err(|_| bad())?;
    let values = split_items(items).map(|item| definition.value(item).map_err(definition_error));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() {
        return Err(bad());
    }
    Ok(Box::new(Random(values)))
}

impl Lookup for Random {
    fn get(&self, _: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        // The keys of the standard library's hashes are random, and new for each.
        let number = RandomState::new().hash_one(0) % self.0.len() as u64;
        Ok(self.0.get(number as usize).map(|value| (value.into(), forms)))
    }
}
