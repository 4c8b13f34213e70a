//! Guests by SSH: on another node of the cluster, by its own `pct` and `qm`, or directly.
//!
//! OpenSSH's client does it, with host keys that must be known already and without ever asking anybody.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Answer, GuestState, GuestTransport, Program, Shell, TransportError};
use crate::names::{GuestId, SshDestination};
use crate::system::{Command, CommandError, Commands, Output};

/// Which files of the host `ssh` uses; OpenSSH's own where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshFiles {
    /// The private key.
    pub identity: Option<PathBuf>,
    /// The host keys that are known, and no others.
    pub known_hosts: Option<PathBuf>,
    /// The name under which the host's key is known, where it is not the destination's.
    pub host_key_alias: Option<String>,
}

/// Runs commands on another machine as if they were the host's.
pub struct SshCommands {
    local: Arc<dyn Commands>,
    destination: SshDestination,
    files: SshFiles,
}

impl SshCommands {
    /// Commands of this destination, by the host's own `ssh`.
    pub fn new(local: Arc<dyn Commands>, destination: SshDestination, files: SshFiles) -> Self {
        Self {
            local,
            destination,
            files,
        }
    }

    fn words(&self, command: &Command) -> Vec<OsString> {
        let mut words: Vec<OsString> = ["ssh", "-T", "-x", "-a"].map(Into::into).into();
        let mut option = |text: String| words.extend(["-o".into(), text.into()]);
        for fixed in OPTIONS {
            option((*fixed).to_owned());
        }
        if let Some(path) = &self.files.identity {
            option(format!("IdentityFile={}", quoted_value(path)));
            option("IdentitiesOnly=yes".to_owned());
        }
        if let Some(path) = &self.files.known_hosts {
            option(format!("UserKnownHostsFile={}", quoted_value(path)));
            option("GlobalKnownHostsFile=none".to_owned());
        }
        if let Some(alias) = &self.files.host_key_alias {
            option(format!("HostKeyAlias={alias}"));
        }
        if let Some(port) = self.destination.port() {
            option(format!("Port={port}"));
        }
        words.push("--".into());
        words.push(self.destination.without_port().into());
        // The other side's login shell takes the words apart again.
        let env = command
            .env
            .iter()
            .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
        let env: Vec<String> = if command.env.is_empty() {
            Vec::new()
        } else {
            std::iter::once("env".to_owned()).chain(env).collect()
        };
        let argv = command
            .argv
            .iter()
            .map(|word| word.to_string_lossy().into_owned());
        let all: Vec<String> = env.into_iter().chain(argv).collect();
        words.push(shell_words::join(all).into());
        words
    }
}

impl Commands for SshCommands {
    fn run(&self, command: &Command) -> Result<Output, CommandError> {
        self.local.run(&command.by(self.words(command)))
    }
}

/// A guest that is reached directly, whose login shell is a POSIX one.
pub struct Ssh(Shell);

impl Ssh {
    /// The guest at this destination, which must be its root.
    pub fn new(guest: GuestId, commands: SshCommands) -> Self {
        Self(Shell::new(guest, Arc::new(commands)))
    }

    /// With every path in the guest put beneath a directory: for trying things on a guest that is none.
    #[must_use]
    pub fn beneath(self, prefix: impl Into<String>) -> Self {
        Self(self.0.beneath(prefix))
    }
}

impl GuestTransport for Ssh {
    fn guest(&self) -> GuestId {
        self.0.guest()
    }

    /// A guest that lets us in runs; what keeps us out is an error, since it may run all the same.
    fn state(&self) -> Result<GuestState, TransportError> {
        self.0.state()
    }

    fn run(&self, program: &Program, timeout: Duration) -> Result<Answer, TransportError> {
        self.0.run(program, timeout)
    }

    fn init_pid(&self) -> Result<Option<u32>, TransportError> {
        self.0.init_pid()
    }
}

/// What stands before the remote words for every call: nobody is asked, no unknown host is believed, no call hangs.
const OPTIONS: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "PermitLocalCommand=no",
    "ClearAllForwardings=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    "LogLevel=ERROR",
];

/// A path as the value of an option, which may hold blanks.
fn quoted_value(path: &std::path::Path) -> String {
    format!("\"{}\"", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_reach_the_other_side_as_they_are_and_nothing_is_asked() {
        let commands = SshCommands::new(
            Arc::new(crate::system::WouldRunCommands),
            SshDestination::node("pve2").unwrap(),
            SshFiles {
                known_hosts: Some("/etc/pve/nodes/pve2/ssh_known_hosts".into()),
                host_key_alias: Some("pve2".to_owned()),
                ..SshFiles::default()
            },
        );
        let words = commands.words(&Command::new([
            "pct", "exec", "102", "--", "sh", "-c", "a 'b'",
        ]));
        let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words[words.len() - 3..],
            ["--", "root@pve2", r"pct exec 102 -- sh -c 'a '\''b'\'''"]
        );
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "GlobalKnownHostsFile=none",
            "HostKeyAlias=pve2",
        ] {
            assert!(words.contains(&option), "{option}");
        }
    }
}
