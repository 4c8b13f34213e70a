//! Proxmox's files as they stand on the host.

use std::path::{Path, PathBuf};

use super::{RuleFiles, Site};
use crate::diagnostic::Place;
use crate::error::Error;
use crate::firewall::{
    FirewallConfig, FwConfig, FwFile, FwKind, FwRule, RuleSource, ShownRule, Target,
};

/// The files that Proxmox reads now.
pub(super) struct Installed {
    cluster: FwFile,
    host: Option<FwFile>,
    guests: Vec<(u32, FwFile)>,
}

impl Installed {
    /// Nothing where the cluster has no file: then there is no firewall.
    pub(super) fn read(site: &Site, files: &RuleFiles) -> Result<Option<Self>, Error> {
        let read = |path: &Path, kind| -> Result<Option<FwFile>, Error> {
            let bytes = site.root.read_optional(path)?;
            Ok(bytes
                .map(|bytes| FwFile::parse(path, bytes, kind))
                .transpose()?)
        };
        let path = |name: &str| Path::new(FIREWALL_DIR).join(name);
        let Some(cluster) = read(&path("cluster.fw"), FwKind::Cluster)? else {
            return Ok(None);
        };
        let host = match site.node_dir()? {
            Some(node) => read(&node.join("host.fw"), FwKind::Host)?,
            None => None,
        };
        let mut guests = Vec::new();
        for guest in &files.guests {
            let file = read(&path(&format!("{}.fw", guest.id.id)), FwKind::Guest)?;
            guests.extend(file.map(|file| (guest.id.id, file)));
        }
        Ok(Some(Self {
            cluster,
            host,
            guests,
        }))
    }

    /// They, on the site's network.
    pub(super) fn config(&self, site: &FirewallConfig) -> FirewallConfig {
        let mut config = site.clone();
        config.cluster = self.cluster.config();
        config.host = self.host.as_ref().map(FwFile::config).unwrap_or_default();
        for (id, guest) in &mut config.guests {
            let file = self.guests.iter().find(|(found, _)| found == id);
            guest.file = file.map_or_else(FwConfig::default, |(_, file)| file.config());
        }
        config
    }

    /// The rule on a line of a list, and whose list it is.
    pub(super) fn shown(
        &self,
        files: &RuleFiles,
        list: &RuleSource,
        line: usize,
    ) -> (Option<Target>, Option<ShownRule>) {
        let (file, target) = match list {
            RuleSource::Cluster | RuleSource::Group(_) => (Some(&self.cluster), Target::Global),
            RuleSource::Host => (self.host.as_ref(), Target::Global),
            RuleSource::Guest(id) => {
                let file = self.guests.iter().find(|(found, _)| found == id);
                let zone = crate::firewall::Zone::Guest(*id, 0);
                (file.map(|(_, file)| file), files.target(zone))
            }
        };
        let rule = file.and_then(|file| {
            let config = file.config();
            let mut all = config.rules.iter().chain(config.groups.values().flatten());
            let FwRule { rule, .. } = all.find(|rule| rule.line == line)?;
            let span = file.lines().get(line - 1)?.span.clone();
            Some(ShownRule {
                index: line,
                place: Place::new(file.path(), file.text(), span),
                rule: rule.clone(),
            })
        });
        (Some(target), rule)
    }
}

impl Site {
    /// The node's directory; nothing where it cannot be told which of several it is.
    pub(super) fn node_dir(&self) -> Result<Option<PathBuf>, Error> {
        let dir = Path::new(NODES_DIR);
        let mut nodes = Vec::new();
        if self.root.stat(dir)?.is_some() {
            nodes = self.root.list(dir)?;
        }
        if let [node] = nodes.as_slice() {
            return Ok(Some(dir.join(node)));
        }
        let name = self.root.read_optional(Path::new("/etc/hostname"))?;
        let name = name.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        let name = name.as_deref().and_then(|name| name.split('.').next());
        Ok(name
            .filter(|name| !name.is_empty())
            .map(|name| dir.join(name)))
    }
}

/// Proxmox's rules of cluster and guests.
pub(super) const FIREWALL_DIR: &str = "/etc/pve/firewall";
/// Proxmox's nodes.
const NODES_DIR: &str = "/etc/pve/nodes";
