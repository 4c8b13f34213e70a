//! `migrate docker-tls`: the edits as one change of several files, and what would undo them.

use std::path::{Path, PathBuf};

use super::Site;
use super::bootstrap::new_file;
use super::change::LOCK_TIMEOUT;
use crate::error::Error;
use crate::migrate::{DisarmedFile, DockerTlsOptions, MigrateReport, docker_tls};
use crate::model::SourceFile;
use crate::scripts::mark_of;
use crate::system::{Attributes, Change, Expect};

/// What a migration may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct MigrateOptions {
    /// What the edits are made by.
    pub edits: DockerTlsOptions,
    /// Show the diff, write nothing.
    pub dry_run: bool,
    /// Move the old renewal manager's cron file aside.
    pub disarm: bool,
    /// Edit the rules even when the host or a link that the site needs could no longer be reached.
    pub allow_lockout: bool,
}

impl Site {
    /// Edits manifest, template and firewall rules so that the link uses mutual TLS; all files or none.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when the edited rules would lock somebody out who is needed, [`Error::WouldBeUndone`] when an armed cron file would bring the old state back and `disarm` is not set.
    pub fn migrate_docker_tls(&self, options: MigrateOptions) -> Result<MigrateReport, Error> {
        let _lock = self.lock_for_edit(options.dry_run, LOCK_TIMEOUT)?;
        let model = self.model()?;
        let migration = docker_tls(&model, options.edits)?;
        if !options.allow_lockout {
            self.guard(&model.site_rules(), &migration.files)?;
        }
        self.introduces_nothing(&model, &migration.files, options.allow_lockout)?;
        let armed = self.armed_cron_files()?;
        if let Some(path) = armed.first()
            && !options.disarm
            && !options.dry_run
        {
            return Err(Error::WouldBeUndone { path: path.clone() });
        }
        let mut disarmed = Vec::new();
        let mut moves = Vec::new();
        for from in armed.iter().filter(|_| options.disarm || options.dry_run) {
            let mut name = from.file_name().unwrap_or_default().to_owned();
            name.push(".disarmed-by-phoenix");
            let to = from.with_file_name(name);
            let bytes = self.root.read(from)?;
            moves.push(Change::Replace {
                path: to.clone(),
                content: crate::secret::Secret::new(bytes).into(),
                attributes: self.attributes(from)?,
                expect: Expect::Anything,
            });
            moves.push(Change::Remove { path: from.clone() });
            disarmed.push(DisarmedFile {
                from: from.clone(),
                to,
            });
        }
        let mut files = self.shown(&migration.files)?;
        for file in migration.new_files {
            new_file(&file.path, file.text, &file.reason, &mut files, &mut moves);
        }
        let written = !options.dry_run && (!files.is_empty() || !disarmed.is_empty());
        if written {
            self.commit("migrate docker-tls", &migration.files, moves)?;
        }
        Ok(MigrateReport {
            files,
            disarmed,
            written,
            notes: self.old_scripts()?,
        })
    }

    fn attributes(&self, path: &Path) -> Result<Attributes, Error> {
        let facts = self.root.stat(path)?;
        Ok(Attributes {
            mode: facts.as_ref().map(|facts| facts.mode),
            owner: facts.as_ref().map(crate::system::FileFacts::owner),
        })
    }

    /// Cron files that run the old renewal manager.
    fn armed_cron_files(&self) -> Result<Vec<PathBuf>, Error> {
        // What Phoenix runs itself in the manager's place undoes nothing.
        let manager = self.paths.site.join("bin/managers").join(OLD_MANAGER);
        let text = self.root.read_optional(&manager)?;
        if text.is_some_and(|text| mark_of(&text).is_some()) {
            return Ok(Vec::new());
        }
        let files = self.cron_files()?.into_iter();
        Ok(files
            .filter(|file| {
                String::from_utf8_lossy(&file.bytes)
                    .lines()
                    .any(|line| !line.trim_start().starts_with('#') && line.contains(OLD_MANAGER))
            })
            .map(|file| file.path)
            .collect())
    }

    /// The files that cron reads.
    pub(super) fn cron_files(&self) -> Result<Vec<SourceFile>, Error> {
        let dir = Path::new("/etc/cron.d");
        if self.root.stat(dir)?.is_none() {
            return Ok(Vec::new());
        }
        let mut files = Vec::new();
        for name in self.root.list(dir)? {
            // cron itself skips names with a dot.
            if name.to_string_lossy().contains('.') {
                continue;
            }
            let path = dir.join(&name);
            if let Ok(Some(bytes)) = self.root.read_optional(&path) {
                files.push(SourceFile { path, bytes });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Old scripts that would bring the plain port back when somebody runs them.
    fn old_scripts(&self) -> Result<Vec<String>, Error> {
        let files = self.old_script_files()?.into_iter();
        Ok(files
            .map(|path| format!("{} would undo this when it is run again", path.display()))
            .collect())
    }

    pub(super) fn old_script_files(&self) -> Result<Vec<PathBuf>, Error> {
        let mut files = Vec::new();
        for name in OLD_SCRIPTS {
            let path = self.paths.site.join(name);
            let text = self.root.read_optional(&path)?;
            if text.is_some_and(|text| mark_of(&text).is_none()) {
                files.push(path);
            }
        }
        Ok(files)
    }
}

/// The old manager, as the cron file calls it.
const OLD_MANAGER: &str = "certificate-renewal-manager.sh";
/// Scripts that write Docker's plain configuration or an unchecked static file.
const OLD_SCRIPTS: [&str; 2] = [
    "bin/vm_features/feature_install_docker_proxy.sh",
    "bin/lxc_setup/phoenix_hypervisor_feature_install_traefik.sh",
];
