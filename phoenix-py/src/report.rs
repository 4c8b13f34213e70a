//! What a run did, and how a site stands.

use std::time::SystemTime;

use phoenix_core::diagnostic::Style;
use phoenix_core::report as core;
use phoenix_core::{present, store};
use pyo3::prelude::*;
use pyo3::types::PyModule;

use crate::error::{Raised, internal};
use crate::plan::{Blocked, Kept};
use crate::record::{self, record, sequence};
use crate::value::{Aside, Plain, Time, Tuple};

record! {
    /// One question asked of a running service, and what was seen.
    struct Probe {
        /// Stable name: subject and question, such as `docker/no-certificate`.
        name: String,
        /// What had to be seen.
        expected: String,
        /// What was seen.
        seen: String,
        /// `passed`, `failed`, `noted`, `skipped` or `unreachable`.
        verdict: String,
        /// Why it was skipped.
        why: Option<String>,
    }
}

record! {
    /// A leaf that took another's place.
    struct LeafChange {
        /// The fingerprint of the one before, where there was one.
        old: Option<String>,
        /// The fingerprint of the one now.
        new: String,
    }
}

record! {
    /// How one step ended.
    struct Outcome {
        /// The step's name.
        step: String,
        /// `done`, `failed`, `skipped`, `undone` or `would-run`.
        status: String,
        /// Whether the step is one that changes anything, or only looks.
        changes: bool,
        /// What it saw or did, in words.
        detail: String,
        /// Why it failed: the message first, then its causes.
        errors: Tuple<String>,
        /// What to do about it.
        hint: Option<String>,
        /// What is worth knowing although the step did its work.
        warnings: Tuple<String>,
        /// The certificate that it was about.
        certificate: Option<String>,
        /// The leaf that took another's place.
        leaf: Option<LeafChange>,
        /// What the probes of a verification saw.
        probes: Tuple<Probe>,
    }
}

record! {
    /// What a whole run did: a sequence of outcomes, in the order in which the steps were run.
    struct Report {
        /// Which CA was asked, in words.
        authority: String,
        /// Outcomes, in the order in which the steps were run.
        outcomes: Tuple<Outcome>,
        /// Certificates that needed nothing.
        kept: Tuple<Kept>,
        /// What could not be done now.
        blocked: Tuple<Blocked>,
        /// What was found and done about an earlier run's remains.
        recovered: Tuple<String>,
        /// What was left out on purpose.
        notes: Tuple<String>,
        /// Whether Docker has moved and the rest has not: the run is to be repeated.
        unfinished: Option<String>,
        /// Whether everything holds that was asked for.
        ok: bool,
        /// 0 when everything holds, else 1.
        exit_status: u8,
        /// How many steps changed something.
        changes_done: usize,
        @text text,
    }
}

sequence!(Report, outcomes, Outcome);

impl Report {
    pub(crate) fn of(report: &core::Report) -> PyResult<Self> {
        let mut data = serde_json::to_value(report).map_err(|error| {
            Python::attach(|py| {
                internal(py, &format!("could not turn the report into data: {error}"))
            })
        })?;
        data["ok"] = report.ok().into();
        data["exit_status"] = report.exit_status().into();
        data["changes_done"] = report.changes_done().into();
        let mut report_of: Self = record::of(&data)?;
        let text = present::report(report, SystemTime::now(), Style::Plain);
        report_of.text = Aside(Some(text));
        Ok(report_of)
    }
}

#[pymethods]
impl Report {
    /// Raise what the first step that failed stands for, where the run did not do all that was asked for.
    fn raise_for_status(&self, py: Python<'_>) -> PyResult<()> {
        if self.ok {
            return Ok(());
        }
        let Some(failed) = self
            .outcomes
            .0
            .iter()
            .find(|outcome| outcome.status == "failed")
        else {
            let what = self.unfinished.clone().or_else(|| {
                let first = self.blocked.0.first()?;
                Some(format!("{}: {}", first.subject, first.reason))
            });
            let what = what.unwrap_or_else(|| "some steps were not run".to_owned());
            return Err(Raised {
                class: "RunError",
                message: what,
                code: "unfinished",
                stage: Some("plan"),
                certificate: self
                    .blocked
                    .0
                    .first()
                    .and_then(|first| first.certificate.clone()),
                ..Raised::default()
            }
            .exception(py));
        };
        let (class, stage) = failed.stage();
        Err(Raised {
            class,
            message: format!("could not {}: {}", failed.step, failed.errors.0.join(": ")),
            code: "failed",
            reason: failed.errors.0.last().cloned(),
            hint: failed.hint.clone(),
            certificate: failed.certificate.clone(),
            stage: Some(stage),
            ..Raised::default()
        }
        .exception(py))
    }
}

