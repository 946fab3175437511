//! Tables without an index file, our `postmap` against Postfix's: what is found, and what is said.
//!
//! A test of a table holds one line a case. The expected outcome is never written down: it is what
//! the real program does. Sections in comments are those of the specification of the table types.
#![cfg(feature = "peers")]

use std::sync::atomic::{AtomicUsize, Ordering};

use map_tests::generate::{
    Rng, addresses, cidr_text, expression_rule, expression_text, inline_name, map_text, one_in,
    options, words,
};
use map_tests::session::each_seed;
use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};
use postfix_maps::{Table, TableOptions};

const TOOL: Tool = Tool::Postmap;

/// Options that say something to tables without an index file.
const OPTIONS: &str = "fuwr";

/// Runs generated cases, with UTF-8 mode on in most.
fn cases(name: &str, count: u64, case: impl Fn(&mut Twin, &mut Rng) + Sync) {
    each_seed(name, count, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let mut twin = Twin::new(&format!("{name}, seed {seed}"));
        if one_in(rng, 4) {
            twin.main_cf(b"smtputf8_enable = no\n");
        }
        case(&mut twin, rng);
    });
}

/// A case's table as the file `r`, and its keys.
fn ask(twin: &mut Twin, rng: &mut Rng, kind: &str, text: &[u8], keys: Vec<u8>) {
    twin.file("r", text);
    twin.age("r", 86_400);
    let mut arguments = options(rng, OPTIONS);
    arguments.extend([b"-q".to_vec(), b"-".to_vec(), format!("{kind}:r").into_bytes()]);
    twin.run(&Call::new(TOOL, arguments).stdin(keys));
}

/// Whether our programs refuse a pattern in a rule.
fn refuses(kind: &str, rule: &[u8]) -> bool {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), rule).unwrap();
    let mut refused = false;
    let name = format!("{kind}:{}", file.path().display());
    let opened = Table::open_with_warnings(&name, TableOptions::default(), |warning| {
        refused |= warning.windows(15).any(|part| part == b"not supported: ");
    });
    assert_eq!(opened.is_err(), refused);
    refused
}

#[test]
fn generated_networks() {
    cases("networks", 400, |twin, rng| {
        let (text, keys) = (cidr_text(rng), addresses(rng));
        ask(twin, rng, "cidr", &text, keys);
    });
}

#[test]
fn generated_expressions() {
    for (kind, perl) in [("regexp", false), ("pcre", true)] {
        let [asked, refused] = [0, 0].map(AtomicUsize::new);
        cases(kind, 800, |twin, rng| {
            let (rule, keys) = (expression_rule(rng, perl), words(rng));
            if refuses(kind, &rule) {
                refused.fetch_add(1, Ordering::Relaxed);
            } else {
                asked.fetch_add(1, Ordering::Relaxed);
                ask(twin, rng, kind, &rule, keys);
            }
        });
        let (asked, refused) = (asked.into_inner(), refused.into_inner());
        assert!(refused <= asked + 10, "{kind}: {refused} refused, only {asked} asked");
    }
}

#[test]
fn generated_rules() {
    cases("rules", 300, |twin, rng| {
        let kind = if rng.bool() { "regexp" } else { "pcre" };
        let (text, keys) = (expression_text(rng), words(rng));
        ask(twin, rng, kind, &text, keys);
    });
}

#[test]
fn generated_entries() {
    cases("entries", 300, |twin, rng| {
        let keys = words(rng);
        if rng.bool() {
            let text = map_text(rng);
            ask(twin, rng, "texthash", &text, keys);
        } else {
            let name = [b"inline:", &inline_name(rng)[..]].concat();
            let mut arguments = options(rng, OPTIONS);
            if one_in(rng, 3) {
                arguments.extend([b"-s".to_vec(), name]);
            } else {
                arguments.extend([b"-q".to_vec(), b"-".to_vec(), name]);
            }
            twin.run(
                &Call::new(TOOL, arguments).stdin([b"a\nA\nb\n\xc3\xa4\n", &keys[..]].concat()),
            );
        }
    });
}

