//! Building a table in memory from pairs that lie in one text.

use bdb_file::{BtreeDb, HashDb};
use benches::databases::Database;
use benches::{aliases, entries, text};
use cdb_file::Cdb;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn build(criterion: &mut Criterion) {
    build_type::<HashDb<Vec<u8>>>(criterion);
    build_type::<BtreeDb<Vec<u8>>>(criterion);
    build_type::<Cdb<Vec<u8>>>(criterion);
}

fn build_type<D: Database<Source = Vec<u8>>>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    for (name, count) in [("100", 100), ("100k", 100_000)] {
        let count = entries(count);
        let text = text(&aliases(count));
        let pairs: Vec<_> = text.lines().map(|line| line.split_once('\t').unwrap()).collect();
        let mut file = Vec::new();
        group.throughput(Throughput::Elements(count as u64));
        group.sample_size(20).bench_function(format!("{}/{name}", D::NAME), |bencher| {
            bencher.iter(|| {
                file.clear();
                D::build(&text, pairs.iter().copied(), &mut file).unwrap();
            });
        });
        assert_eq!(D::open(file).unwrap().iter().count(), count);
    }
    group.finish();
}

criterion_group!(benches, build);
criterion_main!(benches);
