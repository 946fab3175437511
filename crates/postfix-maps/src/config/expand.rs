//! Expansion of `$name` references in parameter values (postmap specification, section 13).

use std::cmp::Ordering;

use super::level::CompatibilityLevel;
use super::scan::{balanced, split_name, split_while, trim_start, whole_integer};
use super::{ConfigProblem, Parameters};

/// References may nest this deep. A loop always gets deeper, so this is what ends it.
const MAX_LEVEL: usize = 100;

/// Postfix counts levels anew in each operand of a comparison, and crashes on a loop that runs
/// through one. This bounds the sum, and with it the stack.
const MAX_DEPTH: usize = 4 * MAX_LEVEL;

/// How many bytes of text one expansion may scan: `a = $b$b`, `b = $c$c`, ... doubles its work with
/// every line.
const MAX_WORK: usize = 1 << 24;

/// Expands `text`. What Postfix warns of before it gives up goes to `warnings`.
///
/// # Errors
///
/// [`ConfigProblem::Expansion`] after any warning, or one of the problems that end an expansion at
/// once.
pub(super) fn expand(
    parameters: &Parameters,
    text: &[u8],
    warnings: &mut Vec<Vec<u8>>,
) -> Result<Vec<u8>, ConfigProblem> {
    let mut expander =
        Expander { parameters, level: 0, outer: 0, work: 0, failed: false, warnings };
    let mut result = Vec::new();
    expander.text(text, &mut result)?;
    if expander.failed {
        return Err(ConfigProblem::Expansion);
    }
    Ok(result)
}

/// State of one expansion.
///
/// A mistake does not end it at once: like Postfix it goes on where that can only lead to more
/// warnings. What does end it at once is an `Err`.
struct Expander<'a> {
    parameters: &'a Parameters,
    /// References that the current piece stands in.
    level: usize,
    /// The same outside of the operand that is being expanded.
    outer: usize,
    /// Bytes scanned and warned of.
    work: usize,
    failed: bool,
    warnings: &'a mut Vec<Vec<u8>>,
}

/// Why a reference is given up.
enum Stop {
    /// There is a mistake in it, which has been warned of. The text around it goes on.
    Mistake,
    /// Nothing goes on.
    Problem(ConfigProblem),
}

impl From<ConfigProblem> for Stop {
    fn from(problem: ConfigProblem) -> Stop {
        Stop::Problem(problem)
    }
}

