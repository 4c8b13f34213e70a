//! One pair's version directory and its links.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::layout::{
    CA_FILE, CERT_FILE, CURRENT, KEY_FILE, Layout, PREVIOUS, STORE, SUMS_FILE, is_version_name,
};
use super::pair::{DeployError, PairTarget};
use crate::names::FileMode;
use crate::system::dir::Dir;
use crate::system::random_hex;
use crate::system::{Attributes, FileDigest, FileError, FileFacts, FileKind, Root};

/// A file of a version: its name there, its bytes, who owns and who may read it.
pub(super) struct VersionFile<'a> {
    pub(super) name: &'static str,
    pub(super) bytes: &'a [u8],
    pub(super) attributes: Attributes,
}

/// The directory of a pair's versions, held open.
#[derive(Debug)]
pub(super) struct Versions {
    dir: Dir,
    /// Who owns the directories in it; `None` when this process cannot give anything away.
    owner: Option<(u32, u32)>,
}

impl Versions {
    /// Opens it if it is there. Beneath the base no link is followed, whoever may write there.
    pub(super) fn open(
        root: &Root,
        target: &PairTarget,
        layout: &Layout,
    ) -> Result<Option<Self>, FileError> {
        let opened = root
            .open_dir(&layout.base, target.links())
            .and_then(|base| base.open_dir(OsStr::new(STORE)))
            .and_then(|store| {
                let owner = store.inherited_owner()?;
                let dir = store.open_dir(OsStr::new(target.slug.as_str()))?;
                Ok(Self { dir, owner })
            });
        match opened {
            Ok(versions) => Ok(Some(versions)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens it, making what is missing, with the owner of the directory in which it stands; says whether something was.
    /// [`Versions::sync_store`] makes that durable.
    pub(super) fn create(
        root: &Root,
        target: &PairTarget,
        layout: &Layout,
    ) -> Result<(Self, bool), FileError> {
        let base = root.make_dirs(&layout.base, FileMode::new(0o755), target.links())?;
        let owner = base.inherited_owner()?;
        let attributes = Attributes {
            mode: Some(PASSAGE),
            owner,
        };
        let (mut dir, mut new) = (base, false);
        for name in [STORE, target.slug.as_str()] {
            let name = OsStr::new(name);
            new |= dir.stat(name)?.is_none();
            let made = dir.make_dir(name, PASSAGE, owner)?;
            // A run that died between making it and opening it up left it closed.
            made.set_attributes(&attributes)?;
            dir = made;
        }
        Ok((Self { dir, owner }, new))
    }

    /// Makes the directories durable that [`Versions::create`] made.
    pub(super) fn sync_store(
        root: &Root,
        target: &PairTarget,
        layout: &Layout,
    ) -> Result<(), FileError> {
        let base = root.open_dir(&layout.base, target.links())?;
        base.open_dir(OsStr::new(STORE))?.sync()?;
        base.sync()
    }

    /// Removes what killed runs left unfinished.
    pub(super) fn sweep(&self) -> Result<(), FileError> {
        for name in self.dir.names()? {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with(UNFINISHED))
            {
                self.dir.remove_tree(&name)?;
            }
        }
        Ok(())
    }

    /// The version that a link of ours names.
    pub(super) fn link(&self, link: &str) -> Result<Option<String>, DeployError> {
        let Some(facts) = self.dir.stat(OsStr::new(link))? else {
            return Ok(None);
        };
        let found = match &facts.target {
            Some(target) if is_version_name(target.as_os_str()) => {
                return Ok(target.to_str().map(str::to_owned));
            }
            Some(target) => format!("a link to `{}`", target.display()),
            None => facts.kind.to_string(),
        };
        Err(DeployError::ForeignVersion {
            path: self.dir.path().join(link),
            found,
        })
    }

    /// Points `current` to a version, by one rename; durable with the next [`Versions::sync`].
    pub(super) fn point_current(&self, version: &str) -> Result<(), FileError> {
        if let Some(dir) = self.version(version)? {
            dir.set_attributes(&Attributes::mode(PASSAGE))?;
        }
        self.place_link(Path::new(version), &self.dir, OsStr::new(CURRENT))
    }

    /// Makes the links durable.
    pub(super) fn sync(&self) -> Result<(), FileError> {
        self.dir.sync()
    }

    /// Lets nobody pass a version's directory: what was taken over keeps its modes for the way back.
    pub(super) fn close(&self, version: &str) -> Result<(), FileError> {
        match self.version(version)? {
            Some(dir) => dir.set_attributes(&Attributes::mode(FileMode::new(0o700))),
            None => Ok(()),
        }
    }

    /// Points `previous` to a version; durable with the next [`Versions::sync`].
    pub(super) fn note_previous(&self, version: &str) -> Result<(), FileError> {
        self.place_link(Path::new(version), &self.dir, OsStr::new(PREVIOUS))
    }

    /// Puts a link at a place on the same file system, replacing what stands there by one rename.
    pub(super) fn place_link(
        &self,
        target: &Path,
        dir: &Dir,
        name: &OsStr,
    ) -> Result<(), FileError> {
        let unfinished = unfinished_name();
        self.dir.symlink(target, &unfinished)?;
        let renamed = self.dir.rename(&unfinished, dir, name);
        if renamed.is_err() {
            let _ = self.dir.remove(&unfinished);
        }
        renamed
    }

    /// Removes a link; durable with the next [`Versions::sync`].
    pub(super) fn remove(&self, link: &str) -> Result<(), FileError> {
        self.dir.remove(OsStr::new(link)).map(drop)
    }

    /// The directory of a version; `None` when it is not there.
    pub(super) fn version(&self, name: &str) -> Result<Option<Dir>, FileError> {
        match self.dir.open_dir(OsStr::new(name)) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a version, not durable yet. A complete one of the same name and content is used as it is; where the
    /// name is taken by another, a number is added to it.
    pub(super) fn write(&self, name: &str, files: &[VersionFile<'_>]) -> Result<String, FileError> {
        let mut chosen = name.to_owned();
        for number in 2..1_000_u32 {
            match self.version(&chosen)? {
                None => break,
                Some(there) if holds(&there, files)? => return Ok(chosen),
                Some(_) => chosen = format!("{name}-{number}"),
            }
        }
        let unfinished = unfinished_name();
        let dir = self
            .dir
            .make_dir(&unfinished, FileMode::new(0o700), self.owner)?;
        let filled = fill(&dir, files).and_then(|()| {
            dir.set_attributes(&Attributes::mode(PASSAGE))?;
            self.dir.rename(&unfinished, &self.dir, OsStr::new(&chosen))
        });
        if let Err(error) = filled {
            let _ = self.dir.remove_tree(&unfinished);
            return Err(error);
        }
        Ok(chosen)
    }

    /// Makes a version durable, file by file.
    pub(super) fn sync_version(&self, name: &str) -> Result<(), FileError> {
        let dir = self.dir.open_dir(OsStr::new(name))?;
        for file in dir.names()? {
            dir.sync_file(&file)?;
        }
        dir.sync()?;
        self.dir.sync()
    }

    /// Makes everything on the versions' file system durable, unless that was done for one on the same before.
    pub(super) fn sync_file_system(&self, synced: &mut Vec<u64>) -> Result<(), FileError> {
        let device = self.dir.facts()?.dev;
        if !synced.contains(&device) {
            self.dir.sync_file_system()?;
            synced.push(device);
        }
        Ok(())
    }

    /// Everything that stands in it.
    pub(super) fn names(&self) -> Result<Vec<OsString>, FileError> {
        self.dir.names()
    }

    pub(super) fn stat(&self, name: &OsStr) -> Result<Option<FileFacts>, FileError> {
        self.dir.stat(name)
    }

    pub(super) fn remove_version(&self, name: &str) -> Result<(), FileError> {
        self.dir.remove_tree(OsStr::new(name))?;
        self.dir.sync()
    }

    /// Whether two versions hold the same certificate.
    pub(super) fn same_leaf(&self, one: &str, other: &str) -> Result<bool, FileError> {
        let read = |name: &str| match self.version(name)? {
            Some(dir) => match dir.read(OsStr::new(CERT_FILE), Root::READ_LIMIT) {
                Ok((bytes, _)) => Ok(Some(bytes)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            },
            None => Ok(None),
        };
        let one = read(one)?;
        Ok(one.is_some() && one == read(other)?)
    }

    /// Removes the oldest versions, so that `keep` remain beside the current one, `previous` first among them. Those with
    /// the current certificate are no way back and do not stay.
    pub(super) fn prune(
        &self,
        current: &str,
        previous: Option<&str>,
        keep: usize,
    ) -> Result<(), FileError> {
        let mut others = Vec::new();
        for name in self.dir.names()? {
            if !is_version_name(&name) || name == current {
                continue;
            }
            if let Some(facts) = self.dir.stat(&name)?
                && facts.kind == FileKind::Directory
            {
                let is_previous = previous.is_some_and(|previous| name == previous);
                let same = !is_previous
                    && match name.to_str() {
                        Some(name) => self.same_leaf(name, current)?,
                        None => false,
                    };
                others.push((!same, is_previous, facts.modified, name));
            }
        }
        others.sort();
        others.reverse();
        let different = others.iter().filter(|other| other.0).count();
        let surplus = others.split_off(keep.min(different));
        for (_, is_previous, _, name) in surplus {
            if is_previous {
                self.dir.remove(OsStr::new(PREVIOUS))?;
            }
            self.dir.remove_tree(&name)?;
        }
        Ok(())
    }
}

/// Whether every file still has the digest that was written down with it; `None` where nothing was written down.
pub(super) fn sums_hold(
    version: &Dir,
    file: &str,
    bytes: &[u8],
) -> Result<Option<bool>, FileError> {
    let sums = match version.read(OsStr::new(SUMS_FILE), 64 << 10) {
        Ok((sums, _)) => sums,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let line = sum_line(file, bytes);
    let text = String::from_utf8_lossy(&sums);
    let known = text
        .lines()
        .find(|known| known.ends_with(&format!("  {file}")));
    Ok(known.map(|known| known == line.trim_end()))
}

fn fill(dir: &Dir, files: &[VersionFile<'_>]) -> Result<(), FileError> {
    let mut sums = String::new();
    for file in files {
        dir.write_unsynced(OsStr::new(file.name), file.bytes, &file.attributes)?;
        sums.push_str(&sum_line(file.name, file.bytes));
    }
    let attributes = Attributes::mode(FileMode::PRIVATE);
    dir.write_unsynced(OsStr::new(SUMS_FILE), sums.as_bytes(), &attributes)
        .map(drop)
}

/// Whether a version holds exactly these files.
fn holds(version: &Dir, files: &[VersionFile<'_>]) -> Result<bool, FileError> {
    let expected = |name: &str| files.iter().any(|file| file.name == name);
    for name in [CERT_FILE, KEY_FILE, CA_FILE] {
        if version.stat(OsStr::new(name))?.is_some() != expected(name) {
            return Ok(false);
        }
    }
    for file in files {
        let (bytes, facts) = version.read(OsStr::new(file.name), Root::READ_LIMIT)?;
        let bytes = crate::secret::Secret::new(bytes);
        let same = bytes.expose_secret() == file.bytes
            && file.attributes.mode.is_none_or(|mode| mode == facts.mode)
            && file
                .attributes
                .owner
                .is_none_or(|owner| owner == facts.owner())
            && sums_hold(version, file.name, file.bytes)? == Some(true);
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sum_line(name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}\n", FileDigest::of(bytes))
}

fn unfinished_name() -> OsString {
    format!("{UNFINISHED}{}", random_hex()).into()
}

/// What begins the name of anything that is not complete.
const UNFINISHED: &str = ".new-";
/// Everybody may pass, only the owner may look around: the files have modes of their own.
const PASSAGE: FileMode = FileMode::new(0o711);
