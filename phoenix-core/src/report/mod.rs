//! What a run did: one outcome per step, and the exit status that follows from them.

mod status;

use serde::Serialize;

use crate::names::CommonName;
use crate::plan::{Keep, Step, StepId};
use crate::x509::Fingerprint;

pub use status::{CertificateState, CertificateStatus, Pending, PlaceStatus, SiteStatus, status};

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Status {
    /// It did what it was to do.
    Done,
    /// It failed.
    Failed,
    /// It was not tried, since a step that it needs failed or the run was stopped.
    Skipped,
    /// It was done and taken back, since a step of its unit failed.
    Undone,
    /// It was shown and not run (`--dry-run`, `--root`).
    WouldRun,
}

/// One step's outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The step's name.
    pub step: StepId,
    /// How it ended.
    pub status: Status,
    /// Whether the step is one that changes anything, or only looks.
    pub changes: bool,
    /// What it saw or did, in words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Why it failed: the message first, then its causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is worth knowing although the step did its work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The certificate that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CommonName>,
    /// The leaf that took another's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<LeafChange>,
    /// What the probes of a verification saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<crate::probe::Probe>,
}

/// A leaf that took another's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LeafChange {
    /// The one before, where there was one.
    pub old: Option<Fingerprint>,
    /// The one now.
    pub new: Fingerprint,
}

impl LeafChange {
    /// The same taken back; `None` where nothing was there before.
    pub(crate) fn reversed(self) -> Option<Self> {
        Some(Self {
            old: Some(self.new),
            new: self.old?,
        })
    }
}

impl Outcome {
    /// An outcome of a step, without words yet.
    pub fn new(step: &Step, status: Status) -> Self {
        Self {
            step: step.id.clone(),
            status,
            changes: step.action.changes(),
            detail: String::new(),
            errors: Vec::new(),
            hint: None,
            warnings: Vec::new(),
            certificate: step.action.certificate().cloned(),
            leaf: None,
            probes: Vec::new(),
        }
    }
}

/// What a whole run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Which CA was asked, in words.
    pub authority: String,
    /// Outcomes, in the order in which the steps were run.
    pub outcomes: Vec<Outcome>,
    /// Certificates that needed nothing.
    pub kept: Vec<Keep>,
    /// What could not be done now: a stopped guest, an unreadable file.
    pub blocked: Vec<crate::plan::Blocked>,
    /// What was found and done about an earlier run's remains.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<String>,
    /// What was left out on purpose.
    pub notes: Vec<String>,
    /// Whether Docker has moved and the rest has not: the new state is kept, and the run is to be repeated.
    pub unfinished: Option<String>,
}

impl Report {
    /// Whether everything holds that was asked for.
    pub fn ok(&self) -> bool {
        self.blocked.is_empty()
            && self.unfinished.is_none()
            && self
                .outcomes
                .iter()
                .all(|outcome| matches!(outcome.status, Status::Done | Status::WouldRun))
    }

    /// Exit status: 0 when everything holds, else 1.
    pub fn exit_status(&self) -> u8 {
        u8::from(!self.ok())
    }

    /// How many steps changed something.
    pub fn changes_done(&self) -> usize {
        self.with_status(Status::Done)
            .filter(|outcome| outcome.changes)
            .count()
    }

    /// Outcomes of this status.
    pub fn with_status(&self, status: Status) -> impl Iterator<Item = &Outcome> {
        self.outcomes
            .iter()
            .filter(move |outcome| outcome.status == status)
    }
}
