//! Host-wide settings: `etc/phoenix_hypervisor_config.json`.

use std::net::IpAddr;
use std::path::PathBuf;

use super::{Address, text, texts};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Document, Kind, NodeId};
use crate::x509::Network;

/// What the host-wide file says.
#[derive(Debug, Clone)]
pub struct HostConfig {
    /// The internal domain.
    pub domain: String,
    /// The host's own address.
    pub address: Option<IpAddr>,
    /// The networks that the host is in.
    pub networks: Vec<Network>,
    /// Where storages are mounted. Default `/mnt/pve`.
    pub mount_base: PathBuf,
    /// The array of host-wide firewall rules, wherever this version of the file has it: in `firewall`, else in
    /// `shared_volumes.firewall`.
    pub rules: Option<NodeId>,
    /// The other array, where both are there; nothing reads it.
    pub ignored_rules: Option<NodeId>,
    /// The CA's block.
    pub step_ca: StepCaBlock,
    /// Portainer's name, where it is stated.
    pub portainer_name: Option<String>,
    /// Directories exported by NFS, with the clients that may mount them.
    pub nfs_exports: Vec<(PathBuf, Vec<String>)>,
}

/// `.step_ca`: what the CA is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepCaBlock {
    /// Its DNS name.
    pub dns_name: Option<String>,
    /// The provisioner to use.
    pub provisioner: Option<String>,
}

impl HostConfig {
    /// What is known when the file cannot be read: nothing.
    pub(crate) fn unknown() -> Self {
        Self {
            domain: String::new(),
            address: None,
            networks: Vec::new(),
            mount_base: PathBuf::from(MOUNT_BASE),
            rules: None,
            ignored_rules: None,
            step_ca: StepCaBlock::default(),
            portainer_name: None,
            nfs_exports: Vec::new(),
        }
    }

    /// Reads the host-wide file.
    pub fn decode(document: &Document, faults: &mut Faults) -> Option<Self> {
        let root = document.root();
        if root.kind() != Kind::Object {
            faults.push(
                Fault::error(
                    "host-config",
                    "found no object, expected the host-wide settings",
                )
                .at(root.start_place()),
            );
            return None;
        }
        let domain = if let Some(node) = root.get("domain_name") {
            match node.as_str() {
                Some(name) if name.parse::<crate::names::SubjectAltName>().is_ok() => {
                    name.into_owned()
                }
                _ => {
                    faults.push(
                        Fault::error(
                            "domain-name",
                            format!("found domain_name {}, expected a DNS name", node.literal()),
                        )
                        .at(node.place()),
                    );
                    return None;
                }
            }
        } else {
            faults.push(
                Fault::error(
                    "domain-name",
                    "found no `domain_name`, expected the internal domain",
                )
                .at(root.start_place()),
            );
            return None;
        };
        let mut rules = Vec::new();
        for list in global_rule_lists(document) {
            match list.kind() {
                Kind::Array => rules.push(list.node()),
                Kind::Null => {}
                _ => faults.push(
                    Fault::error("rules", "found no array, expected a list of firewall rules")
                        .at(list.start_place()),
                ),
            }
        }
        let mut rules = rules.into_iter();
        let exports = root.at("/nfs/exports");
        Some(Self {
            domain,
            address: root
                .at("/network/interfaces/address")
                .and_then(|node| Address::parse(&node.as_str()?))
                .and_then(Address::ip),
            networks: ["/network/default_subnet", "/network/interfaces/address"]
                .iter()
                .filter_map(|pointer| root.at(pointer)?.as_str()?.parse().ok())
                .collect(),
            mount_base: text(root, "mount_point_base")
                .map_or_else(|| PathBuf::from(MOUNT_BASE), PathBuf::from),
            rules: rules.next(),
            ignored_rules: rules.next(),
            step_ca: StepCaBlock {
                dns_name: root.get("step_ca").and_then(|ca| text(ca, "dns_name")),
                provisioner: root
                    .get("step_ca")
                    .and_then(|ca| text(ca, "provisioner_name")),
            },
            portainer_name: root
                .at("/portainer_api/portainer_hostname")
                .and_then(|node| Some(node.as_str()?.into_owned())),
            nfs_exports: exports
                .into_iter()
                .flat_map(|list| list.items().collect::<Vec<_>>())
                .filter_map(|export| {
                    Some((
                        PathBuf::from(text(export, "path")?),
                        texts(export, "clients"),
                    ))
                })
                .collect(),
        })
    }
}

/// Where storages are mounted by default.
const MOUNT_BASE: &str = "/mnt/pve";

/// The host-wide firewall rules, at whichever of the two places this version of the file has them.
pub(crate) fn global_rules(document: &Document) -> Option<Cursor<'_>> {
    global_rule_lists(document).next()
}

/// What stands at the two places, the one that counts first.
fn global_rule_lists(document: &Document) -> impl Iterator<Item = Cursor<'_>> {
    [
        "/firewall/global_firewall_rules",
        "/shared_volumes/firewall/global_firewall_rules",
    ]
    .into_iter()
    .filter_map(|pointer| document.root().at(pointer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;

    fn decode(text: &str) -> (Option<HostConfig>, Faults, Document) {
        let path = "etc/phoenix_hypervisor_config.json".as_ref();
        let document = Document::parse(path, text.into(), Format::Json).unwrap();
        let mut faults = Faults::new();
        (HostConfig::decode(&document, &mut faults), faults, document)
    }

    #[test]
    fn host_wide_rules_are_found_at_both_of_their_places() {
        let new = r#""firewall": {"global_firewall_rules": [1]}"#;
        let old = r#""shared_volumes": {"firewall": {"global_firewall_rules": [2]}}"#;
        for (members, read, ignored) in [
            (new.to_owned(), Some("[1]"), None),
            (old.to_owned(), Some("[2]"), None),
            (format!("{old}, {new}"), Some("[1]"), Some("[2]")),
            (r#""firewall": {}"#.to_owned(), None, None),
        ] {
            let text = format!(r#"{{"domain_name": "a.test", {members}}}"#);
            let (host, faults, document) = decode(&text);
            assert!(faults.is_empty(), "{faults}");
            let host = host.unwrap();
            let literal = |node: Option<NodeId>| node.map(|node| document.cursor(node).literal());
            assert_eq!(literal(host.rules), read);
            assert_eq!(literal(host.ignored_rules), ignored);
        }
        let (_, faults, _) =
            decode(r#"{"domain_name": "a.test", "firewall": {"global_firewall_rules": {}}}"#);
        assert!(faults.to_string().contains("found no array"), "{faults}");
    }
}
