//! From a model to a plan, and from a plan to a report.

use std::sync::Arc;
use std::time::SystemTime;

use super::narrow::narrow;
use super::{AnyAuthority, Site, SyncOptions, authority, recovered_lines, taken_back_lines};
use crate::ca::Authority;
use crate::check::KeptFacts;
use crate::error::Error;
use crate::execute::{self, Context, Performer};
use crate::inventory::{Collector, Inventory, collect};
use crate::model::Model;
use crate::names::GuestId;
use crate::observe::{Event, Observer};
use crate::plan::{Action, Blocked, Plan, Subject, plan};
use crate::report::{Outcome, Report, Status};
use crate::secret::Secret;
use crate::store::LastRun;
use crate::system::{Dial, NamespaceDial};
use crate::time::{Clock, Deadline};
use crate::transport::GuestTransport;
use crate::x509::{Anchor, Crl};

/// Everything that a run is made from.
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) inventory: Inventory,
    authority: AnyAuthority,
    pub(super) anchors: Vec<Anchor>,
    client_ca: Option<AnyAuthority>,
    transports: std::collections::BTreeMap<GuestId, Arc<dyn GuestTransport>>,
    portainer_key: Option<Secret>,
}

impl Site {
    /// Plans and runs under the lock, unless `agree` refuses the plan; it may change it.
    pub(super) fn locked_run(
        &self,
        options: &SyncOptions,
        observer: &dyn Observer,
        agree: impl FnOnce(&Model, &mut Work) -> Result<(), Error>,
    ) -> Result<Report, Error> {
        let clock = self.seams.clock.as_ref();
        let limited = Limited {
            observer,
            clock,
            deadline: options.deadline.map(|limit| Deadline::after(clock, limit)),
        };
        // Unreadable input ends the run before it writes anything, the lock's file too.
        self.model()?;
        let lock = self.lock(options.lock_timeout)?;
        let started = clock.now();
        let mut recovered = self.settle_journal(&lock)?;
        recovered
            .transactions
            .extend(self.settle_written_pairs()?.transactions);
        // Certificates are renewed even where the firewall's files cannot be written.
        let (taken_back, stuck) = match self.settle_trial(&lock) {
            Ok(taken_back) => (taken_back, None),
            Err(error) => (None, Some(crate::inventory::in_words(&error))),
        };
        let result = self
            // Read again under the lock: an edit that was under way has ended.
            .model_for(options)
            .and_then(|model| {
                let mut work = self.work(&model, options, true)?;
                agree(&model, &mut work)?;
                self.store()
                    .keep_facts(&KeptFacts::of(&work.inventory, clock.now()))?;
                self.store().keep_signatures(&work.inventory.signatures)?;
                Self::unblocked(&model, &work)?;
                work.plan.blocked.extend(stuck.map(|reason| Blocked {
                    subject: "firewall".to_owned(),
                    reason: format!(
                        "a change that nobody confirmed could not be taken back: {reason}"
                    ),
                    certificate: None,
                }));
                let mut report = self.run(&model, &work, &limited)?;
                if let Err(error) = self.keep_new_facts(&model, &work.plan) {
                    report.notes.push(format!(
                        "what guests tell now could not be kept for `check`: {}",
                        crate::inventory::in_words(&error)
                    ));
                }
                report.recovered = recovered_lines(&recovered);
                report
                    .recovered
                    .extend(taken_back.iter().flat_map(taken_back_lines));
                Ok(report)
            });
        self.store()
            .keep_last_run(&record(started, clock.now(), &result))?;
        result
    }

    /// Looks at everything and decides; `writes` says whether the root may be pinned and the embedded CA made.
    pub(super) fn work(
        &self,
        model: &Model,
        options: &SyncOptions,
        writes: bool,
    ) -> Result<Work, Error> {
        let store = self.store();
        let authority = authority::open(self, model, writes)?;
        let anchors = authority.anchors();
        let client_ca = authority::docker_clients(self, model, writes)?;
        let lists = (
            own_list(Some(&authority), writes)?,
            own_list(client_ca.as_ref(), writes)?,
        );
        let unknown = if writes {
            self.refresh_revocations(&authority)?
        } else {
            None
        };
        let transports = (self.seams.transports)(&model.guests, &model.settings);
        let dial_from = |guest: Option<GuestId>| self.dial_from(&transports, guest);
        let inventory = collect(&Collector {
            root: &self.root,
            model,
            store: &store,
            anchors: anchors.clone(),
            client_anchors: client_ca
                .as_ref()
                .map(AnyAuthority::anchors)
                .unwrap_or_default(),
            own_list: lists.0,
            client_list: lists.1,
            transports: &transports,
            dial_from: &dial_from,
            clock: self.seams.clock.as_ref(),
        })?;
        let mut plan = plan(
            model,
            &inventory,
            &in_words(&authority, client_ca.as_ref()),
            options.scope,
            &options.policy,
            self.seams.clock.now(),
        )?;
        narrow(&mut plan, options);
        plan.notes.extend(unknown);
        // A run says it about each certificate that it gets.
        if !writes {
            plan.notes.extend(self.lifetime_note(model));
        }
        let portainer_key = match &model.settings.portainer_api_key_file {
            None => None,
            Some(path) => Some(Secret::new(self.root.read_limited(path, 4096)?).trimmed_end()),
        };
        Ok(Work {
            plan,
            inventory,
            authority,
            anchors,
            client_ca,
            transports,
            portainer_key,
        })
    }

