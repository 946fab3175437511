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
    let mut result = Vec::new();
    let mut rest = list;
    loop {
        rest = split_while(rest, is_separator).1;
        if rest.is_empty() {
            return Ok(result);
        }
        let item;
        (item, rest) = split_item(rest);
        let item = match item {
            [b'{', ..] => stripped(item)?,
            _ => item,
        };
        if item.contains(&b'=') {
            let (name, value) = split_assignment(item).map_err(|what| {
                let text = item.to_vec();
                ConfigProblem::Assignment { what, text }
            })?;
            result.push((name.to_vec(), value.to_vec()));
        }
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
