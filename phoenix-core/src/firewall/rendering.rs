//! The site's rules and Proxmox's files beside each other: what each file shall become, and whom that would shut out.

use std::path::{Path, PathBuf};

use super::{
    Firewall, FirewallConfig, FwConfig, FwFile, FwKind, Link, Lost, NodeNetwork, ProxmoxFacts,
    Rendered, SiteRules, Target, Wanted, lock_out, open, render,
};
use crate::diagnostic::{Fault, Faults, Place, Severity};

/// What each of Proxmox's files says and shall say.
#[derive(Debug, Clone)]
pub struct Rendering {
    files: Vec<Planned>,
    /// The site's network, with what Proxmox knows of it.
    network: FirewallConfig,
    rules: SiteRules,
}

/// One of Proxmox's files: what stands there and what shall.
#[derive(Debug, Clone)]
struct Planned {
    path: PathBuf,
    kind: FwKind,
    target: Option<Target>,
    found: Option<FwFile>,
    wanted: Wanted,
}

/// One file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderedFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it says now; absent where there is none.
    pub before: Option<String>,
    /// What it shall say.
    pub text: String,
    /// Each change in words.
    pub reasons: Vec<String>,
}

/// All files as they shall be, and what they come to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Finished {
    /// Those that change.
    pub files: Vec<RenderedFile>,
    /// What all of them come to.
    pub config: FirewallConfig,
}

