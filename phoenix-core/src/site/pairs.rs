//! What becomes of the pairs that wait, after a run.

use super::Site;
use super::run::Work;
use crate::error::Error;
use crate::model::Model;
use crate::names::CommonName;
use crate::plan::{Reason, Step};
use crate::report::{Outcome, Status};
use crate::store::PendingKind;

impl Site {
    /// Forgets pairs that have reached all their places or that nobody waits for; records those that were taken back.
    pub(super) fn settle_pairs(
        &self,
        model: &Model,
        work: &Work,
        outcomes: &[Outcome],
    ) -> Result<(), Error> {
        let store = self.store();
        let mut arrived_or_unwanted = Vec::new();
        let steps: Vec<(&Step, &Outcome)> = work.plan.steps.iter().zip(outcomes).collect();
        for located in &model.manifest.entries {
            let entry = &located.value;
            let name = &entry.common_name;
            let Some(facts) = work.inventory.certificates.get(name) else {
                continue;
            };
            let of_entry = |step: &Step| step.action.certificate() == Some(name);
            let own: Vec<&(&Step, &Outcome)> =
                steps.iter().filter(|(step, _)| of_entry(step)).collect();
            let arrived = own
                .iter()
                .all(|(_, outcome)| outcome.status == Status::Done);
            let fresh = own
                .iter()
                .any(|(step, _)| step.reasons.iter().any(Reason::brings_pair));
            let item = work.inventory.pending.iter().find(|item| {
                matches!(&item.kind, PendingKind::Pair { certificate, .. } if certificate == name)
            });
            let by_hand = own.iter().any(|(step, _)| {
                let mut reasons = step.reasons.iter();
                reasons.any(|reason| {
                    matches!(reason, Reason::Given { .. } | Reason::RolledBack { .. })
                })
            });
            if fresh && let Some(why) = taken_back(&steps, name) {
                // Whoever brings a pair back by hand sees that it failed; nothing does it later behind their back.
                if by_hand {
                    store.drop_candidates(&[entry.slug()])?;
                    store.let_go(&entry.slug())?;
                    continue;
                }
                let kind = PendingKind::Pair {
                    certificate: name.clone(),
                    interrupts: own
                        .iter()
                        .any(|(step, _)| step.unit.as_deref().is_some_and(interrupts)),
                };
                let now = self.seams.clock.now();
                store.promise(&kind, now)?;
                store.tried(&kind, &why, now)?;
                continue;
            }
            let keep = work.plan.kept.iter().find(|keep| keep.certificate == *name);
            let done = match keep {
                _ if fresh => arrived,
                // What waits for the restarts' time of day still waits for it after this run.
                Some(keep) => !keep.held,
                // While a pair waits for its next try, what happens to the installed one is no news of it.
                None => !own.is_empty() && arrived && item.is_none(),
            };
            if fresh && arrived && !by_hand && facts.held.is_some() {
                store.let_go(&entry.slug())?;
            }
            if done {
                if facts.candidate.is_some() || fresh {
                    arrived_or_unwanted.push(entry.slug());
                }
                if let Some(item) = item {
                    store.settle(&item.kind)?;
                }
            }
        }
        store.drop_candidates(&arrived_or_unwanted)?;
        Ok(())
    }
}

/// Why a certificate's new pair was taken back, where it was: what the first failed step of its unit, or of its judges, said.
fn taken_back(steps: &[(&Step, &Outcome)], name: &CommonName) -> Option<String> {
    let undone = |(step, outcome): &&(&Step, &Outcome)| {
        step.action.certificate() == Some(name)
            && step.undo.is_some()
            && matches!(outcome.status, Status::Undone | Status::Failed)
    };
    let unit = steps.iter().find(undone)?.0.unit.as_ref()?;
    let (step, outcome) = steps.iter().find(|(step, outcome)| {
        outcome.status == Status::Failed
            && (step.unit.as_ref() == Some(unit) || step.judges.contains(unit))
    })?;
    Some(format!(
        "`{}` failed: {}",
        step.id,
        outcome.errors.join(": ")
    ))
}

/// Whether a unit is a daemon's own.
fn interrupts(unit: &str) -> bool {
    unit.starts_with("docker ")
}
