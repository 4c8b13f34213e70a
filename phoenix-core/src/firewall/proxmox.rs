//! What lies beneath `/etc/pve` and decides what the firewall does, read from its text.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use super::{FirewallConfig, GuestInterface, SiteRules, Target};
use crate::names::GuestKind;

/// What Proxmox has on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct ProxmoxFacts {
    /// The node's directory; nothing where it cannot be told which of several it is.
    pub node: Option<PathBuf>,
    /// The firewall's files, by their paths.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// The interfaces of the guests that Proxmox has, by their numbers.
    pub interfaces: BTreeMap<u32, Vec<GuestInterface>>,
    /// What corosync says, in a cluster.
    pub corosync: Option<Corosync>,
}

/// How the cluster's nodes speak with each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Corosync {
    /// The own address and another node's, ring by ring.
    pub links: Vec<(IpAddr, IpAddr)>,
    /// Whether it speaks multicast.
    pub multicast: bool,
}

impl ProxmoxFacts {
    /// Whether Proxmox's newer firewall is in use, which is another service.
    pub fn is_nftables(&self) -> bool {
        let host = self
            .node
            .as_ref()
            .and_then(|node| self.files.get(&node.join("host.fw")));
        let file = host.and_then(|bytes| {
            super::FwFile::parse("host.fw".as_ref(), bytes.clone(), super::FwKind::Host).ok()
        });
        file.is_some_and(|file| {
            file.config()
                .options
                .get("nftables")
                .is_some_and(|v| v == "1")
        })
    }

    /// Puts what Proxmox knows in the place of what was assumed.
    pub fn inform(&self, config: &mut FirewallConfig) {
        for (id, guest) in &mut config.guests {
            let Some(known) = self.interfaces.get(id).filter(|known| !known.is_empty()) else {
                continue;
            };
            let assumed = std::mem::replace(&mut guest.interfaces, known.clone());
            // A virtual machine's address is often known to the site alone.
            for interface in &mut guest.interfaces {
                let same = assumed.iter().find(|other| other.key == interface.key);
                if let Some(same) = same.filter(|_| interface.addresses.is_empty()) {
                    interface.addresses.clone_from(&same.addresses);
                }
            }
        }
        if let Some(corosync) = &self.corosync {
            config.node.corosync.clone_from(&corosync.links);
            config.node.multicast = corosync.multicast;
        }
    }

    /// Guests whose rules have no effect, since an interface is not given to the firewall, in words.
    pub fn without_effect(&self, rules: &SiteRules) -> Vec<String> {
        let mut words = Vec::new();
        for target in rules.targets() {
            let (Target::Guest(id), Ok(list)) = (target, rules.list(target)) else {
                continue;
            };
            let Some(interfaces) = self
                .interfaces
                .get(&id.id)
                .filter(|_| !list.items.is_empty())
            else {
                continue;
            };
            for interface in interfaces.iter().filter(|interface| !interface.firewall) {
                let command = match id.kind {
                    GuestKind::Lxc => "pct",
                    GuestKind::Vm => "qm",
                };
                words.push(format!(
                    "{id}: {key} has no `firewall=1`, so its rules have no effect there (`{command} set {number} --{key} ...,firewall=1`)",
                    key = interface.key,
                    number = id.id,
                ));
            }
        }
        words
    }
}

/// The interfaces that a guest's configuration states.
pub(crate) fn interfaces(text: &str, kind: GuestKind) -> Vec<GuestInterface> {
    let mut interfaces = BTreeMap::new();
    let mut addresses: BTreeMap<u32, Vec<IpAddr>> = BTreeMap::new();
    // Snapshots stand behind, each in a section of its own.
    for line in text.lines().take_while(|line| !line.starts_with('[')) {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        let number = |prefix: &str| key.strip_prefix(prefix)?.parse::<u32>().ok();
        if let Some(number) = number("net") {
            let option = |name: &str| property(value, name);
            let own = ["ip", "ip6"].into_iter().filter_map(option);
            let interface = GuestInterface {
                key: key.to_owned(),
                firewall: option("firewall").is_some_and(is_true),
                bridge: option("bridge").unwrap_or_default().to_owned(),
                addresses: own.filter_map(address).collect(),
                filtered: kind == GuestKind::Lxc,
            };
            interfaces.insert(number, interface);
        } else if let Some(number) = number("ipconfig") {
            let own = ["ip", "ip6"]
                .into_iter()
                .filter_map(|name| property(value, name));
            addresses.insert(number, own.filter_map(address).collect());
        }
    }
    for (number, own) in addresses {
        if let Some(interface) = interfaces.get_mut(&number)
            && interface.addresses.is_empty()
        {
            interface.addresses = own;
        }
    }
    interfaces.into_values().collect()
}

