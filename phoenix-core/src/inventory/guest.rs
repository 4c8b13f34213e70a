//! Looks into guests: their pairs, their daemons, their sockets, by one call each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::collect::{CALL_TIME, Collector, DAEMON_JSON, guest_path};
use super::daemon::{content, docker_facts, traefik_facts};
use super::host::in_words;
use super::{
    CertificateFacts, GuestFacts, Inventory, PairState, PlacementState, docker_commands, in_bundle,
    traefik_commands,
};
use crate::guests::ids_in_container;
use crate::model::{Issuer, Model, Placement};
use crate::names::{CommonName, FileMode, GuestId, Owner};
use crate::probe::Viewpoint;
use crate::probe::tls::{Server, served_leaf};
use crate::secret::Secret;
use crate::system::Dial;
use crate::time::Clock;
use crate::transport::{
    Answer, Entry, GuestState, GuestTransport, Inspect, Program, Sha256, Step, StepResult,
};
use crate::x509::{Anchor, Fingerprint};

/// What is asked of one guest.
#[derive(Debug, Default)]
pub(super) struct GuestWork {
    pub(super) docker: bool,
    pub(super) traefik: bool,
    pub(super) trust: bool,
    pub(super) placements: Vec<(CommonName, usize, Placement)>,
}

/// Looks into all guests, a few at once: each call takes about a second on a real host.
pub(super) fn look_into_all(
    with: &Collector<'_>,
    guests: BTreeMap<GuestId, GuestWork>,
) -> Vec<(GuestId, GuestWork, Result<Answer, String>)> {
    let mut seen: Vec<(GuestId, GuestWork, Result<Answer, String>)> = guests
        .into_iter()
        .map(|(guest, work)| (guest, work, Err("it was not looked at".to_owned())))
        .collect();
    let model = with.model;
    let transports = with.transports;
    let anchor = with.anchors.first();
    let queue = Mutex::new(seen.iter_mut());
    let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..GUESTS_AT_ONCE {
            scope.spawn(|| {
                while let Some((guest, work, answer)) = take() {
                    let transport = transports.get(guest).map(AsRef::as_ref);
                    *answer = look_into(model, anchor, *guest, transport, work);
                }
            });
        }
    });
    seen
}

/// One call into a guest: its files, its daemons, its sockets. Why it could not be looked at otherwise.
fn look_into(
    model: &Model,
    anchor: Option<&Anchor>,
    guest: GuestId,
    transport: Option<&dyn GuestTransport>,
    work: &GuestWork,
) -> Result<Answer, String> {
    let transport = transport.ok_or_else(|| "the site does not know this guest".to_owned())?;
    match transport.state().map_err(|error| in_words(&error))? {
        GuestState::Running => {}
        state => return Err(format!("the guest is {state}")),
    }
    let mut steps = Vec::new();
    for (_, _, placement) in &work.placements {
        for path in paths(placement) {
            steps.push(Step::Inspect(Inspect::new(guest_path(path)?)));
        }
    }
    if work.docker {
        steps.push(Step::Inspect(Inspect::with_content(guest_path(
            Path::new(DAEMON_JSON),
        )?)));
        let root = model.docker_root_file(guest);
        let commands = docker_commands(&root.to_string_lossy());
        steps.extend(commands.into_iter().map(Step::Exec));
        steps.push(Step::Sockets);
    }
    if work.traefik {
        let settings = &model.settings.traefik;
        steps.push(Step::Inspect(Inspect::with_content(guest_path(
            &settings.static_file,
        )?)));
        let commands = traefik_commands(
            &settings.binary.to_string_lossy(),
            &settings.static_file.to_string_lossy(),
        );
        steps.extend(commands.into_iter().map(Step::Exec));
        if let Some(path) = model.dynamic_path() {
            steps.push(Step::Inspect(Inspect::with_content(guest_path(&path)?)));
        }
    }
    if let Some(anchor) = anchor.filter(|_| work.trust) {
        let trust = &model.settings.trust;
        steps.push(Step::Inspect(Inspect::with_content(guest_path(
            &trust.guest_file,
        )?)));
        steps.push(Step::Exec(in_bundle(anchor, &trust.bundle)));
    }
    let program = Program::new(steps).keep_going();
    let timeout = CALL_TIME + program.exec_time();
    transport
        .run(&program, timeout)
        .map_err(|error| in_words(&error))
}

/// The files of a placement, in the order in which they are asked for.
fn paths(placement: &Placement) -> impl Iterator<Item = &PathBuf> {
    [&placement.cert, &placement.key]
        .into_iter()
        .chain(&placement.ca)
}

