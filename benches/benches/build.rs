//! Building a table in memory from pairs that lie in one text.

use bdb_file::{BuildOptions, Datum, HashBuilder, Keep};
use benches::{aliases, entries, text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    for (name, count) in [("100", 100), ("100k", 100_000)] {
        let count = entries(count);
        let text = text(&aliases(count));
        let pairs: Vec<_> = text.lines().map(|line| line.split_once('\t').unwrap()).collect();
        let mut file = Vec::new();
        group.throughput(Throughput::Elements(count as u64));
        group.sample_size(20).bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut builder = HashBuilder::over(text.as_bytes(), BuildOptions::default());
                for (key, value) in &pairs {
                    builder
                        .push(
                            Datum::terminated(key.as_bytes()),
                            Datum::terminated(value.as_bytes()),
                        )
                        .unwrap();
                }
                let plan = builder.plan(Keep::First).unwrap();
                assert_eq!(plan.pairs(), count as u64);
                file.clear();
                plan.write_to(&mut file).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, build);
criterion_main!(benches);
