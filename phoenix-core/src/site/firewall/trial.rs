//! `firewall render --apply`, `confirm`: a change that is taken back unless somebody confirms that he still gets in.
//!
//! What the files said is on record before a byte of them changes. Whoever takes the site's lock first after its time is
//! over takes the change back: the process that made it, the one that watches it, or any later command that writes.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{FirewallOptions, Site};
use crate::answers::{TakenBack, TrialReport};
use crate::change::ChangeReport;
use crate::diagnostic::Fault;
use crate::error::Error;
use crate::pve;
use crate::store::{AuditLine, Trial, TrialEnd, TrialFile};
use crate::system::{Attributes, Change, Expect, FileDigest, SiteLock};
use crate::time::rfc3339;

impl Site {
    /// Writes the site's rules into Proxmox's files, puts them in force, and has them wait for their confirmation.
    ///
    /// `watch` is called before a byte is written; it starts whatever calls [`Site::await_firewall`] when this process
    /// dies. What nobody watches is taken back by the next command that writes.
    ///
    /// # Errors
    ///
    /// Those of [`Site::render_firewall`]; those of `watch`, and then nothing was written; [`Error::Refused`] when
    /// another change waits; [`Error::Firewall`] when the rules cannot be put in force: the files are put back then.
    pub fn try_firewall(
        &self,
        options: FirewallOptions,
        within: Duration,
        watch: impl FnOnce() -> Result<(), Error>,
    ) -> Result<TrialReport, Error> {
        let _lock = self.lock_for_edit(options.change.dry_run, options.change.lock_timeout)?;
        self.no_trial()?;
        let judged = self.rendered(options.allow_lockout)?;
        let mut report = TrialReport {
            change: ChangeReport {
                files: judged.shown,
                written: false,
            },
            until: None,
            in_force: None,
            warnings: Vec::new(),
            end: None,
        };
        if options.change.dry_run || judged.files.is_empty() {
            return Ok(report);
        }
        let store = self.store();
        let made = whole_second(self.seams.clock.now());
        let mut trial = Trial {
            made,
            until: made + within + BEFORE_IN_FORCE,
            end: None,
            files: judged
                .files
                .iter()
                .map(|file| TrialFile {
                    path: file.path.clone(),
                    before: file.before.clone(),
                    after: FileDigest::of(file.text.as_bytes()).to_string(),
                })
                .collect(),
        };
        store.keep_trial(&trial)?;
        if let Err(error) = watch() {
            store.end_trial(&trial, TrialEnd::Reverted)?;
            return Err(error);
        }
        pve::make_dirs(&self.root, &judged.files)?;
        self.commit("firewall render --apply", &[], pve::changes(&judged.files))?;
        match self.reload_firewall() {
            Ok(reloaded) => {
                // From now on somebody can try whether he gets in. The record has whole seconds: never less than said.
                trial.until =
                    whole_second(self.seams.clock.now()) + within + Duration::from_secs(1);
                store.keep_trial(&trial)?;
                report.change.written = true;
                report.until = Some(trial.until);
                report.in_force = Some(reloaded.to_string());
                report
                    .warnings
                    .extend(reloaded.warning().map(str::to_owned));
                Ok(report)
            }
            Err(error) => {
                self.take_back(&trial)?;
                Err(Error::Firewall(error))
            }
        }
    }

    /// Waits until the change that is on trial is confirmed, and takes it back when its time is over or `give_up` says so.
    ///
    /// Nothing where no change waits.
    ///
    /// # Errors
    ///
    /// When it cannot be taken back; it stays on record then, and the next command that writes tries again.
    pub fn await_firewall(&self, give_up: &dyn Fn() -> bool) -> Result<Option<TrialEnd>, Error> {
        let store = self.store();
        let Some(trial) = store.trial()? else {
            return Ok(None);
        };
        let clock = self.seams.clock.as_ref();
        loop {
            let trial = match store.last_trial()? {
                Some(last) if last.made != trial.made => return Ok(None),
                Some(last) if last.end.is_none() => last,
                last => return Ok(last.and_then(|last| last.end)),
            };
            if trial.is_due(clock.now()) || give_up() {
                let lock = self.lock(LOCK_TIMEOUT)?;
                // Under the lock it may have ended meanwhile.
                if store.trial()?.is_some_and(|last| last.made == trial.made) {
                    self.settle_journal(&lock)?;
                    self.take_back(&trial)?;
                }
                continue;
            }
            clock.sleep(POLL);
        }
    }

