//! Case folding against ICU.

use icu_casemap::CaseMapper;
use postfix_map_text::KeyRules;
use proptest::char::range;
use proptest::collection::vec;
use proptest::prelude::*;

const RULES: KeyRules = KeyRules::new();

fn fold(text: &str) -> String {
    let folded = RULES.prepare(text.as_bytes()).unwrap().into_owned();
    String::from_utf8(folded).unwrap()
}

/// What Unicode 16, 17 and 18 added to case folding. Postfix with ICU 72 (Unicode 15.0) does not
/// know these letters and leaves them alone.
const NEWER_THAN_UNICODE_15: &[std::ops::RangeInclusive<u32>] = &[
    0x1C89..=0x1C89,
    0xA7CB..=0xA7CC,
    0xA7CE..=0xA7CE,
    0xA7D2..=0xA7D2,
    0xA7D4..=0xA7D4,
    0xA7DA..=0xA7DA,
    0xA7DC..=0xA7DD,
    0xA7E2..=0xA7E2,
    0xAB6C..=0xAB6D,
    0x10D50..=0x10D65,
    0x16EA0..=0x16EB8,
    0x1DF40..=0x1DF40,
    0x1DF48..=0x1DF48,
    0x1DF4A..=0x1DF4A,
    0x1DF4D..=0x1DF4D,
    0x1DF51..=0x1DF51,
    0x1DF68..=0x1DF68,
    0x1DF6A..=0x1DF6A,
    0x1DF6C..=0x1DF6C,
    0x1DF6E..=0x1DF6E,
    0x1DF72..=0x1DF72,
    0x1DF74..=0x1DF74,
    0x1DF76..=0x1DF76,
    0x1DF78..=0x1DF78,
    0x1DF7A..=0x1DF7A,
    0x1DF7C..=0x1DF7C,
    0x1DF7E..=0x1DF7E,
    0x1DF95..=0x1DF95,
];

/// How many characters have a full, non-Turkic folding (status C or F) in the CaseFolding.txt of
/// Unicode 15.0, which is also how many Postfix with ICU 72 folds.
const FOLDED_IN_UNICODE_15: usize = 1530;

#[test]
fn every_code_point_folds_as_in_icu() {
    let icu = CaseMapper::new();
    for c in '\0'..=char::MAX {
        let text = c.to_string();
        assert_eq!(fold(&text), icu.fold_string(&text), "U+{:04X}", u32::from(c));
    }
}

/// The Unicode version of `unicase` against that of the ICU that Postfix 3.7 runs with on Debian
/// 12: letters were added, and no folding was changed.
#[test]
fn difference_to_unicode_15() {
    let (mut new, mut old) = (0, 0);
    for c in ('\0'..=char::MAX).filter(|c| fold(&c.to_string()) != c.to_string()) {
        let newer = NEWER_THAN_UNICODE_15.iter().any(|range| range.contains(&u32::from(c)));
        *(if newer { &mut new } else { &mut old }) += 1;
    }
    let listed: usize = NEWER_THAN_UNICODE_15.iter().map(|range| range.clone().count()).sum();
    assert_eq!((new, old), (listed, FOLDED_IN_UNICODE_15));
}

proptest! {
    #[test]
    fn strings_fold_as_in_icu(
        chars in vec(prop_oneof![any::<char>(), range('\0', '\u{600}')], 0..40),
    ) {
        let text = String::from_iter(chars);
        prop_assert_eq!(fold(&text), CaseMapper::new().fold_string(&text));
    }
}

/// The examples of the postmap specification, section 9.
#[test]
fn folding_examples() {
    for (key, folded) in [
        ("STRASSE\u{df}", "strassess"),
        ("\u{1e9e}", "ss"),
        ("\u{fb01}", "fi"),
        ("\u{212a}", "k"),
        ("\u{b5}", "\u{3bc}"),
        ("\u{3a3}\u{3c2}", "\u{3c3}\u{3c3}"),
        ("\u{130}", "i\u{307}"),
        ("ASCII Only", "ascii only"),
    ] {
        assert_eq!(fold(key), folded, "for {key:?}");
    }
}
