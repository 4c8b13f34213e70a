//! One run at a time per site.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, ResolveFlags};

use super::error::FileError;
use super::root::{Links, Root, split};
use crate::names::FileMode;
use crate::time::{Clock, Deadline};

/// A lock that was not obtained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The lock's file could not be used.
    #[error("could not take the lock of the site")]
    File(#[from] FileError),
    /// Another run has it and did not end in time.
    #[error("waited {} for the lock `{}`, which {} holds", crate::time::human(*waited), path.display(), holder(*pid))]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// The process that holds it, as far as it said so.
        pid: Option<u32>,
        /// How long it was waited for.
        waited: Duration,
    },
}

/// The lock of a site, held until dropped; the kernel releases it when the process dies.
#[derive(Debug)]
pub struct SiteLock {
    file: File,
}

impl SiteLock {
    /// Takes the lock, waiting for its holder at most `timeout`. The file and its directory (0700) are made if missing.
    pub fn acquire(
        root: &Root,
        path: &Path,
        timeout: Duration,
        clock: &dyn Clock,
    ) -> Result<Self, LockError> {
        let (parent, _) = split(path)?;
        root.make_dirs(parent, FileMode::new(0o700), Links::Follow)?;
        // The file is never removed: whoever waits has it open, and would lock a name that nobody else sees.
        let fd = root.open(
            "lock",
            path,
            OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK,
            Mode::from_raw_mode(0o600),
            ResolveFlags::empty(),
        )?;
        let mut file = File::from(fd);
        let deadline = Deadline::after(clock, timeout);
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::WouldBlock) => {}
                Err(std::fs::TryLockError::Error(error)) => {
                    return Err(FileError::of("lock", path, error).into());
                }
            }
            let remaining = deadline.remaining(clock);
            if remaining.is_zero() {
                return Err(LockError::Held {
                    path: path.to_path_buf(),
                    pid: read_pid(&mut file),
                    waited: timeout,
                });
            }
            clock.sleep(remaining.min(Duration::from_millis(50)));
        }
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(|error| FileError::of("write", path, error))?;
        Ok(Self { file })
    }
}

impl Drop for SiteLock {
    fn drop(&mut self) {
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;
    use crate::time::SystemClock;

    #[test]
    fn a_second_run_waits_and_names_the_holder() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let path = Path::new("/site/.phoenix/lock");
        let take = |ms| SiteLock::acquire(&root, path, Duration::from_millis(ms), &SystemClock);
        let first = take(0).unwrap();
        let Err(LockError::Held { pid, .. }) = take(80) else {
            panic!("two locks at once");
        };
        assert_eq!(pid, Some(std::process::id()));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take(5_000).map(drop));
            std::thread::sleep(Duration::from_millis(60));
            drop(first);
            waiting.join().unwrap().unwrap();
        });
    }
}
