//! What Proxmox would do with a packet: a pure function of the configuration.
//!
//! The order is Proxmox's own: connection tracking first, then what it adds by itself, then the rules, then the policy.
//! Rules of a guest see what passes its interfaces; rules of host and cluster see what the host itself sends and gets.

mod chain;
mod compile;
mod edges;
mod matrix;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::{Action, Family, FwConfig, ICMP, ICMPV6, Network};
use chain::Chain;

pub use compile::Ignored;
pub use matrix::{Matrix, MatrixCell, MatrixChange};

/// All that decides: the files of cluster, node and guests, and what Proxmox knows of the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct FirewallConfig {
    /// `cluster.fw`.
    pub cluster: FwConfig,
    /// The node's `host.fw`.
    pub host: FwConfig,
    /// The guests by their numbers.
    pub guests: BTreeMap<u32, GuestConfig>,
    /// The node.
    pub node: NodeNetwork,
}

/// A guest's file and its interfaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct GuestConfig {
    /// `<vmid>.fw`; absent means that the guest has no firewall.
    pub file: FwConfig,
    /// Its interfaces.
    pub interfaces: Vec<GuestInterface>,
}

/// One interface of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct GuestInterface {
    /// Its key: `net0`.
    pub key: String,
    /// Whether it has `firewall=1`.
    pub firewall: bool,
    /// The bridge that it is on.
    pub bridge: String,
    /// Its addresses, where they are known.
    pub addresses: Vec<IpAddr>,
    /// Whether Proxmox knows these addresses too, and admits them through `ipfilter`: it does of containers.
    pub filtered: bool,
}

/// What Proxmox knows of the node's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct NodeNetwork {
    /// The node's own addresses.
    pub addresses: Vec<IpAddr>,
    /// The network that the node stands in; an alias `local_network` goes before it.
    pub local_network: Option<Network>,
    /// The bridge that the world outside is reached by.
    pub bridge: String,
    /// Corosync's links: the own address and the other node's, ring by ring.
    pub corosync: Vec<(IpAddr, IpAddr)>,
    /// Whether corosync speaks multicast (transport `udp`).
    pub multicast: bool,
}

/// One end of a packet's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub enum Zone {
    /// A guest, by its number and the place of its interface.
    Guest(u32, usize),
    /// The node itself.
    Host,
    /// What is neither.
    Outside,
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guest(id, 0) => write!(f, "{id}"),
            Self::Guest(id, interface) => write!(f, "{id}/net{interface}"),
            Self::Host => f.write_str("host"),
            Self::Outside => f.write_str("outside"),
        }
    }
}

/// What connection tracking knows of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum State {
    /// Part of a connection that was admitted, or related to one.
    Established,
    /// Of no connection and no beginning of one.
    Invalid,
    /// The first of a connection.
    #[default]
    New,
}

/// To how many a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Cast {
    /// To all on the network.
    Broadcast,
    /// To a group.
    Multicast,
    /// To one.
    #[default]
    Unicast,
}

/// A packet and its way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct Packet {
    /// Where it comes from.
    pub from: Zone,
    /// Where it goes to.
    pub to: Zone,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub dest: IpAddr,
    /// Protocol number.
    pub proto: u8,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Type and code of an ICMP message.
    pub icmp: (u8, u8),
    /// Connection tracking.
    pub state: State,
    /// To how many it goes.
    pub cast: Cast,
    /// The host's interface, where it is not the bridge that the way says.
    pub iface: Option<String>,
}

impl Packet {
    /// The first packet of a connection to a port.
    pub fn new(from: Zone, to: Zone, source: IpAddr, dest: IpAddr, proto: u8, dport: u16) -> Self {
        Self {
            from,
            to,
            source,
            dest,
            proto,
            sport: EPHEMERAL,
            dport,
            icmp: match (proto, dest) {
                (_, IpAddr::V6(_)) => (128, 0),
                _ => (8, 0),
            },
            state: State::New,
            cast: Cast::Unicast,
            iface: None,
        }
    }

    fn family(&self) -> Family {
        Family::of(self.source)
    }

    fn is_icmp(&self) -> bool {
        [ICMP, ICMPV6].contains(&self.proto)
    }
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict<'f> {
    /// It passes, vanishes or is refused.
    pub action: &'f Action,
    /// By what.
    pub decision: &'f Decision,
}

/// What decides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Decision {
    /// Something that Proxmox adds by itself.
    Implicit {
        /// Where.
        list: RuleSource,
        /// What.
        what: &'static str,
    },
    /// The firewall is off there.
    Off(RuleSource),
    /// No rule matches: the policy does.
    Policy {
        /// Whose.
        list: RuleSource,
        /// The option and its value.
        what: String,
    },
    /// A rule.
    Rule {
        /// The list that it stands in.
        list: RuleSource,
        /// Its line, or its place in the list that it was made from.
        line: usize,
    },
}

/// A list of rules.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RuleSource {
    /// The cluster's.
    Cluster,
    /// A security group's.
    Group(String),
    /// A guest's, by its number.
    Guest(u32),
    /// The node's.
    Host,
}

impl fmt::Display for RuleSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("cluster"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Guest(id) => write!(f, "guest {id}"),
            Self::Host => f.write_str("host"),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Implicit { list, what } => write!(f, "{list}: {what}"),
            Self::Off(list) => write!(f, "{list}: firewall off"),
            Self::Policy { list, what } => write!(f, "{list}: {what}"),
            Self::Rule { list, line } => write!(f, "{list}: rule at {line}"),
        }
    }
}

