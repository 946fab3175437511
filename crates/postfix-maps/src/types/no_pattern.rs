//! `regexp:` and `pcre:`, where the feature `regex` is off.

use super::definition::Definition;
use crate::error::{Error, Result};
use crate::lookup::Lookup;

pub(super) fn open_regexp(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Err(not_compiled_in(definition))
}

pub(super) fn open_pcre(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Err(not_compiled_in(definition))
}

fn not_compiled_in(definition: &Definition<'_>) -> Error {
    let table_type = definition.spec.table_type().display();
    let words = format!("tables of the type {table_type:?} are not compiled in: feature \"regex\"");
    super::unsupported(definition.spec).in_words(words)
}

#[cfg(test)]
mod tests {
    use crate::{ErrorKind, Table};

    #[test]
    fn the_error_tells_what_is_missing() {
        let error = Table::open("regexp:{{/a/ x}}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedType);
        assert!(error.to_string().contains("not compiled in"), "{error}");
    }
}
