//! What a guest answered, typed per step.

use super::program::{Sha256, Version};
use super::sockets::Socket;
use crate::names::FileMode;
use crate::secret::Secret;

/// The results of a [`Program`](super::Program), one per step.
#[derive(Debug)]
pub struct Answer {
    /// One result per step of the program, in its order.
    pub results: Vec<StepResult>,
}

impl Answer {
    /// The first failure: a refused step, or a command that did not end with 0 and was required.
    ///
    /// `None` means that every step was run and did what it was to do.
    pub fn failure(&self) -> Option<(usize, &StepResult)> {
        let failed = |result: &StepResult| match result {
            StepResult::Refused(_) | StepResult::Skipped => true,
            StepResult::Exec(run) => run.required && !run.succeeded(),
            _ => false,
        };
        self.results.iter().enumerate().find(|(_, r)| failed(r))
    }
}

/// What became of one step.
#[derive(Debug)]
#[non_exhaustive]
pub enum StepResult {
    /// A pair is in its place and confirmed by its digests.
    Delivered(Delivered),
    /// A command was run (or, on a copy of a site, would be).
    Exec(Executed),
    /// What a path is; `None`: nothing.
    Inspected(Option<Entry>),
    /// The file is there until the program ends.
    Lent,
    /// The names in a directory.
    Listed(Listing),
    /// The step was tried and refused; what was there before is still there.
    Refused(StepError),
    /// The path is gone; whether there was something.
    Removed(bool),
    /// The file is in its place and confirmed by its digest.
    Replaced,
    /// `current` points to another version.
    Restored {
        /// Where it points now.
        version: Version,
        /// Where it pointed before.
        from: Option<Version>,
    },
    /// An earlier step failed, this one was not begun.
    Skipped,
    /// The guest's TCP sockets.
    Sockets(Vec<Socket>),
}

/// A delivered pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The version that `current` points to now.
    pub version: Version,
    /// The version to go back to. `None`: there was nothing before, or this version was current already.
    pub previous: Option<Version>,
    /// Whether plain files (or links of somebody else) were taken over into `previous`.
    pub taken_over: bool,
    /// Whether everything was in its place already.
    pub unchanged: bool,
}

/// How a command in a guest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecEnded {
    /// With this status; 128 plus the number of the signal that killed it.
    Exit(i32),
    /// Killed when its time was over.
    TimedOut,
    /// Not run, since the guest is a directory (`--root`).
    WouldRun,
}

/// A command that was run in a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// How it ended.
    pub ended: ExecEnded,
    /// Its standard output, cut at the limit of the step.
    pub stdout: Vec<u8>,
    /// Its standard error, likewise.
    pub stderr: Vec<u8>,
    /// Whether one of them was cut.
    pub truncated: bool,
    /// As the step had it.
    pub required: bool,
}

impl Executed {
    /// Whether it ended with 0, or would be run.
    pub fn succeeded(&self) -> bool {
        matches!(self.ended, ExecEnded::Exit(0) | ExecEnded::WouldRun)
    }
}

/// The kind of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A device, a pipe, a socket.
    Other,
}

/// What stands at a path, or behind a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Its kind.
    pub kind: EntryKind,
    /// Its permission bits.
    pub mode: FileMode,
    /// The owner's number, as the guest sees it.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
    /// The owner's name, where the guest has one.
    pub user: Option<String>,
    /// The group's name.
    pub group: Option<String>,
    /// Its size in bytes.
    pub size: u64,
}

/// A path as it was found.
#[derive(Debug)]
pub struct Entry {
    /// The path itself; a link is not followed.
    pub meta: Meta,
    /// Where a link points.
    pub target: Option<String>,
    /// What lies behind a link; `None`: nothing, or no link.
    pub behind: Option<Meta>,
    /// The digest of a regular file or the one behind the link, up to 64 MiB.
    pub sha256: Option<Sha256>,
    /// The bytes, where they were asked for, cut at the limit.
    pub content: Option<Secret>,
}

impl Entry {
    /// What a program that opens the path gets.
    pub fn opened(&self) -> Option<&Meta> {
        if self.meta.kind == EntryKind::Link {
            self.behind.as_ref()
        } else {
            Some(&self.meta)
        }
    }

    /// The bytes, if all of them are there.
    pub fn whole_content(&self) -> Option<&Secret> {
        let size = self.opened()?.size;
        self.content
            .as_ref()
            .filter(|bytes| bytes.expose_secret().len() as u64 == size)
    }
}

/// The names in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Names and kinds, in no order.
    pub entries: Vec<(String, EntryKind)>,
    /// Whether there are more than could be passed on.
    pub truncated: bool,
}

/// Why a step was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A file is not the one that was read before.
    Changed,
    /// A file or directory could not be created.
    Create,
    /// What was written is not what was sent.
    Digest,
    /// The path is a directory.
    Directory,
    /// `current` or a directory of ours is somebody else's: perhaps planted.
    Foreign,
    /// What was asked for is not there.
    Missing,
    /// The mode could not be set.
    Mode,
    /// The owner could not be set: perhaps the guest has no such user.
    Owner,
    /// It could not be removed.
    Remove,
    /// It could not be moved into its place.
    Rename,
    /// The bytes could not be written: perhaps the disk is full.
    Write,
}

impl Refusal {
    pub(crate) const TABLE: [(&'static str, Self, &'static str); 11] = [
        ("changed", Self::Changed, "the file changed in between"),
        ("create", Self::Create, "could not create"),
        ("digest", Self::Digest, "could not confirm what was written"),
        ("directory", Self::Directory, "a directory is in the way"),
        ("foreign", Self::Foreign, "found what is not ours"),
        ("missing", Self::Missing, "found nothing there"),
        ("mode", Self::Mode, "could not set the mode"),
        ("owner", Self::Owner, "could not set the owner"),
        ("remove", Self::Remove, "could not remove"),
        ("rename", Self::Rename, "could not move into place"),
        ("write", Self::Write, "could not write"),
    ];

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        let row = Self::TABLE.iter().find(|row| row.0 == code)?;
        Some(row.1)
    }

    fn words(self) -> &'static str {
        Self::TABLE
            .iter()
            .find(|row| row.1 == self)
            .map_or("refused", |row| row.2)
    }
}

/// A step that was refused, in our words and the guest's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", refusal.words())]
pub struct StepError {
    /// Why.
    pub refusal: Refusal,
    /// What the guest's tools said.
    pub message: String,
}

impl StepError {
    pub(crate) fn new(refusal: Refusal, message: impl Into<String>) -> Self {
        Self {
            refusal,
            message: message.into(),
        }
    }

    /// Whether a disk without space (or quota) is the cause.
    pub fn disk_full(&self) -> bool {
        ["No space left", "Disk quota exceeded"]
            .iter()
            .any(|words| self.message.contains(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_one_code_and_words() {
        for (code, refusal, words) in Refusal::TABLE {
            assert_eq!(Refusal::from_code(code), Some(refusal));
            assert_eq!(refusal.words(), words);
        }
        assert_eq!(Refusal::from_code("nonsense"), None);
    }
}
