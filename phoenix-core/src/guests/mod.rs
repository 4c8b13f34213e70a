//! The guests and the host, as the site's configuration describes them.

mod host;
mod id_map;
mod lxc;
mod reference;
mod service;
mod vm;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::document::{Cursor, NodeId};
use crate::names::{GuestId, GuestKind};

pub(crate) use host::global_rules;
pub use host::{HostConfig, StepCaBlock};
pub use id_map::{IdMap, ids_in_container};
pub use lxc::decode_lxcs;
pub use reference::Reference;
pub use service::{Scheme, TraefikService};
pub use vm::decode_vms;

/// One guest, with what TLS needs to know of it.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Its id.
    pub id: GuestId,
    /// Its name.
    pub name: String,
    /// Only a source for clones.
    pub is_template: bool,
    /// What is installed in it.
    pub features: Vec<String>,
    /// `manager` or `worker`, where it is in a Swarm.
    pub swarm_role: Option<String>,
    /// `primary` or `agent`, where Portainer runs in it.
    pub portainer_role: Option<String>,
    /// Its address.
    pub address: Address,
    /// Container whose ids are shifted.
    pub unprivileged: bool,
    /// How its users and groups are numbered on the host.
    pub ids: IdMap,
    /// What must run before it.
    pub dependencies: Vec<Reference>,
    /// What it is a clone of.
    pub clone_from: Option<Reference>,
    /// Host directories that are mounted into it.
    pub mounts: Vec<Mount>,
    /// Where it says that the CA is.
    pub bootstrap_ca_url: Option<String>,
    /// The service that Traefik routes to.
    pub traefik_service: Option<TraefikService>,
    /// Portainer's agent in it: name of its environment, and the host name by which Traefik routes to it.
    pub portainer_agent: Option<(String, String)>,
    /// The guest's own object in its document.
    pub node: NodeId,
    /// The array of its firewall rules, where it has one.
    pub rules: Option<NodeId>,
}

/// A guest's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// Known only to the DHCP server.
    Dhcp,
    /// Fixed.
    Static {
        /// The address.
        ip: IpAddr,
        /// Bits of its network.
        prefix: Option<u8>,
    },
    /// Not stated.
    Unknown,
}

impl Address {
    /// The address, where it is known.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Static { ip, .. } => Some(ip),
            _ => None,
        }
    }

    /// The address with the length of its network, where both are known.
    pub fn cidr(self) -> Option<String> {
        match self {
            Self::Static { ip, prefix } => Some(match prefix {
                Some(prefix) => format!("{ip}/{prefix}"),
                None => ip.to_string(),
            }),
            _ => None,
        }
    }

    /// Reads `10.0.0.12/24`, `10.0.0.12` or `dhcp`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("dhcp") {
            return Some(Self::Dhcp);
        }
        let (ip, prefix) = match text.split_once('/') {
            Some((ip, prefix)) => (ip, Some(prefix.parse().ok()?)),
            None => (text, None),
        };
        let ip: IpAddr = ip.parse().ok()?;
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        prefix
            .is_none_or(|bits: u8| bits <= longest)
            .then_some(Self::Static { ip, prefix })
    }
}

/// A host directory that a guest sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it lies on the host, as the configuration names it.
    pub host_path: PathBuf,
    /// Where the guest sees it.
    pub guest_path: PathBuf,
    /// Seen through NFS: attribute caches hold old facts for up to a minute.
    pub nfs: bool,
}

impl Mount {
    /// Where the guest sees a host path that lies under this mount.
    pub fn inside(&self, host_path: &Path) -> Option<PathBuf> {
        let rest = host_path.strip_prefix(&self.host_path).ok()?;
        (!rest.as_os_str().is_empty()).then(|| self.guest_path.join(rest))
    }
}

impl Guest {
    /// Whether this feature is installed.
    pub fn has_feature(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }

    /// Whether its dockerd is a Swarm manager that others command over the network.
    pub fn is_docker_manager(&self) -> bool {
        !self.is_template
            && self.id.kind == GuestKind::Vm
            && (self.has_feature("docker_proxy") || self.swarm_role.as_deref() == Some("manager"))
    }

    /// Whether Traefik runs in it.
    pub fn is_traefik(&self) -> bool {
        !self.is_template && self.has_feature("traefik")
    }

    /// Whether everything in it is to trust the CA's root.
    pub fn trusts_ca(&self) -> bool {
        !self.is_template && self.has_feature("trusted_ca")
    }

    /// Whether step-ca runs in it.
    pub fn is_step_ca(&self) -> bool {
        !self.is_template && self.has_feature("step_ca")
    }
}

