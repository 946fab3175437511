//! `regexp:` and `pcre:`: rules with regular expressions (specification of the table types, section
//! 6.2).

use super::definition::{Definition, definition_error};
use super::regex::{Dialect, Flags, PatternError, Regex};
use super::rules::{Place, Rules, RulesBuilder, Statement, each_rule, map_name, text};
use super::template::{Problem, Template};
use crate::config::scan::{is_space, split_while, trim_start};
use crate::error::Result;
use crate::forms::Forms;
use crate::lookup::{Failure, Found, Lookup};

/// `/pattern/`, or with `!` a text that it does not match; and perhaps a second one that has to
/// hold, too.
#[derive(Debug)]
struct Condition {
    first: Match,
    second: Option<Match>,
}

#[derive(Debug)]
struct Match {
    regex: Regex,
    negated: bool,
}

#[derive(Debug)]
struct Patterns(Rules<Condition, Template>);

pub(super) fn open_regexp(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    open(definition, Dialect::Posix)
}

pub(super) fn open_pcre(definition: &mut Definition<'_>) -> Result<Box<dyn Lookup>> {
    open(definition, Dialect::Perl)
}

fn open(definition: &mut Definition<'_>, dialect: Dialect) -> Result<Box<dyn Lookup>> {
    let text = text(definition, true)?;
    let mut rules = RulesBuilder::new();
    let mut unsupported = 0;
    each_rule(definition, &text, |definition, place, statement| {
        let mut reader = Reader { definition, place, dialect };
        let done = match statement {
            Statement::If(text) => {
                reader.condition(text).map(|condition| rules.begin(place, condition))
            }
            Statement::EndIf(extra) => {
                if !rules.end() {
                    reader.warn(b"ignoring ENDIF without matching IF");
                } else if !extra.is_empty() {
                    reader.warn(b"ignoring extra text after ENDIF");
                }
                Ok(())
            }
            Statement::Rule(text) if text.first().is_some_and(u8::is_ascii_alphanumeric) => {
                reader.warn(b"ignoring unrecognized request");
                Ok(())
            }
            Statement::Rule(text) => {
                reader.rule(text).map(|(condition, result)| rules.rule(condition, result))
            }
        };
        if let Err(Skipped::Unsupported) = done {
            unsupported += 1;
        }
        Ok(())
    })?;
    if unsupported > 0 {
        let text = format!(": regular expressions that are not supported: {unsupported}");
        return Err(definition_error([&map_name(definition)[..], text.as_bytes()].concat()));
    }
    Ok(Box::new(Patterns(rules.finish(definition))))
}

impl Lookup for Patterns {
    fn get(&self, key: &[u8], forms: Forms) -> Result<Option<Found<'_>>, Failure> {
        let Some((condition, result)) = self.0.find(|condition| condition.holds(key)) else {
            return Ok(None);
        };
        let groups = match result.last_group() {
            Some(_) => condition.first.regex.groups(key),
            None => Vec::new(),
        };
        let group = |number| {
            let span = groups.get(number as usize).cloned().flatten();
            span.and_then(|span| key.get(span)).unwrap_or_default()
        };
        Ok(Some((result.expand(group).into(), forms)))
    }
}

impl Condition {
    fn holds(&self, key: &[u8]) -> bool {
        self.first.holds(key) && self.second.as_ref().is_none_or(|second| second.holds(key))
    }
}

impl Match {
    fn holds(&self, key: &[u8]) -> bool {
        self.regex.is_match(key) != self.negated
    }
}

/// A rule was left out; the reason has been told.
enum Skipped {
    /// As Postfix does.
    Wrong,
    /// Postfix would not: the table cannot be used.
    Unsupported,
}

/// A pattern as it is written.
struct Written<'l> {
    pattern: &'l [u8],
    flags: Flags,
    negated: bool,
}

/// Reads one line.
struct Reader<'r, 'd> {
    definition: &'r mut Definition<'d>,
    place: &'r Place<'r>,
    dialect: Dialect,
}

impl Reader<'_, '_> {
    fn warn(&mut self, text: &[u8]) {
        (self.definition.warn)(&self.place.message(text));
    }

    /// Leaves the rule out.
    fn skip(&mut self, why: &[u8]) -> Skipped {
        self.warn(&[why, b": skipping this rule"].concat());
        Skipped::Wrong
    }

    /// What stands behind `if`.
    fn condition(&mut self, text: &[u8]) -> Result<Condition, Skipped> {
        let (first, rest) = self.pattern(text)?;
        let extra = trim_start(rest);
        if !extra.is_empty() {
            self.warn(&[b"ignoring extra text after IF statement: \"", extra, b"\""].concat());
            self.warn(b"do not prepend whitespace to statements between IF and ENDIF");
        }
        Ok(Condition { first: self.compile(&first, false)?, second: None })
    }

