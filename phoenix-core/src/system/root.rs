//! Everything beneath one directory: the host itself, or the copy of a site that `--root` names.
//!
//! A path is given as the site names it, absolute. With a root other than `/` the kernel itself (`openat2`,
//! `RESOLVE_IN_ROOT`) keeps links, absolute ones too, from leading outside.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{self, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::dir::{Dir, read_file};
use super::error::FileError;
use super::facts::{FileFacts, FileKind};
use super::users::Users;
use crate::names::FileMode;

/// The directory beneath which all files of a run lie. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Root(Option<Arc<Beneath>>);

#[derive(Debug)]
struct Beneath {
    fd: OwnedFd,
    dir: PathBuf,
}

/// What is done about symbolic links on the way to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// All are followed, the last one too: the file that it points to is meant.
    Follow,
    /// None is followed: one among the parents is an error, a last one is itself the target.
    /// For directories in which guests or network clients can plant links.
    Refuse,
    /// Those among the parents are followed, a last one is itself the target.
    Replace,
}

impl Root {
    /// How many bytes [`Root::read`] takes at most (64 MiB).
    pub const READ_LIMIT: u64 = 64 << 20;

    /// The host's own files.
    pub fn host() -> Self {
        Self(None)
    }

    /// The files beneath a directory, and no others.
    pub fn at(dir: &Path) -> io::Result<Self> {
        let dir = dir.canonicalize()?;
        if dir == Path::new("/") {
            return Ok(Self::host());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::openat(CWD, &dir, flags, Mode::empty())?;
        Ok(Self(Some(Arc::new(Beneath { fd, dir }))))
    }

    /// Whether this is the host itself.
    pub fn is_host(&self) -> bool {
        self.0.is_none()
    }

    /// The directory; `/` for the host.
    pub fn dir(&self) -> &Path {
        self.0
            .as_ref()
            .map_or(Path::new("/"), |beneath| &beneath.dir)
    }

    /// Reads a regular file of at most [`Root::READ_LIMIT`] bytes.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, FileError> {
        self.read_limited(path, Self::READ_LIMIT)
    }

