//! What became of unit files: plain data.

use std::path::PathBuf;

use serde::Serialize;

use crate::change::FileChange;

/// Unit files as they would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct UnitFiles {
    /// Their texts by their names.
    pub files: Vec<(&'static str, String)>,
    /// What an operator should know of them.
    pub notes: Vec<String>,
}

/// What `systemd install` and `systemd remove` did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[non_exhaustive]
pub struct UnitReport {
    /// The unit files that changed.
    pub files: Vec<FileChange>,
    /// The cron file that was put aside, or that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cron: Option<MovedFile>,
    /// What systemd was told.
    pub commands: Vec<String>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Whether anything was written.
    pub written: bool,
}

/// A file that went elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MovedFile {
    /// Where it was.
    pub from: PathBuf,
    /// Where it is.
    pub to: PathBuf,
}

impl MovedFile {
    /// From here to there.
    pub fn new(from: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        Self {
            from: from.into(),
            to: to.into(),
        }
    }
}
