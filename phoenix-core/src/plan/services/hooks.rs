//! Plans hooks, after all deployments that share them, and what is looked at behind them.

use std::collections::BTreeMap;

use super::Planner;
use crate::manifest::HookCommand;
use crate::names::{CommonName, GuestId};
use crate::plan::{Action, Blocked, Reason, Step, StepId, Subject, pending_reason};
use crate::store::PendingKind;
use crate::transport::GuestCommand;

impl Planner<'_> {
    /// One hook for all certificates that share it, after all their deployments.
    pub(super) fn hooks(&mut self) {
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
            let pause = pending.and_then(|item| self.policy.pauses(item, self.now));
            if let Some(words) = pause.filter(|_| !deployed) {
                let subject = format!("hook {}", hook.command);
                if !self
                    .blocked
                    .iter()
                    .any(|blocked| blocked.subject == subject)
                {
                    self.blocked.push(Blocked {
                        subject,
                        reason: words,
                        certificate: None,
                    });
                }
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

    /// Looks where a new leaf is to be served, once its hook or its daemon's restart has had it loaded.
    pub(super) fn endpoints(&mut self) {
        for located in &self.model.manifest.entries {
            let entry = &located.value;
            if entry.verify.is_none() {
                continue;
            }
            let name = &entry.common_name;
            let deployments = self.certificates.deployments.get(name).cloned();
            let kind = PendingKind::Verify {
                certificate: name.clone(),
            };
            let pending = self.inventory.pending.iter().find(|item| item.kind == kind);
            let left_out = !self.policy.only.is_empty() && !self.policy.only.contains(name);
            if left_out || deployments.is_none() && pending.is_none() && !self.policy.look {
                continue;
            }
            let mut reasons: Vec<Reason> = pending.map(pending_reason).into_iter().collect();
            if deployments.is_some() {
                reasons.push(Reason::NewPair);
            }
            let loads = self.steps.iter().filter(|step| match &step.action {
                Action::Hook { certificates, .. } => certificates.contains(name),
                Action::ConfigureDocker { guest, .. } | Action::ConfigureTraefik { guest, .. } => {
                    entry.deploy.iter().any(|target| target.guest == *guest)
                }
                _ => false,
            });
            let loads: Vec<StepId> = loads.map(|step| step.id.clone()).collect();
            let subject = Subject::Service(name.to_string());
            let step = Step::new(Action::Verify { subject }, reasons)
                .needs(deployments.unwrap_or_default())
                .after(loads);
            self.steps.push(step);
        }
    }

    /// Portainer is looked at last: Docker's restart and its own hook, which makes it serve a new pair, come before.
    pub(super) fn portainer(&mut self) {
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
        let Some(command) = GuestCommand::recognise(&command.argv()) else {
            return false;
        };
        let service = command.restarted_service();
        service.is_some_and(|service| {
            self.satisfied
                .contains(&(command.guest, service.to_owned()))
        })
    }
}
