//! A file that only grows, line by line: kept small by rotation, whole after a crash.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{self, FlockOperation, Mode, OFlags};

use super::dir::Dir;
use super::error::FileError;
use super::root::{Links, Root};

/// How large such a file becomes, and how many older ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// A line that would make the file larger begins a new one.
    pub size: u64,
    /// How many older ones stay, as `NAME.1` (the youngest) to `NAME.COUNT`.
    pub count: u32,
}

impl Root {
    /// Adds a line, which holds no line feed, at the end of a file; the file is made (0600) where there is none.
    ///
    /// Whoever adds holds a lock on the directory meanwhile, so that no line is torn and no rotation done twice. A line
    /// that a crash cut off stays as it is, and the next one begins on a line of its own. With `sync` the line is on the
    /// disk when this returns; without it, it survives the end of the process and not that of the machine.
    pub fn append_line(
        &self,
        path: &Path,
        line: &[u8],
        rotation: Rotation,
        sync: bool,
    ) -> Result<(), FileError> {
        let error = |source: std::io::Error| FileError::of("append to", path, source);
        let (dir, name) = self.locate("append to", path, Links::Replace)?;
        // Released when the directory is closed.
        fs::flock(dir.fd(), FlockOperation::LockExclusive).map_err(|errno| error(errno.into()))?;
        let there = dir.stat(&name)?.map_or(0, |facts| facts.size);
        if there > 0 && there + line.len() as u64 + 1 > rotation.size {
            rotate(&dir, &name, rotation.count)?;
        }
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW;
        let flags = flags | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = fs::openat(dir.fd(), &name, flags, Mode::from_raw_mode(0o600));
        let mut file = File::from(file.map_err(|errno| error(errno.into()))?);
        let size = file.metadata().map_err(error)?.len();
        let mut bytes = Vec::with_capacity(line.len() + 2);
        let mut last = [b'\n'];
        if size > 0 {
            file.read_exact_at(&mut last, size - 1).map_err(error)?;
        }
        if last != *b"\n" {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        if let Err(source) = file.write_all(&bytes) {
            // Half a line is no line; that a full disk refuses even this is told by the failure itself.
            let _ = file.set_len(size);
            return Err(error(source));
        }
        if sync {
            file.sync_data().map_err(error)?;
            dir.sync()?;
        }
        Ok(())
    }

    /// Makes what was appended unsynced durable; nothing where there is no file.
    pub fn sync_file(&self, path: &Path) -> Result<(), FileError> {
        let (dir, name) = self.locate("sync", path, Links::Replace)?;
        match dir.sync_file(&name) {
            Err(error) if error.is_not_found() => Ok(()),
            other => other.and_then(|()| dir.sync()),
        }
    }
}

/// Moves each file to the next number, beginning with the last one, so that a crash in between loses no line.
///
/// A number that is missing, as such a crash leaves one, takes up the move; else the oldest file goes.
fn rotate(dir: &Dir, name: &OsStr, count: u32) -> Result<(), FileError> {
    let numbered = |number: u32| {
        let mut numbered = name.to_owned();
        if number > 0 {
            numbered.push(format!(".{number}"));
        }
        numbered
    };
    if count == 0 {
        dir.remove(name)?;
        return dir.sync();
    }
    let mut last = count;
    for number in 1..=count {
        if dir.stat(&numbered(number))?.is_none() {
            last = number;
            break;
        }
    }
    for number in (0..last).rev() {
        let (from, to): (OsString, OsString) = (numbered(number), numbered(number + 1));
        dir.rename(&from, dir, &to)?;
    }
    dir.sync()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::scratch::Scratch;
    use super::*;

    const SMALL: Rotation = Rotation { size: 20, count: 3 };

    fn add(root: &Root, line: &str) {
        root.append_line(Path::new("/log"), line.as_bytes(), SMALL, true)
            .unwrap();
    }

    fn read(scratch: &Scratch, name: &str) -> String {
        std::fs::read_to_string(scratch.path().join(name)).unwrap_or_default()
    }

    #[test]
    fn full_files_are_numbered_and_the_oldest_goes() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        for number in 0..11 {
            add(&root, &format!("line {number:03}"));
        }
        assert_eq!(read(&scratch, "log"), "line 010\n");
        assert_eq!(read(&scratch, "log.1"), "line 008\nline 009\n");
        assert_eq!(read(&scratch, "log.3"), "line 004\nline 005\n");
        assert_eq!(
            root.list(Path::new("/")).unwrap(),
            ["log", "log.1", "log.2", "log.3"]
        );
        // A line that is longer than a file may be still gets one.
        add(&root, &"x".repeat(30));
        assert_eq!(read(&scratch, "log").len(), 31);
    }

    #[test]
    fn a_rotation_that_a_crash_cut_off_loses_nothing() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        for number in 0..8 {
            add(&root, &format!("line {number:03}"));
        }
        // As a kill leaves it: 3 is free, 2 has moved up, 1 and the file itself have not.
        std::fs::rename(scratch.path().join("log.1"), scratch.path().join("held")).unwrap();
        std::fs::rename(scratch.path().join("log.2"), scratch.path().join("log.1")).unwrap();
        std::fs::remove_file(scratch.path().join("held")).unwrap();
        let before: BTreeSet<String> = ["log", "log.1", "log.3"]
            .iter()
            .flat_map(|name| {
                read(&scratch, name)
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        add(&root, "line 008");
        let after: BTreeSet<String> = ["log", "log.1", "log.2", "log.3"]
            .iter()
            .flat_map(|name| {
                read(&scratch, name)
                    .lines()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(after.is_superset(&before), "{before:?} {after:?}");
        assert!(after.contains("line 008"));
    }

    #[test]
    fn a_line_that_was_cut_off_does_not_take_the_next_one_with_it() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        std::fs::write(scratch.path().join("log"), "cut o").unwrap();
        add(&root, "whole");
        assert_eq!(read(&scratch, "log"), "cut o\nwhole\n");
    }

    #[test]
    fn many_at_once_lose_no_line() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let rotation = Rotation {
            size: 200,
            count: 40,
        };
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let root = &root;
                scope.spawn(move || {
                    for number in 0..40 {
                        let line = format!("{thread:02} {number:02} {}", "x".repeat(10));
                        let path = Path::new("/log");
                        root.append_line(path, line.as_bytes(), rotation, false)
                            .unwrap();
                    }
                });
            }
        });
        let mut lines = BTreeSet::new();
        for name in root.list(Path::new("/")).unwrap() {
            for line in read(&scratch, name.to_str().unwrap()).lines() {
                assert_eq!(line.len(), 16, "{line}");
                assert!(lines.insert(line.to_owned()), "twice: {line}");
            }
        }
        assert_eq!(lines.len(), 320);
    }
}
