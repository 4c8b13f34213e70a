//! What changes of the firewall on trial answer.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::change::ChangeReport;
use crate::store::TrialEnd;
use crate::system::Recovered;

/// A change of Proxmox's files that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrialReport {
    /// The files.
    #[serde(flatten)]
    pub change: ChangeReport,
    /// Until when it waits; absent where nothing was written.
    #[serde(with = "crate::time::serde_rfc3339::option")]
    pub until: Option<SystemTime>,
    /// Whether the rules are in force, in words.
    pub in_force: Option<String>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How it ended, once it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<TrialEnd>,
}

/// A change of the firewall that was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// The files that say again what they said before.
    pub files: Vec<PathBuf>,
    /// Those that somebody else has changed since; they were left alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign: Vec<PathBuf>,
    /// What is worth knowing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// What `recover` found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recovery {
    /// Changes that had not ended.
    #[serde(flatten)]
    pub recovered: Recovered,
    /// A change of the firewall that nobody confirmed in time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub firewall: Option<TakenBack>,
    /// Until when a change of the firewall still waits.
    #[serde(
        with = "crate::time::serde_rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub waits_until: Option<SystemTime>,
}
