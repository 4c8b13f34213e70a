//! Pairs on a real disk: what the paths read as before, between and after each stage.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::names::{FileMode, Slug};
use crate::secret::Secret;
use crate::system::crash::skipped;
use crate::system::scratch::Scratch;
use crate::system::{FileError, Root, recover};

/// A root with a `/tls` directory, and a target in it that this process may write.
pub(super) fn place() -> (Scratch, Root, PairTarget) {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path().join("tls")).unwrap();
    let root = Root::at(scratch.path()).unwrap();
    let target = target(&root);
    (scratch, root, target)
}

pub(super) fn target(root: &Root) -> PairTarget {
    let meta = std::fs::metadata(root.dir()).unwrap();
    PairTarget {
        cert: "/tls/web.pem".into(),
        key: "/tls/web.key".into(),
        ca: None,
        owner: (meta.uid(), meta.gid()),
        cert_mode: FileMode::PUBLIC,
        key_mode: FileMode::PRIVATE,
        slug: Slug::of("web"),
        guest_writable: false,
        keep: 1,
        plain: false,
        journal_dir: "/state/journal".into(),
    }
}

/// What the two paths read as, as a program of the host would read them.
pub(super) fn read(root: &Root, target: &PairTarget) -> (Option<String>, Option<String>) {
    let text = |path: &Path| {
        let bytes = root.read_optional(path).unwrap();
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    (text(&target.cert), text(&target.key))
}

pub(super) fn pair(name: &str) -> (Option<String>, Option<String>) {
    (Some(format!("cert {name}")), Some(format!("key {name}")))
}

pub(super) fn put(root: &Root, target: &PairTarget, name: &str) -> Staged {
    let chain = format!("cert {name}");
    let key = Secret::from(format!("key {name}"));
    let ca = target.ca.as_ref().map(|_| b"root".as_slice());
    stage(root, target, name, chain.as_bytes(), &key, ca).unwrap()
}

fn deploy(root: &Root, target: &PairTarget, name: &str) {
    put(root, target, name).commit().unwrap().finish().unwrap();
}

fn inside(root: &Root, path: &Path) -> PathBuf {
    root.dir().join(path.strip_prefix("/").unwrap())
}

fn versions(root: &Root, target: &PairTarget) -> Vec<String> {
    let dir = target.layout("x").unwrap().versions;
    let names = root.list(&dir).unwrap();
    names
        .into_iter()
        .map(|name| name.into_string().unwrap())
        .collect()
}

/// The same target in every arrangement, with and without links being refused.
fn arrangements(root: &Root) -> Vec<PairTarget> {
    let linked = target(root);
    let mut guest = target(root);
    guest.guest_writable = true;
    let mut plain = target(root);
    plain.plain = true;
    let mut split = target(root);
    split.key = "/private/web.key".into();
    vec![linked, guest, plain, split]
}

#[test]
fn a_first_pair_appears_and_vanishes_as_one() {
    let (_scratch, root, _) = place();
    for target in arrangements(&root) {
        check(&root, &target).unwrap();
        let staged = put(&root, &target, "01");
        assert_eq!(read(&root, &target), (None, None));
        let committed = staged.commit().unwrap();
        assert_eq!(read(&root, &target), pair("01"));
        assert_eq!(committed.previous(), None);
        committed.restore().unwrap();
        assert_eq!(read(&root, &target), (None, None));
        assert_eq!(root.stat(&target.cert).unwrap(), None, "no link is left");
        std::fs::remove_dir_all(inside(&root, Path::new("/tls/.phoenix"))).ok();
    }
}

#[test]
fn a_rotation_can_be_restored_and_rolled_back_later() {
    let (_scratch, root, _) = place();
    for target in arrangements(&root) {
        deploy(&root, &target, "01");
        let committed = put(&root, &target, "02").commit().unwrap();
        assert_eq!(read(&root, &target), pair("02"));
        assert_eq!(committed.previous(), Some("01"));
        committed.restore().unwrap();
        assert_eq!(read(&root, &target), pair("01"));
        for name in ["02", "03", "04"] {
            deploy(&root, &target, name);
        }
        assert_eq!(
            versions(&root, &target),
            ["03", "04", "current", "previous"]
        );
        let installed = read_installed(&root, &target).unwrap();
        assert_eq!(installed.version.as_deref(), Some("04"));
        assert_eq!(installed.drift, []);
        let back = installed.previous.unwrap();
        stage_version(&root, &target, &back)
            .unwrap()
            .commit()
            .unwrap()
            .finish()
            .unwrap();
        assert_eq!(read(&root, &target), pair("03"));
        assert!(recover(&root, &target.journal_dir).unwrap().is_empty());
        std::fs::remove_dir_all(inside(&root, Path::new("/tls"))).unwrap();
        std::fs::create_dir(inside(&root, Path::new("/tls"))).unwrap();
    }
}

#[test]
fn plain_files_are_taken_over_and_come_back_with_their_modes() {
    let (_scratch, root, _) = place();
    for target in arrangements(&root) {
        for path in [&target.cert, &target.key] {
            std::fs::create_dir_all(inside(&root, path).parent().unwrap()).unwrap();
        }
        std::fs::write(inside(&root, &target.cert), "cert old").unwrap();
        std::fs::write(inside(&root, &target.key), "key old").unwrap();
        let mode = std::fs::Permissions::from_mode(0o640);
        std::fs::set_permissions(inside(&root, &target.key), mode).unwrap();
        let committed = put(&root, &target, "01").commit().unwrap();
        assert_eq!(read(&root, &target), pair("01"));
        committed.restore().unwrap();
        assert_eq!(read(&root, &target), pair("old"));
        let key = std::fs::metadata(inside(&root, &target.key)).unwrap();
        assert_eq!(key.mode() & 0o7777, 0o640);
        deploy(&root, &target, "01");
        assert_eq!(read_installed(&root, &target).unwrap().drift, []);
        std::fs::remove_dir_all(inside(&root, Path::new("/tls"))).unwrap();
        std::fs::create_dir(inside(&root, Path::new("/tls"))).unwrap();
    }
}

#[test]
fn links_are_relative_and_files_have_the_modes_that_were_asked_for() {
    let (_scratch, root, mut target) = place();
    target.ca = Some("/elsewhere/deep/ca.pem".into());
    deploy(&root, &target, "0a");
    let link = std::fs::read_link(inside(&root, &target.key)).unwrap();
    let slug = &target.slug;
    assert_eq!(link, Path::new(&format!(".phoenix/{slug}/current/key.pem")));
    let mode = |path: &str| {
        let path = inside(&root, Path::new(path));
        std::fs::metadata(path).unwrap().mode() & 0o7777
    };
    assert_eq!(mode("/tls/web.key"), 0o600);
    assert_eq!(mode("/tls/web.pem"), 0o644);
    assert_eq!(mode("/tls/.phoenix"), 0o711);
    assert_eq!(mode("/elsewhere/deep"), 0o755);
    assert!(!inside(&root, Path::new("/elsewhere/deep/ca.pem")).is_symlink());
    target.ca = Some("/tls/ca.pem".into());
    deploy(&root, &target, "0b");
    assert_eq!(root.read(Path::new("/tls/ca.pem")).unwrap(), b"root");
    let without = stage(
        &root,
        &target,
        "0c",
        b"c",
        &Secret::from("k".to_owned()),
        None,
    );
    assert!(matches!(without, Err(DeployError::Target { .. })));
}

#[test]
fn drift_is_named_and_repaired_by_the_same_pair() {
    let (_scratch, root, target) = place();
    deploy(&root, &target, "01");
    let key = inside(&root, &target.key);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::remove_file(inside(&root, &target.cert)).unwrap();
    let installed = read_installed(&root, &target).unwrap();
    assert_eq!(installed.chain.as_deref(), Some(&b"cert 01"[..]));
    let path = target.cert.clone();
    assert!(installed.drift.contains(&Drift::Missing { path }));
    assert!(
        installed
            .drift
            .iter()
            .any(|drift| matches!(drift, Drift::Mode { .. }))
    );
    deploy(&root, &target, "01");
    let installed = read_installed(&root, &target).unwrap();
    assert_eq!(
        (installed.drift, installed.version.as_deref()),
        (vec![], Some("01-2"))
    );
    // An old script copies over our link, another moves its file over it.
    std::fs::write(inside(&root, &target.cert), "cert script").unwrap();
    std::fs::remove_file(&key).unwrap();
    std::fs::write(&key, "key script").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let drift = read_installed(&root, &target).unwrap().drift;
    assert!(
        drift.contains(&Drift::Content {
            path: target.cert.clone()
        }),
        "{drift:?}"
    );
    assert!(
        drift
            .iter()
            .any(|d| matches!(d, Drift::Link { found: None, .. })),
        "{drift:?}"
    );
    let committed = put(&root, &target, "02").commit().unwrap();
    assert_eq!(read(&root, &target), pair("02"));
    committed.restore().unwrap();
    assert_eq!(read(&root, &target), pair("script"));
}

#[test]
fn a_changed_arrangement_leaves_no_link_behind() {
    let (_scratch, root, mut target) = place();
    deploy(&root, &target, "01");
    target.plain = true;
    deploy(&root, &target, "02");
    assert_eq!(read(&root, &target), pair("02"));
    assert!(!inside(&root, &target.cert).is_symlink());
    target.plain = false;
    deploy(&root, &target, "03");
    assert_eq!(read(&root, &target), pair("03"));
    assert!(inside(&root, &target.cert).is_symlink());
}

#[test]
fn a_planted_current_is_an_error_and_nothing_behind_it_is_touched() {
    let (scratch, root, mut target) = place();
    target.guest_writable = true;
    deploy(&root, &target, "01");
    std::fs::create_dir_all(scratch.path().join("etc/key.pem")).unwrap();
    let current = inside(&root, &target.layout("01").unwrap().current);
    for planted in ["/etc", "../../../etc", "..", "a/b"] {
        std::fs::remove_file(&current).unwrap();
        symlink(planted, &current).unwrap();
        let found = |result: Result<(), DeployError>| {
            matches!(result, Err(DeployError::ForeignVersion { .. }))
        };
        assert!(found(check(&root, &target)), "{planted}");
        assert!(found(read_installed(&root, &target).map(drop)), "{planted}");
        let staged = stage(
            &root,
            &target,
            "02",
            b"c",
            &Secret::from("k".to_owned()),
            None,
        );
        assert!(found(staged.map(drop)), "{planted}");
    }
    assert_eq!(
        std::fs::read_dir(scratch.path().join("etc"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn where_guests_write_no_link_of_theirs_is_followed() {
    let (scratch, root, mut target) = place();
    target.guest_writable = true;
    std::fs::create_dir(scratch.path().join("victim")).unwrap();
    std::fs::write(scratch.path().join("victim/file"), "precious").unwrap();
    symlink("../victim/file", inside(&root, &target.cert)).unwrap();
    assert!(matches!(
        check(&root, &target),
        Err(DeployError::ForeignLink { .. })
    ));
    assert!(matches!(
        read_installed(&root, &target),
        Err(DeployError::ForeignLink { .. })
    ));
    std::fs::remove_file(inside(&root, &target.cert)).unwrap();
    symlink("../victim", scratch.path().join("tls/.phoenix")).unwrap();
    let link = |result: Result<(), DeployError>| {
        matches!(
            result,
            Err(DeployError::File(
                FileError::Link { .. } | FileError::NotADirectory { .. }
            ))
        )
    };
    assert!(link(check(&root, &target)));
    let staged = stage(
        &root,
        &target,
        "01",
        b"c",
        &Secret::from("k".to_owned()),
        None,
    );
    assert!(link(staged.map(drop)));
    std::fs::rename(scratch.path().join("tls"), scratch.path().join("moved")).unwrap();
    symlink("victim", scratch.path().join("tls")).unwrap();
    assert!(link(check(&root, &target)));
    assert_eq!(
        std::fs::read_dir(scratch.path().join("victim"))
            .unwrap()
            .count(),
        1
    );
    assert_eq!(
        std::fs::read(scratch.path().join("victim/file")).unwrap(),
        b"precious"
    );
}

#[test]
fn targets_that_cannot_be_are_refused_before_anything_is_written() {
    let (scratch, root, target) = place();
    let refused = |target: &PairTarget| check(&root, target).unwrap_err().to_string();
    let with_cert = |cert: &str| PairTarget {
        cert: cert.into(),
        ..target.clone()
    };
    std::fs::create_dir(scratch.path().join("tls/dir")).unwrap();
    std::fs::write(scratch.path().join("tls/file"), "").unwrap();
    assert!(refused(&with_cert("/tls/dir")).contains("found a directory, expected a file"));
    assert!(refused(&with_cert("/tls/file/below")).contains("expected a directory"));
    assert!(refused(&with_cert("relative")).contains("not absolute"));
    assert!(refused(&with_cert("/tls/web.key")).contains("same path"));
    let odd = stage(
        &root,
        &target,
        "../x",
        b"c",
        &Secret::from("k".to_owned()),
        None,
    );
    assert!(matches!(odd, Err(DeployError::Target { .. })));
    assert_eq!(root.list(Path::new("/tls")).unwrap(), ["dir", "file"]);
    assert!(stage_version(&root, &target, "01").is_err());
}

#[test]
fn a_staged_pair_can_be_thrown_away() {
    let (_scratch, root, target) = place();
    deploy(&root, &target, "01");
    put(&root, &target, "02").discard().unwrap();
    put(&root, &target, "01").discard().unwrap();
    assert_eq!(versions(&root, &target), ["01", "current"]);
    assert_eq!(read(&root, &target), pair("01"));
}

#[test]
fn a_full_or_read_only_file_system_is_found_before_and_leaves_the_old_pair() {
    if !rustix::process::geteuid().is_root() {
        skipped("a small file system needs root");
        return;
    }
    let (scratch, root, target) = place();
    let tls = scratch.path().join("tls");
    let mount = |options: &str| {
        std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(&tls)
            .status()
            .is_ok_and(|status| status.success())
    };
    if !mount("size=1m") {
        skipped("tmpfs cannot be mounted here");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        deploy(&root, &target, "01");
        // check says no on a nearly full file system, and writing anyway fails without a trace.
        let filler = vec![0; 1 << 20];
        let _ = std::fs::write(tls.join("filler"), &filler);
        assert!(matches!(
            check(&root, &target),
            Err(DeployError::File(FileError::Full { .. }))
        ));
        let large = vec![b'x'; 256 << 10];
        let staged = stage(
            &root,
            &target,
            "02",
            &large,
            &Secret::from("k".to_owned()),
            None,
        );
        assert!(matches!(
            staged,
            Err(DeployError::File(FileError::Full { .. }))
        ));
        assert_eq!(read(&root, &target), pair("01"));
        assert_eq!(versions(&root, &target), ["01", "current"]);
        std::fs::remove_file(tls.join("filler")).unwrap();
        deploy(&root, &target, "02");
        assert!(mount("remount,ro,size=1m"));
        assert!(matches!(
            check(&root, &target),
            Err(DeployError::File(FileError::ReadOnly { .. }))
        ));
        assert_eq!(read(&root, &target), pair("02"));
    });
    let _ = std::process::Command::new("umount").arg(&tls).status();
    outcome.unwrap();
}

#[test]
fn a_failure_at_the_swap_leaves_the_old_pair_in_every_arrangement() {
    if !rustix::process::geteuid().is_root() {
        skipped("an immutable file needs root");
        return;
    }
    let (_scratch, root, _) = place();
    for target in arrangements(&root) {
        for (path, text) in [(&target.cert, "cert old"), (&target.key, "key old")] {
            std::fs::create_dir_all(inside(&root, path).parent().unwrap()).unwrap();
            std::fs::write(inside(&root, path), text).unwrap();
        }
        let chattr = |flag: &str| {
            std::process::Command::new("chattr")
                .arg(flag)
                .arg(inside(&root, &target.cert))
                .status()
                .is_ok_and(|status| status.success())
        };
        let staged = put(&root, &target, "01");
        if !chattr("+i") {
            skipped("the file system knows no immutable files");
            return;
        }
        let failed = staged.commit();
        let now = read(&root, &target);
        chattr("-i");
        assert!(failed.is_err());
        assert_eq!(now, pair("old"));
        assert!(recover(&root, &target.journal_dir).unwrap().is_empty());
        deploy(&root, &target, "01");
        assert_eq!(read(&root, &target), pair("01"));
        std::fs::remove_dir_all(inside(&root, Path::new("/tls"))).unwrap();
        std::fs::create_dir(inside(&root, Path::new("/tls"))).unwrap();
    }
}

#[test]
fn readers_that_resolve_current_once_never_see_a_mixed_pair() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (_scratch, root, target) = place();
    deploy(&root, &target, "0");
    let current = inside(&root, &target.layout("0").unwrap().current);
    let done = AtomicBool::new(false);
    let reads = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0_u64;
            while !done.load(Ordering::Relaxed) {
                let version = current
                    .parent()
                    .unwrap()
                    .join(std::fs::read_link(&current).unwrap());
                let cert = std::fs::read_to_string(version.join(CERT_FILE)).unwrap();
                let key = std::fs::read_to_string(version.join(KEY_FILE)).unwrap();
                assert_eq!(cert.strip_prefix("cert "), key.strip_prefix("key "));
                // The paths themselves always lead somewhere.
                std::fs::read(inside(&root, &target.cert)).unwrap();
                reads += 1;
            }
            reads
        });
        let keep_all = PairTarget {
            keep: usize::MAX,
            ..target.clone()
        };
        for number in 1..100 {
            deploy(&root, &keep_all, &number.to_string());
        }
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(reads > 0);
}

#[test]
fn a_repaired_pair_does_not_push_the_one_of_before_out() {
    let (_scratch, root, target) = place();
    deploy(&root, &target, "01");
    deploy(&root, &target, "02");
    // Somebody writes through the link; the same pair is put right under another name.
    std::fs::write(inside(&root, &target.key), "key 99").unwrap();
    let staged = put(&root, &target, "02");
    assert_eq!(staged.version(), "02-2");
    staged.commit().unwrap().finish().unwrap();
    assert_eq!(read(&root, &target), pair("02"));
    assert_eq!(
        versions(&root, &target),
        ["01", "02-2", "current", "previous"]
    );
    let kept = super::versions(&root, &target).unwrap();
    let names: Vec<(&str, bool)> = kept
        .iter()
        .map(|version| (version.name.as_str(), version.current))
        .collect();
    assert_eq!(names, [("01", false), ("02-2", true)]);
    assert_eq!(kept[0].key.expose_secret(), b"key 01");
}

#[test]
fn ten_thousand_neighbours_do_not_slow_a_pair_down() {
    let scratch = Scratch::in_memory();
    std::fs::create_dir(scratch.path().join("tls")).unwrap();
    let root = Root::at(scratch.path()).unwrap();
    let target = target(&root);
    deploy(&root, &target, "01");
    let store = inside(&root, Path::new("/tls/.phoenix"));
    for number in 0..10_000 {
        std::fs::write(
            inside(&root, Path::new("/tls")).join(format!("{number}.crt")),
            "",
        )
        .unwrap();
        std::fs::create_dir(store.join(format!("neighbour-{number}"))).unwrap();
    }
    let started = std::time::Instant::now();
    for number in 2..30 {
        deploy(&root, &target, &number.to_string());
    }
    assert_eq!(read(&root, &target), pair("29"));
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
    assert_eq!(
        versions(&root, &target),
        ["28", "29", "current", "previous"]
    );
}

#[test]
fn what_fails_for_one_of_many_leaves_the_others_alone() {
    let (_scratch, root, target) = place();
    let targets: Vec<PairTarget> = (0..6)
        .map(|number| PairTarget {
            cert: format!("/tls/{number}.pem").into(),
            key: format!("/tls/{number}.key").into(),
            slug: Slug::of(&number.to_string()),
            ..target.clone()
        })
        .collect();
    for target in &targets {
        deploy(&root, target, "01");
    }
    let staged = targets.iter().map(|target| put(&root, target, "02"));
    let staged: Vec<Staged> = staged.collect();
    // After it was staged, a directory takes the place of one link, and one version is gone.
    std::fs::remove_file(inside(&root, &targets[2].key)).unwrap();
    std::fs::create_dir(inside(&root, &targets[2].key)).unwrap();
    let gone = targets[4].layout("02").unwrap().version;
    std::fs::remove_dir_all(inside(&root, &gone)).unwrap();
    let committed = commit_all(staged);
    assert!(matches!(&committed[2], Err(DeployError::File(_))));
    assert!(matches!(
        &committed[4],
        Err(DeployError::NoSuchVersion { .. } | DeployError::File(_))
    ));
    for (index, committed) in committed.into_iter().enumerate() {
        match committed {
            Ok(committed) => {
                assert_eq!(committed.previous(), Some("01"));
                committed.finish().unwrap();
                assert_eq!(read(&root, &targets[index]), pair("02"));
            }
            Err(_) => assert_eq!(
                root.read(&targets[index].cert).unwrap(),
                b"cert 01",
                "{index}"
            ),
        }
    }
}
