//! Edits of the site's files: read, edited and written under the lock, as one change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Site;
use crate::change::{ChangeReport, FileChange, FileEdit, commit};
use crate::document::{Document, Format};
use crate::error::Error;
use crate::store::AuditLine;
use crate::system::{Change, Recovered, SiteLock, recover};

/// How an edit is made.
#[derive(Debug, Clone, Copy)]
pub struct ChangeOptions {
    /// Show the diff, write nothing.
    pub dry_run: bool,
    /// How long to wait for another run to end. Default 60 s.
    pub lock_timeout: Duration,
}

impl Default for ChangeOptions {
    fn default() -> Self {
        Self {
            dry_run: false,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}

impl Site {
    /// Makes the edits that `edit` decides on; `what` names the command in the audit log.
    ///
    /// `edit` runs under the site's lock and reads what it edits through the site that it is given, so that nothing
    /// changes between its reading and the writing. Edits that change no byte are left out.
    ///
    /// # Errors
    ///
    /// Those of `edit`; [`Error::Change`] when a file was changed by somebody who does not heed the lock, or cannot be
    /// written. Every file is as it was then.
    pub fn change(
        &self,
        what: &str,
        options: ChangeOptions,
        edit: impl FnOnce(&Self) -> Result<Vec<FileEdit>, Error>,
    ) -> Result<ChangeReport, Error> {
        let _lock = self.lock_for_edit(options.dry_run, options.lock_timeout)?;
        let mut edits = edit(self)?;
        edits.retain(FileEdit::changes);
        let files = self.shown(&edits)?;
        let written = !options.dry_run && !edits.is_empty();
        if written {
            self.commit(what, &edits, Vec::new())?;
        }
        Ok(ChangeReport { files, written })
    }

    /// Reads a file of the site as a document; a relative path begins in the site's directory.
    ///
    /// # Errors
    ///
    /// [`Error::File`] when it cannot be read, [`Error::Faults`] when it is not what `format` says.
    pub fn document(&self, path: &Path, format: Format) -> Result<Document, Error> {
        let path = self.paths.site.join(path);
        let bytes = self.root.read(&path)?;
        Ok(Document::parse(&path, bytes, format)?)
    }

    /// The lock, and what an earlier run left settled; neither for a dry run, which writes nothing.
    pub(super) fn lock_for_edit(
        &self,
        dry_run: bool,
        timeout: Duration,
    ) -> Result<Option<SiteLock>, Error> {
        if dry_run {
            return Ok(None);
        }
        let lock = self.lock(timeout)?;
        self.settle_journal(&lock)?;
        self.settle_trial(&lock)?;
        Ok(Some(lock))
    }

    /// Settles changes that did not end.
    pub(super) fn settle_journal(&self, _lock: &SiteLock) -> Result<Recovered, Error> {
        Ok(recover(&self.root, &self.store().journal_dir())?)
    }

    /// The edits as a report shows them; to be asked before they are written.
    pub(super) fn shown(&self, edits: &[FileEdit]) -> Result<Vec<FileChange>, Error> {
        let shown = edits.iter().map(|edit| edit.shown(&self.root));
        Ok(shown.collect::<Result<_, _>>()?)
    }

    pub(super) fn commit(
        &self,
        what: &str,
        edits: &[FileEdit],
        extra: Vec<Change>,
    ) -> Result<(), Error> {
        let mut paths: Vec<PathBuf> = edits
            .iter()
            .map(|edit| edit.before.path().to_owned())
            .collect();
        paths.extend(extra.iter().map(|change| change.path().to_owned()));
        commit(&self.root, &self.store().journal_dir(), edits, extra)?;
        let names: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let mut line = AuditLine::done(self.seams.clock.now(), what).detail(names.join(", "));
        line.why = edits.iter().flat_map(|edit| edit.reasons.clone()).collect();
        self.store().audit(&line)?;
        Ok(())
    }
}

/// How long an edit waits for another run.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
