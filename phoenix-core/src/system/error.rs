//! What can go wrong with one path.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::facts::FileKind;

/// An act on a path that failed.
///
/// `act` is a verb that fits behind "could not".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The permissions, or a flag such as "immutable", forbid it.
    #[error("could not {act} `{}`", path.display())]
    Denied {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file system or the quota is full.
    #[error("could not {act} `{}`", path.display())]
    Full {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else that the system said.
    #[error("could not {act} `{}`", path.display())]
    Io {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path leads through a link, and links are not followed there.
    #[error("could not {act} `{}`: it is, or lies behind, a link, and none is followed where others may plant one", path.display())]
    Link {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
    },
    /// A directory was expected.
    #[error("could not {act} `{}`: expected a directory there", path.display())]
    NotADirectory {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
    },
    /// A regular file was expected.
    #[error("could not {act} `{}`: found {found}, expected a file", path.display())]
    NotAFile {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
        /// What stands there.
        found: FileKind,
    },
    /// Nothing is there.
    #[error("could not {act} `{}`: there is no such file or directory", path.display())]
    NotFound {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
    },
    /// The file system is mounted read-only.
    #[error("could not {act} `{}`", path.display())]
    ReadOnly {
        /// What was attempted.
        act: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is larger than anything expected there.
    #[error("could not read `{}`: it has more than {limit} bytes", path.display())]
    TooLarge {
        /// Which path.
        path: PathBuf,
        /// How many bytes would have been read.
        limit: u64,
    },
}

impl FileError {
    /// The path in question.
    pub fn path(&self) -> &Path {
        match self {
            Self::Denied { path, .. }
            | Self::Full { path, .. }
            | Self::Io { path, .. }
            | Self::Link { path, .. }
            | Self::NotADirectory { path, .. }
            | Self::NotAFile { path, .. }
            | Self::NotFound { path, .. }
            | Self::ReadOnly { path, .. }
            | Self::TooLarge { path, .. } => path,
        }
    }

    /// Whether it only says that nothing is there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    pub(crate) fn of(act: &'static str, path: &Path, error: impl Into<io::Error>) -> Self {
        let source = error.into();
        let path = path.to_path_buf();
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOENT) => Self::NotFound { act, path },
            Some(Errno::NOTDIR) => Self::NotADirectory { act, path },
            Some(Errno::LOOP | Errno::XDEV) => Self::Link { act, path },
            Some(Errno::ACCESS | Errno::PERM) => Self::Denied { act, path, source },
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full { act, path, source },
            Some(Errno::ROFS) => Self::ReadOnly { act, path, source },
            _ => Self::Io { act, path, source },
        }
    }

    pub(crate) fn invalid(act: &'static str, path: &Path, why: &'static str) -> Self {
        Self::Io {
            act,
            path: path.to_path_buf(),
            source: io::Error::new(io::ErrorKind::InvalidInput, why),
        }
    }
}
