//! Plans the pairs: which are issued, and where they go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use serde::Serialize;

use super::back::{held, worth_going_back};
use super::renewal::{Found, Wanted};
use super::{Action, Blocked, Decision, Endpoint, Reason, Step, StepId, decide};
use crate::inventory::{CertificateFacts, Inventory, PairFacts, PairState, PlacementState};
use crate::manifest::Entry;
use crate::model::{Model, Placement};
use crate::names::{CommonName, GuestId};
use crate::store::{PendingItem, PendingKind};
use crate::time::rfc3339;
use crate::x509::Crl;

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
    /// When an operator brought it back; absent where nobody did. It stays until `due` then.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "crate::time::serde_rfc3339::option"
    )]
    pub brought_back: Option<SystemTime>,
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
    /// Certificates of which another pair than the installed one is put in place.
    pub(super) fresh: BTreeSet<CommonName>,
    /// New pairs whose predecessor is worth going back to, each with the unit of its deployments.
    pub(super) returnable: BTreeMap<CommonName, String>,
}

/// What limits a plan.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Policy {
    /// Issue whatever its state is.
    pub force: bool,
    /// Only these certificates; all when empty.
    pub only: Vec<CommonName>,
    /// Nobody watches: what failed is left alone until its pause is over.
    pub unattended: bool,
    /// Put the candidates of `only` in place whatever is installed: an operator brings earlier pairs back.
    pub bring_back: bool,
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
            entry_steps(model, inventory, entry, facts, policy, now, &mut plan);
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
    inventory: &Inventory,
    entry: &Entry,
    facts: &CertificateFacts,
    policy: &Policy,
    now: SystemTime,
    plan: &mut CertificatePlan,
) {
    let wanted = Wanted::of(entry, model);
    let revoked = inventory.revoked_by(model.issuer_of(entry));
    let name = &entry.common_name;
    let mut before: Vec<StepId> = Vec::new();
    let worth = worth_going_back(facts, now);
    let rejected = inventory.pending.iter().find(
        |item| matches!(&item.kind, PendingKind::Pair { certificate, .. } if certificate == name),
    );
    let candidate_waits = !policy.force && candidate_is_good(&wanted, facts, revoked, now);
    let paused = rejected
        .filter(|_| candidate_waits && worth)
        .and_then(|item| policy.pauses(item, now));
    let by_hand = held(entry, facts, now).filter(|_| !policy.force);
    let decision = decide(&wanted, found(facts, revoked).as_ref(), now, policy.force);
    let decision = match (decision, by_hand) {
        (Decision::Issue { .. } | Decision::Keep { held: true, .. }, Some(by_hand)) => {
            Decision::Keep {
                due: by_hand.until,
                held: false,
            }
        }
        (decision, _) => decision,
    };
    // Why another pair than the installed one goes to the places, if one does.
    let fresh = if policy.bring_back {
        let leaf = facts.candidate.as_ref().and_then(PairFacts::chain);
        leaf.map(|chain| Reason::RolledBack {
            leaf: chain.leaf().fingerprint,
            not_after: chain.leaf().not_after,
        })
    } else {
        match (decision, paused, rejected) {
            // A rejected pair waits for the time of day like any other.
            (Decision::Keep { due, held }, _, rejected)
                if held || !candidate_waits || rejected.is_none() =>
            {
                if let Some(chain) = facts.chain() {
                    plan.kept.push(Keep {
                        certificate: name.clone(),
                        due,
                        held,
                        not_after: chain.leaf().not_after,
                        brought_back: by_hand.map(|held| held.since),
                    });
                }
                None
            }
            (_, Some(reason), _) => {
                plan.blocked.push(Blocked {
                    subject: format!("pair {name}"),
                    reason,
                    certificate: Some(name.clone()),
                });
                None
            }
            (_, None, Some(item)) if candidate_waits => Some(super::pending_reason(item)),
            (_, None, None) if candidate_waits => Some(Reason::CandidateWaits),
            (Decision::Keep { .. }, ..) => None,
            (Decision::Issue { how, reasons }, ..) => {
                let reasons = match &facts.primary.state {
                    PairState::Unreadable(what) => vec![Reason::Unreadable { what: what.clone() }],
                    _ => reasons,
                };
                let step = Step::new(
                    Action::Issue {
                        certificate: name.clone(),
                        how,
                        key_type: entry.key_type,
                    },
                    reasons,
                );
                before.push(step.id.clone());
                plan.steps.push(step);
                Some(Reason::NewPair)
            }
        }
    };
    if fresh.is_some() {
        plan.fresh.insert(name.clone());
    }
    if fresh.is_some() && worth {
        plan.returnable.insert(name.clone(), format!("pair {name}"));
    }
    for (placement, state) in model.placements(entry).iter().zip(&facts.placements) {
        placement_step(entry, placement, state, fresh.as_ref(), &before, plan);
    }
}

/// What is installed, where it can be read.
fn found<'a>(facts: &'a CertificateFacts, revoked: Option<&Crl>) -> Option<Found<'a>> {
    match &facts.primary.state {
        PairState::Present {
            chain, key_matches, ..
        } => Some(Found {
            leaf: chain.leaf(),
            key_matches: *key_matches,
            key_since: facts.key_since,
            untrusted: facts.untrusted.as_deref(),
            revoked: revoked.and_then(|list| list.reason(&chain.leaf().serial_number())),
        }),
        _ => None,
    }
}

/// Whether a pair that was issued earlier is what would be asked for now.
fn candidate_is_good(
    wanted: &Wanted<'_>,
    facts: &CertificateFacts,
    revoked: Option<&Crl>,
    now: SystemTime,
) -> bool {
    let Some(PairState::Present {
        chain, key_matches, ..
    }) = facts.candidate.as_ref().map(|facts| &facts.state)
    else {
        return false;
    };
    let found = Found {
        leaf: chain.leaf(),
        key_matches: *key_matches,
        key_since: None,
        untrusted: facts.candidate_untrusted.as_deref(),
        revoked: revoked.and_then(|list| list.reason(&chain.leaf().serial_number())),
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
    fresh: Option<&Reason>,
    before: &[StepId],
    plan: &mut CertificatePlan,
) {
    let name = &entry.common_name;
    let reason = match (state, fresh) {
        (PlacementState::Resting(_) | PlacementState::Right, None) => return,
        (PlacementState::Unseen(why), _) | (PlacementState::Resting(why), Some(_)) => {
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
        (_, Some(fresh)) => fresh.clone(),
        (PlacementState::Missing, None) => Reason::Missing,
        (PlacementState::Differs(what), None) => Reason::CopyDiffers { what: what.clone() },
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
    let step = match plan.returnable.get(name) {
        Some(unit) => step.unit(unit.clone()),
        None => step,
    };
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