/// A configuration made ready to decide quickly.
#[derive(Debug, Clone)]
pub struct Firewall {
    /// Off for everything.
    off: bool,
    allow_invalid: bool,
    guests: BTreeMap<u32, Vec<Interface>>,
    /// By family: what the host gets and what it sends; nothing where its firewall is off.
    host: Option<Both<Sides>>,
    bridge: String,
    /// What every filtered interface goes through first.
    filters: Both<Chain>,
    ignored: Vec<Ignored>,
}

/// One for each family of addresses.
#[derive(Debug, Clone)]
struct Both<T> {
    v4: T,
    v6: T,
}

impl<T> Both<T> {
    fn make(mut make: impl FnMut(Family) -> T) -> Self {
        Self {
            v4: make(Family::V4),
            v6: make(Family::V6),
        }
    }

    fn of(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

/// What goes in and what goes out.
#[derive(Debug, Clone)]
struct Sides {
    inbound: Chain,
    outbound: Chain,
}

#[derive(Debug, Clone)]
struct Interface {
    bridge: String,
    firewall: bool,
    /// Nothing where the guest's firewall is off.
    sides: Option<Both<Sides>>,
}

impl Firewall {
    /// What becomes of a packet, and by what.
    ///
    /// The deciding rule of a packet that passes several lists is that of the last one, nearest to its destination.
    pub fn verdict(&self, packet: &Packet) -> Verdict<'_> {
        if self.off {
            return accept(&OFF);
        }
        if packet.from == packet.to {
            return accept(&SAME);
        }
        let mut last = accept(&UNFILTERED);
        for check in [self.sender(packet), self.receiver(packet)] {
            let Some(verdict) = check else {
                continue;
            };
            if verdict.action != &Action::Accept {
                return verdict;
            }
            last = verdict;
        }
        last
    }

    /// What the way out of the sender says; nothing where nobody looks.
    fn sender(&self, packet: &Packet) -> Option<Verdict<'_>> {
        match packet.from {
            Zone::Guest(id, interface) => {
                let interface = self.interface(id, interface)?;
                if !interface.firewall {
                    return None;
                }
                let tracked = Self::tracked(packet, self.allow_invalid);
                tracked.or_else(|| {
                    let sides = interface.sides.as_ref()?.of(packet.family());
                    sides.outbound.decide(packet, "")
                })
            }
            Zone::Host => {
                let sides = self.host.as_ref()?.of(packet.family());
                let tracked = Self::tracked(packet, false);
                tracked.or_else(|| sides.outbound.decide(packet, self.iface(packet, packet.to)))
            }
            Zone::Outside => None,
        }
    }

    /// What the way into the receiver says.
    fn receiver(&self, packet: &Packet) -> Option<Verdict<'_>> {
        match packet.to {
            Zone::Guest(id, interface) => {
                let interface = self.interface(id, interface)?;
                if !interface.firewall {
                    return None;
                }
                if let Some(verdict) = Self::tracked(packet, self.allow_invalid) {
                    return Some(verdict);
                }
                let family = packet.family();
                let filtered = self.filters.of(family).decide(packet, "");
                filtered.or_else(|| {
                    let sides = interface.sides.as_ref()?.of(family);
                    sides.inbound.decide(packet, "")
                })
            }
            Zone::Host => {
                let sides = self.host.as_ref()?.of(packet.family());
                let iface = self.iface(packet, packet.from);
                if iface == "lo" {
                    return Some(accept(&LOOPBACK));
                }
                let tracked = Self::tracked(packet, false);
                tracked.or_else(|| sides.inbound.decide(packet, iface))
            }
            Zone::Outside => None,
        }
    }

    fn tracked(packet: &Packet, allow_invalid: bool) -> Option<Verdict<'static>> {
        match packet.state {
            State::Established => Some(accept(&ESTABLISHED)),
            State::Invalid if !allow_invalid => Some(Verdict {
                action: &Action::Drop,
                decision: &INVALID,
            }),
            State::Invalid | State::New => None,
        }
    }

    /// The host's interface towards a zone.
    fn iface<'p>(&'p self, packet: &'p Packet, zone: Zone) -> &'p str {
        if let Some(iface) = &packet.iface {
            return iface;
        }
        match zone {
            Zone::Guest(id, interface) => self
                .interface(id, interface)
                .map_or(self.bridge.as_str(), |interface| &interface.bridge),
            Zone::Host | Zone::Outside => &self.bridge,
        }
    }

    fn interface(&self, id: u32, interface: usize) -> Option<&Interface> {
        self.guests.get(&id)?.get(interface)
    }

    /// Whether the sender's own rules stand in the way of a packet.
    pub(super) fn is_cut_by_sender(&self, packet: &Packet) -> bool {
        !self.off
            && self
                .sender(packet)
                .is_some_and(|verdict| verdict.action != &Action::Accept)
    }

    /// Rules that Proxmox ignores, beside those that cannot be read: they name what is not there.
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }
}

fn accept(decision: &Decision) -> Verdict<'_> {
    Verdict {
        action: &Action::Accept,
        decision,
    }
}

const fn implicit(what: &'static str) -> Decision {
    Decision::Implicit {
        list: RuleSource::Host,
        what,
    }
}

static ESTABLISHED: Decision = implicit("part of an admitted connection");
static INVALID: Decision = implicit("of no known connection");
static LOOPBACK: Decision = implicit("the host to itself");
static OFF: Decision = Decision::Off(RuleSource::Cluster);
static SAME: Decision = implicit("nobody is in between");
static UNFILTERED: Decision = implicit("no firewall is on the way");

/// A source port like any other.
const EPHEMERAL: u16 = 40_000;
