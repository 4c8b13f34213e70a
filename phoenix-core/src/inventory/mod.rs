//! What is really there: pairs on the host and in guests, daemons and their configuration. Facts only; the plan decides.

mod collect;
mod daemon;
mod guest;
mod host;
mod trust;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::firewall::ProxmoxFacts;
use crate::model::Issuer;
use crate::names::{CommonName, GuestId};
use crate::store::{Held, PendingItem, Trial};
use crate::x509::{Anchor, Chain, Crl, Fingerprint, KnownSignatures};

pub(crate) use collect::{CALL_TIME, DAEMON_JSON, guest_path};
pub use collect::{Collector, collect};
pub use daemon::{DockerFacts, TraefikFacts, docker_commands, traefik_commands};
pub(crate) use guest::leaf_at;
pub(crate) use host::in_words;
pub use host::{PairFacts, PairState, read_candidate, read_pair};
pub use trust::{TrustFacts, bundle_has, in_bundle};

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
    /// The host's trust store, where the site asks for the root in it.
    pub trust: Option<TrustFacts>,
    /// What earlier runs left to be done.
    pub pending: Vec<PendingItem>,
    /// The CA's revocation list, where one is known that still counts.
    pub revoked: Option<Crl>,
    /// That of the CA that Docker's clients have to themselves.
    pub client_revoked: Option<Crl>,
    /// What Proxmox has on this host.
    pub proxmox: ProxmoxSeen,
    /// The last change of the firewall that waited for its confirmation, or still does.
    pub trial: Option<Trial>,
    /// Signatures of chains that were right before, and those that are now.
    pub signatures: KnownSignatures,
}

/// What was seen of Proxmox's files.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ProxmoxSeen {
    /// This host has none.
    #[default]
    Absent,
    /// They are these.
    Seen(Box<ProxmoxFacts>),
    /// They cannot be read.
    Unreadable(String),
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
    /// A pair that was issued earlier and not deployed yet, or taken back.
    pub candidate: Option<PairFacts>,
    /// Why its chain does not lead to the CA's root.
    pub candidate_untrusted: Option<String>,
    /// The record of a pair that an operator brought back.
    pub held: Option<Held>,
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
    /// Its container is stopped, and what lies there for it is right as far as the host sees it.
    Resting(String),
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
    /// Its trust store, where the site asks for the root in it.
    pub trust: Option<TrustFacts>,
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
    /// An issuer's revocation list, where one is known that counts.
    pub fn revoked_by(&self, issuer: Issuer) -> Option<&Crl> {
        match issuer {
            Issuer::DockerClients => self.client_revoked.as_ref(),
            Issuer::Site => self.revoked.as_ref(),
        }
    }

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
