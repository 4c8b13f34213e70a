//! What a migration did, as data.

use std::path::PathBuf;

use serde::Serialize;

use crate::change::FileChange;

/// What a migration did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrateReport {
    /// The files that changed; empty when the site was there already.
    pub files: Vec<FileChange>,
    /// Cron files that were moved aside, or would be.
    pub disarmed: Vec<DisarmedFile>,
    /// Whether anything was written.
    pub written: bool,
    /// What still opens the plain port or would bring it back when somebody runs it.
    pub notes: Vec<String>,
}

/// A cron file moved aside: cron reads no file whose name holds a dot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DisarmedFile {
    /// Where it was.
    pub from: PathBuf,
    /// Where it lies; move it back to restore it.
    pub to: PathBuf,
}
