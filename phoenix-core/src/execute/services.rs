//! Moves Docker and Traefik: checked first, changed by one call, taken back when they do not stand.

use std::collections::BTreeSet;
use std::time::Duration;

use super::hooks::ended_in_guest;
use super::{Done, Performer, StepError};
use crate::docker::versions::{DockerVersion, compatible, parse_traefik};
use crate::inventory::{CALL_TIME, DAEMON_JSON, DockerFacts, TraefikFacts, guest_path, leaf_at};
use crate::manifest::{Entry, Target};
use crate::model::Issuer;
use crate::names::{FileMode, GuestId, Owner};
use crate::plan::{DockerWanted, ServiceChange, docker_wanted};
use crate::report::LeafChange;
use crate::secret::Secret;
use crate::system::random_hex;
use crate::time::Deadline;
use crate::transport::{
    Answer, Exec, ExecEnded, Expect, GuestTransport, Lend, Program, Replace, Sha256, Step,
    StepResult,
};
use crate::x509::{Chain, Fingerprint};

impl<'a> Performer<'a> {
    pub(super) fn check_docker(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let facts = self.docker_facts(guest)?;
        self.versions_fit(facts)?;
        let (entry, target) = self.docker_entry(guest)?;
        let (chain, key) = self.pair(entry, true)?;
        // dockerd also loads the pair that its file names, so the trial names the one that is to be delivered.
        let mut trial = target.clone();
        let ca = on_trial("docker-ca.pem");
        trial.cert = on_trial("docker-cert.pem").into();
        trial.key = on_trial("docker-key.pem").into();
        trial.ca = Some((&ca).into());
        let wanted = docker_wanted(self.with.model, &trial, facts).map_err(StepError::new)?;
        let path = on_trial("docker.json");
        let lent = vec![
            lend(&trial.cert.to_string_lossy(), Secret::new(chain))?,
            lend(&trial.key.to_string_lossy(), key)?,
            lend(
                &ca,
                Secret::new(self.anchor(self.docker_trusts())?.to_pem()),
            )?,
            lend(&path, Secret::new(wanted.daemon_json.into_bytes()))?,
        ];
        let exec = Exec::new(["dockerd", "--validate", "--config-file", &path])
            .timeout(Duration::from_secs(20));
        let program = Program::lent(lent, exec);
        let answer = self
            .transport(guest)?
            .run(&program, CALL_TIME + program.exec_time())?;
        match last_exec(&answer) {
            Ok(done) => Ok(Done {
                would_run: done.would_run,
                ..Done::saying("dockerd takes the new daemon.json and the new pair")
            }),
            Err(error) => {
                let words = error.messages.join(": ");
                // Docker 20.10 has no such option yet.
                if words.contains("unknown flag: --validate") {
                    return Ok(Done::saying(
                        "the configuration merges; this dockerd cannot validate it before a restart",
                    ));
                }
                Err(StepError::new("dockerd refuses the new daemon.json").cause(words))
            }
        }
    }

