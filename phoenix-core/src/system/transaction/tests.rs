use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::system::journal::{RecoveryOutcome, pending, recover};
use crate::system::scratch::Scratch;

const JOURNAL: &str = "/journal";

fn site() -> (Scratch, Root) {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path().join("d")).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(scratch.path().join("d").join(name), "old").unwrap();
    }
    let root = Root::at(scratch.path()).unwrap();
    (scratch, root)
}

fn transaction(root: &Root) -> Transaction {
    let mut transaction = Transaction::new(root, Path::new(JOURNAL));
    transaction.add(Change::replace("/d/a", b"new".to_vec()));
    transaction.add(Change::Link {
        path: "/d/b".into(),
        target: "a".into(),
    });
    transaction.add(Change::Remove {
        path: "/d/c".into(),
    });
    transaction.add(Change::replace("/d/e", b"new".to_vec()));
    transaction
}

/// Every entry of `/d` with its content; links by their target.
fn look(root: &Root) -> Vec<String> {
    let dir = Path::new("/d");
    root.list(dir)
        .unwrap()
        .iter()
        .map(|name| {
            let path = dir.join(name);
            let name = name.to_string_lossy();
            match root.stat(&path).unwrap().unwrap().target {
                Some(target) => format!("{name}->{}", target.display()),
                None => format!(
                    "{name}={}",
                    String::from_utf8_lossy(&root.read(&path).unwrap())
                ),
            }
        })
        .collect()
}

const OLD_STATE: [&str; 3] = ["a=old", "b=old", "c=old"];
const NEW_STATE: [&str; 3] = ["a=new", "b->a", "e=new"];

#[test]
fn all_changes_happen_and_can_all_be_undone() {
    let (_scratch, root) = site();
    let prepared = transaction(&root).prepare().unwrap();
    assert_eq!(prepared.changes().count(), 4);
    prepared.commit().unwrap().undo().unwrap();
    assert_eq!(look(&root), OLD_STATE);
    let applied = transaction(&root).prepare().unwrap().commit().unwrap();
    assert_eq!(pending(&root, Path::new(JOURNAL)).unwrap().len(), 1);
    applied.finish().unwrap();
    assert_eq!(look(&root), NEW_STATE);
    assert!(root.list(Path::new(JOURNAL)).unwrap().is_empty());
    let again = transaction(&root).prepare().unwrap();
    assert_eq!(again.changes().count(), 0, "a second run changes nothing");
}

#[test]
fn a_dropped_preparation_leaves_nothing() {
    let (_scratch, root) = site();
    drop(transaction(&root).prepare().unwrap());
    assert_eq!(look(&root), OLD_STATE);
    assert!(root.list(Path::new(JOURNAL)).unwrap().is_empty());
}

#[test]
fn somebody_elses_change_is_never_overwritten() {
    let (scratch, root) = site();
    let mut one = Transaction::new(&root, Path::new(JOURNAL));
    one.add(Change::Replace {
        path: "/d/a".into(),
        bytes: Secret::new(b"new".to_vec()),
        attributes: Attributes::default(),
        expect: Expect::Content(FileDigest::of(b"what was read")),
    });
    assert!(matches!(
        one.prepare(),
        Err(TransactionError::Changed { .. })
    ));
    let prepared = transaction(&root).prepare().unwrap();
    std::fs::write(scratch.path().join("d/c"), "theirs").unwrap();
    assert!(matches!(
        prepared.commit(),
        Err(TransactionError::Changed { path }) if path == Path::new("/d/c")
    ));
    assert_eq!(look(&root), ["a=old", "b=old", "c=theirs"]);
    let applied = transaction(&root).prepare().unwrap().commit().unwrap();
    std::fs::write(scratch.path().join("d/e"), "theirs").unwrap();
    assert!(applied.undo().is_err());
    assert_eq!(look(&root), ["a=old", "b=old", "c=theirs", "e=theirs"]);
}

#[test]
fn a_failure_in_the_middle_restores_what_was_swapped() {
    let (scratch, root) = site();
    let prepared = transaction(&root).prepare().unwrap();
    let staged = std::fs::read_dir(scratch.path().join("d")).unwrap();
    let staged: Vec<_> = staged
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.to_string_lossy().contains(NEW)
                && std::fs::read(path).is_ok_and(|bytes| bytes == b"new")
                && !path.is_symlink()
        })
        .collect();
    // The last file to be swapped cannot be: its new version is gone.
    let last = prepared.journal.entries().last().unwrap().new.clone();
    let gone = staged.iter().find(|path| path.ends_with(&last)).unwrap();
    std::fs::remove_file(gone).unwrap();
    assert!(matches!(prepared.commit(), Err(TransactionError::File(_))));
    assert_eq!(look(&root), OLD_STATE);
    assert!(root.list(Path::new(JOURNAL)).unwrap().is_empty());
}

#[test]
fn recovery_settles_each_phase() {
    let (_scratch, root) = site();
    let journal = Path::new(JOURNAL);
    std::mem::forget(transaction(&root).prepare().unwrap());
    let outcome = |recovered: crate::system::Recovered| recovered.transactions[0].outcome.clone();
    assert_eq!(
        outcome(recover(&root, journal).unwrap()),
        RecoveryOutcome::RolledBack
    );
    assert_eq!(look(&root), OLD_STATE);
    std::mem::forget(transaction(&root).prepare().unwrap().commit().unwrap());
    assert_eq!(
        outcome(recover(&root, journal).unwrap()),
        RecoveryOutcome::Completed
    );
    assert_eq!(look(&root), NEW_STATE);
    assert!(recover(&root, journal).unwrap().is_empty());
    std::fs::write(root.dir().join("journal/x.journal"), "{").unwrap();
    assert!(recover(&root, journal).is_err());
}

#[test]
fn a_path_may_change_once_and_links_lead_to_the_same_file() {
    let (scratch, root) = site();
    symlink("a", scratch.path().join("d/alias")).unwrap();
    let mut twice = Transaction::new(&root, Path::new(JOURNAL));
    twice.add(Change::replace("/d/a", b"1".to_vec()));
    twice.add(Change::replace("/d/alias", b"2".to_vec()));
    assert!(matches!(
        twice.prepare(),
        Err(TransactionError::Duplicate { .. })
    ));
    let mut planted = Transaction::new(&root, Path::new(JOURNAL)).links(Links::Refuse);
    symlink("d", scratch.path().join("way")).unwrap();
    planted.add(Change::replace("/way/a", b"x".to_vec()));
    assert!(matches!(
        planted.prepare(),
        Err(TransactionError::File(FileError::Link { .. }))
    ));
    let mut onto = Transaction::new(&root, Path::new(JOURNAL));
    onto.add(Change::replace("/d", b"x".to_vec()));
    assert!(matches!(
        onto.prepare(),
        Err(TransactionError::File(FileError::NotAFile { .. }))
    ));
}

#[test]
fn a_directory_that_cannot_be_written_is_found_before_anything_is() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let (scratch, root) = site();
    let locked = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(scratch.path().join("d"), locked).unwrap();
    assert!(matches!(
        transaction(&root).prepare(),
        Err(TransactionError::File(FileError::Denied { .. }))
    ));
}
