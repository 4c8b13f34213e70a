//! The pair protocol in a directory that stands for a guest; `guest.sh` does the same in a real one.

use std::io;

use rustix::fs::FileType;

use super::tree::{Dir, Tree};
use crate::names::Slug;
use crate::secret::Secret;
use crate::system::random_hex;
use crate::transport::program::LinkTarget;
use crate::transport::{
    Delivered, Delivery, GuestPath, Refusal, Restore, StepError, StepResult, Version,
};

pub(super) fn deliver(tree: &Tree, delivery: &Delivery) -> Result<StepResult, StepError> {
    let owner = tree.ids(&delivery.owner)?;
    let mut links = Vec::new();
    for (name, file) in delivery.files() {
        let dir = tree
            .make_dir(&file.path.parent())
            .map_err(at(Refusal::Create, &file.path))?;
        let link = Link {
            name,
            target: match delivery.target(name, file) {
                LinkTarget::None => None,
                LinkTarget::Relative(target) => Some(target),
                LinkTarget::Absolute(target) => Some(target.as_str().to_owned()),
            },
            path: &file.path,
            dir,
        };
        link.refuse_directory(tree)?;
        links.push(link);
    }
    if delivery.beside.is_some() {
        // The versions' directory is not made by us.
        tree.make_dir(&delivery.dir())
            .map_err(at(Refusal::Create, &delivery.dir()))?;
    }
    let base = Base::open(tree, &delivery.dir(), &delivery.slug, true)?;
    for link in links.iter().filter(|link| link.target.is_none()) {
        link.refuse_apart(&base)?;
    }
    let staging = Staging::make(&base)?;
    for (name, file) in delivery.files() {
        staging.dir.put(name, &file.bytes, file.mode, owner)?;
    }
    let mut delivered = Delivered {
        version: delivery.version.clone(),
        previous: base.current.clone(),
        taken_over: false,
        unchanged: true,
    };
    let version = delivery.version.as_str();
    let rename = |error: io::Error| StepError::new(Refusal::Rename, format!("{version}: {error}"));
    if base.current.as_ref() == Some(&delivery.version) {
        delivered.previous = None;
        let there = base.dir.sub(version).map_err(rename)?;
        for (name, file) in delivery.files() {
            let wanted = crate::transport::Sha256::of(file.bytes.expose_secret());
            if there.digest(name).is_ok_and(|found| found == wanted) {
                let repaired = there.repair(name, file.mode, owner).map_err(rename)?;
                delivered.unchanged &= !repaired;
            } else {
                delivered.unchanged = false;
                staging.dir.rename(name, &there, name).map_err(rename)?;
            }
        }
    } else {
        delivered.unchanged = false;
        base.dir.remove_version(version).map_err(rename)?;
        staging.become_version(version)?;
    }
    if let Some(old) = take_over(tree, &base, &links)? {
        delivered.previous = Some(old);
        delivered.taken_over = true;
        delivered.unchanged = false;
    }
    base.point(version).map_err(rename)?;
    let placed = place(&base, version, &links, &mut delivered.unchanged)
        .and_then(|()| confirm(tree, delivery));
    if let Err(error) = placed {
        if let Some(previous) = &delivered.previous {
            base.point(previous.as_str()).map_err(rename)?;
            for link in links.iter().filter(|link| link.target.is_none()) {
                link.serve(&base, previous.as_str())?;
            }
        }
        return Err(error);
    }
    base.prune(&delivered, delivery.keep.max(1) as usize);
    Ok(StepResult::Delivered(delivered))
}

