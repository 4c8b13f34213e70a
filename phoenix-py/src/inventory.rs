//! What is there: pairs, guests, daemons.

use phoenix_core::inventory as core;
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::call::detached;
use crate::record::{record, sequence};
use crate::report::Pending;
use crate::site::Site;
use crate::value::{Time, Tuple};
use crate::x509::Anchor;

record! {
    /// A place of a pair, as it was found.
    struct PlacementFacts {
        /// `right`, `missing`, `differs`, `resting` or `unseen`.
        state: String,
        /// What differs, or why it cannot be seen.
        detail: Option<String>,
    }
}

record! {
    /// A pair of the manifest, as it was found.
    struct PairFacts {
        /// Its name.
        certificate: String,
        /// `present`, `missing` or `unreadable`.
        state: String,
        /// Why it cannot be read.
        detail: Option<String>,
        /// Whether the key belongs to the certificate; `None` where there is none.
        key_matches: Option<bool>,
        /// The fingerprint of its leaf.
        fingerprint: Option<String>,
        /// When its leaf ends.
        not_after: Option<Time>,
        /// Why it is not to be trusted.
        untrusted: Option<String>,
        /// Whether a newer pair waits to be deployed.
        candidate: bool,
        /// Until when it stays, because an operator brought it back.
        held_until: Option<Time>,
        /// Its places, the host's first.
        placements: Tuple<PlacementFacts>,
    }
}

record! {
    /// A guest, as it was found.
    struct GuestFacts {
        /// The guest: `lxc:102` or `vm:1001`.
        guest: String,
        /// Why it could not be asked; `None` when it was.
        down: Option<String>,
        /// What systemd says of Docker there, where it is asked about.
        docker_state: Option<String>,
        /// Docker's version.
        docker_version: Option<String>,
        /// What systemd says of Traefik there, where it is asked about.
        traefik_state: Option<String>,
        /// Traefik's version.
        traefik_version: Option<String>,
        /// The fingerprint of the leaf that Docker serves.
        served: Option<String>,
    }
}

/// What is there: a sequence of the manifest's pairs, with guests, roots and what is pending.
#[pyclass(frozen, eq, hash, name = "Inventory", module = "phoenix_py")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Found {
    pairs: Tuple<PairFacts>,
    /// The guests.
    #[pyo3(get)]
    guests: Tuple<GuestFacts>,
    /// The roots that are trusted.
    #[pyo3(get)]
    roots: Tuple<Anchor>,
    /// What earlier runs left to be done.
    #[pyo3(get)]
    pending: Tuple<Pending>,
}

sequence!(Found, pairs, PairFacts);

impl PairFacts {
    fn of(name: &str, facts: &core::CertificateFacts) -> Self {
        let leaf = facts.chain().map(phoenix_core::x509::Chain::leaf);
        let (state, detail, key_matches) = match &facts.primary.state {
            core::PairState::Missing => ("missing", None, None),
            core::PairState::Present { key_matches, .. } => ("present", None, Some(*key_matches)),
            core::PairState::Unreadable(why) => ("unreadable", Some(why.clone()), None),
            _ => ("unreadable", None, None),
        };
        let placements = facts.placements.iter().map(|placement| {
            let (state, detail) = match placement {
                core::PlacementState::Differs(what) => ("differs", Some(what.clone())),
                core::PlacementState::Missing => ("missing", None),
                core::PlacementState::Resting(what) => ("resting", Some(what.clone())),
                core::PlacementState::Right => ("right", None),
                core::PlacementState::Unseen(what) => ("unseen", Some(what.clone())),
                _ => ("unseen", None),
            };
            PlacementFacts {
                state: state.to_owned(),
                detail,
            }
        });
        Self {
            certificate: name.to_owned(),
            state: state.to_owned(),
            detail,
            key_matches,
            fingerprint: leaf.map(|leaf| leaf.fingerprint.to_string()),
            not_after: leaf.map(|leaf| Time::at(leaf.not_after)),
            untrusted: facts.untrusted.clone(),
            candidate: facts.candidate.is_some(),
            held_until: facts.held.as_ref().map(|held| Time::at(held.until)),
            placements: Tuple(placements.collect()),
        }
    }
}

impl GuestFacts {
    fn of(guest: &str, facts: &core::GuestFacts) -> Self {
        let (docker, traefik) = (facts.docker.as_ref(), facts.traefik.as_ref());
        Self {
            guest: guest.to_owned(),
            down: facts.down.clone(),
            docker_state: docker.map(|docker| docker.active_state.clone()),
            docker_version: docker.and_then(|docker| {
                docker
                    .server_version
                    .clone()
                    .or_else(|| docker.version.clone())
            }),
            traefik_state: traefik.map(|traefik| traefik.active_state.clone()),
            traefik_version: traefik.and_then(|traefik| traefik.version.clone()),
            served: facts.served.map(|print| print.to_string()),
        }
    }
}

#[pymethods]
impl Found {
    /// The manifest's pairs, by name.
    #[getter]
    fn pairs(&self) -> Tuple<PairFacts> {
        self.pairs.clone()
    }

    fn __repr__(&self) -> String {
        let (pairs, guests) = (self.pairs.0.len(), self.guests.0.len());
        format!("<Inventory of {pairs} pairs and {guests} guests>")
    }
}

#[pymethods]
impl Site {
    /// What is there, as a plan sees it; writes nothing.
    fn inventory(&self, py: Python<'_>) -> PyResult<Found> {
        let found = detached(py, || self.site.inventory())?;
        let pairs = found.certificates.iter();
        let guests = found.guests.iter();
        let pending: PyResult<_> = found.pending.iter().map(Pending::of).collect();
        Ok(Found {
            pairs: Tuple(
                pairs
                    .map(|(name, facts)| PairFacts::of(name.as_str(), facts))
                    .collect(),
            ),
            guests: Tuple(
                guests
                    .map(|(id, facts)| GuestFacts::of(&id.to_string(), facts))
                    .collect(),
            ),
            roots: Tuple(
                found
                    .anchors
                    .iter()
                    .map(|inner| Anchor {
                        inner: inner.clone(),
                    })
                    .collect(),
            ),
            pending: Tuple(pending?),
        })
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PlacementFacts>()?;
    module.add_class::<PairFacts>()?;
    module.add_class::<GuestFacts>()?;
    module.add_class::<Found>()
}
