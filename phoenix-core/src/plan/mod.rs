//! What a run would do and why: a graph of steps, decided without touching anything.
//!
//! One pure planner per subject emits steps; [`order`] proves that they can be done and sorts them; the executor knows no
//! subject and only runs the graph. A plan holds no secret.

mod action;
mod back;
mod basis;
mod certificates;
mod order;
mod renewal;
mod services;
mod trust;

use std::time::SystemTime;

use serde::Serialize;

pub use action::{Action, Endpoint, IssueHow, Reason, ServiceChange, Subject, Undo};
pub use back::{holds_until, wanted_text};
pub use basis::{Asked, Basis, Given, GivenError};
pub(crate) use certificates::endpoint;
pub use certificates::{Keep, Policy};
pub use order::{OrderError, order};
pub use renewal::{Decision, Found, Opening, Wanted, decide, due, opening};
pub use services::{DockerWanted, Scope, docker_wanted};

use crate::inventory::Inventory;
use crate::model::Model;
use crate::names::CommonName;
use crate::store::PendingItem;

/// Decides what a run would do. Pure: wanted, found, policy and time are arguments.
///
/// # Errors
///
/// When steps wait for each other, as a circle in the manifest's `after` makes them.
pub fn plan(
    model: &Model,
    inventory: &Inventory,
    authority: &str,
    scope: Scope,
    policy: &Policy,
    now: SystemTime,
) -> Result<Plan, OrderError> {
    let certificates = if scope.certificates() {
        certificates::plan(model, inventory, policy, now)
    } else {
        certificates::CertificatePlan::default()
    };
    let services::ServicePlan {
        steps,
        mut blocked,
        mut notes,
        certificates,
    } = services::plan(model, inventory, certificates, scope, policy, now);
    // Who is to believe the new leaves believes their root first.
    let (mut all, without_root) = match scope {
        Scope::All if policy.only.is_empty() => trust::plan(model, inventory),
        Scope::Trust => trust::plan(model, inventory),
        _ => Default::default(),
    };
    notes.extend(without_root);
    all.extend(certificates.steps);
    all.extend(steps);
    let mut all_blocked = certificates.blocked;
    all_blocked.append(&mut blocked);
    Ok(Plan {
        decided: now,
        authority: authority.to_owned(),
        asked: Asked {
            scope,
            force: policy.force,
            only: policy.only.clone(),
        },
        basis: Basis {
            files: model.digests(),
            roots: inventory
                .anchors
                .iter()
                .map(|anchor| anchor.fingerprint)
                .collect(),
        },
        steps: order(all)?,
        kept: certificates.kept,
        blocked: all_blocked,
        notes,
    })
}

/// A pending item as a step's reason.
fn pending_reason(item: &PendingItem) -> Reason {
    Reason::Pending {
        since: item.since,
        tries: item.tries,
        last_error: item.last_error.clone(),
    }
}

/// Names a step within its plan, in a form that people read: `issue docker-daemon.internal`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Its name within the plan.
    pub id: StepId,
    /// What is done.
    pub action: Action,
    /// Why, with the values that led to it.
    pub reasons: Vec<Reason>,
    /// Steps that must have succeeded before.
    pub needs: Vec<StepId>,
    /// Steps that must have ended before, whether well or not (a hook follows all deployments that share it).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<StepId>,
    /// Steps with the same unit stand or fall together: when one fails, those of them that were done are undone in reverse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Units that are taken back, too, when this fails: what it looks at is their work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<String>,
    /// Units after whose taking back this is done once more, if it was done: it made a consumer take their work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<String>,
    /// What is done instead when the action is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Action>,
    /// How the action is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

impl Step {
    /// A step without prerequisites.
    pub fn new(action: Action, reasons: Vec<Reason>) -> Self {
        Self {
            id: action.id(),
            fallback: action.fallback(),
            undo: action.undo(),
            action,
            reasons,
            needs: Vec::new(),
            after: Vec::new(),
            unit: None,
            judges: Vec::new(),
            repeats: Vec::new(),
        }
    }

    /// Needs these steps to have succeeded.
    #[must_use]
    pub fn needs(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        for step in steps {
            if !self.needs.contains(&step) {
                self.needs.push(step);
            }
        }
        self
    }

    /// Comes after these steps.
    #[must_use]
    pub fn after(mut self, steps: impl IntoIterator<Item = StepId>) -> Self {
        for step in steps {
            if !self.after.contains(&step) && !self.needs.contains(&step) {
                self.after.push(step);
            }
        }
        self
    }

    /// Takes these units back when it fails.
    #[must_use]
    pub fn judges(mut self, units: impl IntoIterator<Item = String>) -> Self {
        for unit in units {
            if !self.judges.contains(&unit) {
                self.judges.push(unit);
            }
        }
        self
    }

    /// Is done once more after one of these units was taken back.
    #[must_use]
    pub fn repeats(mut self, units: impl IntoIterator<Item = String>) -> Self {
        for unit in units {
            if !self.repeats.contains(&unit) {
                self.repeats.push(unit);
            }
        }
        self
    }

    /// Belongs to this unit.
    #[must_use]
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }
}

/// Everything a run would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// When it was decided.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub decided: SystemTime,
    /// Which CA would be asked, in words.
    pub authority: String,
    /// What it was asked for.
    pub asked: Asked,
    /// What it was decided from.
    pub basis: Basis,
    /// The steps, in an order in which they can be done.
    pub steps: Vec<Step>,
    /// Certificates that need nothing, and until when.
    pub kept: Vec<Keep>,
    /// What cannot be decided or done now, and why: a stopped guest, an unreadable file. Each makes the run unfinished.
    pub blocked: Vec<Blocked>,
    /// What is left out on purpose, in words: a stage that the site does not ask for.
    pub notes: Vec<String>,
}

/// Something that a plan cannot do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Blocked {
    /// The certificate or guest that is concerned.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// The certificate, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CommonName>,
}

impl Plan {
    /// A plan without a step.
    pub fn empty(decided: SystemTime, authority: impl Into<String>) -> Self {
        Self {
            decided,
            authority: authority.into(),
            asked: Asked::default(),
            basis: Basis::default(),
            steps: Vec::new(),
            kept: Vec::new(),
            blocked: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether there is something to do, apart from looking (verification).
    pub fn has_work(&self) -> bool {
        self.steps.iter().any(|step| step.action.changes()) || !self.blocked.is_empty()
    }
}
