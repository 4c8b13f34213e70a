//! The process is killed at each system call that writes: what is left reads as all old or all new, and the next run completes.
//!
//! `strace` kills it; the child is this test binary itself, told by a variable which directory to work in.

use std::path::Path;
use std::process::Command;

use super::tests::{pair, put, read, target};
use super::*;
use crate::system::scratch::Scratch;
use crate::system::{Change, Root, Transaction, recover};

/// The variable that tells the child what to do, as `MODE:DIR`.
const TASK: &str = "PHOENIX_CRASH_TEST";
/// Every family of calls by which a commit changes the disk or makes it durable.
const CALLS: [&str; 8] = [
    "/^rename",
    "/^link",
    "/^symlink",
    "/^unlink",
    "/^mkdir",
    "/^write",
    "/^fsync",
    "/^fchmod",
];

#[test]
fn crash_child() {
    let Ok(task) = std::env::var(TASK) else {
        return;
    };
    let (mode, dir) = task.split_once(':').unwrap();
    let root = Root::at(Path::new(dir)).unwrap();
    if mode == "files" {
        two_files(&root)
            .prepare()
            .unwrap()
            .commit()
            .unwrap()
            .finish()
            .unwrap();
    } else {
        let target = arranged(&root, mode);
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

fn two_files(root: &Root) -> Transaction {
    let mut transaction = Transaction::new(root, Path::new("/state/journal"));
    transaction.add(Change::replace("/tls/web.pem", b"cert 02".to_vec()));
    transaction.add(Change::replace("/tls/web.key", b"key 02".to_vec()));
    transaction
}

/// Runs `mode` in directories made by `prepare`, once for every call to be killed at.
fn kill_everywhere(mode: &str, prepare: impl Fn(&Root, &PairTarget)) {
    let strace = Command::new("strace").arg("-V").output();
    if !strace.is_ok_and(|output| output.status.success()) {
        skipped("strace is missing");
        return;
    }
    let program = std::env::current_exe().unwrap();
    let (mut old, mut new) = (0, 0);
    for calls in CALLS {
        for number in 1..200 {
            let scratch = Scratch::new();
            std::fs::create_dir(scratch.path().join("tls")).unwrap();
            let root = Root::at(scratch.path()).unwrap();
            let target = arranged(&root, mode);
            prepare(&root, &target);
            let before = read(&root, &target);
            let status = Command::new("strace")
                .args(["-f", "-qq", "-o", "/dev/null"])
                .args(["-e", &format!("trace={calls}")])
                .args(["-e", &format!("inject={calls}:signal=KILL:when={number}")])
                .arg(&program)
                .args(["--exact", "deploy::crash_tests::crash_child", "--nocapture"])
                .env(TASK, format!("{mode}:{}", scratch.path().display()))
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status()
                .unwrap();
            // A single rename needs no recovery to be whole.
            let place = format!("{mode} {calls} {number}");
            if target.layout("x").unwrap().arrangement == Arrangement::Links && mode != "files" {
                assert_whole(&root, &target, &before, &format!("{place}, unrecovered"));
            }
            recover(&root, &target.journal_dir).unwrap();
            if assert_whole(&root, &target, &before, &place) {
                new += 1;
            } else {
                old += 1;
            }
            if mode == "files" {
                let again = two_files(&root).prepare().unwrap().commit().unwrap();
                again.finish().unwrap();
            } else {
                put(&root, &target, "02")
                    .commit()
                    .unwrap()
                    .finish()
                    .unwrap();
            }
            assert_eq!(read(&root, &target), pair("02"), "{place}, run again");
            assert_tidy(scratch.path(), &place);
            if status.success() {
                break;
            }
            assert!(number < 199, "{place}: the child never ends");
        }
    }
    assert!(
        old > 5 && new >= CALLS.len(),
        "{mode}: {old} old, {new} new"
    );
}

#[expect(clippy::print_stderr, reason = "what was left out must be seen")]
pub(super) fn skipped(why: &str) {
    eprintln!("left out: {why}");
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

/// No unfinished name is left anywhere.
fn assert_tidy(dir: &Path, place: &str) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let unfinished = [".new-", ".phoenix-new-", ".phoenix-old-"];
        assert!(
            !unfinished.iter().any(|prefix| name.starts_with(prefix)),
            "{place}: {name} is left"
        );
        if entry.file_type().unwrap().is_dir() {
            assert_tidy(&entry.path(), place);
        }
    }
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
