//! Aliases, IP sets and what else an address may be said by.

use std::sync::Arc;

use super::Compiler;
use crate::firewall::simulate::chain::{Addresses, Set};
use crate::firewall::{
    AddressMatch, Family, FwConfig, NameRef, NameScope, Network, SetEntry, SetMember,
};

impl Compiler<'_> {
    pub(super) fn addresses(
        &self,
        stated: &AddressMatch,
        own: Option<&FwConfig>,
    ) -> Result<(Addresses, Option<Family>), String> {
        match stated {
            AddressMatch::Networks(list) => Ok((Addresses::networks(list), stated.family())),
            AddressMatch::Range(first, last) => {
                Ok((Addresses::Range(*first, *last), stated.family()))
            }
            AddressMatch::Alias(name) => {
                let network = self
                    .alias(name, own)
                    .ok_or_else(|| format!("there is no alias `{name}`"))?;
                Ok((Addresses::networks(&[network]), Some(network.family())))
            }
            AddressMatch::Set(name) => {
                let set = self
                    .set(name, own)
                    .ok_or_else(|| format!("there is no IP set `{name}`"))?;
                Ok((Addresses::Set(Arc::new(set)), None))
            }
        }
    }

    fn alias(&self, name: &NameRef, own: Option<&FwConfig>) -> Option<Network> {
        let key = name.key();
        let of_guest = own
            .filter(|_| name.scope != Some(NameScope::Cluster))
            .and_then(|own| own.aliases.get(&key).copied());
        let of_cluster = || {
            let stated = self.config.cluster.aliases.get(&key).copied();
            // Proxmox adds this one itself.
            stated.or_else(|| self.local.filter(|_| key == "local_network"))
        };
        of_guest.or_else(|| {
            (name.scope != Some(NameScope::Guest))
                .then(of_cluster)
                .flatten()
        })
    }

    fn set(&self, name: &NameRef, own: Option<&FwConfig>) -> Option<Set> {
        let key = name.key();
        let guest = own.filter(|_| matches!(name.scope, None | Some(NameScope::Guest)));
        if let Some((own, entries)) = guest.and_then(|own| Some((own, own.sets.get(&key)?))) {
            return Some(Set::new(self.members(entries, Some(own))));
        }
        if !matches!(name.scope, None | Some(NameScope::Cluster)) {
            return None;
        }
        let entries = self.config.cluster.sets.get(&key);
        let mut members = self.members(entries.map_or(&[], Vec::as_slice), None);
        if key == "management" {
            members.extend(self.local.map(|network| (network, true)));
        } else {
            entries?;
        }
        Some(Set::new(members))
    }

    pub(super) fn members(
        &self,
        entries: &[SetEntry],
        own: Option<&FwConfig>,
    ) -> Vec<(Network, bool)> {
        entries
            .iter()
            .filter_map(|entry| {
                let network = match &entry.member {
                    SetMember::Network(network) => *network,
                    SetMember::Alias(name) => self.alias(name, own)?,
                };
                Some((network, !entry.except))
            })
            .collect()
    }
}
