//! The tables of the postmap and postalias specifications, row by row: the entries with folded
//! keys, and the messages, as Postfix 3.7 gives them for a source called `m`.

use postfix_map_text::{Item, KeyRules, alias_entries, logical_lines, map_entries};

/// Source, listing, messages.
type Row = (&'static [u8], &'static [u8], &'static [u8]);

const UTF8: KeyRules = KeyRules::new();

fn check<'a>(row: &Row, rules: KeyRules, separator: &[u8], items: impl Iterator<Item = Item<'a>>) {
    let (mut listing, mut messages) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Entry(entry) => {
                listing.extend_from_slice(&rules.prepare(&entry.key).unwrap());
                listing.extend_from_slice(separator);
                listing.extend_from_slice(&entry.value);
                listing.push(b'\n');
            }
            Item::Diagnostic(diagnostic) => {
                messages.extend(diagnostic.message(b"m"));
                messages.push(b'\n');
            }
        }
    }
    assert_eq!(
        (listing.escape_ascii().to_string(), messages.escape_ascii().to_string()),
        (row.1.escape_ascii().to_string(), row.2.escape_ascii().to_string()),
        "for {}",
        row.0.escape_ascii()
    );
}

fn check_map(rows: &[Row], rules: KeyRules) {
    for row in rows {
        check(row, rules, b"\t", map_entries(row.0, rules));
    }
}

fn check_aliases(rows: &[Row], rules: KeyRules) {
    for row in rows {
        check(row, rules, b":\t", alias_entries(row.0, rules));
    }
}

#[test]
fn logical_line_rules() {
    let indented = b"m: logical line must not start with whitespace: \"  x y\"\n";
    let joined = b"m: logical line must not start with whitespace: \"  x y  z\"\n";
    let expected_format = b"m, line 1: expected format: key whitespace value\n";
    check_map(
        &[
            (b"a 1", b"a\t1\n", b""),
            (b"a 1\n  2\n\t3\n", b"a\t1  2\t3\n", b""),
            (b"a 1\n\n  2\n", b"a\t1  2\n", b""),
            (b"a 1\n# c\n  2\n", b"a\t1  2\n", b""),
            (b"a 1\n  # c\n  2\n", b"a\t1  2\n", b""),
            (b"a 1\n   \n 2\n", b"a\t1 2\n", b""),
            (b"a\n 1\n", b"a\t1\n", b""),
            (b"a 1 # x\n", b"a\t1 # x\n", b""),
            (b"a#b #c\n", b"a#b\t#c\n", b""),
            (b"  x y\na 1\n", b"a\t1\n", indented),
            (b"# c\n\n  x y\na 1\n", b"a\t1\n", indented),
            (b"  x y\n  z\na 1\n", b"a\t1\n", joined),
            (b"a 1\r\nb 2\r\n", b"a\t1\nb\t2\n", b""),
            (b"\r\n\r\na 1\r\n", b"a\t1\n", b""),
            (b"a\r1\n", b"a\t1\n", b""),
            (b"a\x0b1\n", b"a\t1\n", b""),
            (b"a\x0c1\n", b"a\t1\n", b""),
            (b"a \x01c\n", b"a\t\x01c\n", b""),
            (b"a 1\x002\n", b"a\t1\n", b""),
            (b"a\0b 1\n", b"", expected_format),
            (b"\0a 1\n", b"", expected_format),
            (b"", b"", b""),
            (b"\n\n", b"", b""),
            (b"# c", b"", b""),
        ],
        UTF8,
    );
}

#[test]
fn indented_text_is_quoted_up_to_30_bytes() {
    let message = |shown: &str| {
        format!("m: logical line must not start with whitespace: \"{shown}\"\n").into_bytes()
    };
    let x29 = "x".repeat(29);
    for (source, shown) in [
        (format!(" {x29}"), format!(" {x29}")),
        (format!(" {x29}y"), format!(" {x29}...")),
        (format!(" {x29}\u{e9}"), format!(" {x29}...")),
        // The NUL ends what is shown, but not what is counted.
        (format!(" x\0{x29}"), " x...".to_string()),
        (" x\0y".to_string(), " x".to_string()),
    ] {
        let messages = message(&shown);
        let diagnostics: Vec<u8> = map_entries(source.as_bytes(), KeyRules::default())
            .flat_map(|item| match item {
                Item::Diagnostic(diagnostic) => [diagnostic.message(b"m"), b"\n".to_vec()].concat(),
                Item::Entry(entry) => panic!("{entry:?}"),
            })
            .collect();
        assert_eq!(diagnostics, messages, "for {source:?}");
    }
}

