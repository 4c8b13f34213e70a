//! What the performers of a run share.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Done, Perform, StepError};
use crate::ca::Authority;
use crate::inventory::{Inventory, in_words, read_pair};
use crate::manifest::Entry;
use crate::model::{Issuer, Model, Placement};
use crate::names::{CommonName, GuestId};
use crate::plan::{Action, Step, Subject};
use crate::probe::docker::Service;
use crate::report::{Outcome, Status};
use crate::secret::Secret;
use crate::store::{AuditLine, PendingKind, Store, StoreError};
use crate::system::{Commands, Dial, Root};
use crate::time::Clock;
use crate::transport::{GuestCommand, GuestTransport, Restore};
use crate::x509::{Anchor, Fingerprint};

/// Everything that steps are performed with.
pub struct Context<'a> {
    /// The host's files.
    pub root: &'a Root,
    /// The site.
    pub model: &'a Model,
    /// The site's state.
    pub store: &'a Store,
    /// What was found before the plan was made.
    pub inventory: &'a Inventory,
    /// The CA.
    pub authority: &'a dyn Authority,
    /// Its roots; the first is the one that consumers get.
    pub anchors: &'a [Anchor],
    /// The CA that Docker's clients have to themselves, with its root, where the site asks for one.
    pub client_ca: Option<(&'a dyn Authority, &'a Anchor)>,
    /// Ways into guests.
    pub transports: &'a BTreeMap<GuestId, Arc<dyn GuestTransport>>,
    /// Sockets from where each guest's consumer stands.
    pub dial_from: &'a dyn Fn(Option<GuestId>) -> Arc<dyn Dial>,
    /// Commands of the host.
    pub commands: &'a dyn Commands,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Portainer's API key, where the settings name one.
    pub portainer_key: Option<&'a Secret>,
}

/// Performs steps with a context and remembers what the run did.
pub struct Performer<'a> {
    pub(super) with: &'a Context<'a>,
    /// Certificates that reached at least one place in this run.
    pub(super) deployed: RefCell<BTreeSet<CommonName>>,
    /// How to take back what was delivered into guests.
    pub(super) delivered: RefCell<BTreeMap<(CommonName, GuestId), Restore>>,
    /// The Swarm's services, as Docker listed them.
    pub(super) services: RefCell<Option<Vec<Service>>>,
    audit: RefCell<Audit>,
}

/// What became of the audit trail.
#[derive(Default)]
struct Audit {
    lines: usize,
    failed: Option<StoreError>,
}

impl<'a> Performer<'a> {
    /// A performer that has done nothing yet.
    pub fn new(with: &'a Context<'a>) -> Self {
        Self {
            with,
            deployed: RefCell::default(),
            delivered: RefCell::default(),
            services: RefCell::default(),
            audit: RefCell::default(),
        }
    }

    /// Makes the audit trail of the run durable, or says what it lacks.
    pub fn finish_audit(&self) -> Result<(), StoreError> {
        let audit = self.audit.take();
        match audit.failed {
            Some(error) => Err(error),
            None if audit.lines > 0 => self.with.store.sync_audit(),
            None => Ok(()),
        }
    }

    /// The leaf of an entry that was installed when the run began.
    pub(super) fn leaf_before(&self, name: &CommonName) -> Option<Fingerprint> {
        let facts = self.with.inventory.certificates.get(name)?;
        Some(facts.chain()?.leaf().fingerprint)
    }

