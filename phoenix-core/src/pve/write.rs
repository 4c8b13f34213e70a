//! Proxmox's files written: beside each other first, then one rename each.

use std::path::Path;

use crate::firewall::RenderedFile;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::system::{
    Applied, Attributes, Change, Expect, FileDigest, FileError, Prepared, Root, Transaction,
    TransactionError,
};

/// The changes of files, each refused when it is no longer what it was when it was read.
pub fn changes(files: &[RenderedFile]) -> Vec<Change> {
    let change = |file: &RenderedFile| Change::Replace {
        path: file.path.clone(),
        content: Secret::new(file.text.clone().into_bytes()).into(),
        // Owner and mode are the file system's own.
        attributes: Attributes::default(),
        expect: match &file.before {
            Some(before) => Expect::Content(FileDigest::of(before.as_bytes())),
            None => Expect::Absent,
        },
    };
    files.iter().map(change).collect()
}

/// Makes the directories that the files lie in, where they are missing.
///
/// # Errors
///
/// When one cannot be made.
pub fn make_dirs(root: &Root, files: &[RenderedFile]) -> Result<(), FileError> {
    for file in files {
        let dir = file.path.parent().unwrap_or(Path::new("/"));
        if root.stat(dir)?.is_none() {
            root.create_dir_all(dir, FileMode::new(0o755))?;
        }
    }
    Ok(())
}

/// Writes files, all or none; they can be taken back until that is let go.
///
/// # Errors
///
/// When a file is not what it was when it was read, or cannot be written; all are as they were then.
pub fn write(
    root: &Root,
    journal_dir: &Path,
    files: &[RenderedFile],
) -> Result<Applied, TransactionError> {
    make_dirs(root, files)?;
    let mut transaction = Transaction::new(root, journal_dir);
    for change in changes(files) {
        transaction.add(change);
    }
    transaction.prepare().and_then(Prepared::commit)
}
