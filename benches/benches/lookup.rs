//! Looking keys up in a table in memory: all present, in random order, and none present; one by one
//! and many together. And listing and checking it. With the feature `peers`, in the file that
//! Postfix makes as well.

use std::hint::black_box;
use std::sync::Arc;

use bdb_file::{BtreeDb, HashDb};
use benches::databases::Database;
use benches::{Numbers, addresses, aliases, entries};
use cdb_file::Cdb;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

type Aliases = [(String, String)];

/// The table as a file of our own.
fn ours<D: Database>(aliases: &Aliases) -> Vec<u8> {
    let mut file = Vec::new();
    let pairs = aliases.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    D::build("", pairs, &mut file).unwrap();
    file
}

/// The table as Postfix's file.
#[cfg(feature = "peers")]
fn postfixs<D: Database>(aliases: &Aliases) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
    std::fs::write(dir.path().join("virtual"), benches::text(aliases)).unwrap();
    let mut postmap = std::process::Command::new("/usr/sbin/postmap");
    let table = format!("{}:virtual", D::NAME);
    let status = postmap.args(["-c", ".", &table]).current_dir(&dir).status().unwrap();
    assert!(status.success());
    std::fs::read(dir.path().join(format!("virtual{}", D::SUFFIX))).unwrap()
}

fn lookup(criterion: &mut Criterion) {
    for (name, count) in [("warm-1k", 1_000), ("cold-1m", 1_000_000)] {
        let aliases = aliases(entries(count));
        in_type::<HashDb<Arc<Vec<u8>>>>(criterion, name, &aliases);
        in_type::<BtreeDb<Arc<Vec<u8>>>>(criterion, name, &aliases);
        in_type::<Cdb<Arc<Vec<u8>>>>(criterion, name, &aliases);
    }
}

fn in_type<D: Database<Source = Arc<Vec<u8>>>>(
    criterion: &mut Criterion,
    name: &str,
    aliases: &Aliases,
) {
    let name = format!("{}/{name}", D::NAME);
    in_file::<D>(criterion, &format!("{name}/ours"), aliases, ours::<D>(aliases));
    #[cfg(feature = "peers")]
    in_file::<D>(criterion, &format!("{name}/postmap"), aliases, postfixs::<D>(aliases));
}

fn in_file<D: Database<Source = Arc<Vec<u8>>>>(
    criterion: &mut Criterion,
    name: &str,
    aliases: &Aliases,
    file: Vec<u8>,
) {
    let file = Arc::new(file);
    let mut group = criterion.benchmark_group("lookup");
    let len = file.len() as u64;
    let table = D::open(file.clone()).unwrap();
    let mut hits: Vec<&str> = aliases.iter().map(|(key, _)| key.as_str()).collect();
    Numbers::new(4).shuffle(&mut hits);
    let absent = addresses(aliases.len(), 5);
    let misses: Vec<String> = absent.into_iter().map(|key| key + ".invalid").collect();
    let misses: Vec<&str> = misses.iter().map(String::as_str).collect();
    for (what, keys, present) in [("hits", &hits, true), ("misses", &misses, false)] {
        group.throughput(Throughput::Elements(1));
        let mut one_by_one = keys.iter().cycle();
        group.bench_function(format!("{name}/{what}"), |bencher| {
            bencher.iter(|| {
                let key = one_by_one.next().unwrap().as_bytes();
                let found = table.get(D::datum(black_box(key))).unwrap();
                assert_eq!(found.is_some(), present);
            });
        });
        let keys: Vec<_> = keys.iter().map(|key| D::datum(key.as_bytes())).collect();
        let mut together = keys.chunks_exact(keys.len().min(250)).cycle();
        group.throughput(Throughput::Elements(keys.len().min(250) as u64));
        group.bench_function(format!("{name}/get_many/{what}"), |bencher| {
            bencher.iter(|| {
                let mut found = table.get_many(together.next().unwrap());
                assert!(found.all(|value| value.unwrap().is_some() == present));
            });
        });
    }
    group.sample_size(10);
    group.throughput(Throughput::Bytes(len));
    group.bench_function(format!("{name}/iterate"), |bencher| {
        bencher.iter(|| assert_eq!(table.iter().map(Result::unwrap).count(), aliases.len()));
    });
    group.bench_function(format!("{name}/verify"), |bencher| {
        bencher.iter(|| assert!(D::is_sound(file.clone()).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