    /// Sockets from where a guest stands: from inside a container's network, else from the host.
    pub(super) fn dial_from(
        &self,
        transports: &std::collections::BTreeMap<GuestId, Arc<dyn GuestTransport>>,
        guest: Option<GuestId>,
    ) -> Arc<dyn Dial> {
        let pid = guest.and_then(|guest| transports.get(&guest)?.init_pid().ok().flatten());
        match pid {
            Some(pid) => Arc::new(NamespaceDial::of_process(pid)),
            None => Arc::clone(&self.seams.dial),
        }
    }

    /// Decides anew, from an inventory that was changed since.
    pub(super) fn plan_again(
        &self,
        model: &Model,
        work: &mut Work,
        options: &SyncOptions,
    ) -> Result<(), Error> {
        work.plan = plan(
            model,
            &work.inventory,
            &in_words(&work.authority, work.client_ca.as_ref()),
            options.scope,
            &options.policy,
            self.seams.clock.now(),
        )?;
        Ok(())
    }

    pub(super) fn dry_run(&self, model: &Model, options: &SyncOptions) -> Result<Report, Error> {
        Ok(Self::only_shown(self.work(model, options, false)?.plan))
    }

    /// A plan as the report of a run that was only shown.
    pub(super) fn only_shown(plan: Plan) -> Report {
        let outcomes = plan
            .steps
            .iter()
            .filter(|step| step.action.changes())
            .map(|step| {
                let mut outcome = Outcome::new(step, Status::WouldRun);
                outcome.detail = step
                    .reasons
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ");
                outcome
            })
            .collect();
        report(plan, outcomes)
    }

    pub(super) fn run(
        &self,
        model: &Model,
        work: &Work,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let store = self.store();
        let dial_from = |guest: Option<GuestId>| self.dial_from(&work.transports, guest);
        for note in &work.plan.notes {
            observer.event(&Event::Note(note.clone()));
        }
        let client_ca = work.client_ca.as_ref().and_then(|ca| ca.embedded());
        let context = Context {
            root: &self.root,
            model,
            store: &store,
            inventory: &work.inventory,
            authority: &work.authority,
            anchors: &work.anchors,
            client_ca: client_ca.map(|ca| (ca as &dyn Authority, ca.anchor())),
            transports: &work.transports,
            dial_from: &dial_from,
            commands: self.seams.commands.as_ref(),
            clock: self.seams.clock.as_ref(),
            portainer_key: work.portainer_key.as_ref(),
        };
        let performer = Performer::new(&context);
        let outcomes = execute::run(&work.plan, &performer, observer);
        self.settle_pairs(model, work, &outcomes)?;
        performer.finish_audit()?;
        Ok(report(work.plan.clone(), outcomes))
    }
}

/// The revocation list of a CA of ours; with `writes` made again where it has grown old, since it would be worth nothing to
/// those who ask for it.
fn own_list(authority: Option<&AnyAuthority>, writes: bool) -> Result<Option<Crl>, Error> {
    let Some((authority, ca)) =
        authority.and_then(|authority| Some((authority, authority.embedded()?)))
    else {
        return Ok(None);
    };
    let list = if writes {
        ca.crl().map(Some)
    } else {
        ca.kept_crl()
    };
    list.map_err(|source| Error::Ca {
        authority: authority.describe(),
        source,
    })
}

/// Which CAs a run asks.
fn in_words(authority: &AnyAuthority, client_ca: Option<&AnyAuthority>) -> String {
    match client_ca {
        None => authority.describe(),
        Some(clients) => format!(
            "{}; for Traefik's client certificate {}",
            authority.describe(),
            clients.describe()
        ),
    }
}

/// An observer that also ends a run when its time is over.
struct Limited<'a> {
    observer: &'a dyn Observer,
    clock: &'a dyn Clock,
    deadline: Option<Deadline>,
}

impl Observer for Limited<'_> {
    fn event(&self, event: &Event) {
        self.observer.event(event);
    }

    fn cancelled(&self) -> bool {
        self.observer.cancelled() || self.deadline.is_some_and(|limit| limit.passed(self.clock))
    }
}

/// A run's record.
fn record(started: SystemTime, ended: SystemTime, result: &Result<Report, Error>) -> LastRun {
    let (exit_status, error) = match result {
        Ok(report) => (report.exit_status(), None),
        Err(error) => (error.exit_status(), Some(crate::inventory::in_words(error))),
    };
    let report = result.as_ref().ok();
    LastRun {
        started,
        ended,
        exit_status,
        done: report.map_or(0, Report::changes_done),
        failed: report
            .iter()
            .flat_map(|report| report.with_status(Status::Failed))
            .map(|outcome| outcome.step.to_string())
            .collect(),
        error,
    }
}

fn report(plan: Plan, outcomes: Vec<Outcome>) -> Report {
    let unfinished = unfinished(&plan, &outcomes);
    Report {
        authority: plan.authority,
        outcomes,
        kept: plan.kept,
        blocked: plan.blocked,
        recovered: Vec::new(),
        notes: plan.notes,
        unfinished,
    }
}

/// Whether Docker has moved and something behind it has not.
fn unfinished(plan: &Plan, outcomes: &[Outcome]) -> Option<String> {
    let mut moved = None;
    for (step, outcome) in plan.steps.iter().zip(outcomes) {
        let done = outcome.status == Status::Done;
        match &step.action {
            Action::ConfigureDocker { guest, .. } if done => moved = Some(*guest),
            Action::Verify {
                subject: Subject::Docker(_) | Subject::Traefik(_),
            }
            | Action::ConfigureTraefik { .. }
                if !done =>
            {
                if let Some(guest) = moved {
                    return Some(format!(
                        "Docker of {guest} has moved to its new configuration and keeps it, `{}` is not done: repair what is named above and run `phoenix sync all` again",
                        step.id
                    ));
                }
            }
            _ => {}
        }
    }
    None
}