pub(super) fn restore(tree: &Tree, restore: &Restore) -> Result<StepResult, StepError> {
    let base = Base::open(tree, &restore.dir, &restore.slug, false)?;
    let missing = || {
        let message = format!("there is no version to go back to in {}", restore.dir);
        StepError::new(Refusal::Missing, message)
    };
    let version = match &restore.version {
        Some(version) => Some(version.clone()),
        None => base
            .versions()
            .into_iter()
            .find(|version| Some(version) != base.current.as_ref()),
    };
    let version = version.ok_or_else(missing)?;
    if !matches!(
        base.dir.kind(version.as_str()),
        Ok(Some(FileType::Directory))
    ) {
        return Err(missing());
    }
    base.point(version.as_str())
        .map_err(|error| StepError::new(Refusal::Rename, error.to_string()))?;
    for (name, path) in &restore.plain {
        let dir = tree
            .dir(&path.parent())
            .map_err(at(Refusal::Missing, path))?;
        let link = Link {
            name,
            target: None,
            path,
            dir,
        };
        link.serve(&base, version.as_str())?;
    }
    Ok(StepResult::Restored {
        version,
        from: base.current,
    })
}

/// A path of the delivery, and how it leads to a version's file.
struct Link<'a> {
    name: &'static str,
    /// What its link says; `None` where a copy stands instead.
    target: Option<String>,
    path: &'a GuestPath,
    dir: Dir,
}

impl Link<'_> {
    fn refuse_directory(&self, tree: &Tree) -> Result<(), StepError> {
        let path = self.path;
        if tree.dir(path).is_ok() {
            return Err(StepError::new(
                Refusal::Directory,
                format!("{path} is a directory"),
            ));
        }
        Ok(())
    }

    /// A rename from where it is made ready would be a copy.
    fn refuse_apart(&self, base: &Base) -> Result<(), StepError> {
        let device = |dir: &Dir| dir.stat(".").ok().flatten().map(|stat| stat.st_dev);
        if device(&self.dir) == device(&base.dir) {
            return Ok(());
        }
        let message = format!(
            "{} lies on another file system than the versions",
            self.path
        );
        Err(StepError::new(Refusal::Rename, message))
    }

    /// Whether the path reads as a version because of us.
    fn reads_as(&self, base: &Base, version: &str) -> bool {
        let name = self.path.file_name();
        let copied = || -> io::Result<bool> {
            let version = base.dir.sub(version)?;
            Ok(self.dir.digest(name)? == version.digest(self.name)?)
        };
        match &self.target {
            Some(target) => self.dir.target(name).is_ok_and(|found| found == *target),
            None => copied().unwrap_or(false),
        }
    }

    /// The same, with owner and mode where it is a copy.
    fn served(&self, base: &Base, version: &str) -> bool {
        let rights = |dir: &Dir, name: &str| {
            let stat = dir.stat(name).ok().flatten();
            stat.map(|stat| (stat.st_mode, stat.st_uid, stat.st_gid))
        };
        let same_rights = || {
            let version = base.dir.sub(version).ok();
            let wanted = version.and_then(|version| rights(&version, self.name));
            wanted.is_some() && wanted == rights(&self.dir, self.path.file_name())
        };
        self.reads_as(base, version) && (self.target.is_some() || same_rights())
    }

    /// Makes the path read as a version; a copy is made where nobody watches.
    fn serve(&self, base: &Base, version: &str) -> Result<(), StepError> {
        let failed = at(Refusal::Rename, self.path);
        let name = self.path.file_name();
        if let Some(target) = &self.target {
            return self.dir.replace_link(target, name).map_err(failed);
        }
        let version = base.dir.sub(version).map_err(&failed)?;
        let Some(stat) = version.stat(self.name).map_err(&failed)? else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        version
            .file(self.name)
            .and_then(|mut file| io::Read::read_to_end(&mut file, &mut bytes))
            .map_err(&failed)?;
        let staging = Staging::make(base)?;
        let mode = crate::names::FileMode::new(stat.st_mode & 0o7777);
        let owner = (stat.st_uid, stat.st_gid);
        staging
            .dir
            .put(self.name, &Secret::new(bytes), mode, owner)?;
        staging
            .dir
            .rename(self.name, &self.dir, name)
            .and_then(|()| self.dir.sync())
            .map_err(failed)
    }
}

