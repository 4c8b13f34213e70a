//! What the site's files come to when they are rendered, as a configuration that can be simulated.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{
    FirewallConfig, FwConfig, FwRule, GuestConfig, GuestInterface, Network, NodeNetwork, RuleList,
    Target, Zone,
};
use crate::document::{Cursor, Document};
use crate::guests::{Address, Guest};
use crate::names::{GuestId, GuestKind, NameError};

impl FirewallConfig {
    /// The configuration that the site's files describe; rules that cannot be read are left out.
    ///
    /// The line of a rule is its place in its list.
    pub fn of_site(host: Option<&Document>, guests: &[Guest], lists: &[RuleList<'_>]) -> Self {
        let by_target: HashMap<Target, &RuleList<'_>> =
            lists.iter().map(|list| (list.target, list)).collect();
        let list = |target| by_target.get(&target).copied();
        let global = list(Target::Global);
        let mut cluster = global.map(rules_of).unwrap_or_default();
        if let Some(firewall) = global.and_then(|list| Some(list.document.cursor(list.firewall?))) {
            for (key, name) in POLICIES {
                if let Some(policy) = firewall.get(key).and_then(Cursor::as_str) {
                    cluster
                        .options
                        .insert((*name).to_owned(), policy.into_owned());
                }
            }
        }
        let node = host.map(node_network).unwrap_or_default();
        let guests = guests
            .iter()
            .filter(|guest| !guest.is_template)
            .map(|guest| {
                let file = list(Target::Guest(guest.id)).map(rules_of);
                let config = GuestConfig {
                    file: file.unwrap_or_default(),
                    interfaces: vec![GuestInterface {
                        key: "net0".to_owned(),
                        firewall: true,
                        bridge: node.bridge.clone(),
                        addresses: guest.address.ip().into_iter().collect(),
                        filtered: guest.id.kind == GuestKind::Lxc,
                    }],
                };
                (guest.id.id, config)
            })
            .collect();
        Self {
            cluster,
            host: FwConfig::default(),
            guests,
            node,
        }
    }

    /// Who has this address, as the files say it.
    pub fn zone_of(&self, ip: IpAddr) -> Zone {
        if self.node.addresses.contains(&ip) {
            return Zone::Host;
        }
        for (id, guest) in &self.guests {
            let at = guest
                .interfaces
                .iter()
                .position(|interface| interface.addresses.contains(&ip));
            if let Some(interface) = at {
                return Zone::Guest(*id, interface);
            }
        }
        Zone::Outside
    }

    /// The address of a zone; one of the documentation's stands for the world outside.
    pub fn address_of(&self, zone: Zone) -> Option<IpAddr> {
        match zone {
            Zone::Guest(id, interface) => {
                let guest = self.guests.get(&id)?;
                guest.interfaces.get(interface)?.addresses.first().copied()
            }
            Zone::Host => self.node.addresses.first().copied(),
            Zone::Outside => OUTSIDE.parse().ok(),
        }
    }
}

fn rules_of(list: &RuleList<'_>) -> FwConfig {
    let on = list
        .firewall
        .and_then(|firewall| list.document.cursor(firewall).get("enabled"))
        .and_then(Cursor::as_bool)
        // The old host-wide file had no such flag; its generator switched the firewall on.
        .unwrap_or(list.target == Target::Global && list.array.is_some());
    let mut config = FwConfig::default();
    let on = if on { "1" } else { "0" };
    config.options.insert("enable".to_owned(), on.to_owned());
    config.rules = list
        .rules
        .iter()
        // Proxmox ignores these, wherever they come from.
        .filter(|listed| !listed.ignored)
        .map(|listed| FwRule {
            rule: listed.rule.clone(),
            line: listed.index,
        })
        .collect();
    config
}

fn node_network(document: &Document) -> NodeNetwork {
    let root = document.root();
    let text = |pointer| root.at(pointer).and_then(Cursor::as_str);
    let address = text("/network/interfaces/address").and_then(|text| Address::parse(&text));
    let around = match address {
        Some(Address::Static { ip, prefix }) => prefix.map(|prefix| Network::around(ip, prefix)),
        _ => None,
    };
    NodeNetwork {
        addresses: address.and_then(Address::ip).into_iter().collect(),
        local_network: around
            .or_else(|| text("/network/default_subnet").and_then(|text| text.parse().ok())),
        bridge: text("/network/interfaces/name")
            .map_or_else(|| "vmbr0".to_owned(), std::borrow::Cow::into_owned),
        corosync: Vec::new(),
        multicast: false,
    }
}

/// One end of a connection, as an operator names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// Whoever has this address.
    Address(IpAddr),
    /// A guest.
    Guest(GuestId),
    /// The host.
    Host,
    /// Somebody elsewhere.
    Outside,
}

impl FromStr for End {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text {
            "host" => Ok(Self::Host),
            "outside" => Ok(Self::Outside),
            _ => match text.parse() {
                Ok(ip) => Ok(Self::Address(ip)),
                Err(_) => text.parse().map(Self::Guest),
            },
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => write!(f, "{ip}"),
            Self::Guest(guest) => write!(f, "{guest}"),
            Self::Host => f.write_str("host"),
            Self::Outside => f.write_str("outside"),
        }
    }
}

/// An address of RFC 5737: nobody's.
const OUTSIDE: &str = "203.0.113.1";

/// The policies by their names in the site's file and in `cluster.fw`.
pub(super) const POLICIES: &[(&str, &str)] = &[
    ("default_input_policy", "policy_in"),
    ("default_output_policy", "policy_out"),
];
