//! Puts the CA's root into trust stores, and sees that the store has it; a store that does not take it is put back.

use std::path::Path;
use std::time::Duration;

use super::services::{failure, replace, would_run};
use super::{Done, Performer, StepError};
use crate::inventory::{CALL_TIME, TrustFacts, bundle_has, guest_path, in_bundle};
use crate::model::Issuer;
use crate::names::{FileMode, GuestId};
use crate::system::{Attributes, Command, Ended};
use crate::transport::{Exec, Expect, Program, Sha256, Step, StepResult};

impl<'a> Performer<'a> {
    pub(super) fn trust(&self, guest: Option<GuestId>) -> Result<Done<'a>, StepError> {
        match guest {
            None => self.trust_on_host(),
            Some(guest) => self.trust_in_guest(guest),
        }
    }

    fn trust_in_guest(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let settings = &self.with.model.settings.trust;
        let anchor = self.anchor(Issuer::Site)?;
        let facts = self.with.inventory.guests.get(&guest);
        let before = facts.and_then(|facts| facts.trust.as_ref());
        let file = settings.guest_file.to_string_lossy();
        let mut put = replace(&file, &anchor.to_pem())?;
        put.expect = match before.and_then(|facts| facts.file.as_ref()) {
            Some(bytes) => Expect::Sha256(Sha256::of(bytes)),
            None => Expect::Absent,
        };
        let program = Program::new(vec![
            Step::Replace(put),
            Step::Exec(Exec::new(UPDATE)),
            Step::Exec(in_bundle(anchor, &settings.bundle)),
        ]);
        let transport = self.transport(guest)?;
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        let found = match answer.results.last() {
            Some(StepResult::Exec(run)) => run.succeeded(),
            _ => false,
        };
        let why = match failure(&answer) {
            Some(why) => why,
            None if found => {
                return Ok(Done {
                    would_run: would_run(&answer),
                    ..Done::saying(taken(&settings.bundle))
                });
            }
            None => missing(&settings.bundle),
        };
        let error = refused(&format!("the trust store of {guest}"), why);
        // A file that was never replaced needs no way back.
        if !matches!(answer.results.first(), Some(StepResult::Replaced)) {
            return Err(error);
        }
        let back = match before.and_then(|facts| facts.file.as_ref()) {
            Some(bytes) => Step::Replace(replace(&file, bytes)?),
            None => Step::Remove {
                path: guest_path(&settings.guest_file).map_err(StepError::new)?,
            },
        };
        let program = Program::new(vec![back, Step::Exec(Exec::new(UPDATE).optional())]);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        Err(match failure(&answer) {
            None => error.cause("the store was put back as it was"),
            Some(why) => error
                .cause("could not put the store back as it was")
                .cause(why),
        })
    }

    fn trust_on_host(&self) -> Result<Done<'a>, StepError> {
        let settings = &self.with.model.settings.trust;
        let anchor = self.anchor(Issuer::Site)?;
        let root = self.with.root;
        let attributes = Attributes::mode(FileMode::PUBLIC);
        if let Some(dir) = settings.host_file.parent() {
            root.create_dir_all(dir, FileMode::new(0o755))?;
        }
        root.replace(&settings.host_file, &anchor.to_pem(), &attributes)?;
        let why = match self.update_host() {
            Ok(false) => {
                return Ok(Done {
                    would_run: true,
                    ..Done::saying("would make the host's store anew")
                });
            }
            Ok(true) => match root.read_optional(&settings.bundle)? {
                Some(bundle) if bundle_has(&bundle, anchor) => {
                    return Ok(Done::saying(taken(&settings.bundle)));
                }
                _ => missing(&settings.bundle),
            },
            Err(error) => error.messages.join(": "),
        };
        let error = refused("the host's trust store", why);
        let before: Option<&TrustFacts> = self.with.inventory.trust.as_ref();
        match before.and_then(|facts| facts.file.as_ref()) {
            Some(bytes) => root.replace(&settings.host_file, bytes, &attributes)?,
            None => {
                root.remove_file(&settings.host_file)?;
            }
        }
        Err(match self.update_host() {
            Ok(_) => error.cause("the store was put back as it was"),
            Err(undo) => error
                .cause("could not put the store back as it was")
                .cause(undo.messages.join(": ")),
        })
    }

    /// Has the host's store made anew; `false` where nothing may be run.
    fn update_host(&self) -> Result<bool, StepError> {
        let command = Command::new(UPDATE).timeout(Duration::from_secs(120));
        let output = self.with.commands.run(&command)?;
        match output.ended {
            Ended::Exit(0) => Ok(true),
            Ended::WouldRun => Ok(false),
            ended => Err(
                StepError::new(format!("`update-ca-certificates` ended with {ended:?}"))
                    .cause(output.stderr_text()),
            ),
        }
    }
}

fn taken(bundle: &Path) -> String {
    format!("the root is in {}", bundle.display())
}

fn missing(bundle: &Path) -> String {
    format!(
        "`update-ca-certificates` went well, and the root is not in {}",
        bundle.display()
    )
}

fn refused(what: &str, why: String) -> StepError {
    StepError::new(format!("{what} does not take the CA's root"))
        .cause(why)
        .hint("it needs the package `ca-certificates`")
}

/// Another root of the same file name gets its links only when all are made anew; not every distribution knows the option.
const UPDATE: [&str; 3] = [
    "sh",
    "-c",
    "command -v update-ca-certificates >/dev/null || { echo 'there is no update-ca-certificates' >&2; exit 127; }
update-ca-certificates --fresh || update-ca-certificates",
];
