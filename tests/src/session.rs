//! Generated cases: texts, and what users do with the maps that are built from them.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::generate::{self, Keys, Rng, one_in};
use crate::table_types::TableType;
use crate::tools::Tool;
use crate::twin::{Call, Twin, is_root};

/// How many differing cases are reported before the rest is left.
const ENOUGH: usize = 5;

/// Options that concern the creation of a map, and those that concern reading one. Either program
/// accepts and ignores the other ones.
const CREATE: &str = "fnNopruwv";
const READ: &str = "fnNuv";

/// Options that concern the change of a map, and some that do not. What `-v` says is not compared.
const CHANGE: &str = "fnNopruw";

/// A user and a group that are not root's.
const NOBODY: u32 = 65_534;

/// Runs a session of one of the programs for each of the seeds `0..cases`, which all types of
/// tables share: see [`each_seed`].
///
/// # Panics
///
/// When ours and the real programs differ in a session; names the seeds.
pub fn sessions(tool: Tool, cases: u64) {
    each_seed(tool.name(), cases, |seed| session(tool, seed));
}

/// Runs a session of changes with one of the programs for each of the seeds `0..cases`, which the
/// types of tables that can be changed share: see [`each_seed`].
///
/// # Panics
///
/// When ours and the real programs differ in a session; names the seeds.
pub fn change_sessions(tool: Tool, cases: u64) {
    each_seed(tool.name(), cases, |seed| change_session(tool, seed));
}

