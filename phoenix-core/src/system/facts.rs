//! What is known of a file without opening it, and its digest.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest;

use crate::names::FileMode;

/// The kind of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A device, a pipe or a socket.
    Other,
}

impl fmt::Display for FileKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Link => "a link",
            Self::Other => "a device, pipe or socket",
        })
    }
}

/// What `lstat` says of an entry: links are described, not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// What kind of entry it is.
    pub kind: FileKind,
    /// Its permission bits.
    pub mode: FileMode,
    /// The number of its owner.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its size in bytes.
    pub size: u64,
    /// When its content last changed.
    pub modified: SystemTime,
    /// When its content, names, owner or mode last changed; programs cannot set it.
    pub changed: SystemTime,
    /// How many names it has (hard links).
    pub links: u64,
    /// The device that holds it.
    pub dev: u64,
    /// Its number on that device.
    pub ino: u64,
    /// Where it points to, when it is a link.
    pub target: Option<PathBuf>,
}

impl FileFacts {
    /// Owner and group as numbers.
    pub fn owner(&self) -> (u32, u32) {
        (self.uid, self.gid)
    }

    pub(crate) fn new(meta: &std::fs::Metadata, target: Option<PathBuf>) -> Self {
        let kind = meta.file_type();
        Self {
            kind: if kind.is_file() {
                FileKind::File
            } else if kind.is_dir() {
                FileKind::Directory
            } else if kind.is_symlink() {
                FileKind::Link
            } else {
                FileKind::Other
            },
            mode: FileMode::new(meta.mode()),
            uid: meta.uid(),
            gid: meta.gid(),
            size: meta.size(),
            modified: moment(meta.mtime(), meta.mtime_nsec()),
            changed: moment(meta.ctime(), meta.ctime_nsec()),
            links: meta.nlink(),
            dev: meta.dev(),
            ino: meta.ino(),
            target,
        }
    }
}

/// The SHA-256 of a file's content, printed as 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileDigest([u8; 32]);

impl FileDigest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sum = [0; 32];
        sum.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(sum)
    }
}

impl serde::Serialize for FileDigest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for FileDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn moment(seconds: i64, nanoseconds: i64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    let part = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0));
    base.and_then(|time| time.checked_add(part))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_print_as_sha256sum_prints_them() {
        assert_eq!(
            FileDigest::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn times_before_1970_and_beyond_all_years_do_not_panic() {
        assert!(moment(-1, 5) < SystemTime::UNIX_EPOCH);
        moment(i64::MAX, i64::MAX);
        moment(i64::MIN, -1);
    }
}
