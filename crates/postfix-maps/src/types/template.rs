//! Results with `$number` in them (specification of the table types, section 6.2).

use crate::config::scan::{balanced, split_name};

/// A result: text and references to groups of the pattern.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Group(u32),
}

/// Why a text is no template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// The text ends within a reference, or one has no name: the words, and the text up to there.
    Syntax(&'static str, Vec<u8>),
    /// References to something else than groups: their names.
    Names(Vec<Vec<u8>>),
}

impl Template {
    pub fn parse(text: &[u8]) -> Result<Self, Problem> {
        let mut template = Template::default();
        let mut wrong = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.iter().position(|byte| *byte == b'$') {
            let (before, reference) = rest.split_at(dollar);
            template.push_text(before);
            let after = reference.get(1..).unwrap_or_default();
            let upto = |rest: &[u8]| text.get(..text.len() - rest.len()).unwrap_or(text).to_vec();
            let name;
            (name, rest) = match after {
                [b'$', rest @ ..] => {
                    template.push_text(b"$");
                    (None, rest)
                }
                [open @ (b'{' | b'('), ..] => {
                    let close = if *open == b'{' { b'}' } else { b')' };
                    let truncated = || Problem::Syntax("truncated macro reference", text.to_vec());
                    let (name, rest) = balanced(after, *open, close).ok_or_else(truncated)?;
                    (Some(name), rest)
                }
                after => {
                    let (name, rest) = split_name(after);
                    (Some(name), rest)
                }
            };
            match name {
                None => {}
                Some([]) => return Err(Problem::Syntax("empty macro name", upto(rest))),
                Some(name) => match group(name) {
                    Some(number) => template.parts.push(Part::Group(number)),
                    None => wrong.push(name.to_vec()),
                },
            }
        }
        template.push_text(rest);
        if wrong.is_empty() { Ok(template) } else { Err(Problem::Names(wrong)) }
    }

    fn push_text(&mut self, text: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Text(last)) => last.extend_from_slice(text),
            _ => self.parts.push(Part::Text(text.to_vec())),
        }
    }

    /// The highest number of a group in it.
    pub fn last_group(&self) -> Option<u32> {
        let groups = self.parts.iter().filter_map(|part| match part {
            Part::Group(number) => Some(*number),
            Part::Text(_) => None,
        });
        groups.max()
    }

    /// The result, with what `group` gives for the groups.
    pub fn expand<'g>(&self, group: impl Fn(u32) -> &'g [u8]) -> Vec<u8> {
        let mut result = Vec::new();
        for part in &self.parts {
            result.extend_from_slice(match part {
                Part::Text(text) => text,
                Part::Group(number) => group(*number),
            });
        }
        result
    }
}

/// The number that a name is, unless that is zero. One that Postfix's numbers cannot hold is larger
/// than any group's.
fn group(name: &[u8]) -> Option<u32> {
    if !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = str::from_utf8(name).ok()?.parse::<u64>().unwrap_or(u64::MAX);
    Some(number.min(u32::MAX.into()) as u32).filter(|number| *number > 0)
}
