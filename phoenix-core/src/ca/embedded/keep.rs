//! The CA's directory.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use super::{CRL, INTERMEDIATE, INTERMEDIATE_KEY, ROOT};
use crate::names::FileMode;
use crate::secret::Secret;
use crate::system::{Attributes, Dir, FileError, FileFacts, Links, Root, random_hex, split};

/// A file of a CA that is being made.
pub(super) struct NewFile {
    pub(super) name: &'static str,
    pub(super) bytes: Secret,
    pub(super) mode: FileMode,
}

/// What is needed to issue; the root's key stays unread.
pub(super) struct Kept {
    pub(super) root: Vec<u8>,
    pub(super) intermediate: Vec<u8>,
    pub(super) intermediate_key: Secret,
}

impl Kept {
    pub(super) fn read(root: &Root, dir: &Path) -> Result<Self, FileError> {
        let file = |name: &str| root.read_limited(&dir.join(name), LIMIT);
        Ok(Self {
            root: file(ROOT)?,
            intermediate: file(INTERMEDIATE)?,
            intermediate_key: Secret::new(file(INTERMEDIATE_KEY)?),
        })
    }
}

/// The revocation list, where there is one.
pub(super) fn crl(root: &Root, dir: &Path) -> Result<Option<Vec<u8>>, FileError> {
    root.read_optional(&dir.join(CRL))
}

/// Replaces the revocation list; it is no secret.
pub(super) fn replace_crl(root: &Root, dir: &Path, pem: &[u8]) -> Result<(), FileError> {
    root.replace(&dir.join(CRL), pem, &Attributes::mode(FileMode::PUBLIC))
}

/// Whether there is a CA in the directory; an empty directory holds none.
pub(super) fn exists(root: &Root, dir: &Path) -> Result<bool, FileError> {
    match root.list(dir) {
        Ok(names) => Ok(!names.is_empty()),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a new CA in place as a whole: files beside the directory, made durable, then one rename.
pub(super) fn create(root: &Root, dir: &Path, files: &[NewFile]) -> Result<(), FileError> {
    let (parent, name) = split(dir)?;
    let parent = root.make_dirs(parent, FileMode::new(0o700), Links::Follow)?;
    let mut staging = prefix(name);
    staging.push(random_hex());
    let done = fill(&parent, &staging, files)
        .map(|fresh| sweep(&parent, name, &fresh))
        .and_then(|()| match parent.rename(&staging, &parent, name) {
            // Another process was faster: its CA is the one.
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::DirectoryNotEmpty => {
                parent.remove_tree(&staging)
            }
            other => other,
        })
        .and_then(|()| parent.sync());
    if done.is_err() {
        // The keys in it were never used.
        let _ = parent.remove_tree(&staging);
    }
    done
}

/// Moves a CA aside, for another to take its place; its new name.
pub(super) fn set_aside(root: &Root, dir: &Path) -> Result<OsString, FileError> {
    let (parent, name) = split(dir)?;
    let parent = root.open_dir(parent, Links::Follow)?;
    let mut aside = name.to_owned();
    aside.push(format!(".replaced-{}", random_hex()));
    parent.rename(name, &parent, &aside)?;
    parent.sync()?;
    Ok(aside)
}

fn fill(parent: &Dir, staging: &OsStr, files: &[NewFile]) -> Result<FileFacts, FileError> {
    let owner = parent.inherited_owner()?;
    let dir = parent.make_dir(staging, FileMode::new(0o700), owner)?;
    for file in files {
        let attributes = Attributes {
            mode: Some(file.mode),
            owner,
        };
        let name = OsStr::new(file.name);
        dir.write_new(name, file.bytes.expose_secret(), &attributes)?;
    }
    dir.sync()?;
    dir.facts()
}

/// Removes what runs that were killed an hour and longer ago left: keys that nothing was signed with.
///
/// `fresh` was made just now: the file system's own clock tells the age.
fn sweep(parent: &Dir, name: &OsStr, fresh: &FileFacts) {
    let Some(horizon) = fresh.changed.checked_sub(Duration::from_secs(3_600)) else {
        return;
    };
    let prefix = prefix(name);
    // Tidying up is no part of the act.
    for name in parent.names().unwrap_or_default() {
        let ours = name
            .as_encoded_bytes()
            .starts_with(prefix.as_encoded_bytes());
        if ours
            && let Ok(Some(facts)) = parent.stat(&name)
            && facts.changed < horizon
        {
            let _ = parent.remove_tree(&name);
        }
    }
}

fn prefix(name: &OsStr) -> OsString {
    let mut prefix = name.to_owned();
    prefix.push(".new-");
    prefix
}

/// More than any of its files has.
const LIMIT: u64 = 64 << 10;
