//! Collects the facts: the host's files directly, each guest by one call.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::daemon::unix_time;
use super::host::{in_words, read_primary};
use super::{
    CertificateFacts, DockerFacts, GuestFacts, Inventory, PairState, PlacementState, TraefikFacts,
    docker_commands, read_candidate, traefik_commands,
};
use crate::deploy::{PairTarget, read_installed};
use crate::model::{Model, Placement};
use crate::names::{FileMode, GuestId, Owner};
use crate::probe::Viewpoint;
use crate::probe::tls::{Server, served_leaf};
use crate::store::{Store, StoreError};
use crate::system::{Dial, Root};
use crate::time::Clock;
use crate::transport::{
    Answer, Entry, GuestPath, GuestState, GuestTransport, Inspect, Program, Sha256, Step,
    StepResult,
};
use crate::x509::{Anchor, Fingerprint, Usage, verify_chain};

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
        pending: with.store.pending()?,
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
    for located in &with.model.manifest.entries {
        let entry = &located.value;
        let primary = read_primary(with.root, entry);
        let usage = if entry.cert_type == crate::manifest::CertType::Client {
            Usage::Client
        } else {
            Usage::Server
        };
        let untrusted = match primary.chain() {
            Some(chain) if !with.anchors.is_empty() => {
                verify_chain(chain, &with.anchors, now, usage)
                    .err()
                    .and_then(|fault| {
                        // An expired leaf is the renewal window's business.
                        (!fault.is_expiry()).then(|| fault.to_string())
                    })
            }
            _ => None,
        };
        let placements = with.model.placements(entry);
        let mut states = Vec::with_capacity(placements.len());
        for (index, placement) in placements.iter().enumerate() {
            states.push(match placement.guest {
                None => on_host(with, placement, &primary.state, entry),
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
                candidate: read_candidate(with.store, &entry.slug())?,
                placements: states,
            },
        );
    }
    for (guest, work) in guests {
        let facts = look_into(with, guest, &work, &mut inventory);
        inventory.guests.insert(guest, facts);
    }
    Ok(inventory)
}

/// What is asked of one guest.
#[derive(Default)]
struct GuestWork {
    docker: bool,
    traefik: bool,
    placements: Vec<(crate::names::CommonName, usize, Placement)>,
}

