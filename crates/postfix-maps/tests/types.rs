//! Tables without an index file: the cases of the specification of the table types, and what no
//! input may do.

use std::fs;

use postfix_maps::{Duplicates, ErrorKind, KeyRules, Table, TableOptions};
use proptest::prelude::*;

/// What a table answers to a key, and what is warned of when it is opened.
fn ask(name: &str, key: &str, options: TableOptions) -> (Result<Option<String>, String>, String) {
    let mut warnings = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let table = Table::open_with_warnings(name, options, |warning| warnings.push(text(warning)));
    let answer = table.and_then(|table| Ok(table.get(key.as_bytes())?.map(|value| text(&value))));
    (answer.map_err(|error| error.to_string()), warnings.join("\n"))
}

fn answer(name: &str, key: &str) -> Result<Option<String>, String> {
    ask(name, key, TableOptions::default()).0
}

#[test]
fn answers() {
    #[rustfmt::skip]
    let cases = [
        // Section 4.
        ("inline:{a=b,c=d}", "c", Some("d")),
        ("inline:{a=b c=d}", "a", Some("b")),
        ("inline:{a=b,,c=d}", "c", Some("d")),
        ("inline:{{A = b c} {x=y}}", "a", Some("b c")),
        ("inline:{{A = b c} {x=y}}", "X", Some("y")),
        ("inline:{a=1 A=2}", "a", Some("2")),
        ("inline:{a=b=c}", "a", Some("b=c")),
        ("inline:{a=}", "a", Some("")),
        ("inline:{{\"a b\"=c}}", "\"a b\"", Some("c")),
        ("inline:{{=b}}", "", Some("b")),
        ("inline:{a=b}", "b", None),
        // Section 5.
        ("static:text", "any", Some("text")),
        ("static:text", "", Some("text")),
        ("static: z ", "any", Some(" z ")),
        ("static:{ a b }", "any", Some("a b")),
        ("environ:x", "no such variable", None),
        ("internal:x", "any", None),
        ("unix:passwd.byname", "", None),
        // Section 6.1.
        ("cidr:{{1.2.3.0/24 x}}", "1.2.3.4", Some("x")),
        ("cidr:{{1.2.3.0/24 x}}", "1.2.4.4", None),
        ("cidr:{{1.2.3.0/24 x}}", "1.2.3", None),
        ("cidr:{{0.0.0.0/0 x}}", "255.255.255.255", Some("x")),
        ("cidr:{{[2001:db8::]/32 x}}", "2001:DB8:1::2", Some("x")),
        ("cidr:{{::/0 x}}", "::ffff:1.2.3.4", Some("x")),
        ("cidr:{{0.0.0.0/0 x}}", "::ffff:1.2.3.4", None),
        ("cidr:{{!10.0.0.0/8 x}}", "::1", None),
        ("cidr:{{!10.0.0.0/8 x}}", "11.0.0.1", Some("x")),
        ("cidr:{{! !10.0.0.0/8 x}}", "10.0.0.1", Some("x")),
        ("cidr:{{if 1.0.0.0/8} {1.2.3.0/24 a} {1.0.0.0/8 b} {endif} {0.0.0.0/0 c}}", "1.2.3.4", Some("a")),
        ("cidr:{{if 1.0.0.0/8} {1.2.3.0/24 a} {1.0.0.0/8 b} {endif} {0.0.0.0/0 c}}", "1.9.9.9", Some("b")),
        ("cidr:{{if 1.0.0.0/8} {1.2.3.0/24 a} {1.0.0.0/8 b} {endif} {0.0.0.0/0 c}}", "2.2.2.2", Some("c")),
        // Section 6.2.
        ("regexp:{{/^foo(.*)bar$/ got[$1] $$x ${1}y $(1)z}}", "fooXbar", Some("got[X] $x Xy Xz")),
        ("pcre:{{/^foo(.*)bar$/ got[$1] $$x ${1}y $(1)z}}", "fooXbar", Some("got[X] $x Xy Xz")),
        ("regexp:{{/^case$/ x}}", "CASE", Some("x")),
        ("regexp:{{/^CASE$/i x}}", "case", None),
        ("pcre:{{/^CASE$/i x}}", "case", None),
        ("regexp:{{/a/!/b/ x}}", "a", Some("x")),
        ("regexp:{{/a/!/b/ x}}", "ab", None),
        ("regexp:{{!/a/ x}}", "b", Some("x")),
        ("regexp:{{if /a/} {if /b/} {/c/ x} {endif} {/c/ y} {endif} {/c/ z}}", "abc", Some("x")),
        ("regexp:{{if /a/} {if /b/} {/c/ x} {endif} {/c/ y} {endif} {/c/ z}}", "ac", Some("y")),
        ("regexp:{{if /a/} {if /b/} {/c/ x} {endif} {/c/ y} {endif} {/c/ z}}", "bc", Some("z")),
        ("pcre:{{/a$/ x}}", "a\n", Some("x")),
        ("pcre:{{/a$/E x}}", "a\n", None),
        ("regexp:{{/a$/ x}}", "a\n", None),
        // The longest match, and the first one.
        ("regexp:{{/(a|ab)(c|bcd)?/ $1-$2}}", "abcd", Some("a-bcd")),
        ("regexp:{{/x(a|ab)/ $1}}", "xab", Some("ab")),
        ("pcre:{{/x(a|ab)/ $1}}", "xab", Some("a")),
        // Section 7.
        ("unionmap:{static:a,static:b}", "k", Some("a,b")),
        ("unionmap:{static:a static:a}", "k", Some("a,a")),
        ("unionmap:{static:{a b} static:{c, d}}", "k", Some("a b,c, d")),
        ("unionmap:{inline:{a=b}}", "k", None),
        ("unionmap:{inline:{k=v},regexp:{{/^K/i re}}}", "K", Some("v")),
        ("unionmap:{regexp:{{/^K/i re}},inline:{k=v}}", "K", Some("re,v")),
        ("pipemap:{inline:{k=M} inline:{m=n}}", "k", Some("n")),
        ("pipemap:{inline:{z=1} fail:x}", "k", None),
        ("randmap:{{a b}}", "k", Some("{a b}")),
    ];
    for (name, key, expected) in cases {
        assert_eq!(answer(name, key), Ok(expected.map(str::to_owned)), "{name} {key}");
    }
}

