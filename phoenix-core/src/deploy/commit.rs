//! The swap itself, in the order in which no moment is half old and half new.

use std::path::PathBuf;

use super::installed::Reader;
use super::layout::{Arrangement, CA_FILE, CURRENT, Layout};
use super::pair::{Committed, DeployError, PairTarget, Staged};
use super::version::{VersionFile, Versions};
use crate::secret::Secret;
use crate::system::random_hex;
use crate::system::replace::SYNCED_TOGETHER;
use crate::system::{Applied, Attributes, Change, Expect, FileFacts, Root, Transaction};

/// Swaps staged pairs; one result per pair, in their order. What fails for one leaves the others alone.
///
/// From four pairs on each phase becomes durable by one sync per file system, which then takes less than those of files.
pub fn commit_all(staged: Vec<Staged>) -> Vec<Result<Committed, DeployError>> {
    let together = staged.len() >= SYNCED_TOGETHER;
    let mut commits: Vec<Result<Commit, DeployError>> =
        staged.into_iter().map(Commit::begin).collect();
    let phases: [(Act, Act); 3] = [
        (|_| Ok(()), Commit::sync_version),
        (Commit::arrange, Commit::sync_links),
        (Commit::swap, Commit::sync_current),
    ];
    for (act, sync) in phases {
        each(&mut commits, act);
        // What this cannot make durable each does by itself, or says why not.
        if !(together && sync_file_systems(&commits).is_ok()) {
            each(&mut commits, sync);
        }
    }
    commits
        .into_iter()
        .map(|commit| commit.map(Commit::end))
        .collect()
}

type Act = fn(&mut Commit) -> Result<(), DeployError>;

fn each(commits: &mut [Result<Commit, DeployError>], act: Act) {
    for slot in commits {
        if let Ok(commit) = slot
            && let Err(error) = act(commit)
        {
            *slot = Err(error);
        }
    }
}

fn sync_file_systems(commits: &[Result<Commit, DeployError>]) -> Result<(), DeployError> {
    let mut synced = Vec::new();
    for commit in commits.iter().flatten() {
        commit.versions()?.sync_file_system(&mut synced)?;
    }
    Ok(())
}

/// One commit under way.
struct Commit {
    root: Root,
    target: PairTarget,
    layout: Layout,
    version: String,
    /// Whether the directories above the version are new.
    new_store: bool,
    /// The version served before; the taken-over one where plain files stood.
    previous: Option<String>,
    /// Whether `previous` was made of plain files that stood there.
    taken: bool,
    /// Whether a link was put in place.
    linked: bool,
    /// Paths at which nothing stood.
    made: Vec<PathBuf>,
    applied: Option<Applied>,
}

impl Commit {
    fn begin(staged: Staged) -> Result<Self, DeployError> {
        let layout = staged.target.layout(&staged.version)?;
        let mut commit = Self {
            root: staged.root,
            target: staged.target,
            layout,
            version: staged.version,
            new_store: staged.new_store,
            previous: None,
            taken: false,
            linked: false,
            made: Vec::new(),
            applied: None,
        };
        commit.previous = commit.versions()?.link(CURRENT)?;
        Ok(commit)
    }

    fn end(self) -> Committed {
        Committed {
            root: self.root,
            target: self.target,
            version: self.version,
            version_dir: self.layout.version,
            previous: self.previous,
            made: self.made,
            applied: self.applied,
        }
    }

    fn versions(&self) -> Result<Versions, DeployError> {
        Versions::open(&self.root, &self.target, &self.layout)?.ok_or_else(|| self.no_version())
    }

    fn no_version(&self) -> DeployError {
        DeployError::NoSuchVersion {
            version: self.version.clone(),
            dir: self.layout.versions.clone(),
        }
    }

    fn sync_version(&mut self) -> Result<(), DeployError> {
        self.versions()?.sync_version(&self.version)?;
        if self.new_store {
            Versions::sync_store(&self.root, &self.target, &self.layout)?;
        }
        Ok(())
    }

