//! Plans the pairs: which are issued, and where they go.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use super::renewal::{Found, Wanted};
use super::{Action, Blocked, Decision, Endpoint, Reason, Step, StepId, decide};
use crate::inventory::{CertificateFacts, Inventory, PairFacts, PairState, PlacementState};
use crate::manifest::Entry;
use crate::model::{Model, Placement};
use crate::names::{CommonName, GuestId};
use crate::store::PendingItem;
use crate::time::rfc3339;

/// A certificate that needs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// The certificate.
    pub certificate: CommonName,
    /// When it is renewed.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub due: SystemTime,
    /// Whether it is due, and waits only for the time of day at which a daemon may be restarted.
    pub held: bool,
    /// When it ends.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub not_after: SystemTime,
}

/// What the planner of certificates found to do.
#[derive(Debug, Default)]
pub(super) struct CertificatePlan {
    pub(super) steps: Vec<Step>,
    pub(super) kept: Vec<Keep>,
    pub(super) blocked: Vec<Blocked>,
    /// The steps that put a certificate in its places.
    pub(super) deployments: BTreeMap<CommonName, Vec<StepId>>,
    /// Those of them that bring a new pair into a guest.
    pub(super) delivered: BTreeMap<(CommonName, GuestId), StepId>,
}

/// What limits a plan.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Issue whatever its state is.
    pub force: bool,
    /// Only these certificates; all when empty.
    pub only: Vec<CommonName>,
    /// Nobody watches: what failed is left alone until its pause is over.
    pub unattended: bool,
    /// Look at every place where a leaf can be seen, not only where a new one is expected.
    pub look: bool,
}

impl Policy {
    /// Why something pending is left alone for now, where it is.
    pub(super) fn pauses(&self, item: &PendingItem, now: SystemTime) -> Option<String> {
        let next = item
            .next_try()
            .filter(|next| self.unattended && now < *next)?;
        let error = item.last_error.as_deref().unwrap_or("no reason was kept");
        let times = if item.tries == 1 {
            "once".to_owned()
        } else {
            format!("{} times", item.tries)
        };
        Some(format!(
            "failed {times}, last: {error}; tried again after {}, or by `phoenix pending retry`",
            rfc3339(next)
        ))
    }
}

/// Plans every entry of the manifest.
pub(super) fn plan(
    model: &Model,
    inventory: &Inventory,
    policy: &Policy,
    now: SystemTime,
) -> CertificatePlan {
    let mut plan = CertificatePlan::default();
    for located in &model.manifest.entries {
        let entry = &located.value;
        if !policy.only.is_empty() && !policy.only.contains(&entry.common_name) {
            continue;
        }
        if let Some(facts) = inventory.certificates.get(&entry.common_name) {
            entry_steps(model, entry, facts, policy, now, &mut plan);
        }
    }
    // `after` of the manifest: a deployment waits for all those of the names before it.
    for located in &model.manifest.entries {
        let entry = &located.value;
        let before: Vec<StepId> = entry
            .after
            .iter()
            .filter_map(|name| plan.deployments.get(name))
            .flatten()
            .cloned()
            .collect();
        let own = plan
            .deployments
            .get(&entry.common_name)
            .cloned()
            .unwrap_or_default();
        for step in plan.steps.iter_mut().filter(|step| own.contains(&step.id)) {
            *step = step.clone().needs(before.iter().cloned());
        }
    }
    plan
}

fn entry_steps(
    model: &Model,
    entry: &Entry,
    facts: &CertificateFacts,
    policy: &Policy,
    now: SystemTime,
    plan: &mut CertificatePlan,
) {
    let wanted = Wanted::of(entry, model);
    let (found, unreadable) = match &facts.primary.state {
        PairState::Missing => (None, None),
        PairState::Unreadable(why) => (None, Some(why.clone())),
        PairState::Present {
            chain, key_matches, ..
        } => {
            let found = Found {
                leaf: chain.leaf(),
                key_matches: *key_matches,
                key_since: facts.key_since,
                untrusted: facts.untrusted.as_deref(),
            };
            (Some(found), None)
        }
    };
    let decision = decide(&wanted, found.as_ref(), now, policy.force);
    let mut before: Vec<StepId> = Vec::new();
    let mut fresh = false;
    match decision {
        Decision::Keep { due, held } => {
            if let Some(chain) = facts.chain() {
                plan.kept.push(Keep {
                    certificate: entry.common_name.clone(),
                    due,
                    held,
                    not_after: chain.leaf().not_after,
                });
            }
        }
        Decision::Issue { how, reasons } => {
            fresh = true;
            if !policy.force && candidate_is_good(&wanted, facts.candidate.as_ref(), now) {
                // Nothing to issue; the deployments below say where the pair comes from.
            } else {
                let reasons = match unreadable {
                    Some(what) => vec![Reason::Unreadable { what }],
                    None => reasons,
                };
                let step = Step::new(
                    Action::Issue {
                        certificate: entry.common_name.clone(),
                        how,
                        key_type: entry.key_type,
                    },
                    reasons,
                );
                before.push(step.id.clone());
                plan.steps.push(step);
            }
        }
    }
    for (placement, state) in model.placements(entry).iter().zip(&facts.placements) {
        placement_step(entry, placement, state, fresh, &before, plan);
    }
}

/// Whether a pair that was issued earlier is what would be asked for now.
fn candidate_is_good(wanted: &Wanted<'_>, candidate: Option<&PairFacts>, now: SystemTime) -> bool {
    let Some(PairState::Present {
        chain, key_matches, ..
    }) = candidate.map(|facts| &facts.state)
    else {
        return false;
    };
    let found = Found {
        leaf: chain.leaf(),
        key_matches: *key_matches,
        key_since: None,
        untrusted: None,
    };
    matches!(
        decide(wanted, Some(&found), now, false),
        Decision::Keep { .. }
    )
}

fn placement_step(
    entry: &Entry,
    placement: &Placement,
    state: &PlacementState,
    fresh: bool,
    before: &[StepId],
    plan: &mut CertificatePlan,
) {
    let name = &entry.common_name;
    let reason = match (state, fresh) {
        (PlacementState::Unseen(why), _) => {
            plan.blocked.push(Blocked {
                subject: placement
                    .guest
                    .map_or_else(|| name.to_string(), |guest| guest.to_string()),
                reason: format!(
                    "`{name}` cannot be delivered to {}: {why}",
                    endpoint(placement)
                ),
                certificate: Some(name.clone()),
            });
            return;
        }
        (_, true) if before.is_empty() => Reason::CandidateWaits,
        (_, true) => Reason::NewPair,
        (PlacementState::Missing, false) => Reason::Missing,
        (PlacementState::Differs(what), false) => Reason::CopyDiffers { what: what.clone() },
        (PlacementState::Right, false) => return,
    };
    let to = endpoint(placement);
    let step = Step::new(
        Action::Deploy {
            certificate: name.clone(),
            to,
        },
        vec![reason],
    )
    .needs(before.iter().cloned());
    plan.deployments
        .entry(name.clone())
        .or_default()
        .push(step.id.clone());
    if let Some(guest) = placement.guest {
        plan.delivered
            .insert((name.clone(), guest), step.id.clone());
    }
    plan.steps.push(step);
}

/// Names a placement in a plan.
pub(crate) fn endpoint(placement: &Placement) -> Endpoint {
    Endpoint {
        guest: placement.guest,
        cert: placement.cert.clone(),
    }
}
