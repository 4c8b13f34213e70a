//! Plans dockerd of a Swarm manager: its configuration, its one restart, its verification.

use std::collections::BTreeSet;

use super::Planner;
use crate::docker::daemon_json::{DaemonTls, merge};
use crate::docker::unit;
use crate::inventory::DockerFacts;
use crate::manifest::{Entry, Target};
use crate::model::Model;
use crate::names::GuestId;
use crate::plan::{Action, Reason, ServiceChange, Step, StepId, Subject};

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

impl Planner<'_> {
    pub(super) fn docker(&mut self) {
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
        // The same pair put right again is no reason to interrupt everything that runs there.
        let new = self.certificates.fresh.contains(&entry.common_name);
        if delivered.is_some() && new {
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
        if !reasons.is_empty() && self.failed_before("docker", guest, &mut reasons) {
            return;
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
}

fn path_text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Where drop-ins of dockerd's unit lie.
const DROP_IN_DIR: &str = "/etc/systemd/system/docker.service.d";
