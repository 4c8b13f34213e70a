//! What a transaction is about to do, on disk, so that the next run can settle what a killed one left.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::dir::Dir;
use super::error::FileError;
use super::random::random_hex;
use super::replace::{Attributes, is_temporary};
use super::root::{Links, Root};
use super::transaction::{Expect, TransactionError};
use crate::names::FileMode;

/// A journal that cannot be kept or understood.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Its file could not be used.
    #[error("could not keep the journal")]
    File(#[from] FileError),
    /// Its content is not a journal of ours.
    #[error("could not understand the journal `{}`; expected one written by this or an older version", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What recovery did about one unfinished transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "kebab-case")]
pub enum RecoveryOutcome {
    /// All files are the new ones.
    Completed,
    /// All files are the old ones.
    RolledBack,
}

/// One unfinished transaction, settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecoveredTransaction {
    /// Which state its files are in.
    pub outcome: RecoveryOutcome,
    /// The files that it was to change.
    pub paths: Vec<PathBuf>,
    /// Those that somebody else has changed since; they were left alone.
    pub foreign: Vec<PathBuf>,
}

/// What [`recover`] found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recovered {
    /// One for each transaction that had not ended.
    pub transactions: Vec<RecoveredTransaction>,
}

impl Recovered {
    /// Whether there was nothing to do.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }
}

/// Settles every transaction that did not end: all of its files are then the old ones, or all the new ones.
///
/// To be called under the lock of the site.
pub fn recover(root: &Root, journal_dir: &Path) -> Result<Recovered, TransactionError> {
    let mut recovered = Recovered::default();
    for path in pending(root, journal_dir)? {
        let bytes = root.read(&path)?;
        let record: Record =
            serde_json::from_slice(&bytes).map_err(|source| JournalError::Malformed {
                path: path.clone(),
                source,
            })?;
        let paths = record
            .entries
            .iter()
            .map(|entry| entry.path.clone())
            .collect();
        let mut journal = Journal {
            root: root.clone(),
            file: Some(path),
            record,
        };
        let (outcome, foreign) = if journal.record.phase == Phase::Swapping {
            let foreign = journal.put_back()?;
            (RecoveryOutcome::RolledBack, foreign)
        } else if journal.record.phase == Phase::Done {
            (RecoveryOutcome::Completed, Vec::new())
        } else {
            (RecoveryOutcome::RolledBack, Vec::new())
        };
        journal.discard()?;
        recovered.transactions.push(RecoveredTransaction {
            outcome,
            paths,
            foreign,
        });
    }
    sweep_journals(root, journal_dir)?;
    Ok(recovered)
}

/// The journals of transactions that did not end; reads only.
pub fn pending(root: &Root, journal_dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let names = match root.list(journal_dir) {
        Err(error) if error.is_not_found() => Vec::new(),
        names => names?,
    };
    Ok(names
        .iter()
        .filter(|name| {
            let path = Path::new(name);
            path.extension() == Some(OsStr::new("journal")) && !is_temporary(name)
        })
        .map(|name| journal_dir.join(name))
        .collect())
}

/// How far a transaction got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// New files are being written beside their targets.
    Staging,
    /// Some targets may be swapped.
    Swapping,
    /// All targets are swapped.
    Done,
}

/// What stands at a path, as exactly as it must be put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    Absent,
    File {
        sha256: String,
        mode: u32,
        uid: u32,
        gid: u32,
    },
    Link {
        target: PathBuf,
    },
}

impl State {
    pub(super) fn of(dir: &Dir, name: &OsStr) -> Result<Self, FileError> {
        let Some(facts) = dir.stat(name)? else {
            return Ok(Self::Absent);
        };
        if let Some(target) = facts.target {
            return Ok(Self::Link { target });
        }
        let (digest, facts) = dir.digest(name, Root::READ_LIMIT)?;
        Ok(Self::File {
            sha256: digest.to_string(),
            mode: facts.mode.bits(),
            uid: facts.uid,
            gid: facts.gid,
        })
    }

    pub(super) fn meets(&self, expect: Expect) -> bool {
        match (expect, self) {
            (Expect::Anything, _) | (Expect::Absent, Self::Absent) => true,
            (Expect::Content(digest), Self::File { sha256, .. }) => *sha256 == digest.to_string(),
            _ => false,
        }
    }
}

/// One path of a transaction.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The target, links resolved where they are followed.
    pub(super) path: PathBuf,
    pub(super) refuse_links: bool,
    /// The directory of the two names below.
    pub(super) staging: PathBuf,
    pub(super) new: String,
    pub(super) old: String,
    pub(super) before: State,
    pub(super) after: State,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    version: u32,
    phase: Phase,
    entries: Vec<Entry>,
}

/// A transaction's record, and the acts on disk that it describes.
#[derive(Debug)]
pub(super) struct Journal {
    root: Root,
    file: Option<PathBuf>,
    record: Record,
}

impl Journal {
    pub(super) fn nothing() -> Self {
        Self {
            root: Root::host(),
            file: None,
            record: Record {
                version: 1,
                phase: Phase::Staging,
                entries: Vec::new(),
            },
        }
    }

    /// Writes down which names will be made, before the first is.
    pub(super) fn begin(
        root: &Root,
        journal_dir: Option<&Path>,
        entries: Vec<Entry>,
    ) -> Result<Self, JournalError> {
        if let Some(dir) = journal_dir {
            root.create_dir_all(dir, FileMode::new(0o700))?;
        }
        let journal = Self {
            root: root.clone(),
            file: journal_dir.map(|dir| dir.join(format!("{}.journal", random_hex()))),
            record: Record {
                version: 1,
                phase: Phase::Staging,
                entries,
            },
        };
        journal.write()?;
        Ok(journal)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.record.entries
    }