impl Rendering {
    /// Puts the site's rules beside the files that Proxmox has.
    ///
    /// # Errors
    ///
    /// Rules that Proxmox would ignore and fields that it does not know, each with its place; files that are no text.
    pub fn new(rules: &SiteRules, facts: &ProxmoxFacts) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let site = rules.config();
        let mut files = Vec::new();
        let mut plan = |path: PathBuf, kind, target, wanted: Wanted| {
            let found = facts
                .files
                .get(&path)
                .map(|bytes| FwFile::parse(&path, bytes.clone(), kind))
                .transpose();
            match found {
                Ok(found) => files.push(Planned {
                    path,
                    kind,
                    target,
                    found,
                    wanted,
                }),
                Err(found) => faults.extend(found),
            }
        };
        let mut wrong = Faults::new();
        for target in rules.targets() {
            let Ok(list) = rules.list(target) else {
                continue;
            };
            // What Proxmox would ignore must not be rendered, and a field that we do not know is one that it lacks.
            for mut fault in list.faults.clone() {
                fault.severity = Severity::Error;
                wrong.push(fault);
            }
            wrong.extend(list.unknown_fields());
            let (said, name, kind) = match target {
                Target::Global => (&site.cluster, CLUSTER.to_owned(), FwKind::Cluster),
                Target::Guest(id) => match site.guests.get(&id.id) {
                    Some(guest) => (&guest.file, format!("{}.fw", id.id), FwKind::Guest),
                    None => continue,
                },
            };
            // A guest without a firewall needs no file to say so.
            let silent = list.firewall.is_none() && list.array.is_none();
            if !silent {
                let path = Path::new(FIREWALL_DIR).join(name);
                plan(path, kind, Some(target), wanted(said));
            }
        }
        if let Some(node) = &facts.node {
            let wanted = Wanted {
                options: vec![("enable".to_owned(), "1".to_owned())],
                rules: Vec::new(),
            };
            plan(node.join("host.fw"), FwKind::Host, None, wanted);
        }
        wrong.extend(faults);
        let mut network = site;
        facts.inform(&mut network);
        wrong.into_result(Self {
            files,
            network,
            rules: rules.clone(),
        })
    }

    /// The site's rules, on the network as Proxmox knows it.
    pub fn wanted(&self) -> &FirewallConfig {
        &self.network
    }

    /// What the files come to that Proxmox has now.
    pub fn found(&self) -> FirewallConfig {
        let found = self.files.iter().map(|file| {
            file.found
                .as_ref()
                .map_or_else(FwConfig::default, FwFile::config)
        });
        self.with_files(found)
    }

    /// All files as the site wants them.
    ///
    /// # Errors
    ///
    /// When what was rendered cannot be read.
    pub fn finish(&self) -> Result<Finished, Faults> {
        self.finished(|file| render(file.found.as_ref(), &file.wanted))
    }

    /// Only what opens, and nothing that closes: where no file is there nothing is shut.
    ///
    /// # Errors
    ///
    /// When what was rendered cannot be read.
    pub fn open(&self) -> Result<Finished, Faults> {
        self.finished(|file| match &file.found {
            Some(found) => open(found, &file.wanted),
            None => Rendered {
                text: String::new(),
                reasons: Vec::new(),
            },
        })
    }

    /// The same when these files have been written.
    #[must_use]
    pub fn after(&self, finished: &Finished) -> Self {
        let mut after = self.clone();
        for file in &mut after.files {
            let written = finished.files.iter().find(|other| other.path == file.path);
            if let Some(written) = written
                && let Ok(found) =
                    FwFile::parse(&file.path, written.text.clone().into_bytes(), file.kind)
            {
                file.found = Some(found);
            }
        }
        after
    }

    fn finished(&self, render: impl Fn(&Planned) -> Rendered) -> Result<Finished, Faults> {
        let mut files = Vec::new();
        let mut configs = Vec::with_capacity(self.files.len());
        for file in &self.files {
            let Rendered { text, reasons } = render(file);
            let before = file.found.as_ref().map(FwFile::text);
            let after = FwFile::parse(&file.path, text.clone().into_bytes(), file.kind)?;
            configs.push(after.config());
            if text != before.unwrap_or_default() {
                files.push(RenderedFile {
                    path: file.path.clone(),
                    before: before.map(str::to_owned),
                    text,
                    reasons,
                });
            }
        }
        Ok(Finished {
            files,
            config: self.with_files(configs),
        })
    }

    /// The network with the rules of files.
    fn with_files(&self, configs: impl IntoIterator<Item = FwConfig>) -> FirewallConfig {
        let mut config = self.network.clone();
        for guest in config.guests.values_mut() {
            guest.file = FwConfig::default();
        }
        config.cluster = FwConfig::default();
        for (file, said) in self.files.iter().zip(configs) {
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

    /// Refuses what would shut out somebody who is admitted now.
    ///
    /// Where no firewall was before nobody was admitted by one: then links that the site's own rules do not admit are
    /// given as notes, each with the file that lacks them.
    ///
    /// # Errors
    ///
    /// Whom it would shut out, each with the rule that would be missing and its file.
    pub fn guard(
        &self,
        after: &FirewallConfig,
        links: &[Link],
    ) -> Result<Vec<(PathBuf, String)>, Faults> {
        let host = self.network.node.addresses.first().copied();
        let (old, new) = (Firewall::new(&self.found()), Firewall::new(after));
        let cut = lock_out(&old, &new, None, links);
        let (lost, notes) = if self.is_first() {
            // What must stay is what Proxmox's own rules admit.
            let bare = Firewall::new(&bare(&self.network.node));
            let notes = cut.into_iter().filter_map(|lost| {
                let note = format!("does not admit {}: missing is {}", lost.what, lost.missing);
                Some((self.file_of(self.rules.target(lost.zone))?, note))
            });
            (lock_out(&bare, &new, host, &[]), notes.collect())
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
            let target = self.rules.target(zone);
            let mut fault = Fault::error("lock-out", format!("this would cut {what}: {decision}"))
                .note(format!("missing in {target} would be: {missing}"))
                .help("add that rule to the site first, or say `phoenix firewall render --allow-lockout`");
            let place = self.file_of(target).map(|path| Place::file(&path));
            fault.places.extend(place);
            faults.push(fault);
        }
        faults.into_result(notes)
    }

    /// Whether Proxmox's firewall was not there before.
    fn is_first(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.kind == FwKind::Cluster && file.found.is_none())
    }

    fn file_of(&self, target: Target) -> Option<PathBuf> {
        let file = self.files.iter().find(|file| file.target == Some(target));
        file.map(|file| file.path.clone())
    }
}

/// A node on which nothing but the firewall itself is stated.
fn bare(node: &NodeNetwork) -> FirewallConfig {
    let mut bare = FirewallConfig {
        node: node.clone(),
        ..FirewallConfig::default()
    };
    let on = ("enable".to_owned(), "1".to_owned());
    bare.cluster.options.extend([on]);
    bare
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

/// Proxmox's rules of cluster and guests.
pub(crate) const FIREWALL_DIR: &str = "/etc/pve/firewall";
/// The cluster's file there.
pub(crate) const CLUSTER: &str = "cluster.fw";
