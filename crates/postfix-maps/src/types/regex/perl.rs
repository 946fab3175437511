//! PCRE's regular expressions, over bytes and in the C locale.

use regex_syntax::hir::{ClassBytes, Look};

use super::syntax::{
    Cursor, DEEPEST, MOST_REPETITIONS, Node, byte, escaped_set, named, negated, set,
};
use super::{Flags, Parsed, PatternError};

pub(super) fn parse(pattern: &[u8], flags: Flags) -> Result<Parsed, PatternError> {
    if pattern.starts_with(b"(*") {
        return Err("a verb".into());
    }
    let mut parser = Parser { cursor: Cursor::new(pattern), flags, groups: 0 };
    let node = parser.alternatives(0)?;
    if parser.cursor.peek().is_some() {
        return Err(wrong(parser.cursor.at, "unmatched closing parenthesis"));
    }
    let node = match flags.anchored {
        true => Node::Concat(vec![Node::Look(Look::Start), node]),
        false => node,
    };
    Ok((node, parser.groups as usize))
}

/// PCRE's words for an error.
fn wrong(offset: usize, words: &str) -> PatternError {
    PatternError::Wrong(format!("error in regex at offset {offset}: {words}"))
}

struct Parser<'p> {
    cursor: Cursor<'p>,
    flags: Flags,
    groups: u32,
}

