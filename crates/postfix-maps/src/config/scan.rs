//! Scanning helpers that the syntaxes of the configuration and of tables' names share.

use std::iter;

/// Returns `true` if Postfix takes a byte for whitespace.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Splits before the first byte that `accept` refuses.
pub(crate) fn split_while(text: &[u8], mut accept: impl FnMut(u8) -> bool) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !accept(*byte));
    text.split_at(end.unwrap_or(text.len()))
}

/// Splits behind a parameter name.
pub(crate) fn split_name(text: &[u8]) -> (&[u8], &[u8]) {
    split_while(text, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    split_while(text, is_space).1
}

pub(crate) fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_space(*byte));
    text.get(..end.map_or(0, |last| last + 1)).unwrap_or_default()
}

pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// What stands between the bracket that `text` starts with and the one that closes it, and what
/// follows. None if nothing closes it.
pub(crate) fn balanced(text: &[u8], open: u8, close: u8) -> Option<(&[u8], &[u8])> {
    let mut level = 0_usize;
    for (at, byte) in text.iter().enumerate() {
        if *byte == open {
            level += 1;
        } else if *byte == close {
            level = level.checked_sub(1)?;
        }
        if level == 0 {
            return Some((text.get(1..at)?, text.get(at + 1..)?));
        }
    }
    None
}

/// Splits `name = value`, whitespace around both removed.
///
/// # Errors
///
/// Postfix's words for what is missing.
pub(crate) fn split_assignment(text: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let start = trim_start(text);
    let (name, after) = split_while(start, |byte| !is_space(byte) && byte != b'=');
    match trim_start(after) {
        _ if name.is_empty() => Err("missing attribute name"),
        [b'=', value @ ..] => Ok((name, trim(value))),
        _ => Err("missing '=' after attribute name"),
    }
}

/// A decimal number at the start of `text`, and what follows, by the rules of C: whitespace and a
/// sign may stand before the digits. None without a digit, or if the number does not fit.
pub(crate) fn integer(text: &[u8]) -> Option<(i64, &[u8])> {
    let start = trim_start(text);
    let unsigned = match start {
        [b'+' | b'-', unsigned @ ..] => unsigned,
        _ => start,
    };
    let (_, rest) = split_while(unsigned, |byte| byte.is_ascii_digit());
    let number = start.strip_suffix(rest)?;
    let number = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some((number, rest))
}

/// The number that the whole of `text` is.
pub(crate) fn whole_integer(text: &[u8]) -> Option<i64> {
    match integer(text)? {
        (number, []) => Some(number),
        _ => None,
    }
}

/// Returns `true` if a byte separates the members of a list.
pub(crate) fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'\t' | b'\r' | b'\n')
}

/// The members of a list.
pub(crate) fn split_list(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| is_separator(*byte)).filter(|member| !member.is_empty())
}

/// The items of a list, which separators separate that do not stand in braces.
pub(crate) fn split_items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    iter::from_fn(move || {
        let start = split_while(rest, is_separator).1;
        let mut level = 0_usize;
        let end = start.iter().position(|byte| {
            match byte {
                b'{' => level += 1,
                b'}' => level = level.saturating_sub(1),
                _ => {}
            }
            level == 0 && is_separator(*byte)
        });
        let item;
        (item, rest) = start.split_at(end.unwrap_or(start.len()));
        Some(item).filter(|item| !item.is_empty())
    })
}

/// The text in the braces around all of `text`, trimmed.
///
/// # Errors
///
/// Postfix's words for what is wrong.
pub(crate) fn braced(text: &[u8]) -> Result<&[u8], &'static str> {
    if !text.starts_with(b"{") {
        return Err("no '{' at start of text");
    }
    match balanced(text, b'{', b'}') {
        Some((inner, [])) => Ok(trim(inner)),
        Some(_) => Err("syntax error after '}'"),
        None => Err("missing '}'"),
    }
}
