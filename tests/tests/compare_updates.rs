//! `-i` and `-d`, ours against Postfix's: what they say, and what they leave.
#![cfg(feature = "peers")]

use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};

fn call(line: &[u8]) -> Call {
    Call::line(Tool::Postmap, line)
}

/// Sections 3, 4, 6 and 8.4 of the postmap specification.
#[test]
fn changes() {
    let mut twin = Twin::new("changes");
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
    for line in [&b"-i foo:m"[..], b"-d k foo:m", b"-i proxy:hash:m", b"-i :m", b"-d k hash:"] {
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
