//! Tables made of tables: `unionmap:{...}` and `pipemap:{...}` (specification of the table types,
//! section 7).

use std::borrow::Cow;

use super::definition::Definition;
use crate::config::scan::{braced, split_items};
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};
use crate::table::Table;

/// How deep tables may be nested; Postfix has no limit but its stack.
const DEEPEST: usize = 50;

/// The results of all tables that have the key.
#[derive(Debug)]
struct Union(Vec<Table>);

/// The result of one table is the key for the next.
#[derive(Debug)]
struct Pipe(Vec<Table>);

pub(super) fn open_unionmap(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Ok(Box::new(Union(members(definition)?)))
}

pub(super) fn open_pipemap(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    Ok(Box::new(Pipe(members(definition)?)))
}

/// The tables between the braces, at least one.
fn members(definition: &mut Definition<'_>) -> Result<Vec<Table>> {
    let expected = "{type:name...}";
    let name = definition.name();
    if depth(name) > DEEPEST {
        return Err(definition.bad_syntax(b"nested too deeply", expected));
    }
    let bad = |definition: &Definition<'_>| definition.bad_syntax(b"bad syntax", expected);
    let mut tables = Vec::new();
    for item in split_items(braced(name).map_err(|_| bad(definition))?) {
        if !item.contains(&b':') {
            return Err(bad(definition));
        }
        tables.push(definition.member(item)?);
    }
    if tables.is_empty() {
        return Err(bad(definition));
    }
    Ok(tables)
}

/// How many braces are open at once, at most.
fn depth(text: &[u8]) -> usize {
    let mut level = 0_usize;
    let levels = text.iter().map(|byte| {
        match byte {
            b'{' => level += 1,
            b'}' => level = level.saturating_sub(1),
            _ => {}
        }
        level
    });
    levels.max().unwrap_or_default()
}

impl Lookup for Union {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        let mut results: Vec<u8> = Vec::new();
        for table in &self.0 {
            if let Some(value) = table.ask(key)? {
                if !results.is_empty() {
                    results.push(b',');
                }
                results.extend_from_slice(&value);
            }
        }
        // Empty results are none.
        let results = Some(results).filter(|results| !results.is_empty());
        Ok(results.map(|results| (results.into(), forms)))
    }

    fn members(&self) -> &[Table] {
        &self.0
    }
}

impl Lookup for Pipe {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        let mut value = Cow::Borrowed(key);
        for table in &self.0 {
            match table.ask(&value)? {
                Some(result) => value = result.into_owned().into(),
                None => return Ok(None),
            }
        }
        Ok(Some((value.into_owned().into(), forms)))
    }

    fn members(&self) -> &[Table] {
        &self.0
    }
}
