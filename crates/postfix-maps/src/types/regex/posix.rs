//! POSIX extended regular expressions, as `regcomp` of GNU's C library reads them in the C locale.

use regex_syntax::hir::{ClassBytes, Look};

use super::syntax::{
    Cursor, DEEPEST, MOST_REPETITIONS, Node, byte, escaped_set, named, negated, set,
};
use super::{Flags, Parsed, PatternError};

pub(super) fn parse(pattern: &[u8], flags: Flags) -> Result<Parsed, PatternError> {
    let mut parser = Parser { cursor: Cursor::new(pattern), flags, groups: 0 };
    let node = parser.alternatives(0)?;
    Ok((node, parser.groups as usize))
}

/// The library's words for an error.
fn wrong(words: &str) -> PatternError {
    PatternError::Wrong(words.to_owned())
}

struct Parser<'p> {
    cursor: Cursor<'p>,
    flags: Flags,
    groups: u32,
}

impl Parser<'_> {
    /// All up to the end, or to the parenthesis that closes a group.
    fn alternatives(&mut self, depth: usize) -> Result<Node, PatternError> {
        let mut branches = Vec::new();
        loop {
            branches.push(self.branch(depth)?);
            if !self.cursor.eat(b"|") {
                return Ok(Node::Either(branches));
            }
        }
    }

    fn branch(&mut self, depth: usize) -> Result<Node, PatternError> {
        let mut nodes = Vec::new();
        while let Some(next) = self.cursor.peek() {
            if next == b'|' || next == b')' && depth > 0 {
                break;
            }
            let node = self.piece(depth)?;
            nodes.push(node);
        }
        Ok(Node::Concat(nodes))
    }

    /// An atom and the repetitions behind it.
    fn piece(&mut self, depth: usize) -> Result<Node, PatternError> {
        let mut node = self.atom(depth)?;
        let repeatable = !matches!(node, Node::Look(_));
        loop {
            let (min, max) = match self.cursor.peek() {
                Some(b'*' | b'+' | b'?' | b'{') if !repeatable => {
                    return Err(wrong("Invalid preceding regular expression"));
                }
                Some(b'*') => (0, None),
                Some(b'+') => (1, None),
                Some(b'?') => (0, Some(1)),
                Some(b'{') => self.interval()?,
                _ => return Ok(node),
            };
            self.cursor.at += 1;
            node = Node::Repeat { node: Box::new(node), min, max, greedy: true };
        }
    }

    /// `{n}`, `{n,}`, `{,m}` or `{n,m}`; the closing brace comes next after that.
    fn interval(&mut self) -> Result<(u32, Option<u32>), PatternError> {
        self.cursor.next();
        let first = self.cursor.number();
        let comma = self.cursor.eat(b",");
        let second = self.cursor.number();
        let (min, max) = match (first, comma, second) {
            (Some(times), false, _) => (times, Some(times)),
            (first, true, max) => (first.unwrap_or(0), max),
            (None, false, _) => return Err("a brace".into()),
        };
        let good = self.cursor.peek() == Some(b'}') && max.is_none_or(|max| min <= max);
        if !good || min.max(max.unwrap_or(0)) > MOST_REPETITIONS {
            return Err("such a number of repetitions".into());
        }
        Ok((min, max))
    }

    fn atom(&mut self, depth: usize) -> Result<Node, PatternError> {
        let lines = self.flags.lines;
        Ok(match self.cursor.next() {
            Some(b'(') => {
                if depth == DEEPEST {
                    return Err("groups that are nested so deeply".into());
                }
                self.groups += 1;
                let number = self.groups;
                let inner = self.alternatives(depth + 1)?;
                if !self.cursor.eat(b")") {
                    return Err(wrong("Unmatched ( or \\("));
                }
                Node::Group(Some(number), Box::new(inner))
            }
            Some(b'^') => Node::Look(if lines { Look::StartLF } else { Look::Start }),
            Some(b'$') => Node::Look(if lines { Look::EndLF } else { Look::End }),
            Some(b'.') if lines => Node::Byte(negated(byte(b'\n'))),
            Some(b'.') => Node::Byte(set([(0, u8::MAX)])),
            Some(b'[') => Node::Byte(self.bracket()?),
            Some(b'*' | b'+' | b'?' | b'{') => {
                return Err(wrong("Invalid preceding regular expression"));
            }
            Some(b'\\') => self.escape()?,
            Some(literal) => Node::Byte(self.folded(byte(literal))),
            None => return Err(wrong("Premature end of regular expression")),
        })
    }

    fn escape(&mut self) -> Result<Node, PatternError> {
        Ok(match self.cursor.next() {
            Some(b'1'..=b'9') => return Err("a back-reference".into()),
            Some(b'b') => Node::Look(Look::WordAscii),
            Some(b'<') => Node::Look(Look::WordStartAscii),
            Some(b'>') => Node::Look(Look::WordEndAscii),
            Some(letter @ (b'w' | b's' | b'W' | b'S')) if !self.flags.lines => {
                Node::Byte(escaped_set(letter).ok_or("an escape sequence")?)
            }
            Some(literal) if literal.is_ascii_punctuation() && !b"`'".contains(&literal) => {
                Node::Byte(byte(literal))
            }
            Some(_) => return Err("an escape sequence".into()),
            None => return Err(wrong("Trailing backslash")),
        })
    }

    /// What stands behind `[`.
    fn bracket(&mut self) -> Result<ClassBytes, PatternError> {
        let cursor = &mut self.cursor;
        let unmatched = || wrong("Unmatched [, [^, [:, [., or [=");
        if cursor.rest().is_empty() {
            return Err(wrong("Invalid regular expression"));
        }
        let negate = cursor.eat(b"^");
        let mut class = ClassBytes::empty();
        let start = cursor.at;
        loop {
            let first = match cursor.next().ok_or_else(unmatched)? {
                b']' if cursor.at > start + 1 => break,
                b'[' if matches!(cursor.peek(), Some(b'.' | b'=')) => {
                    return Err("a collating element".into());
                }
                b'[' if cursor.eat(b":") => {
                    let end = cursor.rest().windows(2).position(|pair| pair == b":]");
                    let name = end.and_then(|end| cursor.rest().get(..end));
                    let name = name.ok_or("a bracket that is not closed")?;
                    cursor.at += name.len() + 2;
                    let name = match name {
                        // Not one of GNU's.
                        b"word" => return Err("[:word:]".into()),
                        b"upper" | b"lower" if !self.flags.case => b"alpha",
                        name => name,
                    };
                    class.union(&named(name).ok_or("an unknown class of characters")?);
                    if cursor.peek() == Some(b'-') && !cursor.rest().starts_with(b"-]") {
                        return Err("a hyphen behind a class of characters".into());
                    }
                    continue;
                }
                b'-' if cursor.at > start + 1 && cursor.peek() != Some(b']') => {
                    return Err("a hyphen in this place".into());
                }
                first => first,
            };
            let range = matches!(cursor.rest(), [b'-', end, ..] if *end != b']');
            let last = if range {
                cursor.next();
                cursor.next().ok_or_else(unmatched)?
            } else {
                first
            };
            if range && (last == b'[' || first == b'-' || last == b'-') {
                return Err("a range with this bound".into());
            }
            // Without regard to case, all is done in upper case.
            let bound = |byte: u8| if self.flags.case { byte } else { byte.to_ascii_uppercase() };
            let (first, last) = (bound(first), bound(last));
            if first > last {
                return Err(wrong("Invalid range end"));
            }
            if range && !last.is_ascii() {
                return Err("a range of bytes that are not ASCII".into());
            }
            class.union(&set([(first, last)]));
        }
        if !self.flags.case {
            // The set says which bytes match after they have been turned into upper case.
            let has =
                |byte: u8| class.iter().any(|range| range.start() <= byte && byte <= range.end());
            let bytes = (0..=u8::MAX).filter(|byte| has(byte.to_ascii_uppercase()));
            class = set(bytes.map(|byte| (byte, byte)));
        }
        if negate && self.flags.lines {
            class.union(&byte(b'\n'));
        }
        Ok(if negate { negated(class) } else { class })
    }

    fn folded(&self, mut class: ClassBytes) -> ClassBytes {
        if !self.flags.case {
            class.case_fold_simple();
        }
        class
    }
}
