//! What stands at a pair's paths now, and where it differs from what was deployed.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::layout::{Arrangement, CA_FILE, CERT_FILE, CURRENT, KEY_FILE, Layout, PREVIOUS};
use super::pair::{DeployError, PairTarget};
use super::version::{Versions, sums_hold};
use crate::names::FileMode;
use crate::secret::Secret;
use crate::system::{FileError, FileFacts, Root};

/// A difference that is repaired by deploying the same pair again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Drift {
    /// A file is not the one that was deployed: somebody wrote through our link, or over our file.
    Content {
        /// Which path.
        path: PathBuf,
    },
    /// Something else than our link stands at the path, or a link where a plain file is wanted.
    Link {
        /// Which path.
        path: PathBuf,
        /// What the link there says; `None` for a plain file.
        found: Option<PathBuf>,
        /// What it should say; `None` when a plain file is wanted.
        expected: Option<PathBuf>,
    },
    /// Nothing stands at the path, though a version was deployed.
    Missing {
        /// Which path.
        path: PathBuf,
    },
    /// The file has another mode.
    Mode {
        /// Which path.
        path: PathBuf,
        /// The mode that it has.
        found: FileMode,
        /// The mode that it should have.
        expected: FileMode,
    },
    /// The file belongs to somebody else.
    Owner {
        /// Which path.
        path: PathBuf,
        /// User and group that it has.
        found: (u32, u32),
        /// User and group that it should have.
        expected: (u32, u32),
    },
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |link: &Option<PathBuf>| {
            link.as_ref().map_or_else(
                || "a plain file".to_owned(),
                |target| format!("a link to `{}`", target.display()),
            )
        };
        match self {
            Self::Content { path } => {
                write!(
                    f,
                    "`{}` was written over since it was deployed",
                    path.display()
                )
            }
            Self::Link {
                path,
                found,
                expected,
            } => write!(
                f,
                "`{}` is {}, expected {}",
                path.display(),
                said(found),
                said(expected)
            ),
            Self::Missing { path } => write!(f, "`{}` is gone", path.display()),
            Self::Mode {
                path,
                found,
                expected,
            } => write!(
                f,
                "`{}` has mode {found}, expected {expected}",
                path.display()
            ),
            Self::Owner {
                path,
                found,
                expected,
            } => write!(
                f,
                "`{}` belongs to {}:{}, expected {}:{}",
                path.display(),
                found.0,
                found.1,
                expected.0,
                expected.1
            ),
        }
    }
}

/// What is installed at a target.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Installed {
    /// The certificate file's bytes, from its version where the path is gone; `None` when there is neither.
    pub chain: Option<Vec<u8>>,
    /// Its facts.
    pub chain_facts: Option<FileFacts>,
    /// The key file's bytes.
    pub key: Option<Secret>,
    /// Its facts.
    pub key_facts: Option<FileFacts>,
    /// The root's bytes, where the target has a path for it.
    pub ca: Option<Vec<u8>>,
    /// The version that `current` names.
    pub version: Option<String>,
    /// The version before it, which [`stage_version`](super::stage_version) can bring back.
    pub previous: Option<String>,
    /// What differs from what was deployed; empty as long as nothing was.
    pub drift: Vec<Drift>,
}

/// Reads what is installed at a target; writes nothing.
pub fn read_installed(root: &Root, target: &PairTarget) -> Result<Installed, DeployError> {
    let layout = target.layout(CURRENT)?;
    let versions = Versions::open(root, target, &layout)?;
    let mut installed = Installed::default();
    if let Some(versions) = &versions {
        installed.version = versions.link(CURRENT)?;
        installed.previous = versions.link(PREVIOUS)?;
    }
    let reader = Reader {
        root,
        target,
        layout: &layout,
        versions: versions.as_ref(),
        version: installed.version.as_deref(),
    };
    for (path, file, mode) in target.paths() {
        let (bytes, facts) = match reader.read(path, file)? {
            Some((bytes, facts)) => {
                let bytes = Secret::new(bytes);
                reader.find_drift(path, file, mode, &bytes, &facts, &mut installed.drift)?;
                (bytes, facts)
            }
            None => match reader.read_version(file)? {
                Some((bytes, facts)) => {
                    let path = path.to_path_buf();
                    installed.drift.push(Drift::Missing { path });
                    (Secret::new(bytes), facts)
                }
                None => continue,
            },
        };
        match file {
            KEY_FILE => {
                installed.key = Some(bytes);
                installed.key_facts = Some(facts);
            }
            CERT_FILE => {
                installed.chain = Some(bytes.expose_secret().to_vec());
                installed.chain_facts = Some(facts);
            }
            _ => installed.ca = Some(bytes.expose_secret().to_vec()),
        }
    }
    Ok(installed)
}

