//! Acts killed at every call by which they change the disk or make it durable, for tests.
//!
//! `strace` kills them; the child is this test binary itself, told by a variable what to do and in which directory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::scratch::Scratch;

/// The variable that tells the child what to do, as `WHAT:DIR`.
const TASK: &str = "PHOENIX_CRASH_TEST";
/// Every family of calls by which a commit changes the disk or makes it durable.
const CALLS: [&str; 8] = [
    "/^rename",
    "/^link",
    "/^symlink",
    "/^unlink",
    "/^mkdir",
    "/^write",
    "/^f?sync",
    "/^fchmod",
];

/// In the child: what it shall do, and in which directory.
pub(crate) fn task() -> Option<(String, PathBuf)> {
    let task = std::env::var(TASK).ok()?;
    let (what, dir) = task.split_once(':')?;
    Some((what.to_owned(), dir.into()))
}

/// Runs the test `child` of this binary in a directory made by `arrange`, once for every call to be killed at.
///
/// `settle` looks at what is left; it gets the directory and the name of the place, and says whether all is new.
pub(crate) fn killed_everywhere(
    child: &str,
    what: &str,
    arrange: impl Fn(&Path),
    mut settle: impl FnMut(&Path, &str) -> bool,
) {
    if !has_strace() {
        skipped("strace is missing");
        return;
    }
    let (mut old, mut new) = (0, 0);
    for calls in CALLS {
        for number in 1..200 {
            let scratch = Scratch::new();
            arrange(scratch.path());
            let kill = format!("inject={calls}:signal=KILL:when={number}");
            let ended = traced(child, what, scratch.path(), &[calls], &[&kill]);
            let place = format!("{what} {calls} {number}");
            if settle(scratch.path(), &place) {
                new += 1;
            } else {
                old += 1;
            }
            if ended {
                break;
            }
            assert!(number < 199, "{place}: the child never ends");
        }
    }
    assert!(
        old > 5 && new >= CALLS.len(),
        "{what}: {old} old, {new} new"
    );
}

/// Runs the child with calls tampered with; whether it ended well.
pub(crate) fn traced(child: &str, what: &str, dir: &Path, calls: &[&str], tamper: &[&str]) -> bool {
    Command::new("strace")
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(["-e", &format!("trace={}", calls.join(","))])
        .args(tamper.iter().flat_map(|rule| ["-e", rule]))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture"])
        .env(TASK, format!("{what}:{}", dir.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Whether calls can be tampered with here.
pub(crate) fn has_strace() -> bool {
    let asked = Command::new("strace").arg("-V").output();
    asked.is_ok_and(|output| output.status.success())
}

/// Says that a test left something out.
#[expect(clippy::print_stderr, reason = "what was left out must be seen")]
pub(crate) fn skipped(why: &str) {
    eprintln!("left out: {why}");
}

/// No unfinished name is left anywhere.
pub(crate) fn assert_tidy(dir: &Path, place: &str) {
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
