//! A directory that stands for a guest's file system: nothing leads out of it, neither `..` nor a link.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fchmod, fchown, mkdirat, open,
    openat, openat2, readlinkat, renameat, statat, symlinkat, unlinkat,
};

use crate::names::{FileMode, Owner};
use crate::secret::Secret;
use crate::transport::{GuestPath, Refusal, Sha256, StepError};

/// The guest's `/`.
pub(super) struct Tree {
    root: OwnedFd,
}

impl Tree {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let root = open(directory, DIRECTORY, Mode::empty())?;
        Ok(Self { root })
    }

    /// A directory, links resolved beneath the root.
    pub(super) fn dir(&self, path: &GuestPath) -> io::Result<Dir> {
        let fd = openat2(&self.root, path.as_str(), DIRECTORY, Mode::empty(), BENEATH)?;
        Ok(Dir(fd))
    }

    /// The directory, made (`0755`) with all above it where it is missing.
    pub(super) fn make_dir(&self, path: &GuestPath) -> io::Result<Dir> {
        match self.dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.as_str() != "/" => {
                let above = self.make_dir(&path.parent())?;
                above.make(path.file_name(), 0o755)?;
                self.dir(path)
            }
            other => other,
        }
    }

    /// A file opened for reading as a program in the guest would open it.
    pub(super) fn file(&self, path: &GuestPath) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let fd = openat2(&self.root, path.as_str(), flags, Mode::empty(), BENEATH)?;
        Ok(File::from(fd))
    }

    /// The digest of what a program that opens the path gets.
    pub(super) fn digest(&self, path: &GuestPath) -> io::Result<Sha256> {
        digest(self.file(path)?)
    }

    /// Numbers of an owner, by the guest's own `/etc/passwd` and `/etc/group`; `root` is known without them.
    pub(super) fn ids(&self, owner: &Owner) -> Result<(u32, u32), StepError> {
        let find = |name: &str, file: &str, kind: &str| {
            if name == "root" {
                return Ok(0);
            }
            if let Ok(number) = name.parse() {
                return Ok(number);
            }
            let field = |line: &str| line.split(':').nth(2)?.parse().ok();
            self.table(file)
                .lines()
                .find(|line| line.split(':').next() == Some(name))
                .and_then(field)
                .ok_or_else(|| {
                    StepError::new(Refusal::Owner, format!("the guest has no {kind} `{name}`"))
                })
        };
        let user = find(&owner.user, "/etc/passwd", "user")?;
        let group = find(&owner.group, "/etc/group", "group")?;
        Ok((user, group))
    }

    /// The name of a number.
    pub(super) fn name_of(&self, id: u32, file: &str) -> Option<String> {
        let id = id.to_string();
        let table = self.table(file);
        let line = table.lines().find(|l| l.split(':').nth(2) == Some(&*id))?;
        Some(line.split(':').next()?.to_owned())
    }

    /// A small text file; what is missing is empty.
    pub(super) fn table(&self, path: &str) -> String {
        let mut bytes = Vec::new();
        if let Ok(file) = path
            .parse()
            .map_err(io::Error::other)
            .and_then(|p| self.file(&p))
        {
            let _ = file.take(1 << 20).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// One directory in the tree.
pub(super) struct Dir(OwnedFd);

impl Dir {
    /// A directory in this one; a link is refused.
    pub(super) fn sub(&self, name: &str) -> io::Result<Self> {
        let fd = openat(&self.0, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
        Ok(Self(fd))
    }

    pub(super) fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        let stat = self.stat(name)?;
        Ok(stat.map(|stat| FileType::from_raw_mode(stat.st_mode)))
    }

    /// Owner and group of the directory itself.
    pub(super) fn owner(&self) -> io::Result<(u32, u32)> {
        let stat = rustix::fs::fstat(&self.0)?;
        Ok((stat.st_uid, stat.st_gid))
    }

    pub(super) fn target(&self, name: &str) -> io::Result<String> {
        let target: CString = readlinkat(&self.0, name, Vec::new())?;
        Ok(target.to_string_lossy().into_owned())
    }

    pub(super) fn make(&self, name: &str, mode: u32) -> io::Result<()> {
        mkdirat(&self.0, name, Mode::from_raw_mode(mode))?;
        Ok(())
    }

    /// Makes a directory with this owner and mode.
    pub(super) fn make_owned(&self, name: &str, owner: (u32, u32), mode: u32) -> io::Result<Self> {
        self.make(name, 0o700)?;
        let dir = self.sub(name)?;
        own(&dir.0, owner)?;
        dir.mode(mode)?;
        Ok(dir)
    }

    pub(super) fn mode(&self, mode: u32) -> io::Result<()> {
        fchmod(&self.0, Mode::from_raw_mode(mode))?;
        Ok(())
    }

    /// Creates a file exclusively, with owner and mode before its bytes.
    pub(super) fn put(
        &self,
        name: &str,
        bytes: &Secret,
        mode: FileMode,
        owner: (u32, u32),
    ) -> Result<(), StepError> {
        let refuse =
            |refusal| move |error: io::Error| StepError::new(refusal, format!("{name}: {error}"));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let fd = openat(&self.0, name, flags, Mode::from_raw_mode(0o600))
            .map_err(|error| refuse(Refusal::Create)(error.into()))?;
        let mut file = File::from(fd);
        own(&file, owner).map_err(refuse(Refusal::Owner))?;
        fchmod(&file, Mode::from_raw_mode(mode.bits()))
            .map_err(|error| refuse(Refusal::Mode)(error.into()))?;
        file.write_all(bytes.expose_secret())
            .and_then(|()| file.sync_all())
            .map_err(refuse(Refusal::Write))?;
        let found = self.digest(name).map_err(refuse(Refusal::Digest))?;
        if found != Sha256::of(bytes.expose_secret()) {
            let message = format!("{name} has another SHA-256 than the bytes sent");
            return Err(StepError::new(Refusal::Digest, message));
        }
        Ok(())
    }

    /// Owner and mode of a file that is there; whether they were others before.
    pub(super) fn repair(&self, name: &str, mode: FileMode, owner: (u32, u32)) -> io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.0, name, flags, Mode::empty())?;
        let stat = rustix::fs::fstat(&fd)?;
        let foreign = privileged() && (stat.st_uid, stat.st_gid) != owner;
        if !foreign && stat.st_mode & 0o7777 == mode.bits() {
            return Ok(false);
        }
        own(&fd, owner)?;
        fchmod(&fd, Mode::from_raw_mode(mode.bits()))?;
        Ok(true)
    }

    /// The digest of a plain file; a link is refused.
    pub(super) fn digest(&self, name: &str) -> io::Result<Sha256> {
        digest(self.file(name)?)
    }

    /// A plain file, opened to be read; a link is refused.
    pub(super) fn file(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    pub(super) fn link(&self, target: &str, name: &str) -> io::Result<()> {
        symlinkat(target, &self.0, name)?;
        Ok(())
    }

    /// Puts a link in the place of whatever file or link is there, by one rename.
    pub(super) fn replace_link(&self, target: &str, name: &str) -> io::Result<()> {
        self.remove(TEMPORARY)?;
        self.link(target, TEMPORARY)?;
        self.rename(TEMPORARY, self, name)?;
        self.sync()
    }

    pub(super) fn rename(&self, from: &str, to: &Self, name: &str) -> io::Result<()> {
        renameat(&self.0, from, &to.0, name)?;
        Ok(())
    }

    /// Removes a file or link; whether there was one.
    pub(super) fn remove(&self, name: &str) -> io::Result<bool> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a version: a directory with nothing but files in it.
    pub(super) fn remove_version(&self, name: &str) -> io::Result<()> {
        match self.kind(name)? {
            None => Ok(()),
            Some(FileType::Directory) => {
                let dir = self.sub(name)?;
                for (file, _) in dir.names(usize::MAX)? {
                    dir.remove(&file)?;
                }
                unlinkat(&self.0, name, AtFlags::REMOVEDIR)?;
                Ok(())
            }
            Some(_) => self.remove(name).map(drop),
        }
    }

    /// Names and kinds, at most so many and one more.
    pub(super) fn names(&self, limit: usize) -> io::Result<Vec<(String, FileType)>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if matches!(&*name, "." | "..") {
                continue;
            }
            if let Some(kind) = self.kind(&name)? {
                names.push((name, kind));
            }
            if names.len() > limit {
                break;
            }
        }
        Ok(names)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        rustix::fs::fsync(&self.0)?;
        Ok(())
    }
}

/// A neighbour of a file that is being replaced.
pub(super) const TEMPORARY: &str = ".phoenix-tmp-local";

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);
const BENEATH: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);

/// Only root can give files away; as anybody else a copy of a site is tried with one's own files.
fn privileged() -> bool {
    rustix::process::geteuid().is_root()
}

fn own(fd: &impl std::os::fd::AsFd, (user, group): (u32, u32)) -> io::Result<()> {
    if privileged() {
        fchown(
            fd.as_fd(),
            Some(Uid::from_raw(user)),
            Some(Gid::from_raw(group)),
        )?;
    }
    Ok(())
}

fn digest(mut file: File) -> io::Result<Sha256> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    io::Read::by_ref(&mut file)
        .take(64 << 20)
        .read_to_end(&mut bytes)?;
    Ok(Sha256::of(&bytes))
}
