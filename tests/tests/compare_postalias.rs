//! Our `postalias` against Postfix's: what it says, and what it leaves.
#![cfg(feature = "peers")]

use map_tests::session::sessions;
use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};

fn call(line: &[u8]) -> Call {
    Call::line(Tool::Postalias, line)
}

/// `MAP_TESTS_CASES=4000` was the last long run.
#[test]
fn generated_texts() {
    sessions(Tool::Postalias, 300);
}

/// The examples of the postalias specification, section 3: each is a text, built and listed.
#[test]
fn grammar() {
    let texts: &[&[u8]] = &[
        b"root: admin\n",
        b"Root:admin",
        b"root :  admin\n",
        b"root : admin , other\n",
        b"a: b c d\n",
        b"a: b,\n c,\n d\n",
        b"a: b, ,c,\n",
        b"a: b # c\n",
        b"\"a b\": c\n",
        b"a b: c\n",
        b"a\\ b: c\n",
        b"\"A\\\"B\": c\n",
        b"\"plain\": p\n",
        b"\"a@b\": c\n",
        b"\"a:b\": c\n",
        b"a\\:b: c\n",
        b"\\root: x\n",
        b"a.b: c\n",
        b"a+b: c\n",
        b"a=b: c\n",
        b"-a: c\n",
        b"a!b: c\n",
        b"a|b: c\n",
        b"a;b: c\n",
        b"<a>: c\n",
        b"[x]: c\n",
        b"a[x]: c\n",
        b"a (x): c\n",
        b"\"\": c\n",
        b"a,b: c\n",
        b"a\n",
        b"a:\n",
        b":a\n",
        b":include: x\n",
        b"\"unterm: x\n",
        b"a@b: c\n",
        b"a%b: c\n",
        b"a@b,c: d\n",
        b"a: |/bin/cmd\n",
        b"a: \"|/bin/cmd arg 'x y'\"\n",
        b"a: \"|/bin/cmd \\\"q\\\" \\\\ z\"\n",
        b"a: |cmd x\n",
        b"a: :include:/etc/list\n",
        b"a: \":include:/etc/list\"\n",
        b"a: /var/mail/file\n",
        b"a: \"/var/mail/my file\"\n",
        b"a: Foo Bar <u@x>, (comment) z\n",
        b"a: \"x\"@y\n",
        b"a: x.\"y z\"@d\n",
        b"a: u@[1.2.3.4]\n",
        b"a: u%x@y!z\n",
        b"a: <>\n",
        b"a: \"a,b\", c\n",
        b"a: x@ y\n",
        b"a: b: c\n",
        b"a::b\n",
        b"a: b<c>d\n",
        b"a: b;c\n",
        b"a: \"\"\n",
        b"a: \\root\n",
        b"a: x\\y\n",
        b"a: \"x\\y\"\n",
        b"a: b\\\n",
        b"a: \"unterminated\n",
        b"a: (unterm\n",
        b"a: [x\\]y]\n",
        b"a: \x01b\n",
        b"a: \"b\tc\"\n",
        b"a: x\0y\n",
        b"a\nb: c\n",
        b"a\xff: b\nb: \xff\n",
        b"  indented: x\na: b\n",
        b"@: me\n",
        b"(c)\n",
        b"",
    ];
    for text in texts {
        for mut twin in Twin::each(&format!("grammar, {}", text.escape_ascii())) {
            twin.file("m", text);
            twin.run(&call(b"hash:m"));
            twin.read(&call(b"-s hash:m"));
        }
    }
}

/// The postalias specification, section 4, and the extra records of section 5.
#[test]
fn duplicates() {
    let texts: &[&[u8]] = &[
        b"root: admin\nRoot: x\nroot: y\n",
        b"\"@\": me\n\"YP_LAST_MODIFIED\": then\n\"YP_MASTER_NAME\": here\n",
    ];
    let options: &[&[u8]] = &[b"", b"-w", b"-r", b"-f", b"-fn", b"-fnw", b"-fnr", b"-fN", b"-rw"];
    for (text, options) in texts.iter().flat_map(|text| options.iter().map(move |o| (text, o))) {
        for mut twin in Twin::each(&format!("duplicates, {}", options.escape_ascii())) {
            twin.file("m", text);
            twin.run(&call(&[options, &b" hash:m"[..]].concat()));
            twin.read(&call(b"-s hash:m"));
        }
    }
}

/// The postalias specification, sections 2 and 5: queries with and without a colon, queries of the
/// extra records, which have no terminating NUL.
#[test]
fn queries() {
    let lines: &[&[u8]] = &[
        b"-q root hash:m",
        b"-q Root hash:m",
        b"-fq Root hash:m",
        b"-q root: hash:m",
        b"-q @ hash:m",
        b"-q yp_master_name hash:m",
        b"-q YP_MASTER_NAME hash:m",
        b"-fq YP_MASTER_NAME hash:m",
        b"-Nfq YP_MASTER_NAME hash:m",
        b"-nfq YP_LAST_MODIFIED hash:m",
        b"-q - hash:m",
        b"-fq - hash:m",
        b"-nq - hash:m",
        b"-Nq - hash:m",
        b"-q l hash:m",
        b"-uq l hash:m",
    ];
    for build in [&b"hash:m"[..], b"-n hash:m", b"-N hash:m", b"-u hash:m"] {
        for mut twin in Twin::each(&format!("queries, {}", build.escape_ascii())) {
            twin.file("m", b"root: admin\n\"A b\": \"|c d\"\n\"\": nobody\nl: \xff\n");
            twin.run(&call(build));
            for line in lines {
                twin.read(
                    &call(line).stdin("root\na b\n\nYP_MASTER_NAME\nroot:\nYP_LAST_MODIFIED\n@\n"),
                );
            }
        }
    }
}

/// The postalias specification, section 1: the options of `postmap` that `postalias` lacks.
#[test]
fn command_lines() {
    let lines: &[&[u8]] = &[
        b"",
        b"-q",
        b"-b",
        b"-F",
        b"-h",
        b"-m",
        b"-U",
        b"-s",
        b"-q k",
        b"-q k -q k",
        b"-s -q k",
        b"-q k -s",
        b"-s -s hash:m",
        b"foo:m",
        b"regexp:m",
        b"hash:nofile",
        b"-q k hash:nofile",
        b"-q k foo:m",
        b"-c nodir hash:m",
        b"m",
        b"-q k m",
        b"-wropq root hash:m",
    ];
    for mut twin in Twin::each("command lines") {
        twin.file("m", b"root: admin\n");
        twin.run(&call(b"hash:m"));
        for line in lines {
            twin.run(&call(line));
        }
    }
}