/// `<dir>/.phoenix/<slug>`, found to be ours.
struct Base {
    dir: Dir,
    owner: (u32, u32),
    current: Option<Version>,
}

impl Base {
    fn open(tree: &Tree, path: &GuestPath, slug: &Slug, create: bool) -> Result<Self, StepError> {
        let mut dir = tree.dir(path).map_err(at(Refusal::Missing, path))?;
        let owner = dir.owner().map_err(at(Refusal::Create, path))?;
        let mut path = path.clone();
        for name in [".phoenix", slug.as_str()] {
            path = path.join(name);
            let foreign = |what: &str| StepError::new(Refusal::Foreign, format!("{path} {what}"));
            dir = match dir.kind(name).map_err(at(Refusal::Create, &path))? {
                Some(FileType::Directory) => {
                    let dir = dir.sub(name).map_err(at(Refusal::Foreign, &path))?;
                    let (user, _) = dir.owner().map_err(at(Refusal::Create, &path))?;
                    if user != 0 && user != owner.0 {
                        return Err(foreign(&format!("belongs to user {user}")));
                    }
                    dir
                }
                Some(_) => return Err(foreign("is not a directory of ours")),
                None if create => dir
                    .make_owned(name, owner, 0o711)
                    .map_err(at(Refusal::Create, &path))?,
                None => {
                    return Err(StepError::new(
                        Refusal::Missing,
                        format!("{path} is missing"),
                    ));
                }
            };
        }
        let current = path.join("current");
        let foreign = |what: String| StepError::new(Refusal::Foreign, format!("{current} {what}"));
        let current = match dir.kind("current").map_err(at(Refusal::Create, &current))? {
            None => None,
            Some(FileType::Symlink) => {
                let target = dir
                    .target("current")
                    .map_err(at(Refusal::Foreign, &current))?;
                let stray = || foreign(format!("points to {target}, which is no version of ours"));
                let version: Version = target.parse().map_err(|_| stray())?;
                match dir.kind(&target).map_err(at(Refusal::Create, &current))? {
                    Some(FileType::Symlink) => return Err(stray()),
                    Some(FileType::Directory) => Some(version),
                    _ => None,
                }
            }
            Some(_) => return Err(foreign("is not a link".to_owned())),
        };
        Ok(Self {
            dir,
            owner,
            current,
        })
    }

    fn point(&self, version: &str) -> io::Result<()> {
        if self.dir.target("current").is_ok_and(|now| now == version) {
            return Ok(());
        }
        self.dir.replace_link(version, "current")
    }

    /// The versions, newest first.
    fn versions(&self) -> Vec<Version> {
        let mut versions: Vec<_> = self
            .dir
            .names(usize::MAX)
            .unwrap_or_default()
            .into_iter()
            .filter(|(_, kind)| *kind == FileType::Directory)
            .filter_map(|(name, _)| {
                let stat = self.dir.stat(&name).ok()??;
                Some(((stat.st_mtime, stat.st_mtime_nsec), name.parse().ok()?))
            })
            .collect();
        versions.sort_by(|a: &(_, Version), b| b.cmp(a));
        versions.into_iter().map(|(_, version)| version).collect()
    }

    fn prune(&self, delivered: &Delivered, keep: usize) {
        let versions = self.versions().into_iter();
        let others = versions.filter(|version| *version != delivered.version);
        for version in others.skip(keep) {
            if Some(&version) != delivered.previous.as_ref() {
                // What cannot be removed now is tried again by the next delivery.
                let _ = self.dir.remove_version(version.as_str());
            }
        }
    }
}

/// A version under construction, removed again unless it becomes one.
struct Staging<'a> {
    base: &'a Base,
    dir: Dir,
}

