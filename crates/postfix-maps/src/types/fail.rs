//! `fail:`: every operation fails, for tests (specification of the table types, section 5).

use super::definition::Definition;
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup, Pairs};

#[derive(Debug)]
struct Fail;

pub(super) fn open(_: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Ok(Box::new(Fail))
}

impl Lookup for Fail {
    fn get(&self, _: &[u8], _: Forms) -> Result<Option<Found<'_>>, Failure> {
        Err(Failure::Retry)
    }

    fn iter(&self) -> Result<Pairs<'_>, Failure> {
        Err(Failure::Retry)
    }
}
