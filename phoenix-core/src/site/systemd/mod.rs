//! Unit files written, put in force and taken away again.
//!
//! The timer runs before the cron file goes, and the cron file is back before the timer goes: at every moment, also one at
//! which the process is killed, at least one of them looks after the certificates.

mod writable;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Site;
use super::change::LOCK_TIMEOUT;
use crate::change::FileChange;
use crate::diagnostic::{Fault, Place};
use crate::document::unified_diff;
use crate::error::Error;
use crate::names::FileMode;
use crate::plan::Scope;
use crate::scripts::{kept_beside, turns};
use crate::secret::Secret;
use crate::store::AuditLine;
use crate::system::{
    Attributes, Change, Command, Ended, Expect, FileDigest, FileFacts, Transaction,
};
use crate::systemd::{
    FAILED, MovedFile, SERVICE, TIMER, UnitFacts, UnitFiles, UnitReport, instead_of, is_ours, units,
};

use super::SitePaths;

/// How unit files are made and put in force.
#[derive(Debug, Clone)]
pub struct UnitOptions {
    /// The program that the service runs.
    pub program: PathBuf,
    /// Which parts of the site it runs for.
    pub scope: Scope,
    /// Where the files go. Default `/etc/systemd/system`.
    pub dir: PathBuf,
    /// When it runs. Default `hourly`.
    pub on_calendar: String,
    /// By how much its start is put off at most. Default ten minutes.
    pub delay: Duration,
    /// What is run when it failed. Default: the journal, and a letter to root.
    pub notify: Vec<String>,
    /// Further places where it may write, such as those of hooks.
    pub writable: Vec<PathBuf>,
    /// The cron file that goes when the timer runs, and comes back when it goes.
    pub instead_of: Option<PathBuf>,
    /// Whether systemd is told. Default yes.
    pub start: bool,
    /// Only say what would be done.
    pub dry_run: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
}

impl UnitOptions {
    /// With every default.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            scope: Scope::All,
            dir: PathBuf::from("/etc/systemd/system"),
            on_calendar: "hourly".to_owned(),
            delay: Duration::from_secs(600),
            notify: Vec::new(),
            writable: Vec::new(),
            instead_of: None,
            start: true,
            dry_run: false,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}

impl Site {
    /// The unit files' texts by their names, and what an operator should know of them. Writes nothing.
    ///
    /// # Errors
    ///
    /// When the site's files cannot be read: what the service may write follows from them.
    pub fn unit_files(&self, options: &UnitOptions) -> Result<UnitFiles, Error> {
        let mut command = vec![options.program.to_string_lossy().into_owned()];
        let usual = SitePaths::default();
        for (flag, path, usual) in [
            ("--site", &self.paths.site, &usual.site),
            ("--state", &self.paths.state, &usual.state),
        ] {
            if path != usual {
                command.extend([flag.to_owned(), path.to_string_lossy().into_owned()]);
            }
        }
        let scope = match options.scope {
            Scope::Certs => "certs",
            Scope::Docker => "docker",
            Scope::Firewall => "firewall",
            Scope::Traefik => "traefik",
            Scope::Trust => "trust",
            Scope::All => "all",
        };
        command.extend(["sync", scope, "--unattended", "--deadline", "1800"].map(str::to_owned));
        let (writable, notes) = self.writable(&options.writable)?;
        let made = units(&UnitFacts {
            command: &command,
            writable: &writable,
            on_calendar: &options.on_calendar,
            delay: options.delay.as_secs(),
            notify: &options.notify,
            instead_of: options.instead_of.as_deref(),
        });
        Ok(UnitFiles {
            files: made.into(),
            notes,
        })
    }