    /// Whether each Traefik of the site can talk to this daemon at all.
    fn versions_fit(&self, facts: &DockerFacts) -> Result<(), StepError> {
        let of_server = |text: &str| DockerVersion::from_json(text).ok();
        let of_program = |text: &str| DockerVersion::from_command(text).ok();
        let docker = facts
            .server_version
            .as_deref()
            .and_then(of_server)
            .or_else(|| facts.version.as_deref().and_then(of_program));
        for traefik in self.with.model.traefiks() {
            let known = self.with.inventory.guests.get(&traefik.id);
            let version = known
                .and_then(|facts| facts.traefik.as_ref()?.version.as_deref())
                .and_then(|text| parse_traefik(text).ok());
            if let (Some(docker), Some(version)) = (&docker, &version) {
                compatible(docker, version).map_err(|impossible| {
                    StepError::new(impossible.to_string())
                        .hint(format!("upgrade Traefik in {} first", traefik.id))
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn check_traefik(&self, guest: GuestId) -> Result<Done<'a>, StepError> {
        let (_, file) = self.static_file()?;
        let trial = file.trial()?;
        let path = on_trial("traefik.yml");
        let lend = lend(&path, Secret::new(trial.into_bytes()))?;
        let binary = self
            .with
            .model
            .settings
            .traefik
            .binary
            .to_string_lossy()
            .into_owned();
        let exec =
            Exec::new(["sh", "-c", TRIAL, "sh", &binary, &path]).timeout(Duration::from_secs(20));
        let program = Program::lent(vec![lend], exec);
        let answer = self
            .transport(guest)?
            .run(&program, CALL_TIME + program.exec_time())?;
        let mut done = last_exec(&answer).map_err(|error| {
            let template = self
                .with
                .model
                .template
                .as_ref()
                .map(|template| template.path.display().to_string());
            StepError::new("Traefik does not start with the rendered static file")
                .cause(error.messages.join(": "))
                .hint(format!("change {}", template.unwrap_or_default()))
        })?;
        "Traefik starts with the rendered static file".clone_into(&mut done.detail);
        Ok(done)
    }

    pub(super) fn configure_docker(
        &self,
        guest: GuestId,
        changes: &BTreeSet<ServiceChange>,
    ) -> Result<Done<'a>, StepError> {
        let facts = self.docker_facts(guest)?;
        let wanted = self.docker_wanted(guest, facts)?;
        let transport = self.transport(guest)?;
        let expected = self.docker_leaf(guest)?;
        let mut steps = Vec::new();
        if changes.contains(&ServiceChange::DaemonJson) {
            let mut replace = replace(DAEMON_JSON, wanted.daemon_json.as_bytes())?;
            replace.expect = match &facts.daemon_json {
                Some(bytes) => Expect::Sha256(Sha256::of(bytes)),
                None => Expect::Absent,
            };
            steps.push(Step::Replace(replace));
        }
        if let Some((path, text)) = &wanted.drop_in {
            steps.push(Step::Replace(replace(
                &path.to_string_lossy(),
                text.as_bytes(),
            )?));
        }
        steps.extend(restart_docker());
        let program = Program::new(steps);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        let result = match failure(&answer) {
            Some(why) => {
                Err(StepError::new("dockerd does not start with its new configuration").cause(why))
            }
            None if would_run(&answer) => Ok(()),
            None => self.wait_for_leaf(guest, expected),
        };
        match result {
            Ok(()) => Ok(Done {
                would_run: would_run(&answer),
                leaf: Some(LeafChange {
                    old: self.served_before(guest),
                    new: expected,
                }),
                ..Done::saying(format!(
                    "serves leaf {} on port {}",
                    expected.short(),
                    self.with.model.settings.docker.port
                ))
            }),
            Err(error) => {
                let error = error.cause(journal(transport, "docker.service"));
                Err(
                    match self.take_docker_back(guest, transport, facts, &wanted, changes) {
                        Ok(words) => error.cause(words),
                        Err(undo) => error
                            .cause("could not put Docker back as it was")
                            .cause(undo.messages.join(": ")),
                    },
                )
            }
        }
    }

    /// Restores files, the pair and both units, in this order: a start before the pair is back would fail again.
    fn take_docker_back(
        &self,
        guest: GuestId,
        transport: &dyn GuestTransport,
        facts: &DockerFacts,
        wanted: &DockerWanted,
        changes: &BTreeSet<ServiceChange>,
    ) -> Result<String, StepError> {
        let mut steps = Vec::new();
        if changes.contains(&ServiceChange::DaemonJson) {
            steps.push(match &facts.daemon_json {
                Some(bytes) => Step::Replace(replace(DAEMON_JSON, bytes)?),
                None => Step::Remove {
                    path: guest_path(DAEMON_JSON.as_ref()).map_err(StepError::new)?,
                },
            });
        }
        if let Some((path, _)) = &wanted.drop_in {
            steps.push(Step::Remove {
                path: guest_path(path).map_err(StepError::new)?,
            });
        }
        for ((_, place), restore) in self.delivered.borrow().iter() {
            if *place == guest {
                steps.push(Step::Restore(restore.clone()));
            }
        }
        steps.extend(restart_docker());
        let program = Program::new(steps);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        match failure(&answer) {
            None => Ok("Docker was put back as it was and runs".to_owned()),
            Some(why) => Err(StepError::new(why)),
        }
    }

    fn wait_for_leaf(&self, guest: GuestId, expected: Fingerprint) -> Result<(), StepError> {
        let deadline = Deadline::after(self.with.clock, SERVE_TIME);
        let address = self.address(guest)?;
        let port = self.with.model.settings.docker.port;
        loop {
            let dial = (self.with.dial_from)(self.link_standpoint());
            let found = leaf_at(dial.as_ref(), self.with.clock, &address, port);
            if found == Some(expected) {
                return Ok(());
            }
            if deadline.passed(self.with.clock) {
                let seen = found.map_or_else(
                    || "no TLS".to_owned(),
                    |leaf| format!("leaf {}", leaf.short()),
                );
                return Err(StepError::new(format!(
                    "dockerd of {guest} serves {seen} on {address}:{port}, expected leaf {}",
                    expected.short()
                )));
            }
            self.with.clock.sleep(Duration::from_millis(300));
        }
    }

    pub(super) fn configure_traefik(
        &self,
        guest: GuestId,
        changes: &BTreeSet<ServiceChange>,
    ) -> Result<Done<'a>, StepError> {
        let facts = self.traefik_facts(guest)?;
        let (text, _) = self.static_file()?;
        let transport = self.transport(guest)?;
        let path = self
            .with
            .model
            .settings
            .traefik
            .static_file
            .to_string_lossy()
            .into_owned();
        let mut steps = Vec::new();
        if changes.contains(&ServiceChange::StaticFile) {
            let mut replace = replace(&path, text.as_bytes())?;
            replace.expect = match &facts.static_file {
                Some(bytes) => Expect::Sha256(Sha256::of(bytes)),
                None => Expect::Absent,
            };
            steps.push(Step::Replace(replace));
        }
        let restart = changes.contains(&ServiceChange::Restart);
        if restart {
            steps.push(systemctl_optional(&["reset-failed", "traefik.service"]));
            steps.push(systemctl(&["restart", "traefik.service"]));
            // `Type=simple` counts as started at once; a refusal of the file shows in the first moments.
            steps.push(Step::Exec(Exec::new(["sleep", "2"])));
            steps.push(systemctl(&["is-active", "traefik.service"]));
        }
        let program = Program::new(steps);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        let Some(why) = failure(&answer) else {
            let detail = match (changes.contains(&ServiceChange::StaticFile), restart) {
                (true, true) => "static file written, Traefik restarted",
                (true, false) => "static file written, no restart needed",
                _ => "Traefik restarted",
            };
            return Ok(Done {
                would_run: would_run(&answer),
                ..Done::saying(detail)
            });
        };
        let error = StepError::new("Traefik does not run with its new configuration")
            .cause(why)
            .cause(journal(transport, "traefik.service"));
        Err(
            match Self::take_traefik_back(transport, facts, &path, changes) {
                Ok(words) => error.cause(words),
                Err(undo) => error
                    .cause("could not put Traefik back as it was")
                    .cause(undo.messages.join(": ")),
            },
        )
    }

    fn take_traefik_back(
        transport: &dyn GuestTransport,
        facts: &TraefikFacts,
        path: &str,
        changes: &BTreeSet<ServiceChange>,
    ) -> Result<String, StepError> {
        let mut steps = Vec::new();
        if changes.contains(&ServiceChange::StaticFile)
            && let Some(bytes) = &facts.static_file
        {
            steps.push(Step::Replace(replace(path, bytes)?));
        }
        if facts.active_state == "active" {
            steps.push(systemctl_optional(&["reset-failed", "traefik.service"]));
            steps.push(systemctl(&["restart", "traefik.service"]));
        }
        let program = Program::new(steps);
        let answer = transport.run(&program, CALL_TIME + program.exec_time())?;
        match failure(&answer) {
            None => Ok("Traefik was put back as it was".to_owned()),
            Some(why) => Err(StepError::new(why)),
        }
    }

    pub(super) fn docker_facts(&self, guest: GuestId) -> Result<&'a DockerFacts, StepError> {
        let facts = self
            .with
            .inventory
            .guests
            .get(&guest)
            .and_then(|facts| facts.docker.as_ref());
        facts.ok_or_else(|| StepError::new(format!("nothing is known of dockerd in {guest}")))
    }

    pub(super) fn traefik_facts(&self, guest: GuestId) -> Result<&'a TraefikFacts, StepError> {
        let facts = self
            .with
            .inventory
            .guests
            .get(&guest)
            .and_then(|facts| facts.traefik.as_ref());
        facts.ok_or_else(|| StepError::new(format!("nothing is known of Traefik in {guest}")))
    }

