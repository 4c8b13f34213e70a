//! What `pct` and `qm` have in common: a program becomes frames, answers become results, failures get their names.

use std::time::Duration;

use zeroize::Zeroizing;

use super::frame::{self, BadAnswer};
use super::program::{Program, Step};
use super::{Answer, GuestState, StepResult, TransportError};
use crate::names::GuestId;
use crate::secret::Secret;
use crate::system::random_hex;
use crate::system::{Command, Commands, Ended, Output};

/// What one call into a guest left behind.
pub(crate) struct Raw {
    /// Status of the shell, or of the host's command.
    pub(crate) status: i32,
    pub(crate) stdout: Zeroizing<Vec<u8>>,
    pub(crate) stderr: String,
}

/// The words that start the script in a guest.
pub(crate) const SHELL: [&str; 3] = ["sh", "-c", frame::SCRIPT];

/// Runs a program by as few calls as `limit` bytes of standard input allow.
pub(crate) fn run(
    guest: GuestId,
    program: &Program,
    prefix: &str,
    limit: usize,
    mut call: impl FnMut(Secret) -> Result<Raw, TransportError>,
) -> Result<Answer, TransportError> {
    let mut results: Vec<StepResult> = Vec::with_capacity(program.steps.len());
    for batch in batches(guest, program, prefix, limit)? {
        let steps = &program.steps[results.len()..][..batch.len()];
        let nonce = nonce();
        let raw = call(frame::request(&nonce, program.keep_going, &batch))?;
        match frame::parse(&nonce, steps, &raw.stdout) {
            Ok(parsed) => results.extend(parsed),
            Err(BadAnswer::Missing) => return Err(no_answer(guest, raw)),
            Err(BadAnswer::Cut(done)) => {
                return Err(TransportError::Interrupted {
                    guest,
                    done: results.len() + done,
                    steps: program.steps.len(),
                    stderr: raw.stderr,
                });
            }
            Err(BadAnswer::Tool(tool)) => {
                return Err(TransportError::GuestToolMissing { guest, tool });
            }
            Err(BadAnswer::Garbled(what)) => return Err(TransportError::Garbled { guest, what }),
        }
        let answer = Answer { results };
        let stop = !program.keep_going && answer.failure().is_some();
        results = answer.results;
        if stop {
            break;
        }
    }
    results.resize_with(program.steps.len(), || StepResult::Skipped);
    Ok(Answer { results })
}

/// Runs a command of the host for a guest and gives its failures their names.
pub(crate) fn host(
    commands: &dyn Commands,
    guest: GuestId,
    command: &Command,
) -> Result<Raw, TransportError> {
    let Output {
        ended,
        stdout,
        stderr,
    } = commands
        .run(command)
        .map_err(|source| TransportError::ToolMissing { guest, source })?;
    let from = stderr.len().saturating_sub(2_000);
    let stderr = String::from_utf8_lossy(&stderr[from..]).trim().to_owned();
    let status = match ended {
        Ended::Exit(status) => status,
        Ended::Signal(signal) => 128 + signal,
        Ended::TimedOut => {
            return Err(TransportError::TimedOut {
                guest,
                after: command.timeout,
            });
        }
        Ended::WouldRun => return Err(TransportError::WouldRun { guest }),
    };
    Ok(Raw {
        status,
        stdout: Zeroizing::new(stdout),
        stderr,
    })
}

/// Asks `pct status` or `qm status`, which exit 0 for stopped guests too.
pub(crate) fn state(
    commands: &dyn Commands,
    guest: GuestId,
    tool: &str,
) -> Result<GuestState, TransportError> {
    let id = guest.id.to_string();
    // Only the long form knows of locks and of paused machines.
    let long = status(commands, guest, &[tool, "status", &id, "--verbose"])?;
    let raw = if long.status == 0 {
        long
    } else {
        status(commands, guest, &[tool, "status", &id])?
    };
    if raw.status != 0 {
        return Err(no_answer(guest, raw));
    }
    Ok(read_state(&String::from_utf8_lossy(&raw.stdout)))
}

