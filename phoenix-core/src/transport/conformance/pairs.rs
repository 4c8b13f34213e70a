use std::fs::{self, FileTimes};
use std::os::unix::fs::symlink;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::SystemTime;

use super::*;
use crate::names::{FileMode, Slug};
use crate::secret::Secret;
use crate::transport::{Delivered, Delivery, PairFile, Refusal, Restore, StepError, Version};

const DIR: &str = "/etc/docker/tls";

fn delivery(version: &str) -> Delivery {
    let file = |name: &str, mode| PairFile {
        path: path(&format!("{DIR}/{name}")),
        bytes: Secret::new(format!("{name} {version}\n").into_bytes()),
        mode: FileMode::new(mode),
    };
    Delivery {
        slug: Slug::of("docker.internal"),
        version: version.parse().unwrap(),
        cert: file("server-cert.pem", 0o644),
        key: file("server-key.pem", 0o600),
        ca: Some(file("ca.pem", 0o644)),
        owner: me(),
        keep: 2,
        beside: None,
    }
}

/// The same where a program watches the directory.
fn watched(version: &str) -> Delivery {
    Delivery {
        beside: Some(path("/etc/docker")),
        ..delivery(version)
    }
}

fn base() -> String {
    format!("{DIR}/.phoenix/{}", Slug::of("docker.internal"))
}

fn deliver(bench: &Bench, delivery: Delivery) -> Delivered {
    match bench.one(Step::Deliver(delivery)) {
        StepResult::Delivered(delivered) => delivered,
        other => panic!("{:?}: {other:?}", bench.kind),
    }
}

fn refusal(bench: &Bench, delivery: Delivery) -> StepError {
    match bench.one(Step::Deliver(delivery)) {
        StepResult::Refused(error) => error,
        other => panic!("{:?}: {other:?}", bench.kind),
    }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

fn serves(bench: &Bench, version: &str) {
    for name in ["server-cert.pem", "server-key.pem", "ca.pem"] {
        let bytes = bench.read(&format!("{DIR}/{name}"));
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            format!("{name} {version}\n"),
            "{:?}",
            bench.kind
        );
    }
}

#[test]
fn a_pair_arrives_as_links_through_current() {
    on_all(|bench| {
        let delivered = deliver(bench, delivery("v1"));
        let first = Delivered {
            version: "v1".parse().unwrap(),
            previous: None,
            taken_over: false,
            unchanged: false,
        };
        assert_eq!(delivered, first, "{:?}", bench.kind);
        serves(bench, "v1");
        let base = base();
        let key = fs::read_link(bench.host(&format!("{DIR}/server-key.pem"))).unwrap();
        let slug = Slug::of("docker.internal");
        assert_eq!(
            key.to_str().unwrap(),
            format!(".phoenix/{slug}/current/key.pem")
        );
        assert_eq!(bench.names(&base), ["current", "v1"]);
        assert_eq!(
            bench.names(&format!("{base}/v1")),
            ["ca.pem", "fullchain.pem", "key.pem"]
        );
        assert_eq!(bench.mode(&format!("{base}/v1/key.pem")), 0o600);
        assert_eq!(bench.mode(&format!("{base}/v1/fullchain.pem")), 0o644);
        for dir in [
            format!("{DIR}/.phoenix"),
            base.clone(),
            format!("{base}/v1"),
        ] {
            assert_eq!(bench.mode(&dir), 0o711, "{:?} {dir}", bench.kind);
        }
        assert_eq!(
            bench.names(DIR),
            [".phoenix", "ca.pem", "server-cert.pem", "server-key.pem"]
        );
    });
}

