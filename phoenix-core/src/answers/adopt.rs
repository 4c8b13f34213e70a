//! What `adopt` answers: a running host as it was found, what the first run would change, and what would undo it.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::Serialize;

use crate::names::{CommonName, GuestId};
use crate::plan::Plan;

/// A running host, looked at before the first run.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Adoption {
    /// The manifest's certificates as they lie there.
    pub certificates: Vec<FoundPair>,
    /// The daemons as they run.
    pub daemons: Vec<FoundDaemon>,
    /// What the first run would do, and why.
    pub plan: Plan,
    /// What would change the work of a run behind its back.
    pub in_the_way: Vec<String>,
    /// What an operator does first, in order.
    pub first: Vec<String>,
}

/// How a certificate lies on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FoundPair {
    /// The certificate.
    pub certificate: CommonName,
    /// Its path, as the manifest has it.
    pub path: PathBuf,
    /// What is there.
    pub found: FoundFiles,
    /// When it ends, where it can be read.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "crate::time::serde_rfc3339::option"
    )]
    pub not_after: Option<SystemTime>,
    /// What is wrong with what is there, in words.
    pub faults: Vec<String>,
    /// What the first run makes of the files.
    pub becomes: &'static str,
}

/// What is there of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FoundFiles {
    /// Nothing, or only a part.
    Missing,
    /// Plain files, as the old scripts write them.
    Plain,
    /// Links through a version directory, as a run leaves them.
    Versions,
    /// Something that is no certificate or key.
    Unreadable,
}

impl FoundFiles {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Plain => "plain files",
            Self::Versions => "versions",
            Self::Unreadable => "unreadable",
        }
    }
}

/// How a daemon runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FoundDaemon {
    /// `docker` or `traefik`.
    pub service: &'static str,
    /// Where.
    pub guest: GuestId,
    /// systemd's state of it; why it is not known where the guest does not answer.
    pub state: String,
    /// Its version, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How it can be reached: its configuration and its sockets, in words.
    pub seen: Vec<String>,
}

impl FoundPair {
    /// A pair of which only the place is known.
    pub fn new(certificate: CommonName, path: PathBuf) -> Self {
        Self {
            certificate,
            path,
            found: FoundFiles::Missing,
            not_after: None,
            faults: Vec::new(),
            becomes: "made by the first run",
        }
    }
}

impl FoundDaemon {
    /// A daemon of which only its state is known.
    pub fn new(service: &'static str, guest: GuestId, state: impl Into<String>) -> Self {
        Self {
            service,
            guest,
            state: state.into(),
            version: None,
            seen: Vec::new(),
        }
    }
}

impl Adoption {
    /// Puts together what was found.
    pub fn new(certificates: Vec<FoundPair>, daemons: Vec<FoundDaemon>, plan: Plan) -> Self {
        Self {
            certificates,
            daemons,
            plan,
            in_the_way: Vec::new(),
            first: Vec::new(),
        }
    }
}
