//! Regular expressions as POSIX's `regcomp` (in GNU's library) and PCRE understand them, over
//! bytes.
//!
//! A pattern becomes a syntax tree ([`posix`], [`perl`]), and that one for the engines of the
//! `regex` crate ([`lower`]). Whatever they would not treat exactly as the original does is
//! refused. Much depends on whether the groups matter. Where they do not, only the language counts:
//! which texts have a match anywhere. Where they do, the match itself has to be the same one, and
//! the path through the pattern:
//!
//! - PCRE takes the leftmost match, and of the paths from there the first in its order of
//!   preference. So do the engines.
//! - GNU's `regexec` takes the leftmost match, of these the longest, and of the paths to its end
//!   the first in the same order of preference. (POSIX asks for another one; GNU's library does not
//!   do that.) An engine that follows all paths at once, and keeps the preferred one to each
//!   position, finds just that.

mod lower;
mod perl;
mod posix;
mod syntax;

use std::ops::Range;

use regex_automata::meta;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::{Anchored, Input, MatchKind};

use syntax::Node;

/// Memory for a compiled pattern, in bytes. Repetitions of repetitions can ask for any amount.
const SIZE_LIMIT: usize = 1 << 20;

/// Whose regular expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::types) enum Dialect {
    /// POSIX extended ones, as GNU's C library has them.
    Posix,
    /// PCRE's.
    Perl,
}

/// How a pattern is meant.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::types) struct Flags {
    /// `i`: the case of ASCII letters counts.
    case: bool,
    /// `m`: `^` and `$` match at newlines; in POSIX also: `.` and `[^...]` do not match one.
    lines: bool,
    /// `x`: another syntax.
    other_syntax: bool,
    /// `s`, PCRE: `.` does not match a newline.
    dot_stops: bool,
    /// `A`, PCRE: only at the start.
    anchored: bool,
    /// `E`, PCRE: `$` does not match before a last newline.
    end_only: bool,
    /// `U`, PCRE: repetitions are lazy unless marked.
    lazy: bool,
}

impl Flags {
    /// Applies a letter; tells whether there is such a flag.
    pub fn toggle(&mut self, dialect: Dialect, letter: u8) -> bool {
        let flag = match (letter, dialect) {
            (b'i', _) => &mut self.case,
            (b'm', _) => &mut self.lines,
            (b'x', _) => &mut self.other_syntax,
            (b's', Dialect::Perl) => &mut self.dot_stops,
            (b'A', Dialect::Perl) => &mut self.anchored,
            (b'E', Dialect::Perl) => &mut self.end_only,
            (b'U', Dialect::Perl) => &mut self.lazy,
            _ => return false,
        };
        *flag = !*flag;
        true
    }
}

/// Why there is no [`Regex`] for a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::types) enum PatternError {
    /// The original refuses it, in these words.
    Wrong(String),
    /// The original has a meaning for it, which cannot be had here.
    Unsupported(&'static str),
}

impl From<&'static str> for PatternError {
    fn from(what: &'static str) -> Self {
        PatternError::Unsupported(what)
    }
}

/// A compiled pattern.
#[derive(Debug)]
pub(in crate::types) struct Regex {
    matcher: meta::Regex,
    /// For POSIX's groups: follows all paths.
    longest: Option<PikeVM>,
    group_count: usize,
}

/// Where a group matched, if it did.
type Span = Option<Range<usize>>;

impl Regex {
    /// `groups`: whether [`groups`](Self::groups) will be called.
    pub fn compile(
        pattern: &[u8],
        dialect: Dialect,
        flags: Flags,
        groups: bool,
    ) -> Result<Self, PatternError> {
        if flags.other_syntax {
            return Err("flag x".into());
        }
        let (node, group_count) = match dialect {
            Dialect::Posix => posix::parse(pattern, flags)?,
            Dialect::Perl => perl::parse(pattern, flags)?,
        };
        let hir = lower::lower(&node, dialect, groups)?;
        let too_large = "a pattern of that size";
        let matcher = meta::Regex::builder()
            .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(SIZE_LIMIT)))
            .build_from_hir(&hir)
            .map_err(|_| too_large)?;
        let longest = match dialect {
            Dialect::Posix if groups => {
                let config = thompson::Config::new().utf8(false).nfa_size_limit(Some(SIZE_LIMIT));
                let nfa = thompson::Compiler::new().configure(config).build_from_hir(&hir);
                let all = PikeVM::config().match_kind(MatchKind::All);
                let vm =
                    PikeVM::builder().configure(all).build_from_nfa(nfa.map_err(|_| too_large)?);
                Some(vm.map_err(|_| too_large)?)
            }
            _ => None,
        };
        Ok(Regex { matcher, longest, group_count })
    }

    /// How many groups the pattern has.
    pub fn group_count(&self) -> usize {
        self.group_count
    }

    /// Returns `true` if it matches somewhere in a text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.matcher.is_match(text)
    }

    /// The match in a text, and its groups; nothing where there is none.
    pub fn groups(&self, text: &[u8]) -> Vec<Span> {
        let mut captures = self.matcher.create_captures();
        match &self.longest {
            None => self.matcher.captures(text, &mut captures),
            Some(vm) => {
                let Some(first) = self.matcher.find(text) else { return Vec::new() };
                let input = Input::new(text).range(first.start()..).anchored(Anchored::Yes);
                vm.captures(&mut vm.create_cache(), input, &mut captures);
            }
        }
        captures.iter().map(|span| span.map(|span| span.range())).collect()
    }
}

/// What a parser makes: the tree, and the number of groups.
type Parsed = (Node, usize);
