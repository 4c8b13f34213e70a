//! From a model to a plan, and from a plan to a report.

use std::sync::Arc;
use std::time::SystemTime;

use super::{AnyAuthority, Site, SyncOptions, authority, recovered_lines};
use crate::ca::Authority;
use crate::check::KeptFacts;
use crate::error::Error;
use crate::execute::{self, Context, Performer};
use crate::inventory::{Collector, Inventory, collect};
use crate::model::Model;
use crate::names::GuestId;
use crate::observe::{Event, Observer};
use crate::plan::{Action, Plan, Subject, plan};
use crate::report::{Outcome, Report, Status};
use crate::secret::Secret;
use crate::store::LastRun;
use crate::system::{Dial, NamespaceDial, recover};
use crate::time::{Clock, Deadline};
use crate::transport::GuestTransport;
use crate::x509::Anchor;

/// Everything that a run is made from.
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) inventory: Inventory,
    authority: AnyAuthority,
    anchors: Vec<Anchor>,
    transports: std::collections::BTreeMap<GuestId, Arc<dyn GuestTransport>>,
    portainer_key: Option<Secret>,
}

impl Site {
    /// Plans and runs under the lock, unless `agree` refuses the plan; it may leave steps out.
    pub(super) fn locked_run(
        &self,
        options: &SyncOptions,
        observer: &dyn Observer,
        agree: impl FnOnce(&mut Plan) -> Result<(), Error>,
    ) -> Result<Report, Error> {
        let clock = self.seams.clock.as_ref();
        let limited = Limited {
            observer,
            clock,
            deadline: options.deadline.map(|limit| Deadline::after(clock, limit)),
        };
        // Unreadable input ends the run before it writes anything, the lock's file too.
        self.model()?;
        let _lock = self.lock(options.lock_timeout)?;
        let started = clock.now();
        let recovered = recover(&self.root, &self.store().journal_dir())?;
        let result = self
            // Read again under the lock: an edit that was under way has ended.
            .model()
            .and_then(|model| {
                let mut work = self.work(&model, options, true)?;
                agree(&mut work.plan)?;
                self.store()
                    .keep_facts(&KeptFacts::of(&work.inventory, clock.now()))?;
                Self::unblocked(&model, &work)?;
                let mut report = self.run(&model, &work, &limited)?;
                report.recovered = recovered_lines(&recovered);
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
        let transports = (self.seams.transports)(&model.guests);
        let dial_from = |guest: Option<GuestId>| self.dial_from(&transports, guest);
        let inventory = collect(&Collector {
            root: &self.root,
            model,
            store: &store,
            anchors: anchors.clone(),
            transports: &transports,
            dial_from: &dial_from,
            clock: self.seams.clock.as_ref(),
        })?;
        let plan = plan(
            model,
            &inventory,
            &authority.describe(),
            options.scope,
            &options.policy,
            self.seams.clock.now(),
        )?;
        let portainer_key = match &model.settings.portainer_api_key_file {
            None => None,
            Some(path) => Some(Secret::new(self.root.read_limited(path, 4096)?).trimmed_end()),
        };
        Ok(Work {
            plan,
            inventory,
            authority,
            anchors,
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

    pub(super) fn dry_run(&self, model: &Model, options: &SyncOptions) -> Result<Report, Error> {
        let plan = self.work(model, options, false)?.plan;
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
        Ok(report(plan, outcomes))
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
        let context = Context {
            root: &self.root,
            model,
            store: &store,
            inventory: &work.inventory,
            authority: &work.authority,
            anchors: &work.anchors,
            transports: &work.transports,
            dial_from: &dial_from,
            commands: self.seams.commands.as_ref(),
            clock: self.seams.clock.as_ref(),
            portainer_key: work.portainer_key.as_ref(),
        };
        let performer = Performer::new(&context);
        let outcomes = execute::run(&work.plan, &performer, observer);
        for (step, outcome) in work.plan.steps.iter().zip(&outcomes) {
            if step.action.changes() {
                let status = match outcome.status {
                    Status::Done => "done",
                    Status::Failed => "failed",
                    Status::Skipped => "skipped",
                    Status::Undone => "undone",
                    Status::WouldRun => "would-run",
                };
                let words = outcome.errors.first().unwrap_or(&outcome.detail);
                store.audit(self.seams.clock.now(), &step.id.0, status, words)?;
            }
        }
        self.drop_candidates(model, work, &outcomes)?;
        Ok(report(work.plan.clone(), outcomes))
    }

    /// Forgets pairs that have reached all their places, or that nobody waits for.
    fn drop_candidates(
        &self,
        model: &Model,
        work: &Work,
        outcomes: &[Outcome],
    ) -> Result<(), Error> {
        let store = self.store();
        for located in &model.manifest.entries {
            let entry = &located.value;
            let name = &entry.common_name;
            let mut concerned = outcomes
                .iter()
                .filter(|outcome| outcome.certificate.as_ref() == Some(name))
                .peekable();
            let waits = work
                .inventory
                .certificates
                .get(name)
                .is_some_and(|facts| facts.candidate.is_some());
            let touched = concerned.peek().is_some();
            let arrived = concerned.all(|outcome| outcome.status == Status::Done);
            let kept = work.plan.kept.iter().any(|keep| keep.certificate == *name);
            if touched && arrived || waits && kept {
                store.drop_candidate(&entry.slug())?;
            }
        }
        Ok(())
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
