//! `import_environment`: what Postfix puts in its environment (postmap specification, section 13).

use super::ConfigProblem;
use super::scan::{braced, split_assignment, split_items};

/// A name and a value.
pub(super) type Assignment = (Vec<u8>, Vec<u8>);

/// The assignments in the value of `import_environment`.
///
/// Its items are separated by commas and whitespace. One that holds either stands in braces. Items
/// that are mere names say what to keep; the tools keep everything.
///
/// # Errors
///
/// [`ConfigProblem::Braces`] and [`ConfigProblem::Assignment`].
pub(super) fn assignments(list: &[u8]) -> Result<Vec<Assignment>, ConfigProblem> {
    // Postfix looks at all braces before it looks at any assignment.
    let items = items(list)?;
    let assignments = items.into_iter().filter(|item| item.contains(&b'=')).map(|item| {
        match split_assignment(item) {
            Ok((name, value)) => Ok((name.to_vec(), value.to_vec())),
            Err(what) => Err(ConfigProblem::Assignment { what, text: item.to_vec() }),
        }
    });
    assignments.collect()
}

/// The items, without the braces around them.
fn items(list: &[u8]) -> Result<Vec<&[u8]>, ConfigProblem> {
    let items = split_items(list).map(|item| match item {
        [b'{', ..] => {
            braced(item).map_err(|what| ConfigProblem::Braces { what, text: item.to_vec() })
        }
        item => Ok(item),
    });
    items.collect()
}