/// What it means that a call ended without a frame.
pub(crate) fn no_answer(guest: GuestId, raw: Raw) -> TransportError {
    let said = |words: &[&str]| words.iter().any(|words| raw.stderr.contains(words));
    if said(&[
        "guest agent is not running",
        "No QEMU guest agent configured",
    ]) {
        TransportError::AgentMissing { guest }
    } else if said(&["not running"]) {
        TransportError::NotRunning { guest }
    } else if said(&["does not exist"]) {
        TransportError::NoSuchGuest { guest }
    } else if raw.status == SSH_FAILED && said(&HOST_KEY) {
        let stderr = one_line(&raw.stderr);
        TransportError::HostKey { guest, stderr }
    } else if raw.status == SSH_FAILED && said(&DENIED) {
        let stderr = one_line(&raw.stderr);
        TransportError::Denied { guest, stderr }
    } else if raw.status == SSH_FAILED && said(&UNREACHABLE) {
        let stderr = one_line(&raw.stderr);
        TransportError::Unreachable { guest, stderr }
    } else if raw.status == 0 {
        let found: String = String::from_utf8_lossy(&raw.stdout)
            .chars()
            .take(80)
            .collect();
        TransportError::Garbled {
            guest,
            what: format!("found {found:?}, expected the heading of an answer"),
        }
    } else {
        TransportError::Failed {
            guest,
            status: raw.status,
            stderr: raw.stderr,
        }
    }
}

/// What `ssh` says, without the frame of `@` that it draws around a warning.
fn one_line(stderr: &str) -> String {
    let lines = stderr
        .lines()
        .map(|line| line.trim_matches(['@', ' ', '\r']))
        .filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("; ")
}

/// What `ssh` ends with when it failed itself.
const SSH_FAILED: i32 = 255;
const HOST_KEY: [&str; 3] = [
    "Host key verification failed",
    "HOST IDENTIFICATION HAS CHANGED",
    "host key is known",
];
const DENIED: [&str; 2] = ["Permission denied", "Too many authentication failures"];
const UNREACHABLE: [&str; 8] = [
    "Connection refused",
    "Connection timed out",
    "Connection closed",
    "Connection reset",
    "Could not resolve hostname",
    "Network is unreachable",
    "No route to host",
    "Timeout, server",
];

fn status(commands: &dyn Commands, guest: GuestId, words: &[&str]) -> Result<Raw, TransportError> {
    let command = Command::new(words.iter().copied()).timeout(Duration::from_secs(30));
    host(commands, guest, &command)
}

fn read_state(text: &str) -> GuestState {
    let value = |key: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| *found == key)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    };
    if let Some(lock) = value("lock") {
        return GuestState::Locked(lock.to_owned());
    }
    if matches!(
        value("qmpstatus"),
        Some("paused" | "suspended" | "prelaunch")
    ) {
        return GuestState::Paused;
    }
    match value("status") {
        Some("running") => GuestState::Running,
        Some("stopped") => GuestState::Stopped,
        Some("paused" | "frozen" | "suspended") => GuestState::Paused,
        Some(other) => GuestState::Unknown(other.to_owned()),
        None => GuestState::Unknown(text.trim().chars().take(80).collect()),
    }
}

