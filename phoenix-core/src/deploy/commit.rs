//! The swap itself, in the order in which no moment is half old and half new.

use std::path::PathBuf;

use super::installed::Reader;
use super::layout::{Arrangement, CA_FILE, Layout};
use super::pair::{DeployError, PairTarget};
use super::version::{VersionFile, Versions};
use crate::secret::Secret;
use crate::system::random_hex;
use crate::system::{Applied, Attributes, Change, Expect, FileFacts, Root, Transaction};

/// One commit under way.
pub(super) struct Commit<'a> {
    pub(super) root: &'a Root,
    pub(super) target: &'a PairTarget,
    pub(super) layout: &'a Layout,
    pub(super) versions: &'a Versions,
    /// The version served before; the taken-over one where plain files stood.
    pub(super) previous: Option<String>,
    /// Whether `previous` was made of plain files that stood there.
    pub(super) taken: bool,
    /// Paths at which nothing stood.
    pub(super) made: Vec<PathBuf>,
}

impl Commit<'_> {
    /// Links in place first, reading as before (or leading nowhere, as before), then one rename for all of them.
    pub(super) fn links(&mut self, version: &str) -> Result<Option<Applied>, DeployError> {
        let mut foreign = Vec::new();
        let mut absent = Vec::new();
        for link in &self.layout.links {
            let (dir, name) = self
                .root
                .locate("replace", &link.path, self.target.links())?;
            match dir.stat(&name)? {
                None => absent.push((dir, name, link)),
                Some(facts) if facts.target.as_ref() == Some(&link.target) => {}
                Some(_) => foreign.push((dir, name, link)),
            }
        }
        if !foreign.is_empty()
            && let Some(taken) = self.take_over()?
        {
            self.versions.point_current(&taken)?;
            self.previous = Some(taken);
            self.taken = true;
        }
        for (dir, name, link) in foreign.iter().chain(&absent) {
            self.versions.place_link(&link.target, dir, name)?;
            dir.sync()?;
        }
        self.made = absent
            .into_iter()
            .map(|(_, _, link)| link.path.clone())
            .collect();
        // A root in another directory goes first: an old leaf is verified by the new root too, if both are in it.
        let applied = if self.layout.files.is_empty() {
            None
        } else {
            let applied = self.transaction(version, None)?;
            Some(applied)
        };
        if self.previous.as_deref() != Some(version) {
            let swapped = self
                .note_previous(version)
                .and_then(|()| Ok(self.versions.point_current(version)?));
            if let Err(error) = swapped {
                if let Some(applied) = applied {
                    applied.undo()?;
                }
                return Err(error);
            }
        }
        if let Some(previous) = self.previous.as_deref().filter(|_| self.taken) {
            self.versions.close(previous)?;
        }
        Ok(applied)
    }

    /// All files and `current` as one journaled transaction.
    pub(super) fn files(&mut self, version: &str) -> Result<Applied, DeployError> {
        if self.previous.is_none() {
            self.previous = self.take_over()?;
        }
        if self.previous.as_deref() != Some(version) {
            self.note_previous(version)?;
        }
        let current = Change::Link {
            path: self.layout.current.clone(),
            target: version.into(),
        };
        self.transaction(version, Some(current))
    }

    fn transaction(&self, version: &str, also: Option<Change>) -> Result<Applied, DeployError> {
        let mut transaction = Transaction::new(self.root, &self.target.journal_dir)
            .links(self.target.links())
            .staging(&self.layout.versions);
        let dir = self.versions.version(version)?;
        let dir = dir.ok_or_else(|| DeployError::NoSuchVersion {
            version: version.to_owned(),
            dir: self.layout.versions.clone(),
        })?;
        for (path, file) in &self.layout.files {
            let (bytes, facts) = dir.read(file.as_ref(), Root::READ_LIMIT)?;
            transaction.add(Change::Replace {
                path: path.clone(),
                content: Secret::new(bytes).into(),
                attributes: Attributes {
                    mode: Some(facts.mode),
                    owner: Some(facts.owner()),
                },
                expect: Expect::Anything,
            });
        }
        if let Some(change) = also {
            transaction.add(change);
        }
        Ok(transaction.prepare()?.commit()?)
    }

    /// Copies what the paths read as now into a version of its own, with owners and modes as they are; `None` when they
    /// lead nowhere.
    fn take_over(&self) -> Result<Option<String>, DeployError> {
        let reader = Reader {
            root: self.root,
            target: self.target,
            layout: self.layout,
            versions: Some(self.versions),
            version: self.previous.as_deref(),
        };
        let mut found: Vec<(&'static str, Secret, FileFacts)> = Vec::new();
        for (path, file, _) in self.target.paths() {
            if file == CA_FILE
                && self.layout.arrangement == Arrangement::Links
                && !self.layout.ca_is_linked()
            {
                continue;
            }
            if let Some((bytes, facts)) = reader.read(path, file)? {
                found.push((file, Secret::new(bytes), facts));
            }
        }
        let files: Vec<VersionFile<'_>> = found
            .iter()
            .map(|(name, bytes, facts)| VersionFile {
                name,
                bytes: bytes.expose_secret(),
                attributes: Attributes {
                    mode: Some(facts.mode),
                    owner: Some(facts.owner()),
                },
            })
            .collect();
        if files.is_empty() {
            return Ok(None);
        }
        let name = format!("taken-{}", random_hex());
        let taken = self.versions.write(&name, &files)?;
        self.versions.sync_version(&taken)?;
        Ok(Some(taken))
    }

    /// A version with the same leaf was put right, and is no way back.
    fn note_previous(&self, version: &str) -> Result<(), DeployError> {
        if let Some(previous) = &self.previous
            && !self.versions.same_leaf(previous, version)?
        {
            self.versions.note_previous(previous)?;
        }
        Ok(())
    }
}
