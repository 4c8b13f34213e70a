//! Runs hooks: on the host, or in the guest that they name, with the true exit status.

use super::{Done, Performer, StepError};
use crate::inventory::{CALL_TIME, guest_path};
use crate::manifest::{Entry, Hook, OldDelivery};
use crate::model::Issuer;
use crate::names::{CommonName, FileMode, GuestId, Owner};
use crate::secret::Secret;
use crate::store::PendingKind;
use crate::system::{Command, Ended};
use crate::transport::{
    Exec, ExecEnded, Executed, Expect, GuestCommand, GuestState, Program, Replace, Step, StepResult,
};
use crate::x509::Chain;

impl<'a> Performer<'a> {
    pub(super) fn hook(
        &self,
        command: &str,
        certificates: &[CommonName],
    ) -> Result<Done<'a>, StepError> {
        let (entries, hook, kind) = self.hook_of(command, certificates)?;
        if !self.with.store.is_pending(&kind)? {
            return Ok(Done {
                left_out: true,
                ..Done::saying("nothing was deployed that it is for")
            });
        }
        let old = entries
            .iter()
            .find_map(|entry| entry.old_delivery.as_ref().map(|old| (*entry, old)));
        let environment = self.environment(&entries);
        let told = GuestCommand::recognise(&hook.command.argv()).map(|command| command.guest);
        let read = entries
            .iter()
            .try_for_each(|entry| self.await_nfs(entry, told));
        let result = read.and_then(|()| match old {
            Some((entry, old)) => self.with_old_files(entry, old, hook, &environment),
            None => self.run_hook(hook, &environment),
        });
        let done = self
            .on_record(&kind, result)
            .map_err(|error| error.hint("the hook stays pending; the next run tries it again"))?;
        self.with.store.settle(&kind)?;
        Ok(done)
    }

    /// Runs a hook once more, since the pairs that it ran for were taken back; on record before it begins.
    pub(super) fn hook_again(
        &self,
        command: &str,
        certificates: &[CommonName],
    ) -> Result<Done<'a>, StepError> {
        let (_, _, kind) = self.hook_of(command, certificates)?;
        self.with.store.promise(&kind, self.with.clock.now())?;
        self.hook(command, certificates)
    }

    fn hook_of(
        &self,
        command: &str,
        certificates: &[CommonName],
    ) -> Result<(Vec<&'a Entry>, &'a Hook, PendingKind), StepError> {
        let entries: Vec<&Entry> = certificates
            .iter()
            .filter_map(|name| self.entry(name).ok())
            .collect();
        let hook = entries
            .iter()
            .find_map(|entry| entry.hook.as_ref())
            .ok_or_else(|| StepError::new(format!("the manifest has no hook `{command}`")))?;
        let kind = PendingKind::Hook {
            command: hook.command.clone(),
            certificates: certificates.to_vec(),
        };
        Ok((entries, hook, kind))
    }

    /// What a hook is told of the certificates that it runs for: names, paths, the resolved version, the leaf. No secret.
    fn environment(&self, entries: &[&Entry]) -> Vec<(&'static str, String)> {
        let mut names = Vec::new();
        let mut fingerprints = Vec::new();
        for entry in entries {
            names.push(entry.common_name.to_string());
            let leaf = self
                .pair(entry, false)
                .ok()
                .and_then(|(chain, _)| Chain::from_pem(&chain).ok());
            fingerprints
                .push(leaf.map_or_else(String::new, |chain| chain.leaf().fingerprint.to_string()));
        }
        let mut environment = vec![
            ("PHOENIX_CERTIFICATES", names.join(" ")),
            (
                "PHOENIX_FINGERPRINTS",
                fingerprints.join(" ").trim().to_owned(),
            ),
        ];
        // One certificate has one place of its own; with several these would be a guess.
        if let [entry] = entries {
            let before = self.with.inventory.certificates.get(&entry.common_name);
            let old = before.and_then(|facts| facts.chain());
            environment.push(("PHOENIX_CERT_PATH", entry.cert_path.display().to_string()));
            environment.push(("PHOENIX_KEY_PATH", entry.key_path.display().to_string()));
            environment.push((
                "PHOENIX_OLD_FINGERPRINT",
                old.map_or_else(String::new, |chain| chain.leaf().fingerprint.to_string()),
            ));
            if let Some(dir) = self.pair_dir(entry) {
                environment.push(("PHOENIX_PAIR_DIR", dir));
            }
        }
        environment
    }

    /// The version directory that an entry's certificate is read from: it does not change while the hook runs.
    fn pair_dir(&self, entry: &Entry) -> Option<String> {
        let link = self.with.root.stat(&entry.cert_path).ok()??.target?;
        let dir = entry.cert_path.parent()?.join(link.parent()?);
        let version = self.with.root.stat(&dir).ok()??.target?;
        Some(dir.parent()?.join(version).display().to_string())
    }

    fn run_hook(
        &self,
        hook: &Hook,
        environment: &[(&'static str, String)],
    ) -> Result<Done<'a>, StepError> {
        let argv = hook.command.argv();
        match GuestCommand::recognise(&argv) {
            Some(command) => {
                let words = environment
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"));
                let mut argv = vec!["env".to_owned()];
                argv.extend(words);
                argv.extend(command.argv);
                self.hook_in_guest(command.guest, argv, hook)
            }
            None => self.hook_on_host(&argv, hook, environment),
        }
    }

    fn hook_in_guest(
        &self,
        guest: GuestId,
        argv: Vec<String>,
        hook: &Hook,
    ) -> Result<Done<'a>, StepError> {
        let transport = self.transport(guest)?;
        match transport.state()? {
            GuestState::Running => {}
            state if hook.only_if_running => {
                return Ok(Done::saying(format!("left out, {guest} is {state}")));
            }
            state => {
                return Err(StepError::new(format!(
                    "{guest} is {state}, expected it to run"
                )));
            }
        }
        let exec = Exec::new(argv).timeout(hook.timeout);
        let program = Program::new(vec![Step::Exec(exec)]);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        match answer.results.into_iter().next() {
            Some(StepResult::Exec(run)) => ended_in_guest(&run),
            other => Err(StepError::new(format!(
                "{guest} did not say how the command ended: {other:?}"
            ))),
        }
    }

    fn hook_on_host(
        &self,
        argv: &[String],
        hook: &Hook,
        environment: &[(&'static str, String)],
    ) -> Result<Done<'a>, StepError> {
        let mut command = Command::new(argv).timeout(hook.timeout);
        command.env = environment
            .iter()
            .map(|(name, value)| ((*name).into(), value.into()))
            .collect();
        let output = self.with.commands.run(&command)?;
        let fail = |how: String| {
            let error = StepError::new(format!("the command {how}"));
            let words = output.stderr_text();
            if words.is_empty() {
                Err(error)
            } else {
                Err(error.cause(words))
            }
        };
        match output.ended {
            Ended::Exit(0) => Ok(Done::saying("ended with 0")),
            Ended::WouldRun => Ok(Done {
                would_run: true,
                ..Done::saying("would run")
            }),
            Ended::Exit(status) => fail(format!("ended with status {status}, expected 0")),
            Ended::Signal(signal) => fail(format!("was ended by signal {signal}")),
            Ended::TimedOut => fail(format!(
                "ran longer than {}",
                crate::time::human(hook.timeout)
            )),
        }
    }

    /// The old way: the files lie in the guest's `/tmp` while the hook runs, and are gone afterwards, also when it fails.
    fn with_old_files(
        &self,
        entry: &Entry,
        old: &OldDelivery,
        hook: &Hook,
        environment: &[(&'static str, String)],
    ) -> Result<Done<'a>, StepError> {
        let (chain, key) = self.pair(entry, false)?;
        let mut files = vec![("/tmp/cert.pem", Secret::new(chain)), ("/tmp/key.pem", key)];
        if old.include_ca {
            files.push((
                "/tmp/ca.pem",
                Secret::new(self.anchor(Issuer::Site)?.to_pem()),
            ));
        }
        let transport = self.transport(old.guest)?;
        let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
        let remove = || -> Result<Program, StepError> {
            let steps: Result<Vec<Step>, StepError> = paths
                .iter()
                .map(|path| {
                    Ok(Step::Remove {
                        path: guest_path(path.as_ref()).map_err(StepError::new)?,
                    })
                })
                .collect();
            Ok(Program::new(steps?).keep_going())
        };
        let mut steps = Vec::new();
        for (path, bytes) in files {
            let path = guest_path(path.as_ref()).map_err(StepError::new)?;
            let mut replace = Replace::new(path, bytes, FileMode::PRIVATE, Owner::root());
            replace.expect = Expect::Absent;
            replace.parents = false;
            steps.push(Step::Replace(replace));
        }
        let answer = transport.run(&Program::new(steps), CALL_TIME)?;
        if let Some((_, failed)) = answer.failure() {
            let error = StepError::new(format!(
                "{} refused the files in /tmp: {failed:?}",
                old.guest
            ));
            transport.run(&remove()?, CALL_TIME)?;
            return Err(error);
        }
        let result = self.run_hook(hook, environment);
        let removed = transport.run(&remove()?, CALL_TIME)?;
        if let Some((_, failed)) = removed.failure() {
            return Err(StepError::new(format!(
                "could not remove the files in /tmp of {}: {failed:?}",
                old.guest
            )));
        }
        result
    }
}

/// How a command in a guest ended, as a step's result.
pub(super) fn ended_in_guest<'a>(run: &Executed) -> Result<Done<'a>, StepError> {
    let words = |bytes: &[u8]| {
        let from = bytes.len().saturating_sub(2_000);
        String::from_utf8_lossy(&bytes[from..]).trim().to_owned()
    };
    let fail = |how: String| {
        let error = StepError::new(format!("the command {how}"));
        let said = [words(&run.stderr), words(&run.stdout)]
            .into_iter()
            .find(|text| !text.is_empty());
        Err(match said {
            Some(said) => error.cause(said),
            None => error,
        })
    };
    match run.ended {
        ExecEnded::Exit(0) => Ok(Done::saying("ended with 0")),
        ExecEnded::Exit(status) => fail(format!(
            "ended with status {status} in the guest, expected 0"
        )),
        ExecEnded::TimedOut => fail("did not end in time and was killed in the guest".to_owned()),
        ExecEnded::WouldRun => Ok(Done {
            would_run: true,
            ..Done::saying("would run")
        }),
    }
}