    /// Links in place, reading as before, or leading nowhere as before.
    fn arrange(&mut self) -> Result<(), DeployError> {
        if self.layout.arrangement == Arrangement::Files {
            return Ok(());
        }
        let versions = self.versions()?;
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
            && let Some(taken) = self.take_over(&versions)?
        {
            versions.point_current(&taken)?;
            versions.sync()?;
            self.previous = Some(taken);
            self.taken = true;
        }
        for (dir, name, link) in foreign.iter().chain(&absent) {
            versions.place_link(&link.target, dir, name)?;
            self.linked = true;
        }
        self.made = absent
            .into_iter()
            .map(|(_, _, link)| link.path.clone())
            .collect();
        Ok(())
    }

    /// All links of a pair stand in one directory.
    fn sync_links(&mut self) -> Result<(), DeployError> {
        if self.linked {
            let base = self.root.open_dir(&self.layout.base, self.target.links())?;
            base.sync()?;
        }
        Ok(())
    }

    /// From here on the paths read as the new pair.
    fn swap(&mut self) -> Result<(), DeployError> {
        let versions = self.versions()?;
        if versions.version(&self.version)?.is_none() {
            return Err(self.no_version());
        }
        if self.layout.arrangement == Arrangement::Files {
            self.applied = Some(self.files(&versions)?);
            return Ok(());
        }
        // A root in another directory goes first: an old leaf is verified by the new root too, if both are in it.
        if !self.layout.files.is_empty() {
            self.applied = Some(self.transaction(&versions, None)?);
        }
        if self.swaps() {
            let swapped = self
                .note_previous(&versions)
                .and_then(|()| Ok(versions.point_current(&self.version)?));
            if let Err(error) = swapped {
                self.undo_applied()?;
                return Err(error);
            }
        }
        if let Some(previous) = self.previous.as_deref().filter(|_| self.taken) {
            versions.close(previous)?;
        }
        Ok(())
    }

    fn sync_current(&mut self) -> Result<(), DeployError> {
        if self.layout.arrangement == Arrangement::Files || !self.swaps() {
            return Ok(());
        }
        let versions = self.versions()?;
        let Err(error) = versions.sync() else {
            return Ok(());
        };
        self.undo_applied()?;
        let back = match &self.previous {
            Some(previous) => versions.point_current(previous),
            None => versions.remove(CURRENT),
        };
        match back {
            Ok(()) => Err(error.into()),
            Err(source) => Err(DeployError::NotPutBack {
                path: self.layout.current.clone(),
                source,
            }),
        }
    }

    /// Whether `current` is to name another version than before.
    fn swaps(&self) -> bool {
        self.previous.as_deref() != Some(self.version.as_str())
    }

    fn undo_applied(&mut self) -> Result<(), DeployError> {
        match self.applied.take() {
            Some(applied) => Ok(applied.undo()?),
            None => Ok(()),
        }
    }

    /// All files and `current` as one journaled transaction.
    fn files(&mut self, versions: &Versions) -> Result<Applied, DeployError> {
        if self.previous.is_none() {
            self.previous = self.take_over(versions)?;
        }
        if self.swaps() {
            self.note_previous(versions)?;
        }
        let current = Change::Link {
            path: self.layout.current.clone(),
            target: self.version.as_str().into(),
        };
        self.transaction(versions, Some(current))
    }

    fn transaction(
        &self,
        versions: &Versions,
        also: Option<Change>,
    ) -> Result<Applied, DeployError> {
        let mut transaction = Transaction::new(&self.root, &self.target.journal_dir)
            .links(self.target.links())
            .staging(&self.layout.versions);
        let dir = versions.version(&self.version)?;
        let dir = dir.ok_or_else(|| self.no_version())?;
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
    fn take_over(&self, versions: &Versions) -> Result<Option<String>, DeployError> {
        let reader = Reader {
            root: &self.root,
            target: &self.target,
            layout: &self.layout,
            versions: Some(versions),
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
        let taken = versions.write(&name, &files)?;
        versions.sync_version(&taken)?;
        Ok(Some(taken))
    }

    /// A version with the same leaf was put right, and is no way back.
    fn note_previous(&self, versions: &Versions) -> Result<(), DeployError> {
        if let Some(previous) = &self.previous
            && !versions.same_leaf(previous, &self.version)?
        {
            versions.note_previous(previous)?;
        }
        Ok(())
    }
}
