//! The audit trail: one JSON line per change, appended; `audit.jsonl`, and `audit.jsonl.1` to `.8` for older ones.

use std::time::SystemTime;

use serde::Serialize;

use super::{Store, StoreError};
use crate::names::FileMode;
use crate::system::Rotation;
use crate::x509::Fingerprint;

/// One change: a line of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditLine {
    /// When.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub time: SystemTime,
    /// What was done: a step of a run, or a command.
    pub what: String,
    /// How it ended: `done`, `failed` or `undone`.
    pub status: &'static str,
    /// Why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
    /// The leaf or root that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Fingerprint>,
    /// The one that is there now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Fingerprint>,
    /// What else is to be known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl AuditLine {
    /// Something that was done now, without a reason yet.
    pub fn done(time: SystemTime, what: impl Into<String>) -> Self {
        Self {
            time,
            what: what.into(),
            status: "done",
            why: Vec::new(),
            old: None,
            new: None,
            detail: String::new(),
        }
    }

    /// For this reason, too.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why.push(why.into());
        self
    }

    /// In place of what, and what took its place.
    #[must_use]
    pub fn fingerprints(mut self, old: Option<Fingerprint>, new: Option<Fingerprint>) -> Self {
        (self.old, self.new) = (old, new);
        self
    }

    /// With these words.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }
}

impl Store {
    /// Appends a line, which is on the disk when this returns.
    pub fn audit(&self, line: &AuditLine) -> Result<(), StoreError> {
        self.append(line, true)
    }

    /// Appends a line of a run under way: it outlives the process, and the machine after [`Store::sync_audit`].
    pub fn audit_under_way(&self, line: &AuditLine) -> Result<(), StoreError> {
        self.append(line, false)
    }

    /// Makes the trail durable.
    pub fn sync_audit(&self) -> Result<(), StoreError> {
        self.root
            .sync_file(&self.dir.join(FILE))
            .map_err(|source| self.error(source))
    }

    fn append(&self, line: &AuditLine, sync: bool) -> Result<(), StoreError> {
        let text = serde_json::to_vec(line).map_err(|error| self.damaged(FILE, &error))?;
        let path = self.dir.join(FILE);
        self.root
            .create_dir_all(&self.dir, FileMode::new(0o700))
            .and_then(|()| self.root.append_line(&path, &text, ROTATION, sync))
            .map_err(|source| self.error(source))
    }
}

const FILE: &str = "audit.jsonl";

/// 4 MiB are some ten thousand lines; nine such files are all that there ever is.
const ROTATION: Rotation = Rotation {
    size: 4 << 20,
    count: 8,
};