/// Names of tables, asked for a key, for the empty key, and listed. All sections.
#[test]
fn names() {
    let names: &[&[u8]] = &[
        // Section 1.
        b"foo:x",
        b"inline:",
        b"static:",
        // Section 4.
        b"inline:{a=b,c=d}",
        b"inline:{a=b c=d}",
        b"inline:{a=b,,c=d}",
        b"inline:{{A = b c} {x=y}}",
        b"inline:{a=1 A=2}",
        b"inline:{a=b=c}",
        b"inline:{a=}",
        b"inline:{{\"a b\"=c}}",
        b"inline:{\"a b\"=c}",
        b"inline:{{=b}}",
        b"inline:{=b}",
        b"inline:{a}",
        b"inline:{{}}",
        b"inline:{{a=b}x}",
        b"inline:{{a=b}",
        b"inline:{ }",
        b"inline:{}",
        b"inline:a=b",
        b"inline:{a=b",
        b"inline:{a=b}x",
        b"inline:{a=b}}",
        b"inline:{a=\xff}",
        b"inline:{a=f1}",
        b"inline:{a=nofile}",
        // Section 5.
        b"static:x",
        b"static: z ",
        b"static:{ a b }",
        b"static:{}",
        b"static:{x",
        b"static:{x}y",
        b"static:f1",
        b"static:\xff",
        b"environ:x",
        b"fail:x",
        b"internal:x",
        b"unix:passwd.byname",
        b"unix:group.byname",
        b"unix:foo",
        // Section 6.
        b"cidr:nofile",
        b"regexp:nofile",
        b"pcre:nofile",
        b"cidr:.",
        b"regexp:.",
        b"pcre:.",
        b"texthash:.",
        b"texthash:nofile",
        b"cidr:{}",
        b"regexp:{}",
        b"cidr:1.2.3.4",
        b"cidr:{1.2.3.4}",
        b"cidr:{{1.2.3.4 x}",
        b"cidr:{1.2.3.4 x}y",
        b"regexp:{{/a/ x} /b/}",
        b"pcre:{{/a/ x}",
        b"regexp:{{/a/ f1} {/b/ nofile} {/c/} {/d/ ,}}",
        b"cidr:{{1.2.3.4 f1} {1.2.3.5 nofile}}",
        b"regexp:{{#/a/ x} { /a/ y }}",
        b"regexp:{{if /a/} {if /b/} {/a/ x} {endif} {endif} {/a/ y}}",
        b"regexp:{{if /b/} {if /a/} {/a/ x} {endif} {endif} {/a/ y}}",
        b"regexp:{{if /b/} {if /a/} {/a/ x} {endif} {/a/ y}}",
        b"cidr:{{if 1.0.0.0/8} {1.2.3.0/24 a} {1.0.0.0/8 b} {endif} {0.0.0.0/0 c}}",
        b"cidr:{{!10.0.0.0/8 x} {if !1.2.3.4} {::/0 y}}",
        b"cidr:{{1.2.3.4/33 x} {1.2.3.4/x x} {1.2.3/24 x} {foo x} {1.2.3.4/24 x} {[1.2.3.4 x}}",
        b"cidr:{{[1.2.3.4]x x} {1.2.3.4} {if} {!} {endif x} {endif} {[1.2.3.4/32] y}}",
        b"regexp:{{/^foo(.*)bar$/ got[$1] $$x ${1}y $(1)z}}",
        b"pcre:{{/^foo(.*)bar$/ got[$1] $$x ${1}y $(1)z}}",
        b"regexp:{{/^.(.)?$/ o[$1]}}",
        b"pcre:{{/^.(.)?$/ o[$1]}}",
        b"regexp:{{/(a)/ $99999999999999999999}}",
        b"pcre:{{/a/X x}}",
        b"regexp:{{/*a/ x} {/(/ x} {/[/ x} {/[a/ x} {/[b-a]/ x}}",
        b"pcre:{{/*a/ x} {/(/ x} {/[/ x} {/a)/ x}}",
        // Section 7.
        b"unionmap:{static:a,static:b}",
        b"unionmap:{static:a static:a}",
        b"unionmap:{static:a fail:x}",
        b"unionmap:{fail:x static:a}",
        b"unionmap:{inline:{a=},inline:{a=b}}",
        b"unionmap:{inline:{a=}}",
        b"unionmap:{inline:{a=b},regexp:{{/^A/i re}}}",
        b"unionmap:{regexp:{{/^A/i re}},inline:{a=b}}",
        b"unionmap:{unionmap:{inline:{a=b}} regexp:{{/^A/i re}}}",
        b"unionmap:{static:{a b} static:{c, d}}",
        b"unionmap:{{static:a b}}",
        b"unionmap:{static:\xff}",
        b"unionmap:{inline:{a=b} foo:x static}",
        b"unionmap:{}",
        b"unionmap:static:a",
        b"unionmap:{static}",
        b"unionmap:{static:a",
        b"pipemap:{inline:{a=M} inline:{m=n}}",
        b"pipemap:{inline:{z=1} fail:x}",
        b"pipemap:{static:a fail:x}",
        b"pipemap:{inline:{a=B} regexp:{{/B/i big} {/b/i small}}}",
        b"pipemap:{}",
        b"pipemap:{static}",
        b"randmap:{a}",
        b"randmap:{{a b}}",
        b"randmap:{f1}",
        b"randmap:{nofile}",
        b"randmap:a",
        b"randmap:{}",
        b"randmap:{ , }",
        b"randmap:{a",
    ];
    let keys =
        "a\nA\n\nb\n1.2.3.4\n10.0.0.1\n::1\nfooXbar\n\u{c4}\nroot\nLANG\nlang\nMAIL_CONFIG\n";
    let mut twin = Twin::new("names");
    twin.file("f1", b"hello\nworld\n");
    let mut differences = Vec::new();
    for name in names {
        for options in [&[][..], &["-u"], &["-f"], &["-F"]] {
            let words: [&[&str]; 4] = [&["-q", "a"], &["-q", ""], &["-s"], &["-q", "-"]];
            for words in words {
                let arguments = options.iter().chain(words).map(|word| word.as_bytes());
                let call = Call::new(TOOL, arguments.chain([*name])).stdin(keys);
                differences.extend(twin.try_run(&call).err().map(|difference| {
                    format!("{} {options:?} {words:?}: {difference}", name.escape_ascii())
                }));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Section 1: what cannot be changed, or made.
#[test]
fn changes() {
    let mut twin = Twin::new("changes");
    twin.file("m", b"a b\n");
    for name in [
        "inline:{a=b}",
        "texthash:m",
        "static:m",
        "environ:m",
        "fail:m",
        "unix:passwd.byname",
        "cidr:m",
        "regexp:m",
        "pcre:m",
        "randmap:{a}",
        "unionmap:{static:a}",
        "pipemap:{static:a}",
        "foo:m",
    ] {
        twin.run(&Call::new(TOOL, ["-d", "a", name]));
    }
    for name in [
        "inline:m",
        "texthash:m",
        "static:m",
        "environ:m",
        "fail:m",
        "unix:m",
        "cidr:m",
        "regexp:m",
        "pcre:m",
        "randmap:m",
        "unionmap:m",
        "pipemap:m",
        "foo:m",
    ] {
        twin.run(&Call::new(TOOL, [name]));
        twin.run(&Call::new(TOOL, ["-i", name]).stdin("a b\n"));
    }
}

/// Newlines in keys, where `$` is not just the end.
#[test]
fn newlines() {
    let patterns = ["a$", "a$|b", "^b", "(a)$", "a\\Z", "a\\z", ".b", "a.", "^", "$", "[^b]$"];
    let keys = ["a", "a\n", "a\nb", "\na", "b\na\n", "a\n\n", "\n", ""];
    let mut twin = Twin::new("newlines");
    for kind in ["regexp", "pcre"] {
        for (pattern, flags) in patterns.iter().flat_map(|p| ["", "m"].map(|flags| (p, flags))) {
            let rule = format!("/{pattern}/{flags} x");
            if refuses(kind, rule.as_bytes()) {
                continue;
            }
            twin.file("r", rule.as_bytes());
            for key in keys {
                twin.run(&Call::new(TOOL, ["-q", key, &format!("{kind}:r")]));
            }
        }
    }
}
