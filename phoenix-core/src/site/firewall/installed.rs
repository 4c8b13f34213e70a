//! Proxmox's files as they stand on the host.

use std::path::Path;

use crate::diagnostic::{Faults, Place};
use crate::firewall::{
    CLUSTER, FIREWALL_DIR, FirewallConfig, FwConfig, FwFile, FwKind, FwRule, ProxmoxFacts,
    RuleSource, ShownRule, SiteRules, Target, Zone,
};

/// The files that Proxmox reads now.
pub(super) struct Installed {
    cluster: FwFile,
    host: Option<FwFile>,
    guests: Vec<(u32, FwFile)>,
}

impl Installed {
    /// Nothing where the cluster has no file: then there is no firewall.
    pub(super) fn of(facts: &ProxmoxFacts, rules: &SiteRules) -> Result<Option<Self>, Faults> {
        let read = |path: &Path, kind| {
            let bytes = facts.files.get(path);
            bytes
                .map(|bytes| FwFile::parse(path, bytes.clone(), kind))
                .transpose()
        };
        let path = |name: &str| Path::new(FIREWALL_DIR).join(name);
        let Some(cluster) = read(&path(CLUSTER), FwKind::Cluster)? else {
            return Ok(None);
        };
        let host = match &facts.node {
            Some(node) => read(&node.join("host.fw"), FwKind::Host)?,
            None => None,
        };
        let mut guests = Vec::new();
        for guest in rules.guests() {
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
        rules: &SiteRules,
        list: &RuleSource,
        line: usize,
    ) -> (Option<Target>, Option<ShownRule>) {
        let (file, target) = match list {
            RuleSource::Cluster | RuleSource::Group(_) => (Some(&self.cluster), Target::Global),
            RuleSource::Host => (self.host.as_ref(), Target::Global),
            RuleSource::Guest(id) => {
                let file = self.guests.iter().find(|(found, _)| found == id);
                let target = rules.target(Zone::Guest(*id, 0));
                (file.map(|(_, file)| file), target)
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
