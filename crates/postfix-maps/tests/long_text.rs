//! A text so long that two threads read it gives what one would make of it.

mod common;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write;

use common::Dir;
use postfix_map_text::{Item, map_entries};
use postfix_maps::{Access, KeyRules, NewTable, Syntax, TableText, WriteOptions};

/// 1.5 MB with something of everything, and duplicates near each other and far apart.
fn text() -> Vec<u8> {
    let mut text = String::new();
    for i in 0..40_000 {
        let number = i * 7919 % 35_000;
        match i % 11 {
            0 => writeln!(text, "# comment {i}\nUser{number}@Example.ORG\n  value of {i}"),
            1 => writeln!(text, "lonely{i}"),
            2 => writeln!(text, "colon{number}: value {i}"),
            3 => writeln!(text, "caf\u{c9}{number} value {i}\n"),
            _ => writeln!(text, "user{number}@example.org\tvalue {i}"),
        }
        .unwrap();
        if i % 1000 == 5 {
            text.push_str("   # an indented comment\n  and what goes on\n");
        }
    }
    let mut text = text.into_bytes();
    for at in (1000..text.len()).step_by(50_000) {
        text[at] = 0xff;
    }
    text
}

#[test]
fn two_threads_make_the_same_of_a_text() {
    let text = text();
    assert!(text.len() > 1 << 20, "{}", text.len());
    let dir = Dir::new();
    let mut warnings = Vec::new();
    let syntax = Syntax::Map { values_are_files: false };
    let source = TableText { name: b"source", text: &text, syntax };
    NewTable::open(dir.spec("long"), WriteOptions::default())
        .unwrap()
        .compile(&source, |warning| warnings.push(String::from_utf8_lossy(warning).into_owned()))
        .unwrap();

    let rules = KeyRules::default();
    let (mut expected, mut expected_warnings) = (HashMap::new(), Vec::new());
    for item in map_entries(&text, rules) {
        match item {
            Item::Diagnostic(diagnostic) => expected_warnings.push(diagnostic.message(b"source")),
            Item::Entry(entry) => {
                let key = rules.prepare(&entry.key).unwrap().into_owned();
                let file = dir.path("long.db").display().to_string();
                match expected.entry(key) {
                    Entry::Occupied(there) => {
                        let parts = [file.as_bytes(), b": duplicate entry: \"", there.key(), b"\""];
                        expected_warnings.push(parts.concat());
                    }
                    Entry::Vacant(place) => {
                        place.insert(entry.value.into_owned());
                    }
                }
            }
        }
    }
    let expected_warnings: Vec<_> =
        expected_warnings.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    assert!(expected_warnings.len() > 10_000);
    assert_eq!(warnings, expected_warnings);

    let table = dir.open("long", Access::Snapshot);
    let listed: HashMap<_, _> = table
        .iter()
        .map(|pair| pair.map(|(key, value)| (key.into_owned(), value.into_owned())).unwrap())
        .collect();
    assert!(listed == expected);
    assert_eq!(table.iter().count(), expected.len());
}