    /// `pattern [ "!" pattern ] whitespace result`.
    fn rule(&mut self, text: &[u8]) -> Result<(Condition, Template), Skipped> {
        let (first, mut rest) = self.pattern(text)?;
        let mut second = None;
        if self.dialect == Dialect::Posix && rest.starts_with(b"!") {
            let written;
            (written, rest) = self.pattern(rest)?;
            second = Some(written);
        }
        let result = trim_start(rest);
        if result.is_empty() {
            self.warn(b"no replacement text: using empty string");
        }
        let result = self.definition.value(result).map_err(|problem| self.skip(&problem))?;
        let template = self.template(&result)?;
        let last = template.last_group();
        if last.is_some() && first.negated {
            return Err(self.skip(b"$number found in negative match replacement text"));
        }
        let first = self.compile(&first, last.is_some())?;
        if let Some(last) = last.filter(|last| *last as usize > first.regex.group_count()) {
            // Postfix's numbers have a sign.
            let index = last.cast_signed();
            let why = format!("out of range replacement index \"{index}\"");
            return Err(self.skip(why.as_bytes()));
        }
        let second = second.map(|second| self.compile(&second, false)).transpose()?;
        Ok((Condition { first, second }, template))
    }

    /// `*( "!" / whitespace ) delimiter pattern delimiter flags`, and what follows.
    fn pattern<'l>(&mut self, text: &'l [u8]) -> Result<(Written<'l>, &'l [u8]), Skipped> {
        let (marks, text) = split_while(text, |byte| byte == b'!' || is_space(byte));
        let negated = marks.iter().filter(|byte| **byte == b'!').count() % 2 == 1;
        let Some((delimiter, text)) = text.split_first() else {
            return Err(self.skip(b"no regexp"));
        };
        let mut escaped = false;
        let (pattern, rest) = split_while(text, |byte| {
            let ends = byte == *delimiter && !escaped;
            escaped = byte == b'\\' && !escaped;
            !ends
        });
        let posix = self.dialect == Dialect::Posix;
        // A backslash that ends the line is taken for the delimiter.
        let (pattern, rest) = match pattern {
            [pattern @ .., b'\\'] if posix && escaped && rest.is_empty() => (pattern, &b"\\"[..]),
            pattern => (pattern, rest),
        };
        let Some((_, rest)) = rest.split_first() else {
            let why = [b"no closing regexp delimiter \"", &[*delimiter][..], b"\""].concat();
            if posix {
                return Err(self.skip(&why));
            }
            self.warn(&[&why[..], b": ignoring this rule"].concat());
            return Err(Skipped::Wrong);
        };
        let (letters, rest) = split_while(rest, |byte| !(is_space(byte) || posix && byte == b'!'));
        let mut flags = Flags::default();
        for letter in letters {
            if self.dialect == Dialect::Perl && *letter == b'X' {
                self.warn(b"ignoring obsolete regexp option \"X\"");
            } else if !flags.toggle(self.dialect, *letter) {
                let why = [b"unknown regexp option \"", &[*letter][..], b"\""].concat();
                return Err(self.skip(&why));
            }
        }
        Ok((Written { pattern, flags, negated }, rest))
    }

    fn template(&mut self, text: &[u8]) -> Result<Template, Skipped> {
        Template::parse(text).map_err(|problem| {
            match problem {
                Problem::Syntax(what, text) => {
                    (self.definition.warn)(&[what.as_bytes(), b": \"", &text, b"\""].concat());
                }
                Problem::Names(names) => {
                    for name in names {
                        let what = match (name.iter().all(u8::is_ascii_digit), self.dialect) {
                            (false, _) => "non-numeric replacement index",
                            (true, Dialect::Posix) => "out-of-range replacement index",
                            (true, Dialect::Perl) => "out of range replacement index",
                        };
                        self.warn(&[what.as_bytes(), b" \"", &name, b"\""].concat());
                    }
                }
            }
            self.skip(b"bad replacement syntax")
        })
    }

    fn compile(&mut self, written: &Written<'_>, groups: bool) -> Result<Match, Skipped> {
        let Written { pattern, flags, negated } = *written;
        match Regex::compile(pattern, self.dialect, flags, groups) {
            Ok(regex) => Ok(Match { regex, negated }),
            Err(PatternError::Wrong(words)) => {
                self.warn(words.as_bytes());
                Err(Skipped::Wrong)
            }
            Err(PatternError::Unsupported(what)) => {
                let what = what.as_bytes();
                self.warn(&[b"not supported: ", what, b" in \"", pattern, b"\""].concat());
                Err(Skipped::Unsupported)
            }
        }
    }
}
