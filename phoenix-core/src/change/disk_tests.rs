//! Changes on file systems that refuse: what they say, and that the files are as they were.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::tests::edit;
use super::*;
use crate::system::crash::{has_strace, skipped, task, traced};
use crate::system::recover;
use crate::system::scratch::Scratch;

const JOURNAL: &str = "/state/journal";
const OLD: &str = "{\"a\": 1}";
const NEW: &str = "{\"a\": 2}";
const FILES: [&str; 2] = ["one/a.json", "two/b.json"];

fn site() -> (Scratch, Root) {
    let scratch = Scratch::new();
    for dir in ["one", "two", "state"] {
        std::fs::create_dir(scratch.path().join(dir)).unwrap();
    }
    fill(scratch.path());
    let root = Root::at(scratch.path()).unwrap();
    (scratch, root)
}

fn fill(dir: &Path) {
    for name in FILES {
        std::fs::write(dir.join(name), OLD).unwrap();
    }
}

fn edits() -> Vec<FileEdit> {
    FILES.map(|name| edit(&format!("/{name}"), OLD)).into()
}

fn change(root: &Root) -> Result<(), ChangeError> {
    commit(root, Path::new(JOURNAL), &edits(), Vec::new())
}

fn look(dir: &Path) -> Vec<String> {
    FILES
        .map(|name| std::fs::read_to_string(dir.join(name)).unwrap())
        .into()
}

/// The message with its causes, and nothing but the two files left.
fn refused(root: &Root, dir: &Path) -> String {
    let error = change(root).unwrap_err();
    assert_eq!(look(dir), [OLD, OLD]);
    for name in ["one", "two"] {
        assert_eq!(std::fs::read_dir(dir.join(name)).unwrap().count(), 1);
    }
    assert!(recover(root, Path::new(JOURNAL)).unwrap().is_empty());
    words(&error)
}

/// An error with its causes.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", words(cause)),
        None => error.to_string(),
    }
}

#[test]
fn mode_and_owner_stay_and_other_names_are_told_of() {
    let (scratch, root) = site();
    let file = scratch.path().join(FILES[0]);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&file, Some(12), Some(34)).unwrap();
    }
    let facts = |path: &Path| {
        let meta = std::fs::metadata(path).unwrap();
        (meta.mode() & 0o7777, meta.uid(), meta.gid())
    };
    let before = facts(&file);
    std::fs::hard_link(&file, scratch.path().join("one/other.json")).unwrap();
    let real = scratch.path().join("two/real.json");
    std::fs::rename(scratch.path().join(FILES[1]), &real).unwrap();
    symlink("real.json", scratch.path().join(FILES[1])).unwrap();

    let shown: Vec<_> = edits()
        .iter()
        .flat_map(|edit| edit.shown(&root).unwrap().notes)
        .collect();
    assert_eq!(
        shown,
        [
            "it has 1 more name (hard links) that will keep the old content",
            "it is a link to /two/real.json, which is the file that changes"
        ]
    );
    change(&root).unwrap();
    assert_eq!(look(scratch.path()), [NEW, NEW]);
    assert_eq!(facts(&file), before);
    let other = std::fs::read_to_string(scratch.path().join("one/other.json"));
    assert_eq!(other.unwrap(), OLD);
    assert!(scratch.path().join(FILES[1]).is_symlink());
    assert_eq!(std::fs::read_to_string(real).unwrap(), NEW);
}

#[test]
fn a_directory_that_went_is_an_error_and_the_other_file_stays() {
    let (scratch, root) = site();
    std::fs::remove_dir_all(scratch.path().join("two")).unwrap();
    let error = change(&root).unwrap_err().to_string();
    assert_eq!(
        error,
        "could not open `/two`: there is no such file or directory"
    );
    let first = std::fs::read_to_string(scratch.path().join(FILES[0])).unwrap();
    assert_eq!(first, OLD);
}

#[test]
fn a_full_or_read_only_file_system_is_an_error_and_nothing_is_lost() {
    if !rustix::process::geteuid().is_root() {
        skipped("a small file system needs root");
        return;
    }
    let (scratch, root) = site();
    let dir = scratch.path().join("two");
    let mount = |options: &str| {
        std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(&dir)
            .status()
            .is_ok_and(|status| status.success())
    };
    if !mount("size=256k") {
        skipped("tmpfs cannot be mounted here");
        return;
    }
    let outcome = std::panic::catch_unwind(|| {
        fill(scratch.path());
        // Fewer bytes are left than a change wants to have.
        let filler = scratch.path().join("filler");
        std::fs::write(&filler, vec![0; 230 << 10]).unwrap();
        std::fs::copy(&filler, dir.join("b.json.filler")).unwrap();
        let error = change(&root).unwrap_err();
        assert_eq!(look(scratch.path()), [OLD, OLD]);
        let said = words(&error);
        assert!(
            said.starts_with("could not write to `/two`: No space left"),
            "{said}"
        );
        std::fs::remove_file(dir.join("b.json.filler")).unwrap();
        assert!(mount("remount,ro,size=256k"));
        let refused = refused(&root, scratch.path());
        assert!(
            refused.starts_with("could not write to `/two`: Read-only file system"),
            "{refused}"
        );
        assert!(mount("remount,rw,size=256k"));
        change(&root).unwrap();
        assert_eq!(look(scratch.path()), [NEW, NEW]);
    });
    let _ = std::process::Command::new("umount").arg(&dir).status();
    outcome.unwrap();
}

