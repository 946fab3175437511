//! Writers without a pause on one table, ours and Postfix's, of which many get a signal at a random
//! moment: no change is lost, none is made in part, and every lookup by ours finds what must be
//! there.
//!
//! Each writer has keys of its own, and adds or deletes some of them in one call. Status 0 means
//! that all of the call is there; after a signal, all of it or nothing. While a table is rebuilt
//! nobody else writes, so that the text has what the table has. Each rebuild has a number, which is
//! in the values of all keys that are always there.
//!
//! Ours get SIGTERM, SIGINT, SIGHUP and SIGKILL. Postfix's programs put off the first three while
//! they rebuild a table or add to it, from the moment when they have its lock. `postmap -d` of
//! theirs does not, and writes after it has given up its lock (postmap specification, section 8.2):
//! it would lose the others' changes, and is not run at all.
//!
//! A change by ours that was killed while it overwrote the file is completed by the next writer of
//! ours, but Postfix's programs do not know of it (docs/commit.md). Where they write, too, they
//! therefore wait while one of ours gets a signal, until another of ours has written.
//!
//! Postfix's lookups fail at times when several programs write (docs/commit.md); they are counted.
//!
//! `MAP_TESTS_SECONDS` says how long each test takes. A shell that starts the tests in the
//! background may have them ignore SIGINT; then all programs do.
//!
//! About Berkeley DB itself, how libdb changes a file in place: not for every type of tables.
#![cfg(feature = "peers")]

mod place;
mod postfix;

use std::collections::BTreeMap;
use std::fs;
use std::slice;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use map_tests::dbtools;
use map_tests::generate::Rng;
use map_tests::tools::{self, Suite};
use rustix::process::Signal;

use place::{Ended, Place, Size, is_real};

/// Keys of each writer.
const OWN: usize = 20;

/// Between two rebuilds, for other writers, and between two lookups.
const PAUSE: Duration = Duration::from_millis(50);

/// Perhaps a signal for a program.
fn signal(rng: &mut Rng, suite: &Suite) -> Option<Signal> {
    let signals = [Signal::TERM, Signal::INT, Signal::HUP, Signal::KILL];
    let some = if is_real(suite) { &signals[..3] } else { &signals };
    rng.bool().then(|| some[rng.usize(..some.len())])
}

/// Adds and deletes keys that are `writer`'s own, again and again.
fn write(place: &Place, suite: &Suite, writer: usize) {
    let rng = &mut Rng::with_seed(writer as u64);
    let keys: Vec<String> = (0..OWN).map(|i| format!("own{writer}-{i}")).collect();
    for version in 0.. {
        if !place.goes_on() {
            return;
        }
        let _turn = place.turn.read().unwrap();
        let signal = signal(rng, suite);
        let is_interrupted = place.has_real_writers && !is_real(suite) && signal.is_some();
        let _alone = is_interrupted.then(|| place.real_turn.write().unwrap());
        let _together = is_real(suite).then(|| place.real_turn.read().unwrap());

        let mut some = keys.clone();
        rng.shuffle(&mut some);
        some.truncate(rng.usize(1..6));
        let old: Vec<Option<String>> = {
            let table = place.table.lock().unwrap();
            some.iter().map(|key| table.get(key).cloned()).collect()
        };
        // A key that is not there is not an error as long as another one is.
        let is_deleted = !is_real(suite) && rng.bool() && old.iter().any(Option::is_some);
        let (what, new): (_, Vec<_>) = if is_deleted {
            let stdin: String = some.iter().map(|key| format!("{key}\n")).collect();
            let ended = place.call(suite, "-d", &["-d", "-", "hash:m"], &stdin, signal, rng);
            (ended, vec![None; some.len()])
        } else {
            let value = format!("{version}{}", "+".repeat(rng.usize(..60)));
            let stdin: String = some.iter().map(|key| format!("{key} {value}\n")).collect();
            let ended = place.call(suite, "-i", &["-ri", "hash:m"], &stdin, signal, rng);
            (ended, vec![Some(value); some.len()])
        };
        let found = match place.look_up(tools::ours(), &some) {
            Ok(found) => found,
            Err(complaint) => {
                place.complain(format!("after {what:?}: {complaint}"));
                continue;
            }
        };
        let is_right = found == new || what == Ended::BySignal && found == old;
        if !is_right {
            place.complain(format!("{what:?}, {some:?}: {found:?} instead of {new:?}, {old:?}"));
        }
        if what == Ended::BySignal && found == new && new != old {
            place.count(suite, if is_deleted { "-d" } else { "-i" }, |count| count.made += 1);
        }
        {
            let mut table = place.table.lock().unwrap();
            for (key, value) in some.into_iter().zip(found) {
                match value {
                    Some(value) => table.insert(key, value),
                    None => table.remove(&key),
                };
            }
        }
        if is_interrupted {
            // Completes what the signal may have left.
            place.call(tools::ours(), "-i of nothing", &["-i", "hash:m"], "", None, rng);
        }
    }
}

