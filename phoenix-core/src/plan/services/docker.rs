//! Plans dockerd of a Swarm manager: its configuration, its one restart, its verification.

use std::collections::BTreeSet;

use super::Planner;
use crate::docker::daemon_json::{DaemonTls, merge};
use crate::docker::unit;
use crate::inventory::{DockerFacts, PlacementState};
use crate::manifest::{Entry, Target};
use crate::model::Model;
use crate::names::{CommonName, GuestId};
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

    /// A manager whose dockerd is still to move to TLS, as far as can be seen.
    pub(super) fn unmoved_docker(&self) -> Option<GuestId> {
        self.model
            .docker_managers()
            .map(|guest| guest.id)
            .find(|guest| {
                let Some((_, target)) = self.model.docker_entry(*guest) else {
                    return false;
                };
                self.docker_facts(*guest).is_ok_and(|facts| {
                    docker_wanted(self.model, target, &facts).is_ok_and(|wanted| {
                        facts.daemon_json.as_deref() != Some(wanted.daemon_json.as_bytes())
                    })
                })
            })
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
        let others = self
            .inventory
            .guests
            .get(&guest)
            .is_some_and(|facts| facts.trusts_others);
        let mut with_it = Vec::new();
        if others {
            match self.clients_move_too(guest, entry, delivered.is_some()) {
                Ok(deliveries) => with_it = deliveries,
                Err(why) => {
                    self.moving = true;
                    return self.hold(guest, why);
                }
            }
            reasons.push(Reason::ConfigurationDiffers {
                what: "dockerd is to admit the clients of another CA".to_owned(),
            });
        } else if delivered.is_some() && new {
            reasons.push(Reason::NewPair);
        } else if facts.started_before_root {
            reasons.push(Reason::ConfigurationDiffers {
                what: "dockerd runs since before its file of trusted clients was written"
                    .to_owned(),
            });
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
                .needs(with_it)
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

impl Planner<'_> {
    /// Has the clients' new certificates in place when dockerd starts with its new root, and taken back with it.
    ///
    /// Traefik reads its files when it connects anew: until dockerd restarts it goes on with the old certificate, then it
    /// shows the new one. Returns the deliveries that must come before the restart.
    fn clients_move_too(
        &mut self,
        guest: GuestId,
        server: &Entry,
        delivered: bool,
    ) -> Result<Vec<StepId>, String> {
        // Whatever holds one end holds the other.
        self.moving = true;
        let left_out = |name: &CommonName| {
            format!(
                "Docker is to admit the clients of another CA, and `{name}` is not part of this run: run it without naming certificates"
            )
        };
        let clients: Vec<CommonName> = self
            .model
            .traefiks()
            .filter_map(|traefik| self.model.traefik_entry(traefik.id))
            .map(|(client, _)| client.common_name.clone())
            .collect();
        for client in &clients {
            self.linked
                .insert(client.clone(), format!("docker {guest}"));
        }
        if !delivered {
            return Err(left_out(&server.common_name));
        }
        let mut deliveries = Vec::new();
        for client in clients {
            if !self.policy.only.is_empty() && !self.policy.only.contains(&client) {
                return Err(left_out(&client));
            }
            let places = self
                .inventory
                .certificates
                .get(&client)
                .into_iter()
                .flat_map(|facts| &facts.placements);
            for place in places {
                // A stopped guest's files are right as long as there is no new pair for it.
                let why = match place {
                    PlacementState::Unseen(why) => Some(why),
                    PlacementState::Resting(why) if self.issue_of(&client).is_some() => Some(why),
                    _ => None,
                };
                if let Some(why) = why {
                    return Err(format!(
                        "Docker is to admit the clients of another CA, and `{client}` cannot be delivered: {why}"
                    ));
                }
            }
            let steps = self.certificates.deployments.get(&client);
            deliveries.extend(steps.into_iter().flatten().cloned());
        }
        Ok(deliveries)
    }
}

fn path_text(path: &std::path::Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Where drop-ins of dockerd's unit lie.
const DROP_IN_DIR: &str = "/etc/systemd/system/docker.service.d";