    /// Writes the unit files, starts the timer and then puts the cron file aside.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where a unit of that name is somebody else's, [`Error::Command`] when systemd refuses: the files
    /// of before are back then.
    pub fn install_units(&self, options: &UnitOptions) -> Result<UnitReport, Error> {
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        // Who only changes the hour still has the cron file back in the end.
        let options = &UnitOptions {
            instead_of: match &options.instead_of {
                Some(cron) => Some(cron.clone()),
                None => self.timer_instead_of_cron(&options.dir)?,
            },
            ..options.clone()
        };
        let UnitFiles { files: made, notes } = self.unit_files(options)?;
        let mut report = UnitReport {
            notes,
            ..UnitReport::default()
        };
        let mut changes = Vec::new();
        for (name, text) in made {
            let path = options.dir.join(name);
            let found = self.root.read_optional(&path)?;
            if found.as_deref() == Some(text.as_bytes()) {
                continue;
            }
            if found.as_deref().is_some_and(|found| !is_ours(found)) {
                return Err(foreign(&path));
            }
            let before = found.as_deref().map(String::from_utf8_lossy);
            report.files.push(FileChange {
                path: path.clone(),
                reasons: vec!["unit of the timer".to_owned()],
                notes: Vec::new(),
                diff: unified_diff(&path, &before.unwrap_or_default(), &text, 3),
            });
            changes.push(Change::Replace {
                path,
                content: Secret::from(text).into(),
                attributes: Attributes::mode(FileMode::PUBLIC),
                expect: found.map_or(Expect::Absent, |found| {
                    Expect::Content(FileDigest::of(&found))
                }),
            });
        }
        let cron = match &options.instead_of {
            Some(cron) => self.aside(cron)?,
            None => None,
        };
        report.cron = cron.as_ref().map(|(moved, _)| moved.clone());
        let commands: &[&[&str]] = &[
            &["systemctl", "daemon-reload"],
            &["systemctl", "enable", "--now", TIMER],
        ];
        if options.start {
            report.commands = commands.iter().map(|words| words.join(" ")).collect();
        } else if cron.is_some() {
            return Err(Error::Argument(
                "the cron file goes only when the timer runs, and systemd is not to be told"
                    .to_owned(),
            ));
        }
        if options.dry_run {
            return Ok(report);
        }
        report.written = !changes.is_empty() || cron.is_some();
        self.root
            .create_dir_all(&options.dir, FileMode::new(0o755))?;
        let mut transaction = Transaction::new(&self.root, &self.store().journal_dir());
        for change in changes {
            transaction.add(change);
        }
        let applied = transaction.prepare()?.commit()?;
        if options.start
            && let Err(error) = commands.iter().try_for_each(|words| self.tell(words))
        {
            applied.undo()?;
            // Its own failure would only repeat the one that is reported.
            let _ = self.tell(commands[0]);
            return Err(error);
        }
        applied.finish()?;
        if report.written {
            let names: Vec<String> = report
                .files
                .iter()
                .map(|file| file.path.display().to_string())
                .collect();
            let line =
                AuditLine::done(self.seams.clock.now(), "systemd install").detail(names.join(", "));
            self.store().audit(&line)?;
        }
        if let Some((_, moves)) = cron {
            self.commit("systemd install", &[], moves)?;
        }
        Ok(report)
    }

    /// Brings the cron file back that the timer took the place of, stops the timer and removes the unit files.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when systemd refuses; the unit files stay then.
    pub fn remove_units(&self, options: &UnitOptions) -> Result<UnitReport, Error> {
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        self.remove_units_locked(options)
    }

    /// The same under a lock that is held already.
    pub(super) fn remove_units_locked(&self, options: &UnitOptions) -> Result<UnitReport, Error> {
        let mut report = UnitReport::default();
        let mut removals = Vec::new();
        let mut cron = None;
        for name in [SERVICE, TIMER, FAILED] {
            let path = options.dir.join(name);
            let Some(found) = self.root.read_optional(&path)? else {
                continue;
            };
            if !is_ours(&found) {
                return Err(foreign(&path));
            }
            if name == TIMER {
                cron = instead_of(&found);
            }
            report.files.push(FileChange {
                path: path.clone(),
                reasons: vec!["removed".to_owned()],
                notes: Vec::new(),
                diff: unified_diff(&path, &String::from_utf8_lossy(&found), "", 3),
            });
            removals.push(Change::Remove { path });
        }
        if removals.is_empty() {
            return Ok(report);
        }
        let back = match &cron {
            Some(cron) => self.back(cron, &mut report.notes)?,
            None => None,
        };
        report.cron = back.as_ref().map(|(moved, _)| moved.clone());
        if options.start {
            report.commands = vec![
                format!("systemctl disable --now {TIMER}"),
                "systemctl daemon-reload".to_owned(),
            ];
        }
        if options.dry_run {
            return Ok(report);
        }
        report.written = true;
        if let Some((_, moves)) = back {
            self.commit("systemd remove", &[], moves)?;
        }
        if options.start {
            self.tell(&["systemctl", "disable", "--now", TIMER])?;
        }
        self.commit("systemd remove", &[], removals)?;
        if options.start {
            self.tell(&["systemctl", "daemon-reload"])?;
        }
        Ok(report)
    }