/// Reads a guest's answer, in the order of the questions of [`look_into`].
pub(super) fn found_in(
    with: &Collector<'_>,
    guest: GuestId,
    work: &GuestWork,
    seen: Result<Answer, String>,
    inventory: &mut Inventory,
) -> GuestFacts {
    let mut facts = GuestFacts {
        down: None,
        docker: None,
        traefik: None,
        trust: None,
        served: None,
        trusts_others: false,
    };
    let answer = match seen {
        Ok(answer) => answer,
        Err(why) => {
            for (name, index, _) in &work.placements {
                if let Some(certificate) = inventory.certificates.get_mut(name) {
                    let resting =
                        *index == 0 && is_right_from_outside(with, guest, name, certificate);
                    certificate.placements[*index] = if resting {
                        PlacementState::Resting(why.clone())
                    } else {
                        PlacementState::Unseen(why.clone())
                    };
                }
            }
            facts.down = Some(why);
            return facts;
        }
    };
    let mut at = 0;
    for (name, index, placement) in &work.placements {
        let end = at + paths(placement).count();
        let root = inventory.anchors_of(placement.ca_of).first().cloned();
        let dockerds = with
            .model
            .docker_entry(guest)
            .is_some_and(|(entry, target)| {
                entry.common_name == *name && target.cert == placement.cert
            });
        if dockerds && placement.ca.is_some() {
            facts.trusts_others = is_other_root(&answer.results[end - 1], root.as_ref());
        }
        if let Some(certificate) = inventory.certificates.get_mut(name) {
            certificate.placements[*index] = in_guest(
                placement,
                &certificate.primary.state,
                root.as_ref(),
                &answer.results[at..end],
            );
        }
        at = end;
    }
    if work.docker {
        facts.docker = Some(docker_facts(&answer, at));
        facts.served = docker_leaf(with, guest);
        // daemon.json, the commands, the sockets.
        at += docker_commands("").len() + 2;
    }
    if work.traefik {
        facts.traefik = Some(traefik_facts(&answer, at));
        let settings = &with.model.settings.traefik;
        let binary = settings.binary.to_string_lossy();
        at += traefik_commands(&binary, &settings.static_file.to_string_lossy()).len() + 1;
        if with.model.dynamic_path().is_some() {
            if let Some(traefik) = &mut facts.traefik {
                traefik.dynamic_file = content(&answer, at);
            }
            at += 1;
        }
    }
    if work.trust && !with.anchors.is_empty() {
        facts.trust = Some(super::trust::in_guest(&answer, at));
    }
    facts
}

/// Whether an entry's own pair, under a directory that a container mounts, is what that container will find: the host sees
/// the same files, with its own numbers of their owners.
fn is_right_from_outside(
    with: &Collector<'_>,
    guest: GuestId,
    name: &CommonName,
    facts: &CertificateFacts,
) -> bool {
    let Some((entry, guest)) = with
        .model
        .manifest
        .entry(name)
        .zip(with.model.guests.guest(guest))
    else {
        return false;
    };
    let owner = ids_in_container(&entry.owner)
        .and_then(|(user, group)| Some((guest.ids.user(user)?, guest.ids.group(group)?)));
    let is_right = |path: &Path, mode: FileMode| {
        let found = with.root.read_with_facts(path);
        found.is_ok_and(|(bytes, facts)| {
            drop(Secret::new(bytes));
            facts.mode == mode && Some(facts.owner()) == owner
        })
    };
    matches!(facts.primary.state, PairState::Present { .. })
        && is_right(&entry.cert_path, entry.cert_mode)
        && is_right(&entry.key_path, entry.key_mode)
}

/// Whether a file of a guest holds a root that is not this one.
fn is_other_root(found: &StepResult, root: Option<&Anchor>) -> bool {
    let StepResult::Inspected(Some(entry)) = found else {
        return false;
    };
    let wanted = root.map(|root| Sha256::of(&root.to_pem()));
    entry.opened().is_some() && entry.sha256 != wanted
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
        if what == "root" && anchor.is_none() && placement.ca_of == Issuer::DockerClients {
            return PlacementState::Differs(
                "the root is another than that of Docker's clients, which this run makes"
                    .to_owned(),
            );
        }
        let other = if what == "root" {
            "is another than the one to be trusted there"
        } else {
            "is another than on the host"
        };
        if let Some(difference) = difference(entry, mode, &placement.owner, sha256, other) {
            return PlacementState::Differs(format!("the {what} {difference}"));
        }
        let same_dir = path.parent() == placement.cert.parent();
        let ours = format!(".phoenix/{}/current/{name}", placement.slug);
        // A plain file that is right in all else stays until its pair changes. Where a program watches, a link is no plain file.
        if let Some(link) = entry.target.as_deref()
            && (placement.plain || !(link == ours || !same_dir && link.ends_with(&ours)))
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
    other: &str,
) -> Option<String> {
    let Some(meta) = entry.opened() else {
        return Some("is a link that leads nowhere".to_owned());
    };
    if sha256.is_some() && entry.sha256 != sha256 {
        return Some(other.to_owned());
    }
    if meta.mode != mode {
        return Some(format!("has mode {}, wanted {mode}", meta.mode));
    }
    let is = |name: &Option<String>, id: u32, wanted: &str| {
        name.as_deref() == Some(wanted) || id.to_string() == wanted || id == 0 && wanted == "root"
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

/// Guests that are looked into at once.
const GUESTS_AT_ONCE: usize = 4;
/// How long a look at a served leaf may take.
const LOOK_TIME: Duration = Duration::from_secs(3);
