//! The host: files beneath a root, commands, sockets, locks, journals. All host I/O goes through here.

mod commands;
#[cfg(test)]
pub(crate) mod crash;
mod dial;
pub(crate) mod dir;
mod error;
mod facts;
mod host_commands;
mod journal;
mod lock;
pub(crate) mod preflight;
mod proxy;
mod random;
pub(crate) mod replace;
pub(crate) mod root;
mod rotate;
#[cfg(test)]
pub(crate) mod scratch;
mod transaction;
mod users;

pub use commands::{Command, CommandError, Commands, Ended, Output};
pub use dial::{Dial, HostDial, NamespaceDial, NoDial};
pub use error::FileError;
pub use facts::{FileDigest, FileFacts, FileKind};
pub use host_commands::{HostCommands, WouldRunCommands, leave_session};
pub use journal::{
    JournalError, Recovered, RecoveredTransaction, RecoveryOutcome, pending, recover,
};
pub use lock::{LockError, SiteLock};
pub use proxy::{Proxy, ProxyDial};
pub(crate) use random::{random, random_hex};
pub use replace::Attributes;
pub use root::{Links, Root};
pub use rotate::Rotation;
pub use transaction::{Applied, Change, Content, Expect, Prepared, Transaction, TransactionError};
pub use users::{UserError, Users};

pub(crate) use dir::Dir;
pub(crate) use root::split;
