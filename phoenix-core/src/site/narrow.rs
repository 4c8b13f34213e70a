//! A run that is about single guests, or stops before hooks.

use super::pending::keep_only;
use super::{Site, SyncOptions};
use crate::error::Error;
use crate::model::Model;
use crate::names::{CommonName, GuestId};
use crate::plan::{Action, Blocked, Plan, Scope, Step, Subject};
use crate::transport::GuestCommand;

impl Site {
    /// The site as a run sees it that names machines whose trust stores it is about.
    pub(super) fn model_for(&self, options: &SyncOptions) -> Result<Model, Error> {
        let mut model = self.model()?;
        for guest in &options.guests {
            let known = model.guests.0.iter_mut().find(|known| known.id == *guest);
            let Some(known) = known else {
                return Err(Error::Argument(format!("the site has no guest {guest}")));
            };
            if options.scope == Scope::Trust && !known.trusts_ca() {
                known.features.push("trusted_ca".to_owned());
            }
        }
        if options.scope == Scope::Trust && options.host {
            model.settings.trust.host = true;
        }
        Ok(model)
    }
}

/// Leaves in a plan what the options ask for.
pub(super) fn narrow(plan: &mut Plan, options: &SyncOptions) {
    if options.generate_only {
        stops_at_deployment(plan);
    }
    if options.guests.is_empty() && !options.host {
        return;
    }
    let of_guest = |guest: GuestId| options.guests.contains(&guest);
    let hooked: Vec<CommonName> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Hook {
                command,
                certificates,
            } if in_guest(command).is_some_and(of_guest) => Some(certificates.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let wanted = |step: &Step| match &step.action {
        Action::CheckDocker { guest }
        | Action::CheckTraefik { guest }
        | Action::ConfigureDocker { guest, .. }
        | Action::ConfigureTraefik { guest, .. }
        | Action::PublishRoutes { guest }
        | Action::Verify {
            subject: Subject::Docker(guest) | Subject::Portainer(guest) | Subject::Traefik(guest),
        } => of_guest(*guest),
        Action::Trust { guest } => guest.map_or(options.host, of_guest),
        Action::Deploy { certificate, to } => {
            to.guest.is_some_and(of_guest) || hooked.contains(certificate)
        }
        Action::Hook { command, .. } => in_guest(command).is_some_and(of_guest),
        _ => false,
    };
    let notes = std::mem::take(&mut plan.notes);
    keep_only(plan, wanted);
    let about = |text: &str| options.guests.iter().any(|guest| names(text, *guest));
    plan.notes = notes.into_iter().filter(|note| about(note)).collect();
    if options.scope == Scope::Trust {
        // Who named a guest wants its store done: one that cannot be looked at is no side note.
        for note in std::mem::take(&mut plan.notes) {
            plan.blocked.push(Blocked {
                subject: "trust".to_owned(),
                reason: note,
                certificate: None,
            });
        }
    }
    plan.blocked
        .retain(|blocked| about(&blocked.subject) || about(&blocked.reason));
}

/// Leaves in a plan what gets certificates and puts them in place.
pub(super) fn stops_at_deployment(plan: &mut Plan) {
    let generates =
        |step: &Step| matches!(step.action, Action::Issue { .. } | Action::Deploy { .. });
    plan.steps.retain(generates);
    let left: Vec<_> = plan.steps.iter().map(|step| step.id.clone()).collect();
    for step in &mut plan.steps {
        step.needs.retain(|id| left.contains(id));
        step.after.retain(|id| left.contains(id));
    }
    plan.notes
        .push("hooks and restarts are left for a later run, on record".to_owned());
}

/// Whether a text speaks of this guest, and not of one whose id begins alike.
fn names(text: &str, guest: GuestId) -> bool {
    let name = guest.to_string();
    text.match_indices(&name).any(|(at, _)| {
        let after = text[at + name.len()..].chars().next();
        !after.is_some_and(|c| c.is_ascii_digit())
    })
}

/// The guest in which a hook runs.
fn in_guest(command: &str) -> Option<GuestId> {
    let argv = crate::manifest::HookCommand::of_line(command)?.argv();
    GuestCommand::recognise(&argv).map(|command| command.guest)
}