    fn docker_wanted(
        &self,
        guest: GuestId,
        facts: &DockerFacts,
    ) -> Result<DockerWanted, StepError> {
        let (_, target) = self.docker_entry(guest)?;
        docker_wanted(self.with.model, target, facts).map_err(StepError::new)
    }

    /// The entry whose pair dockerd of this guest serves, and its place there.
    fn docker_entry(&self, guest: GuestId) -> Result<(&'a Entry, &'a Target), StepError> {
        self.with.model.docker_entry(guest).ok_or_else(|| {
            StepError::new(format!(
                "no manifest entry delivers a server certificate into {guest}"
            ))
        })
    }

    /// The leaf that dockerd should serve: the one at the entry's own paths, which the steps before have put there.
    pub(super) fn docker_leaf(&self, guest: GuestId) -> Result<Fingerprint, StepError> {
        let (entry, _) = self.docker_entry(guest)?;
        let (chain, _) = self.pair(entry, false)?;
        Ok(Chain::from_pem(&chain)?.leaf().fingerprint)
    }

    pub(super) fn static_file(&self) -> Result<(String, crate::traefik::StaticFile), StepError> {
        match self.with.model.static_file() {
            Some(Ok(file)) => Ok(file),
            Some(Err(faults)) => Err(StepError::new(format!(
                "the static file cannot be rendered: {faults}"
            ))),
            None => Err(StepError::new(
                "the site has no template of Traefik's static file",
            )),
        }
    }