    /// Confirms the change that is on trial: its files stay.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when none waits, or its time is over.
    pub fn confirm_firewall(&self, lock_timeout: Duration) -> Result<Trial, Error> {
        let lock = self.lock(lock_timeout)?;
        self.settle_journal(&lock)?;
        let store = self.store();
        let Some(trial) = store.trial()? else {
            let mut fault = Fault::error(
                "nothing-to-confirm",
                "found no change of the firewall that waits for its confirmation",
            );
            if let Some(Trial {
                end: Some(end),
                made,
                ..
            }) = store.last_trial()?
            {
                let how = match end {
                    TrialEnd::Confirmed => "was confirmed",
                    TrialEnd::Reverted => "was taken back",
                };
                fault = fault.note(format!("the last one, of {}, {how}", rfc3339(made)));
            }
            let fault = fault.help("`phoenix firewall render --apply` makes one");
            return Err(Error::Refused(fault.into()));
        };
        if trial.is_due(self.seams.clock.now()) {
            self.take_back(&trial)?;
            let fault = Fault::error(
                "too-late",
                format!(
                    "the change waited until {} and is taken back now",
                    rfc3339(trial.until)
                ),
            );
            return Err(Error::Refused(
                fault
                    .help("`phoenix firewall render --apply --confirm-within 5m` waits longer")
                    .into(),
            ));
        }
        if let Some(file) = self.unwritten(&trial)? {
            let fault = Fault::error(
                "not-written",
                format!(
                    "{} does not say what the change made of it, so there is nothing to keep",
                    file.display()
                ),
            );
            let help = format!(
                "what is left of it is taken back at {}",
                rfc3339(trial.until)
            );
            return Err(Error::Refused(fault.help(help).into()));
        }
        store.end_trial(&trial, TrialEnd::Confirmed)?;
        let line = AuditLine::done(self.seams.clock.now(), "firewall confirm")
            .why("the operator confirmed it")
            .detail(paths(&trial));
        store.audit(&line)?;
        Ok(trial)
    }

    /// A file of a trial that does not say what it was made to: its writer died, or somebody changed it.
    fn unwritten(&self, trial: &Trial) -> Result<Option<PathBuf>, Error> {
        for file in &trial.files {
            let now = self.root.read_optional(&file.path)?;
            let is_so = now.is_some_and(|now| FileDigest::of(&now).to_string() == file.after);
            if !is_so {
                return Ok(Some(file.path.clone()));
            }
        }
        Ok(None)
    }

    /// Takes back a change whose time is over; the lock is held.
    pub(in crate::site) fn settle_trial(
        &self,
        _lock: &SiteLock,
    ) -> Result<Option<TakenBack>, Error> {
        match self.store().trial()? {
            Some(trial) if trial.is_due(self.seams.clock.now()) => self.take_back(&trial).map(Some),
            _ => Ok(None),
        }
    }

    /// Refuses to write Proxmox's files while a change of them is on trial.
    pub(super) fn no_trial(&self) -> Result<(), Error> {
        let Some(trial) = self.store().trial()? else {
            return Ok(());
        };
        let fault = Fault::error(
            "trial-waits",
            format!(
                "a change of the firewall waits for its confirmation until {}",
                rfc3339(trial.until)
            ),
        );
        Err(Error::Refused(
            fault
                .help("`phoenix firewall confirm` keeps it; otherwise it is taken back then")
                .into(),
        ))
    }

    /// Puts back what the files said, as far as nobody else has changed them since, and strikes the trial out.
    fn take_back(&self, trial: &Trial) -> Result<TakenBack, Error> {
        let mut taken = TakenBack::default();
        let mut changes = Vec::new();
        for file in &trial.files {
            let now = self.root.read_optional(&file.path)?;
            if now.as_deref() == file.before.as_deref().map(str::as_bytes) {
                taken.files.push(file.path.clone());
                continue;
            }
            let found = now.as_deref().map(FileDigest::of);
            let Some(found) = found.filter(|found| found.to_string() == file.after) else {
                taken.foreign.push(file.path.clone());
                continue;
            };
            changes.push(match &file.before {
                Some(before) => Change::Replace {
                    path: file.path.clone(),
                    content: crate::secret::Secret::new(before.clone().into_bytes()).into(),
                    attributes: Attributes::default(),
                    expect: Expect::Content(found),
                },
                None => Change::Remove {
                    path: file.path.clone(),
                },
            });
            taken.files.push(file.path.clone());
        }
        if !changes.is_empty() {
            self.commit("firewall revert", &[], changes)?;
        }
        // The service reads the files by itself too: a failure to tell it is no reason to try for ever.
        match self.reload_firewall() {
            Ok(reloaded) => taken.warnings.extend(reloaded.warning().map(str::to_owned)),
            Err(error) => taken.warnings.push(crate::inventory::in_words(&error)),
        }
        let store = self.store();
        store.end_trial(trial, TrialEnd::Reverted)?;
        let mut line = AuditLine::done(self.seams.clock.now(), "firewall render --apply")
            .why("it was not confirmed")
            .detail(paths(trial));
        line.status = "undone";
        store.audit(&line)?;
        Ok(taken)
    }

    fn reload_firewall(&self) -> Result<pve::Reloaded, pve::ReloadError> {
        let rules = self.site_rules().ok();
        let nftables = rules
            .and_then(|rules| pve::read(&self.root, &rules).ok())
            .is_some_and(|facts| facts.is_nftables());
        pve::reload(
            self.seams.commands.as_ref(),
            self.seams.clock.as_ref(),
            nftables,
        )
    }
}

fn whole_second(time: SystemTime) -> SystemTime {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn paths(trial: &Trial) -> String {
    let paths: Vec<String> = trial
        .files
        .iter()
        .map(|file| file.path.display().to_string())
        .collect();
    paths.join(", ")
}

/// How much longer a change waits until its rules are in force: whoever reads it may take its time.
const BEFORE_IN_FORCE: Duration = Duration::from_secs(90);
/// How often a waiting process looks for the confirmation.
const POLL: Duration = Duration::from_millis(200);
/// How long one that must take a change back waits for another run.
const LOCK_TIMEOUT: Duration = Duration::from_secs(600);

#[cfg(test)]
mod crash_tests;
