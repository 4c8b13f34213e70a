//! Plans Docker, Traefik, hooks and verification around the deployments.
//!
//! Nothing is touched before everything is ready: both checks come before the first file of the link changes. Docker moves
//! first, is verified, and only then Traefik follows, since dockerd's TLS is daemon-wide and there is no parallel port.

mod docker;
mod firewall;
mod hooks;
mod judges;
mod traefik;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use super::certificates::CertificatePlan;
use super::{Action, Blocked, Policy, Reason, Step, StepId, pending_reason};
use crate::inventory::Inventory;
use crate::model::Model;
use crate::names::{CommonName, GuestId};
use crate::store::PendingKind;

pub use docker::{DockerWanted, docker_wanted};

/// Which parts of the site a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// Certificates, their places and their hooks.
    Certs,
    /// Docker with its certificate.
    Docker,
    /// Proxmox's firewall files.
    Firewall,
    /// Traefik with its certificate.
    Traefik,
    /// Trust stores.
    Trust,
}

impl Scope {
    /// Whether certificates are issued and delivered.
    pub(super) fn certificates(self) -> bool {
        !matches!(self, Self::Firewall | Self::Trust)
    }

    fn firewall(self) -> bool {
        matches!(self, Self::All | Self::Firewall)
    }

    fn docker(self) -> bool {
        matches!(self, Self::All | Self::Docker)
    }

    fn traefik(self) -> bool {
        matches!(self, Self::All | Self::Traefik)
    }
}

struct Planner<'a> {
    model: &'a Model,
    inventory: &'a Inventory,
    policy: &'a Policy,
    scope: Scope,
    now: SystemTime,
    certificates: CertificatePlan,
    steps: Vec<Step>,
    blocked: Vec<Blocked>,
    notes: Vec<String>,
    /// Checks that must succeed before a file of the link changes.
    checks: Vec<StepId>,
    /// The step after which a guest's service stands.
    configured: BTreeMap<GuestId, StepId>,
    /// What verification of Docker is called, for Traefik to wait for.
    docker_verified: Vec<StepId>,
    /// Certificates of the link, with the unit that they belong to.
    linked: BTreeMap<CommonName, String>,
    /// Why the link cannot be moved as a whole now.
    held: bool,
    /// Whether Docker has still to move: then nothing of the link is touched while it is held.
    moving: bool,
    /// Restarts that a stage takes care of.
    satisfied: BTreeSet<(GuestId, String)>,
}

/// What the planner of services adds.
pub(super) struct ServicePlan {
    pub(super) steps: Vec<Step>,
    pub(super) blocked: Vec<Blocked>,
    pub(super) notes: Vec<String>,
    pub(super) certificates: CertificatePlan,
}

/// Plans the services around the certificates' steps.
pub(super) fn plan(
    model: &Model,
    inventory: &Inventory,
    certificates: CertificatePlan,
    scope: Scope,
    policy: &Policy,
    now: SystemTime,
) -> ServicePlan {
    let mut planner = Planner {
        model,
        inventory,
        policy,
        scope,
        now,
        certificates,
        steps: Vec::new(),
        blocked: Vec::new(),
        notes: Vec::new(),
        checks: Vec::new(),
        configured: BTreeMap::new(),
        docker_verified: Vec::new(),
        linked: BTreeMap::new(),
        held: false,
        moving: false,
        satisfied: BTreeSet::new(),
    };
    if scope.docker() {
        planner.docker();
    }
    if scope.traefik() {
        planner.traefik();
    }
    let firewall = planner.look_at_firewall(scope);
    planner.tie_deployments();
    if planner.held && planner.moving {
        planner.leave_link_alone();
    }
    if let Some(work) = firewall {
        planner.firewall(&work, scope);
    }
    if scope.certificates() {
        planner.hooks();
        planner.endpoints();
    }
    if scope.docker() {
        planner.portainer();
    }
    planner.judges();
    ServicePlan {
        steps: planner.steps,
        blocked: planner.blocked,
        notes: planner.notes,
        certificates: planner.certificates,
    }
}

impl Planner<'_> {
    /// Ties the link's deployments to the checks and to their units; nothing of the link moves before all checks passed.
    fn tie_deployments(&mut self) {
        let deployments: BTreeMap<StepId, CommonName> = self
            .certificates
            .deployments
            .iter()
            .flat_map(|(name, steps)| steps.iter().map(|step| (step.clone(), name.clone())))
            .collect();
        let issued: Vec<StepId> = self
            .linked
            .keys()
            .filter_map(|name| self.issue_of(name))
            .collect();
        for step in &mut self.certificates.steps {
            let Some(unit) = deployments
                .get(&step.id)
                .and_then(|name| self.linked.get(name))
            else {
                continue;
            };
            *step = step
                .clone()
                .needs(self.checks.iter().cloned())
                .needs(issued.iter().cloned())
                .unit(unit.clone());
        }
        for (name, unit) in &mut self.certificates.returnable {
            if let Some(linked) = self.linked.get(name) {
                unit.clone_from(linked);
            }
        }
    }

    /// Takes the link's steps out of the plan: one of its ends cannot follow now, and Docker would move alone.
    fn leave_link_alone(&mut self) {
        let linked: Vec<CommonName> = self.linked.keys().cloned().collect();
        for name in &linked {
            for step in self
                .certificates
                .deployments
                .remove(name)
                .unwrap_or_default()
            {
                self.certificates.steps.retain(|planned| planned.id != step);
            }
            self.certificates.returnable.remove(name);
            self.certificates.fresh.remove(name);
            self.certificates
                .delivered
                .retain(|(delivered, _), _| delivered != name);
        }
        self.steps.clear();
        self.configured.clear();
        self.notes
            .push("Docker and Traefik are left as they are until both can follow".to_owned());
    }

    fn issue_of(&self, name: &CommonName) -> Option<StepId> {
        let issue = self.certificates.steps.iter().find(
            |step| matches!(&step.action, Action::Issue { certificate, .. } if certificate == name),
        );
        issue.map(|step| step.id.clone())
    }

    /// What an earlier run could not restart, as a reason; blocks the guest while its pause lasts.
    ///
    /// Returns whether the guest is blocked.
    fn failed_before(&mut self, service: &str, guest: GuestId, reasons: &mut Vec<Reason>) -> bool {
        let kind = PendingKind::Restart {
            service: service.to_owned(),
            guest,
        };
        let Some(item) = self.inventory.pending.iter().find(|item| item.kind == kind) else {
            return false;
        };
        if let Some(words) = self.policy.pauses(item, self.now) {
            self.hold(guest, format!("the restart of {service} {words}"));
            return true;
        }
        reasons.push(pending_reason(item));
        false
    }

    /// Blocks a guest that is an end of the link.
    fn hold(&mut self, guest: GuestId, reason: String) {
        self.held = true;
        let subject = guest.to_string();
        if !self
            .blocked
            .iter()
            .any(|blocked| blocked.subject == subject && blocked.reason == reason)
        {
            self.blocked.push(Blocked {
                subject,
                reason,
                certificate: None,
            });
        }
    }
}