/// What VM and container objects have in common, read leniently where Phoenix does not depend on it.
pub(crate) fn text(cursor: Cursor<'_>, key: &str) -> Option<String> {
    cursor.get(key)?.as_str().map(std::borrow::Cow::into_owned)
}

pub(crate) fn texts(cursor: Cursor<'_>, key: &str) -> Vec<String> {
    cursor
        .get(key)
        .into_iter()
        .flat_map(|list| list.items().collect::<Vec<_>>())
        .filter_map(|item| item.as_str().map(std::borrow::Cow::into_owned))
        .collect()
}

/// All guests of the site.
#[derive(Debug, Clone, Default)]
pub struct Guests(pub Vec<Guest>);

impl Guests {
    /// The guest of this id.
    pub fn guest(&self, id: GuestId) -> Option<&Guest> {
        self.0.iter().find(|guest| guest.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Guest> {
        self.0.iter()
    }

    /// The container into which this host path is mounted, and the path that it sees.
    ///
    /// Where several mounts hold the path the longest wins, then the container that the path was made for: the first.
    pub fn mounted(&self, host_path: &Path) -> Option<(&Guest, PathBuf)> {
        self.0
            .iter()
            .filter(|guest| guest.id.kind == GuestKind::Lxc && !guest.is_template)
            .flat_map(|guest| guest.mounts.iter().map(move |mount| (guest, mount)))
            .filter_map(|(guest, mount)| Some((guest, mount, mount.inside(host_path)?)))
            .max_by_key(|(guest, mount, _)| {
                (
                    mount.host_path.as_os_str().len(),
                    std::cmp::Reverse(guest.id),
                )
            })
            .map(|(guest, _, path)| (guest, path))
    }
}

impl<'a> IntoIterator for &'a Guests {
    type Item = &'a Guest;
    type IntoIter = std::slice::Iter<'a, Guest>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Reads what both kinds of guest have; faults are reported for what Phoenix acts on.
pub(crate) fn common(
    object: Cursor<'_>,
    id: GuestId,
    faults: &mut crate::diagnostic::Faults,
) -> Option<Guest> {
    use crate::diagnostic::Fault;
    use crate::document::Kind;

    if object.kind() != Kind::Object {
        faults.push(
            Fault::error(
                "guest",
                format!("found no object, expected the settings of {id}"),
            )
            .at(object.place()),
        );
        return None;
    }
    let ip = object.at("/network_config/ip");
    let address = match ip {
        None => Address::Unknown,
        Some(node) => {
            let parsed = node.as_str().and_then(|text| Address::parse(&text));
            if parsed.is_none() {
                faults.push(
                    Fault::error(
                        "guest-address",
                        format!(
                            "found address {}, expected one such as `10.0.0.12/24`, or `dhcp`",
                            node.literal()
                        ),
                    )
                    .at(node.place()),
                );
            }
            parsed.unwrap_or(Address::Unknown)
        }
    };
    let traefik_service = object
        .get("traefik_service")
        .and_then(|service| TraefikService::decode(service, faults));
    let portainer_agent = text(object, "portainer_agent_hostname")
        .filter(|host| !host.is_empty())
        .map(|host| {
            let environment = text(object, "portainer_environment_name");
            (
                environment
                    .or_else(|| text(object, "name"))
                    .unwrap_or_default(),
                host,
            )
        });
    let rules = object.at("/firewall/rules");
    if let Some(rules) = rules.filter(|rules| rules.kind() != Kind::Array) {
        faults.push(
            Fault::error("rules", "found no array, expected a list of firewall rules")
                .at(rules.start_place()),
        );
    }
    Some(Guest {
        id,
        name: text(object, "name").unwrap_or_default(),
        is_template: object
            .get("is_template")
            .and_then(Cursor::as_bool)
            .unwrap_or(false),
        features: texts(object, "features"),
        swarm_role: text(object, "swarm_role"),
        portainer_role: text(object, "portainer_role"),
        address,
        unprivileged: false,
        ids: IdMap::privileged(),
        dependencies: Reference::list(object, "dependencies"),
        clone_from: Reference::one(
            object,
            match id.kind {
                GuestKind::Lxc => "clone_from_ctid",
                GuestKind::Vm => "clone_from_vmid",
            },
        ),
        mounts: Vec::new(),
        bootstrap_ca_url: text(object, "bootstrap_ca_url"),
        traefik_service,
        portainer_agent,
        node: object.node(),
        rules: rules
            .filter(|rules| rules.kind() == Kind::Array)
            .map(Cursor::node),
    })
}