    /// Whether the timer stands in the place of a cron file.
    pub(super) fn timer_instead_of_cron(&self, dir: &Path) -> Result<Option<PathBuf>, Error> {
        let timer = self.root.read_optional(&dir.join(TIMER))?;
        Ok(timer
            .filter(|timer| is_ours(timer))
            .and_then(|timer| instead_of(&timer)))
    }

    /// How a cron file goes aside, where it is there.
    fn aside(&self, cron: &Path) -> Result<Option<(MovedFile, Vec<Change>)>, Error> {
        let Some((bytes, facts)) = self.existing(cron)? else {
            return Ok(None);
        };
        let mut kept = kept_beside(cron);
        let mut changes = Vec::new();
        match self.existing(&kept)? {
            Some((before, _)) if before == bytes => {}
            Some(_) => {
                // An earlier one is kept: neither is lost.
                for other in turns(&kept, "-2") {
                    if self.root.stat(&other)?.is_none() {
                        kept = other;
                        break;
                    }
                }
                changes.push(put(&kept, &bytes, &facts));
            }
            None => changes.push(put(&kept, &bytes, &facts)),
        }
        changes.push(Change::Remove {
            path: cron.to_owned(),
        });
        Ok(Some((MovedFile::new(cron, kept), changes)))
    }

    /// How a cron file comes back, where it is kept.
    fn back(
        &self,
        cron: &Path,
        notes: &mut Vec<String>,
    ) -> Result<Option<(MovedFile, Vec<Change>)>, Error> {
        let kept = kept_beside(cron);
        let Some((bytes, facts)) = self.existing(&kept)? else {
            return Ok(None);
        };
        let mut changes = Vec::new();
        match self.existing(cron)? {
            Some((there, _)) if there != bytes => {
                notes.push(format!(
                    "{} was written anew meanwhile and stays; the one of before is {}",
                    cron.display(),
                    kept.display()
                ));
                return Ok(None);
            }
            Some(_) => {}
            None => changes.push(put(cron, &bytes, &facts)),
        }
        changes.push(Change::Remove { path: kept.clone() });
        Ok(Some((MovedFile::new(kept, cron), changes)))
    }

    fn existing(&self, path: &Path) -> Result<Option<(Vec<u8>, FileFacts)>, Error> {
        match self.root.stat(path)? {
            Some(_) => Ok(Some(self.root.read_with_facts(path)?)),
            None => Ok(None),
        }
    }

    /// Tells systemd something; beneath a root it would be told.
    fn tell(&self, words: &[&str]) -> Result<(), Error> {
        let command = Command::new(words.iter().copied()).timeout(Duration::from_secs(90));
        let what = words.join(" ");
        let output = self
            .seams
            .commands
            .run(&command)
            .map_err(|error| Error::Command {
                what: what.clone(),
                why: crate::inventory::in_words(&error),
            })?;
        match output.ended {
            Ended::Exit(0) | Ended::WouldRun => Ok(()),
            ended => Err(Error::Command {
                what,
                why: format!("it ended with {ended:?}: {}", output.stderr_text()),
            }),
        }
    }
}

fn put(path: &Path, bytes: &[u8], as_of: &FileFacts) -> Change {
    Change::Replace {
        path: path.to_owned(),
        content: Secret::new(bytes.to_vec()).into(),
        attributes: Attributes {
            mode: Some(as_of.mode),
            owner: Some(as_of.owner()),
        },
        expect: Expect::Absent,
    }
}

fn foreign(path: &Path) -> Error {
    let fault = Fault::error(
        "unit",
        "found a unit that was not written by `phoenix systemd install`, expected none of this name",
    )
    .at(Place::file(path))
    .help("move it away first");
    Error::Refused(fault.into())
}
