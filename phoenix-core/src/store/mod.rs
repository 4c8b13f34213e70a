//! The state of one site: what is pending, the pairs that wait, those that were brought back, the pinned root, the audit trail.
//!
//! Everything lies under `<state>/sites/<id of the site>/`, readable by root alone. One small file per pending item: an
//! empty directory means that nothing is pending.

mod audit;
mod candidate;
mod held;
mod keys;
mod last_run;
mod pending;
mod pinned;
mod revocations;
mod trial;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::names::{FileMode, Slug};
use crate::system::{Attributes, FileError, Root};
use crate::x509::KnownSignatures;

pub use audit::AuditLine;
pub use held::Held;
pub use last_run::LastRun;
pub use pending::{PendingItem, PendingKind};
pub use pinned::{PinError, Pinned};
pub use revocations::{Asked, Revocations};
pub use trial::{Trial, TrialEnd, TrialFile};

/// A site's state directory.
#[derive(Debug, Clone)]
pub struct Store {
    root: Root,
    dir: PathBuf,
}

/// What went wrong in the state directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("could not use the state in {dir}")]
    File {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        source: FileError,
    },
    /// A file of the state is not what was written there.
    #[error("found a damaged file {path} in the state: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

impl Store {
    /// Names the state of a site; nothing is read or made yet.
    pub fn new(root: Root, state: &Path, site: &Path) -> Self {
        let id = Slug::of(&site.to_string_lossy());
        Self {
            root,
            dir: state.join("sites").join(id.as_str()),
        }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where transactions keep their journal.
    pub fn journal_dir(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Where single commands, which need no site, keep the journal of a pair.
    pub fn pair_journal_dir(&self) -> PathBuf {
        self.dir.join("pairs")
    }

    /// Where the embedded CA lives.
    pub fn embedded_ca_dir(&self) -> PathBuf {
        self.dir.join("ca")
    }

    /// Where the key of the ACME account at this directory lies.
    pub fn acme_key(&self, directory: &str) -> PathBuf {
        let name = format!("{}.key", Slug::of(directory));
        self.dir.join("acme").join(name)
    }

    /// Where the CA of Docker's clients lives.
    pub fn docker_client_ca_dir(&self) -> PathBuf {
        self.dir.join("ca-docker-client")
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.root
            .read_optional(&self.dir.join(name))
            .map_err(|source| self.error(source))
    }

    /// Replaces a file of the state durably, mode 0600.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.dir.join(name);
        let parent = path.parent().unwrap_or(&self.dir);
        self.root
            .create_dir_all(parent, FileMode::new(0o700))
            .and_then(|()| {
                self.root
                    .replace(&path, bytes, &Attributes::mode(FileMode::PRIVATE))
            })
            .map_err(|source| self.error(source))
    }

    /// A record of the state, where there is one.
    fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let Some(bytes) = self.read(name)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| self.damaged(name, &error))
    }

    /// Replaces a record of the state.
    fn write_json<T: Serialize>(&self, name: &str, record: &T) -> Result<(), StoreError> {
        let text = serde_json::to_vec_pretty(record).map_err(|error| self.damaged(name, &error))?;
        self.write(name, &text)
    }

    /// What guests told the last run, where it is kept.
    pub fn kept_facts<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        self.read_json(FACTS)
    }

    /// Keeps what guests told, in place of what they told before.
    pub fn keep_facts<T: Serialize>(&self, facts: &T) -> Result<(), StoreError> {
        self.write_json(FACTS, facts)
    }

    /// Signatures of certificates that an earlier run found right.
    pub fn known_signatures(&self) -> Result<KnownSignatures, StoreError> {
        let bytes = self.read(SIGNATURES)?;
        Ok(KnownSignatures::from_bytes(&bytes.unwrap_or_default()))
    }

    /// Keeps those that this run found right, where they are others.
    pub fn keep_signatures(&self, known: &KnownSignatures) -> Result<(), StoreError> {
        if known.changed() {
            self.write(SIGNATURES, &known.to_bytes())?;
        }
        Ok(())
    }

    fn damaged(&self, name: &str, what: &dyn std::fmt::Display) -> StoreError {
        StoreError::Damaged {
            path: self.dir.join(name),
            what: what.to_string(),
        }
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.root
            .remove_file(&self.dir.join(name))
            .map(|_| ())
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: FileError) -> StoreError {
        StoreError::File {
            dir: self.dir.clone(),
            source,
        }
    }
}

/// What guests told the last run.
const FACTS: &str = "facts.json";
const SIGNATURES: &str = "signatures";
