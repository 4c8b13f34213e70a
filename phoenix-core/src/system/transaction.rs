//! Several files changed together: all are swapped, or none, also when the process dies in between.
//!
//! Every new file is written beside its target first and every old one gets a second name; then one rename each.
//! A failure in the middle gives the old ones their names back; what a killed run left is settled by [`recover`](super::recover).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::dir::Dir;
use super::error::FileError;
use super::facts::{FileDigest, FileFacts, FileKind};
use super::journal::{Entry, Journal, JournalError, Phase, State};
use super::preflight;
use super::replace::{Attributes, NEW, OLD, refuse_other_kinds, sweep, temporary_name};
use super::root::{Links, Root};
use crate::names::FileMode;
use crate::secret::Secret;

/// What must still stand at a path when it is changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expect {
    /// Nothing at all.
    Absent,
    /// Whatever there is.
    #[default]
    Anything,
    /// A file with this content.
    Content(FileDigest),
}

/// One change of one path.
#[derive(Debug)]
#[non_exhaustive]
pub enum Change {
    /// A symbolic link to `target` stands there.
    Link {
        /// Where.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// Nothing stands there.
    Remove {
        /// Where.
        path: PathBuf,
    },
    /// A file with these bytes stands there.
    Replace {
        /// Where.
        path: PathBuf,
        /// The whole content; wiped from memory afterwards, since it may be a key.
        bytes: Secret,
        /// Owner and mode.
        attributes: Attributes,
        /// What must still be there, so that nobody's change in between is lost.
        expect: Expect,
    },
}

impl Change {
    /// A file replaced, with its owner and mode kept, whatever its content was.
    pub fn replace(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Self {
        Self::Replace {
            path: path.into(),
            bytes: Secret::new(bytes),
            attributes: Attributes::default(),
            expect: Expect::Anything,
        }
    }

    /// The path that it changes.
    pub fn path(&self) -> &Path {
        match self {
            Self::Link { path, .. } | Self::Remove { path } | Self::Replace { path, .. } => path,
        }
    }
}

/// A transaction that did not go through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// Somebody else changed the file; nothing was written.
    #[error("`{}` was changed by somebody else since it was read; nothing was written", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
    },
    /// Two changes name the same file.
    #[error("`{}` would be changed twice at once", path.display())]
    Duplicate {
        /// Which file.
        path: PathBuf,
    },
    /// A file could not be prepared; nothing was changed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The journal could not be kept or read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A failure could not be made undone; the journal stays for the next run to do it.
    #[error("`{}` could not be put back as it was; the next run tries again", path.display())]
    NotRestored {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
}

/// Changes gathered, nothing touched yet.
#[derive(Debug)]
pub struct Transaction {
    root: Root,
    journal_dir: PathBuf,
    links: Links,
    staging: Option<PathBuf>,
    changes: Vec<Change>,
}

impl Transaction {
    /// A transaction whose journal lies in this directory (made with mode 0700 when needed).
    pub fn new(root: &Root, journal_dir: &Path) -> Self {
        Self {
            root: root.clone(),
            journal_dir: journal_dir.to_path_buf(),
            links: Links::Follow,
            staging: None,
            changes: Vec::new(),
        }
    }

    /// What is done about links on the way to the files. Default: [`Links::Follow`].
    #[must_use]
    pub fn links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// New files are prepared in this existing directory where it is on the target's file system. Default: beside each target.
    #[must_use]
    pub fn staging(mut self, dir: &Path) -> Self {
        self.staging = Some(dir.to_path_buf());
        self
    }

    /// Adds a change.
    pub fn add(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Checks what is expected, room and permissions, and writes everything beside its target.
    ///
    /// Changes that would change nothing are dropped.
    pub fn prepare(mut self) -> Result<Prepared, TransactionError> {
        let mut planned: Vec<(Change, Entry)> = Vec::new();
        let mut identities = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            let links = match (&change, self.links) {
                // A link to be made or removed is itself the target.
                (Change::Link { .. } | Change::Remove { .. }, Links::Follow) => Links::Replace,
                (_, links) => links,
            };
            let (dir, name) = self.root.locate("replace", change.path(), links)?;
            let facts = dir.facts()?;
            let identity = (facts.dev, facts.ino, name.clone());
            if identities.contains(&identity) {
                return Err(TransactionError::Duplicate {
                    path: change.path().to_path_buf(),
                });
            }
            identities.push(identity);
            let existing = dir.stat(&name)?;
            refuse_other_kinds(&dir, &name, existing.as_ref())?;
            let before = State::of(&dir, &name)?;
            if let Change::Replace { expect, .. } = &change
                && !before.meets(*expect)
            {
                return Err(TransactionError::Changed {
                    path: change.path().to_path_buf(),
                });
            }
            let after = wanted_state(&change, existing.as_ref());
            if after.as_ref() == Some(&before) {
                continue;
            }
            let staging = self.staging_for(&facts)?;
            let staged_in = staging.as_ref().unwrap_or(&dir);
            let size = match &change {
                Change::Replace { bytes, .. } => bytes.expose_secret().len() as u64,
                _ => 0,
            };
            // Twice: where there are no hard links the old file is copied too.
            preflight::can_take(staged_in, 2 * size)?;
            let entry = Entry {
                path: dir.path().join(&name),
                refuse_links: links == Links::Refuse,
                staging: staged_in.path().to_path_buf(),
                new: temporary_name(NEW),
                old: temporary_name(OLD),
                before,
                after: State::Absent,
            };
            planned.push((change, entry));
        }
        let (changes, entries): (Vec<_>, Vec<_>) = planned.into_iter().unzip();
        // One rename needs no journal: it happens or it does not.
        let journal_dir = (entries.len() > 1).then_some(self.journal_dir.as_path());
        let mut prepared = Prepared {
            journal: Journal::begin(&self.root, journal_dir, entries)?,
            committed: false,
        };
        for (index, change) in changes.iter().enumerate() {
            prepared.stage(index, change)?;
        }
        Ok(prepared)
    }