/// Reads a pair's paths as a program would, and follows only our own links where others can plant some.
pub(super) struct Reader<'a> {
    pub(super) root: &'a Root,
    pub(super) target: &'a PairTarget,
    pub(super) layout: &'a Layout,
    pub(super) versions: Option<&'a Versions>,
    /// The version that `current` names.
    pub(super) version: Option<&'a str>,
}

impl Reader<'_> {
    /// What the path reads as; `None` when it leads nowhere.
    pub(super) fn read(
        &self,
        path: &Path,
        file: &'static str,
    ) -> Result<Option<(Vec<u8>, FileFacts)>, DeployError> {
        match self.read_any(path, file) {
            Err(DeployError::File(error)) if error.is_not_found() => Ok(None),
            other => other,
        }
    }

    /// A file of the version that `current` names; `None` when there is none.
    fn read_version(
        &self,
        file: &'static str,
    ) -> Result<Option<(Vec<u8>, FileFacts)>, DeployError> {
        let (Some(versions), Some(version)) = (self.versions, self.version) else {
            return Ok(None);
        };
        let Some(dir) = versions.version(version)? else {
            return Ok(None);
        };
        match dir.read(OsStr::new(file), Root::READ_LIMIT) {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn read_any(
        &self,
        path: &Path,
        file: &'static str,
    ) -> Result<Option<(Vec<u8>, FileFacts)>, DeployError> {
        let (dir, name) = self.root.locate("read", path, self.target.links())?;
        let Some(facts) = dir.stat(&name)? else {
            return Ok(None);
        };
        let Some(link) = facts.target else {
            return Ok(Some(dir.read(&name, Root::READ_LIMIT)?));
        };
        if self.layout.link_of(path).is_some_and(|ours| ours == link) {
            return self.read_version(file);
        }
        if self.target.guest_writable {
            return Err(DeployError::ForeignLink {
                path: path.to_path_buf(),
                found: link,
            });
        }
        Ok(Some(self.root.read_with_facts(path)?))
    }

    fn find_drift(
        &self,
        path: &Path,
        file: &'static str,
        mode: Option<FileMode>,
        bytes: &Secret,
        facts: &FileFacts,
        drift: &mut Vec<Drift>,
    ) -> Result<(), DeployError> {
        let path = path.to_path_buf();
        let expected = self.target.owner;
        if facts.owner() != expected {
            drift.push(Drift::Owner {
                path: path.clone(),
                found: facts.owner(),
                expected,
            });
        }
        if let Some(expected) = mode
            && facts.mode != expected
        {
            drift.push(Drift::Mode {
                path: path.clone(),
                found: facts.mode,
                expected,
            });
        }
        // Before the first deployment plain files are nobody's fault.
        let (Some(versions), Some(version)) = (self.versions, self.version) else {
            return Ok(());
        };
        let found = self.stands_there(&path)?;
        let expected = self.layout.link_of(&path).map(Path::to_path_buf);
        if found != expected {
            drift.push(Drift::Link {
                path: path.clone(),
                found,
                expected,
            });
        }
        if let Some(version) = versions.version(version)?
            && sums_hold(&version, file, bytes.expose_secret())? == Some(false)
        {
            drift.push(Drift::Content { path });
        }
        Ok(())
    }

    fn stands_there(&self, path: &Path) -> Result<Option<PathBuf>, FileError> {
        let (dir, name) = self.root.locate("look at", path, self.target.links())?;
        Ok(dir.stat(&name)?.and_then(|facts| facts.target))
    }
}

impl Layout {
    /// What the link at a path says when it is ours; `None` where a plain file is wanted.
    pub(super) fn link_of(&self, path: &Path) -> Option<&Path> {
        if self.arrangement == Arrangement::Files {
            return None;
        }
        self.links
            .iter()
            .find(|link| link.path == path)
            .map(|link| link.target.as_path())
    }

    /// Whether the target has a place for the root in its versions.
    pub(super) fn ca_is_linked(&self) -> bool {
        self.links.iter().any(|link| link.file == CA_FILE)
    }
}
