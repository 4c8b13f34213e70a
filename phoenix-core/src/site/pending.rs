//! What earlier runs left to be done.

use std::time::Duration;

use super::{Site, SyncOptions};
use crate::error::Error;
use crate::observe::Observer;
use crate::plan::{Action, Plan, StepId, Subject};
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
        self.locked_run(&SyncOptions::default(), observer, |plan| {
            keep_only(plan, &items);
            Ok(())
        })
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

/// Leaves in a plan what the items stand for, and what that needs.
fn keep_only(plan: &mut Plan, items: &[PendingItem]) {
    let mut kept: Vec<StepId> = plan
        .steps
        .iter()
        .filter(|step| {
            items
                .iter()
                .any(|item| stands_for(&item.kind, &step.action))
        })
        .map(|step| step.id.clone())
        .collect();
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
            PendingKind::Verify { certificate },
            Action::Verify {
                subject: Subject::Service(name),
            },
        ) => certificate.as_str() == name,
        _ => false,
    }
}
