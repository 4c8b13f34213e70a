//! Firewall rules: verdicts, long lists read, edited and rendered, who reaches what.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use phoenix_benches::is_measured;
use phoenix_core::document::{Document, Format};
use phoenix_core::firewall::{
    Firewall, FirewallConfig, FwFile, FwKind, GuestConfig, GuestInterface, Matrix, Packet,
    ProxmoxFacts, Rendering, RuleEdit, Selector, SiteRules, TCP, Target, UDP, Zone,
};

fn address(id: u32) -> IpAddr {
    let [_, _, high, low] = id.to_be_bytes();
    Ipv4Addr::new(10, 0, high, low).into()
}

/// A guest that admits single ports from single addresses and networks.
fn guest(id: u32, rules: usize) -> GuestConfig {
    let mut text = "[OPTIONS]\n\nenable: 1\n\n[RULES]\n\n".to_owned();
    for rule in 0..rules {
        let proto = if rule % 7 == 0 { "udp" } else { "tcp" };
        let source = match rule % 3 {
            0 => format!("10.0.0.{}", rule % 250),
            1 => format!("10.0.{}.0/24", rule % 4),
            _ => "10.9.0.0/16".to_owned(),
        };
        let _ = writeln!(
            text,
            "IN ACCEPT -source {source} -p {proto} -dport {}",
            1000 + rule * 3
        );
    }
    text.push_str("OUT ACCEPT -dest 10.0.0.10 -p tcp -dport 9000\n");
    let file = FwFile::parse("x.fw".as_ref(), text.into(), FwKind::Guest).unwrap();
    GuestConfig {
        file: file.config(),
        interfaces: vec![GuestInterface {
            key: "net0".to_owned(),
            firewall: true,
            bridge: "vmbr0".to_owned(),
            addresses: vec![address(id)],
            filtered: true,
        }],
    }
}

fn site(guests: u32, rules: usize) -> FirewallConfig {
    let cluster = "[OPTIONS]\n\nenable: 1\n";
    let cluster = FwFile::parse("cluster.fw".as_ref(), cluster.into(), FwKind::Cluster).unwrap();
    FirewallConfig {
        cluster: cluster.config(),
        guests: (100..100 + guests)
            .map(|id| (id, guest(id, rules)))
            .collect(),
        ..FirewallConfig::default()
    }
}

fn verdicts(criterion: &mut Criterion) {
    let firewall = Firewall::new(&site(2, 100));
    let (from, to) = (Zone::Guest(100, 0), Zone::Guest(101, 0));
    let packet = |source: u8, proto, port| {
        let source = IpAddr::from([10, 0, 0, source]);
        Packet::new(from, to, source, address(101), proto, port)
    };
    // Decided by rules all along the list, and by none of them.
    let packets: Vec<Packet> = (0..64_u16)
        .map(|n| {
            let source = u8::try_from(n).unwrap_or_default();
            packet(source, if n % 5 == 0 { UDP } else { TCP }, 1000 + n * 5)
        })
        .collect();
    let mut group = criterion.benchmark_group("verdicts on 100 rules");
    group.throughput(Throughput::Elements(packets.len() as u64));
    group.bench_function("mixed", |bench| {
        bench.iter(|| {
            for packet in &packets {
                black_box(firewall.verdict(packet).action);
            }
        });
    });
    let last = [packet(7, TCP, 9)];
    group.throughput(Throughput::Elements(1));
    group.bench_function("no rule", |bench| {
        bench.iter(|| black_box(firewall.verdict(&last[0]).action));
    });
    group.finish();
}

/// A virtual machine with so many rules, as the site's file has them.
fn rules(count: usize) -> String {
    let mut text = "{\n    \"vms\": [\n        {\n            \"vmid\": 1001,\n            \"name\": \"many\",\n            \"firewall\": {\n                \"enabled\": true,\n                \"rules\": [".to_owned();
    for rule in 0..count {
        let comma = if rule == 0 { "" } else { "," };
        let (low, high) = (rule % 250, rule / 250 % 250);
        let _ = write!(
            text,
            "{comma}\n                    {{\n                        \"type\": \"in\",\n                        \"action\": \"ACCEPT\",\n                        \"source\": \"10.{}.{high}.{low}\",\n                        \"proto\": \"tcp\",\n                        \"port\": \"{}\",\n                        \"comment\": \"rule {rule}\"\n                    }}",
            rule / 62_500,
            1024 + rule % 60_000
        );
    }
    text.push_str("\n                ]\n            }\n        }\n    ]\n}");
    text
}

fn lists(criterion: &mut Criterion) {
    let counts: &[usize] = if is_measured() {
        &[10_000, 100_000]
    } else {
        &[100]
    };
    let mut group = criterion.benchmark_group("rules read, edited, rendered");
    group.sample_size(10);
    for count in counts {
        let text = rules(*count);
        let target = Target::Guest("vm:1001".parse().unwrap());
        let last = Selector {
            comment: Some(format!("rule {}", count - 1)),
            ..Selector::default()
        };
        let edit = RuleEdit::SetPort {
            selector: last,
            expect: 1,
            port: 9,
            dedupe: true,
        };
        let run = |facts: &ProxmoxFacts| {
            let bytes = text.clone().into_bytes();
            let document = Document::parse("vms.json".as_ref(), bytes, Format::Json).unwrap();
            let site = SiteRules::new(None, Some(document), None);
            let edits = site.edit(&[target], &edit).unwrap();
            let after = site.after(&edits);
            Rendering::new(&after, facts).unwrap().finish().unwrap()
        };
        // Into the file that the rules before the edit are in.
        let mut facts = ProxmoxFacts::default();
        let first = run(&facts).files.remove(0);
        facts.files.insert(first.path, first.text.into_bytes());
        group.throughput(Throughput::Elements(*count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bench| {
            bench.iter(|| black_box(run(&facts)));
        });
    }
    group.finish();
}

fn matrix(criterion: &mut Criterion) {
    let guests = if is_measured() { 200 } else { 5 };
    let config = site(guests, 20);
    let ends: Vec<_> = (100..100 + guests)
        .map(|id| (format!("lxc:{id}"), Zone::Guest(id, 0), address(id)))
        .collect();
    let mut group = criterion.benchmark_group("matrix");
    group.sample_size(10);
    group.bench_function(format!("{guests} guests of 20 rules"), |bench| {
        bench.iter(|| black_box(Matrix::new(&Firewall::new(&config), &ends)));
    });
    group.finish();
}

criterion_group!(benches, verdicts, lists, matrix);
criterion_main!(benches);