/// Does the change; what it says goes to a file.
#[test]
fn tampered_child() {
    let Some((_, dir)) = task() else {
        return;
    };
    let root = Root::at(&dir).unwrap();
    let said = match change(&root) {
        Ok(()) => "done".to_owned(),
        Err(error) => words(&error),
    };
    std::fs::write(dir.join("said"), said).unwrap();
}

/// The change with calls refused as the file system of `/etc/pve` refuses them; what it said, and its directory.
fn tampered(mode: u32, rules: &[&str]) -> Option<(String, Scratch)> {
    if !has_strace() {
        skipped("strace is missing");
        return None;
    }
    let (scratch, _) = site();
    for name in FILES {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(scratch.path().join(name), mode).unwrap();
    }
    let child = "change::disk_tests::tampered_child";
    let calls: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule.strip_prefix("inject=")?.split(':').next())
        .collect();
    assert!(traced(child, "tampered", scratch.path(), &calls, rules));
    let said = std::fs::read_to_string(scratch.path().join("said")).unwrap();
    Some((said, scratch))
}

#[test]
fn without_chmod_chown_and_hard_links_a_change_goes_through_where_modes_are_fixed() {
    // Modes and owners are the file system's own there: what is created has them from the start.
    let rules = [
        "inject=fchmod:error=EPERM",
        "inject=fchown:error=EPERM",
        "inject=linkat:error=EPERM",
    ];
    let Some((said, scratch)) = tampered(0o600, &rules) else {
        return;
    };
    assert_eq!(said, "done");
    assert_eq!(look(scratch.path()), [NEW, NEW]);
}

#[test]
fn a_mode_that_cannot_be_kept_is_an_error_and_nothing_is_lost() {
    let Some((said, scratch)) = tampered(0o640, &["inject=fchmod:error=EPERM"]) else {
        return;
    };
    assert!(
        said.starts_with("could not set the mode of `/one/"),
        "{said}"
    );
    assert!(said.contains("Operation not permitted"), "{said}");
    assert_eq!(look(scratch.path()), [OLD, OLD]);
}

#[test]
fn a_disk_that_fills_up_meanwhile_is_an_error_and_nothing_is_lost() {
    let mut failed = 0;
    // Delayed allocation and NFS say it at last when the bytes are to be durable.
    for number in 1..12 {
        let rule = format!("inject=fsync:error=ENOSPC:when={number}");
        let Some((said, scratch)) = tampered(0o600, &[&rule]) else {
            return;
        };
        let root = Root::at(scratch.path()).unwrap();
        recover(&root, Path::new(JOURNAL)).unwrap();
        let now = look(scratch.path());
        if said == "done" {
            assert_eq!(now, [NEW, NEW], "{number}");
            continue;
        }
        failed += 1;
        assert!(said.contains("No space left"), "{number}: {said}");
        assert!(now == [OLD, OLD] || now == [NEW, NEW], "{number}: {now:?}");
        for name in ["one", "two"] {
            let left = std::fs::read_dir(scratch.path().join(name)).unwrap();
            assert_eq!(left.count(), 1, "{number}: {said}");
        }
    }
    assert!(failed > 4, "{failed}");
}

#[test]
fn a_swap_that_fails_in_the_middle_is_taken_back() {
    let mut failed = 0;
    for number in 1..8 {
        let rule = format!("inject=/^rename:error=EIO:when={number}");
        let Some((said, scratch)) = tampered(0o600, &[&rule]) else {
            return;
        };
        if said == "done" {
            assert_eq!(look(scratch.path()), [NEW, NEW], "{number}");
            continue;
        }
        failed += 1;
        let root = Root::at(scratch.path()).unwrap();
        recover(&root, Path::new(JOURNAL)).unwrap();
        assert_eq!(look(scratch.path()), [OLD, OLD], "{number}: {said}");
    }
    assert!(failed > 2, "{failed}");
}