#[test]
fn line_numbers() {
    for (source, ranges) in [
        ("a 1\nb 2\n", vec![(1, 1), (2, 2)]),
        ("\n# c\na 1\n", vec![(3, 3)]),
        ("a 1\n\n  2\n# c\nb 2", vec![(1, 3), (5, 5)]),
        ("a 1\n\n# c\n  \n", vec![(1, 1)]),
        (" x\n# c\n y\n", vec![(1, 3)]),
        ("\n\n", vec![]),
    ] {
        let found: Vec<(u64, u64)> = logical_lines(source.as_bytes())
            .map(|line| (line.lines.first, line.lines.last))
            .collect();
        assert_eq!(found, ranges, "for {source:?}");
    }
}

#[test]
fn map_lines() {
    let expected_format = b"m, line 1: expected format: key whitespace value\n";
    let colon = b"m, line 1: record is in \"key: value\" format; is this an alias file?\n";
    let unbalanced = b"m, line 1: unbalanced '\"' in '\"a b 1' -- ignoring this line\n";
    let two_unbalanced = b"m, line 1: unbalanced '\"' in '\"a' -- ignoring this line\n\
                           m, line 2: unbalanced '\"' in 'b\" 1' -- ignoring this line\n";
    let backslash = b"m, line 1: unbalanced '\"' in '\"a\\' -- ignoring this line\n";
    check_map(
        &[
            (b"\"a b\" 1\n", b"\"a b\"\t1\n", b""),
            (b"\"A B\" Val\n", b"\"a b\"\tVal\n", b""),
            (b"\"a\\\"b\" 1\n", b"\"a\\\"b\"\t1\n", b""),
            (b"a\\ b 1\n", b"a\\ b\t1\n", b""),
            (b"a\"b c\"d 1\n", b"a\"b c\"d\t1\n", b""),
            (b"\"\" 1\n", b"\"\"\t1\n", b""),
            (b"a \"1\n", b"a\t\"1\n", b""),
            (b"\"a b 1\n", b"", unbalanced),
            (b"\"a\nb\" 1\n", b"", two_unbalanced),
            (b"\"a\n b\" 1\n", b"\"a b\"\t1\n", b""),
            (b"\"a\\\n", b"", backslash),
            (b"a\n", b"", expected_format),
            (b"a   \n", b"", expected_format),
            (b"a: 1\n", b"a:\t1\n", colon),
            (b"a\\: 1\n", b"a\\:\t1\n", colon),
            (b"a:\n", b"", expected_format),
            (b"a\\\n", b"", expected_format),
            (b"a\\\n 1\n", b"", expected_format),
        ],
        UTF8,
    );
}

#[test]
fn utf8_mode() {
    let source = b"k\xff v\nok v\xe4\ngood 1\n";
    let ignored = b"m, line 1: non-UTF-8 input \"k\xff v\" -- ignoring this line\n\
                    m, line 2: non-UTF-8 input \"ok v\xe4\" -- ignoring this line\n";
    let empty = b"m, line 1: non-UTF-8 input \"\" -- ignoring this line\n";
    let expected_format = b"m, line 1: expected format: key whitespace value\n";
    let need_pair = b"m, line 1: need name:value pair\n";
    let umlaut = b"\xc3\x84pfel X\n";
    let off = UTF8.utf8(false);
    let as_written = UTF8.fold(false);
    check_map(
        &[
            (source, b"good\t1\n", ignored),
            (umlaut, b"\xc3\xa4pfel\tX\n", b""),
            // With a NUL, the part before it decides whether the whole line is checked.
            (b"\0k\xff v\n", b"", empty),
            (b"k v\0\xff\n", b"k\tv\n", b""),
            (
                b"\xc3\xa4 v\0\xff\n",
                b"",
                b"m, line 1: non-UTF-8 input \"\xc3\xa4 v\" -- ignoring this line\n",
            ),
            // Overlong, surrogate, above U+10FFFF; and a noncharacter, which is valid.
            (
                b"k \xc0\xa0\n",
                b"",
                b"m, line 1: non-UTF-8 input \"k \xc0\xa0\" -- ignoring this line\n",
            ),
            (
                b"k \xed\xa0\x80\n",
                b"",
                b"m, line 1: non-UTF-8 input \"k \xed\xa0\x80\" -- ignoring this line\n",
            ),
            (
                b"k \xf4\x90\x80\x80\n",
                b"",
                b"m, line 1: non-UTF-8 input \"k \xf4\x90\x80\x80\" -- ignoring this line\n",
            ),
            (b"k \xef\xbf\xbf\n", b"k\t\xef\xbf\xbf\n", b""),
        ],
        UTF8,
    );
    check_map(
        &[
            (source, b"k\xff\tv\nok\tv\xe4\ngood\t1\n", b""),
            (umlaut, b"\xc3\x84pfel\tX\n", b""),
            (b"\0k\xff v\n", b"", expected_format),
        ],
        off,
    );
    check_map(&[(umlaut, b"\xc3\x84pfel\tX\n", b"")], as_written);
    check_aliases(
        &[
            (b"\0k\xff: v\n", b"", empty),
            (b"\0k: v\n", b"", b""),
            (
                b"a: v\xff\n",
                b"",
                b"m, line 1: non-UTF-8 input \"a: v\xff\" -- ignoring this line\n",
            ),
        ],
        UTF8,
    );
    check_aliases(
        &[
            (b"\0k\xff: v\n", b"", b""),
            (b"a: v\xff\n", b"a:\tv\xff\n", b""),
            (b"v\xff\n", b"", need_pair),
        ],
        off,
    );
}