/// How a pair on the host differs from what it should be.
fn on_host(
    with: &Collector<'_>,
    placement: &Placement,
    state: &PairState,
    entry: &crate::manifest::Entry,
) -> PlacementState {
    if matches!(state, PairState::Missing) {
        return PlacementState::Missing;
    }
    let owner = match with
        .root
        .users()
        .map(|users| users.resolve(&placement.owner))
    {
        Ok(Ok(owner)) => owner,
        Ok(Err(error)) => return PlacementState::Unseen(in_words(&error)),
        Err(error) => return PlacementState::Unseen(in_words(&error)),
    };
    let target = PairTarget::of(placement, owner, with.store.journal_dir());
    match read_installed(with.root, &target) {
        Ok(found) => match found.drift.first() {
            None => ca_drift(with, entry.ca_path.as_deref()),
            Some(drift) => PlacementState::Differs(drift.to_string()),
        },
        Err(error) => PlacementState::Differs(in_words(&error)),
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

/// One call into a guest: its files, its daemons, its sockets.
fn look_into(
    with: &Collector<'_>,
    guest: GuestId,
    work: &GuestWork,
    inventory: &mut Inventory,
) -> GuestFacts {
    let mut facts = GuestFacts {
        down: None,
        docker: None,
        traefik: None,
        served: None,
    };
    let down = match with.transports.get(&guest) {
        None => Some("the site does not know this guest".to_owned()),
        Some(transport) => match transport.state() {
            Ok(GuestState::Running) => {
                ask(with, work, transport.as_ref(), inventory, &mut facts).err()
            }
            Ok(state) => Some(format!("the guest is {state}")),
            Err(error) => Some(in_words(&error)),
        },
    };
    if let Some(why) = &down {
        for (name, index, _) in &work.placements {
            if let Some(certificate) = inventory.certificates.get_mut(name) {
                certificate.placements[*index] = PlacementState::Unseen(why.clone());
            }
        }
    }
    if down.is_none() && facts.docker.is_some() {
        facts.served = docker_leaf(with, guest);
    }
    facts.down = down;
    facts
}

fn ask(
    with: &Collector<'_>,
    work: &GuestWork,
    transport: &dyn GuestTransport,
    inventory: &mut Inventory,
    facts: &mut GuestFacts,
) -> Result<(), String> {
    let mut steps = Vec::new();
    let mut files = Vec::new();
    for (name, index, placement) in &work.placements {
        let mut paths = vec![&placement.cert, &placement.key];
        paths.extend(&placement.ca);
        let at = steps.len();
        for path in paths {
            steps.push(Step::Inspect(Inspect::new(guest_path(path)?)));
        }
        files.push((name.clone(), *index, placement, at));
    }
    let docker_at = steps.len();
    if work.docker {
        steps.push(Step::Inspect(Inspect::with_content(guest_path(
            Path::new(DAEMON_JSON),
        )?)));
        steps.extend(docker_commands().into_iter().map(Step::Exec));
        steps.push(Step::Sockets);
    }
    let traefik_at = steps.len();
    if work.traefik {
        let settings = &with.model.settings.traefik;
        steps.push(Step::Inspect(Inspect::with_content(guest_path(
            &settings.static_file,
        )?)));
        let commands = traefik_commands(
            &settings.binary.to_string_lossy(),
            &settings.static_file.to_string_lossy(),
        );
        steps.extend(commands.into_iter().map(Step::Exec));
    }
    let program = Program::new(steps).keep_going();
    let timeout = CALL_TIME + program.exec_time();
    let answer = transport
        .run(&program, timeout)
        .map_err(|error| in_words(&error))?;
    for (name, index, placement, at) in files {
        let found = &answer.results[at..at + 2 + usize::from(placement.ca.is_some())];
        if let Some(certificate) = inventory.certificates.get_mut(&name) {
            let state = in_guest(
                placement,
                &certificate.primary.state,
                with.anchors.first(),
                found,
            );
            certificate.placements[index] = state;
        }
    }
    if work.docker {
        facts.docker = Some(docker_facts(&answer, docker_at));
    }
    if work.traefik {
        facts.traefik = Some(traefik_facts(&answer, traefik_at));
    }
    Ok(())
}

/// How a pair in a guest differs from the entry's own pair.
fn in_guest(
    placement: &Placement,
    primary: &PairState,
    anchor: Option<&Anchor>,
    found: &[StepResult],
) -> PlacementState {
    let (cert_sha256, key_sha256) = match primary {
        PairState::Present {
            cert_sha256,
            key_sha256,
            ..
        } => (Some(*cert_sha256), Some(*key_sha256)),
        _ => (None, None),
    };
    let ca_sha256 = anchor.map(|anchor| Sha256::of(&anchor.to_pem()));
    let files = [
        (
            "certificate",
            placement.cert_mode,
            cert_sha256,
            "fullchain.pem",
            &placement.cert,
        ),
        (
            "key",
            placement.key_mode,
            key_sha256,
            "key.pem",
            &placement.key,
        ),
        (
            "root",
            placement.cert_mode,
            ca_sha256,
            "ca.pem",
            placement.ca.as_ref().unwrap_or(&placement.cert),
        ),
    ];
    for ((what, mode, sha256, name, path), result) in files.into_iter().zip(found) {
        let entry = match result {
            StepResult::Inspected(Some(entry)) => entry,
            StepResult::Inspected(None) => return PlacementState::Missing,
            other => return PlacementState::Unseen(format!("the {what}: {other:?}")),
        };
        if let Some(difference) = difference(entry, mode, &placement.owner, sha256) {
            return PlacementState::Differs(format!("the {what} {difference}"));
        }
        let same_dir = path.parent() == placement.cert.parent();
        let ours = format!(".phoenix/{}/current/{name}", placement.slug);
        // A plain file that is right in all else stays until its pair changes.
        if let Some(link) = entry.target.as_deref()
            && !(link == ours || !same_dir && link.ends_with(&ours))
        {
            return PlacementState::Differs(format!("the {what} is a link to {link}"));
        }
    }
    PlacementState::Right
}

fn difference(
    entry: &Entry,
    mode: FileMode,
    owner: &Owner,
    sha256: Option<Sha256>,
) -> Option<String> {
    let Some(meta) = entry.opened() else {
        return Some("is a link that leads nowhere".to_owned());
    };
    if sha256.is_some() && entry.sha256 != sha256 {
        return Some("is another than on the host".to_owned());
    }
    if meta.mode != mode {
        return Some(format!("has mode {}, wanted {mode}", meta.mode));
    }
    let is = |name: &Option<String>, id: u32, wanted: &str| {
        name.as_deref() == Some(wanted) || id.to_string() == wanted
    };
    if !is(&meta.user, meta.uid, &owner.user) || !is(&meta.group, meta.gid, &owner.group) {
        let name = |name: &Option<String>, id: u32| name.clone().unwrap_or_else(|| id.to_string());
        return Some(format!(
            "belongs to {}:{}, wanted {owner}",
            name(&meta.user, meta.uid),
            name(&meta.group, meta.gid)
        ));
    }
    None
}

fn docker_facts(answer: &Answer, at: usize) -> DockerFacts {
    let said = |offset: usize| said(answer, at + 1 + offset);
    DockerFacts {
        daemon_json: content(answer, at),
        active_state: said(0).unwrap_or_else(|| "unknown".to_owned()),
        unit: said(1).unwrap_or_default(),
        version: said(2),
        server_version: said(3),
        swarm_active: said(4).as_deref() == Some("active"),
        sockets: match answer.results.get(at + 1 + docker_commands().len()) {
            Some(StepResult::Sockets(sockets)) => sockets.clone(),
            _ => Vec::new(),
        },
    }
}

fn traefik_facts(answer: &Answer, at: usize) -> TraefikFacts {
    let said = |offset: usize| said(answer, at + 1 + offset);
    let started = said(2).as_deref().and_then(unix_time);
    let written = said(3).as_deref().and_then(unix_time);
    TraefikFacts {
        static_file: content(answer, at),
        active_state: said(0).unwrap_or_else(|| "unknown".to_owned()),
        version: said(1),
        started_before_file: started
            .zip(written)
            .is_some_and(|(started, written)| started < written),
    }
}

fn content(answer: &Answer, at: usize) -> Option<Vec<u8>> {
    match answer.results.get(at) {
        Some(StepResult::Inspected(Some(entry))) => entry
            .whole_content()
            .map(|bytes| bytes.expose_secret().to_vec()),
        _ => None,
    }
}

/// What a command printed, if it ended with 0.
fn said(answer: &Answer, at: usize) -> Option<String> {
    match answer.results.get(at) {
        Some(StepResult::Exec(run)) if run.succeeded() && !run.stdout.is_empty() => {
            Some(String::from_utf8_lossy(&run.stdout).trim().to_owned())
        }
        _ => None,
    }
}

/// The leaf that dockerd serves, seen from Traefik where there is one.
fn docker_leaf(with: &Collector<'_>, guest: GuestId) -> Option<Fingerprint> {
    let ip: IpAddr = with.model.guests.guest(guest)?.address.ip()?;
    let from = with.model.traefiks().next().map(|traefik| traefik.id);
    let dial = (with.dial_from)(from);
    leaf_at(
        dial.as_ref(),
        with.clock,
        &ip.to_string(),
        with.model.settings.docker.port,
    )
}

/// The leaf that is served there, if any.
pub(crate) fn leaf_at(
    dial: &dyn Dial,
    clock: &dyn Clock,
    address: &str,
    port: u16,
) -> Option<Fingerprint> {
    let view = Viewpoint {
        dial,
        clock,
        timeout: LOOK_TIME,
    };
    let server = Server {
        host: address,
        port,
        server_name: address,
        roots: &[],
        identity: None,
    };
    served_leaf(&view, &server)
        .ok()
        .map(|leaf| Fingerprint::of(&leaf))
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
/// How long a look at a served leaf may take.
const LOOK_TIME: Duration = Duration::from_secs(3);