/// What `corosync.conf` says of the links between this node and the others.
pub(crate) fn corosync(text: &str, node: &str) -> Corosync {
    let mut sections: Vec<String> = Vec::new();
    let mut nodes: Vec<(String, BTreeMap<String, IpAddr>)> = Vec::new();
    let mut multicast = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_suffix('{') {
            let name = name.trim();
            if name == "node" {
                nodes.push((String::new(), BTreeMap::new()));
            }
            sections.push(name.to_owned());
        } else if line == "}" {
            sections.pop();
        } else if let Some((key, value)) = line.split_once(':') {
            let (key, value) = (key.trim(), value.trim());
            match sections.last().map(String::as_str) {
                Some("totem") if key == "transport" => multicast = value == "udp",
                Some("node") => {
                    if let Some((name, rings)) = nodes.last_mut() {
                        if key == "name" {
                            value.clone_into(name);
                        } else if let (true, Ok(ip)) = (key.ends_with("_addr"), value.parse()) {
                            rings.insert(key.to_owned(), ip);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    let own = nodes.iter().find(|(name, _)| name == node);
    let mut links = Vec::new();
    for (_, rings) in nodes.iter().filter(|(name, _)| name != node) {
        for (ring, other) in rings {
            if let Some(address) = own.and_then(|(_, own)| own.get(ring)) {
                links.push((*address, *other));
            }
        }
    }
    Corosync { links, multicast }
}

fn property<'v>(value: &'v str, name: &str) -> Option<&'v str> {
    value
        .split(',')
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

fn address(text: &str) -> Option<IpAddr> {
    let address = text.split('/').next().unwrap_or(text);
    address.parse().ok()
}

/// What Proxmox takes for yes.
fn is_true(flag: &str) -> bool {
    ["1", "on", "yes", "true"].contains(&flag.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interfaces_are_read_with_their_flag_bridge_and_addresses() {
        let container = "arch: amd64\nhostname: traefik\nnet0: name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,hwaddr=BC:24:11:00:01:02,ip=10.0.0.12/24,type=veth\nnet1: name=eth1,bridge=vmbr1,ip=dhcp,type=veth\n\n[before]\nnet0: name=eth0,bridge=vmbr9,ip=10.9.9.9/24\n";
        let found = interfaces(container, GuestKind::Lxc);
        assert_eq!(found.len(), 2);
        assert!(found[0].firewall && found[0].filtered);
        assert_eq!(found[0].bridge, "vmbr0");
        assert_eq!(found[0].addresses, ["10.0.0.12".parse::<IpAddr>().unwrap()]);
        assert!(!found[1].firewall && found[1].addresses.is_empty());
        let machine = "ipconfig0: ip=10.0.0.111/24,gw=10.0.0.1\nnet0: virtio=BC:24:11:00:10:01,bridge=vmbr0,firewall=0\n";
        let found = interfaces(machine, GuestKind::Vm);
        assert_eq!(
            found[0].addresses,
            ["10.0.0.111".parse::<IpAddr>().unwrap()]
        );
        assert!(!found[0].firewall && !found[0].filtered);
    }

    #[test]
    fn links_of_corosync_are_those_of_the_same_ring() {
        let text = "totem {\n  transport: knet\n  interface {\n    linknumber: 0\n  }\n}\nnodelist {\n  node {\n    name: one\n    ring0_addr: 10.0.1.1\n    ring1_addr: 10.0.2.1\n  }\n  node {\n    name: two\n    ring0_addr: 10.0.1.2\n    ring1_addr: two.internal\n  }\n}\n";
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let found = corosync(text, "one");
        assert_eq!(found.links, [(ip("10.0.1.1"), ip("10.0.1.2"))]);
        assert!(!found.multicast);
        assert!(corosync(&text.replace("knet", "udp"), "one").multicast);
        assert!(corosync(text, "three").links.is_empty());
    }
}
