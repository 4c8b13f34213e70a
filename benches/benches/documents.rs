//! Documents in memory: read, edited, applied with its second reading and comparison.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use phoenix_benches::{TARGET, guests, is_measured};
use phoenix_core::document::{Document, Format, Operation, operate};

fn documents(criterion: &mut Criterion) {
    let large = if is_measured() { 50_000_000 } else { 500_000 };
    for bytes in [50_000, large] {
        let text = guests(bytes);
        let name = format!("{} KB", bytes / 1000);
        let parse = || Document::parse("guests.json".as_ref(), text.clone().into(), Format::Json);
        let mut group = criterion.benchmark_group("json");
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.sample_size(if bytes > 1_000_000 { 10 } else { 100 });
        group.bench_function(BenchmarkId::new("parse", &name), |bench| {
            bench.iter(|| black_box(parse().unwrap()));
        });
        let document = parse().unwrap();
        let set = [Operation::Set {
            pointer: TARGET.0.to_owned(),
            value: "2376".into(),
        }];
        group.bench_function(BenchmarkId::new("set and apply", &name), |bench| {
            bench.iter(|| black_box(operate(&document, &set).unwrap()));
        });
        group.finish();
    }
}

criterion_group!(benches, documents);
criterion_main!(benches);