/// The steps as frames, grouped so that each group stays below the limit.
fn batches(
    guest: GuestId,
    program: &Program,
    prefix: &str,
    limit: usize,
) -> Result<Vec<Vec<Secret>>, TransportError> {
    let mut batches = vec![Vec::new()];
    let mut size = frame::OVERHEAD;
    let mut lent = false;
    for (place, step) in program.steps.iter().enumerate() {
        let encoded = frame::encode(step, prefix).map_err(|what| TransportError::InvalidStep {
            guest,
            step: place,
            what,
        })?;
        let length = encoded.expose_secret().len();
        let too_large = |what| TransportError::TooLarge { guest, what, limit };
        if frame::OVERHEAD + length > limit {
            return Err(too_large("one step"));
        }
        if size + length > limit {
            // What is lent is gone when a call ends.
            if lent {
                return Err(too_large("a program with lent files"));
            }
            batches.push(Vec::new());
            size = frame::OVERHEAD;
        }
        size += length;
        lent |= matches!(step, Step::Lend(_));
        if let Some(last) = batches.last_mut() {
            last.push(encoded);
        }
    }
    Ok(batches)
}

/// Ties an answer to its question: neither a banner nor an older answer can carry it.
fn nonce() -> String {
    random_hex() + &random_hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{FileMode, Owner};
    use crate::transport::{Exec, Lend, Replace};

    fn replace(size: usize) -> Step {
        Step::Replace(Replace::new(
            "/x".parse().unwrap(),
            Secret::new(vec![b'x'; size]),
            FileMode::PRIVATE,
            Owner::root(),
        ))
    }

    #[test]
    fn long_programs_are_split_between_steps() {
        let guest = GuestId::vm(1);
        let program = Program::new(vec![replace(600), replace(600), replace(1)]);
        let sizes = |limit| -> Vec<usize> {
            let batches = batches(guest, &program, "", limit).unwrap();
            batches.iter().map(Vec::len).collect()
        };
        assert_eq!(sizes(1 << 20), [3]);
        assert_eq!(sizes(1_000), [1, 2]);
        assert!(matches!(
            batches(guest, &program, "", 500),
            Err(TransportError::TooLarge {
                what: "one step",
                ..
            })
        ));
    }

    #[test]
    fn lent_files_and_their_command_are_never_separated() {
        let lend = Lend {
            path: "/tmp/key.pem".parse().unwrap(),
            bytes: Secret::new(vec![b'x'; 800]),
            mode: FileMode::PRIVATE,
            owner: Owner::root(),
        };
        let program = Program::lent(vec![lend], Exec::new(["x".repeat(500)]));
        assert!(batches(GuestId::vm(1), &program, "", 1_100).is_err());
        assert_eq!(
            batches(GuestId::vm(1), &program, "", 2_000).unwrap().len(),
            1
        );
    }

    #[test]
    fn status_is_read_from_what_is_printed() {
        for (text, state) in [
            ("status: running\n", GuestState::Running),
            ("status: stopped\n", GuestState::Stopped),
            ("qmpstatus: paused\nstatus: running\n", GuestState::Paused),
            (
                "lock: backup\nstatus: running\n",
                GuestState::Locked("backup".to_owned()),
            ),
            ("status: odd\n", GuestState::Unknown("odd".to_owned())),
            ("", GuestState::Unknown(String::new())),
        ] {
            assert_eq!(read_state(text), state, "{text}");
        }
    }

    #[test]
    fn failures_of_the_tools_have_names() {
        let guest = GuestId::lxc(102);
        let error = |status, stderr: &str| {
            let raw = Raw {
                status,
                stdout: Zeroizing::new(Vec::new()),
                stderr: stderr.to_owned(),
            };
            no_answer(guest, raw)
        };
        assert!(matches!(
            error(255, "container '102' not running!"),
            TransportError::NotRunning { .. }
        ));
        assert!(matches!(
            error(255, "QEMU guest agent is not running"),
            TransportError::AgentMissing { .. }
        ));
        assert!(matches!(
            error(
                2,
                "Configuration file 'nodes/x/lxc/102.conf' does not exist"
            ),
            TransportError::NoSuchGuest { .. }
        ));
        assert!(matches!(error(0, ""), TransportError::Garbled { .. }));
        assert!(matches!(
            error(5, "odd"),
            TransportError::Failed { status: 5, .. }
        ));
    }
}