/// The operator of a comparison.
#[derive(Clone, Copy)]
enum Relation {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The bytes that an operator is made of, though most combinations mean nothing.
const OPERATOR: &[u8] = b"<>!=?+-*/~&|%";

/// The operators as Postfix lists them, stray quotes and all.
const RELATIONS: &[u8] = br#""==" or "!="" or "<"" or "<="" or ">="" or ">""#;

impl Relation {
    fn parse(operator: &[u8]) -> Option<Relation> {
        Some(match operator {
            b"==" => Relation::Equal,
            b"!=" => Relation::NotEqual,
            b"<" => Relation::Less,
            b"<=" => Relation::LessOrEqual,
            b">" => Relation::Greater,
            b">=" => Relation::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
            Relation::Less => order.is_lt(),
            Relation::LessOrEqual => order.is_le(),
            Relation::Greater => order.is_gt(),
            Relation::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl<'a> Expander<'a> {
    fn warn(&mut self, parts: &[&[u8]]) -> Stop {
        let warning = parts.concat();
        self.failed = true;
        self.work += warning.len() + 1;
        self.warnings.push(warning);
        Stop::Mistake
    }

    fn charge(&mut self, work: usize) -> Result<(), ConfigProblem> {
        self.work += work;
        if self.work > MAX_WORK {
            return Err(ConfigProblem::TooLarge);
        }
        Ok(())
    }

    /// Splits text into literal pieces and references, and expands each.
    fn text(&mut self, text: &[u8], result: &mut Vec<u8>) -> Result<(), ConfigProblem> {
        self.charge(text.len())?;
        let mut literal = Vec::new();
        let mut rest = text;
        while let [first, after @ ..] = rest {
            rest = match (first, after) {
                (b'$', [b'$', after @ ..]) => {
                    literal.push(b'$');
                    after
                }
                (b'$', _) => {
                    self.literal(&mut literal, result);
                    let bracketed = matches!(after, [b'{' | b'(', ..]);
                    let Some((reference, after)) = split_reference(after) else {
                        self.warn(&[b"truncated macro reference: \"", text, b"\""]);
                        return Ok(());
                    };
                    // Postfix too: behind a mistake it goes on with plain names, not with bracketed
                    // ones.
                    if bracketed && self.failed {
                        return Ok(());
                    }
                    if reference.is_empty() {
                        self.warn(&[b"empty macro name: \"", text, b"\""]);
                        return Ok(());
                    }
                    self.reference(reference, result)?;
                    after
                }
                (byte, after) => {
                    literal.push(*byte);
                    after
                }
            };
        }
        if !self.failed {
            self.literal(&mut literal, result);
        }
        Ok(())
    }

    fn literal(&mut self, literal: &mut Vec<u8>, result: &mut Vec<u8>) {
        if !literal.is_empty() && self.enter(literal) {
            result.extend_from_slice(literal);
            self.leave();
        }
        literal.clear();
    }

    /// Expands what stands between the brackets of one reference.
    fn reference(&mut self, body: &[u8], result: &mut Vec<u8>) -> Result<(), ConfigProblem> {
        self.charge(1)?;
        if !self.enter(body) {
            return Ok(());
        }
        match self.entered(body, result) {
            Ok(()) => self.leave(),
            Err(Stop::Mistake) => {}
            Err(Stop::Problem(problem)) => return Err(problem),
        }
        Ok(())
    }

    fn entered(&mut self, body: &[u8], result: &mut Vec<u8>) -> Result<(), Stop> {
        let start = trim_start(body);
        let (value, operator) =
            if start.starts_with(b"{") { self.comparison(start)? } else { self.name(body)? };
        if operator.is_empty() {
            self.text(value, result)?;
        } else {
            self.choice(value, operator, result)?;
        }
        Ok(())
    }

    /// `name`, and what follows it: the value, not expanded, and the operator.
    fn name<'t>(&mut self, body: &'t [u8]) -> Result<(&'t [u8], &'t [u8]), Stop>
    where
        'a: 't,
    {
        let (name, after) = split_name(trim_start(body));
        let operator = trim_start(after);
        if !matches!(operator, [] | [b'?' | b':', ..]) {
            let complaint = b"attribute name syntax error at: \"...";
            let before = body.strip_suffix(after).unwrap_or(body);
            return Err(self.warn(&[complaint, before, b">>>", excerpt(after), b"\""]));
        }
        let value = self.parameters.get(name).unwrap_or_default();
        Ok((value, operator))
    }

    /// `{left} == {right}`, and what follows it: `true` or nothing, and the operator.
    fn comparison<'t>(&mut self, start: &'t [u8]) -> Result<(&'t [u8], &'t [u8]), Stop> {
        let (left, after_left) = self.braced(start)?;
        let (operator, after_operator) = split_while(after_left, |byte| OPERATOR.contains(&byte));
        let Some(relation) = Relation::parse(operator) else {
            let complaint = b" expected at: \"...";
            let rest = excerpt(after_left);
            return Err(self.warn(&[RELATIONS, complaint, left, b"}>>>", rest, b"\""]));
        };
        let (suffix, after_suffix) =
            split_while(after_operator, |byte| byte.is_ascii_alphanumeric());
        if !matches!(suffix, b"" | b"level") {
            let complaint = b"bad operator suffix at: \"...";
            return Err(self.warn(&[complaint, operator, b">>>", suffix, b"\""]));
        }
        let right = trim_start(after_suffix);
        if !right.starts_with(b"{") {
            let complaint = b"\"{expression}\" expected at: \"...{";
            let rest = excerpt(after_suffix);
            return Err(self.warn(&[complaint, left, b"} ", operator, b">>>", rest, b"\""]));
        }
        let (right, rest) = self.braced(right)?;
        let (left, right) = (self.operand(left)?, self.operand(right)?);
        let order = match suffix {
            b"" => compare(&left, &right)?,
            _ => self.level(&left)?.cmp(&self.level(&right)?),
        };
        if self.failed {
            return Err(Stop::Mistake);
        }
        if !matches!(rest, [] | [b'?' | b':', ..]) {
            let complaint = b"\"?\" or \":\" expected at: \"...}>>>";
            return Err(self.warn(&[complaint, excerpt(rest), b"\""]));
        }
        Ok((if relation.holds(order) { b"true" } else { b"" }, rest))
    }

    /// Expands one side of a comparison. If that fails, what there is of it is compared all the
    /// same.
    fn operand(&mut self, text: &[u8]) -> Result<Vec<u8>, ConfigProblem> {
        if self.outer + self.level > MAX_DEPTH {
            return Err(ConfigProblem::TooLarge);
        }
        let outside = (self.outer, self.level, self.failed);
        (self.outer, self.level, self.failed) = (self.outer + self.level, 0, false);
        let mut value = Vec::new();
        self.text(text, &mut value)?;
        let failed = self.failed;
        (self.outer, self.level, self.failed) = outside;
        self.failed |= failed;
        Ok(value)
    }

    fn level(&mut self, text: &[u8]) -> Result<CompatibilityLevel, Stop> {
        CompatibilityLevel::parse(text)
            .ok_or_else(|| self.warn(&[b"malformed compatibility level syntax: \"", text, b"\""]))
    }

    /// Expands the text that an operator chooses: the one behind `?` if there is a value, else the
    /// one behind `:`. A mistake behind the chosen text is found after it was expanded.
    fn choice(&mut self, value: &[u8], operator: &[u8], result: &mut Vec<u8>) -> Result<(), Stop> {
        let mut rest = operator;
        if let Some(filled) = rest.strip_prefix(b"?") {
            let text;
            (text, rest) = self.branch(filled)?;
            if !value.is_empty() {
                self.text(text, result)?;
            }
            if !matches!(rest, [] | [b':', ..]) {
                let complaint = b"\":\" expected at: \"...";
                return Err(self.warn(&[complaint, text, b"}>>>", excerpt(rest), b"\""]));
            }
        }
        if let Some(empty) = rest.strip_prefix(b":") {
            let text;
            (text, rest) = self.branch(empty)?;
            if value.is_empty() {
                self.text(text, result)?;
            }
            if !rest.is_empty() {
                let complaint = b"unexpected input at: \"...";
                return Err(self.warn(&[complaint, text, b"}>>>", excerpt(rest), b"\""]));
            }
        }
        Ok(())
    }

    /// The text behind an operator, and what follows: text in braces, or else all there is.
    fn branch<'t>(&mut self, text: &'t [u8]) -> Result<(&'t [u8], &'t [u8]), Stop> {
        let braces = trim_start(text);
        if braces.starts_with(b"{") { self.braced(braces) } else { Ok((text, b"")) }
    }

    /// The text between the braces that `start` begins with, and what follows them and whitespace.
    fn braced<'t>(&mut self, start: &'t [u8]) -> Result<(&'t [u8], &'t [u8]), Stop> {
        match balanced(start, b'{', b'}') {
            Some((text, rest)) => Ok((text, trim_start(rest))),
            None => {
                let complaint = b"unbalanced {} in attribute expression: \"";
                Err(self.warn(&[complaint, start, b"\""]))
            }
        }
    }

