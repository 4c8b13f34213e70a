//! One open directory: every act below takes a plain name in it, so that no path is walked twice.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

use super::error::FileError;
use super::facts::{FileDigest, FileFacts, FileKind};
use super::replace::Attributes;
use crate::names::FileMode;

/// A directory held open. Names given to it are single components and never followed when they are links.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    pub(super) fn new(fd: OwnedFd, path: PathBuf) -> Self {
        Self { fd, path }
    }

    /// The path under which it was opened, as the site names it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn facts(&self) -> Result<FileFacts, FileError> {
        let fd = self.fd.try_clone();
        let meta = fd.and_then(|fd| File::from(fd).metadata());
        meta.map(|meta| FileFacts::new(&meta, None))
            .map_err(|error| FileError::of("look at", &self.path, error))
    }

    /// Who is to own what is made in it: whoever owns it, or `None` when this process cannot give anything away.
    pub(crate) fn inherited_owner(&self) -> Result<Option<(u32, u32)>, FileError> {
        let owner = self.facts()?.owner();
        Ok(rustix::process::geteuid().is_root().then_some(owner))
    }

    /// The facts of an entry; `None` when there is none.
    pub(crate) fn stat(&self, name: &OsStr) -> Result<Option<FileFacts>, FileError> {
        let error = |errno: Errno| FileError::of("look at", &self.path.join(name), errno);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = match fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(error(errno)),
        };
        let file = File::from(fd);
        let meta = file
            .metadata()
            .map_err(|source| FileError::of("look at", &self.path.join(name), source))?;
        let target = if meta.file_type().is_symlink() {
            let text = fs::readlinkat(&file, "", Vec::new()).map_err(error)?;
            Some(PathBuf::from(OsString::from_vec(text.into_bytes())))
        } else {
            None
        };
        Ok(Some(FileFacts::new(&meta, target)))
    }

    pub(crate) fn open_dir(&self, name: &OsStr) -> Result<Self, FileError> {
        let path = self.path.join(name);
        let fd = fs::openat2(
            &self.fd,
            name,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS,
        )
        .map_err(|errno| FileError::of("open", &path, errno))?;
        Ok(Self { fd, path })
    }

    /// Reads a regular file and says what it is.
    pub(crate) fn read(&self, name: &OsStr, limit: u64) -> Result<(Vec<u8>, FileFacts), FileError> {
        let path = self.path.join(name);
        read_file(self.open_to_read(name, &path)?, &path, limit)
    }

    /// The digest of a file's content, of which never more than a piece is in memory.
    pub(super) fn digest(
        &self,
        name: &OsStr,
        limit: u64,
    ) -> Result<(FileDigest, FileFacts), FileError> {
        let path = self.path.join(name);
        let file = self.open_to_read(name, &path)?;
        let facts = facts_of_file(&file, &path)?;
        let (digest, length) = FileDigest::read(file.take(limit + 1))
            .map_err(|source| FileError::of("read", &path, source))?;
        if length > limit {
            return Err(FileError::TooLarge { path, limit });
        }
        Ok((digest, facts))
    }

    fn open_to_read(&self, name: &OsStr, path: &Path) -> Result<File, FileError> {
        // Without NONBLOCK a planted pipe would hold the run up for ever.
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        fs::openat(&self.fd, name, flags, Mode::empty())
            .map(File::from)
            .map_err(|errno| FileError::of("read", path, errno))
    }

    /// Creates a file that did not exist: owner and mode first, then the bytes, then to the disk.
    pub(crate) fn write_new(
        &self,
        name: &OsStr,
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<FileFacts, FileError> {
        let path = self.path.join(name);
        let file = self.write_unsynced(name, bytes, attributes)?;
        let facts = file.sync_all().and_then(|()| file.metadata());
        facts
            .map(|meta| FileFacts::new(&meta, None))
            .map_err(|error| {
                // The failure being reported matters more than one that may come of cleaning up.
                let _ = self.remove(name);
                FileError::of("write", &path, error)
            })
    }

    /// The same without waiting for the disk.
    pub(crate) fn write_unsynced(
        &self,
        name: &OsStr,
        bytes: &[u8],
        attributes: &Attributes,
    ) -> Result<File, FileError> {
        let path = self.path.join(name);
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // A mode that nobody stated is left to the umask and to file systems with modes of their own (/etc/pve).
        let mode = attributes
            .mode
            .map_or(FileMode::PUBLIC, |_| FileMode::PRIVATE);
        let fd = fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode.bits()))
            .map_err(|errno| FileError::of("create", &path, errno))?;
        let mut file = File::from(fd);
        let written = set_attributes(&file, &path, attributes).and_then(|()| {
            file.write_all(bytes)
                .map_err(|error| FileError::of("write", &path, error))
        });
        if let Err(error) = written {
            let _ = self.remove(name);
            return Err(error);
        }
        Ok(file)
    }

    /// Makes a file that was written unsynced durable.
    pub(crate) fn sync_file(&self, name: &OsStr) -> Result<(), FileError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        fs::openat(&self.fd, name, flags, Mode::empty())
            .and_then(fs::fsync)
            .map_err(|errno| FileError::of("sync", &self.path.join(name), errno))
    }

    /// Makes everything on its file system durable, in one go.
    pub(crate) fn sync_file_system(&self) -> Result<(), FileError> {
        fs::syncfs(&self.fd).map_err(|errno| FileError::of("sync", &self.path, errno))
    }

    /// Creates a directory and opens it; one that is there already is opened as it is.
    pub(crate) fn make_dir(
        &self,
        name: &OsStr,
        mode: FileMode,
        owner: Option<(u32, u32)>,
    ) -> Result<Self, FileError> {
        let path = self.path.join(name);
        match fs::mkdirat(&self.fd, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => {}
            Err(Errno::EXIST) => return self.open_dir(name),
            Err(errno) => return Err(FileError::of("create", &path, errno)),
        }
        let dir = self.open_dir(name)?;
        dir.set_attributes(&Attributes {
            mode: Some(mode),
            owner,
        })?;
        Ok(dir)
    }

    /// Gives the directory itself an owner and a mode.
    pub(crate) fn set_attributes(&self, attributes: &Attributes) -> Result<(), FileError> {
        let clone = self
            .fd
            .try_clone()
            .map_err(|error| FileError::of("open", &self.path, error))?;
        set_attributes(&File::from(clone), &self.path, attributes)
    }

    pub(crate) fn symlink(&self, target: &Path, name: &OsStr) -> Result<(), FileError> {
        fs::symlinkat(target, &self.fd, name)
            .map_err(|errno| FileError::of("create", &self.path.join(name), errno))
    }

    /// Gives the inode behind `name` a second name in `other`; `false` where the file system has no such thing.
    pub(crate) fn hard_link(
        &self,
        name: &OsStr,
        other: &Self,
        as_name: &OsStr,
    ) -> Result<bool, FileError> {
        match fs::linkat(&self.fd, name, &other.fd, as_name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(errno @ (Errno::EXIST | Errno::NOENT | Errno::NOSPC | Errno::ROFS | Errno::IO)) => {
                Err(FileError::of("create", &other.path.join(as_name), errno))
            }
            Err(_) => Ok(false),
        }
    }

    pub(crate) fn rename(
        &self,
        name: &OsStr,
        other: &Self,
        new_name: &OsStr,
    ) -> Result<(), FileError> {
        fs::renameat(&self.fd, name, &other.fd, new_name).map_err(|errno| {
            let path = other.path.join(new_name);
            match errno {
                // Not the "outside the root" that it means when a path is opened.
                Errno::XDEV => FileError::Io {
                    act: "replace",
                    path,
                    source: errno.into(),
                },
                _ => FileError::of("replace", &path, errno),
            }
        })
    }

    /// Removes an entry that is no directory; `false` when there was none.
    pub(crate) fn remove(&self, name: &OsStr) -> Result<bool, FileError> {
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(FileError::of("remove", &self.path.join(name), errno)),
        }
    }

    /// Removes an entry and everything below it, following no link.
    pub(crate) fn remove_tree(&self, name: &OsStr) -> Result<(), FileError> {
        self.remove_tree_within(name, 64)
    }

    fn remove_tree_within(&self, name: &OsStr, depth: u32) -> Result<(), FileError> {
        let path = self.path.join(name);
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(FileError::of("remove", &path, errno)),
        }
        if depth == 0 {
            return Err(FileError::invalid("remove", &path, "too many levels"));
        }
        let below = self.open_dir(name)?;
        for entry in below.names()? {
            below.remove_tree_within(&entry, depth - 1)?;
        }
        match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::of("remove", &path, errno)),
        }
    }

    /// The names in it, sorted, without `.` and `..`.
    pub(crate) fn names(&self) -> Result<Vec<OsString>, FileError> {
        let error = |errno: Errno| FileError::of("list", &self.path, errno);
        let mut names = Vec::new();
        for entry in fs::Dir::read_from(&self.fd).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Makes its entries durable.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        match fs::fsync(&self.fd) {
            // Some file systems know no sync of a directory and need none.
            Ok(()) | Err(Errno::INVAL | Errno::NOTSUP) => Ok(()),
            Err(errno) => Err(FileError::of("sync", &self.path, errno)),
        }
    }

    pub(super) fn fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Reads a file that is open already, if it is one.