impl<'a> Staging<'a> {
    fn make(base: &'a Base) -> Result<Self, StepError> {
        let create = |error: io::Error| StepError::new(Refusal::Create, error.to_string());
        base.dir.remove_version(STAGING).map_err(create)?;
        let dir = base
            .dir
            .make_owned(STAGING, base.owner, 0o700)
            .map_err(create)?;
        Ok(Self { base, dir })
    }

    fn become_version(&self, version: &str) -> Result<(), StepError> {
        self.dir
            .mode(0o711)
            .and_then(|()| self.dir.sync())
            .and_then(|()| self.base.dir.rename(STAGING, &self.base.dir, version))
            .and_then(|()| self.base.dir.sync())
            .map_err(|error| StepError::new(Refusal::Rename, format!("{version}: {error}")))
    }
}

impl Drop for Staging<'_> {
    fn drop(&mut self) {
        let _ = self.base.dir.remove_version(STAGING);
    }
}

/// What stands at the paths and is not ours becomes a version, whose name is returned. Where links are wanted the paths
/// become links to those bytes.
fn take_over(tree: &Tree, base: &Base, links: &[Link<'_>]) -> Result<Option<Version>, StepError> {
    let there = |link: &&Link<'_>| tree.file(link.path).is_ok();
    let current = base.current.as_ref().map_or("-", Version::as_str);
    let foreign = |link: &&Link<'_>| !link.reads_as(base, current);
    if !links.iter().filter(there).any(|link| foreign(&link)) {
        return Ok(None);
    }
    let staging = Staging::make(base)?;
    for link in links.iter().filter(there) {
        copy(tree, link, &staging.dir)?;
    }
    let name = before();
    staging.become_version(&name)?;
    base.point(&name)
        .map_err(|error| StepError::new(Refusal::Rename, format!("{name}: {error}")))?;
    let linked = links.iter().filter(|link| link.target.is_some());
    for link in linked.filter(there).filter(foreign) {
        link.serve(base, &name)?;
    }
    Ok(name.parse().ok())
}

fn copy(tree: &Tree, link: &Link<'_>, into: &Dir) -> Result<(), StepError> {
    let path = link.path;
    let mut file = tree.file(path).map_err(at(Refusal::Create, path))?;
    let stat = rustix::fs::fstat(&file).map_err(|error| at(Refusal::Create, path)(error.into()))?;
    let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0).min(8 << 20) + 1);
    io::copy(&mut io::Read::take(&mut file, 8 << 20), &mut bytes)
        .map_err(at(Refusal::Create, path))?;
    let mode = crate::names::FileMode::new(stat.st_mode);
    into.put(
        link.name,
        &Secret::new(bytes),
        mode,
        (stat.st_uid, stat.st_gid),
    )
}

/// Makes all paths read as a version.
fn place(
    base: &Base,
    version: &str,
    links: &[Link<'_>],
    unchanged: &mut bool,
) -> Result<(), StepError> {
    for link in links.iter().filter(|link| !link.served(base, version)) {
        *unchanged = false;
        link.serve(base, version)?;
    }
    Ok(())
}

/// Reads every file back through its path.
fn confirm(tree: &Tree, delivery: &Delivery) -> Result<(), StepError> {
    for (_, file) in delivery.files() {
        let path = &file.path;
        let found = tree.digest(path).map_err(at(Refusal::Digest, path))?;
        if found != crate::transport::Sha256::of(file.bytes.expose_secret()) {
            let message = format!("{path} has another SHA-256 than the bytes sent");
            return Err(StepError::new(Refusal::Digest, message));
        }
    }
    Ok(())
}

/// A name for the version that holds what was there before us.
fn before() -> String {
    format!("before-{}", random_hex())
}

fn at(refusal: Refusal, path: &GuestPath) -> impl Fn(io::Error) -> StepError {
    move |error| StepError::new(refusal, format!("{path}: {error}"))
}

const STAGING: &str = ".new-local";