    fn staging_for(&self, target: &FileFacts) -> Result<Option<Dir>, FileError> {
        let Some(path) = &self.staging else {
            return Ok(None);
        };
        let dir = self.root.open_dir(path, self.links)?;
        let same = dir.facts()?.dev == target.dev;
        Ok(same.then_some(dir))
    }
}

/// Everything written, nothing swapped. Dropped without a commit, it leaves nothing behind.
#[derive(Debug)]
pub struct Prepared {
    journal: Journal,
    committed: bool,
}

impl Prepared {
    /// The files that will change; empty when everything is as wanted.
    pub fn changes(&self) -> impl Iterator<Item = &Path> {
        self.journal
            .entries()
            .iter()
            .map(|entry| entry.path.as_path())
    }

    /// Swaps all files; a failure in the middle puts back those that were swapped.
    pub fn commit(mut self) -> Result<Applied, TransactionError> {
        for entry in self.journal.entries() {
            if self.journal.state(entry)? != entry.before {
                return Err(TransactionError::Changed {
                    path: entry.path.clone(),
                });
            }
        }
        if self.journal.entries().is_empty() {
            self.committed = true;
            return Ok(Applied { journal: None });
        }
        self.journal.enter(Phase::Swapping)?;
        let swapped = self
            .journal
            .entries()
            .iter()
            .try_for_each(|entry| self.journal.swap(entry));
        if let Err(error) = swapped.and_then(|()| self.journal.sync_targets()) {
            self.committed = true;
            self.journal.restore()?;
            return Err(error.into());
        }
        self.committed = true;
        if let Err(error) = self.journal.enter(Phase::Done) {
            self.journal.restore()?;
            return Err(error.into());
        }
        let journal = std::mem::replace(&mut self.journal, Journal::nothing());
        Ok(Applied {
            journal: Some(journal),
        })
    }

    fn stage(&mut self, index: usize, change: &Change) -> Result<(), TransactionError> {
        let entry = &self.journal.entries()[index];
        let (dir, name) = self.journal.target(entry)?;
        let staging = self.journal.staging(entry)?;
        let existing = dir.stat(&name)?;
        let new = OsStr::new(&entry.new);
        match change {
            Change::Replace {
                bytes, attributes, ..
            } => {
                let attributes = attributes.or_of(existing.as_ref().filter(|facts| is_file(facts)));
                let facts = staging.write_new(new, bytes.expose_secret(), &attributes)?;
                sweep(&staging, &facts);
            }
            Change::Link { target, .. } => staging.symlink(target, new)?,
            Change::Remove { .. } => {}
        }
        let after = match change {
            Change::Remove { .. } => State::Absent,
            _ => State::of(&staging, new)?,
        };
        if existing.is_some() {
            entry.keep_old(&dir, &name, &staging)?;
        }
        staging.sync()?;
        self.journal.set_after(index, after);
        Ok(())
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing was swapped; what cannot be removed now is removed by the next recovery.
            let _ = self.journal.discard();
        }
    }
}

/// All files swapped; the old ones are kept until [`Applied::finish`], or until this is dropped.
#[derive(Debug)]
pub struct Applied {
    journal: Option<Journal>,
}

impl Applied {
    /// Puts everything back as it was.
    pub fn undo(mut self) -> Result<(), TransactionError> {
        match self.journal.take() {
            Some(mut journal) => {
                journal.enter(Phase::Swapping)?;
                journal.restore()
            }
            None => Ok(()),
        }
    }

    /// Lets go of the old files.
    pub fn finish(mut self) -> Result<(), TransactionError> {
        self.journal
            .take()
            .map_or(Ok(()), |mut journal| journal.discard())
    }

    /// The files that were changed.
    pub fn changes(&self) -> impl Iterator<Item = &Path> {
        let entries = self.journal.as_ref().map_or(&[][..], Journal::entries);
        entries.iter().map(|entry| entry.path.as_path())
    }
}

impl Drop for Applied {
    fn drop(&mut self) {
        if let Some(journal) = &mut self.journal {
            let _ = journal.discard();
        }
    }
}

/// What the change leads to, as far as that can be told beforehand.
fn wanted_state(change: &Change, existing: Option<&FileFacts>) -> Option<State> {
    match change {
        Change::Link { target, .. } => Some(State::Link {
            target: target.clone(),
        }),
        Change::Remove { .. } => Some(State::Absent),
        Change::Replace {
            bytes, attributes, ..
        } => {
            let attributes = attributes.or_of(existing.filter(|facts| is_file(facts)));
            let (mode, (uid, gid)) = attributes.mode.zip(attributes.owner)?;
            Some(State::File {
                sha256: FileDigest::of(bytes.expose_secret()).to_string(),
                mode: FileMode::bits(mode),
                uid,
                gid,
            })
        }
    }
}

/// A link's own mode (777) is nothing that a file should inherit.
fn is_file(facts: &FileFacts) -> bool {
    facts.kind == FileKind::File
}

#[cfg(test)]
mod tests;