/// Rebuilds the table again and again, and looks at all of it when nobody writes.
fn rebuild(place: &Place, suites: &[&'static Suite]) {
    let rng = &mut Rng::with_seed(100);
    let mut rest = PAUSE;
    while place.goes_on() {
        // The others get half of the time.
        thread::sleep(rest);
        let _turn = place.turn.write().unwrap();
        let start = Instant::now();
        let old = place.table.lock().unwrap().clone();
        let mut new = old.clone();
        let number = place.started.fetch_add(1, Ordering::SeqCst) + 1;
        new.extend(place.fixed(number));
        place.write_text(&new);
        let suite = suites[rng.usize(..suites.len())];
        let signal = signal(rng, suite);
        let ended = place.call(suite, "rebuild", &["hash:m"], "", signal, rng);
        let first = place.fixed_key(0);
        let found = place.look_up(tools::ours(), slice::from_ref(&first));
        let is = |table: &BTreeMap<_, _>| found == Ok(vec![table.get(&first).cloned()]);
        let mut table = match &ended {
            _ if is(&new) => new,
            Ended::BySignal if is(&old) => old,
            _ => {
                place.complain(format!("rebuild {number}: {ended:?}, then {found:?}"));
                new
            }
        };
        if ended == Ended::BySignal && is(&table) && table.get(&first) != Some(&place.value(number))
        {
            // It is as if there had been no such rebuild.
        } else {
            if ended == Ended::BySignal {
                place.count(suite, "rebuild", |count| count.made += 1);
            }
            place.done.store(number, Ordering::SeqCst);
        }
        place.change_quietly(&mut table, number, rng);
        place.assert_quiet(&table);
        *place.table.lock().unwrap() = table;
        rest = start.elapsed().max(PAUSE);
    }
}

/// Looks up keys that are always there.
fn read(place: &Place, suite: &Suite, seed: u64) {
    let rng = &mut Rng::with_seed(seed);
    while place.goes_on() {
        let keys: Vec<String> =
            (0..3).map(|_| place.fixed_key(rng.usize(..place.size.entries()))).collect();
        let oldest = place.done.load(Ordering::SeqCst);
        let found = place.look_up(suite, &keys);
        let newest = place.started.load(Ordering::SeqCst);
        let wrong = match found {
            Ok(values) if !values.contains(&None) => {
                let is_one = |value: &Option<String>| {
                    (oldest..=newest).any(|number| *value == Some(place.value(number)))
                };
                let wrong = values.iter().find(|value| !is_one(value));
                wrong.map(|value| format!("{value:?}, not of {oldest} to {newest}"))
            }
            other => Some(format!("{keys:?}: {other:?}")),
        };
        place.note_lookup(suite, wrong);
        thread::sleep(PAUSE / 5);
    }
}

/// Three writers of own keys, one who rebuilds, and readers.
fn at_random_moments(size: Size, real: bool) {
    let (ours, theirs) = (tools::ours(), tools::real());
    let place = &Place::new(size, real);
    let suites = if real { &[ours, ours, theirs][..] } else { &[ours, ours, ours] };
    thread::scope(|scope| {
        for (writer, suite) in suites.iter().enumerate() {
            scope.spawn(move || write(place, suite, writer));
        }
        scope.spawn(|| rebuild(place, &suites[1..]));
        for seed in 200..202 {
            scope.spawn(move || read(place, ours, seed));
        }
        scope.spawn(|| read(place, theirs, 202));
    });
    let mut table = place.table.lock().unwrap().clone();
    place.change_quietly(&mut table, usize::MAX, &mut Rng::with_seed(300));
    place.assert_quiet(&table);
    assert_eq!(dbtools::verify(&place.path("m.db")), Ok(()));
    place.report();
    let mut names: Vec<_> = fs::read_dir(place.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["etc", "m", "m.db"]);
}

#[test]
fn ours_on_a_small_table() {
    at_random_moments(Size::Small, false);
}

#[test]
fn ours_on_a_large_table() {
    at_random_moments(Size::Large, false);
}

#[test]
fn ours_and_real_ones_on_a_small_table() {
    at_random_moments(Size::Small, true);
}

#[test]
fn ours_and_real_ones_on_a_large_table() {
    at_random_moments(Size::Large, true);
}
