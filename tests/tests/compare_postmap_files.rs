//! Our `postmap` against Postfix's where files matter: the index in all its states, owners and
//! modes, values that come from files, the configuration.
//!
//! The expected outcome is what the real program does. The sections in the comments are those of
//! the postmap specification.
#![cfg(feature = "peers")]

use std::fs;
use std::os::unix::fs::MetadataExt;

use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};

/// A user and a group that are not root's.
const NOBODY: u32 = 65_534;

fn call(line: &[u8]) -> Call {
    Call::line(Tool::Postmap, line)
}

/// A twin of each type with the map `m`, built.
fn twins(name: &str, text: &[u8]) -> impl Iterator<Item = Twin> {
    Twin::each(name).map(move |mut twin| {
        twin.file("m", text);
        twin.run(&call(b"hash:m"));
        twin
    })
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|metadata| metadata.uid() == 0)
}

/// Section 7: the mode of the new file from the source's, with and without `-p`; an old file keeps
/// its own.
#[test]
fn modes() {
    for source in [0o600, 0o400, 0o640, 0o660, 0o644, 0o664, 0o666, 0o755, 0o604, 0o4755] {
        for options in [&b"hash:m"[..], b"-p hash:m"] {
            for mut twin in
                Twin::each(&format!("source mode {source:o}, {}", options.escape_ascii()))
            {
                twin.file("m", b"k v\n");
                twin.mode("m", source);
                twin.run(&call(options).umask(0o077));
                twin.mode("m.db", 0o660);
                twin.run(&call(options).umask(0));
            }
        }
    }
}

/// Section 7: run by root, the program becomes the source's owner.
#[test]
fn owners() {
    if !is_root() {
        return eprintln!("not compared: only root can give files away");
    }
    for (user, group) in [(NOBODY, NOBODY), (0, NOBODY), (NOBODY, 0)] {
        for mut twin in Twin::each(&format!("source of {user}:{group}")) {
            twin.directory("d");
            twin.file("d/m", b"k v\n");
            twin.owner("d/m", user, group);
            twin.file("d/n", b"k 2\n");
            for line in [&b"hash:d/m"[..], b"-o hash:d/m", b"hash:d/m", b"-op hash:d/m"] {
                twin.run(&call(line));
            }
            twin.owner("d", user, group);
            twin.run(&call(b"hash:d/m"));
            twin.remove("d/m.db");
            twin.run(&call(b"hash:d/m"));
            // What was given up stays given up for the maps that follow.
            twin.run(&call(b"hash:d/m hash:d/n"));
            twin.remove("d/n.db");
            twin.mode("d/n", 0o600);
            twin.run(&call(b"hash:d/m hash:d/n"));
            twin.run(&call(b"hash:d/n hash:d/m"));
            twin.read(&call(b"-s hash:d/m"));
        }
    }
}

/// Section 8.2: contents of the index file that are damaged. About Berkeley DB: they are patched.
#[test]
fn damaged_index_files() {
    let mut twin = Twin::new("damaged index files");
    twin.file("m", b"k v\nj w\n");
    twin.run(&call(b"hash:m"));
    let db = twin.real_file("m.db");
    let patched = |offset: usize, byte: u8| {
        let mut db = db.clone();
        db[offset] = byte;
        db
    };
    let contents = [
        vec![],
        b"x".to_vec(),
        b"seventeen bytes..".to_vec(),
        db[..511].to_vec(),
        db[..512].to_vec(),
        db[..5_000].to_vec(),
        b"text\n".repeat(4_096),
        patched(12, 0),  // magic number
        patched(16, 99), // version
        patched(20, 1),  // page size
        patched(24, 1),  // encryption
        patched(25, 13), // page type
    ];
    for content in &contents {
        for line in [&b"-q k hash:m"[..], b"-q - hash:m", b"-s hash:m", b"hash:m", b"-q k hash:m"] {
            twin.run(&call(line).stdin("k\n"));
            if line.starts_with(b"-") {
                twin.file("m.db", content);
            }
        }
    }
}

/// Sections 4 and 8.2: what is in the place of the index file.
#[test]
fn index_files() {
    for mut twin in twins("index files", b"k v\nj w\n") {
        twin.remove("m.db");
        twin.directory("m.db");
        for line in [&b"hash:m"[..], b"-q k hash:m", b"-s hash:m"] {
            twin.run(&call(line));
        }
        twin.file("n", b"k v\n");
        twin.file("target", b"");
        twin.link("target", "n.db");
        twin.run(&call(b"hash:n"));
        twin.run(&call(b"hash:n"));
        twin.link("nowhere", "l.db");
        twin.file("l", b"k v\n");
        twin.run(&call(b"hash:l"));
        twin.run(&call(b"-q k hash:l"));
        twin.directory("dir");
        twin.run(&call(b"-s hash:dir"));
    }
}

/// Section 8.3: an index that is older than its source.
#[test]
fn stale_index() {
    for mut twin in twins("stale index", b"k v\n") {
        for (source, index) in [(200, 300), (200, 200), (300, 200), (50, 300), (0, 300)] {
            twin.age("m", source);
            twin.age("m.db", index);
            for line in [&b"-q k hash:m"[..], b"-s hash:m", b"-q - hash:m", b"-q zz hash:m hash:m"]
            {
                twin.run(&call(line).stdin("k\nzz\n"));
            }
        }
        twin.remove("m");
        twin.run(&call(b"-q k hash:m"));
    }
}

