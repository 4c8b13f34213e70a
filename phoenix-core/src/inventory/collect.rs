//! Collects the facts: the host's files directly, each guest by one call.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::guest::{GuestWork, found_in, look_into_all};
use super::host::{in_words, read_primary};
use super::{
    CertificateFacts, Inventory, PairFacts, PairState, PlacementState, ProxmoxSeen, read_candidate,
};
use crate::deploy::{Drift, Installed, PairTarget, read_installed};
use crate::manifest::{Entry, Rekey};
use crate::model::{Issuer, Model, Placement};
use crate::names::GuestId;
use crate::pve;
use crate::store::{Store, StoreError};
use crate::system::{Dial, FileError, Root, Users};
use crate::time::Clock;
use crate::transport::{GuestPath, GuestTransport};
use crate::x509::{Anchor, Crl, Usage, verify_chain_knowing};

/// What facts are collected with.
pub struct Collector<'a> {
    /// The host's files.
    pub root: &'a Root,
    /// The site.
    pub model: &'a Model,
    /// The site's state.
    pub store: &'a Store,
    /// The CA's roots, where they are known.
    pub anchors: Vec<Anchor>,
    /// The root of the CA that Docker's clients have to themselves, where the site asks for one and it exists.
    pub client_anchors: Vec<Anchor>,
    /// The revocation list of the site's CA, where that is one of our own.
    pub own_list: Option<Crl>,
    /// That of the CA of Docker's clients.
    pub client_list: Option<Crl>,
    /// Ways into guests.
    pub transports: &'a BTreeMap<GuestId, Arc<dyn GuestTransport>>,
    /// Sockets from where each guest's consumer stands.
    pub dial_from: &'a dyn Fn(Option<GuestId>) -> Arc<dyn Dial>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// Collects everything that a plan is decided from.
///
/// # Errors
///
/// Only when the site's own state is unreadable: what cannot be seen elsewhere is a fact, too.
pub fn collect(with: &Collector<'_>) -> Result<Inventory, StoreError> {
    let mut inventory = Inventory {
        anchors: with.anchors.clone(),
        client_anchors: with.client_anchors.clone(),
        pending: with.store.pending()?,
        proxmox: proxmox(with),
        trial: with.store.last_trial()?,
        revoked: match &with.own_list {
            Some(list) => Some(list.clone()),
            None => {
                with.store
                    .revocations(&with.anchors, with.clock.now())?
                    .list
            }
        },
        client_revoked: with.client_list.clone(),
        signatures: with.store.known_signatures()?,
        ..Inventory::default()
    };
    let now = with.clock.now();
    let mut guests: BTreeMap<GuestId, GuestWork> = BTreeMap::new();
    for guest in with.model.docker_managers() {
        guests.entry(guest.id).or_default().docker = true;
    }
    for guest in with.model.traefiks() {
        guests.entry(guest.id).or_default().traefik = true;
    }
    if let Some(anchor) = with.anchors.first() {
        if with.model.settings.trust.host {
            inventory.trust = Some(super::trust::on_host(with, anchor));
        }
        for guest in with.model.guests.iter().filter(|guest| guest.trusts_ca()) {
            guests.entry(guest.id).or_default().trust = true;
        }
    }
    let users = with.root.users();
    for located in &with.model.manifest.entries {
        let entry = &located.value;
        let placements = with.model.placements(entry);
        // One look tells what stands there and whether it is as it should be.
        let own = placements.first().filter(|own| own.guest.is_none());
        let seen = own.map(|placement| installed(with, &users, placement));
        let primary = match &seen {
            Some(Ok(installed)) => of_installed(entry, installed),
            _ => read_primary(with.root, entry),
        };
        let issued = (with.model.issuer_of(entry), entry.cert_type.usage());
        let untrusted = untrusted(&inventory, &primary, issued, now);
        let candidate = read_candidate(with.store, &entry.slug())?;
        // One of another CA than the one that issues now is of no use.
        let candidate_untrusted = candidate
            .as_ref()
            .and_then(|pair| self::untrusted(&inventory, pair, issued, now));
        let key_since = match (primary.chain(), entry.rekey) {
            (Some(chain), Rekey::After(_)) => {
                let leaf = chain.leaf();
                let known = with.store.key_since(&entry.slug(), &leaf.public_key)?;
                // The key is at least as old as its certificate.
                Some(known.unwrap_or(leaf.not_before))
            }
            _ => None,
        };
        let mut states = Vec::with_capacity(placements.len());
        for (index, placement) in placements.iter().enumerate() {
            states.push(match placement.guest {
                None => on_host(with, seen.as_ref(), &primary.state, entry),
                Some(guest) => {
                    let work = guests.entry(guest).or_default();
                    work.placements
                        .push((entry.common_name.clone(), index, placement.clone()));
                    PlacementState::Missing
                }
            });
        }
        inventory.certificates.insert(
            entry.common_name.clone(),
            CertificateFacts {
                primary,
                untrusted,
                key_since,
                candidate,
                candidate_untrusted,
                held: with.store.held(&entry.slug())?,
                placements: states,
            },
        );
    }
    for (guest, work, seen) in look_into_all(with, guests) {
        let facts = found_in(with, guest, &work, seen, &mut inventory);
        inventory.guests.insert(guest, facts);
    }
    Ok(inventory)
}

