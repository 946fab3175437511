//! Properties of the parser, on generated sources and on the seeds of the fuzz targets.

mod invariants;

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use invariants::{check_aliases, check_lines, check_map};
use postfix_map_text::{Item, KeyRules, alias_entries};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Pieces that the grammars treat in different ways, valid and invalid UTF-8 among them.
const PIECES: &[&[u8]] = &[
    b"a",
    b"B",
    b"key",
    b" ",
    b"  ",
    b"\t",
    b"\n",
    b"\n",
    b"\n ",
    b"\r\n",
    b"\x0b",
    b"\x0c",
    b"\0",
    b"#",
    b"\"",
    b"\"",
    b"\\",
    b":",
    b": ",
    b"(",
    b")",
    b"[",
    b"]",
    b"<",
    b">",
    b"@",
    b"%",
    b"!",
    b"|",
    b",",
    b";",
    b".",
    b"\x01",
    b"\x7f",
    b"\xc3\x84",
    b"\xc3",
    b"\x84",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbf\xbf",
];

fn source() -> impl Strategy<Value = Vec<u8>> {
    let pieces = |count| vec(select(PIECES), count).prop_map(|pieces| pieces.concat());
    prop_oneof![
        4 => pieces(0..60),
        4 => pieces(0..30).prop_map(|value| [b"a: ", &*value].concat()),
        1 => vec(any::<u8>(), 0..200),
    ]
}

fn check_all(source: &[u8]) {
    check_lines(source);
    for utf8 in [true, false] {
        check_map(source, utf8);
        check_aliases(source, utf8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn invariants_hold(source in source()) {
        check_all(&source);
    }

    #[test]
    fn prepared_keys_stay_as_they_are(key in source(), utf8: bool, fold: bool) {
        let rules = KeyRules::default().utf8(utf8).fold(fold);
        let valid = !utf8 || str::from_utf8(&key).is_ok();
        prop_assert_eq!(rules.check_value(&key).is_ok(), valid);
        prop_assert_eq!(rules.prepare(&key).is_ok(), valid);
        if let Ok(prepared) = rules.prepare(&key) {
            // Nothing to change means nothing to allocate.
            prop_assert_eq!(matches!(prepared, Cow::Borrowed(_)), prepared == key);
            prop_assert!(matches!(rules.prepare(&prepared), Ok(Cow::Borrowed(_))));
        }
    }
}

/// Fuzz targets are not run by `cargo test`; what they start from is.
#[test]
fn fuzz_seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for target in ["map_text", "aliases_text"] {
        let files: Vec<_> = fs::read_dir(seeds.join(target)).unwrap().collect();
        assert!(!files.is_empty());
        for file in files {
            check_all(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}

/// Aliases are written anew only where the source spells them in another way.
#[test]
fn aliases_are_borrowed_where_spelled_alike() {
    for (source, name, value) in [
        ("root: admin", true, true),
        ("a b :\tb, c <d@e>, \"|f g\"  ", true, true),
        ("\"plain\": \\root", true, true),
        ("\"a b\": b,c", true, false),
        ("a\\ b: \"b\\c\"", false, false),
        ("a\"b\": b  c", false, false),
        ("a: b,", true, false),
    ] {
        let Some(Item::Entry(entry)) = alias_entries(source.as_bytes(), KeyRules::default()).next()
        else {
            panic!("{source:?} is an alias");
        };
        let borrowed = |text: &Cow<'_, [u8]>| matches!(text, Cow::Borrowed(_));
        assert_eq!((borrowed(&entry.key), borrowed(&entry.value)), (name, value), "for {source:?}");
    }
}

/// Sources that would blow up a parser that recurses, backtracks or copies.
#[test]
fn long_sources() {
    const N: usize = 200_000;
    for piece in ["(", "[", "\"", "\\", " ", "\n", "a\n ", "#\n", ",", "a ", "<", "()"] {
        let repeated = piece.repeat(N);
        for source in
            [repeated.clone(), format!("a: {repeated}"), format!("a {repeated}\n{repeated}")]
        {
            check_all(source.as_bytes());
        }
    }
}
