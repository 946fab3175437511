//! Looking keys up in a table in memory: all present, in random order, and none present; one by one
//! and many together. And listing and checking it. With the feature `peers`, in the file that
//! Postfix makes as well.

use std::hint::black_box;
use std::ops::ControlFlow;

use bdb_file::{BuildOptions, Datum, HashBuilder, HashDb, Keep, verify};
use benches::{Numbers, addresses, aliases, entries};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The table as a file of our own.
fn ours(aliases: &[(String, String)]) -> Vec<u8> {
    let mut builder = HashBuilder::new(BuildOptions::default());
    for (key, value) in aliases {
        builder
            .push(Datum::terminated(key.as_bytes()), Datum::terminated(value.as_bytes()))
            .unwrap();
    }
    let mut file = Vec::new();
    builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
    file
}

/// The table as Postfix's file.
#[cfg(feature = "peers")]
fn postfixs(aliases: &[(String, String)]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("main.cf"), "compatibility_level = 3.6\n").unwrap();
    std::fs::write(dir.path().join("virtual"), benches::text(aliases)).unwrap();
    let mut postmap = std::process::Command::new("/usr/sbin/postmap");
    let status = postmap.args(["-c", ".", "hash:virtual"]).current_dir(&dir).status().unwrap();
    assert!(status.success());
    std::fs::read(dir.path().join("virtual.db")).unwrap()
}

fn lookup(criterion: &mut Criterion) {
    for (name, count) in [("warm-1k", 1_000), ("cold-1m", 1_000_000)] {
        let aliases = aliases(entries(count));
        in_file(criterion, &format!("{name}/ours"), &aliases, ours(&aliases));
        #[cfg(feature = "peers")]
        in_file(criterion, &format!("{name}/postmap"), &aliases, postfixs(&aliases));
    }
}

fn in_file(criterion: &mut Criterion, name: &str, aliases: &[(String, String)], file: Vec<u8>) {
    let mut group = criterion.benchmark_group("lookup");
    let table = HashDb::open(&file).unwrap();
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
                let found = table.get(Datum::terminated(black_box(key))).unwrap();
                assert_eq!(found.is_some(), present);
                found
            });
        });
        let keys: Vec<Datum<'_>> =
            keys.iter().map(|key| Datum::terminated(key.as_bytes())).collect();
        let mut together = keys.chunks_exact(keys.len().min(250)).cycle();
        group.throughput(Throughput::Elements(keys.len().min(250) as u64));
        group.bench_function(format!("{name}/get_many/{what}"), |bencher| {
            bencher.iter(|| {
                let found = table.get_many(together.next().unwrap());
                assert!(found.map(Result::unwrap).all(|value| value.is_some() == present));
            });
        });
    }
    group.sample_size(10);
    group.throughput(Throughput::Bytes(file.len() as u64));
    group.bench_function(format!("{name}/iterate"), |bencher| {
        bencher.iter(|| assert_eq!(table.iter().map(Result::unwrap).count(), aliases.len()));
    });
    group.bench_function(format!("{name}/verify"), |bencher| {
        bencher.iter(|| assert!(verify(&file, |_| ControlFlow::Continue(())).unwrap().is_sound()));
    });
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
