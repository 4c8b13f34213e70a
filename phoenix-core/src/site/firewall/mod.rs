//! `firewall`: the rules of the site's files, shown and edited.

mod installed;
mod render;
mod simulate;
mod trial;

use super::{ChangeOptions, Site};
use crate::change::{ChangeReport, FileEdit};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Document, Format};
use crate::error::Error;
use crate::firewall::{
    Firewall, Lost, ProxmoxFacts, RuleEdit, RuleList, Selector, ShownList, SiteRules, Target,
    lock_out,
};
use crate::links::links;
use crate::pve;
use crate::settings::Settings;

/// How rules are edited.
#[derive(Debug, Clone, Copy, Default)]
pub struct FirewallOptions {
    /// How the files are changed.
    pub change: ChangeOptions,
    /// Make the edit even when the host or a link that the site needs could no longer be reached.
    pub allow_lockout: bool,
}

impl Site {
    /// The rules that are meant, list by list; those of every guest and of the host where no target is named.
    ///
    /// # Errors
    ///
    /// [`Error::Faults`] when a file cannot be read, [`Error::Refused`] for a guest that the site does not have.
    pub fn firewall_rules(
        &self,
        targets: &[Target],
        selector: &Selector,
    ) -> Result<Vec<ShownList>, Error> {
        let files = self.site_rules()?;
        let all;
        let targets = if targets.is_empty() {
            all = files.targets();
            &all
        } else {
            targets
        };
        let mut faults = Faults::new();
        let mut lists = Vec::new();
        for target in targets {
            match files.list(*target) {
                Ok(list) => lists.push(ShownList::of(&list, selector)),
                Err(found) => faults.extend(found),
            }
        }
        faults.into_result(lists).map_err(Error::Refused)
    }

    /// Makes one edit in the lists of all these guests, as one change of all their files.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] when one of them does not allow it, or when the result would lock somebody out who is
    /// needed: then none was changed. Those of [`Site::change`].
    pub fn edit_firewall(
        &self,
        targets: &[Target],
        edit: &RuleEdit,
        options: FirewallOptions,
    ) -> Result<ChangeReport, Error> {
        self.change("firewall", options.change, |site| {
            let files = site.site_rules()?;
            let edits = files.edit(targets, edit).map_err(Error::Refused)?;
            if !options.allow_lockout && !edits.is_empty() {
                site.guard(&files, &edits)?;
            }
            Ok(edits)
        })
    }

    /// Refuses edits that would cut what is admitted now and needed.
    pub(super) fn guard(&self, before: &SiteRules, edits: &[FileEdit]) -> Result<(), Error> {
        let after = before.after(edits);
        let facts = self.proxmox(before)?;
        let (mut old, mut new) = (before.config(), after.config());
        facts.inform(&mut old);
        facts.inform(&mut new);
        let settings = self.firewall_settings()?;
        let links = links(before.guests(), &settings, &old);
        let host = old.node.addresses.first().copied();
        let lost = lock_out(&Firewall::new(&old), &Firewall::new(&new), host, &links);
        let mut faults = Faults::new();
        for Lost {
            what,
            missing,
            zone,
            decision,
            ..
        } in lost
        {
            let mut fault = Fault::error("lock-out", format!("this would cut {what}: {decision}"))
                .note(format!("missing would be: {missing}"))
                .help("add that rule first, or say `--allow-lockout`");
            let rules = before.list(before.target(zone));
            if let Ok(RuleList {
                document,
                array: Some(array),
                ..
            }) = rules
            {
                fault = fault.at(document.cursor(array).start_place());
            }
            faults.push(fault);
        }
        faults.into_result(()).map_err(Error::Refused)
    }

    /// The site's files that hold rules, as far as they are there.
    fn site_rules(&self) -> Result<SiteRules, Error> {
        let mut unreadable = Faults::new();
        let mut read = |path: &str| -> Result<Option<Document>, Error> {
            let path = self.paths.site.join(path);
            let Some(bytes) = self.root.read_optional(&path)? else {
                return Ok(None);
            };
            match Document::parse(&path, bytes, Format::Json) {
                Ok(document) => Ok(Some(document)),
                Err(faults) => {
                    unreadable.extend(faults);
                    Ok(None)
                }
            }
        };
        let host = read("etc/phoenix_hypervisor_config.json")?;
        let vms = read("etc/phoenix_vm_configs.json")?;
        let lxcs = read("etc/phoenix_lxc_configs.json")?;
        unreadable
            .into_result(SiteRules::new(host, vms, lxcs))
            .map_err(Error::Faults)
    }

    /// What Proxmox has on this host.
    fn proxmox(&self, rules: &SiteRules) -> Result<ProxmoxFacts, Error> {
        Ok(pve::read(&self.root, rules)?)
    }

    fn firewall_settings(&self) -> Result<Settings, Error> {
        let path = self.paths.site.join("etc/phoenix.toml");
        let Some(bytes) = self.root.read_optional(&path)? else {
            return Ok(Settings::default());
        };
        let document = Document::parse(&path, bytes, Format::Toml)?;
        Ok(Settings::decode(&document)?)
    }
}