    /// Goes one level down, unless that is too deep or the expansion has failed before.
    ///
    /// As in Postfix, what is not entered is not left either: once the limit was hit, every further
    /// piece on the way back warns too.
    fn enter(&mut self, piece: &[u8]) -> bool {
        let too_deep = self.level > MAX_LEVEL;
        self.level += 1;
        if too_deep {
            self.warn(&[b"unreasonable macro call nesting: \"", piece, b"\""]);
        }
        !self.failed
    }

    fn leave(&mut self) {
        self.level -= 1;
    }
}

/// Compares two operands: as numbers if both are, else byte by byte.
fn compare(left: &[u8], right: &[u8]) -> Result<Ordering, ConfigProblem> {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if !is_number(left) || !is_number(right) {
        return Ok(left.cmp(right));
    }
    let number = |text: &[u8]| {
        whole_integer(text).ok_or_else(|| ConfigProblem::BadConversion(text.to_vec()))
    };
    Ok(number(left)?.cmp(&number(right)?))
}

/// `name`, `{name}` or `(name)` behind a `$`, and what follows; none if the bracket is not closed.
fn split_reference(after: &[u8]) -> Option<(&[u8], &[u8])> {
    match after {
        [b'{', ..] => balanced(after, b'{', b'}'),
        [b'(', ..] => balanced(after, b'(', b')'),
        _ => Some(split_name(after)),
    }
}

/// The start of text that a message shows.
fn excerpt(text: &[u8]) -> &[u8] {
    text.get(..20).unwrap_or(text)
}

#[cfg(test)]
mod tests;