    pub(super) fn entry(&self, name: &CommonName) -> Result<&'a Entry, StepError> {
        self.with
            .model
            .manifest
            .entry(name)
            .ok_or_else(|| StepError::new(format!("the manifest has no entry `{name}`")))
    }

    pub(super) fn placement(
        &self,
        entry: &Entry,
        to: &crate::plan::Endpoint,
    ) -> Result<Placement, StepError> {
        self.with
            .model
            .placements(entry)
            .into_iter()
            .find(|placement| crate::plan::endpoint(placement) == *to)
            .ok_or_else(|| {
                StepError::new(format!(
                    "the manifest has no place {to} for `{}`",
                    entry.common_name
                ))
            })
    }

    pub(super) fn transport(&self, guest: GuestId) -> Result<&'a dyn GuestTransport, StepError> {
        self.with
            .transports
            .get(&guest)
            .map(AsRef::as_ref)
            .ok_or_else(|| StepError::new(format!("the site does not know {guest}")))
    }

    /// Whoever issues an entry's certificate.
    pub(super) fn authority_of(&self, entry: &Entry) -> Result<&'a dyn Authority, StepError> {
        match self.with.model.issuer_of(entry) {
            Issuer::DockerClients => Ok(self.client_ca()?.0),
            Issuer::Site => Ok(self.with.authority),
        }
    }

    /// The root of an issuer that consumers get.
    pub(super) fn anchor(&self, issuer: Issuer) -> Result<&'a Anchor, StepError> {
        match issuer {
            Issuer::DockerClients => Ok(self.client_ca()?.1),
            Issuer::Site => self
                .with
                .anchors
                .first()
                .ok_or_else(|| StepError::new("the CA has no root that could be delivered")),
        }
    }

    fn client_ca(&self) -> Result<(&'a dyn Authority, &'a Anchor), StepError> {
        self.with.client_ca.ok_or_else(|| {
            StepError::new("the CA of Docker's clients does not exist yet")
                .hint("`phoenix ca init --client docker` makes it")
        })
    }

    /// Reconfigures a daemon; that it must come up is on record before it is touched, and struck out when it did.
    fn restarting(
        &self,
        service: &str,
        guest: GuestId,
        act: impl FnOnce() -> Result<Done<'a>, StepError>,
    ) -> Result<Done<'a>, StepError> {
        let kind = restart(service, guest);
        self.with.store.promise(&kind, self.with.clock.now())?;
        let done = self.on_record(&kind, act())?;
        self.restarted(service, guest)?;
        Ok(done)
    }

    /// A failure of what is pending is one more try of it.
    pub(super) fn on_record(
        &self,
        kind: &PendingKind,
        result: Result<Done<'a>, StepError>,
    ) -> Result<Done<'a>, StepError> {
        if let Err(error) = &result {
            let words = error.messages.join(": ");
            let now = self.with.clock.now();
            self.with.store.tried(kind, &words, now)?;
        }
        result
    }

    /// A daemon that serves what it should needs no restart any more, whoever made it do so.
    fn proving(
        &self,
        service: &str,
        guest: GuestId,
        seen: Result<Done<'a>, StepError>,
    ) -> Result<Done<'a>, StepError> {
        if seen.is_ok() {
            self.restarted(service, guest)?;
        }
        seen
    }

    /// Strikes out a daemon's restart, and the hooks that ask for nothing else.
    fn restarted(&self, service: &str, guest: GuestId) -> Result<(), StepError> {
        let store = self.with.store;
        store.settle(&restart(service, guest))?;
        for item in store.pending()? {
            if let PendingKind::Hook { command, .. } = &item.kind
                && let Some(command) = GuestCommand::recognise(&command.argv())
                && command.guest == guest
                && command.restarted_service() == Some(service)
            {
                store.settle(&item.kind)?;
            }
        }
        Ok(())
    }

    /// The pair of an entry that consumers should have: the one that waits, else the installed one.
    pub(super) fn pair(&self, entry: &Entry, fresh: bool) -> Result<(Vec<u8>, Secret), StepError> {
        if fresh && let Some(pair) = self.with.store.candidate(&entry.slug())? {
            return Ok(pair);
        }
        let (cert, key) =
            read_pair(self.with.root, entry).map_err(|error| StepError::new(in_words(&error)))?;
        cert.zip(key).ok_or_else(|| {
            StepError::new(format!(
                "found no installed pair of `{}`",
                entry.common_name
            ))
        })
    }
}

