//! The pair protocol in a directory that stands for a guest; `guest.sh` does the same in a real one.

use std::io;

use rustix::fs::FileType;

use super::tree::{Dir, Tree};
use crate::names::Slug;
use crate::secret::Secret;
use crate::system::random_hex;
use crate::transport::program::LinkTarget;
use crate::transport::{
    Delivered, Delivery, GuestPath, PairFile, Refusal, Restore, StepError, StepResult, Version,
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
                LinkTarget::Relative(target) => target,
                LinkTarget::Absolute(target) => target.as_str().to_owned(),
            },
            file,
            dir,
        };
        link.refuse_directory(tree)?;
        links.push(link);
    }
    let base = Base::open(tree, &delivery.dir(), &delivery.slug, true)?;
    let staging = Staging::make(&base)?;
    for link in &links {
        staging
            .dir
            .put(link.name, &link.file.bytes, link.file.mode, owner)?;
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
        for link in &links {
            let wanted = crate::transport::Sha256::of(link.file.bytes.expose_secret());
            if there.digest(link.name).is_ok_and(|found| found == wanted) {
                let repaired = there
                    .repair(link.name, link.file.mode, owner)
                    .map_err(rename)?;
                delivered.unchanged &= !repaired;
            } else {
                delivered.unchanged = false;
                staging
                    .dir
                    .rename(link.name, &there, link.name)
                    .map_err(rename)?;
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
    let placed = place_links(tree, &links, &mut delivered.unchanged);
    if let Err(error) = placed {
        if let Some(previous) = &delivered.previous {
            base.point(previous.as_str()).map_err(rename)?;
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
    Ok(StepResult::Restored {
        version,
        from: base.current,
    })
}

/// One file of the delivery and the link that stands for it.
struct Link<'a> {
    name: &'static str,
    target: String,
    file: &'a PairFile,
    dir: Dir,
}

impl Link<'_> {
    fn refuse_directory(&self, tree: &Tree) -> Result<(), StepError> {
        let path = &self.file.path;
        if tree.dir(path).is_ok() {
            return Err(StepError::new(
                Refusal::Directory,
                format!("{path} is a directory"),
            ));
        }
        Ok(())
    }

    fn linked(&self) -> bool {
        self.dir
            .target(self.file.path.file_name())
            .is_ok_and(|target| target == self.target)
    }

    fn make(&self) -> Result<(), StepError> {
        self.dir
            .replace_link(&self.target, self.file.path.file_name())
            .map_err(at(Refusal::Rename, &self.file.path))
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

/// Makes links to unchanged bytes out of paths that are no links of ours; the version that now holds those bytes.
fn take_over(tree: &Tree, base: &Base, links: &[Link<'_>]) -> Result<Option<Version>, StepError> {
    let there = |link: &&Link<'_>| tree.file(&link.file.path).is_ok();
    if !links.iter().filter(there).any(|link| !link.linked()) {
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
    for link in links.iter().filter(there).filter(|link| !link.linked()) {
        link.make()?;
    }
    Ok(name.parse().ok())
}

fn copy(tree: &Tree, link: &Link<'_>, into: &Dir) -> Result<(), StepError> {
    let path = &link.file.path;
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

/// Makes the links that are missing and reads every file back through its path.
fn place_links(tree: &Tree, links: &[Link<'_>], unchanged: &mut bool) -> Result<(), StepError> {
    for link in links.iter().filter(|link| !link.linked()) {
        *unchanged = false;
        link.make()?;
    }
    for link in links {
        let path = &link.file.path;
        let found = tree.digest(path).map_err(at(Refusal::Digest, path))?;
        if found != crate::transport::Sha256::of(link.file.bytes.expose_secret()) {
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