#[test]
fn versions_follow_each_other_and_old_ones_go() {
    on_all(|bench| {
        for (count, name) in ["v1", "v2", "v3", "v4", "v5"].into_iter().enumerate() {
            let delivered = deliver(bench, delivery(name));
            let previous = (count > 0).then(|| format!("v{count}").parse().unwrap());
            assert_eq!(delivered.previous, previous);
            serves(bench, name);
            // Not all versions of one second: some tools see no finer times.
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000 + count as u64);
            let version = fs::File::open(bench.host(&format!("{}/{name}", base()))).unwrap();
            let times = FileTimes::new().set_modified(time);
            version.set_times(times).unwrap();
        }
        assert_eq!(
            bench.names(&base()),
            ["current", "v3", "v4", "v5"],
            "{:?}",
            bench.kind
        );
        let again = deliver(bench, delivery("v5"));
        assert!(
            again.unchanged && again.previous.is_none(),
            "{:?} {again:?}",
            bench.kind
        );
    });
}

#[test]
fn drift_is_repaired_by_delivering_the_same_again() {
    on_all(|bench| {
        deliver(bench, delivery("v1"));
        let key = bench.host(&format!("{}/v1/key.pem", base()));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!deliver(bench, delivery("v1")).unchanged);
        assert_eq!(bench.mode(&format!("{DIR}/server-key.pem")), 0o600);
        fs::write(&key, b"written straight through the link").unwrap();
        assert!(!deliver(bench, delivery("v1")).unchanged);
        serves(bench, "v1");
        // An old script replaced the link itself.
        let cert = bench.host(&format!("{DIR}/server-cert.pem"));
        fs::remove_file(&cert).unwrap();
        fs::write(&cert, b"stray").unwrap();
        let delivered = deliver(bench, delivery("v1"));
        assert!(delivered.taken_over, "{:?}", bench.kind);
        serves(bench, "v1");
        fs::remove_file(&cert).unwrap();
        deliver(bench, delivery("v1"));
        serves(bench, "v1");
        assert!(deliver(bench, delivery("v1")).unchanged);
    });
}

