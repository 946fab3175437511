//! One generated case: a text, and what users do with the map that is built from it.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::generate::{self, Rng, one_in};
use crate::tools::Tool;
use crate::twin::{Call, Twin};

/// How many differing cases are reported before the rest is left.
const ENOUGH: usize = 5;

/// Options that concern the creation of a map, and those that concern reading one. Either program
/// accepts and ignores the other ones.
const CREATE: &str = "fnNopruwv";
const READ: &str = "fnNuv";

/// Runs a session of one of the programs for each of the seeds `0..cases`: see [`each_seed`].
///
/// # Panics
///
/// When ours and the real programs differ in a session; names the seeds.
pub fn sessions(tool: Tool, cases: u64) {
    each_seed(tool.name(), cases, |seed| session(tool, seed));
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

/// Builds a map from a generated text, lists it, asks it for keys, and gives some odd command.
fn session(tool: Tool, seed: u64) {
    let rng = &mut Rng::with_seed(seed);
    let mut twin = Twin::new(&format!("{tool:?}, seed {seed}"));
    twin.main_cf(generate::main_cf(rng));

    // Values from files, which only postmap knows.
    let from_files = tool == Tool::Postmap && one_in(rng, 12);
    let text = |rng: &mut Rng| match tool {
        Tool::Postmap if from_files => generate::file_list_text(rng),
        Tool::Postmap => generate::map_text(rng),
        Tool::Postalias => generate::alias_text(rng),
    };
    let options = |rng: &mut Rng, letters: &str| {
        let mut arguments = generate::options(rng, letters);
        if from_files && !one_in(rng, 8) {
            arguments.push(b"-F".to_vec());
        }
        arguments
    };
    twin.file("f1", b"hello\nworld\n");
    twin.file("f2", b"x\0y");
    twin.file("m2", b"user 2\nuser: 2\n");
    let name = generate::map_name(rng);

    if one_in(rng, 4) {
        twin.file("m", &text(rng));
        twin.run(&Call::new(tool, ["hash:m", "hash:m2"]));
        twin.mode("m.db", generate::index_mode(rng));
    }
    twin.file("m", &text(rng));
    twin.mode("m", generate::source_mode(rng));
    let call = |mut options: Vec<Vec<u8>>, rest: &[&[u8]]| {
        options.extend(rest.iter().map(|argument| argument.to_vec()));
        Call::new(tool, options)
    };
    twin.run(&call(options(rng, CREATE), &[name.as_bytes()]));

    let listing = twin.read(&call(options(rng, READ), &[b"-s", name.as_bytes()])).stdout;
    let queries = generate::queries(rng, &listing);
    twin.read(&call(options(rng, READ), &[b"-q", b"-", name.as_bytes()]).stdin(queries));
    let key = generate::key(rng, &listing);
    twin.run(&call(options(rng, READ), &[b"-q", &key, name.as_bytes()]));
    if one_in(rng, 3) {
        twin.run(&Call::line(tool, generate::odd_command(rng)));
    }
}