/// Why a pair's chain does not lead to its issuer's root; an expired leaf is the renewal window's business.
fn untrusted(
    inventory: &Inventory,
    pair: &PairFacts,
    (issuer, usage): (Issuer, Usage),
    now: SystemTime,
) -> Option<String> {
    let chain = pair.chain()?;
    let anchors = inventory.anchors_of(issuer);
    if anchors.is_empty() {
        let words = "the CA of Docker's clients does not exist yet, this run makes it";
        return (issuer == Issuer::DockerClients).then(|| words.to_owned());
    }
    verify_chain_knowing(chain, anchors, now, usage, &inventory.signatures)
        .err()
        .filter(|fault| !fault.is_expiry())
        .map(|fault| fault.to_string())
}

/// Proxmox's files, where this host has such.
fn proxmox(with: &Collector<'_>) -> ProxmoxSeen {
    let facts = pve::is_there(with.root).and_then(|is_there| {
        is_there
            .then(|| pve::read(with.root, &with.model.site_rules()))
            .transpose()
    });
    match facts {
        Ok(None) => ProxmoxSeen::Absent,
        Ok(Some(facts)) => ProxmoxSeen::Seen(Box::new(facts)),
        Err(error) => ProxmoxSeen::Unreadable(in_words(&error)),
    }
}

/// What stands at a pair's paths on the host; what hinders the look is a state of its own.
fn installed(
    with: &Collector<'_>,
    users: &Result<Users, FileError>,
    placement: &Placement,
) -> Result<Installed, PlacementState> {
    let owner = match users.as_ref().map(|users| users.resolve(&placement.owner)) {
        Ok(Ok(owner)) => owner,
        Ok(Err(error)) => return Err(PlacementState::Unseen(in_words(&error))),
        Err(error) => return Err(PlacementState::Unseen(in_words(error))),
    };
    let target = PairTarget::of(placement, owner, with.store.journal_dir());
    read_installed(with.root, &target).map_err(|error| PlacementState::Differs(in_words(&error)))
}

/// The pair itself; what its version holds in the place of a path that is gone does not count.
fn of_installed(entry: &Entry, installed: &Installed) -> PairFacts {
    let is_gone = |path: &Path| {
        let gone = |drift: &Drift| matches!(drift, Drift::Missing { path: gone } if gone == path);
        installed.drift.iter().any(gone)
    };
    let cert = installed.chain.as_deref();
    let key = installed.key.as_ref();
    PairFacts::of_bytes(
        cert.filter(|_| !is_gone(&entry.cert_path)),
        key.filter(|_| !is_gone(&entry.key_path)),
    )
}

/// How a pair on the host differs from what it should be.
fn on_host(
    with: &Collector<'_>,
    seen: Option<&Result<Installed, PlacementState>>,
    state: &PairState,
    entry: &Entry,
) -> PlacementState {
    if matches!(state, PairState::Missing) {
        return PlacementState::Missing;
    }
    match seen {
        None => PlacementState::Missing,
        Some(Err(state)) => state.clone(),
        Some(Ok(installed)) => match installed.drift.first() {
            None => ca_drift(with, entry.ca_path.as_deref()),
            Some(drift) => PlacementState::Differs(drift.to_string()),
        },
    }
}

/// Whether the root's file holds the root that is trusted.
fn ca_drift(with: &Collector<'_>, path: Option<&Path>) -> PlacementState {
    let (Some(path), Some(anchor)) = (path, with.anchors.first()) else {
        return PlacementState::Right;
    };
    match with.root.read_optional(path) {
        Ok(Some(bytes)) if bytes == anchor.to_pem() => PlacementState::Right,
        Ok(Some(_)) => PlacementState::Differs("the root's file holds another root".to_owned()),
        Ok(None) => PlacementState::Differs("the root's file is missing".to_owned()),
        Err(error) => PlacementState::Differs(in_words(&error)),
    }
}

/// A path of the site as a path in a guest.
pub(crate) fn guest_path(path: &Path) -> Result<GuestPath, String> {
    path.to_string_lossy()
        .parse()
        .map_err(|error: crate::names::NameError| error.to_string())
}

/// Where dockerd's configuration lies.
pub(crate) const DAEMON_JSON: &str = "/etc/docker/daemon.json";
/// How long a call into a guest may take besides the commands in it.
pub(crate) const CALL_TIME: Duration = Duration::from_secs(60);