/// Calls `session` with the seeds `0..cases`, on all processors.
///
/// The environment changes what is run: `MAP_TESTS_CASES` their number, `MAP_TESTS_SEED` one seed
/// and nothing else.
///
/// # Panics
///
/// When a session does; names the seeds.
pub fn each_seed(what: &str, cases: u64, session: impl Fn(u64) + Sync) {
    let number = |name| env::var(name).map(|text| text.parse().expect("a number"));
    if let Ok(seed) = number("MAP_TESTS_SEED") {
        return session(seed);
    }
    let cases = number("MAP_TESTS_CASES").unwrap_or(cases);
    let next = AtomicU64::new(0);
    let differing = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= cases {
                return;
            }
            if catch_unwind(AssertUnwindSafe(|| session(seed))).is_err() {
                let mut differing = differing.lock().expect("no thread panics here");
                differing.push(seed);
                if differing.len() >= ENOUGH {
                    next.store(cases, Ordering::Relaxed);
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let differing = differing.into_inner().expect("no thread panics there");
    assert!(differing.is_empty(), "{what}: differences with the seeds {differing:?}");
}

/// What the texts and command lines of one session have in common.
struct Kind {
    tool: Tool,
    keys: Keys,
    /// Values come from files, which only `postmap` knows.
    from_files: bool,
}

impl Kind {
    fn any(rng: &mut Rng, tool: Tool) -> Self {
        let from_files = tool == Tool::Postmap && one_in(rng, 12);
        Kind { tool, keys: Keys::any(rng), from_files }
    }

    /// A text for a map.
    fn text(&self, rng: &mut Rng) -> Vec<u8> {
        match self.tool {
            Tool::Postmap if self.from_files => generate::file_list_text(rng, self.keys),
            Tool::Postmap => generate::map_text_with(rng, self.keys),
            Tool::Postalias => generate::alias_text(rng, self.keys),
        }
    }

    /// A command line: some of the options in `letters`, and `rest`.
    fn call(&self, rng: &mut Rng, letters: &str, rest: &[&[u8]]) -> Call {
        let letters = match self.keys {
            Keys::Short => letters.to_owned(),
            // Long keys need their NUL.
            Keys::Long => letters.replace('n', ""),
        };
        let mut arguments = Vec::new();
        if one_in(rng, 10) {
            arguments.extend([b"-c".to_vec(), b"etc".to_vec()]);
        }
        arguments.extend(generate::options(rng, &letters));
        if self.from_files && !one_in(rng, 8) {
            arguments.push(b"-F".to_vec());
        }
        arguments.extend(rest.iter().map(|argument| argument.to_vec()));
        Call::new(self.tool, arguments)
    }
}

/// Files that are there in each session: `m2` for another map, the others for values.
fn lay_out(twin: &mut Twin) {
    twin.file("f1", b"hello\nworld\n");
    twin.file("f2", b"x\0y");
    twin.file("m2", b"user 2\nuser: 2\n");
}

/// Builds a map from a generated text, lists it, asks it for keys, and gives some odd command.
fn session(tool: Tool, seed: u64) {
    let rng = &mut Rng::with_seed(seed);
    let table_type = TableType::of_seed(seed);
    let mut twin = Twin::of(table_type, &format!("{tool:?}, seed {seed}"));
    twin.main_cf(generate::main_cf(rng));
    lay_out(&mut twin);
    let kind = Kind::any(rng, tool);
    let name = generate::map_name(rng).as_bytes();

    if one_in(rng, 4) {
        twin.file("m", &kind.text(rng));
        twin.run(&Call::new(tool, ["hash:m", "hash:m2"]));
        twin.mode("m.db", generate::index_mode(rng));
    }
    let text = kind.text(rng);
    twin.file("m", &text);
    twin.mode("m", generate::source_mode(rng));
    twin.run(&kind.call(rng, CREATE, &[name]));

    let mut listing = twin.read(&kind.call(rng, READ, &[b"-s", name])).stdout;
    if !table_type.lists {
        // The keys to ask for come from the text: a tab ends those of a listing.
        listing = text.iter().map(|byte| if *byte == b' ' { b'\t' } else { *byte }).collect();
    }
    let queries = generate::queries(rng, &listing);
    twin.read(&kind.call(rng, READ, &[b"-q", b"-", name]).stdin(queries));
    let key = generate::key(rng, &listing);
    twin.run(&kind.call(rng, READ, &[b"-q", &key, name]));
    if one_in(rng, 3) {
        twin.run(&Call::line(tool, generate::odd_command(rng)));
    }
}

/// Makes a map, or not, and goes on with changes, rebuilds and other commands in any order, while
/// the files are tampered with; about every third time the programs work on each other's files.
fn change_session(tool: Tool, seed: u64) {
    let rng = &mut Rng::with_seed(seed);
    let table_type = TableType::changing_of_seed(seed);
    let mut twin = Twin::of(table_type, &format!("{tool:?}, changes, seed {seed}"));
    twin.main_cf(generate::main_cf(rng));
    lay_out(&mut twin);
    let kind = Kind::any(rng, tool);
    twin.file("m", &kind.text(rng));
    if is_root() && one_in(rng, 8) {
        for name in ["", "m", "m2"] {
            twin.owner(name, NOBODY, NOBODY);
        }
    }
    if !one_in(rng, 4) {
        twin.run(&kind.call(rng, CREATE, &[b"hash:m"]));
    }
    let list = |rng: &mut Rng, twin: &mut Twin| {
        twin.read(&kind.call(rng, READ, &[b"-s", b"hash:m"])).stdout
    };
    let mut listing = list(rng, &mut twin);
    for _ in 0..rng.usize(3..9) {
        if one_in(rng, 3) {
            tamper(rng, &kind, &mut twin);
        }
        let call = change(rng, &kind, &listing);
        if one_in(rng, 3) {
            twin.cross(&call)
        } else {
            twin.run(&call)
        };
        if one_in(rng, 2) {
            listing = list(rng, &mut twin);
        }
    }
    let queries = generate::queries(rng, &listing);
    twin.read(&kind.call(rng, READ, &[b"-q", b"-", b"hash:m"]).stdin(queries));
}

/// A command that changes the map `m`, and sometimes others; or one that only reads, or is wrong.
fn change(rng: &mut Rng, kind: &Kind, listing: &[u8]) -> Call {
    let mut names = vec![generate::map_name(rng).as_bytes()];
    if one_in(rng, 5) {
        names.insert(rng.usize(..2), generate::other_map_name(rng).as_bytes());
    }
    let call = |rng: &mut Rng, mode: &[&[u8]]| kind.call(rng, CHANGE, &[mode, &names].concat());
    let call = match rng.u8(..16) {
        0..=4 => {
            let entries = kind.text(rng);
            call(rng, &[b"-i"]).stdin(entries)
        }
        5..=6 => {
            let key = generate::key(rng, listing);
            call(rng, &[b"-d", &key])
        }
        7..=10 => {
            let keys = generate::queries(rng, listing);
            call(rng, &[b"-d", b"-"]).stdin(keys)
        }
        11..=12 => call(rng, &[]),
        13 => {
            let key = generate::key(rng, listing);
            call(rng, &[b"-q", &key])
        }
        14 => {
            let keys = generate::queries(rng, listing);
            call(rng, &[b"-q", b"-"]).stdin(keys)
        }
        _ => {
            let entries = kind.text(rng);
            Call::line(kind.tool, generate::odd_command(rng)).stdin(entries)
        }
    };
    match rng.u8(..12) {
        0 | 1 => call.piped(),
        2 => call.stdin_file("m2"),
        3 => call.umask(generate::umask(rng)),
        4 => call.env("MAIL_CONFIG", "etc/"),
        _ => call,
    }
}

/// What others do with the files between two commands.
fn tamper(rng: &mut Rng, kind: &Kind, twin: &mut Twin) {
    match rng.u8(..14) {
        0..=4 => twin.file("m", &kind.text(rng)),
        5 => twin.file("m.db", b""),
        6 if twin.has("m.db") => twin.remove("m.db"),
        7 if twin.has("m.db") => twin.mode("m.db", generate::index_mode(rng)),
        8 if twin.has("m") => twin.mode("m", generate::source_mode(rng)),
        9 => twin.mode("m2", generate::source_mode(rng)),
        10 if twin.has("m") && twin.has("m.db") => {
            // For one command: ours leaves the map as old as it is when `-i` has nothing new.
            twin.age("m", 200);
            twin.age("m.db", 300);
            let key = generate::key(rng, b"");
            let mode: &[u8] = if rng.bool() { b"-q" } else { b"-d" };
            twin.run(&kind.call(rng, READ, &[mode, &key, b"hash:m"]));
            twin.age("m", 400);
        }
        11 if twin.has("m.db") && !twin.has("other.db") => twin.hard_link("m.db", "other.db"),
        12 if twin.has("m.db") && !twin.has("target.db") => {
            twin.rename("m.db", "target.db");
            twin.link("target.db", "m.db");
        }
        13 if twin.has("m") => twin.remove("m"),
        _ => {}
    }
}
