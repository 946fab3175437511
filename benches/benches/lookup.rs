//! Looking keys up in a table in memory: all present, in random order, and none present.

use std::hint::black_box;

use bdb_file::{BuildOptions, Builder, Hash, Keep};
use benches::{Numbers, addresses, aliases, entries};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for (name, count) in [("warm-1k", 1_000), ("cold-1m", 1_000_000)] {
        let count = entries(count);
        let aliases = aliases(count);
        let mut builder = Builder::new(BuildOptions::default());
        for (key, value) in &aliases {
            builder.push_terminated(key.as_bytes(), value.as_bytes()).unwrap();
        }
        let mut file = Vec::new();
        builder.plan(Keep::First).unwrap().write_to(&mut file).unwrap();
        let table = Hash::open(file).unwrap();

        let mut hits: Vec<String> = aliases.into_iter().map(|(key, _)| key).collect();
        Numbers::new(4).shuffle(&mut hits);
        let misses = addresses(count, 5).into_iter().map(|key| key + ".invalid").collect();
        for (what, keys, present) in [("hits", hits, true), ("misses", misses, false)] {
            group.throughput(Throughput::Elements(1));
            let mut keys = keys.iter().cycle();
            group.bench_function(format!("{name}/{what}"), |bencher| {
                bencher.iter(|| {
                    let key = keys.next().unwrap().as_bytes();
                    let found = table.get_terminated(black_box(key)).unwrap();
                    assert_eq!(found.is_some(), present);
                    found
                });
            });
        }
        group.throughput(Throughput::Elements(count as u64));
        group.sample_size(10).bench_function(format!("{name}/iterate"), |bencher| {
            bencher.iter(|| assert_eq!(table.iter().map(Result::unwrap).count(), count));
        });
        group.sample_size(100);
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
