//! How the host reads and changes things inside guests: a typed [`Program`] of steps, run by one call.
//!
//! Script transports ([`Pct`], [`Qm`]) hand a constant POSIX shell script to the guest and everything else, keys
//! included, over standard input, on another machine by [`Ssh`] or [`SshCommands`]; [`Local`] does the same natively in a directory that stands for a guest.

mod answer;
mod frame;
mod hook;
mod local;
mod pct;
mod program;
mod qm;
mod script;
mod shell;
pub mod sockets;
mod ssh;

#[cfg(test)]
mod conformance;

use std::time::Duration;

pub use answer::{
    Answer, Delivered, Entry, EntryKind, ExecEnded, Executed, Listing, Meta, Refusal, StepError,
    StepResult,
};
pub use hook::GuestCommand;
pub use local::{Local, LocalExec};
pub use pct::Pct;
pub use program::{
    Delivery, Exec, Expect, GuestPath, Inspect, Lend, PairFile, Program, Replace, Restore, Sha256,
    Step, Version,
};
pub use qm::Qm;
pub use shell::Shell;
pub use ssh::{Ssh, SshCommands, SshFiles};

use crate::names::GuestId;
use crate::system::CommandError;

/// A way into one guest.
pub trait GuestTransport: Send + Sync {
    /// The guest at its other end.
    fn guest(&self) -> GuestId;

    /// Whether the guest runs.
    fn state(&self) -> Result<GuestState, TransportError>;

    /// Runs a program, by one call where the transport's limits allow it, and waits for its end or the timeout.
    ///
    /// What a step could not do stands in the answer; an error means that the answer is not (wholly) known.
    fn run(&self, program: &Program, timeout: Duration) -> Result<Answer, TransportError>;

    /// The process on the host whose namespaces are the container's; `None` for guests that have none.
    fn init_pid(&self) -> Result<Option<u32>, TransportError>;
}

/// Whether a guest runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuestState {
    /// It runs, or is stopped, under this lock (`backup`, `migrate`, ...): better left alone.
    Locked(String),
    /// It is there and does not run on.
    Paused,
    /// It runs.
    Running,
    /// It does not run.
    Stopped,
    /// Proxmox says something else.
    Unknown(String),
}

impl std::fmt::Display for GuestState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Locked(lock) => write!(f, "locked ({lock})"),
            Self::Paused => f.write_str("paused"),
            Self::Running => f.write_str("running"),
            Self::Stopped => f.write_str("stopped"),
            Self::Unknown(state) => f.write_str(state),
        }
    }
}

/// A call into a guest whose answer is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The virtual machine's agent does not answer.
    #[error("could not reach the guest agent of {guest}: it is not running")]
    AgentMissing {
        /// The guest.
        guest: GuestId,
    },
    /// SSH: the other side does not let us in.
    #[error("could not call into {guest}: SSH was refused: {stderr}")]
    Denied {
        /// The guest.
        guest: GuestId,
        /// What `ssh` said.
        stderr: String,
    },
    /// The host's command failed before the guest could answer.
    #[error("could not call into {guest}: status {status}: {stderr}")]
    Failed {
        /// The guest.
        guest: GuestId,
        /// The command's status; 128 plus its number for a signal.
        status: i32,
        /// What it said.
        stderr: String,
    },
    /// The answer is not in the form that was agreed on.
    #[error("the answer of {guest} is garbled: {what}")]
    Garbled {
        /// The guest.
        guest: GuestId,
        /// What was found instead of what.
        what: String,
    },
    /// The guest lacks a program that even busybox has.
    #[error("{guest} has no `{tool}`")]
    GuestToolMissing {
        /// The guest.
        guest: GuestId,
        /// The program.
        tool: String,
    },
    /// The answer ends in the middle: the guest stopped, or something killed the call.
    #[error(
        "the call into {guest} broke off after {done} of {steps} steps: {}",
        said(stderr)
    )]
    Interrupted {
        /// The guest.
        guest: GuestId,
        /// How many steps were answered.
        done: usize,
        /// How many there are.
        steps: usize,
        /// What the host's command said.
        stderr: String,
    },
    /// SSH: the host key is not a known one.
    #[error(
        "could not call into {guest}: its SSH host key is not the known one, or none is known: {stderr}"
    )]
    HostKey {
        /// The guest.
        guest: GuestId,
        /// What `ssh` said.
        stderr: String,
    },
    /// A program that cannot be sent.
    #[error("could not send step {step} to {guest}: {what}")]
    InvalidStep {
        /// The guest.
        guest: GuestId,
        /// Which step, counted from 0.
        step: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A file operation on the directory that stands for a guest failed.
    #[error("could not use the directory of {guest}")]
    Local {
        /// The guest.
        guest: GuestId,
        /// Why.
        source: std::io::Error,
    },
    /// Proxmox knows no such guest.
    #[error("there is no guest {guest}")]
    NoSuchGuest {
        /// The guest.
        guest: GuestId,
    },
    /// The guest is stopped.
    #[error("{guest} is not running")]
    NotRunning {
        /// The guest.
        guest: GuestId,
    },
    /// The program goes on inside the guest; it must not be started beside itself.
    #[error("the call into {guest} is still running there, PID {pid}")]
    StillRunning {
        /// The guest.
        guest: GuestId,
        /// Its process inside the guest.
        pid: u64,
    },
    /// No answer in time; the call was killed on the host's side.
    #[error("the call into {guest} took longer than {} s", .after.as_secs())]
    TimedOut {
        /// The guest.
        guest: GuestId,
        /// The timeout.
        after: Duration,
    },
    /// A step or an answer is larger than the transport passes on.
    #[error("{what} is larger than {limit} bytes, the most that reaches {guest}")]
    TooLarge {
        /// The guest.
        guest: GuestId,
        /// What is too large.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// SSH: nobody answers there.
    #[error("could not reach {guest} by SSH: {stderr}")]
    Unreachable {
        /// The guest.
        guest: GuestId,
        /// What `ssh` said.
        stderr: String,
    },
    /// `pct`, `qm` or `ssh` could not be run.
    #[error("could not call into {guest}")]
    ToolMissing {
        /// The guest.
        guest: GuestId,
        /// Why.
        source: CommandError,
    },
    /// Commands are not run here (`--root`).
    #[error("would call into {guest}")]
    WouldRun {
        /// The guest.
        guest: GuestId,
    },
}

/// What a call that broke off still said.
fn said(stderr: &str) -> &str {
    match stderr.trim() {
        "" => "the guest stopped, or something ended the call",
        said => said,
    }
}
