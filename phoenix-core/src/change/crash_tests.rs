//! A change of several files, killed at each system call that writes: all of them are old or all new.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::tests::edit;
use super::*;
use crate::names::FileMode;
use crate::system::crash::{assert_tidy, killed_everywhere, task};
use crate::system::recover;

const JOURNAL: &str = "/state/journal";
const OLD: &str = "{\"a\": 1}";
const NEW: &str = "{\"a\": 2}";

/// Two files beside each other, one behind a link in another directory, one that moves away.
fn arrange(dir: &Path) {
    for name in ["etc", "other", "cron"] {
        std::fs::create_dir(dir.join(name)).unwrap();
    }
    for name in ["etc/one.json", "etc/two.json", "other/three.json"] {
        std::fs::write(dir.join(name), OLD).unwrap();
    }
    symlink("../other/three.json", dir.join("etc/three.json")).unwrap();
    std::fs::write(dir.join("cron/armed"), "armed").unwrap();
}

fn change(root: &Root) -> Result<(), ChangeError> {
    let edits = ["/etc/one.json", "/etc/two.json", "/etc/three.json"].map(|path| edit(path, OLD));
    let extra = vec![
        Change::Replace {
            path: "/cron/armed.off".into(),
            bytes: Secret::new(b"armed".to_vec()),
            attributes: Attributes::mode(FileMode::PUBLIC),
            expect: Expect::Absent,
        },
        Change::Remove {
            path: "/cron/armed".into(),
        },
    ];
    commit(root, Path::new(JOURNAL), &edits, extra)
}

/// The five files; what is not there reads as nothing.
fn look(dir: &Path) -> Vec<Option<String>> {
    let names = [
        "etc/one.json",
        "etc/two.json",
        "other/three.json",
        "cron/armed.off",
        "cron/armed",
    ];
    names
        .map(|name| std::fs::read_to_string(dir.join(name)).ok())
        .into()
}

fn state(new: bool) -> Vec<Option<String>> {
    let text = if new { NEW } else { OLD };
    let moved = |here: bool| here.then(|| "armed".to_owned());
    let mut files = vec![Some(text.to_owned()); 3];
    files.extend([moved(new), moved(!new)]);
    files
}

#[test]
fn crash_child() {
    if let Some((_, dir)) = task() {
        change(&Root::at(&dir).unwrap()).unwrap();
    }
}

#[test]
fn a_change_of_several_files_killed_anywhere_is_all_old_or_all_new() {
    killed_everywhere(
        "change::crash_tests::crash_child",
        "edits",
        arrange,
        |dir, place| {
            let root = Root::at(dir).unwrap();
            recover(&root, Path::new(JOURNAL)).unwrap();
            let now = look(dir);
            let new = now == state(true);
            assert!(new || now == state(false), "{place}: {now:?}");
            assert!(dir.join("etc/three.json").is_symlink(), "{place}");
            if !new {
                change(&root).unwrap();
                assert_eq!(look(dir), state(true), "{place}, run again");
            }
            assert_tidy(dir, place);
            new
        },
    );
}
