//! Our `postmap` against Postfix's: what it says, and what it leaves.
//!
//! A test of a table holds one line a case. The expected outcome is never written down: it is what
//! the real program does. The sections in the comments are those of the postmap specification.
#![cfg(feature = "peers")]

use map_tests::session::sessions;
use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};

fn call(line: &[u8]) -> Call {
    Call::line(Tool::Postmap, line)
}

/// `MAP_TESTS_CASES=4000` was the last long run.
#[test]
fn generated_texts() {
    sessions(Tool::Postmap, 600);
}

/// Section 1: options and their arguments, mode conflicts, names of tables.
#[test]
fn command_lines() {
    let lines: &[&[u8]] = &[
        b"",
        b"-",
        b"--",
        b"-D hash:m",
        b"--help",
        b"-q",
        b"-c",
        b"-fq",
        b"-q k",
        b"-s",
        b"-q k -q k hash:m",
        b"-q k -s hash:m",
        b"-s -q k hash:m",
        b"-q k -s -D hash:m",
        b"-D -s -q k hash:m",
        b"-s -s hash:m",
        b"-q k -c nodir -s hash:m",
        b"-wropq k hash:m",
        b"-wrops hash:m",
        b"-rw hash:m",
        b"-wr hash:m",
        b"-nN hash:m",
        b"-Nn hash:m",
        b"-fqK hash:m",
        b"-qk hash:m",
        b"-q -- hash:m",
        b"-q k -- hash:m",
        b"-- hash:m",
        b"-- -q",
        b"hash:m -q k",
        b"hash:m -- -q",
        b"-q k m",
        b"-s m",
        b"m",
        b"m m",
        b"hash:m hash:n",
        b"hash:m hash:nofile hash:n",
        b"hash:m foo:n",
        b"hash:nofile",
        b"nofile",
        b"foo:nofile",
        b"foo:m",
        b":m",
        b"hash:",
        b":",
        b"hash:nodir/m",
        b"hash:m/m",
        b"regexp:m",
        b"texthash:m",
        b"static:m",
        b"inline:{a=b}",
        b"proxy:hash:m",
        b"-s proxy:hash:m",
        b"-q k hash:",
        b"-q k :m",
        b"-q k :",
        b"-q k foo:m",
        b"-s foo:m",
        b"-q k hash:m.db",
        b"-q k hash:nofile",
        b"-s hash:nofile",
        b"-q k hash:nodir/m",
        b"-q k hash:m:x",
        b"-q k hash:./m",
        b"-q k hash:m hash:nofile",
        b"-q k hash:m foo:m",
        b"-q zz hash:m hash:nofile",
        b"-q zz hash:m hash:n",
        b"-q j hash:m hash:n",
        b"-q k hash:n hash:m",
        b"-s hash:m hash:n",
        b"-s hash:m foo:nofile",
        b"-s hash:nofile hash:m",
        b"-v -q k hash:m",
        b"-v hash:m",
        b"-vvs hash:m",
    ];
    for mut twin in Twin::each("command lines") {
        twin.file("m", b"k v\nK 2\nx y\n");
        twin.run(&call(b"hash:m"));
        twin.file("n", b"j w\nk 2\n");
        twin.run(&call(b"hash:n"));
        for line in lines {
            twin.run(&call(line));
        }
        for mode in [&["-q", "k"][..], &["-s"], &[]] {
            let arguments = mode.iter().copied().chain([""]);
            twin.run(&Call::new(Tool::Postmap, arguments));
        }
        twin.run(&Call::new(Tool::Postmap, ["-q", "", "hash:m"]));
        twin.run(&call(b"-q k hash:m").env("MAIL_VERBOSE", ""));
    }
}

