//! What stops a run before it has a report.

use std::path::PathBuf;

use crate::ca::EnrollError;
use crate::change::ChangeError;
use crate::diagnostic::Faults;
use crate::plan::OrderError;
use crate::store::{PinError, StoreError};
use crate::system::{FileError, LockError, TransactionError};
use crate::x509::Fingerprint;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The CA cannot be used at all: its root cannot be had or is not the pinned one.
    #[error("could not use the CA {authority}")]
    Ca {
        /// Which CA.
        authority: String,
        /// Why.
        source: EnrollError,
    },
    /// The site's files could not be changed; they are as they were.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The site's files have faults.
    #[error("the site cannot be read")]
    Faults(#[from] Faults),
    /// A file of the host could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Another run holds the site.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No root is to be found where the site keeps it.
    #[error("found no root certificate of the CA, expected one at {}", paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or "))]
    NoRoot {
        /// Where it was looked for.
        paths: Vec<PathBuf>,
    },
    /// The plan's steps wait for each other.
    #[error("the manifest's `after` cannot be followed")]
    Order(#[from] OrderError),
    /// What was asked for cannot be done with the site's files as they are; nothing was changed.
    #[error("nothing was changed")]
    Refused(#[source] Faults),
    /// The root is not the pinned one.
    #[error(
        "the CA's root changed; if that is right, say `phoenix ca trust --fingerprint {found}`"
    )]
    RootChanged {
        /// The root on offer.
        found: Fingerprint,
        /// The details.
        source: PinError,
    },
    /// A root file is no certificate.
    #[error("could not read the root certificate {}", path.display())]
    RootUnreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// The site's state could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Several files could not be changed as one.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// Something would undo a migration within the hour.
    #[error("{} would undo this: it runs the old renewal manager", path.display())]
    WouldBeUndone {
        /// The cron file.
        path: PathBuf,
    },
    /// The fingerprint that the operator names is not that of the root on offer.
    #[error("the root on offer has fingerprint {found}, you said {said}")]
    WrongFingerprint {
        /// The root on offer.
        found: Fingerprint,
        /// What the operator said.
        said: Fingerprint,
    },
}

impl Error {
    /// Exit status: 2 where input could not be read and nothing was attempted, else 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Faults(_) | Self::File(_) | Self::Refused(_) => 2,
            _ => 1,
        }
    }

    /// A stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Ca { .. } => "ca",
            Self::Change(ChangeError::ChangedMeanwhile { .. }) => "changed-meanwhile",
            Self::Change(_) => "change",
            Self::Faults(_) => "faults",
            Self::File(_) => "file",
            Self::Lock(_) => "lock",
            Self::NoRoot { .. } => "no-root",
            Self::Order(_) => "order",
            Self::Refused(_) => "refused",
            Self::RootChanged { .. } => "root-changed",
            Self::RootUnreadable { .. } => "root-unreadable",
            Self::Store(_) => "store",
            Self::Transaction(_) => "transaction",
            Self::WouldBeUndone { .. } => "would-be-undone",
            Self::WrongFingerprint { .. } => "wrong-fingerprint",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::WouldBeUndone { .. } => Some(
                "phoenix migrate docker-tls --disarm   (moves it aside, restorably)".to_owned(),
            ),
            Self::Change(ChangeError::ChangedMeanwhile { diff, .. }) => Some(format!(
                "look at what changed and say the command again\n{diff}"
            )),
            Self::NoRoot { .. } => {
                Some("name it in etc/phoenix.toml: [ca] root = \"/path/root.crt\"".to_owned())
            }
            _ => None,
        }
    }
}
