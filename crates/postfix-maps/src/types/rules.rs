//! Files of rules: what `cidr`, `regexp` and `pcre` have in common (specification of the table
//! types, section 6).

use std::fs::File;
use std::os::unix::ffi::OsStrExt;

use postfix_map_text::{Diagnostic, DiagnosticKind, before_nul, logical_lines};

use super::definition::{Definition, definition_error};
use crate::config::scan::{braced, is_space, split_items, split_while, trim_end, trim_start};
use crate::error::{Error, Result, strerror};

/// The text of a table of rules: that of a file, or the rules in the name, one on a line.
///
/// `directories_are_empty`: whether what cannot be read, as a directory, is taken for an empty
/// file.
pub(super) fn text(definition: &Definition<'_>, directories_are_empty: bool) -> Result<Vec<u8>> {
    let name = definition.name();
    let map = [definition.spec.table_type().as_bytes(), b" map"].concat();
    let inner = |text| {
        braced(text).map_err(|what| {
            let text: [&[u8]; 6] = [&map, b": ", what.as_bytes(), b" in \"", text, b"\""];
            definition_error(text.concat())
        })
    };
    if name.starts_with(b"{") {
        let rules = split_items(inner(name)?).map(inner).collect::<Result<Vec<_>, _>>()?;
        return Ok(rules.join(&b'\n'));
    }
    let path = definition.spec.source();
    let mut text = Vec::new();
    let file = File::open(path).map_err(|source| Error::open(path, source))?;
    match definition.read_to_end(path, &file, &mut text) {
        Err(error) if !directories_are_empty => {
            let reason = strerror(&error);
            let text: [&[u8]; 5] = [&map, b" ", name, b": read error: ", reason.as_bytes()];
            Err(definition_error(text.concat()))
        }
        _ => Ok(text),
    }
}

/// A place in the text of a table, for messages.
pub(super) struct Place<'p> {
    table: &'p [u8],
    line: u64,
}

impl Place<'_> {
    /// `TYPE map NAME, line N: TEXT`.
    pub fn message(&self, text: &[u8]) -> Vec<u8> {
        let line = format!(", line {}: ", self.line);
        [self.table, line.as_bytes(), text].concat()
    }
}

/// What a line of rules is.
pub(super) enum Statement<'l> {
    /// `if`, and what follows.
    If(&'l [u8]),
    /// `endif`, and what follows.
    EndIf(&'l [u8]),
    /// All of a line.
    Rule(&'l [u8]),
}

/// Tells the words that begin and end blocks from other lines.
fn statement(line: &[u8]) -> Statement<'_> {
    let (word, rest) = split_while(line, |byte| byte.is_ascii_alphanumeric());
    match word.to_ascii_lowercase().as_slice() {
        b"if" => Statement::If(trim_start(rest)),
        b"endif" => Statement::EndIf(trim_start(rest)),
        _ => Statement::Rule(line),
    }
}

/// Hands each rule of a text to `take`, without whitespace at its end.
pub(super) fn each_rule(
    definition: &mut Definition<'_>,
    text: &[u8],
    mut take: impl FnMut(&mut Definition<'_>, &Place<'_>, Statement<'_>) -> Result<()>,
) -> Result<()> {
    let table = map_name(definition);
    for line in logical_lines(text) {
        if line.text.first().is_some_and(|byte| is_space(*byte)) {
            let kind = DiagnosticKind::LeadingWhitespace;
            let message = Diagnostic::new(kind, line).message(definition.name());
            (definition.warn)(&message);
            continue;
        }
        let place = Place { table: &table, line: line.lines.first };
        take(definition, &place, statement(trim_end(before_nul(&line.text))))?;
    }
    Ok(())
}

/// The table, as messages about its rules name it.
pub(super) fn map_name(definition: &Definition<'_>) -> Vec<u8> {
    [definition.spec.table_type().as_bytes(), b" map ", definition.name()].concat()
}

/// Rules in the order of their text: each has a condition `C`, and an answer `A` or a block that it
/// leads into.
#[derive(Debug)]
pub(super) struct Rules<C, A> {
    steps: Vec<Step<C, A>>,
}

#[derive(Debug)]
struct Step<C, A> {
    condition: C,
    then: Then<A>,
}

#[derive(Debug)]
enum Then<A> {
    Answer(A),
    /// The next rule; where the condition is false, this one, always a later one.
    Enter {
        otherwise: usize,
    },
}

impl<C, A> Rules<C, A> {
    /// The first rule whose condition holds, of those that are reached.
    pub fn find(&self, holds: impl Fn(&C) -> bool) -> Option<(&C, &A)> {
        let mut next = 0;
        while let Some(step) = self.steps.get(next) {
            next += 1;
            match (holds(&step.condition), &step.then) {
                (true, Then::Answer(answer)) => return Some((&step.condition, answer)),
                (false, Then::Enter { otherwise }) => next = *otherwise,
                (true, Then::Enter { .. }) | (false, Then::Answer(_)) => {}
            }
        }
        None
    }
}

/// Collects rules.
pub(super) struct RulesBuilder<C, A> {
    steps: Vec<Step<C, A>>,
    /// The blocks that have not ended yet: where each begins, and its line.
    open: Vec<(usize, u64)>,
}

impl<C, A> RulesBuilder<C, A> {
    pub fn new() -> Self {
        RulesBuilder { steps: Vec::new(), open: Vec::new() }
    }

    pub fn rule(&mut self, condition: C, answer: A) {
        self.steps.push(Step { condition, then: Then::Answer(answer) });
    }

    /// A false condition skips the block, up to the end of the table if nothing else ends it.
    pub fn begin(&mut self, place: &Place<'_>, condition: C) {
        self.open.push((self.steps.len(), place.line));
        self.steps.push(Step { condition, then: Then::Enter { otherwise: usize::MAX } });
    }

    /// Ends a block; tells whether there was one.
    pub fn end(&mut self) -> bool {
        let Some((begin, _)) = self.open.pop() else { return false };
        let end = self.steps.len();
        if let Some(Step { then: Then::Enter { otherwise }, .. }) = self.steps.get_mut(begin) {
            *otherwise = end;
        }
        true
    }

    /// Warns of blocks that have no end, the innermost first.
    pub fn finish(self, definition: &mut Definition<'_>) -> Rules<C, A> {
        let table = map_name(definition);
        for (_, line) in self.open.into_iter().rev() {
            let place = Place { table: &table, line };
            (definition.warn)(&place.message(b"IF has no matching ENDIF"));
        }
        Rules { steps: self.steps }
    }
}