pub(super) fn read_file(
    mut file: File,
    path: &Path,
    limit: u64,
) -> Result<(Vec<u8>, FileFacts), FileError> {
    let error = |source| FileError::of("read", path, source);
    let facts = facts_of_file(&file, path)?;
    // Room for the whole file at once: a growing buffer would leave copies of a key behind.
    let room = usize::try_from(facts.size.min(limit) + 1).unwrap_or(0);
    let mut bytes = Vec::with_capacity(room);
    (&mut file)
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(error)?;
    if bytes.len() as u64 > limit {
        return Err(FileError::TooLarge {
            path: path.to_path_buf(),
            limit,
        });
    }
    Ok((bytes, facts))
}

fn facts_of_file(file: &File, path: &Path) -> Result<FileFacts, FileError> {
    let meta = file.metadata();
    let meta = meta.map_err(|source| FileError::of("read", path, source))?;
    let facts = FileFacts::new(&meta, None);
    if facts.kind == FileKind::File {
        return Ok(facts);
    }
    Err(FileError::NotAFile {
        act: "read",
        path: path.to_path_buf(),
        found: facts.kind,
    })
}

/// Owner, then mode (a change of owner clears mode bits). What is as wanted already is not touched.
fn set_attributes(file: &File, path: &Path, wanted: &Attributes) -> Result<(), FileError> {
    let look = || {
        file.metadata()
            .map(|meta| FileFacts::new(&meta, None))
            .map_err(|error| FileError::of("look at", path, error))
    };
    if let Some((uid, gid)) = wanted.owner
        && look()?.owner() != (uid, gid)
    {
        let set = fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
        // A file system with fixed owners answers EPERM, or reports success and changes nothing.
        if look()?.owner() != (uid, gid) {
            let errno = set.err().unwrap_or(Errno::PERM);
            return Err(FileError::of("set the owner of", path, errno));
        }
    }
    if let Some(mode) = wanted.mode
        && look()?.mode != mode
    {
        let set = fs::fchmod(file, Mode::from_raw_mode(mode.bits()));
        if look()?.mode != mode {
            let errno = set.err().unwrap_or(Errno::PERM);
            return Err(FileError::of("set the mode of", path, errno));
        }
    }
    Ok(())
}
