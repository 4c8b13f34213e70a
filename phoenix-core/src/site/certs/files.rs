//! The files that a single command reads and writes.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::names::FileMode;
use crate::secret::Secret;
use crate::site::Site;
use crate::site::change::LOCK_TIMEOUT;
use crate::system::{
    Attributes, Change, Expect, FileError, FileKind, Recovered, SiteLock, Transaction, pending,
    recover,
};
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

    /// Key and chain as one change: both are written or none, also when the process dies in between. What it left is
    /// settled by [`Site::settle_written_pairs`].
    pub(in crate::site) fn write_pair(
        &self,
        files: &PairFiles,
        chain: &Chain,
        key: &PrivateKey,
    ) -> Result<(), Error> {
        let public = match self.root.stat(&files.cert)? {
            Some(_) => None,
            None => Some(FileMode::PUBLIC),
        };
        let _lock = self.lock_pairs()?;
        let mut transaction = Transaction::new(&self.root, &self.store().pair_journal_dir());
        transaction.add(Change::Replace {
            path: files.key.clone(),
            content: key.to_pem().into(),
            attributes: Attributes::mode(FileMode::PRIVATE),
            expect: Expect::Anything,
        });
        transaction.add(Change::Replace {
            path: files.cert.clone(),
            content: Secret::new(chain.to_pem()).into(),
            attributes: Attributes {
                mode: public,
                owner: None,
            },
            expect: Expect::Anything,
        });
        transaction.prepare()?.commit()?.finish()?;
        Ok(())
    }

    /// Settles what single commands left that did not end, and makes sure that a pair can be written as a whole: to be
    /// called before the CA is asked.
    pub(in crate::site) fn settle_written_pairs(&self) -> Result<Recovered, Error> {
        let _lock = self.lock_pairs()?;
        let dir = self.store().pair_journal_dir();
        self.root.create_dir_all(&dir, FileMode::new(0o700))?;
        Ok(recover(&self.root, &dir)?)
    }

    /// The same where there is something to settle, and nothing otherwise: for what writes no pair.
    pub(in crate::site) fn settle_left_pairs(&self) -> Result<(), Error> {
        if !pending(&self.root, &self.store().pair_journal_dir())?.is_empty() {
            self.settle_written_pairs()?;
        }
        Ok(())
    }

    /// Single commands need no site, so that their lock lies in the state.
    fn lock_pairs(&self) -> Result<SiteLock, Error> {
        let path = self.store().dir().join("pairs.lock");
        Ok(SiteLock::acquire(
            &self.root,
            &path,
            LOCK_TIMEOUT,
            self.seams.clock.as_ref(),
        )?)
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

#[cfg(test)]
mod crash_tests {
    //! A pair written by hand, killed at each system call that writes.

    use super::*;
    use crate::site::{Seams, SitePaths};
    use crate::system::crash::{assert_tidy, killed_everywhere, task};
    use crate::x509::testing::{Authority, Leafing};

    fn site(dir: &Path) -> Site {
        let paths = SitePaths {
            root: Some(dir.to_owned()),
            ..SitePaths::default()
        };
        Site::open(paths, Seams::copy(dir)).unwrap()
    }

    fn files() -> PairFiles {
        PairFiles {
            cert: "/tls/a.crt".into(),
            key: "/private/a.key".into(),
        }
    }

    fn write(site: &Site) {
        let leafing = Leafing::default();
        let chain = Authority::new().chain(&leafing);
        site.settle_written_pairs().unwrap();
        site.write_pair(&files(), &chain, &leafing.key).unwrap();
    }

    fn arrange(dir: &Path) {
        std::fs::create_dir(dir.join("tls")).unwrap();
        std::fs::create_dir(dir.join("private")).unwrap();
        write(&site(dir));
    }

    #[test]
    fn crash_child() {
        if let Some((_, dir)) = task() {
            write(&site(&dir));
        }
    }

    #[test]
    fn a_pair_killed_anywhere_is_one_pair_and_never_two_halves() {
        use std::os::unix::fs::PermissionsExt as _;

        let pair = |dir: &Path| {
            let site = site(dir);
            let chain = site.read_chain(&files().cert).unwrap();
            let key = site.read_key(&files().key).unwrap();
            (
                chain.leaf().public_key == key.public_key(),
                chain.leaf().fingerprint,
            )
        };
        let first = std::cell::Cell::new(None);
        killed_everywhere(
            "site::certs::files::crash_tests::crash_child",
            "pair",
            |dir| {
                arrange(dir);
                first.set(Some(pair(dir).1));
            },
            |dir, place| {
                site(dir).settle_written_pairs().unwrap();
                let (fits, found) = pair(dir);
                assert!(fits, "{place}: the key is not the certificate's");
                assert_tidy(dir, place);
                let key = std::fs::metadata(dir.join("private/a.key")).unwrap();
                assert_eq!(key.permissions().mode() & 0o7777, 0o600, "{place}");
                first.get() != Some(found)
            },
        );
    }
}
