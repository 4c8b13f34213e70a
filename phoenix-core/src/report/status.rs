//! How the site stands, at a glance: each certificate with its end, its window and its places, and what is pending.

use std::time::SystemTime;

use serde::Serialize;

use crate::inventory::{Inventory, PairState, PlacementState};
use crate::manifest::Entry;
use crate::model::Model;
use crate::names::CommonName;
use crate::plan::{Blocked, Plan, Wanted, endpoint, opening};
use crate::store::{LastRun, PendingItem};

/// How the site stands.
#[derive(Debug, Clone, Serialize)]
pub struct SiteStatus {
    /// When it was looked at.
    #[serde(with = "crate::time::serde_rfc3339")]
    pub seen: SystemTime,
    /// Which CA is in use, in words.
    pub authority: String,
    /// Each certificate, in the order of the manifest.
    pub certificates: Vec<CertificateStatus>,
    /// What earlier runs left to be done.
    pub pending: Vec<Pending>,
    /// What cannot be seen or done now.
    pub blocked: Vec<Blocked>,
    /// What the last run came to.
    pub last_run: Option<LastRun>,
}

/// A pending item with the id that names it on the command line.
#[derive(Debug, Clone, Serialize)]
pub struct Pending {
    /// Its id.
    pub id: String,
    /// What it is.
    #[serde(flatten)]
    pub item: PendingItem,
}

impl From<PendingItem> for Pending {
    fn from(item: PendingItem) -> Self {
        let id = item.id().to_string();
        Self { id, item }
    }
}

/// How one certificate stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CertificateStatus {
    /// Its name.
    pub certificate: CommonName,
    /// In a word.
    pub state: CertificateState,
    /// When it ends; absent when nothing readable is installed.
    #[serde(with = "crate::time::serde_rfc3339::option")]
    pub not_after: Option<SystemTime>,
    /// When it is renewed.
    #[serde(with = "crate::time::serde_rfc3339::option")]
    pub due: Option<SystemTime>,
    /// Whether it is due, and waits only for the time of day at which a daemon may be restarted.
    pub held: bool,
    /// The places where it belongs.
    pub places: Vec<PlaceStatus>,
    /// What a run would do about it, and why.
    pub work: Vec<String>,
}

/// A certificate's state in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CertificateState {
    /// Its time is over.
    Expired,
    /// It is as it should be.
    Good,
    /// Nothing is installed.
    Missing,
    /// What is installed cannot be read.
    Unreadable,
    /// It serves, and a run would do something about it.
    Work,
}

/// One of a certificate's places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceStatus {
    /// Where.
    pub place: String,
    /// Whether the pair there is the one that it should be.
    pub good: bool,
    /// What is wrong, or why it cannot be seen.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Puts what was found and what a run would do side by side. Pure.
pub fn status(
    model: &Model,
    inventory: &Inventory,
    plan: &Plan,
    last_run: Option<LastRun>,
) -> SiteStatus {
    SiteStatus {
        seen: plan.decided,
        authority: plan.authority.clone(),
        certificates: model
            .manifest
            .entries
            .iter()
            .map(|located| certificate(model, &located.value, inventory, plan))
            .collect(),
        pending: inventory
            .pending
            .iter()
            .cloned()
            .map(Pending::from)
            .collect(),
        blocked: plan.blocked.clone(),
        last_run,
    }
}

fn certificate(
    model: &Model,
    entry: &Entry,
    inventory: &Inventory,
    plan: &Plan,
) -> CertificateStatus {
    let name = &entry.common_name;
    let facts = inventory.certificates.get(name);
    let chain = facts.and_then(|facts| facts.chain());
    let not_after = chain.map(crate::x509::Chain::not_after);
    let wanted = Wanted::of(entry, model);
    let work: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.action.certificate() == Some(name))
        .map(|step| {
            let reasons: Vec<String> = step.reasons.iter().map(ToString::to_string).collect();
            format!("{}: {}", step.id, reasons.join("; "))
        })
        .collect();
    let places: Vec<PlaceStatus> = model
        .placements(entry)
        .iter()
        .zip(facts.into_iter().flat_map(|facts| &facts.placements))
        .map(|(placement, state)| {
            let (good, detail) = match state {
                PlacementState::Right => (true, String::new()),
                PlacementState::Resting(why) => (true, why.clone()),
                PlacementState::Missing => (false, "missing".to_owned()),
                PlacementState::Differs(what) | PlacementState::Unseen(what) => {
                    (false, what.clone())
                }
            };
            PlaceStatus {
                place: endpoint(placement).to_string(),
                good,
                detail,
            }
        })
        .collect();
    let state = match facts.map(|facts| &facts.primary.state) {
        None | Some(PairState::Missing) => CertificateState::Missing,
        Some(PairState::Unreadable(_)) => CertificateState::Unreadable,
        Some(PairState::Present { .. }) if not_after.is_some_and(|end| end <= plan.decided) => {
            CertificateState::Expired
        }
        Some(PairState::Present { .. })
            if work.is_empty() && places.iter().all(|place| place.good) =>
        {
            CertificateState::Good
        }
        Some(PairState::Present { .. }) => CertificateState::Work,
    };
    let opening = chain.map(|chain| opening(&wanted, chain.leaf(), plan.decided));
    CertificateStatus {
        certificate: name.clone(),
        state,
        not_after,
        due: opening.map(|opening| opening.at),
        held: opening.is_some_and(|opening| opening.held),
        places,
        work,
    }
}
