//! `import_environment`: what Postfix puts in its environment (postmap specification, section 13).

use super::ConfigProblem;
use super::scan::{balanced, is_separator, split_assignment, split_while, trim};

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
    let mut items = Vec::new();
    let mut rest = list;
    loop {
        rest = split_while(rest, is_separator).1;
        if rest.is_empty() {
            return Ok(items);
        }
        let item;
        (item, rest) = split_item(rest);
        items.push(if item.starts_with(b"{") { stripped(item)? } else { item });
    }
}

/// Splits before the first separator that does not stand in braces.
fn split_item(text: &[u8]) -> (&[u8], &[u8]) {
    let mut level = 0_usize;
    let end = text.iter().position(|byte| {
        match byte {
            b'{' => level += 1,
            b'}' => level = level.saturating_sub(1),
            _ => {}
        }
        level == 0 && is_separator(*byte)
    });
    text.split_at(end.unwrap_or(text.len()))
}

/// The text in the braces around an item.
fn stripped(item: &[u8]) -> Result<&[u8], ConfigProblem> {
    let what = match balanced(item, b'{', b'}') {
        Some((text, [])) => return Ok(trim(text)),
        Some(_) => "syntax error after '}'",
        None => "missing '}'",
    };
    let text = item.to_vec();
    Err(ConfigProblem::Braces { what, text })
}
