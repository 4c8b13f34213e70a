//! What earlier runs left to be done.

use std::time::Duration;

use super::run::Work;
use super::{Site, SyncOptions};
use crate::error::Error;
use crate::model::Model;
use crate::names::Slug;
use crate::observe::Observer;
use crate::plan::{Action, Plan, Step, StepId, Subject};
use crate::report::Report;
use crate::store::{AuditLine, PendingItem, PendingKind};

impl Site {
    /// What is not proved yet, the oldest first.
    pub fn pending(&self) -> Result<Vec<PendingItem>, Error> {
        Ok(self.store().pending()?)
    }

    /// Tries pending items now, whatever their pause is; all of them when no id is given.
    ///
    /// # Errors
    ///
    /// [`Error::NotPending`] for an id that names nothing; nothing is tried then.
    pub fn retry_pending(&self, ids: &[String], observer: &dyn Observer) -> Result<Report, Error> {
        let items = self.pending_named(ids)?;
        let agree = |_: &Model, work: &mut Work| {
            keep_only(&mut work.plan, |step| {
                items
                    .iter()
                    .any(|item| stands_for(&item.kind, &step.action))
            });
            Ok(())
        };
        self.locked_run(&SyncOptions::default(), observer, agree)
    }

    /// Forgets pending items: what they stand for is not tried any more.
    ///
    /// # Errors
    ///
    /// [`Error::NotPending`] for an id that names nothing; nothing is forgotten then.
    pub fn drop_pending(
        &self,
        ids: &[String],
        lock_timeout: Duration,
    ) -> Result<Vec<PendingItem>, Error> {
        let _lock = self.lock(lock_timeout)?;
        let items = self.pending_named(ids)?;
        let store = self.store();
        for item in &items {
            store.settle(&item.kind)?;
            if let PendingKind::Pair { certificate, .. } = &item.kind {
                store.drop_candidates(&[Slug::of(certificate.as_str())])?;
            }
            let line = AuditLine::done(self.seams.clock.now(), format!("drop {}", item.kind))
                .why("the operator asked for it")
                .detail(item.last_error.as_deref().unwrap_or_default());
            store.audit(&line)?;
        }
        Ok(items)
    }

    fn pending_named(&self, ids: &[String]) -> Result<Vec<PendingItem>, Error> {
        let items = self.pending()?;
        let unknown = |id: &&String| !items.iter().any(|item| item.id().as_str() == id.as_str());
        if let Some(id) = ids.iter().find(unknown) {
            return Err(Error::NotPending {
                id: id.clone(),
                pending: items.iter().map(|item| item.id().to_string()).collect(),
            });
        }
        Ok(items
            .into_iter()
            .filter(|item| ids.is_empty() || ids.iter().any(|id| item.id().as_str() == id))
            .collect())
    }
}

/// Leaves in a plan the steps that are wanted, what they need, and what judges or repeats their work.
pub(super) fn keep_only(plan: &mut Plan, wanted: impl Fn(&Step) -> bool) {
    let mut kept: Vec<StepId> = plan
        .steps
        .iter()
        .filter(|step| wanted(step))
        .map(|step| step.id.clone())
        .collect();
    let units: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| kept.contains(&step.id))
        .filter_map(|step| step.unit.clone())
        .collect();
    let of_units = |step: &Step| {
        let mut all = step.unit.iter().chain(&step.judges).chain(&step.repeats);
        all.any(|unit| units.contains(unit))
    };
    for step in plan.steps.iter().filter(|step| of_units(step)) {
        if !kept.contains(&step.id) {
            kept.push(step.id.clone());
        }
    }
    let mut next = 0;
    while let Some(id) = kept.get(next).cloned() {
        next += 1;
        let needs = plan
            .steps
            .iter()
            .find(|step| step.id == id)
            .map(|step| &step.needs);
        for need in needs.into_iter().flatten() {
            if !kept.contains(need) {
                kept.push(need.clone());
            }
        }
    }
    plan.steps.retain(|step| kept.contains(&step.id));
    for step in &mut plan.steps {
        step.after.retain(|id| kept.contains(id));
    }
    plan.kept.clear();
    plan.notes.clear();
}

fn stands_for(kind: &PendingKind, action: &Action) -> bool {
    match (kind, action) {
        (
            PendingKind::Hook { command, .. },
            Action::Hook {
                command: planned, ..
            },
        ) => command.to_string() == *planned,
        (PendingKind::Restart { service, guest }, Action::ConfigureDocker { guest: at, .. }) => {
            service == "docker" && guest == at
        }
        (PendingKind::Restart { service, guest }, Action::ConfigureTraefik { guest: at, .. }) => {
            service == "traefik" && guest == at
        }
        (
            PendingKind::Pair { certificate, .. },
            Action::Deploy {
                certificate: name, ..
            },
        ) => certificate == name,
        (
            PendingKind::Verify { certificate },
            Action::Verify {
                subject: Subject::Service(name),
            },
        ) => certificate.as_str() == name,
        _ => false,
    }
}
