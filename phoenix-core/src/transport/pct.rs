//! Containers, by `pct exec`.

use std::sync::Arc;
use std::time::Duration;

use super::script::{self, SHELL};
use super::{Answer, GuestState, GuestTransport, Program, TransportError};
use crate::names::GuestId;
use crate::system::{Command, Commands};

/// A container of this host.
pub struct Pct {
    commands: Arc<dyn Commands>,
    guest: GuestId,
    prefix: String,
    elsewhere: bool,
}

impl Pct {
    /// The container with this number.
    pub fn new(commands: Arc<dyn Commands>, id: u32) -> Self {
        Self {
            commands,
            guest: GuestId::lxc(id),
            prefix: String::new(),
            elsewhere: false,
        }
    }

    /// A container of another machine, whose `commands` these are: its processes are none of the host's.
    #[must_use]
    pub fn elsewhere(mut self) -> Self {
        self.elsewhere = true;
        self
    }

    /// With every path in the guest put beneath a directory: for trying things on a guest that is none.
    #[must_use]
    pub fn beneath(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

impl GuestTransport for Pct {
    fn guest(&self) -> GuestId {
        self.guest
    }

    fn state(&self) -> Result<GuestState, TransportError> {
        script::state(&*self.commands, self.guest, "pct")
    }

    fn run(&self, program: &Program, timeout: Duration) -> Result<Answer, TransportError> {
        let id = self.guest.id.to_string();
        script::run(self.guest, program, &self.prefix, usize::MAX, |frame| {
            let words = ["pct", "exec", &id, "--"].into_iter().chain(SHELL);
            let command = Command::new(words).stdin(frame).timeout(timeout);
            script::host(&*self.commands, self.guest, &command)
        })
    }

    fn init_pid(&self) -> Result<Option<u32>, TransportError> {
        if self.elsewhere {
            return Ok(None);
        }
        let id = self.guest.id.to_string();
        let command = Command::new(["lxc-info", "-n", &id, "-p", "-H"]);
        let command = command.timeout(Duration::from_secs(30));
        let raw = script::host(&*self.commands, self.guest, &command)?;
        let text = String::from_utf8_lossy(&raw.stdout);
        match text.trim().parse() {
            Ok(pid) if raw.status == 0 && pid > 0 => Ok(Some(pid)),
            _ if raw.status == 0 => Err(TransportError::NotRunning { guest: self.guest }),
            _ => Err(script::no_answer(self.guest, raw)),
        }
    }
}
