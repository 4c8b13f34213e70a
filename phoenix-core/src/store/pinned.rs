//! The pinned root: the first one seen is copied here with its fingerprint; a later difference stops the run.

use super::{Store, StoreError};
use crate::x509::{Anchor, Fingerprint};

/// The root that this site trusts.
#[derive(Debug, Clone)]
pub struct Pinned {
    /// The root.
    pub anchor: Anchor,
    /// Whether it was pinned just now.
    pub new: bool,
}

/// Why a root is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PinError {
    /// The root on offer is another than the pinned one.
    #[error("found a root with fingerprint {found}, expected the pinned {expected}")]
    Differs {
        /// On offer.
        found: Fingerprint,
        /// Pinned.
        expected: Fingerprint,
    },
    /// The state could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The pinned root, where there is one.
    pub fn pinned(&self) -> Result<Option<Anchor>, StoreError> {
        self.read(FILE)?
            .map(|pem| Anchor::from_pem(&pem).map_err(|fault| self.damaged(FILE, &fault)))
            .transpose()
    }

    /// Compares the root on offer with the pinned one.
    pub fn check_root(&self, offered: Anchor) -> Result<Pinned, PinError> {
        match self.pinned()? {
            Some(pinned) if pinned.fingerprint == offered.fingerprint => Ok(Pinned {
                anchor: pinned,
                new: false,
            }),
            Some(pinned) => Err(PinError::Differs {
                found: offered.fingerprint,
                expected: pinned.fingerprint,
            }),
            None => Ok(Pinned {
                anchor: offered,
                new: true,
            }),
        }
    }

    /// Pins a root, in place of any other: the first one seen, or the one that the operator names by its fingerprint.
    pub fn pin(&self, anchor: &Anchor) -> Result<(), StoreError> {
        self.write(FILE, &anchor.to_pem())
    }
}

const FILE: &str = "root.pem";
