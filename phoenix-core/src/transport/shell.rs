//! Guests reached by a program's own means: whatever runs words in them.

use std::sync::Arc;
use std::time::Duration;

use super::script::{self, SHELL};
use super::{Answer, GuestState, GuestTransport, Program, TransportError};
use crate::names::GuestId;
use crate::system::{Command, Commands};

/// A guest in which [`Commands`] of the program's own run: its words are run there as root, with a POSIX `sh`.
///
/// Everything that Phoenix does in a guest goes through one constant script; keys come on its standard input.
///
/// ```
/// use std::sync::Arc;
/// use phoenix_core::names::GuestId;
/// use phoenix_core::system::{Command, CommandError, Commands, HostCommands, Output};
/// use phoenix_core::transport::{GuestTransport, Shell};
///
/// /// Guests that are containers of another kind.
/// struct Podman(HostCommands, &'static str);
///
/// impl Commands for Podman {
///     fn run(&self, command: &Command) -> Result<Output, CommandError> {
///         let words = ["podman", "exec", "--interactive", self.1].map(Into::into);
///         self.0.run(&command.by(words.into_iter().chain(command.argv.clone())))
///     }
/// }
///
/// let podman = Podman(HostCommands::new("/usr/bin:/bin"), "proxy");
/// let guest = Shell::new(GuestId::lxc(102), Arc::new(podman));
/// assert_eq!(guest.guest(), GuestId::lxc(102));
/// ```
pub struct Shell {
    commands: Arc<dyn Commands>,
    guest: GuestId,
    prefix: String,
}

impl Shell {
    /// The guest in which these commands run.
    pub fn new(guest: GuestId, commands: Arc<dyn Commands>) -> Self {
        Self {
            commands,
            guest,
            prefix: String::new(),
        }
    }

    /// With every path in the guest put beneath a directory: for trying things on a guest that is none.
    #[must_use]
    pub fn beneath(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

impl GuestTransport for Shell {
    fn guest(&self) -> GuestId {
        self.guest
    }

    /// A guest in which a command succeeds runs; what keeps us out is an error, since it may run all the same.
    fn state(&self) -> Result<GuestState, TransportError> {
        let command = Command::new(["true"]).timeout(Duration::from_secs(30));
        let raw = script::host(&*self.commands, self.guest, &command)?;
        if raw.status == 0 {
            Ok(GuestState::Running)
        } else {
            Err(script::no_answer(self.guest, raw))
        }
    }

    fn run(&self, program: &Program, timeout: Duration) -> Result<Answer, TransportError> {
        script::run(self.guest, program, &self.prefix, usize::MAX, |frame| {
            let command = Command::new(SHELL).stdin(frame).timeout(timeout);
            script::host(&*self.commands, self.guest, &command)
        })
    }

    fn init_pid(&self) -> Result<Option<u32>, TransportError> {
        Ok(None)
    }
}
