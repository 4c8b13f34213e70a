//! The process is killed at each system call that writes: what is left reads as all old or all new, and the next run completes.

use std::path::Path;

use super::tests::{pair, put, read, target};
use super::*;
use crate::names::Slug;
use crate::system::crash::{assert_tidy, killed_everywhere, task};
use crate::system::{Change, Root, Transaction, recover};

#[test]
fn crash_child() {
    let Some((mode, dir)) = task() else {
        return;
    };
    let root = Root::at(&dir).unwrap();
    if mode == "files" {
        two_files(&root)
            .prepare()
            .unwrap()
            .commit()
            .unwrap()
            .finish()
            .unwrap();
    } else if mode == "together" {
        put_together(&root);
    } else {
        let target = arranged(&root, &mode);
        put(&root, &target, "02")
            .commit()
            .unwrap()
            .finish()
            .unwrap();
    }
}

fn arranged(root: &Root, mode: &str) -> PairTarget {
    let mut target = target(root);
    match mode {
        "plain" => target.plain = true,
        "split" => target.key = "/private/web.key".into(),
        "guest" => target.guest_writable = true,
        _ => {}
    }
    target
}

/// Pairs of one directory that are swapped together, one of each way to stand there before.
fn together(root: &Root) -> Vec<PairTarget> {
    ["linked", "taken", "new", "also-linked"]
        .map(|name| PairTarget {
            cert: format!("/tls/{name}.pem").into(),
            key: format!("/tls/{name}.key").into(),
            slug: Slug::of(name),
            ..target(root)
        })
        .into()
}

fn put_together(root: &Root) {
    let staged = together(root)
        .iter()
        .map(|target| put(root, target, "02"))
        .collect();
    for committed in commit_all(staged) {
        committed.unwrap().finish().unwrap();
    }
}

fn two_files(root: &Root) -> Transaction {
    let mut transaction = Transaction::new(root, Path::new("/state/journal"));
    transaction.add(Change::replace("/tls/web.pem", b"cert 02".to_vec()));
    transaction.add(Change::replace("/tls/web.key", b"key 02".to_vec()));
    transaction
}

/// Runs `mode` in directories made by `prepare`, once for every call to be killed at.
fn kill_everywhere(mode: &str, prepare: impl Fn(&Root, &PairTarget)) {
    let open = |dir: &Path| {
        let root = Root::at(dir).unwrap();
        let target = arranged(&root, mode);
        (root, target)
    };
    let arrange = |dir: &Path| {
        std::fs::create_dir(dir.join("tls")).unwrap();
        let (root, target) = open(dir);
        prepare(&root, &target);
    };
    let untouched = crate::system::scratch::Scratch::new();
    arrange(untouched.path());
    let (root, target) = open(untouched.path());
    let before = read(&root, &target);
    killed_everywhere(
        "deploy::crash_tests::crash_child",
        mode,
        arrange,
        |dir, place| {
            let (root, target) = open(dir);
            // A single rename needs no recovery to be whole.
            if target.layout("x").unwrap().arrangement == Arrangement::Links && mode != "files" {
                assert_whole(&root, &target, &before, &format!("{place}, unrecovered"));
            }
            recover(&root, &target.journal_dir).unwrap();
            let new = assert_whole(&root, &target, &before, place);
            if mode == "files" {
                let again = two_files(&root).prepare().unwrap().commit().unwrap();
                again.finish().unwrap();
            } else {
                let again = put(&root, &target, "02").commit().unwrap();
                again.finish().unwrap();
            }
            assert_eq!(read(&root, &target), pair("02"), "{place}, run again");
            assert_tidy(dir, place);
            new
        },
    );
}

fn assert_whole(
    root: &Root,
    target: &PairTarget,
    before: &(Option<String>, Option<String>),
    place: &str,
) -> bool {
    let now = read(root, target);
    assert!(now == *before || now == pair("02"), "{place}: {now:?}");
    now == pair("02")
}

fn write_plain(root: &Root, target: &PairTarget) {
    for (path, text) in [(&target.cert, "cert 01"), (&target.key, "key 01")] {
        let path = root.dir().join(path.strip_prefix("/").unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn deploy_first(root: &Root, target: &PairTarget) {
    put(root, target, "01").commit().unwrap().finish().unwrap();
}

#[test]
fn a_rotation_killed_anywhere_is_whole() {
    kill_everywhere("linked", deploy_first);
}

#[test]
fn pairs_that_are_swapped_together_killed_anywhere_are_whole_each() {
    let before = |target: &PairTarget| match target.cert.to_str() {
        Some("/tls/new.pem") => (None, None),
        _ => pair("01"),
    };
    let arrange = |dir: &Path| {
        std::fs::create_dir(dir.join("tls")).unwrap();
        let root = Root::at(dir).unwrap();
        let targets = together(&root);
        deploy_first(&root, &targets[0]);
        write_plain(&root, &targets[1]);
        deploy_first(&root, &targets[3]);
    };
    killed_everywhere(
        "deploy::crash_tests::crash_child",
        "together",
        arrange,
        |dir, place| {
            let root = Root::at(dir).unwrap();
            let targets = together(&root);
            let new = targets
                .iter()
                .filter(|target| assert_whole(&root, target, &before(target), place))
                .count();
            put_together(&root);
            for target in &targets {
                assert_eq!(read(&root, target), pair("02"), "{place}, run again");
            }
            assert_tidy(dir, place);
            new == targets.len()
        },
    );
}

#[test]
fn a_first_pair_killed_anywhere_is_whole() {
    kill_everywhere("guest", |_, _| {});
}

#[test]
fn a_take_over_killed_anywhere_is_whole() {
    kill_everywhere("linked", write_plain);
}

#[test]
fn a_pair_in_two_directories_killed_anywhere_is_whole() {
    kill_everywhere("split", write_plain);
}

#[test]
fn plain_files_killed_anywhere_are_whole() {
    kill_everywhere("plain", deploy_first);
}

#[test]
fn two_files_killed_anywhere_are_whole() {
    kill_everywhere("files", write_plain);
}