#[test]
fn users_and_groups() {
    for (table, file) in [("passwd", "/etc/passwd"), ("group", "/etc/group")] {
        let text = fs::read_to_string(file).unwrap();
        let root = text.lines().find(|line| line.starts_with("root:")).unwrap();
        assert_eq!(answer(&format!("unix:{table}.byname"), "ROOT"), Ok(Some(root.to_owned())));
    }
}

#[test]
fn names_that_make_no_sense() {
    #[rustfmt::skip]
    let cases = [
        ("foo:x", "unsupported dictionary type: foo"),
        ("inline:", "open dictionary: expecting \"type:name\" form instead of \"inline:\""),
        ("inline:{\"a b\"=c}", "unbalanced '\"': \"inline:{\"a b\"=c}\"; need \"inline:{name=value...}\""),
        ("inline:{a}", "missing '=' after attribute name: \"inline:{a}\"; need \"inline:{name=value...}\""),
        ("inline:{{}}", "no key found; expected format: key = value: \"inline:{{}}\"; need \"inline:{name=value...}\""),
        ("inline:{{a=b}x}", "syntax error after '}' in \"{a=b}x\": \"inline:{{a=b}x}\"; need \"inline:{name=value...}\""),
        ("inline:{ }", "empty table: \"inline:{ }\"; need \"inline:{name=value...}\""),
        ("inline:{}", "bad syntax: \"inline:{}\"; need \"inline:{name=value...}\""),
        ("inline:a=b", "bad syntax: \"inline:a=b\"; need \"inline:{name=value...}\""),
        ("inline:{a=b}x", "bad syntax: \"inline:{a=b}x\"; need \"inline:{name=value...}\""),
        ("static:{x", "bad static:name syntax: missing '}' in \"{x\""),
        ("static:{x}y", "bad static:name syntax: syntax error after '}' in \"{x}y\""),
        ("unix:foo", "unknown table: unix:foo"),
        ("texthash:nofile", "open database nofile: No such file or directory"),
        ("texthash:.", "read .: Is a directory"),
        ("cidr:nofile", "open nofile: No such file or directory"),
        ("cidr:{1.2.3.4}", "cidr map: no '{' at start of text in \"1.2.3.4\""),
        ("cidr:{{1.2.3.4 x}", "cidr map: missing '}' in \"{{1.2.3.4 x}\""),
        ("cidr:{1.2.3.4 x}y", "cidr map: syntax error after '}' in \"{1.2.3.4 x}y\""),
        ("unionmap:{{static:a b}}", "unsupported dictionary type: {static"),
        ("unionmap:{}", "bad syntax: \"unionmap:{}\"; need \"unionmap:{type:name...}\""),
        ("pipemap:static:a", "bad syntax: \"pipemap:static:a\"; need \"pipemap:{type:name...}\""),
        ("unionmap:{static}", "bad syntax: \"unionmap:{static}\"; need \"unionmap:{type:name...}\""),
        ("randmap:a", "bad syntax: \"randmap:a\"; need \"randmap:{value...}\""),
        ("randmap:{ , }", "bad syntax: \"randmap:{ , }\"; need \"randmap:{value...}\""),
        ("fail:x", "table fail:x: query error: Application error"),
        ("unionmap:{static:a fail:x}", "table unionmap:{static:a fail:x}: query error: Application error"),
    ];
    for (name, expected) in cases {
        assert_eq!(answer(name, "k"), Err(expected.to_owned()), "{name}");
    }
}