    pub(super) fn set_after(&mut self, index: usize, after: State) {
        self.record.entries[index].after = after;
    }

    pub(super) fn enter(&mut self, phase: Phase) -> Result<(), JournalError> {
        self.record.phase = phase;
        self.write()
    }

    pub(super) fn target(&self, entry: &Entry) -> Result<(Dir, OsString), FileError> {
        // What was to be followed has been: a link at the target now is the target.
        self.root.locate("replace", &entry.path, entry.links())
    }

    pub(super) fn staging(&self, entry: &Entry) -> Result<Dir, FileError> {
        self.root.open_dir(&entry.staging, entry.links())
    }

    pub(super) fn state(&self, entry: &Entry) -> Result<State, FileError> {
        let (dir, name) = self.target(entry)?;
        State::of(&dir, &name)
    }

    pub(super) fn swap(&self, entry: &Entry) -> Result<(), FileError> {
        let (dir, name) = self.target(entry)?;
        if entry.after == State::Absent {
            dir.remove(&name).map(drop)
        } else {
            self.staging(entry)?
                .rename(OsStr::new(&entry.new), &dir, &name)
        }
    }

    /// Whether there is a record on disk: several files change, and a crash in between must be settled.
    pub(super) fn is_kept(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn sync_targets(&self) -> Result<(), FileError> {
        for entry in &self.record.entries {
            self.target(entry)?.0.sync()?;
        }
        Ok(())
    }

    /// Puts everything back and lets the record go.
    pub(super) fn restore(&mut self) -> Result<(), TransactionError> {
        let foreign = self.put_back()?;
        self.discard()?;
        match foreign.into_iter().next() {
            Some(path) => Err(TransactionError::Changed { path }),
            None => Ok(()),
        }
    }

    /// Puts back what was swapped, last first; says which paths somebody else has changed since.
    fn put_back(&self) -> Result<Vec<PathBuf>, TransactionError> {
        let mut foreign = Vec::new();
        for entry in self.record.entries.iter().rev() {
            match self.put_back_one(entry) {
                Ok(true) => {}
                Ok(false) => foreign.push(entry.path.clone()),
                Err(source) => {
                    return Err(TransactionError::NotRestored {
                        path: entry.path.clone(),
                        source,
                    });
                }
            }
        }
        Ok(foreign)
    }

    fn put_back_one(&self, entry: &Entry) -> Result<bool, FileError> {
        let (dir, name) = self.target(entry)?;
        let now = State::of(&dir, &name)?;
        if now == entry.before {
            return Ok(true);
        }
        if now != entry.after {
            return Ok(false);
        }
        if entry.before == State::Absent {
            dir.remove(&name)?;
        } else {
            self.staging(entry)?
                .rename(OsStr::new(&entry.old), &dir, &name)?;
        }
        dir.sync()?;
        Ok(true)
    }

    /// Removes the names that were made, then the record.
    pub(super) fn discard(&mut self) -> Result<(), TransactionError> {
        for entry in &self.record.entries {
            let staging = match self.staging(entry) {
                Err(error) if error.is_not_found() => continue,
                staging => staging?,
            };
            let new = staging.remove(OsStr::new(&entry.new))?;
            let old = staging.remove(OsStr::new(&entry.old))?;
            // Without a record nobody relies on their absence; a later change sweeps them up.
            if (new || old) && self.is_kept() {
                staging.sync()?;
            }
        }
        if let Some(file) = self.file.take() {
            self.root.remove_file(&file)?;
        }
        Ok(())
    }

    fn write(&self) -> Result<(), JournalError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let bytes =
            serde_json::to_vec_pretty(&self.record).map_err(|source| JournalError::Malformed {
                path: file.clone(),
                source,
            })?;
        let attributes = Attributes::mode(FileMode::PRIVATE);
        Ok(self.root.replace(file, &bytes, &attributes)?)
    }
}

impl Entry {
    /// Gives what stands at the target a second name; a copy where the file system has no hard links.
    pub(super) fn keep_old(&self, dir: &Dir, name: &OsStr, staging: &Dir) -> Result<(), FileError> {
        let old = OsStr::new(&self.old);
        if dir.hard_link(name, staging, old)? {
            return Ok(());
        }
        match &self.before {
            State::Absent => Ok(()),
            State::Link { target } => staging.symlink(target, old),
            State::File { mode, uid, gid, .. } => {
                let (bytes, _) = dir.read(name, Root::READ_LIMIT)?;
                let bytes = crate::secret::Secret::new(bytes);
                let attributes = Attributes {
                    mode: Some(FileMode::new(*mode)),
                    owner: Some((*uid, *gid)),
                };
                staging
                    .write_new(old, bytes.expose_secret(), &attributes)
                    .map(drop)
            }
        }
    }

    fn links(&self) -> Links {
        if self.refuse_links {
            Links::Refuse
        } else {
            Links::Replace
        }
    }
}

/// Half-written journals: their transactions had not begun, or their last phase did not.
fn sweep_journals(root: &Root, journal_dir: &Path) -> Result<(), FileError> {
    let dir = match root.open_dir(journal_dir, Links::Follow) {
        Err(error) if error.is_not_found() => return Ok(()),
        dir => dir?,
    };
    for name in dir.names()? {
        if is_temporary(&name) {
            dir.remove(&name)?;
        }
    }
    Ok(())
}
