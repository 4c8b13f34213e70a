//! `check` beside the parsing of the files that it looks at: linear, and under three times its cost.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use phoenix_benches::{is_measured, site};
use phoenix_core::check::{Facts, Selection, check};
use phoenix_core::document::{Document, Format};
use phoenix_core::model::{Model, SiteFiles, SourceFile};

fn checks(criterion: &mut Criterion) {
    let sizes: &[usize] = if is_measured() {
        &[1_000, 10_000]
    } else {
        &[100]
    };
    for guests in sizes {
        let (lxcs, host) = site(*guests);
        let name = format!("{guests} guests");
        let file = |name: &str, text: &str| SourceFile {
            path: format!("/site/etc/{name}").into(),
            bytes: text.as_bytes().to_vec(),
        };
        let files = || SiteFiles {
            manifest: file("certificate-manifest.json", "[]"),
            vms: None,
            lxcs: Some(file("phoenix_lxc_configs.json", &lxcs)),
            host: file("phoenix_hypervisor_config.json", &host),
            settings: None,
            template: None,
            beside_template: Vec::new(),
        };
        let mut group = criterion.benchmark_group("check");
        group.throughput(Throughput::Bytes((lxcs.len() + host.len()) as u64));
        group.sample_size(10);
        group.bench_function(BenchmarkId::new("parse", &name), |bench| {
            bench.iter(|| {
                for text in [&lxcs, &host] {
                    let path = "site.json".as_ref();
                    black_box(Document::parse(path, text.clone().into(), Format::Json).unwrap());
                }
            });
        });
        group.bench_function(BenchmarkId::new("parse and read", &name), |bench| {
            bench.iter(|| black_box(Model::read(files(), true).unwrap()));
        });
        let model = Model::read(files(), true).unwrap();
        let (facts, selection) = (Facts::default(), Selection::default());
        let found = check(&model, &facts, &selection).0.len();
        assert!(found >= guests / 100, "found {found}");
        group.bench_function(BenchmarkId::new("rules", &name), |bench| {
            bench.iter(|| black_box(check(&model, &facts, &selection)));
        });
        group.finish();
    }
}

criterion_group!(benches, checks);
criterion_main!(benches);
