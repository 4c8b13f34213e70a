//! The host: files beneath a root, commands, sockets, locks, journals. All host I/O goes through here.

mod commands;
mod dial;

pub use commands::{Command, CommandError, Commands, Ended, Output};
pub use dial::Dial;
