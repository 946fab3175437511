//! `fail:`: every operation fails, for tests (specification of the table types, section 5).

use std::borrow::Cow;

use super::{Definition, Dictionary, Failure, Pair};
use crate::error::Error;

#[derive(Debug)]
struct Fail;

pub(super) fn open(_: &mut Definition<'_>) -> Result<Box<dyn Dictionary>, Error> {
    Ok(Box::new(Fail))
}

impl Dictionary for Fail {
    fn get(&self, _: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        Err(Failure::Retry)
    }

    fn entries(&self) -> Result<Vec<Pair<'_>>, Failure> {
        Err(Failure::Retry)
    }
}