    /// Reads a regular file of at most `limit` bytes.
    pub fn read_limited(&self, path: &Path, limit: u64) -> Result<Vec<u8>, FileError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = self.open("read", path, flags, Mode::empty(), ResolveFlags::empty())?;
        read_file(File::from(fd), path, limit).map(|(bytes, _)| bytes)
    }

    /// Reads a file that need not be there: `None` only when it is not.
    pub fn read_optional(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        match self.read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The facts of an entry, links not followed; `None` only when there is none.
    pub fn stat(&self, path: &Path) -> Result<Option<FileFacts>, FileError> {
        let found = match split(path) {
            Ok((parent, name)) => self
                .open_dir_for("look at", parent, Links::Follow)
                .and_then(|dir| dir.stat(name)),
            Err(_) => self.open_dir(path, Links::Follow)?.facts().map(Some),
        };
        match found {
            Err(error) if error.is_not_found() => Ok(None),
            other => other,
        }
    }

    /// Where a path leads when its last links are followed, and the facts of what is there.
    pub fn follow(&self, path: &Path) -> Result<(PathBuf, Option<FileFacts>), FileError> {
        let (dir, name) = self.locate("look at", path, Links::Follow)?;
        let facts = dir.stat(&name)?;
        Ok((dir.path().join(name), facts))
    }

    /// The names in a directory, sorted.
    pub fn list(&self, dir: &Path) -> Result<Vec<OsString>, FileError> {
        self.open_dir_for("list", dir, Links::Follow)?.names()
    }

    /// Creates a directory and its missing parents, with this mode and the owner of the nearest parent that exists.
    pub fn create_dir_all(&self, dir: &Path, mode: FileMode) -> Result<(), FileError> {
        self.make_dirs(dir, mode, Links::Follow).map(drop)
    }

    /// Removes a file or a link; `false` when there was none.
    pub fn remove_file(&self, path: &Path) -> Result<bool, FileError> {
        let (parent, name) = split(path)?;
        match self.open_dir_for("remove", parent, Links::Follow) {
            Ok(dir) => {
                let removed = dir.remove(name)?;
                if removed {
                    dir.sync()?;
                }
                Ok(removed)
            }
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes files of one directory; those that are not there are gone already.
    pub(crate) fn remove_files(&self, dir: &Path, names: &[String]) -> Result<(), FileError> {
        let dir = match self.open_dir_for("remove", dir, Links::Follow) {
            Err(error) if error.is_not_found() => return Ok(()),
            dir => dir?,
        };
        let mut removed = false;
        for name in names {
            removed |= dir.remove(name.as_ref())?;
        }
        if removed { dir.sync() } else { Ok(()) }
    }

    /// Removes a directory and everything in it, which must lie beneath the state directory given with it.
    pub fn remove_dir_all(&self, state: &Path, path: &Path) -> Result<(), FileError> {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        if climbs || path == state || !path.starts_with(state) {
            return Err(FileError::invalid(
                "remove",
                path,
                "it does not lie beneath the state directory",
            ));
        }
        let (parent, name) = split(path)?;
        match self.open_dir_for("remove", parent, Links::Follow) {
            Ok(dir) => {
                dir.remove_tree(name)?;
                dir.sync()
            }
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The users and groups that this root knows (`etc/passwd`, `etc/group`); files that are missing name nobody.
    pub fn users(&self) -> Result<Users, FileError> {
        let read = |path| {
            self.read_optional(Path::new(path))
                .map(Option::unwrap_or_default)
        };
        Ok(Users::parse(&read("/etc/passwd")?, &read("/etc/group")?))
    }

    /// Reads a file, links followed, and says what it is.
    pub(crate) fn read_with_facts(&self, path: &Path) -> Result<(Vec<u8>, FileFacts), FileError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = self.open("read", path, flags, Mode::empty(), ResolveFlags::empty())?;
        read_file(File::from(fd), path, Self::READ_LIMIT)
    }

    pub(crate) fn open_dir(&self, path: &Path, links: Links) -> Result<Dir, FileError> {
        self.open_dir_for("open", path, links)
    }

    pub(crate) fn open_dir_for(
        &self,
        act: &'static str,
        path: &Path,
        links: Links,
    ) -> Result<Dir, FileError> {
        let resolve = match links {
            Links::Follow | Links::Replace => ResolveFlags::empty(),
            Links::Refuse => {
                if path.components().any(|part| part == Component::ParentDir) {
                    return Err(FileError::invalid(act, path, "`..` in the path"));
                }
                ResolveFlags::NO_SYMLINKS
            }
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let fd = self.open(act, path, flags, Mode::empty(), resolve)?;
        Ok(Dir::new(fd, path.to_path_buf()))
    }

    /// The directory that holds the target, and the target's name in it.
    pub(crate) fn locate(
        &self,
        act: &'static str,
        path: &Path,
        links: Links,
    ) -> Result<(Dir, OsString), FileError> {
        let mut path = path.to_path_buf();
        for _ in 0..16 {
            let (parent, name) = split(&path)?;
            let dir = self.open_dir_for("open", parent, links)?;
            if links == Links::Follow
                && let Some(facts) = dir.stat(name)?
                && let Some(target) = facts.target
            {
                path = parent.join(target);
                continue;
            }
            let name = name.to_owned();
            return Ok((dir, name));
        }
        Err(FileError::Link { act, path })
    }

    /// Opens a directory, creating what is missing.
    pub(crate) fn make_dirs(
        &self,
        path: &Path,
        mode: FileMode,
        links: Links,
    ) -> Result<Dir, FileError> {
        let mut missing = Vec::new();
        let mut at = path;
        let mut dir = loop {
            match self.open_dir_for("create", at, links) {
                Ok(dir) => break dir,
                Err(error) if error.is_not_found() => {
                    let (parent, name) = split(at)?;
                    missing.push(name);
                    at = parent;
                }
                Err(error) => return Err(error),
            }
        };
        let owner = dir.inherited_owner()?;
        for name in missing.into_iter().rev() {
            let below = dir.make_dir(name, mode, owner)?;
            dir.sync()?;
            dir = below;
        }
        Ok(dir)
    }

    /// Opens anything beneath the root; all other ways lead through here.
    pub(super) fn open(
        &self,
        act: &'static str,
        path: &Path,
        flags: OFlags,
        mode: Mode,
        resolve: ResolveFlags,
    ) -> Result<OwnedFd, FileError> {
        if !path.is_absolute() {
            return Err(FileError::invalid(act, path, "the path is not absolute"));
        }
        let flags = flags | OFlags::CLOEXEC;
        let mut attempts = 0;
        loop {
            let opened = match &self.0 {
                None => fs::openat2(CWD, path, flags, mode, resolve),
                Some(beneath) => fs::openat2(
                    &beneath.fd,
                    path,
                    flags,
                    mode,
                    resolve | ResolveFlags::IN_ROOT,
                ),
            };
            attempts += 1;
            match opened {
                // The kernel saw a rename while it walked `..` and could not tell whether the root was left.
                Err(Errno::AGAIN | Errno::INTR) if attempts < 32 => {}
                other => return other.map_err(|errno| FileError::of(act, path, errno)),
            }
        }
    }
}

/// Splits a path into the directory and the name in it.
pub(crate) fn split(path: &Path) -> Result<(&Path, &OsStr), FileError> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok((parent, name)),
        _ => Err(FileError::NotAFile {
            act: "use",
            path: path.to_path_buf(),
            found: FileKind::Directory,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn no_link_leads_out_of_the_root() {
        let scratch = Scratch::new();
        let outside = scratch.path().join("outside");
        let inside = scratch.path().join("root");
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::create_dir_all(inside.join("etc")).unwrap();
        std::fs::write(outside.join("secret"), "outside").unwrap();
        std::fs::write(inside.join("etc/secret"), "inside").unwrap();
        symlink("/etc/secret", inside.join("absolute")).unwrap();
        symlink("../../../../etc/secret", inside.join("etc/climbing")).unwrap();
        symlink(&outside, inside.join("planted")).unwrap();
        let root = Root::at(&inside).unwrap();
        for path in ["/absolute", "/etc/climbing", "/../../etc/secret"] {
            assert_eq!(root.read(Path::new(path)).unwrap(), b"inside", "{path}");
        }
        assert!(
            root.read(Path::new("/planted/secret"))
                .unwrap_err()
                .is_not_found()
        );
        root.replace(
            Path::new("/absolute"),
            b"new",
            &super::super::Attributes::default(),
        )
        .unwrap();
        assert_eq!(std::fs::read(inside.join("etc/secret")).unwrap(), b"new");
    }

    #[test]
    fn only_what_is_not_there_reads_as_none() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        std::fs::create_dir(scratch.path().join("dir")).unwrap();
        std::fs::write(scratch.path().join("file"), "text").unwrap();
        assert_eq!(root.read_optional(Path::new("/none")).unwrap(), None);
        assert_eq!(root.stat(Path::new("/none/deeper")).unwrap(), None);
        assert!(matches!(
            root.read_optional(Path::new("/dir")),
            Err(FileError::NotAFile { .. })
        ));
        assert!(matches!(
            root.read_optional(Path::new("/file/x")),
            Err(FileError::NotADirectory { .. })
        ));
        assert!(matches!(
            root.read_limited(Path::new("/file"), 3),
            Err(FileError::TooLarge { limit: 3, .. })
        ));
        assert!(root.read(Path::new("file")).is_err());
    }

    #[test]
    fn a_pipe_is_refused_and_does_not_hang() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        let kind = fs::FileType::Fifo;
        let mode = Mode::from_raw_mode(0o600);
        fs::mknodat(CWD, scratch.path().join("pipe"), kind, mode, 0).unwrap();
        assert!(matches!(
            root.read(Path::new("/pipe")),
            Err(FileError::NotAFile { .. })
        ));
    }

    #[test]
    fn only_the_inside_of_the_state_directory_is_removed() {
        let scratch = Scratch::new();
        let root = Root::at(scratch.path()).unwrap();
        root.create_dir_all(Path::new("/state/a/b"), FileMode::new(0o700))
            .unwrap();
        std::fs::create_dir(scratch.path().join("kept")).unwrap();
        symlink("../../kept", scratch.path().join("state/a/link")).unwrap();
        let state = Path::new("/state");
        for path in ["/state", "/kept", "/state/../kept", "/statement"] {
            assert!(
                root.remove_dir_all(state, Path::new(path)).is_err(),
                "{path}"
            );
        }
        root.remove_dir_all(state, Path::new("/state/a")).unwrap();
        assert!(root.list(state).unwrap().is_empty());
        assert!(scratch.path().join("kept").is_dir());
    }
}
