//! A pair replaced on the host, in stages, so that many can be staged before any is swapped.
//!
//! [`check`] asks before the CA is asked, [`stage`] writes a version, [`Staged::commit`] and [`commit_all`] swap,
//! [`Committed::restore`] swaps back, [`Committed::finish`] lets go of what is older than is kept.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::commit::commit_all;
use super::layout::{
    Arrangement, CA_FILE, CERT_FILE, CURRENT, KEY_FILE, Layout, PREVIOUS, is_version_name,
    pair_layout, pair_layout_plain,
};
use super::version::{VersionFile, Versions};
use crate::model::Placement;
use crate::names::{FileMode, Slug};
use crate::secret::Secret;
use crate::system::dir::Dir;
use crate::system::preflight::can_take;
use crate::system::root::split;
use crate::system::{Applied, Attributes, FileError, FileKind, Links, Root, TransactionError};

/// Where a pair goes on the host, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairTarget {
    /// The path of the chain, leaf first.
    pub cert: PathBuf,
    /// The path of the private key.
    pub key: PathBuf,
    /// The path of the root, where it is wanted.
    pub ca: Option<PathBuf>,
    /// User and group of the files, as the host numbers them.
    pub owner: (u32, u32),
    /// The mode of certificate and root.
    pub cert_mode: FileMode,
    /// The mode of the key, which it has from its first byte on.
    pub key_mode: FileMode,
    /// The name of the pair's directory below `.phoenix`.
    pub slug: Slug,
    /// Whether guests or network clients can write where the paths lie: then no link is followed but our own.
    pub guest_writable: bool,
    /// How many versions stay beside the current one.
    pub keep: usize,
    /// Whether a program watches the directory: then plain files stand there, and the versions elsewhere.
    pub plain: bool,
    /// Where the journal lies when one rename is not enough.
    pub journal_dir: PathBuf,
}

impl PairTarget {
    /// A placement of the host, with its owner as the host numbers it.
    pub fn of(placement: &Placement, owner: (u32, u32), journal_dir: PathBuf) -> Self {
        Self {
            cert: placement.cert.clone(),
            key: placement.key.clone(),
            ca: placement.ca.clone(),
            owner,
            cert_mode: placement.cert_mode,
            key_mode: placement.key_mode,
            slug: placement.slug.clone(),
            guest_writable: placement.guest_writable,
            keep: placement.keep,
            plain: placement.plain,
            journal_dir,
        }
    }
}

