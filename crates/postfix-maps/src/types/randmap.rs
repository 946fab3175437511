//! `randmap:{value, value}`: one of them, by chance (specification of the table types, section 7).

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};

use super::{Definition, Dictionary, Failure};
use crate::config::scan::{braced, split_items};
use crate::error::Error;

#[derive(Debug)]
struct Random(Vec<Vec<u8>>);

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Dictionary>, Error> {
    let bad = || definition.bad_syntax(b"bad syntax", "{value...}");
    let items = braced(definition.name()).map_err(|_| bad())?;
    let values = split_items(items).map(|item| definition.value(item).map_err(Error::Definition));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() {
        return Err(bad());
    }
    Ok(Box::new(Random(values)))
}

impl Dictionary for Random {
    fn get(&self, _: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        // The keys of the standard library's hashes are random, and new for each.
        let number = RandomState::new().hash_one(0) % self.0.len() as u64;
        Ok(self.0.get(number as usize).map(|value| value.as_slice().into()))
    }
}