#[test]
fn rules_that_make_no_sense() {
    let host_bits = "non-null host address bits in \"1.2.3.4/24\", perhaps you should use \"1.2.3.0/24\" instead";
    #[rustfmt::skip]
    let cases = [
        ("cidr", "1.2.3.4/33 x", "bad mask length in \"1.2.3.4/33\": skipping this rule"),
        ("cidr", "1.2.3.4/x x", "bad mask value in \"1.2.3.4/x\": skipping this rule"),
        ("cidr", "1.2.3/24 x", "bad network value in \"1.2.3/24\": skipping this rule"),
        ("cidr", "foo x", "bad address pattern: \"foo\": skipping this rule"),
        ("cidr", "1.2.3.4/24 x", &format!("{host_bits}: skipping this rule")),
        ("cidr", "[1.2.3.4 x", "missing ']' character after \"[1.2.3.4\": skipping this rule"),
        ("cidr", "[1.2.3.4]x x", "garbage after \"[1.2.3.4]\": skipping this rule"),
        ("cidr", "1.2.3.4", "no lookup result: skipping this rule"),
        ("cidr", "if", "no address pattern: skipping this rule"),
        ("cidr", "endif x", "garbage after ENDIF: skipping this rule"),
        ("cidr", "endif", "ENDIF without IF: skipping this rule"),
        ("cidr", "if 1.2.3.4", "IF has no matching ENDIF"),
        ("regexp", "/a", "no closing regexp delimiter \"/\": skipping this rule"),
        ("pcre", "/a", "no closing regexp delimiter \"/\": ignoring this rule"),
        ("regexp", "!", "no regexp: skipping this rule"),
        ("regexp", "/a/q x", "unknown regexp option \"q\": skipping this rule"),
        ("pcre", "/a/!/b/ x", "unknown regexp option \"!\": skipping this rule"),
        ("pcre", "/a/X x", "ignoring obsolete regexp option \"X\""),
        ("regexp", "/a/", "no replacement text: using empty string"),
        ("regexp", "/a/ $2", "out of range replacement index \"2\": skipping this rule"),
        ("regexp", "!/a/ $1", "$number found in negative match replacement text: skipping this rule"),
        ("regexp", "a/b/ x", "ignoring unrecognized request"),
        ("regexp", "endif", "ignoring ENDIF without matching IF"),
        ("regexp", "/(/ x", "Unmatched ( or \\("),
        ("pcre", "/(/ x", "error in regex at offset 1: missing closing parenthesis"),
    ];
    for (kind, rule, expected) in cases {
        let name = format!("{kind}:{{{{{rule}}}}}");
        let (_, warnings) = ask(&name, "k", TableOptions::default());
        let place = format!("{kind} map {{{{{rule}}}}}, line 1: ");
        assert_eq!(warnings, format!("{place}{expected}"));
    }
}

#[test]
fn patterns_that_only_other_engines_understand() {
    #[rustfmt::skip]
    let cases = [
        ("regexp", "(a)\\1", "x"),
        ("regexp", "a", "x/x"), // The flag x.
        ("regexp", "[[.a.]]", "x"),
        ("regexp", "(a|b*)*c", "$1"),
        ("regexp", "(|a)b", "$1"),
        ("regexp", "(a|ab){1,2}c", "$1"),
        ("regexp", "(^|b)a", "$1"),
        ("pcre", "(a)\\1", "x"),
        ("pcre", "a(?=b)", "x"),
        ("pcre", "(?<n>a)", "x"),
        ("pcre", "a*+b", "x"),
        ("pcre", "a$b", "x"),
        ("pcre", "(a|b*)*c", "$1"),
    ];
    for (kind, pattern, result) in cases {
        let rule = match result.split_once('/') {
            Some((result, flags)) => format!("/{pattern}/{flags} {result}"),
            None => format!("/{pattern}/ {result}"),
        };
        let (answer, warnings) =
            ask(&format!("{kind}:{{{{{rule}}}}}"), "k", TableOptions::default());
        assert!(answer.is_err(), "{rule}");
        assert!(warnings.contains(", line 1: not supported: "), "{rule}: {warnings}");
    }
    // Where no group matters, some of these are good.
    for pattern in ["(a|b*)*c", "(|a)b", "(a|ab){1,2}c", "(^|b)a"] {
        assert!(answer(&format!("regexp:{{{{/{pattern}/ x}}}}"), "k").is_ok(), "{pattern}");
    }
}