#[test]
fn plain_files_are_taken_over_and_can_be_restored() {
    on_all(|bench| {
        bench.write(&format!("{DIR}/server-cert.pem"), b"old cert", 0o644);
        bench.write("/elsewhere/key", b"old key", 0o640);
        symlink(
            "../../../elsewhere/key",
            bench.host(&format!("{DIR}/server-key.pem")),
        )
        .unwrap();
        let delivered = deliver(bench, delivery("v1"));
        assert!(delivered.taken_over, "{:?}", bench.kind);
        serves(bench, "v1");
        assert_eq!(bench.read("/elsewhere/key"), b"old key");
        let restore = |version| {
            Step::Restore(Restore {
                dir: path(DIR),
                slug: Slug::of("docker.internal"),
                version,
                plain: Vec::new(),
            })
        };
        match bench.one(restore(None)) {
            StepResult::Restored { version: now, from } => {
                assert_eq!(Some(now), delivered.previous);
                assert_eq!(from, Some(version("v1")));
            }
            other => panic!("{:?}: {other:?}", bench.kind),
        }
        assert_eq!(bench.read(&format!("{DIR}/server-cert.pem")), b"old cert");
        assert_eq!(bench.read(&format!("{DIR}/server-key.pem")), b"old key");
        assert_eq!(bench.mode(&format!("{DIR}/server-key.pem")), 0o640);
        assert!(matches!(
            bench.one(restore(Some(version("v1")))),
            StepResult::Restored { .. }
        ));
        serves(bench, "v1");
        match bench.one(restore(Some(version("v9")))) {
            StepResult::Refused(error) => assert_eq!(error.refusal, Refusal::Missing),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn certificate_and_key_may_live_in_different_directories() {
    on_all(|bench| {
        let split = |version: &str| {
            let mut split = delivery(version);
            split.key.path = path("/etc/private/key.pem");
            split.ca = None;
            split
        };
        bench.write("/etc/private/key.pem", b"old", 0o600);
        bench.write("/etc/docker/tls/server-cert.pem", b"old", 0o600);
        for name in ["v1", "v2"] {
            deliver(bench, split(name));
            // A link that is absolute in a directory standing for a guest leads nowhere from outside.
            if bench.kind != Kind::Local {
                let key = bench.read("/etc/private/key.pem");
                assert_eq!(key, format!("server-key.pem {name}\n").into_bytes());
            }
        }
        let target = fs::read_link(bench.host("/etc/private/key.pem")).unwrap();
        assert!(
            target
                .to_str()
                .unwrap()
                .ends_with(&format!("{}/current/key.pem", base()))
        );
        assert!(target.is_absolute());
    });
}

#[test]
fn planted_links_and_directories_are_refused() {
    on_all(|bench| {
        deliver(bench, delivery("v1"));
        let current = bench.host(&format!("{}/current", base()));
        let outside = bench.scratch.join("outside");
        fs::create_dir(&outside).unwrap();
        for target in ["/etc", "../../../../outside", "..", ".", "v1/.", "v1\n"] {
            fs::remove_file(&current).unwrap();
            symlink(target, &current).unwrap();
            if target == "v1\n" {
                // A shell cannot see the last newline; no such version exists either way.
                continue;
            }
            let error = refusal(bench, delivery("v2"));
            assert_eq!(error.refusal, Refusal::Foreign, "{:?} {target}", bench.kind);
            assert_eq!(fs::read_link(&current).unwrap().to_str(), Some(target));
        }
        fs::remove_file(&current).unwrap();
        fs::create_dir(&current).unwrap();
        assert_eq!(refusal(bench, delivery("v2")).refusal, Refusal::Foreign);
        for planted in [base(), format!("{DIR}/.phoenix")] {
            fs::rename(
                bench.host(&planted),
                bench.scratch.join(format!("aside-{}", planted.len())),
            )
            .unwrap();
            symlink(&outside, bench.host(&planted)).unwrap();
            assert_eq!(refusal(bench, delivery("v2")).refusal, Refusal::Foreign);
            fs::remove_file(bench.host(&planted)).unwrap();
        }
        assert!(names(&outside).is_empty());
        assert_eq!(names(&bench.scratch.join("guest/etc/docker/tls")).len(), 3);
    });
}

#[test]
fn a_directory_in_the_way_is_refused_before_anything_is_written() {
    on_all(|bench| {
        fs::create_dir_all(bench.host(&format!("{DIR}/server-key.pem"))).unwrap();
        assert_eq!(refusal(bench, delivery("v1")).refusal, Refusal::Directory);
        assert_eq!(bench.names(DIR), ["server-key.pem"]);
    });
}

#[test]
fn one_call_delivers_many_pairs_and_no_byte_of_a_key_is_an_argument() {
    on_scripts(|bench| {
        let steps = (0..20).map(|count| {
            let mut pair = delivery("v1");
            pair.slug = Slug::of(&format!("entry {count}"));
            pair.cert.path = path(&format!("/certs/{count}/cert.pem"));
            pair.key.path = path(&format!("/certs/{count}/key.pem"));
            pair.ca = None;
            Step::Deliver(pair)
        });
        let results = bench.run(&Program::new(steps.collect()));
        assert!(
            results
                .iter()
                .all(|result| matches!(result, StepResult::Delivered(_)))
        );
        let seen = bench.commands.seen.lock().unwrap();
        assert_eq!(seen.len(), 1);
        assert!(!seen[0].contains("server-key.pem"));
    });
}

/// The takeover, then ten versions: a reader that follows `current` itself never misses a file or mixes two.
#[test]
fn readers_never_meet_a_missing_or_mixed_pair() {
    for kind in [Kind::Local, Kind::Pct("busybox")] {
        let bench = Bench::new(kind);
        bench.write(
            &format!("{DIR}/server-cert.pem"),
            b"server-cert.pem v0\n",
            0o644,
        );
        bench.write(
            &format!("{DIR}/server-key.pem"),
            b"server-key.pem v0\n",
            0o644,
        );
        let stop = AtomicBool::new(false);
        let reads = thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (cert, key) = (
                    bench.host(&format!("{DIR}/server-cert.pem")),
                    bench.host(&format!("{DIR}/server-key.pem")),
                );
                let current = bench.host(&format!("{}/current", base()));
                let mut reads = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    fs::read(&cert).unwrap();
                    fs::read(&key).unwrap();
                    if let Ok(version) = fs::read_link(&current) {
                        let version = current.with_file_name(version);
                        // Two swaps may pass meanwhile; the version before the last stays.
                        let number = |name| {
                            let text = fs::read_to_string(version.join(name)).unwrap();
                            text.trim().rsplit(' ').next().unwrap().to_owned()
                        };
                        assert_eq!(number("fullchain.pem"), number("key.pem"));
                    }
                    reads += 1;
                }
                reads
            });
            for count in 1..=10 {
                let mut pair = delivery(&format!("v{count}"));
                pair.ca = None;
                pair.keep = 20;
                deliver(&bench, pair);
            }
            stop.store(true, Ordering::Relaxed);
            reader.join().unwrap()
        });
        assert!(reads > 10);
    }
}

