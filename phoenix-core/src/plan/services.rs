//! Plans Docker, Traefik, hooks and verification around the deployments.
//!
//! Nothing is touched before everything is ready: both checks come before the first file of the link changes. Docker moves
//! first, is verified, and only then Traefik follows, since dockerd's TLS is daemon-wide and there is no parallel port.

use std::collections::{BTreeMap, BTreeSet};

use super::certificates::CertificatePlan;
use super::{Action, Blocked, Reason, ServiceChange, Step, StepId, Subject};
use crate::docker::daemon_json::{DaemonTls, merge};
use crate::docker::unit;
use crate::inventory::{DockerFacts, Inventory, TraefikFacts};
use crate::manifest::{Entry, HookCommand, Target};
use crate::model::Model;
use crate::names::{CommonName, GuestId};
use crate::store::{PendingItem, PendingKind};
use crate::traefik::StaticFile;
use crate::transport::GuestCommand;

/// Which parts of the site a run is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Scope {
    /// Everything.
    #[default]
    All,
    /// Certificates, their places and their hooks.
    Certs,
    /// Docker with its certificate.
    Docker,
    /// Traefik with its certificate.
    Traefik,
}

impl Scope {
    fn docker(self) -> bool {
        matches!(self, Self::All | Self::Docker)
    }

    fn traefik(self) -> bool {
        matches!(self, Self::All | Self::Traefik)
    }
}

/// What dockerd's configuration of a guest should be.
#[derive(Debug, Clone)]
pub struct DockerWanted {
    /// `daemon.json`.
    pub daemon_json: String,
    /// The drop-in: its path and text, where one is needed.
    pub drop_in: Option<(std::path::PathBuf, String)>,
    /// What is replaced in `daemon.json`, and why.
    pub notes: Vec<String>,
}

/// Computes what dockerd's configuration should be from what it is.
///
/// # Errors
///
/// In words, when the configuration cannot be merged.
pub fn docker_wanted(
    model: &Model,
    target: &Target,
    facts: &DockerFacts,
) -> Result<DockerWanted, String> {
    let wanted = DaemonTls {
        ca: path_text(
            target
                .ca
                .as_deref()
                .unwrap_or(&model.settings.docker.tls_dir.join("ca.pem")),
        ),
        cert: path_text(&target.cert),
        key: path_text(&target.key),
        hosts: vec![
            "unix:///var/run/docker.sock".to_owned(),
            format!("tcp://0.0.0.0:{}", model.settings.docker.port),
        ],
        swarm_active: facts.swarm_active,
    };
    let current = facts
        .daemon_json
        .as_deref()
        .map(std::str::from_utf8)
        .transpose()
        .map_err(|_| "daemon.json is no UTF-8 text".to_owned())?;
    let merged = merge(current, &wanted).map_err(|fault| fault.to_string())?;
    let unit = unit::plan(&facts.unit).map_err(|fault| fault.to_string())?;
    let dir = std::path::Path::new(DROP_IN_DIR);
    Ok(DockerWanted {
        daemon_json: merged.text,
        drop_in: unit
            .drop_in
            .map(|drop_in| (dir.join(drop_in.name), drop_in.text)),
        notes: merged.notes,
    })
}

/// Where drop-ins of dockerd's unit lie.
const DROP_IN_DIR: &str = "/etc/systemd/system/docker.service.d";

/// A pending item as a step's reason.
fn pending_reason(item: &PendingItem) -> Reason {
    Reason::Pending {
        since: item.since,
        tries: item.tries,
        last_error: item.last_error.clone(),
    }
}

fn path_text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

