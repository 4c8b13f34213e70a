//! `firewall render`: the site's rules as Proxmox's files.

use super::{FirewallOptions, Site};
use crate::change::{ChangeReport, FileChange};
use crate::document::unified_diff;
use crate::error::Error;
use crate::firewall::{RenderedFile, Rendering};
use crate::links::links;
use crate::pve;

/// What a render would write, judged.
pub(super) struct Judged {
    pub(super) files: Vec<RenderedFile>,
    pub(super) shown: Vec<FileChange>,
}

impl Site {
    /// Writes the site's rules into Proxmox's files; files that say all of it already are not written.
    ///
    /// # Errors
    ///
    /// [`Error::Faults`] when a rule cannot be rendered, each with its place; [`Error::Refused`] when the result would
    /// lock somebody out who is needed. Nothing is written then.
    pub fn render_firewall(&self, options: FirewallOptions) -> Result<ChangeReport, Error> {
        let _lock = self.lock_for_edit(options.change.dry_run, options.change.lock_timeout)?;
        if !options.change.dry_run {
            self.no_trial()?;
        }
        let judged = self.rendered(options.allow_lockout)?;
        let written = !options.change.dry_run && !judged.files.is_empty();
        if written {
            pve::make_dirs(&self.root, &judged.files)?;
            self.commit("firewall render", &[], pve::changes(&judged.files))?;
        }
        Ok(ChangeReport {
            files: judged.shown,
            written,
        })
    }

    /// What would be written, unless it would lock somebody out.
    pub(super) fn rendered(&self, allow_lockout: bool) -> Result<Judged, Error> {
        let rules = self.site_rules()?;
        let facts = self.proxmox(&rules)?;
        let rendering = Rendering::new(&rules, &facts)?;
        let finished = rendering.finish()?;
        let mut shown: Vec<FileChange> = finished.files.iter().map(show).collect();
        if !allow_lockout && !finished.files.is_empty() {
            let links = links(
                rules.guests(),
                &self.firewall_settings()?,
                rendering.wanted(),
            );
            let notes = rendering
                .guard(&finished.config, &links)
                .map_err(Error::Refused)?;
            for (path, note) in notes {
                let file = shown.iter_mut().find(|file| file.path == path);
                if let Some(file) = file {
                    file.reasons.push(note);
                }
            }
        }
        let mut without_effect = facts.without_effect(&rules);
        if let Some(file) = shown.first_mut() {
            file.notes.append(&mut without_effect);
        }
        Ok(Judged {
            files: finished.files,
            shown,
        })
    }
}

fn show(file: &RenderedFile) -> FileChange {
    let before = file.before.as_deref().unwrap_or_default();
    FileChange {
        path: file.path.clone(),
        reasons: file.reasons.clone(),
        notes: Vec::new(),
        diff: unified_diff(&file.path, before, &file.text, CONTEXT),
    }
}

/// Lines of context in a diff.
const CONTEXT: usize = 3;
