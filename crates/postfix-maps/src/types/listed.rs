//! Keys and values in memory: what `texthash` and `inline` tables are, and `internal` ones, which
//! are empty.

use std::collections::BTreeMap;

use super::definition::Definition;
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup, Pairs};

/// Listed in the order of the keys; Postfix's order varies from run to run.
#[derive(Debug, Default)]
pub(super) struct Listed(pub BTreeMap<Vec<u8>, Vec<u8>>);

pub(super) fn open_internal(_: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Ok(Box::new(Listed::default()))
}

impl Lookup for Listed {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        Ok(self.0.get(key).map(|value| (value.into(), forms)))
    }

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Ok(Box::new(self.0.iter().map(|(key, value)| Ok((key.into(), value.into())))))
    }
}