struct Planner<'a> {
    model: &'a Model,
    inventory: &'a Inventory,
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
) -> ServicePlan {
    let mut planner = Planner {
        model,
        inventory,
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
    planner.tie_deployments();
    if planner.held && planner.moving {
        planner.leave_link_alone();
    }
    planner.hooks();
    if scope.docker() {
        planner.portainer();
    }
    ServicePlan {
        steps: planner.steps,
        blocked: planner.blocked,
        notes: planner.notes,
        certificates: planner.certificates,
    }
}

impl Planner<'_> {
    fn docker(&mut self) {
        let managers: Vec<GuestId> = self.model.docker_managers().map(|guest| guest.id).collect();
        for guest in managers {
            let Some((entry, target)) = self.model.docker_entry(guest) else {
                self.notes.push(format!(
                    "docker {guest}: no manifest entry delivers a server certificate into {} there; `phoenix migrate docker-tls` adds it",
                    self.model.settings.docker.tls_dir.display()
                ));
                continue;
            };
            let (entry, target) = (entry.clone(), target.clone());
            self.satisfied.insert((guest, "docker".to_owned()));
            self.linked
                .insert(entry.common_name.clone(), format!("docker {guest}"));
            match self.docker_facts(guest) {
                Ok(facts) => self.docker_guest(guest, &entry, &target, &facts),
                Err(why) => {
                    self.moving = true;
                    self.hold(guest, why);
                }
            }
        }
    }

    fn docker_facts(&self, guest: GuestId) -> Result<DockerFacts, String> {
        let facts = self
            .inventory
            .guests
            .get(&guest)
            .ok_or_else(|| "nothing is known of it".to_owned())?;
        if let Some(down) = &facts.down {
            return Err(down.clone());
        }
        facts
            .docker
            .clone()
            .ok_or_else(|| "no dockerd was found in it".to_owned())
    }

    fn docker_guest(
        &mut self,
        guest: GuestId,
        entry: &Entry,
        target: &Target,
        facts: &DockerFacts,
    ) {
        let wanted = match docker_wanted(self.model, target, facts) {
            Ok(wanted) => wanted,
            Err(why) => {
                self.moving = true;
                return self.hold(guest, why);
            }
        };
        let mut changes = BTreeSet::new();
        let mut reasons = Vec::new();
        if facts.daemon_json.as_deref() != Some(wanted.daemon_json.as_bytes()) {
            self.moving = true;
            changes.insert(ServiceChange::DaemonJson);
            reasons.push(Reason::ConfigurationDiffers {
                what: "daemon.json does not ask for mutual TLS as it should".to_owned(),
            });
        }
        if wanted.drop_in.is_some() {
            changes.insert(ServiceChange::DropIn);
            reasons.push(Reason::ConfigurationDiffers {
                what: "the unit's `-H` stands against `hosts` in daemon.json".to_owned(),
            });
        }
        let delivered = self
            .certificates
            .delivered
            .get(&(entry.common_name.clone(), guest))
            .cloned();
        if delivered.is_some() {
            reasons.push(Reason::NewPair);
        } else if let Some(chain) = self
            .inventory
            .certificates
            .get(&entry.common_name)
            .and_then(|c| c.chain())
        {
            let expected = chain.leaf().fingerprint;
            let found = self
                .inventory
                .guests
                .get(&guest)
                .and_then(|facts| facts.served);
            if found != Some(expected) {
                reasons.push(Reason::ServedLeafDiffers { found, expected });
            }
        }
        if facts.active_state != "active" {
            reasons.push(Reason::ServiceDown {
                state: facts.active_state.clone(),
            });
        }
        let unit = format!("docker {guest}");
        let verify = Step::new(
            Action::Verify {
                subject: Subject::Docker(guest),
            },
            Vec::new(),
        );
        let mut verify_needs: Vec<StepId> = Vec::new();
        if !reasons.is_empty() {
            changes.insert(ServiceChange::Restart);
            let check = Step::new(Action::CheckDocker { guest }, reasons.clone())
                .needs(self.issue_of(&entry.common_name));
            self.checks.push(check.id.clone());
            let configure = Step::new(Action::ConfigureDocker { guest, changes }, reasons)
                .needs([check.id.clone()])
                .needs(
                    self.certificates
                        .deployments
                        .get(&entry.common_name)
                        .cloned()
                        .unwrap_or_default(),
                )
                .unit(unit.clone());
            verify_needs.push(configure.id.clone());
            self.configured.insert(guest, configure.id.clone());
            self.steps.extend([check, configure]);
        }
        // No unit: what verification finds wrong is said, but Docker never goes back from TLS to plain.
        let verify = verify.needs(verify_needs);
        self.docker_verified.push(verify.id.clone());
        self.steps.push(verify);
    }

    fn traefik(&mut self) {
        let guests: Vec<GuestId> = self.model.traefiks().map(|guest| guest.id).collect();
        for guest in guests {
            let rendered = match self.model.static_file() {
                None => {
                    self.notes.push(format!(
                        "traefik {guest}: the site has no template of its static file"
                    ));
                    continue;
                }
                Some(Err(faults)) => {
                    self.hold(
                        guest,
                        format!("its static file cannot be rendered: {faults}"),
                    );
                    continue;
                }
                Some(Ok(rendered)) => rendered,
            };
            let Some((entry, _)) = self.model.traefik_entry(guest) else {
                self.notes.push(format!(
                    "traefik {guest}: no manifest entry delivers a client certificate into {} there; `phoenix migrate docker-tls` adds it",
                    self.model.settings.traefik.certs_dir.display()
                ));
                continue;
            };
            let entry = entry.clone();
            self.satisfied.insert((guest, "traefik".to_owned()));
            self.linked
                .insert(entry.common_name.clone(), format!("traefik {guest}"));
            let facts = match self.inventory.guests.get(&guest) {
                None => Err("nothing is known of it".to_owned()),
                Some(facts) => match (&facts.down, &facts.traefik) {
                    (Some(down), _) => Err(down.clone()),
                    (None, None) => Err("no Traefik was found in it".to_owned()),
                    (None, Some(traefik)) => Ok(traefik.clone()),
                },
            };
            match facts {
                Ok(facts) => self.traefik_guest(guest, &entry, &rendered.0, &rendered.1, &facts),
                Err(why) => self.hold(guest, why),
            }
        }
    }

    fn traefik_guest(
        &mut self,
        guest: GuestId,
        entry: &Entry,
        text: &str,
        file: &StaticFile,
        facts: &TraefikFacts,
    ) {
        let mut changes = BTreeSet::new();
        let mut reasons = Vec::new();
        if facts.static_file.as_deref() != Some(text.as_bytes()) {
            changes.insert(ServiceChange::StaticFile);
            let same = facts
                .static_file
                .as_deref()
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .and_then(|text| {
                    StaticFile::parse(&self.model.settings.traefik.static_file, text).ok()
                })
                .is_some_and(|there| there.same_meaning(file));
            if same {
                reasons.push(Reason::ConfigurationDiffers {
                    what: "the static file differs in form, not in meaning".to_owned(),
                });
            } else {
                changes.insert(ServiceChange::Restart);
                reasons.push(Reason::ConfigurationDiffers {
                    what: "the static file differs from the rendered template".to_owned(),
                });
            }
        } else if facts.started_before_file {
            changes.insert(ServiceChange::Restart);
            reasons.push(Reason::ConfigurationDiffers {
                what: "Traefik runs since before its static file was written".to_owned(),
            });
        }
        if facts.active_state != "active" {
            changes.insert(ServiceChange::Restart);
            reasons.push(Reason::ServiceDown {
                state: facts.active_state.clone(),
            });
        }
        let delivered = self
            .certificates
            .delivered
            .get(&(entry.common_name.clone(), guest))
            .cloned();
        if delivered.is_some() && self.model.settings.traefik.always_restart {
            changes.insert(ServiceChange::Restart);
            reasons.push(Reason::NewPair);
        }
        let unit = format!("traefik {guest}");
        let mut verify = Step::new(
            Action::Verify {
                subject: Subject::Traefik(guest),
            },
            Vec::new(),
        )
        .needs(self.docker_verified.iter().cloned());
        if !reasons.is_empty() {
            let check = Step::new(Action::CheckTraefik { guest }, reasons.clone());
            self.checks.push(check.id.clone());
            let configure = Step::new(Action::ConfigureTraefik { guest, changes }, reasons)
                .needs([check.id.clone()])
                .needs(self.docker_verified.iter().cloned())
                .needs(delivered.clone())
                .unit(unit.clone());
            verify = verify.needs([configure.id.clone()]);
            self.configured.insert(guest, configure.id.clone());
            self.steps.extend([check, configure]);
        }
        // What Traefik sees cannot be taken back once Docker has moved: verification belongs to no unit.
        self.steps.push(verify.after(delivered));
    }

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
            self.certificates
                .delivered
                .retain(|(delivered, _), _| delivered != name);
        }
        self.steps.clear();
        self.configured.clear();
        self.notes
            .push("Docker and Traefik are left as they are until both can follow".to_owned());
    }

    /// One hook for all certificates that share it, after all their deployments.
    fn hooks(&mut self) {
        let mut hooks: Vec<(HookCommand, Vec<CommonName>)> = Vec::new();
        let mut reasons: BTreeMap<HookCommand, Vec<Reason>> = BTreeMap::new();
        for located in &self.model.manifest.entries {
            let entry = &located.value;
            let Some(hook) = &entry.hook else {
                continue;
            };
            let deployed = self
                .certificates
                .deployments
                .contains_key(&entry.common_name);
            let pending = self.inventory.pending.iter().find(|item| {
                matches!(&item.kind, PendingKind::Hook { command, certificates }
                    if *command == hook.command && certificates.contains(&entry.common_name))
            });
            if !deployed && pending.is_none() || self.is_satisfied(&hook.command) {
                continue;
            }
            if let Some(item) = pending {
                reasons
                    .entry(hook.command.clone())
                    .or_default()
                    .push(pending_reason(item));
            }
            match hooks
                .iter_mut()
                .find(|(command, _)| *command == hook.command)
            {
                Some((_, names)) => names.push(entry.common_name.clone()),
                None => hooks.push((hook.command.clone(), vec![entry.common_name.clone()])),
            }
        }
        for (command, certificates) in hooks {
            let deployments: Vec<StepId> = certificates
                .iter()
                .filter_map(|name| self.certificates.deployments.get(name))
                .flatten()
                .cloned()
                .collect();
            let mut why = reasons.remove(&command).unwrap_or_default();
            if !deployments.is_empty() {
                why.push(Reason::NewPair);
            }
            let guest = GuestCommand::recognise(&command.argv()).map(|command| command.guest);
            let service = guest.and_then(|guest| self.configured.get(&guest).cloned());
            let step = Step::new(
                Action::Hook {
                    command: command.to_string(),
                    certificates,
                },
                why,
            )
            .after(deployments)
            .after(service);
            // Portainer serves its new pair only when its hook has restarted it.
            for verify in &mut self.steps {
                if matches!(verify.action, Action::Verify { subject: Subject::Portainer(at) } if Some(at) == guest)
                {
                    *verify = verify.clone().after([step.id.clone()]);
                }
            }
            self.steps.push(step);
        }
    }

    /// Portainer is looked at last: Docker's restart and its own hook, which makes it serve a new pair, come before.
    fn portainer(&mut self) {
        let before: Vec<StepId> = self
            .steps
            .iter()
            .filter(|step| {
                matches!(
                    step.action,
                    Action::ConfigureDocker { .. } | Action::Hook { .. }
                )
            })
            .map(|step| step.id.clone())
            .collect();
        let primaries: Vec<GuestId> = self
            .model
            .docker_managers()
            .filter(|guest| guest.portainer_role.as_deref() == Some("primary"))
            .filter(|guest| {
                self.inventory
                    .guests
                    .get(&guest.id)
                    .is_some_and(|facts| facts.down.is_none())
            })
            .map(|guest| guest.id)
            .collect();
        for guest in primaries {
            let subject = Subject::Portainer(guest);
            self.steps.push(
                Step::new(Action::Verify { subject }, Vec::new()).after(before.iter().cloned()),
            );
        }
    }

    /// Whether a hook is the restart that a stage does itself.
    fn is_satisfied(&self, command: &HookCommand) -> bool {
        let Some(GuestCommand { guest, argv, .. }) = GuestCommand::recognise(&command.argv())
        else {
            return false;
        };
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            [
                "systemctl",
                "restart" | "try-restart" | "reload-or-restart",
                unit,
            ] => {
                let unit = unit.strip_suffix(".service").unwrap_or(unit);
                self.satisfied.contains(&(guest, unit.to_owned()))
            }
            _ => false,
        }
    }

    fn issue_of(&self, name: &CommonName) -> Option<StepId> {
        let issue = self.certificates.steps.iter().find(
            |step| matches!(&step.action, Action::Issue { certificate, .. } if certificate == name),
        );
        issue.map(|step| step.id.clone())
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
