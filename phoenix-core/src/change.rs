//! Edits of several documents as one change: all of them are written, or none.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::document::{Document, unified_diff};
use crate::system::{
    Attributes, Change, Content, Expect, FileDigest, Root, Transaction, TransactionError,
};

/// One file's edit: what was read and what shall stand there.
#[derive(Debug, Clone)]
pub struct FileEdit {
    /// The file as it was read.
    pub before: Document,
    /// The file as it shall be.
    pub after: Document,
    /// Each change and why it is made, in the order of the file.
    pub reasons: Vec<String>,
}

impl FileEdit {
    /// Whether a byte changes.
    pub fn changes(&self) -> bool {
        self.before.text() != self.after.text()
    }

    /// The change of the file on disk; refused when the file is no longer the one that was read.
    pub fn to_change(&self) -> Change {
        Change::Replace {
            path: self.before.path().to_owned(),
            content: Content::Text(self.after.clone()),
            attributes: Attributes::default(),
            expect: Expect::Content(FileDigest::of(self.before.text().as_bytes())),
        }
    }

    /// The edit as a report shows it.
    pub fn shown(&self) -> FileChange {
        let (before, after) = (&self.before, &self.after);
        FileChange {
            path: before.path().to_owned(),
            reasons: self.reasons.clone(),
            diff: unified_diff(before.path(), before.text(), after.text(), CONTEXT),
        }
    }
}

/// One file of a change, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// The file.
    pub path: PathBuf,
    /// Each change and why.
    pub reasons: Vec<String>,
    /// The unified diff.
    pub diff: String,
}

/// What an edit did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeReport {
    /// The files that changed; empty when everything was as wanted.
    pub files: Vec<FileChange>,
    /// Whether anything was written.
    pub written: bool,
}

/// Why a change was not made; every file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// Somebody else changed a file since it was read.
    #[error("`{}` was changed by somebody else since it was read; nothing was written", path.display())]
    ChangedMeanwhile {
        /// Which file.
        path: PathBuf,
        /// From what was read to what stands there now.
        diff: String,
    },
    /// The files could not be swapped.
    #[error(transparent)]
    Transaction(TransactionError),
}

/// Writes all edits as one change; `extra` are changes of other paths that belong to it.
///
/// # Errors
///
/// [`ChangeError::ChangedMeanwhile`] with the diff, or what the files refused; nothing is half written then.
pub fn commit(
    root: &Root,
    journal_dir: &Path,
    edits: &[FileEdit],
    extra: Vec<Change>,
) -> Result<(), ChangeError> {
    let mut transaction = Transaction::new(root, journal_dir);
    for edit in edits {
        transaction.add(edit.to_change());
    }
    for change in extra {
        transaction.add(change);
    }
    let done = transaction
        .prepare()
        .and_then(crate::system::Prepared::commit)
        .and_then(crate::system::Applied::finish);
    done.map_err(|error| match error {
        TransactionError::Changed { path } => {
            let diff = since_read(root, edits, &path);
            ChangeError::ChangedMeanwhile { path, diff }
        }
        other => ChangeError::Transaction(other),
    })
}

/// The diff from what was read to what stands there now; empty when that cannot be told.
fn since_read(root: &Root, edits: &[FileEdit], path: &Path) -> String {
    let found = root.read_optional(path).ok().flatten().unwrap_or_default();
    edits
        .iter()
        .find(|edit| edit.before.path() == path)
        .map(|edit| {
            let now = String::from_utf8_lossy(&found);
            unified_diff(path, edit.before.text(), &now, CONTEXT)
        })
        .unwrap_or_default()
}

/// Lines of context in a diff.
const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Edit, Format};

    fn edit(path: &str, text: &str) -> FileEdit {
        let before =
            Document::parse(path.as_ref(), text.as_bytes().to_vec(), Format::Json).unwrap();
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
}
