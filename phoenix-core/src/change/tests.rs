use super::*;
use crate::document::{Edit, Format};

/// An edit of a JSON file in which `a` becomes 2.
pub(super) fn edit(path: &str, text: &str) -> FileEdit {
    let before = Document::parse(path.as_ref(), text.as_bytes().to_vec(), Format::Json).unwrap();
    let node = before.root().get("a").unwrap().node();
    let mut changes = Edit::new(&before);
    changes.set(node, 2.into());
    let after = changes.finish().unwrap().apply(&before).unwrap();
    FileEdit {
        before,
        after,
        reasons: vec!["a becomes 2".to_owned()],
    }
}

#[test]
fn all_files_change_or_none_and_a_strangers_edit_is_shown() {
    let scratch = crate::system::scratch::Scratch::new();
    let root = Root::at(scratch.path()).unwrap();
    let (one, two) = ("/one.json", "/two.json");
    for path in [one, two] {
        std::fs::write(scratch.path().join(&path[1..]), "{\"a\": 1}").unwrap();
    }
    let edits = [edit(one, "{\"a\": 1}"), edit(two, "{\"a\": 1}")];
    std::fs::write(scratch.path().join("two.json"), "{\"a\": 7}").unwrap();
    let refused = commit(&root, Path::new("/journal"), &edits, Vec::new()).unwrap_err();
    let ChangeError::ChangedMeanwhile { path, diff } = refused else {
        panic!("{refused}");
    };
    assert_eq!(path, Path::new(two));
    assert!(
        diff.contains("-{\"a\": 1}") && diff.contains("+{\"a\": 7}"),
        "{diff}"
    );
    assert_eq!(root.read(Path::new(one)).unwrap(), b"{\"a\": 1}");
    std::fs::write(scratch.path().join("two.json"), "{\"a\": 1}").unwrap();
    commit(&root, Path::new("/journal"), &edits, Vec::new()).unwrap();
    assert_eq!(root.read(Path::new(two)).unwrap(), b"{\"a\": 2}");
}

#[test]
fn a_change_behind_a_link_is_shown_by_the_name_that_was_edited() {
    let scratch = crate::system::scratch::Scratch::new();
    let root = Root::at(scratch.path()).unwrap();
    std::fs::write(scratch.path().join("real.json"), "{\"a\": 1}").unwrap();
    std::os::unix::fs::symlink("real.json", scratch.path().join("link.json")).unwrap();
    let edits = [edit("/link.json", "{\"a\": 1}")];
    let prepared = {
        let mut transaction = Transaction::new(&root, Path::new("/journal"));
        transaction.add(edits[0].to_change());
        transaction.prepare().unwrap()
    };
    std::fs::write(scratch.path().join("real.json"), "{\"a\": 7}").unwrap();
    let Err(TransactionError::Changed { path }) = prepared.commit() else {
        panic!("a stranger's change was overwritten");
    };
    assert!(since_read(&root, &edits, &path).contains("+{\"a\": 7}"));
}