/// Section 2: each is a text, built and listed.
#[test]
fn grammar() {
    let texts: &[&[u8]] = &[
        b"",
        b"\n",
        b"a 1",
        b"a 1\n  2\n\t3\n",
        b"a 1\n\n  2\n",
        b"a 1\n# c\n  2\n",
        b"a 1\n  # c\n  2\n",
        b"a 1\n   \n 2\n",
        b"a\n 1\n",
        b"a 1 # x\n",
        b"a#b #c\n",
        b"  x y\na 1\n",
        b"  x y\n  z\na 1\n",
        b" # c\n x y\na 1\n",
        b" 23456789012345678901234567890\n",
        b" 234567890123456789012345678901\n",
        b" 2345678901234567890123456789\xc3\xa4\n",
        b" \0x\na 1\n",
        b"a 1\r\nb 2\r\n",
        b"\r\n\r\na 1\r\n",
        b"a\r1\n",
        b"a\x0b1\n",
        b"a\x0c1\n",
        b"a \x01c\n",
        b"a 1\x002\n",
        b"a\0b 1\n",
        b"\0a 1\n",
        b"#c\0x\na 1\n",
        b"\0k\xff v\n",
        b"k\0\xff v\n",
        b"k\xc3\xa4\0\xff v\n",
        b"\"a b\" 1\n",
        b"\"A B\" Val\n",
        b"\"a\\\"b\" 1\n",
        b"a\\ b 1\n",
        b"a\"b c\"d 1\n",
        b"\"\" 1\n",
        b"a \"1\n",
        b"\"a b 1\n",
        b"\"a\nb\" 1\n",
        b"\"a\n b\" 1\n",
        b"a\n",
        b"a   \n",
        b"a: 1\n",
        b"\"a:\" 1\n",
        b"a\\: 1\n",
        b"a\\\n",
        b"a\\\n 1\n",
        b"k\xff v\nok v\xe4\ngood 1\n",
        b"\xc3\x84pfel X\n",
        b"k \xed\xa0\x80\nl \xf4\x90\x80\x80\nm \xc0\x80\nn \xf4\x8f\xbf\xbf\n",
        b"\xff\xff\xc3\xa4\xc3\xc3\xa4\xa4\xe4 x\n",
        b"k\x7f v\nk\x7f w\n",
        b"k v\nK 2\nk 3\nj 9\n",
    ];
    let utf8: [&[u8]; 2] = [b"smtputf8_enable = yes\n", b"smtputf8_enable = no\n"];
    for (text, main_cf) in texts.iter().flat_map(|text| utf8.map(|main_cf| (text, main_cf))) {
        for mut twin in Twin::each(&format!("grammar, {}", text.escape_ascii())) {
            twin.main_cf(main_cf);
            twin.file("m", text);
            twin.run(&call(b"hash:m"));
            twin.read(&call(b"-s hash:m"));
        }
    }
}

/// Messages have no limit of length, but some of the texts in them.
#[test]
fn long_lines() {
    for length in [1_000, 2_048, 4_096, 70_000] {
        let long = "k".repeat(length);
        for mut twin in Twin::each(&format!("lines of {length} bytes")) {
            let text = format!("{long} v\n{long} w\n\"{long}\n{long}\n{long}: v\na {long}\n");
            twin.file("m", &[text.as_bytes(), b"bad\xff ", long.as_bytes()].concat());
            twin.run(&call(b"hash:m"));
            twin.read(&call(b"-s hash:m"));
            twin.read(&call(b"-q - hash:m").stdin(format!("{long}\na\n{long}:\n")));
        }
    }
}

/// A text of more than a mebibyte, which we read with two threads: everything that is warned of, in
/// both halves and across.
#[test]
fn long_texts() {
    let line = |i: usize| {
        let number = i * 7919 % 35_000;
        match i % 400 {
            0 => format!("# comment\nUser{number}@Example.ORG\n  value of {i}\n"),
            1 => format!("lonely{i}\n"),
            2 => format!("colon{number}: value {i}\n\n"),
            3 => format!("  # comment\n  goes on {i}\n\"unbalanced{i}\n"),
            _ => format!("user{number}@example.org\tvalue {i}\n"),
        }
    };
    let text: String = (0..40_000).map(line).collect();
    assert!(text.len() > 1 << 20);
    for options in [&b""[..], b"-w ", b"-r ", b"-f "] {
        for mut twin in Twin::each(&format!("long text {}", options.escape_ascii())) {
            twin.file("m", text.as_bytes());
            twin.run(&call(&[options, b"hash:m"].concat()));
            twin.read(&call(b"-s hash:m"));
        }
    }
}

