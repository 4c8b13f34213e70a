//! Ties what is seen and told after a deployment to the pair that was deployed: a verification that fails takes the pair
//! back everywhere, and what made its consumers take it is done once more with the one before.

use std::collections::BTreeSet;

use super::Planner;
use crate::names::GuestId;
use crate::plan::{Action, ServiceChange, Subject};

impl Planner<'_> {
    /// Marks verifications, restarts and hooks of new pairs whose predecessor is worth going back to.
    pub(super) fn judges(&mut self) {
        let returnable = self.certificates.returnable.clone();
        let dockers: Vec<(GuestId, String)> = self
            .model
            .docker_managers()
            .filter_map(|guest| Some((guest.id, self.model.docker_entry(guest.id)?.0)))
            .filter(|(guest, entry)| self.served_before(*guest, &entry.common_name))
            .filter_map(|(guest, entry)| Some((guest, returnable.get(&entry.common_name)?.clone())))
            .collect();
        let traefiks: Vec<(GuestId, String)> = self
            .model
            .traefiks()
            .filter_map(|guest| Some((guest.id, self.model.traefik_entry(guest.id)?.0)))
            .filter_map(|(guest, entry)| Some((guest, returnable.get(&entry.common_name)?.clone())))
            .collect();
        let moves = |guest: GuestId| self.steps.iter().any(|step| moves(&step.action, guest));
        let docker_moves = self.model.docker_managers().any(|guest| moves(guest.id));
        let dockers: Vec<_> = dockers
            .into_iter()
            .filter(|(guest, _)| !moves(*guest))
            .collect();
        let traefiks: Vec<_> = traefiks
            .into_iter()
            .filter(|(guest, _)| !docker_moves && !moves(*guest))
            .collect();
        for step in &mut self.steps {
            let units = |all: &[(GuestId, String)], guest: Option<GuestId>| -> Vec<String> {
                all.iter()
                    .filter(|(at, _)| guest.is_none_or(|guest| guest == *at))
                    .map(|(_, unit)| unit.clone())
                    .collect()
            };
            *step = match step.action.clone() {
                Action::ConfigureDocker { guest, .. } => {
                    step.clone().repeats(units(&dockers, Some(guest)))
                }
                Action::ConfigureTraefik { guest, .. } => {
                    step.clone().repeats(units(&traefiks, Some(guest)))
                }
                // Docker is asked with Traefik's own pair.
                Action::Verify {
                    subject: Subject::Docker(guest),
                } => step
                    .clone()
                    .judges(units(&dockers, Some(guest)))
                    .judges(units(&traefiks, None)),
                Action::Verify {
                    subject: Subject::Traefik(guest),
                } => step.clone().judges(units(&traefiks, Some(guest))),
                // Where nothing of this run has the pair loaded, that another one is served is no fault of the pair.
                Action::Verify {
                    subject: Subject::Service(name),
                } if !step.after.is_empty() => {
                    let unit = returnable.iter().find(|(of, _)| of.as_str() == name);
                    let unit = unit.map(|(_, unit)| unit).filter(|unit| {
                        let mut ends = dockers.iter().chain(&traefiks);
                        !self.linked.values().any(|linked| linked == *unit)
                            || ends.any(|(_, end)| end == *unit)
                    });
                    step.clone().judges(unit.cloned())
                }
                Action::Hook { certificates, .. } => {
                    let units: BTreeSet<&String> = certificates
                        .iter()
                        .filter_map(|name| returnable.get(name))
                        .collect();
                    step.clone().repeats(units.into_iter().cloned())
                }
                _ => continue,
            };
        }
    }

    /// Whether dockerd served the installed pair when it was looked at: only then it is known to work there.
    fn served_before(&self, guest: GuestId, name: &crate::names::CommonName) -> bool {
        let served = self
            .inventory
            .guests
            .get(&guest)
            .and_then(|facts| facts.served);
        let installed = self
            .inventory
            .certificates
            .get(name)
            .and_then(|facts| facts.chain());
        served.is_some() && served == installed.map(|chain| chain.leaf().fingerprint)
    }
}

/// Whether a step changes more of a guest's service than which pair it has: from there it goes forward only.
fn moves(action: &Action, at: GuestId) -> bool {
    let (Action::ConfigureDocker { guest, changes } | Action::ConfigureTraefik { guest, changes }) =
        action
    else {
        return false;
    };
    *guest == at
        && changes
            .iter()
            .any(|change| *change != ServiceChange::Restart)
}

#[cfg(test)]
#[path = "judges_tests.rs"]
mod tests;
