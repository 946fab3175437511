//! `inline:{name=value, {name = long value}}` (specification of the table types, section 4).

use super::definition::Definition;
use super::listed::Listed;
use crate::config::scan::{braced, is_space, split_items, split_while, trim, trim_start};
use crate::error::Result;
use crate::lookup::Lookup;

pub(super) fn open(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    let (options, name) = (definition.options, definition.name());
    let pairs = "{name=value...}";
    let expected = if options.values_are_files { "{name=filename...}" } else { pairs };
    let bad = |problem: &[u8]| definition.bad_syntax(problem, expected);
    if options.rules.check_value(name).is_err() {
        return Err(definition.bad_syntax(b"bad UTF-8 syntax", pairs));
    }
    let no_list = || definition.bad_syntax(b"bad syntax", pairs);
    let inner = name.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    let items = inner.filter(|inner| !inner.is_empty()).ok_or_else(no_list)?;
    braced(name).map_err(|_| no_list())?;

    let mut entries = Listed::default();
    for item in split_items(items) {
        let item = match item {
            [b'{', ..] => braced(item)
                .map_err(|what| bad(&[what.as_bytes(), b" in \"", item, b"\""].concat()))?,
            item => item,
        };
        let (key, value) = name_value(item).map_err(|what| bad(what.as_bytes()))?;
        let value = definition.value(value).map_err(|problem| bad(&problem))?;
        let key = options.rules.prepare(key);
        let key = key.map_err(|_| bad(b"bad UTF-8 syntax"))?.into_owned();
        entries.0.insert(key, value);
    }
    if entries.0.is_empty() {
        return Err(bad(b"empty table"));
    }
    Ok(Box::new(entries))
}

/// `name *whitespace "=" *whitespace value`: whitespace in the name, and an equals sign, stand in
/// double quotes or behind backslashes.
fn name_value(text: &[u8]) -> Result<(&[u8], &[u8]), &'static str> {
    let text = trim_start(text);
    if text.is_empty() {
        return Err("no key found; expected format: key = value");
    }
    let (mut quoted, mut escaped) = (false, false);
    let (name, rest) = split_while(text, |byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            byte => return quoted || !(byte == b'=' || is_space(byte)),
        }
        true
    });
    match trim_start(rest) {
        _ if quoted => Err("unbalanced '\"'"),
        [b'=', value @ ..] => Ok((name, trim(value))),
        _ => Err("missing '=' after attribute name"),
    }
}
