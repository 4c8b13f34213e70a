//! A change of the firewall that waits for its confirmation, written down before a byte of it is.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// A change that is taken back unless somebody confirms that he still gets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// When it was made.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub made: SystemTime,
    /// Until when it waits.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub until: SystemTime,
    /// How it ended; absent as long as it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<TrialEnd>,
    /// The files, and what they said before as long as it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<TrialFile>,
}

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TrialEnd {
    /// Somebody confirmed it: the files stay.
    Confirmed,
    /// Nobody did: the files were put back.
    Reverted,
}

/// One file of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it said before; absent where there was none, and when the trial has ended.
    pub before: Option<String>,
    /// The SHA-256 of what it was made to say.
    pub after: String,
}

impl Trial {
    /// Whether it must be taken back: its time is over, or the clock went back and says nothing of it any more.
    pub fn is_due(&self, now: SystemTime) -> bool {
        now >= self.until || now < self.made
    }
}

impl Store {
    /// The change that waits for its confirmation, where one does.
    pub fn trial(&self) -> Result<Option<Trial>, StoreError> {
        let last = self.last_trial()?;
        Ok(last.filter(|trial| trial.end.is_none()))
    }

    /// The last change that waited or waits.
    pub fn last_trial(&self) -> Result<Option<Trial>, StoreError> {
        self.read_json(FILE)
    }

    /// Writes a trial down, in place of the one before.
    pub fn keep_trial(&self, trial: &Trial) -> Result<(), StoreError> {
        self.write_json(FILE, trial)
    }

    /// Strikes a trial out; how it ended stays on record, and what was taken back, so that nobody brings it again
    /// unasked.
    pub fn end_trial(&self, trial: &Trial, end: TrialEnd) -> Result<(), StoreError> {
        let mut ended = trial.clone();
        ended.end = Some(end);
        for file in &mut ended.files {
            file.before = None;
        }
        self.keep_trial(&ended)
    }
}

const FILE: &str = "firewall-trial.json";