/// Section 11: values from files.
#[test]
fn values_from_files() {
    for mut twin in Twin::each("values from files") {
        twin.file("f1", b"hello\nworld\n");
        twin.file("f2", b"x");
        twin.file("f3", b"a\0b");
        twin.file("f4", b"");
        twin.file("f5", &(0..=255).collect::<Vec<u8>>().repeat(20));
        twin.file(
        "m",
        b"a f1, f2\nb f1\nc f3\nd f4\ne nofile\nf ,\ng f1 nofile\nh f5\ni f2,,f2\t,f2\nj etc\nk ./f1\nB f2\n",
    );
        let keys = "a\nb\nc\nd\ne\nh\ni\nj\n";
        for create in [&b"-F hash:m"[..], b"-Fn hash:m", b"hash:m"] {
            twin.run(&call(create));
            for query in [
                &b"-s hash:m"[..],
                b"-Fs hash:m",
                b"-Fq a hash:m",
                b"-Fq c hash:m",
                b"-Fq e hash:m",
            ] {
                twin.read(&call(query));
            }
            twin.read(&call(b"-Fq - hash:m").stdin(keys));
            twin.read(&call(b"-q - hash:m").stdin(keys));
        }
        // Not base64, and longer than what a message shows of it.
        twin.file("m", b"a ====\nb dGV4dA\nc dGV4dA==x\nd ab\xc3\xa4678901234567890123456789\xc3\xa4z!\ne dGV4dA==\n");
        twin.run(&call(b"hash:m"));
        twin.read(&call(b"-Fs hash:m"));
        for key in ["a", "b", "c", "d", "e"] {
            twin.read(&call(format!("-Fq {key} hash:m").as_bytes()));
        }
    }
}

/// Section 13: the configuration.
#[test]
fn main_cf() {
    let texts: &[&[u8]] = &[
        b"",
        b"smtputf8_enable = yes\n",
        b"smtputf8_enable = YES\n",
        b"smtputf8_enable = no\n",
        b"smtputf8_enable = maybe\n",
        b"smtputf8_enable =\n",
        b"compatibility_level = 0\n",
        b"compatibility_level = 0.9\n",
        b"compatibility_level = 1\n",
        b"compatibility_level = x\n",
        b"compatibility_level = 3.6\nsmtputf8_enable = ${{$compatibility_level} <level {4} ? {no} : {yes}}\n",
        b"a = yes\nb = $a\nsmtputf8_enable = ${b}\n",
        b"a = yes\nsmtputf8_enable = $(a)\n",
        b"a = yes\nsmtputf8_enable = ${a?yes}${nothing?no}\n",
        b"smtputf8_enable = ${nothing:yes}\n",
        b"smtputf8_enable = ${nothing?{no}:{yes}}\n",
        b"smtputf8_enable = $nothing\n",
        b"smtputf8_enable = $smtputf8_enable\n",
        b"smtputf8_enable = no\nsmtputf8_enable = yes\n",
        b"smtputf8_enable\n",
        b"= yes\n",
        b"  smtputf8_enable = yes\n",
        b"junk line\n",
        b"# comment\n\nsmtputf8_enable\n  =\n  yes\n",
        b"smtputf8_enable=yes\r\n",
        b"unknown = 1\nother = $unknown\n",
        b"default_database_type = hash\n",
        b"default_database_type = foo\n",
        b"default_database_type =\n",
        b"berkeley_db_create_buffer_size = 65536\nberkeley_db_read_buffer_size = 32768\n",
        b"berkeley_db_create_buffer_size = abc\n",
        b"berkeley_db_read_buffer_size = -1\n",
        b"syslog_facility = bogus\n",
        b"syslog_name = other\n",
    ];
    for text in texts {
        for mut twin in Twin::each(&format!("main.cf, {}", text.escape_ascii())) {
            twin.main_cf(text);
            twin.file("m", "\u{c4} v\nK \u{e4}\n\u{e4} 2\n".as_bytes());
            for line in [&b"m"[..], b"hash:m", b"-q k m", b"-s hash:m"] {
                twin.run(&call(line));
            }
        }
    }
    for mut twin in twins("where main.cf is", b"k v\n") {
        for line in [
            &b"-c nodir -q k hash:m"[..],
            b"-c nodir -c etc -q k hash:m",
            b"-cetc hash:m",
            b"-q k hash:m",
        ] {
            twin.run(&call(line).env("MAIL_CONFIG", "nowhere"));
        }
        twin.run(&call(b"-q k hash:m").env("MAIL_CONFIG", ""));
        twin.remove("etc/main.cf");
        for line in [&b"hash:m"[..], b"-q k hash:m", b"-s hash:m", b"-q", b"-s -q k", b"-q k"] {
            twin.run(&call(line));
        }
        twin.directory("etc/main.cf");
        twin.run(&call(b"hash:m"));
    }
}