    pub(super) fn address(&self, guest: GuestId) -> Result<String, StepError> {
        self.with
            .model
            .guests
            .guest(guest)
            .and_then(|guest| guest.address.ip())
            .map(|ip| ip.to_string())
            .ok_or_else(|| StepError::new(format!("the site states no fixed address of {guest}")))
    }

    fn served_before(&self, guest: GuestId) -> Option<Fingerprint> {
        self.with.inventory.guests.get(&guest)?.served
    }

    /// Whose clients dockerd admits.
    fn docker_trusts(&self) -> Issuer {
        if self.with.model.dedicated_client_ca() {
            Issuer::DockerClients
        } else {
            Issuer::Site
        }
    }

    /// Where Docker's consumer stands.
    pub(super) fn link_standpoint(&self) -> Option<GuestId> {
        self.with.model.traefiks().next().map(|guest| guest.id)
    }
}

/// Where something is put on trial in a guest: another place each time, since what a killed run lent is there until its trial
/// ends.
fn on_trial(file: &str) -> String {
    format!("/run/phoenix-trial-{}-{file}", random_hex())
}

fn lend(path: &str, bytes: Secret) -> Result<Lend, StepError> {
    Ok(Lend {
        path: guest_path(path.as_ref()).map_err(StepError::new)?,
        bytes,
        mode: FileMode::PRIVATE,
        owner: Owner::root(),
    })
}

pub(super) fn replace(path: &str, bytes: &[u8]) -> Result<Replace, StepError> {
    let path = guest_path(path.as_ref()).map_err(StepError::new)?;
    Ok(Replace::new(
        path,
        Secret::new(bytes.to_vec()),
        FileMode::PUBLIC,
        Owner::root(),
    ))
}

/// Reads the units again and restarts dockerd; one that failed too often stays down until its counter is cleared.
fn restart_docker() -> [Step; 3] {
    [
        systemctl(&["daemon-reload"]),
        systemctl_optional(&["reset-failed", "docker.service", "docker.socket"]),
        systemctl(&["restart", "docker.service"]),
    ]
}

fn systemctl(words: &[&str]) -> Step {
    Step::Exec(Exec::new(
        std::iter::once("systemctl").chain(words.iter().copied()),
    ))
}

fn systemctl_optional(words: &[&str]) -> Step {
    Step::Exec(Exec::new(std::iter::once("systemctl").chain(words.iter().copied())).optional())
}

/// The first failure of a program, in words.
pub(super) fn failure(answer: &Answer) -> Option<String> {
    let (_, result) = answer.failure()?;
    Some(match result {
        StepResult::Exec(run) => match ended_in_guest(run) {
            Ok(_) => return None,
            Err(error) => error.messages.join(": "),
        },
        StepResult::Refused(refusal) => refusal.to_string(),
        other => format!("{other:?}"),
    })
}

pub(super) fn would_run(answer: &Answer) -> bool {
    answer
        .results
        .iter()
        .any(|result| matches!(result, StepResult::Exec(run) if run.ended == ExecEnded::WouldRun))
}

fn last_exec<'a>(answer: &Answer) -> Result<Done<'a>, StepError> {
    if let Some(why) = failure(answer) {
        return Err(StepError::new(why));
    }
    match answer.results.last() {
        Some(StepResult::Exec(run)) => ended_in_guest(run),
        other => Err(StepError::new(format!(
            "the guest did not say how the command ended: {other:?}"
        ))),
    }
}

/// The last lines of a unit's journal, for the failure's report.
fn journal(transport: &dyn GuestTransport, unit: &str) -> String {
    let exec = Exec::new([
        "journalctl",
        "-u",
        unit,
        "-n",
        "15",
        "--no-pager",
        "-o",
        "cat",
    ])
    .timeout(Duration::from_secs(10))
    .optional();
    let program = Program::new(vec![Step::Exec(exec)]);
    let answer = transport.run(&program, CALL_TIME + program.exec_time());
    match answer.map(|answer| answer.results.into_iter().next()) {
        Ok(Some(StepResult::Exec(run))) if !run.stdout.is_empty() => {
            format!(
                "the last lines of its journal:\n{}",
                String::from_utf8_lossy(&run.stdout).trim_end()
            )
        }
        _ => "its journal could not be read".to_owned(),
    }
}

/// Starts Traefik for three seconds; ends with 0 if it still runs then, else with its own status and words.
const TRIAL: &str = r#""$1" --configfile="$2" & pid=$!
sleep 3
if kill "$pid" 2>/dev/null; then wait "$pid" 2>/dev/null; exit 0; fi
wait "$pid""#;

/// How long a restarted dockerd may take until it serves its leaf.
const SERVE_TIME: Duration = Duration::from_secs(60);