#[test]
fn alias_lines() {
    let need_pair = b"m, line 1: need name:value pair\n";
    let local = b"m, line 1: name must be local\n";
    check_aliases(
        &[
            (b"root: admin\n", b"root:\tadmin\n", b""),
            (b"Root:admin\n", b"root:\tadmin\n", b""),
            (b"root :  admin\n", b"root:\tadmin\n", b""),
            (b"root : admin , other\n", b"root:\tadmin, other\n", b""),
            (b"a: b c d\n", b"a:\tb c d\n", b""),
            (b"a: b,\n c,\n d\n", b"a:\tb, c, d\n", b""),
            (b"a: b, ,c,\n", b"a:\tb, , c, \n", b""),
            (b"a: b # c\n", b"a:\tb # c\n", b""),
            (b"\"a b\": c\n", b"a b:\tc\n", b""),
            (b"a b: c\n", b"a b:\tc\n", b""),
            (b"a\\ b: c\n", b"a b:\tc\n", b""),
            (b"\"A\\\"B\": c\n", b"a\"b:\tc\n", b""),
            (b"\"plain\": p\n", b"plain:\tp\n", b""),
            (b"\"a@b\": c\n", b"a@b:\tc\n", b""),
            (b"\"a:b\": c\n", b"a:b:\tc\n", b""),
            (b"a\\:b: c\n", b"a:b:\tc\n", b""),
            (b"\\root: x\n", b"root:\tx\n", b""),
            (b"a.b: c\n", b"a.b:\tc\n", b""),
            (b"a+b: c\n", b"a+b:\tc\n", b""),
            (b"a=b: c\n", b"a=b:\tc\n", b""),
            (b"-a: c\n", b"-a:\tc\n", b""),
            (b"a!b: c\n", b"a!b:\tc\n", b""),
            (b"a|b: c\n", b"a|b:\tc\n", b""),
            (b"a;b: c\n", b"a;b:\tc\n", b""),
            (b"<a>: c\n", b"<a>:\tc\n", b""),
            (b"[x]: c\n", b"[x]:\tc\n", b""),
            (b"a[x]: c\n", b"a [x]:\tc\n", b""),
            (b"a (x): c\n", b"a (x):\tc\n", b""),
            (b"\"\": c\n", b":\tc\n", b""),
            (b"a,b: c\n", b"", need_pair),
            (b"a\n", b"", need_pair),
            (b"a:\n", b"", need_pair),
            (b":a\n", b"", need_pair),
            (b":include: x\n", b"", need_pair),
            (b"\"unterm: x\n", b"", need_pair),
            (b"a@b,c: d\n", b"", need_pair),
            (b"a@b: c\n", b"", local),
            (b"a%b: c\n", b"", local),
            (b"a: |/bin/cmd\n", b"a:\t|/bin/cmd\n", b""),
            (b"a: \"|/bin/cmd arg 'x y'\"\n", b"a:\t\"|/bin/cmd arg 'x y'\"\n", b""),
            (b"a: \"|/bin/cmd \\\"q\\\" \\\\ z\"\n", b"a:\t\"|/bin/cmd \\\"q\\\" \\\\ z\"\n", b""),
            (b"a: |cmd x\n", b"a:\t|cmd x\n", b""),
            (b"a: :include:/etc/list\n", b"a:\t:include:/etc/list\n", b""),
            (b"a: \":include:/etc/list\"\n", b"a:\t\":include:/etc/list\"\n", b""),
            (b"a: /var/mail/file\n", b"a:\t/var/mail/file\n", b""),
            (b"a: \"/var/mail/my file\"\n", b"a:\t\"/var/mail/my file\"\n", b""),
            (b"a: Foo Bar <u@x>, (comment) z\n", b"a:\tFoo Bar <u@x>, (comment) z\n", b""),
            (b"a: \"x\"@y\n", b"a:\t\"x\"@y\n", b""),
            (b"a: x.\"y z\"@d\n", b"a:\tx.\"y z\"@d\n", b""),
            (b"a: u@[1.2.3.4]\n", b"a:\tu@[1.2.3.4]\n", b""),
            (b"a: u%x@y!z\n", b"a:\tu%x@y!z\n", b""),
            (b"a: <>\n", b"a:\t<>\n", b""),
            (b"a: \"a,b\", c\n", b"a:\t\"a,b\", c\n", b""),
            (b"a: x@ y\n", b"a:\tx@y\n", b""),
            (b"a: b: c\n", b"a:\tb:c\n", b""),
            (b"a::b\n", b"a:\t:b\n", b""),
            (b"a: b<c>d\n", b"a:\tb <c>d\n", b""),
            (b"a: b;c\n", b"a:\tb;c\n", b""),
            (b"a: \"\"\n", b"a:\t\"\"\n", b""),
            (b"a: \\root\n", b"a:\troot\n", b""),
            (b"a: x\\y\n", b"a:\txy\n", b""),
            (b"a: \"x\\y\"\n", b"a:\t\"xy\"\n", b""),
            (b"a: b\\\n", b"a:\tb\n", b""),
            (b"a: \"unterminated\n", b"a:\t\"unterminated\"\n", b""),
            (b"a: (unterm\n", b"a:\t(unterm\n", b""),
            (b"a: [x\\]y]\n", b"a:\t[x]y]\n", b""),
            (b"a: \x01b\n", b"a:\t\"\x01b\"\n", b""),
            (b"a: \"b\tc\"\n", b"a:\t\"b c\"\n", b""),
            (b"a: x\0y\n", b"a:\tx\n", b""),
            (b"a\nb: c\n", b"b:\tc\n", need_pair),
        ],
        UTF8,
    );
}

