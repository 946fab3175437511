//! Parsing the text of a map.

use benches::{aliases, entries, text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use postfix_map_text::{Item, KeyRules, alias_entries, map_entries};

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    let count = entries(100_000);
    let is_entry = |item: &Item<'_>| matches!(item, Item::Entry(_));
    let map = text(&aliases(count));
    group.throughput(Throughput::Bytes(map.len() as u64));
    group.sample_size(20).bench_function("map", |bencher| {
        bencher.iter(|| {
            assert_eq!(
                map_entries(map.as_bytes(), KeyRules::default()).filter(is_entry).count(),
                count
            );
        });
    });
    let names: String =
        (0..count).map(|i| format!("user{i}: someone{i}, other{i}@relay.example\n")).collect();
    group.throughput(Throughput::Bytes(names.len() as u64));
    group.bench_function("aliases", |bencher| {
        bencher.iter(|| {
            assert_eq!(
                alias_entries(names.as_bytes(), KeyRules::default()).filter(is_entry).count(),
                count
            );
        });
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