impl Outcome {
    /// The exception that stands for its failure, and the stage: the first word of the step's name is what it does.
    fn stage(&self) -> (&'static str, &'static str) {
        match self.step.split(' ').next().unwrap_or_default() {
            "issue" => ("EnrollError", "enroll"),
            "deploy" | "trust" => ("DeployError", "deploy"),
            "hook" => ("HookError", "hook"),
            "verify" => ("VerifyError", "verify"),
            "open" | "render" => ("FirewallError", "firewall"),
            _ => ("RunError", "configure"),
        }
    }
}

record! {
    /// Something that an earlier run left to be done.
    struct Pending {
        /// Its id, which names it for `retry_pending` and `drop_pending`.
        id: String,
        /// What it is, with its values: `kind` is `hook`, `pair`, `restart` or `verify`.
        kind: Plain,
        /// Since when.
        since: Time,
        /// How often it was tried.
        tries: u32,
        /// When it was tried last.
        last_try: Option<Time>,
        /// What the last try said.
        last_error: Option<String>,
        /// Before this an unattended run leaves it alone.
        next_try: Option<Time>,
    }
}

impl Pending {
    pub(crate) fn of(item: &store::PendingItem) -> PyResult<Self> {
        let kind = serde_json::to_value(&item.kind).map_err(|error| {
            Python::attach(|py| internal(py, &format!("could not show a pending item: {error}")))
        })?;
        Ok(Self {
            id: item.id().to_string(),
            kind: Plain(kind),
            since: Time::at(item.since),
            tries: item.tries,
            last_try: item.last_try.map(Time::at),
            last_error: item.last_error.clone(),
            next_try: item.next_try().map(Time::at),
        })
    }
}

record! {
    /// One of a certificate's places.
    struct PlaceStatus {
        /// Where.
        place: String,
        /// Whether the pair there is the one that it should be.
        good: bool,
        /// What is wrong, or why it cannot be seen.
        detail: String,
    }
}

record! {
    /// How one certificate stands.
    struct CertificateStatus {
        /// Its name.
        certificate: String,
        /// `good`, `work`, `expired`, `missing` or `unreadable`.
        state: String,
        /// When it ends; `None` when nothing readable is installed.
        not_after: Option<Time>,
        /// When it is renewed.
        due: Option<Time>,
        /// Whether it is due and waits only for the time of day at which a daemon may be restarted.
        held: bool,
        /// The places where it belongs.
        places: Tuple<PlaceStatus>,
        /// What a run would do about it, and why.
        work: Tuple<String>,
    }
}

record! {
    /// What the last run came to.
    struct LastRun {
        /// When it began.
        started: Time,
        /// When it ended.
        ended: Time,
        /// Its exit status.
        exit_status: u8,
        /// How many steps it did.
        done: usize,
        /// The steps that failed.
        failed: Tuple<String>,
        /// What stopped it.
        error: Option<String>,
    }
}

record! {
    /// How a site stands: a sequence of its certificates, in the order of the manifest.
    struct SiteStatus {
        /// When it was looked at.
        seen: Time,
        /// Which CA is in use, in words.
        authority: String,
        /// Each certificate, in the order of the manifest.
        certificates: Tuple<CertificateStatus>,
        /// What earlier runs left to be done.
        pending: Tuple<Pending>,
        /// What cannot be seen or done now.
        blocked: Tuple<Blocked>,
        /// What the last run came to.
        last_run: Option<LastRun>,
        @text text,
    }
}

sequence!(SiteStatus, certificates, CertificateStatus);

impl SiteStatus {
    pub(crate) fn of(status: &core::SiteStatus) -> PyResult<Self> {
        let pending: PyResult<Vec<Pending>> = status
            .pending
            .iter()
            .map(|pending| Pending::of(&pending.item))
            .collect();
        Ok(Self {
            seen: Time::at(status.seen),
            authority: status.authority.clone(),
            certificates: Tuple(record::all(&status.certificates)?),
            pending: Tuple(pending?),
            blocked: Tuple(record::all(&status.blocked)?),
            last_run: status.last_run.as_ref().map(record::of).transpose()?,
            text: Aside(Some(present::status(status, Style::Plain))),
        })
    }
}

pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Probe>()?;
    module.add_class::<LeafChange>()?;
    module.add_class::<Outcome>()?;
    module.add_class::<Report>()?;
    module.add_class::<Pending>()?;
    module.add_class::<PlaceStatus>()?;
    module.add_class::<CertificateStatus>()?;
    module.add_class::<LastRun>()?;
    module.add_class::<SiteStatus>()
}
