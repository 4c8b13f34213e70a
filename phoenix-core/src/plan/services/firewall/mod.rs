//! Plans Proxmox's firewall files around the link's move: what opens comes before it, what closes after it is proved.
//!
//! The encrypted port opens once its certificates are deployed, and Docker's configuration waits for it; the plain port
//! closes once verification has proved the encrypted link. Where nothing of the link changes one step does all.

mod link;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Planner, Scope};
use crate::diagnostic::Faults;
use crate::firewall::{Finished, Firewall, FirewallConfig, Link, Rendering, lock_out};
use crate::inventory::{PlacementState, ProxmoxSeen};
use crate::links::links;
use crate::manifest::Entry;
use crate::names::GuestId;
use crate::plan::{Action, Blocked, Reason, Step, StepId, Subject};
use crate::store::TrialEnd;
use crate::system::FileDigest;
use crate::time::rfc3339;

/// What of Proxmox's files is to be done.
pub(super) struct FirewallWork {
    rendering: Rendering,
    links: Vec<Link>,
    opened: Finished,
    last: Finished,
    /// Whether the way between Traefik and Docker changes by it.
    moves_link: bool,
}

impl Planner<'_> {
    /// Looks at Proxmox's files, where there are such, and sees that the link will be admitted before anything moves.
    pub(super) fn look_at_firewall(&mut self, scope: Scope) -> Option<FirewallWork> {
        let facts = match &self.inventory.proxmox {
            ProxmoxSeen::Absent => {
                if scope.firewall() {
                    self.notes.push(
                        "firewall: this host has no /etc/pve, so Proxmox's files are left out"
                            .to_owned(),
                    );
                }
                return None;
            }
            ProxmoxSeen::Unreadable(why) => {
                if scope.firewall() {
                    self.firewall_blocked(why.clone());
                }
                return None;
            }
            ProxmoxSeen::Seen(facts) => facts,
        };
        let rules = self.model.site_rules();
        let work = Rendering::new(&rules, facts).and_then(|rendering| {
            let last = rendering.finish()?;
            Ok(FirewallWork {
                links: links(rules.guests(), &self.model.settings, rendering.wanted()),
                opened: rendering.open()?,
                moves_link: self.moves_link(&rendering, &last),
                rendering,
                last,
            })
        });
        if scope.firewall() {
            self.notes.extend(facts.without_effect(&rules));
        }
        let work = match work {
            Ok(work) => work,
            Err(faults) => {
                if scope.firewall() {
                    let why = format!("its rules cannot be rendered: {}", words(&faults));
                    self.firewall_blocked(why);
                    // Nobody knows then whether the link would be admitted.
                    self.held = true;
                }
                return None;
            }
        };
        let refused = self.refused(&work);
        let is_done = scope.firewall() && refused.is_none();
        if scope.docker() {
            let config = if is_done {
                work.last.config.clone()
            } else {
                work.rendering.found()
            };
            self.must_be_admitted(&config, is_done);
        }
        if let Some(why) = refused.filter(|_| scope.firewall()) {
            self.firewall_blocked(why);
        }
        is_done.then_some(work)
    }

    /// Why Proxmox's files must not be written now.
    fn refused(&self, work: &FirewallWork) -> Option<String> {
        if let Some(until) = self.waits_until() {
            return Some(format!(
                "a change waits for `phoenix firewall confirm` until {}",
                rfc3339(until)
            ));
        }
        if let Some(file) = self.taken_back(&work.last) {
            return Some(format!(
                "what {} would say was taken back, since nobody confirmed it: `phoenix firewall render --apply` tries it again",
                file.display()
            ));
        }
        [&work.opened, &work.last].into_iter().find_map(|finished| {
            let judged = if finished.files.is_empty() {
                Ok(Vec::new())
            } else {
                work.rendering.guard(&finished.config, &work.links)
            };
            judged.err().map(|faults| words(&faults))
        })
    }

    /// Holds the link where the firewall would stand between its ends.
    fn must_be_admitted(&mut self, config: &FirewallConfig, by_site: bool) {
        let all = Firewall::new(&FirewallConfig {
            node: config.node.clone(),
            ..FirewallConfig::default()
        });
        let new = Firewall::new(config);
        for (manager, link) in self.link(config) {
            // Against nothing at all: what is not admitted is lost.
            for lost in lock_out(&all, &new, None, &[link]) {
                let whose = if by_site {
                    "the site's rules do"
                } else {
                    "Proxmox's firewall does"
                };
                self.hold(
                    manager,
                    format!(
                        "{whose} not admit {}: missing is {}",
                        lost.what, lost.missing
                    ),
                );
            }
        }
    }

    /// Managers whose mutual TLS the manifest describes, with the entry that they serve.
    fn described_managers(&self) -> impl Iterator<Item = (GuestId, &Entry)> {
        self.model
            .docker_managers()
            .filter_map(|guest| Some((guest.id, self.model.docker_entry(guest.id)?.0)))
    }

    fn described_traefiks(&self) -> impl Iterator<Item = (GuestId, &Entry)> {
        self.model
            .traefiks()
            .filter_map(|guest| Some((guest.id, self.model.traefik_entry(guest.id)?.0)))
    }

    /// Puts the steps about Proxmox's files among those of the link.
    pub(super) fn firewall(&mut self, work: &FirewallWork, scope: Scope) {
        if work.last.files.is_empty() {
            self.steps.push(verify_firewall());
            return;
        }
        let described = self.described_managers().next().is_some();
        if !(work.moves_link && described) {
            let last = last_step(&work.last);
            let verify = verify_firewall().needs([last.id.clone()]);
            self.steps.extend([last, verify]);
            return;
        }
        if self.held && self.moving {
            self.firewall_blocked(
                "the link's rules are left as they are until Docker and Traefik can follow"
                    .to_owned(),
            );
            return;
        }
        if let Err(why) = self.deployed(scope) {
            self.firewall_blocked(why);
            return;
        }
        let opening = self.opening(work);
        let last = match work.rendering.after(&work.opened).finish() {
            Ok(finished) => last_step(&finished),
            Err(faults) => return self.firewall_blocked(words(&faults)),
        };
        if scope == Scope::Firewall {
            self.look_at_link();
        }
        self.wait_for(opening.as_ref());
        match self.proofs() {
            Ok(proofs) => {
                let last = last.needs(opening).needs(proofs);
                let verify = verify_firewall().needs([last.id.clone()]);
                self.steps.extend([last, verify]);
            }
            Err(why) => self.firewall_blocked(why),
        }
    }

    /// Until when a change that somebody tries has to be left alone.
    fn waits_until(&self) -> Option<SystemTime> {
        let trial = self.inventory.trial.as_ref()?;
        trial.end.is_none().then_some(trial.until)
    }

    /// A file that would say what was taken back: whoever tried it could not say that he still got in.
    fn taken_back<'w>(&self, last: &'w Finished) -> Option<&'w Path> {
        let trial = self.inventory.trial.as_ref()?;
        let file = last.files.iter().find(|file| {
            let digest = FileDigest::of(file.text.as_bytes()).to_string();
            trial
                .files
                .iter()
                .any(|tried| tried.path == file.path && tried.after == digest)
        })?;
        (trial.end == Some(TrialEnd::Reverted)).then_some(&file.path)
    }

    /// The step that opens, where something is to be opened.
    fn opening(&mut self, work: &FirewallWork) -> Option<StepId> {
        if work.opened.files.is_empty() {
            return None;
        }
        let deployments = self
            .linked
            .keys()
            .filter_map(|name| self.certificates.deployments.get(name))
            .flatten()
            .cloned();
        let open = Step::new(
            Action::OpenFirewall {
                files: digests(&work.opened),
            },
            reasons(&work.opened),
        )
        .needs(deployments);
        let id = open.id.clone();
        self.steps.push(open);
        Some(id)
    }

    /// Whether the pairs of the link lie where they belong, or will by this run.
    fn deployed(&self, scope: Scope) -> Result<(), String> {
        if scope != Scope::Firewall {
            return Ok(());
        }
        for (guest, entry) in self.described_managers().chain(self.described_traefiks()) {
            let facts = self.inventory.certificates.get(&entry.common_name);
            let right = facts.is_some_and(|facts| {
                let placements = self.model.placements(entry);
                placements
                    .iter()
                    .zip(&facts.placements)
                    .filter(|(placement, _)| placement.guest == Some(guest))
                    .all(|(_, state)| *state == PlacementState::Right)
            });
            if !right {
                return Err(format!(
                    "the certificate `{}` is not deployed in {guest} as it should be, and the encrypted port opens only then: `phoenix sync all` does both",
                    entry.common_name
                ));
            }
        }
        Ok(())
    }

    /// Looks at the link's ends in a run that is about the firewall alone.
    fn look_at_link(&mut self) {
        let dockers = self
            .described_managers()
            .map(|(id, _)| (id, Subject::Docker(id)));
        let traefiks = self
            .described_traefiks()
            .map(|(id, _)| (id, Subject::Traefik(id)));
        let subjects: Vec<_> = dockers.chain(traefiks).collect();
        for (guest, subject) in subjects {
            let is_up = self
                .inventory
                .guests
                .get(&guest)
                .is_some_and(|facts| facts.down.is_none());
            if is_up {
                self.steps
                    .push(Step::new(Action::Verify { subject }, Vec::new()));
            }
        }
    }

    /// The looks that prove the link.
    fn proofs(&self) -> Result<Vec<StepId>, String> {
        let dockers = self.described_managers().map(|(id, _)| Subject::Docker(id));
        let traefiks = self
            .described_traefiks()
            .map(|(id, _)| Subject::Traefik(id));
        let proof = |subject: Subject| {
            let words = format!("what closes the plain port waits until {subject} can be verified");
            let id = Action::Verify { subject }.id();
            let is_there = self.steps.iter().any(|step| step.id == id);
            is_there.then_some(id).ok_or(words)
        };
        dockers.chain(traefiks).map(proof).collect()
    }

    /// Lets the link's steps wait for what opens.
    fn wait_for(&mut self, opening: Option<&StepId>) {
        for step in &mut self.steps {
            let is_of_link = matches!(
                step.action,
                Action::ConfigureDocker { .. }
                    | Action::ConfigureTraefik { .. }
                    | Action::Verify {
                        subject: Subject::Docker(_) | Subject::Traefik(_),
                    }
            );
            if is_of_link {
                *step = step.clone().needs(opening.cloned());
            }
        }
    }

    fn firewall_blocked(&mut self, reason: String) {
        self.blocked.push(Blocked {
            subject: "firewall".to_owned(),
            reason,
            certificate: None,
        });
    }
}

fn last_step(finished: &Finished) -> Step {
    let files = digests(finished);
    Step::new(Action::RenderFirewall { files }, reasons(finished))
}

fn verify_firewall() -> Step {
    let subject = Subject::Firewall;
    Step::new(Action::Verify { subject }, Vec::new())
}

fn digests(finished: &Finished) -> BTreeMap<PathBuf, FileDigest> {
    finished
        .files
        .iter()
        .map(|file| (file.path.clone(), FileDigest::of(file.text.as_bytes())))
        .collect()
}

fn reasons(finished: &Finished) -> Vec<Reason> {
    finished
        .files
        .iter()
        .map(|file| Reason::FileDiffers {
            path: file.path.clone(),
            lines: file.reasons.clone(),
        })
        .collect()
}

/// Faults as one line.
fn words(faults: &Faults) -> String {
    let words: Vec<String> = faults
        .iter()
        .map(|fault| {
            let mut words = fault.to_string();
            for note in &fault.notes {
                words.push_str("; ");
                words.push_str(note);
            }
            words
        })
        .collect();
    words.join("; ")
}