/// Sections 3, 8.4 and 9: duplicates, terminating NUL, case folding, by the options at creation and
/// at the query.
#[test]
fn options() {
    let text = "k 1\nK 2\nk 3\nj 9\n\u{c4}pfel X\nSTRASSE\u{df} s\n\u{1e9e} t\n\u{212a} kelvin\n";
    let creates: &[&[u8]] =
        &[b"", b"-w", b"-r", b"-n", b"-N", b"-f", b"-u", b"-fu", b"-nfr", b"-p", b"-o"];
    let queries: &[&[u8]] = &[b"", b"-n", b"-N", b"-f", b"-u", b"-fu"];
    let keys =
        "k\nK\nj\n\u{c4}PFEL\n\u{e4}pfel\nstrassess\nss\n\u{212a}\n\u{fb01}\nk\r\n k\n\nk\0x\nzz";
    for create in creates {
        for mut twin in Twin::each(&format!("options {}", create.escape_ascii())) {
            twin.file("m", text.as_bytes());
            twin.run(&call(&[create, &b" hash:m"[..]].concat()));
            twin.read(&call(b"-s hash:m"));
            for query in queries {
                twin.read(&call(&[query, &b" -q - hash:m"[..]].concat()).stdin(keys));
            }
        }
    }
}

/// Section 5: output, and what of it is lost when an error follows.
#[test]
fn queries() {
    let good = format!("good {}\n", "x".repeat(93));
    let text = [good.as_bytes(), b"bad v\xff\ne\xff 1\n"].concat();
    for mut twin in Twin::each("queries") {
        twin.file("m", &text);
        twin.run(&call(b"-u hash:m"));
        twin.read(&call(b"-s hash:m"));
        for line in ["-q bad hash:m", "-uq bad hash:m", "-q good hash:m"] {
            twin.read(&call(line.as_bytes()));
        }
        twin.read(&call(b"-q b\xff hash:m"));
        twin.read(&call(b"-uq b\xff hash:m"));
        // A line of output has 99 bytes: the buffer of 4,096 is full after 41 of them.
        for hits in [0, 1, 41, 42, 43, 82, 83, 100] {
            let keys = format!("{}bad\ngood\n", "good\n".repeat(hits));
            twin.read(&call(b"-q - hash:m").stdin(keys));
        }
        let stdins: [&[u8]; 11] = [
            b"",
            b"\n",
            b"good",
            b"good\r\n",
            b" good\n",
            b"zz\n",
            b"good\0zz\n",
            b"a\xff\ngood\n",
            b"e\xff\ne\xff",
            b"e\xff",
            b"-\n",
        ];
        for stdin in stdins {
            twin.read(&call(b"-uq - hash:m").stdin(stdin));
            twin.read(&call(b"-q - hash:m").stdin(stdin));
            twin.read(&call(b"-q - hash:m hash:nofile").stdin(stdin));
            twin.read(&call(b"-q - hash:nofile").stdin(stdin));
        }
    }
}

/// Section 5: empty keys and values, which only other programs store.
#[test]
fn empty_items() {
    // A value of no bytes at all: -F stores one for an empty file.
    for mut twin in Twin::each("empty items") {
        twin.file("f", b"");
        twin.file("m", b"k f\nj f\n");
        for options in [&b"-F hash:m"[..], b"-Fn hash:m"] {
            twin.run(&call(options));
            for query in
                [&b"-q k hash:m"[..], b"-Fq k hash:m", b"-q - hash:m", b"-s hash:m", b"-Fs hash:m"]
            {
                twin.read(&call(query).stdin("k\nj\n"));
            }
        }
    }
}
