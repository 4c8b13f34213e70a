//! The audit trail: one JSON line per change, appended.

use std::time::SystemTime;

use serde::Serialize;

use super::{Store, StoreError};
use crate::time::rfc3339;

/// One line of the trail.
#[derive(Debug, Serialize)]
struct Line<'a> {
    time: String,
    step: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
}

impl Store {
    /// Appends one line: which step, how it ended, what it did.
    pub fn audit(
        &self,
        now: SystemTime,
        step: &str,
        status: &str,
        detail: &str,
    ) -> Result<(), StoreError> {
        self.audit_all(now, &[(step, status, detail)])
    }

    /// Appends a line for each of several steps, all of them at once.
    pub fn audit_all(
        &self,
        now: SystemTime,
        lines: &[(&str, &str, &str)],
    ) -> Result<(), StoreError> {
        let mut text = Vec::new();
        for (step, status, detail) in lines {
            let line = Line {
                time: rfc3339(now),
                step,
                status,
                detail,
            };
            serde_json::to_writer(&mut text, &line).map_err(|error| StoreError::Damaged {
                path: self.dir.join("audit.jsonl"),
                what: error.to_string(),
            })?;
            text.push(b'\n');
        }
        if text.is_empty() {
            return Ok(());
        }
        self.root
            .create_dir_all(&self.dir, crate::names::FileMode::new(0o700))
            .and_then(|()| self.root.append(&self.dir.join("audit.jsonl"), &text))
            .map_err(|source| self.error(source))
    }
}
