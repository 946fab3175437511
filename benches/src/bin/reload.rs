//! The longest lookup while a `SharedTable` is reloaded, which waits two seconds for a lock.
//!
//! ```sh
//! cargo run --release -p benches --bin reload
//! ```

use std::error::Error;
use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use benches::aliases;
use postfix_maps::{NewTable, SharedTable, Table, TableSpec, WriteOptions};

const ENTRIES: usize = 100_000;
const LOCKED: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let spec = TableSpec::new("hash", directory.path().join("m"));
    let entries = aliases(ENTRIES);
    let make = |value: &str| -> Result<(), postfix_maps::Error> {
        let mut new = NewTable::open(&spec, WriteOptions::default())?;
        entries.iter().try_for_each(|(key, _)| new.put(key, value))?;
        new.finish().map(drop)
    };
    make("old")?;
    let shared = SharedTable::new(Table::open(&spec)?);
    make("new")?;
    let lock = File::open(shared.table().file())?;
    lock.lock()?;

    let (mut longest, mut lookups) = (Duration::ZERO, 0_u64);
    let reloaded = thread::scope(|scope| {
        let reloading = scope.spawn(|| shared.reload());
        let start = Instant::now();
        for (key, _) in entries.iter().cycle() {
            let before = Instant::now();
            let found = shared.table().get(key)?.is_some();
            longest = longest.max(before.elapsed());
            assert!(found, "{key}");
            lookups += 1;
            if start.elapsed() > LOCKED {
                lock.unlock()?;
                if reloading.is_finished() {
                    break;
                }
            }
        }
        Ok::<_, Box<dyn Error>>(reloading.join().expect("it does not panic")?)
    })?;
    assert!(reloaded, "the table was another one");
    println!("{lookups} lookups while a reload waited {LOCKED:?}: the longest {longest:?}");
    Ok(())
}
