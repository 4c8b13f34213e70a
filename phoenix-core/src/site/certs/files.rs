//! The files that a single command reads and writes.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::site::Site;
use crate::system::{Attributes, FileError, FileKind};
use crate::x509::{Chain, Csr, PrivateKey};

/// A certificate's file and its key's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFiles {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Site {
    pub(super) fn read_chain(&self, path: &Path) -> Result<Chain, Error> {
        let bytes = self.root.read_limited(path, LIMIT)?;
        Chain::from_pem(&bytes).map_err(|fault| bad("certificate", path, &fault))
    }

    pub(in crate::site) fn read_key(&self, path: &Path) -> Result<PrivateKey, Error> {
        let bytes = Secret::new(self.root.read_limited(path, LIMIT)?);
        PrivateKey::from_pem(&bytes).map_err(|fault| bad("private key", path, &fault))
    }

    pub(super) fn read_request(&self, path: &Path) -> Result<Csr, Error> {
        let bytes = self.root.read_limited(path, LIMIT)?;
        Csr::from_pem(&bytes).map_err(|fault| bad("certificate request", path, &fault))
    }

    /// Makes sure, before anybody is asked for anything, that the file can be written and may be.
    pub(in crate::site) fn may_write(&self, path: &Path, force: bool) -> Result<(), Error> {
        match self.root.stat(path)? {
            Some(facts) if matches!(facts.kind, FileKind::File | FileKind::Link) => {
                if force {
                    Ok(())
                } else {
                    Err(Error::Exists {
                        path: path.to_owned(),
                    })
                }
            }
            Some(facts) => Err(Error::File(FileError::NotAFile {
                act: "write",
                path: path.to_owned(),
                found: facts.kind,
            })),
            None => {
                let parent = path.parent().unwrap_or(Path::new("/"));
                match self.root.stat(parent)? {
                    Some(_) => Ok(()),
                    None => Err(Error::File(FileError::NotFound {
                        act: "write into",
                        path: parent.to_owned(),
                    })),
                }
            }
        }
    }

    /// A file that everybody may read; one that is there keeps its mode and owner.
    pub(in crate::site) fn write_public(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mode = match self.root.stat(path)? {
            Some(_) => None,
            None => Some(FileMode::PUBLIC),
        };
        let attributes = Attributes { mode, owner: None };
        Ok(self.root.replace(path, bytes, &attributes)?)
    }

    /// A file that its owner alone may read, from its first byte on.
    pub(super) fn write_private(&self, path: &Path, bytes: &Secret) -> Result<(), Error> {
        let attributes = Attributes::mode(FileMode::PRIVATE);
        Ok(self
            .root
            .replace(path, bytes.expose_secret(), &attributes)?)
    }

    /// Key and chain. When the chain cannot be written, the key is again what it was.
    ///
    /// Each file is replaced as a whole; the two are not swapped at one moment, which is what a manifest entry's
    /// version directory is for.
    pub(super) fn write_pair(
        &self,
        files: &PairFiles,
        chain: &Chain,
        key: &PrivateKey,
    ) -> Result<(), Error> {
        let before = self.root.read_optional(&files.key)?.map(Secret::new);
        self.write_private(&files.key, &key.to_pem())?;
        self.write_public(&files.cert, &chain.to_pem())
            .inspect_err(|_| {
                // The failure above is the one to tell; the old key is the one that fits the old certificate.
                let _ = match &before {
                    Some(before) => self.write_private(&files.key, before),
                    None => self
                        .root
                        .remove_file(&files.key)
                        .map(drop)
                        .map_err(Error::from),
                };
            })
    }
}

fn bad(what: &'static str, path: &Path, fault: &dyn std::error::Error) -> Error {
    Error::BadFile {
        what,
        path: path.to_owned(),
        detail: fault.to_string(),
    }
}

/// No certificate, key or request is larger.
const LIMIT: u64 = 1 << 20;