fn restart(service: &str, guest: GuestId) -> PendingKind {
    PendingKind::Restart {
        service: service.to_owned(),
        guest,
    }
}

impl<'a> Perform<'a> for Performer<'a> {
    fn perform(&self, step: &Step) -> Result<Done<'a>, StepError> {
        match &step.action {
            Action::CheckDocker { guest } => self.check_docker(*guest),
            Action::CheckTraefik { guest } => self.check_traefik(*guest),
            Action::ConfigureDocker { guest, changes } => {
                self.restarting("docker", *guest, || self.configure_docker(*guest, changes))
            }
            Action::ConfigureTraefik { guest, changes } => {
                self.restarting("traefik", *guest, || {
                    self.configure_traefik(*guest, changes)
                })
            }
            Action::Deploy { .. } => self
                .deploy_all(&[step])
                .pop()
                .unwrap_or_else(|| Err(StepError::new("nothing was deployed"))),
            Action::Hook {
                command,
                certificates,
            } => self.hook(command, certificates),
            Action::Issue { .. } => self.issue(step),
            Action::PublishRoutes { guest } => self.publish_routes(*guest),
            Action::Trust { guest } => self.trust(*guest),
            Action::OpenFirewall { .. } => self.open_firewall(),
            Action::RenderFirewall { .. } => self.render_firewall(),
            Action::Verify { subject } => match subject {
                Subject::Docker(guest) => {
                    self.proving("docker", *guest, self.verify_docker(*guest))
                }
                Subject::Firewall => self.verify_firewall(),
                Subject::Portainer(guest) => self.verify_portainer(*guest),
                Subject::Traefik(guest) => {
                    self.proving("traefik", *guest, self.verify_traefik(*guest))
                }
                Subject::Service(name) => {
                    let name: CommonName = name.parse()?;
                    let kind = PendingKind::Verify {
                        certificate: name.clone(),
                    };
                    let done = self.on_record(&kind, self.verify_endpoint(&name))?;
                    if !done.would_run {
                        self.with.store.settle(&kind)?;
                    }
                    Ok(done)
                }
            },
        }
    }

    fn repeat(&self, step: &Step) -> Result<Done<'a>, StepError> {
        match &step.action {
            Action::Hook {
                command,
                certificates,
            } => self.hook_again(command, certificates),
            Action::ConfigureDocker { .. } | Action::ConfigureTraefik { .. } => self.perform(step),
            _ => Err(StepError::new(format!(
                "`{}` cannot be done once more",
                step.id
            ))),
        }
    }

    fn together(&self, step: &Step) -> Option<String> {
        match &step.action {
            Action::Issue { .. } => Some("issue".to_owned()),
            Action::Deploy { to, .. } => Some(match to.guest {
                Some(guest) => format!("deploy to {guest}"),
                None => "deploy".to_owned(),
            }),
            _ => None,
        }
    }

    fn ended(&self, step: &Step, outcome: &Outcome) {
        let status = match outcome.status {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Undone => "undone",
            Status::Skipped | Status::WouldRun => return,
        };
        if !step.action.changes() {
            return;
        }
        let words = outcome.errors.first().unwrap_or(&outcome.detail);
        let mut line = AuditLine::done(self.with.clock.now(), &step.id.0).detail(words);
        line.status = status;
        line.why = step.reasons.iter().map(ToString::to_string).collect();
        if let Some(leaf) = outcome.leaf {
            line = line.fingerprints(leaf.old, Some(leaf.new));
        }
        let mut audit = self.audit.borrow_mut();
        match self.with.store.audit_under_way(&line) {
            Ok(()) => audit.lines += 1,
            Err(error) => drop(audit.failed.get_or_insert(error)),
        }
    }

    fn perform_all(&self, steps: &[&Step]) -> Vec<Result<Done<'a>, StepError>> {
        match steps.first().map(|step| &step.action) {
            Some(Action::Deploy { .. }) => self.deploy_all(steps),
            _ => self.issue_all(steps),
        }
    }
}
