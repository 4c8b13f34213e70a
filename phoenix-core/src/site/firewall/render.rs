//! `firewall render`: the site's rules as Proxmox's files.

use std::path::{Path, PathBuf};

use super::installed::FIREWALL_DIR;
use super::{FirewallOptions, RuleFiles, Site};
use crate::change::{ChangeReport, FileChange};
use crate::diagnostic::{Fault, Faults, Place, Severity};
use crate::document::unified_diff;
use crate::error::Error;
use crate::firewall::{
    Firewall, FirewallConfig, FwConfig, FwFile, FwKind, Lost, Rendered, Target, Wanted, lock_out,
    render,
};
use crate::links::links;
use crate::names::FileMode;
use crate::system::{Attributes, Change, Expect, FileDigest};

/// One of Proxmox's files: what stands there and what shall.
struct Planned {
    path: PathBuf,
    kind: FwKind,
    target: Option<Target>,
    found: Option<FwFile>,
    wanted: Wanted,
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
        let files = RuleFiles::read(self)?;
        let planned = self.planned(&files)?;
        let mut shown = Vec::new();
        let mut changes = Vec::new();
        let mut after = Vec::new();
        for file in &planned {
            let Rendered { text, reasons, .. } = render(file.found.as_ref(), &file.wanted);
            let before = file.found.as_ref().map_or("", FwFile::text);
            if text != before {
                shown.push(FileChange {
                    path: file.path.clone(),
                    reasons,
                    diff: unified_diff(&file.path, before, &text, CONTEXT),
                    notes: Vec::new(),
                });
                changes.push(Change::Replace {
                    path: file.path.clone(),
                    content: crate::secret::Secret::new(text.clone().into_bytes()).into(),
                    attributes: Attributes::default(),
                    expect: match &file.found {
                        Some(found) => Expect::Content(FileDigest::of(found.text().as_bytes())),
                        None => Expect::Absent,
                    },
                });
            }
            after.push(FwFile::parse(&file.path, text.into_bytes(), file.kind)?.config());
        }
        if !options.allow_lockout && !changes.is_empty() {
            for (path, note) in self.guard_render(&files, &planned, after)? {
                let file = shown.iter_mut().find(|file| file.path == path);
                if let Some(file) = file {
                    file.reasons.push(note);
                }
            }
        }
        let written = !options.change.dry_run && !changes.is_empty();
        if written {
            for file in &planned {
                let dir = file.path.parent().unwrap_or(Path::new("/"));
                if self.root.stat(dir)?.is_none() {
                    self.root.create_dir_all(dir, FileMode::new(0o755))?;
                }
            }
            self.commit("firewall render", &[], changes)?;
        }
        Ok(ChangeReport {
            files: shown,
            written,
        })
    }

    /// What Proxmox's files would come to if they were rendered now.
    pub(super) fn after_render(&self, files: &RuleFiles) -> Result<FirewallConfig, Error> {
        let planned = self.planned(files)?;
        let after = planned
            .iter()
            .map(|file| {
                let rendered = render(file.found.as_ref(), &file.wanted);
                let bytes = rendered.text.into_bytes();
                Ok(FwFile::parse(&file.path, bytes, file.kind)?.config())
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(with_files(&files.config(), &planned, after))
    }

    /// Each file that the site says something about, or that is there.
    fn planned(&self, files: &RuleFiles) -> Result<Vec<Planned>, Error> {
        let mut faults = Faults::new();
        let config = files.config();
        let mut planned = Vec::new();
        let mut plan = |path: PathBuf, kind, target, wanted: Wanted| -> Result<(), Error> {
            let found = match self.root.read_optional(&path)? {
                None => None,
                Some(bytes) => Some(FwFile::parse(&path, bytes, kind)?),
            };
            planned.push(Planned {
                path,
                kind,
                target,
                found,
                wanted,
            });
            Ok(())
        };
        for target in files.targets() {
            let Ok(list) = files.list(target) else {
                continue;
            };
            // What Proxmox would ignore must not be rendered, and a field that we do not know is one that it lacks.
            for mut fault in list.faults.clone() {
                fault.severity = Severity::Error;
                faults.push(fault);
            }
            faults.extend(list.unknown_fields());
            let said = match target {
                Target::Global => &config.cluster,
                Target::Guest(id) => match config.guests.get(&id.id) {
                    Some(guest) => &guest.file,
                    None => continue,
                },
            };
            let wanted = wanted(said);
            let name = match target {
                Target::Global => "cluster.fw".to_owned(),
                Target::Guest(id) => format!("{}.fw", id.id),
            };
            let path = Path::new(FIREWALL_DIR).join(name);
            let kind = match target {
                Target::Global => FwKind::Cluster,
                Target::Guest(_) => FwKind::Guest,
            };
            // A guest without a firewall needs no file to say so.
            let silent = list.firewall.is_none() && list.array.is_none();
            if !silent {
                plan(path, kind, Some(target), wanted)?;
            }
        }
        if let Some(node) = self.node_dir()? {
            let wanted = Wanted {
                options: vec![("enable".to_owned(), "1".to_owned())],
                rules: Vec::new(),
            };
            plan(node.join("host.fw"), FwKind::Host, None, wanted)?;
        }
        faults.into_result(planned).map_err(Error::Faults)
    }

    /// Refuses what would cut somebody off who is admitted now. Where no firewall was before nobody was admitted by
    /// one: then links that the site's own rules do not admit are said with the file that lacks them.
    fn guard_render(
        &self,
        files: &RuleFiles,
        planned: &[Planned],
        after: Vec<FwConfig>,
    ) -> Result<Vec<(PathBuf, String)>, Error> {
        let site = files.config();
        let installed = planned.iter().map(|file| {
            file.found
                .as_ref()
                .map_or_else(FwConfig::default, FwFile::config)
        });
        let old = with_files(&site, planned, installed);
        let new = Firewall::new(&with_files(&site, planned, after));
        let host = site.node.addresses.first().copied();
        let links = links(&files.guests, &self.firewall_settings()?, &site);
        let is_first = planned
            .iter()
            .any(|file| file.kind == FwKind::Cluster && file.found.is_none());
        let old = Firewall::new(&old);
        let cut = lock_out(&old, &new, None, &links);
        let path = |target| {
            let file = planned.iter().find(|file| file.target == Some(target));
            file.map(|file| file.path.clone())
        };
        let (lost, notes) = if is_first {
            // What must stay is what Proxmox's own rules admit.
            let mut bare = FirewallConfig {
                node: site.node.clone(),
                ..FirewallConfig::default()
            };
            let on = ("enable".to_owned(), "1".to_owned());
            bare.cluster.options.extend([on]);
            let notes = cut
                .into_iter()
                .filter_map(|lost| {
                    let note = format!("does not admit {}: missing is {}", lost.what, lost.missing);
                    Some((path(files.target(lost.zone))?, note))
                })
                .collect();
            (lock_out(&Firewall::new(&bare), &new, host, &[]), notes)
        } else {
            let mut lost = lock_out(&old, &new, host, &[]);
            lost.extend(cut);
            (lost, Vec::new())
        };
        let mut faults = Faults::new();
        for Lost {
            what,
            missing,
            zone,
            decision,
            ..
        } in lost
        {
            let target = files.target(zone);
            let mut fault = Fault::error("lock-out", format!("this would cut {what}: {decision}"))
                .note(format!("missing in {target} would be: {missing}"))
                .help("add that rule to the site first, or say `--allow-lockout`");
            fault
                .places
                .extend(path(target).map(|path| Place::file(&path)));
            faults.push(fault);
        }
        faults.into_result(notes).map_err(Error::Refused)
    }
}

fn wanted(said: &FwConfig) -> Wanted {
    // Proxmox's order, not that of the alphabet.
    let order = ["enable", "policy_in", "policy_out"];
    Wanted {
        options: order
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), said.options.get(name)?.clone())))
            .collect(),
        rules: said.rules.iter().map(|rule| rule.rule.clone()).collect(),
    }
}

/// The site's network with the rules of files.
fn with_files(
    site: &FirewallConfig,
    planned: &[Planned],
    configs: impl IntoIterator<Item = FwConfig>,
) -> FirewallConfig {
    let mut config = site.clone();
    for guest in config.guests.values_mut() {
        guest.file = FwConfig::default();
    }
    config.cluster = FwConfig::default();
    for (file, said) in planned.iter().zip(configs) {
        match file.target {
            Some(Target::Global) => config.cluster = said,
            Some(Target::Guest(id)) => {
                if let Some(guest) = config.guests.get_mut(&id.id) {
                    guest.file = said;
                }
            }
            None => config.host = said,
        }
    }
    config
}

/// Lines of context in a diff.
const CONTEXT: usize = 3;
