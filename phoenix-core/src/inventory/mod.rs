//! What is really there: pairs on the host and in guests, daemons and their configuration. Facts only; the plan decides.

mod collect;
mod daemon;
mod guest;
mod host;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::model::Issuer;
use crate::names::{CommonName, GuestId};
use crate::store::PendingItem;
use crate::x509::{Anchor, Chain, Fingerprint};

pub(crate) use collect::{CALL_TIME, DAEMON_JSON, guest_path};
pub use collect::{Collector, collect};
pub use daemon::{DockerFacts, TraefikFacts, docker_commands, traefik_commands};
pub(crate) use guest::leaf_at;
pub(crate) use host::in_words;
pub use host::{PairFacts, PairState, read_candidate, read_pair};

/// Everything that a plan is decided from, besides the site itself.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The pairs of the manifest's entries.
    pub certificates: BTreeMap<CommonName, CertificateFacts>,
    /// The guests that matter to the plan.
    pub guests: BTreeMap<GuestId, GuestFacts>,
    /// The CA's roots, where they are known.
    pub anchors: Vec<Anchor>,
    /// The root of the CA that Docker's clients have to themselves, where the site asks for one and it exists.
    pub client_anchors: Vec<Anchor>,
    /// What earlier runs left to be done.
    pub pending: Vec<PendingItem>,
}

/// What is there of one certificate.
#[derive(Debug, Clone)]
pub struct CertificateFacts {
    /// The pair at the entry's own paths.
    pub primary: PairFacts,
    /// Why its chain does not lead to the CA's root; `None` when it does or the root is not known.
    pub untrusted: Option<String>,
    /// Since when the installed key is used, as far as it is known; only where the entry asks for a new key by age.
    pub key_since: Option<SystemTime>,
    /// A pair that was issued earlier and not deployed yet.
    pub candidate: Option<PairFacts>,
    /// For each placement, in the model's order, how far it is from what it should be.
    pub placements: Vec<PlacementState>,
}

/// Whether a placement holds the entry's pair as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementState {
    /// It differs in this way.
    Differs(String),
    /// Nothing is there.
    Missing,
    /// It is right.
    Right,
    /// It cannot be seen now: the guest is stopped or does not answer.
    Unseen(String),
}

/// What is known of a guest.
#[derive(Debug, Clone)]
pub struct GuestFacts {
    /// Why it cannot be reached now; `None` when it runs and answers.
    pub down: Option<String>,
    /// dockerd and its configuration, in guests that have it.
    pub docker: Option<DockerFacts>,
    /// Traefik and its configuration, likewise.
    pub traefik: Option<TraefikFacts>,
    /// The leaf that dockerd serves on its encrypted port; `None` when it serves none.
    pub served: Option<Fingerprint>,
    /// Whether dockerd's file of trusted clients holds a root, and another than it should.
    pub trusts_others: bool,
}

impl CertificateFacts {
    /// The installed chain, where there is one.
    pub fn chain(&self) -> Option<&Chain> {
        self.primary.chain()
    }
}

impl Inventory {
    /// The roots of an issuer, as far as they are known.
    pub fn anchors_of(&self, issuer: Issuer) -> &[Anchor] {
        match issuer {
            Issuer::DockerClients => &self.client_anchors,
            Issuer::Site => &self.anchors,
        }
    }

    /// Until when the guest's copy of a leaf is good; for tests and displays.
    pub fn not_after(&self, name: &CommonName) -> Option<SystemTime> {
        Some(self.certificates.get(name)?.chain()?.leaf().not_after)
    }
}

/// A file of a guest as it was found: its bytes and who may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFile {
    /// Its path in the guest.
    pub path: PathBuf,
    /// Its bytes; `None` when it is not there.
    pub bytes: Option<Vec<u8>>,
}