/// What sections 3.1 and 3.2 say beyond the examples of 3.3.
#[test]
fn alias_tokens() {
    check_aliases(
        &[
            (b"x : y\n", b"x:\ty\n", b""),
            (b"a: x . y\n", b"a:\tx.y\n", b""),
            (b"a: <c@d> e\n", b"a:\t<c@d>e\n", b""),
            (b"a: b, <c>\n", b"a:\tb, <c>\n", b""),
            (b"a: (b (c) d) e)\n", b"a:\t(b (c) d) e)\n", b""),
            (b"a: (b\\) c) d\n", b"a:\t(b\\) c) d\n", b""),
            (b"a: b\x0bc\n", b"a:\t\"b\x0bc\"\n", b""),
            (b"a: b\\\tc\n", b"a:\t\"b c\"\n", b""),
            (b"a: b\\.c\n", b"a:\t\"b.c\"\n", b""),
            (b"a: b\\|c\n", b"a:\t\"b|c\"\n", b""),
            (b"a: b\\\\c\n", b"a:\t\"b\\\\c\"\n", b""),
            (b"a: [b\\\\c\n", b"a:\t[b\\\\c]\n", b""),
            (b"[b\\\\c]: a\n", b"[b\\c]:\ta\n", b""),
            (b"a: \"b\\\n", b"a:\t\"b\"\n", b""),
            (b"a: \\\n", b"a:\t\n", b""),
            (b"a: b \\\n", b"a:\tb \n", b""),
            (b"a: b\x7fc\n", b"a:\t\"b\x7fc\"\n", b""),
            (b"a: \xc3\x84\n", b"a:\t\xc3\x84\n", b""),
        ],
        UTF8,
    );
}
