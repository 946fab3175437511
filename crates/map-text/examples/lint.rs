//! Says what is wrong with the texts of Postfix's tables, as a compiler does: `file:line:column: code:
//! message`. What stands on several lines has the place of the first.
//!
//! ```sh
//! cargo run -p postfix-map-text --example lint -- /etc/postfix/virtual /etc/postfix/access
//! ```
//!
//! Keys that differ in case only are the same key. The exit status is 1 if there is anything to say, 2 if a
//! file cannot be read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::process::ExitCode;
use std::{env, fs};

use postfix_map_text::{Item, KeyRules, LineIndex, LineRange, map_entries};

fn main() -> ExitCode {
    let mut status = 0;
    for file in env::args_os().skip(1) {
        let name = file.display();
        match fs::read(&file) {
            Ok(source) => {
                for finding in lint(&source) {
                    println!("{name}:{finding}");
                    status = status.max(1);
                }
            }
            Err(error) => {
                eprintln!("{name}: {error}");
                status = 2;
            }
        }
    }
    ExitCode::from(status)
}

/// All that is to be said of a source, in its order, each without the file's name.
fn lint(source: &[u8]) -> Vec<String> {
    let rules = KeyRules::default();
    let index = LineIndex::new(source);
    let place = |part: &[u8], lines: LineRange| index.position(index.span(part, lines).start);
    let mut findings = Vec::new();
    let mut first_lines = HashMap::new();
    for item in map_entries(source, rules) {
        match item {
            Item::Diagnostic(diagnostic) => {
                let place = place(&diagnostic.text, diagnostic.lines);
                findings.push(format!("{place}: {}: {}", diagnostic.kind.code(), diagnostic.kind));
            }
            Item::Entry(entry) => {
                let key =
                    rules.prepare(&entry.key).expect("lines that are not UTF-8 give no entries");
                match first_lines.entry(key.into_owned()) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(entry.lines.first);
                    }
                    Entry::Occupied(first) => {
                        let place = place(&entry.key, entry.lines);
                        let (key, first) = (entry.key.escape_ascii(), first.get());
                        findings.push(format!(
                            "{place}: duplicate-key: {key} is on line {first} already"
                        ));
                    }
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_and_duplicates_with_their_places() {
        let source = b"  indented here\n# comment\nexample.com OK\nlonely\nExample.COM REJECT\nname: value\n\
            caf\xe9 OK\n\"open OK\nEXAMPLE.com\n  OK\nalone\n# continued\n  \n";
        let expected = [
            "1:1: leading-whitespace: indented text continues no line before it",
            "4:1: expected-key-value: expected a key, whitespace and a value",
            "5:1: duplicate-key: Example.COM is on line 3 already",
            "6:1: key-colon: the key ends in a colon: is this the text of an alias database?",
            "7:1: not-utf8: not UTF-8",
            "8:1: unbalanced-quote: a double quote in the key is not closed",
            "9:1: duplicate-key: EXAMPLE.com is on line 3 already",
            "11:1: expected-key-value: expected a key, whitespace and a value",
        ];
        assert_eq!(lint(source), expected);
    }

    #[test]
    fn nothing_to_say() {
        assert!(lint(b"").is_empty());
        assert!(
            lint("# who may relay\nexample.com OK\ncaf\u{e9} OK\nexample.org\n    OK\n".as_bytes())
                .is_empty()
        );
    }
}
