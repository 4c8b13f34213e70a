//! Proxmox's firewall service made to read its files now.
//!
//! It reads them every ten seconds by itself. `pve-firewall restart` sends it HUP, upon which it reads them at once and
//! removes no rule in between; `pve-firewall status` says `(pending changes)` until the kernel has what the files say.
//! The newer service of nftables reads them every five seconds and can only be stopped, which would open everything: it
//! is waited for.

use std::fmt;
use std::time::Duration;

use crate::system::{Command, CommandError, Commands, Ended, Output};
use crate::time::{Clock, Deadline};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reloaded {
    /// The rules of the files are in force.
    InForce,
    /// There is no such service here.
    Missing,
    /// The service does not run: no rule is in force.
    Stopped,
    /// The service of nftables has had the time to read them.
    Waited,
    /// Nothing outside the root may be run.
    WouldRun,
}

impl Reloaded {
    /// Whether the rules are not in force, and why.
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::Missing => Some(
                "found no `pve-firewall` on this host: the rules act once Proxmox's firewall reads them",
            ),
            Self::Stopped => Some(
                "Proxmox's firewall does not run, so no rule acts: `pve-firewall start` starts it",
            ),
            Self::InForce | Self::Waited | Self::WouldRun => None,
        }
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InForce => "in force",
            Self::Missing => "not read by any service",
            Self::Stopped => "not in force: the service does not run",
            Self::Waited => "read by the service of nftables",
            Self::WouldRun => "would be read by `pve-firewall restart`",
        })
    }
}

/// Why the rules are not in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// A command failed.
    #[error("`{command}` failed ({ended}): {stderr}")]
    Failed {
        /// The command.
        command: String,
        /// How it ended.
        ended: String,
        /// What it said.
        stderr: String,
    },
    /// The kernel does not have what the files say.
    #[error("Proxmox's firewall had not put the rules in force after {}: it says `{status}`", crate::time::human(*waited))]
    NotInForce {
        /// How long it was waited for.
        waited: Duration,
        /// What `pve-firewall status` says.
        status: String,
    },
    /// A command could not be run.
    #[error(transparent)]
    Run(#[from] CommandError),
}

/// How the service stands: what `pve-firewall status` says behind `Status:`; nothing where there is no such program.
///
/// # Errors
///
/// When it cannot be asked.
pub fn status(commands: &dyn Commands) -> Result<Option<Status>, ReloadError> {
    let output = match run(commands, "status") {
        Err(ReloadError::Run(CommandError::NotFound { .. })) => return Ok(None),
        output => output?,
    };
    if output.ended == Ended::WouldRun {
        return Ok(Some(Status::WouldRun));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("Status:"));
    Ok(Some(Status::Says(line.unwrap_or(&text).trim().to_owned())))
}

/// What the service says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Such as `enabled/running (pending changes)`.
    Says(String),
    /// Nothing outside the root may be run.
    WouldRun,
}

/// Makes the service read its files, and waits until the kernel has what they say.
///
/// # Errors
///
/// When it cannot be told to, or does not come to it in time.
pub fn reload(
    commands: &dyn Commands,
    clock: &dyn Clock,
    nftables: bool,
) -> Result<Reloaded, ReloadError> {
    let says = match status(commands)? {
        None => return Ok(Reloaded::Missing),
        Some(Status::WouldRun) => return Ok(Reloaded::WouldRun),
        Some(Status::Says(says)) => says,
    };
    if nftables {
        clock.sleep(NFTABLES_TIME);
        return Ok(Reloaded::Waited);
    }
    if says.contains("stopped") {
        return Ok(Reloaded::Stopped);
    }
    run(commands, "restart")?;
    let deadline = Deadline::after(clock, IN_FORCE_TIME);
    loop {
        let Some(Status::Says(says)) = status(commands)? else {
            return Ok(Reloaded::Missing);
        };
        // While it starts itself anew it may look stopped.
        if !says.contains("stopped") && !says.contains("pending changes") {
            return Ok(Reloaded::InForce);
        }
        if deadline.passed(clock) {
            return Err(ReloadError::NotInForce {
                waited: IN_FORCE_TIME,
                status: says,
            });
        }
        clock.sleep(Duration::from_millis(500));
    }
}

fn run(commands: &dyn Commands, word: &str) -> Result<Output, ReloadError> {
    let command = Command::new(["pve-firewall", word]).timeout(COMMAND_TIME);
    let output = commands.run(&command)?;
    if !output.success() && output.ended != Ended::WouldRun {
        let ended = match output.ended {
            Ended::Exit(status) => format!("status {status}"),
            Ended::Signal(signal) => format!("signal {signal}"),
            _ => "it did not end in time".to_owned(),
        };
        return Err(ReloadError::Failed {
            command: format!("pve-firewall {word}"),
            ended,
            stderr: output.stderr_text(),
        });
    }
    Ok(output)
}

/// How long a command may take: compiling the rules of many guests takes a while.
const COMMAND_TIME: Duration = Duration::from_secs(60);
/// How long the service may take: it looks every ten seconds.
const IN_FORCE_TIME: Duration = Duration::from_secs(20);
/// How long the service of nftables takes at most between two looks, and a little more.
const NFTABLES_TIME: Duration = Duration::from_secs(7);

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::time::SystemClock;

    /// Answers in turn, and remembers what it was asked.
    struct Script(Mutex<Vec<(&'static str, i32, &'static str)>>);

    impl Commands for Script {
        fn run(&self, command: &Command) -> Result<Output, CommandError> {
            let mut lines = self.0.lock().unwrap();
            assert!(!lines.is_empty(), "{:?}", command.argv);
            let (word, status, stdout) = lines.remove(0);
            assert_eq!(command.argv, ["pve-firewall", word]);
            Ok(Output {
                ended: Ended::Exit(status),
                stdout: stdout.into(),
                stderr: b"why".to_vec(),
            })
        }
    }

    fn scripted(lines: &[(&'static str, i32, &'static str)]) -> Result<Reloaded, ReloadError> {
        let script = Script(Mutex::new(lines.to_vec()));
        let result = reload(&script, &SystemClock, false);
        assert!(script.0.lock().unwrap().is_empty());
        result
    }

    #[test]
    fn rules_are_in_force_when_nothing_is_pending_any_more() {
        let result = scripted(&[
            ("status", 0, "Status: enabled/running\n"),
            ("restart", 0, ""),
            ("status", 0, "Status: enabled/running (pending changes)\n"),
            ("status", 0, "Status: enabled/running\n"),
        ]);
        assert_eq!(result.unwrap(), Reloaded::InForce);
    }

    #[test]
    fn a_service_that_was_stopped_is_not_started() {
        let result = scripted(&[("status", 0, "Status: disabled/stopped\n")]);
        assert_eq!(result.unwrap(), Reloaded::Stopped);
    }

    #[test]
    fn a_command_that_fails_is_named_with_what_it_said() {
        let result = scripted(&[
            ("status", 0, "Status: enabled/running\n"),
            ("restart", 255, ""),
        ]);
        assert_eq!(
            result.unwrap_err().to_string(),
            "`pve-firewall restart` failed (status 255): why"
        );
    }
}
