//! What the last run came to, for whoever was not there.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// The record of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it began.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub started: SystemTime,
    /// When it ended.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub ended: SystemTime,
    /// Its exit status: 0 when everything holds.
    pub exit_status: u8,
    /// Steps that changed something.
    pub done: usize,
    /// What failed, by the name of its step.
    pub failed: Vec<String>,
    /// Why it has no report, where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Store {
    /// The record of the last run, where there was one.
    pub fn last_run(&self) -> Result<Option<LastRun>, StoreError> {
        self.read_json(FILE)
    }

    /// Keeps the record of a run, in place of the one before.
    pub fn keep_last_run(&self, run: &LastRun) -> Result<(), StoreError> {
        self.write_json(FILE, run)
    }
}

const FILE: &str = "last-run.json";
