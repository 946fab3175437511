//! Keys and values in memory: what `texthash` and `inline` tables are, and `internal` ones, which are empty.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Definition, Dictionary, Failure, Pair};
use crate::error::Error;

/// Listed in the order of the keys; Postfix's order varies from run to run.
#[derive(Debug, Default)]
pub(super) struct Entries(pub BTreeMap<Vec<u8>, Vec<u8>>);

pub(super) fn open_internal(_: &mut Definition<'_>) -> Result<Box<dyn Dictionary>, Error> {
    Ok(Box::new(Entries::default()))
}

impl Dictionary for Entries {
    fn get(&self, key: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        Ok(self.0.get(key).map(|value| value.as_slice().into()))
    }

    fn entries(&self) -> Result<Vec<Pair<'_>>, Failure> {
        Ok(self.0.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect())
    }
}
