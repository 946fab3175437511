//! Our `postmap -q -` against Postfix's when standard input is a message: options `-b`, `-h`, `-m`
//! and `-U`.
//!
//! The table `static:x` has every key, so that what is printed is all that the message is taken
//! for. The sections in the comments are those of the postmap specification.
#![cfg(feature = "peers")]

use map_tests::generate::{self, Rng, one_in};
use map_tests::session::each_seed;
use map_tests::table_types::TableType;
use map_tests::tools::Tool;
use map_tests::twin::{Call, Twin};

fn call(line: &str) -> Call {
    Call::line(Tool::Postmap, line.as_bytes())
}

/// Messages in one session.
const MESSAGES: usize = 10;

/// The options for a generated message, besides those for all of its keys.
const OPTIONS: &[&str] =
    &["-b", "-h", "-bh", "-bm", "-hm", "-bhmU", "-bhU", "-bhmfF", "-bhmu", "-bhmN", "-m", ""];

/// Section 12: 600 messages, each with two sets of options.
#[test]
fn generated_messages() {
    each_seed("messages", 60, |seed| {
        let rng = &mut Rng::with_seed(seed);
        let mut twin = Twin::of(TableType::of_seed(seed), &format!("messages, seed {seed}"));
        twin.main_cf(&generate::message_main_cf(rng));
        twin.file(
            "m",
            b"\"subject: hello\" 1\n\"A: B\" 2\ntext 3\n--x 4\n\"x: \xc3\x89\" 5\n\xff 6\n",
        );
        twin.run(&call("-u hash:m"));
        for _ in 0..MESSAGES {
            let message = generate::message(rng);
            let options = rng.choice(OPTIONS).copied().unwrap_or_default();
            let tables = if one_in(rng, 4) { "hash:m" } else { "hash:m static:x" };
            twin.run(&call("-bhm -q - static:x").stdin(&*message));
            twin.run(&call(&format!("{options} -q - {tables}")).stdin(message));
        }
    });
}

/// Sections 9, 11 and 12: answers and errors are those of other queries, except for base64, which
/// stays, and the reason in the last message.
#[test]
fn tables() {
    let messages: [&[u8]; 9] = [
        b"",
        b"A: B\n\nx\n",
        b"A: b\n c\nx",
        b"A: b\n\nx\xff",
        b"A: b\n\nx\xff\n\xc3\x89\n",
        b"\xc3\x89: x\nA: \xff\n",
        b"A: b\nK: v\nA: b\n\nx\n",
        b"A: b\n\nx\nK: v\n",
        b"E: f\n\nd\nx\0y\n",
    ];
    for mut twin in Twin::each("tables of messages") {
        twin.file("m", b"\"a: b\" 1\nx 2\n\"k: v\" \xff\nx\xff 3\n\xc3\x89 4\n");
        twin.run(&call("-u hash:m"));
        twin.file("empty", b"");
        twin.file("f", b"\"e: f\" empty\nd empty\nx m\n");
        twin.run(&call("-F hash:f"));
        for message in messages {
            for options in
                ["-b", "-h", "-bh", "-bhU", "-bhu", "-bhUu", "-bhf", "-bhF", "-bhN", "-bhn"]
            {
                for tables in ["hash:m", "hash:f hash:m", "hash:m hash:nofile", "hash:nofile"] {
                    twin.run(&call(&format!("{options} -q - {tables}")).stdin(message));
                }
            }
        }
    }
}

/// Sections 1 and 12: what goes with the options.
#[test]
fn command_lines() {
    for mut twin in Twin::each("command lines for messages") {
        twin.file("m", b"a 1\n\"a: b\" 2\n");
        twin.run(&call("hash:m"));
        for line in [
            "-b -q a hash:m",
            "-h hash:m",
            "-m hash:m",
            "-hs hash:m",
            "-bd a hash:m",
            "-mq a hash:m",
            "-mq - hash:m",
            "-Uq - hash:m",
            "-Uq a hash:m",
            "-bmhq - hash:m",
            "-bhq -",
            "-bq - foo:m",
            "-bq - hash:",
        ] {
            twin.run(&call(line).stdin("a: b\n\na\n"));
        }
    }
}

/// The largest messages are read line by line: output before an error is what fits into whole
/// blocks.
#[test]
fn long_messages() {
    for mut twin in Twin::each("long messages") {
        twin.file("m", b"x 2\n\"k: v\" \xff\n");
        twin.run(&call("-u hash:m"));
        let long = "v".repeat(200_000);
        for (head, count, tail) in
            [("", 100_000, "\n"), ("\n", 3_000, "k: v\nx\n"), (&*long, 10, ": v\n")]
        {
            let message = format!("{head}{}{tail}", "x\n".repeat(count));
            for options in ["-bhmU", "-bh"] {
                twin.run(&call(&format!("{options} -q - hash:m")).stdin(&*message));
                twin.run(&call(&format!("{options} -q - static:x")).stdin(&*message));
            }
        }
    }
}