/// A pair that could not be deployed; the one before is still served unless the message says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeployError {
    /// A file could not be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A link of somebody else's where guests can plant some.
    #[error("`{}` is a link to `{}`, which a guest may have planted; expected a file or our own link: remove it", path.display(), found.display())]
    ForeignLink {
        /// Which path.
        path: PathBuf,
        /// What the link says.
        found: PathBuf,
    },
    /// `current` names no version of ours.
    #[error("`{}` is {found}, expected a link to a plain serial number: remove it", path.display())]
    ForeignVersion {
        /// The link.
        path: PathBuf,
        /// What stands there.
        found: String,
    },
    /// The version to go back to is not there.
    #[error("there is no version `{version}` in `{}`", dir.display())]
    NoSuchVersion {
        /// Which version.
        version: String,
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// The new version is served and may not outlive a power cut, and the one before could not be put back.
    #[error("`{}` names the new version, and could not be put back", path.display())]
    NotPutBack {
        /// The link.
        path: PathBuf,
        /// Why.
        source: FileError,
    },
    /// The target itself cannot be right.
    #[error("could not deploy to `{}`: {why}", path.display())]
    Target {
        /// Which path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The journaled renames did not go through.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// Asks whether the pair could be deployed: paths, permissions, room. Writes nothing.
pub fn check(root: &Root, target: &PairTarget) -> Result<(), DeployError> {
    let layout = target.layout(CURRENT)?;
    for (path, ..) in target.paths() {
        let dir = nearest(root, path, target.links())?;
        can_take(&dir, ROOM)?;
        if dir.path() == split(path)?.0 {
            refuse_foreign(&dir, target, &layout, path)?;
        }
    }
    can_take(&nearest(root, &layout.versions, target.links())?, ROOM)?;
    if let Some(versions) = Versions::open(root, target, &layout)? {
        versions.link(CURRENT)?;
        versions.link(PREVIOUS)?;
    }
    Ok(())
}

/// Writes a version beside the ones that are there; nothing that is served changes. The commit makes it durable.
///
/// `serial` names the version; where another pair has that name already, a number is added.
pub fn stage(
    root: &Root,
    target: &PairTarget,
    serial: &str,
    chain_pem: &[u8],
    key_pem: &Secret,
    ca: Option<&[u8]>,
) -> Result<Staged, DeployError> {
    if !is_version_name(serial.as_ref()) {
        return Err(DeployError::Target {
            path: target.cert.clone(),
            why: "the version's name is no serial number",
        });
    }
    let layout = target.layout(serial)?;
    let with = |name, bytes, mode| VersionFile {
        name,
        bytes,
        attributes: Attributes {
            mode: Some(mode),
            owner: Some(target.owner),
        },
    };
    let mut files = vec![
        with(KEY_FILE, key_pem.expose_secret(), target.key_mode),
        with(CERT_FILE, chain_pem, target.cert_mode),
    ];
    if target.ca.is_some() {
        let ca = ca.ok_or_else(|| DeployError::Target {
            path: target.cert.clone(),
            why: "a path for the root is given, and no root",
        })?;
        files.push(with(CA_FILE, ca, target.cert_mode));
    }
    for (path, ..) in target.paths() {
        let dir = root.make_dirs(split(path)?.0, FileMode::new(0o755), target.links())?;
        refuse_foreign(&dir, target, &layout, path)?;
    }
    let (versions, new_store) = Versions::create(root, target, &layout)?;
    versions.sweep()?;
    versions.link(CURRENT)?;
    let version = versions.write(serial, &files)?;
    Ok(Staged {
        root: root.clone(),
        target: target.clone(),
        version,
        new_store,
    })
}

/// Takes a version that is there already, such as the previous one, to be committed again.
pub fn stage_version(
    root: &Root,
    target: &PairTarget,
    version: &str,
) -> Result<Staged, DeployError> {
    let layout = target.layout(version)?;
    let missing = || DeployError::NoSuchVersion {
        version: version.to_owned(),
        dir: layout.versions.clone(),
    };
    if !is_version_name(version.as_ref()) {
        return Err(missing());
    }
    let versions = Versions::open(root, target, &layout)?.ok_or_else(missing)?;
    versions.version(version)?.ok_or_else(missing)?;
    Ok(Staged {
        root: root.clone(),
        target: target.clone(),
        version: version.to_owned(),
        new_store: false,
    })
}

/// A version written, not served yet.
#[derive(Debug)]
#[must_use = "a staged pair is not served before it is committed"]
pub struct Staged {
    pub(super) root: Root,
    pub(super) target: PairTarget,
    pub(super) version: String,
    /// Whether the directories above it are new.
    pub(super) new_store: bool,
}

impl Staged {
    /// The version's name.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Removes the version again, unless it is in use.
    pub fn discard(self) -> Result<(), DeployError> {
        let layout = self.target.layout(&self.version)?;
        if let Some(versions) = Versions::open(&self.root, &self.target, &layout)? {
            let used = [versions.link(CURRENT)?, versions.link(PREVIOUS)?];
            if !used.contains(&Some(self.version.clone())) {
                versions.remove_version(&self.version)?;
            }
        }
        Ok(())
    }

    /// Swaps: from here on the paths read as the new pair.
    pub fn commit(self) -> Result<Committed, DeployError> {
        let version = self.version.clone();
        let dir = self.target.layout(&version)?.versions;
        let committed = commit_all(vec![self]).pop();
        committed.unwrap_or(Err(DeployError::NoSuchVersion { version, dir }))
    }
}

/// A pair that is served; the one before can still be brought back.
#[derive(Debug)]
pub struct Committed {
    pub(super) root: Root,
    pub(super) target: PairTarget,
    pub(super) version: String,
    pub(super) version_dir: PathBuf,
    pub(super) previous: Option<String>,
    pub(super) made: Vec<PathBuf>,
    pub(super) applied: Option<Applied>,
}

impl Committed {
    /// The version's name.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The version's own directory, in which both files stay what they are; hooks get it as `PHOENIX_PAIR_DIR`.
    pub fn version_dir(&self) -> &Path {
        &self.version_dir
    }

    /// The version that was served before; `None` when nothing was.
    pub fn previous(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    /// Brings the previous pair back, or nothing where nothing was. The new version stays as a candidate.
    pub fn restore(self) -> Result<(), DeployError> {
        let layout = self.target.layout(&self.version)?;
        if let Some(applied) = self.applied {
            applied.undo()?;
        }
        if layout.arrangement == Arrangement::Files {
            return Ok(());
        }
        let (versions, _) = Versions::create(&self.root, &self.target, &layout)?;
        match &self.previous {
            Some(previous) => versions.point_current(previous)?,
            None => versions.remove(CURRENT)?,
        }
        versions.sync()?;
        if self.previous.is_none() {
            for path in &self.made {
                let (dir, name) = self.root.locate("remove", path, self.target.links())?;
                dir.remove(&name)?;
                dir.sync()?;
            }
        }
        Ok(())
    }

    /// Lets go of what was kept for [`Committed::restore`] and removes versions beyond those to keep.
    pub fn finish(self) -> Result<(), DeployError> {
        if let Some(applied) = self.applied {
            applied.finish()?;
        }
        let layout = self.target.layout(&self.version)?;
        if let Some(versions) = Versions::open(&self.root, &self.target, &layout)? {
            let previous = versions.link(PREVIOUS)?;
            versions.prune(&self.version, previous.as_deref(), self.target.keep)?;
        }
        Ok(())
    }
}

impl PairTarget {
    /// Where everything of this pair stands, with a version of this name.
    pub fn layout(&self, version: &str) -> Result<Layout, DeployError> {
        let paths: Vec<&Path> = self.paths().map(|(path, ..)| path).collect();
        for (index, path) in paths.iter().enumerate() {
            let why = if !path.is_absolute() {
                "the path is not absolute"
            } else if path.file_name().is_none() {
                "the path names no file"
            } else if paths[..index].contains(path) {
                "two files of the pair have the same path"
            } else {
                continue;
            };
            return Err(DeployError::Target {
                path: path.to_path_buf(),
                why,
            });
        }
        let layout = if self.plain {
            pair_layout_plain
        } else {
            pair_layout
        };
        Ok(layout(
            &self.cert,
            &self.key,
            self.ca.as_deref(),
            &self.slug,
            version,
        ))
    }

    pub(super) fn links(&self) -> Links {
        if self.guest_writable {
            Links::Refuse
        } else {
            Links::Replace
        }
    }

    /// Each path with its name in a version and the mode that it should have.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&Path, &'static str, Option<FileMode>)> {
        let cert = (self.cert.as_path(), CERT_FILE, Some(self.cert_mode));
        let key = (self.key.as_path(), KEY_FILE, Some(self.key_mode));
        let ca = self
            .ca
            .as_deref()
            .map(|path| (path, CA_FILE, Some(self.cert_mode)));
        [cert, key].into_iter().chain(ca)
    }
}

/// The nearest directory above a path that exists.
fn nearest(root: &Root, path: &Path, links: Links) -> Result<Dir, FileError> {
    let mut at = path;
    loop {
        at = split(at)?.0;
        match root.open_dir_for("write to", at, links) {
            Err(error) if error.is_not_found() => {}
            other => return other,
        }
    }
}

/// Refuses what is no file, and links that guests may have planted.
fn refuse_foreign(
    dir: &Dir,
    target: &PairTarget,
    layout: &Layout,
    path: &Path,
) -> Result<(), DeployError> {
    let name: OsString = split(path)?.1.to_owned();
    let Some(facts) = dir.stat(&name)? else {
        return Ok(());
    };
    match (facts.kind, facts.target) {
        (FileKind::File, _) => Ok(()),
        (FileKind::Link, Some(found)) => {
            let ours = layout.link_of(path).is_some_and(|link| link == found);
            if target.guest_writable && !ours && !is_own(&found, target) {
                return Err(DeployError::ForeignLink {
                    path: path.to_path_buf(),
                    found,
                });
            }
            Ok(())
        }
        (found, _) => Err(FileError::NotAFile {
            act: "replace",
            path: path.to_path_buf(),
            found,
        }
        .into()),
    }
}

/// A link that this pair had when it was arranged otherwise.
fn is_own(link: &Path, target: &PairTarget) -> bool {
    let prefix = Path::new(super::layout::STORE).join(target.slug.as_str());
    link.strip_prefix(prefix).is_ok_and(|rest| {
        [CERT_FILE, KEY_FILE, CA_FILE]
            .iter()
            .any(|file| rest == Path::new(CURRENT).join(file))
    })
}

/// Room for a pair, its predecessor and their directories.
const ROOM: u64 = 128 << 10;
