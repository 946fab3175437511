//! `-i` and `-d`, ours against Postfix's: what they say, and what they leave, also on each other's
//! files.
#![cfg(feature = "peers")]

use map_tests::session::change_sessions;
use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};

#[test]
fn generated_changes_of_maps() {
    change_sessions(Tool::Postmap, 150);
}

#[test]
fn generated_changes_of_aliases() {
    change_sessions(Tool::Postalias, 100);
}

fn call(line: &[u8]) -> Call {
    Call::line(Tool::Postmap, line)
}

/// Sections 3, 4, 6 and 8.4 of the postmap specification.
#[test]
fn changes() {
    for mut twin in Twin::each("changes") {
        twin.file("m", b"k v\nj w\n");
        twin.file("n", b"k n\n");
        // Without a table.
        twin.run(&call(b"-d k hash:m"));
        twin.run(&call(b"-d - hash:m"));
        twin.run(&call(b"-d - hash:m").stdin("k\n"));
        twin.run(&call(b"-i hash:m").stdin("k 1\nK 2\n"));
        twin.run(&call(b"-s hash:m"));
        // Twice the same, replaced, ignored.
        for line in [&b"-i hash:m"[..], b"-ir hash:m", b"-iw hash:m", b"-i -r -w hash:m"] {
            twin.run(&call(line).stdin("k 3\nnew 4\nNEW 5\n"));
            twin.read(&call(b"-s hash:m"));
        }
        // The first table gets all of standard input.
        twin.run(&call(b"hash:m hash:n"));
        twin.run(&call(b"-i hash:m hash:n").stdin("both 1\n"));
        twin.read(&call(b"-q both hash:n"));
        // A key goes from all tables.
        twin.run(&call(b"-d k hash:m hash:n"));
        twin.run(&call(b"-d k hash:m hash:n"));
        twin.run(&call(b"-d j hash:n hash:m"));
        twin.run(&call(b"-d j hash:n hash:nofile hash:m"));
        // Terminators.
        twin.run(&call(b"-n hash:m"));
        twin.run(&call(b"-i hash:m").stdin("k other\n"));
        twin.read(&call(b"-s hash:m"));
        twin.run(&call(b"-N -d j hash:m"));
        twin.run(&call(b"-d k hash:m"));
        twin.read(&call(b"-s hash:m"));
        twin.run(&call(b"-d - hash:m").stdin("k\nj"));
        twin.read(&call(b"-s hash:m"));
        // Keys that are not UTF-8, keys with NUL, odd ends of input.
        for stdin in [&b"k\xff\n"[..], b"\xff", b"k\0x\n", b"", b"\n", b"K\r\n", b"K"] {
            twin.run(&call(b"hash:m"));
            twin.run(&call(b"-d - hash:m").stdin(stdin));
            twin.run(&call(b"-fd - hash:m").stdin(stdin));
            twin.run(&call(b"-ud - hash:m").stdin(stdin));
        }
        // Of types that cannot be changed, or are not there.
        let lines = [
            &b"-i foo:m"[..],
            b"-d k foo:m",
            b"-i proxy:hash:m",
            b"-i :m",
            b"-d k hash:",
            // Types that need a server: what is said of them does not.
            b"-i tcp:m",
            b"-d k tcp:m",
            b"-d k nis:m",
            b"-i nisplus:m",
            b"-d k nisplus:m",
            b"-d k socketmap:m",
            b"-d k mongodb:m",
            b"-i sdbm:m",
        ];
        for line in lines {
            twin.run(&call(line).stdin("k v\n"));
        }
        // In the place of a table.
        twin.file("m.db", b"");
        twin.run(&call(b"-d k hash:m"));
        twin.run(&call(b"-i hash:m").stdin("k v\n"));
        twin.file("m.db", b"junk");
        twin.run(&call(b"-d k hash:m"));
        twin.run(&call(b"-i hash:m").stdin("k v\n"));
        twin.remove("m.db");
        twin.directory("m.db");
        twin.run(&call(b"-d k hash:m"));
        twin.run(&call(b"-i hash:m").stdin("k v\n"));
    }
}

/// A key goes from all tables, or none of them is changed where one does not open; what is said
/// comes key by key.
#[test]
fn deletions_from_several_tables() {
    for mut twin in Twin::each("deletions from several tables") {
        twin.file("m", b"k v\nj w\nl x\n");
        twin.file("n", b"k n\nj o\n");
        for tables in [
            "hash:m hash:n",
            "hash:n hash:m",
            "hash:m foo:n",
            "hash:m hash:nofile",
            "hash:nofile hash:m",
            "hash:m hash: hash:n",
        ] {
            for stdin in [&b"k\nj\n"[..], b"zz\nk\n", b"\xff\nk\nk\xff\n", b""] {
                twin.run(&call(b"hash:m hash:n"));
                for table in ["m", "n"] {
                    twin.age(table, 200);
                    twin.age(&format!("{table}.db"), 300);
                }
                twin.run(&call(format!("-d - {tables}").as_bytes()).stdin(stdin));
            }
            for key in ["k", "zz"] {
                twin.run(&call(b"hash:m hash:n"));
                twin.run(&call(format!("-d {key} {tables}").as_bytes()));
            }
        }
    }
}

/// Keys that are big items, and have no NUL: none of them begins like another (hash file
/// specification, section 12.2).
#[test]
fn long_keys_without_terminators() {
    let entries = |marks: &[u8], value: &str| -> Vec<u8> {
        let lengths = [1, 100, 127, 128, 129, 1_023, 1_024, 1_025, 4_096, 20_000];
        let line = |(mark, length): (&u8, usize)| {
            let key = (*mark as char).to_string().repeat(length);
            format!("{length}{key} {}\n", value.repeat(length % 999))
        };
        marks
            .iter()
            .flat_map(|mark| lengths.map(|length| line((mark, length))))
            .collect::<String>()
            .into()
    };
    let mut twin = Twin::new("long keys without terminators");
    twin.file("m", &entries(b"abcd", "v"));
    twin.run(&call(b"-n hash:m"));
    twin.cross(&call(b"-ni hash:m").stdin(entries(b"cdef", "w")));
    twin.cross(&call(b"-nri hash:m").stdin(entries(b"aceg", "long")));
    let listing = twin.read(&call(b"-s hash:m")).stdout;
    let keys: Vec<&[u8]> = listing
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b'\t').next())
        .collect();
    twin.read(&call(b"-nq - hash:m").stdin(keys.join(&b'\n')));
    for some in keys.chunks(9) {
        twin.cross(&call(b"-nd - hash:m").stdin(some.join(&b'\n')));
    }
}
