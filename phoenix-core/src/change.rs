//! Edits of several documents as one change: all of them are written, or none.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::document::{Document, unified_diff};
use crate::secret::Secret;
use crate::system::{
    Attributes, Change, Expect, FileDigest, FileError, Root, Transaction, TransactionError,
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
            bytes: Secret::new(self.after.text().as_bytes().to_vec()),
            attributes: Attributes::default(),
            expect: Expect::Content(FileDigest::of(self.before.text().as_bytes())),
        }
    }

    /// The edit as a report shows it; to be asked before it is written.
    ///
    /// # Errors
    ///
    /// When the file cannot be looked at.
    pub fn shown(&self, root: &Root) -> Result<FileChange, FileError> {
        let (before, after) = (&self.before, &self.after);
        Ok(FileChange {
            path: before.path().to_owned(),
            reasons: self.reasons.clone(),
            notes: other_names(root, before.path())?,
            diff: unified_diff(before.path(), before.text(), after.text(), CONTEXT),
        })
    }
}

/// What other names of a file mean for its edit: a link keeps leading to it, a hard link does not.
fn other_names(root: &Root, path: &Path) -> Result<Vec<String>, FileError> {
    let mut notes = Vec::new();
    let (target, facts) = root.follow(path)?;
    if root.stat(path)?.is_some_and(|facts| facts.target.is_some()) {
        notes.push(format!(
            "it is a link to {}, which is the file that changes",
            target.display()
        ));
    }
    if let Some(facts) = facts.filter(|facts| facts.links > 1) {
        let others = facts.links - 1;
        notes.push(format!(
            "it has {others} more {} (hard links) that will keep the old content",
            if others == 1 { "name" } else { "names" }
        ));
    }
    Ok(notes)
}

/// One file of a change, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// The file.
    pub path: PathBuf,
    /// Each change and why.
    pub reasons: Vec<String>,
    /// What else is to be known, such as other names of the file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
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
    let is_it = |edit: &&FileEdit| {
        let named = edit.before.path();
        named == path || root.follow(named).is_ok_and(|(target, _)| target == path)
    };
    edits
        .iter()
        .find(is_it)
        .map(|edit| {
            let now = String::from_utf8_lossy(&found);
            unified_diff(path, edit.before.text(), &now, CONTEXT)
        })
        .unwrap_or_default()
}

/// Lines of context in a diff.
const CONTEXT: usize = 3;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod disk_tests;
#[cfg(test)]
mod tests;