#[test]
fn where_a_program_watches_plain_files_stand_and_nothing_else() {
    on_all(|bench| {
        let kind = bench.kind;
        let store = format!("/etc/docker/.phoenix/{}", Slug::of("docker.internal"));
        let names = ["ca.pem", "server-cert.pem", "server-key.pem"];
        let plain = || {
            for name in names {
                let file = bench.host(&format!("{DIR}/{name}"));
                let meta = fs::symlink_metadata(&file).unwrap();
                assert!(meta.is_file(), "{kind:?} {name}");
            }
            assert_eq!(bench.names(DIR), names, "{kind:?}");
            assert_eq!(
                bench.mode(&format!("{DIR}/server-key.pem")),
                0o600,
                "{kind:?}"
            );
        };
        // What stood there before is the way back.
        fs::create_dir_all(bench.host(DIR)).unwrap();
        fs::write(
            bench.host(&format!("{DIR}/server-cert.pem")),
            "server-cert.pem v0\n",
        )
        .unwrap();
        fs::write(
            bench.host(&format!("{DIR}/server-key.pem")),
            "server-key.pem v0\n",
        )
        .unwrap();
        let first = deliver(bench, watched("v1"));
        assert!(first.taken_over, "{kind:?}");
        plain();
        serves(bench, "v1");
        let second = deliver(bench, watched("v2"));
        assert_eq!(second.previous, Some(version("v1")), "{kind:?}");
        plain();
        serves(bench, "v2");
        assert!(deliver(bench, watched("v2")).unchanged, "{kind:?}");

        let back = watched("v2").restore(version("v1"));
        assert!(
            matches!(bench.one(Step::Restore(back)), StepResult::Restored { .. }),
            "{kind:?}"
        );
        plain();
        serves(bench, "v1");

        // Drift: mode, bytes, a link of an earlier arrangement.
        deliver(bench, watched("v2"));
        let key = bench.host(&format!("{DIR}/server-key.pem"));
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!deliver(bench, watched("v2")).unchanged, "{kind:?}");
        plain();
        fs::write(&key, "stray").unwrap();
        assert!(deliver(bench, watched("v2")).taken_over, "{kind:?}");
        plain();
        serves(bench, "v2");
        deliver(bench, delivery("v3"));
        fs::remove_dir_all(bench.host(&format!("{DIR}/.phoenix"))).unwrap();
        let cert = bench.host(&format!("{DIR}/server-cert.pem"));
        assert!(fs::symlink_metadata(cert).unwrap().is_symlink(), "{kind:?}");
        deliver(bench, watched("v4"));
        plain();
        serves(bench, "v4");
        assert!(
            bench
                .names(&store)
                .iter()
                .all(|name| !name.starts_with('.')),
            "{kind:?}"
        );
    });
}