#[test]
fn options() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("m");
    fs::write(&file, "K 1\nk 2\nlonely\n").unwrap();
    let (name, place) = (format!("texthash:{}", file.display()), file.display());
    let lonely =
        format!("{place}, line 3: expected format: key whitespace value -- ignoring this line");
    for (duplicates, value, warning) in [
        (Duplicates::Warn, "1", format!("{place}, line 2: duplicate entry: \"k\"\n{lonely}")),
        (Duplicates::Ignore, "1", lonely.clone()),
        (Duplicates::Replace, "2", lonely.clone()),
    ] {
        let options = TableOptions::default().duplicates(duplicates);
        assert_eq!(ask(&name, "K", options), (Ok(Some(value.to_owned())), warning));
    }

    let options = TableOptions::default().values_are_files(true);
    fs::write(&file, "hello").unwrap();
    let found = ask(&format!("static:{}", file.display()), "k", options).0;
    assert_eq!(found, Ok(Some("aGVsbG8=".to_owned())));

    let pair = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let environment = vec![pair("a", "1"), pair("A", "2"), pair("a", "3")];
    let options = TableOptions::default().environment(environment);
    assert_eq!(ask("environ:x", "A", options).0, Ok(Some("3".to_owned())));

    let rules = KeyRules::default().utf8(false);
    let options = TableOptions::default().rules(rules);
    let name = "unionmap:{inline:{k=v},regexp:{{/^K/i re}}}";
    assert_eq!(ask(name, "K", options).0, Ok(Some("v,re".to_owned())));
}

#[test]
fn lists() {
    let list = |name: &str| {
        let table = Table::open(name).unwrap();
        let pairs = table.iter().collect::<Result<Vec<_>, _>>().map(|pairs| pairs.len());
        pairs.map_err(|error| error.to_string())
    };
    assert_eq!(list("inline:{a=b c=d A=x}"), Ok(2));
    assert_eq!(list("internal:x"), Ok(0));
    for name in ["static:x", "regexp:{}", "unionmap:{inline:{a=b}}", "environ:x"] {
        let expected = format!("table {name}: sequence operation is not supported");
        assert_eq!(list(name), Err(expected));
    }
    assert_eq!(list("fail:x"), Err("table fail:x: sequence error: Application error".to_owned()));
}

#[test]
fn a_random_answer_is_one_of_the_values() {
    let table = Table::open("randmap:{a, b, c}").unwrap();
    let mut seen = [false; 3];
    for _ in 0..1_000 {
        let value = table.get(b"k").unwrap().unwrap();
        seen[["a", "b", "c"].iter().position(|known| known.as_bytes() == &*value).unwrap()] = true;
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
fn deep_nesting_is_refused() {
    let depth = 10_000;
    let tables = format!("{}static:x{}", "unionmap:{".repeat(depth), "}".repeat(depth));
    assert_eq!(Table::open(&tables).unwrap_err().kind(), ErrorKind::Definition);
    for kind in ["regexp", "pcre"] {
        let groups = format!("{kind}:{{{{/{}{}/ x}}}}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(Table::open(&groups).unwrap_err().kind(), ErrorKind::Definition);
        let repeats = format!("{kind}:{{{{/{}a{}/ x}}}}", "(".repeat(20), "){255}".repeat(20));
        assert_eq!(Table::open(&repeats).unwrap_err().kind(), ErrorKind::Definition);
    }
}

proptest! {
    /// Nothing that a name or a key can be makes the library panic.
    #[test]
    fn any_name(
        kind in prop::sample::select(vec!["cidr", "inline", "pcre", "pipemap", "randmap", "regexp", "static", "unionmap"]),
        name in "[{}ab:,=!/\\\\()\\[\\]^$.*+?|1 0-9\u{e4}if-]{0,40}",
        rule in "[ab!/\\\\()\\[\\]^$.*+?|{}, 0-3x:-]{0,20}",
        key in "[ab1.:/\n \u{e4}]{0,8}",
    ) {
        for name in [format!("{kind}:{name}"), format!("{kind}:{{{{{rule}}}}}"), format!("{kind}:{{{{/{rule}/ $1}}}}")] {
            if let Ok(table) = Table::open(&name) {
                let _ = table.get(key.as_bytes());
            }
        }
    }
}