impl Parser<'_> {
    /// All up to the end, or to a closing parenthesis.
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
        while !matches!(self.cursor.peek(), None | Some(b'|' | b')')) {
            let atom = self.atom(depth)?;
            nodes.push(self.repeated(atom)?);
        }
        Ok(Node::Concat(nodes))
    }

    /// An atom, with the repetition behind it.
    fn repeated(&mut self, node: Node) -> Result<Node, PatternError> {
        let Some((min, max)) = self.quantifier()? else { return Ok(node) };
        if matches!(node, Node::Look(_) | Node::End | Node::LineStart) {
            return Err("a repetition of a position".into());
        }
        let marked = self.cursor.eat(b"?");
        if self.cursor.eat(b"+") {
            return Err("a possessive repetition".into());
        }
        if self.quantifier()?.is_some() {
            return Err("a repetition of a repetition".into());
        }
        let greedy = marked == self.flags.lazy;
        Ok(Node::Repeat { node: Box::new(node), min, max, greedy })
    }

    /// `*`, `+`, `?`, `{n}`, `{n,}` or `{n,m}`. Other braces stand for themselves.
    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, PatternError> {
        let start = self.cursor.at;
        let (min, max) = match self.cursor.next() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => {
                let min = self.cursor.number();
                let comma = self.cursor.eat(b",");
                let max = self.cursor.number();
                match (min, comma, max, self.cursor.eat(b"}")) {
                    (Some(min), true, max, true) => (min, max),
                    (Some(min), false, None, true) => (min, Some(min)),
                    _ => {
                        self.cursor.at = start;
                        return Ok(None);
                    }
                }
            }
            _ => {
                self.cursor.at = start;
                return Ok(None);
            }
        };
        if min.max(max.unwrap_or(0)) > MOST_REPETITIONS || max.is_some_and(|max| min > max) {
            return Err("such a number of repetitions".into());
        }
        Ok(Some((min, max)))
    }

    fn atom(&mut self, depth: usize) -> Result<Node, PatternError> {
        if self.quantifier()?.is_some() {
            return Err(wrong(self.cursor.at - 1, "quantifier does not follow a repeatable item"));
        }
        let lines = self.flags.lines;
        Ok(match self.cursor.next() {
            Some(b'(') => {
                if depth == DEEPEST {
                    return Err("groups that are nested so deeply".into());
                }
                let number = if self.cursor.eat(b"?:") {
                    None
                } else if matches!(self.cursor.peek(), Some(b'?' | b'*')) {
                    return Err("a group of a special kind".into());
                } else {
                    self.groups += 1;
                    Some(self.groups)
                };
                let inner = self.alternatives(depth + 1)?;
                if !self.cursor.eat(b")") {
                    return Err(wrong(self.cursor.at, "missing closing parenthesis"));
                }
                Node::Group(number, Box::new(inner))
            }
            Some(b'^') if lines => Node::LineStart,
            Some(b'^') => Node::Look(Look::Start),
            Some(b'$') if lines => Node::Look(Look::EndLF),
            Some(b'$') if self.flags.end_only => Node::Look(Look::End),
            Some(b'$') => Node::End,
            Some(b'.') if self.flags.dot_stops => Node::Byte(negated(byte(b'\n'))),
            Some(b'.') => Node::Byte(set([(0, u8::MAX)])),
            Some(b'[') => Node::Byte(self.bracket()?),
            Some(b'\\') => match self.cursor.peek() {
                Some(b'b') => self.position(Look::WordAscii),
                Some(b'B') => self.position(Look::WordAsciiNegate),
                Some(b'A') => self.position(Look::Start),
                Some(b'z') => self.position(Look::End),
                Some(b'Z') => {
                    self.cursor.next();
                    Node::End
                }
                _ => Node::Byte(self.escape(false)?),
            },
            Some(literal) => Node::Byte(self.folded(byte(literal))),
            None => return Err("an empty pattern".into()),
        })
    }

    fn position(&mut self, look: Look) -> Node {
        self.cursor.next();
        Node::Look(look)
    }

    /// What stands behind a backslash and means one byte.
    fn escape(&mut self, in_class: bool) -> Result<ClassBytes, PatternError> {
        let literal = match self.cursor.next() {
            None => {
                return Err(wrong(self.cursor.at, "\\ at end of pattern"));
            }
            Some(letter @ (b'd' | b'D' | b's' | b'S' | b'w' | b'W')) => {
                return Ok(escaped_set(letter).ok_or("an escape sequence")?);
            }
            Some(b'a') => 0x07,
            Some(b'e') => 0x1b,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'b') if in_class => 0x08,
            Some(b'x') => {
                let digits = self
                    .cursor
                    .rest()
                    .get(..2)
                    .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
                let digits = digits.and_then(|digits| str::from_utf8(digits).ok());
                let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                self.cursor.at += 2;
                value.ok_or("a hexadecimal number that has not two digits")?
            }
            Some(b'1'..=b'9') if !in_class => return Err("a back-reference".into()),
            Some(literal) if !literal.is_ascii_alphanumeric() => literal,
            Some(_) => return Err("an escape sequence".into()),
        };
        Ok(self.folded(byte(literal)))
    }

    /// What stands behind `[`.
    fn bracket(&mut self) -> Result<ClassBytes, PatternError> {
        let unmatched =
            |cursor: &Cursor<'_>| wrong(cursor.at, "missing terminating ] for character class");
        let negate = self.cursor.eat(b"^");
        let mut class = ClassBytes::empty();
        let start = self.cursor.at;
        loop {
            let first_place = self.cursor.at == start;
            let (first, set_of_bytes) = match self.cursor.next() {
                None => return Err(unmatched(&self.cursor)),
                Some(b']') if !first_place => break,
                Some(b'[') if matches!(self.cursor.peek(), Some(b'.' | b'=')) => {
                    return Err("a collating element".into());
                }
                Some(b'[') if self.cursor.eat(b":") => {
                    let rest = self.cursor.rest();
                    let end = rest.windows(2).position(|pair| pair == b":]");
                    let name = end.and_then(|end| rest.get(..end)).ok_or("\"[:\"")?;
                    self.cursor.at += name.len() + 2;
                    let inverted = name.strip_prefix(b"^");
                    let set = named(match inverted.unwrap_or(name) {
                        b"upper" | b"lower" if !self.flags.case => b"alpha",
                        name => name,
                    });
                    let set = set.ok_or("an unknown class of characters")?;
                    (None, if inverted.is_some() { negated(set) } else { set })
                }
                Some(b'\\') => {
                    let set = self.escape(true)?;
                    // Two bytes: a letter in both cases.
                    let literal = set.iter().next().map(|range| range.start());
                    let single = set.iter().all(|range| range.start() == range.end());
                    (literal.filter(|_| single), set)
                }
                Some(b'-') if !first_place && self.cursor.peek() != Some(b']') => {
                    return Err("a hyphen in this place".into());
                }
                Some(literal) => (Some(literal), self.folded(byte(literal))),
            };
            let range = matches!(self.cursor.rest(), [b'-', end, ..] if *end != b']');
            if !range {
                class.union(&set_of_bytes);
                continue;
            }
            self.cursor.next();
            match (first, self.cursor.next()) {
                (Some(first), Some(last))
                    if first <= last && ![first, last].iter().any(|b| b"[\\-".contains(b)) =>
                {
                    class.union(&self.folded(set([(first, last)])));
                }
                _ => return Err("a range with these bounds".into()),
            }
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
