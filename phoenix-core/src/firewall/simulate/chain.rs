//! A list of tests, first match.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Action, Cast, Decision, Packet, Verdict};
use crate::firewall::{ICMP, ICMPV6, Network, TCP, UDP};

/// Tests in order; the first that fits decides, then the policy, if there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    steps: Vec<Step>,
    policy: Option<(Action, Decision)>,
}

/// One test and what follows from it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) test: Test,
    pub(super) action: Action,
    pub(super) decision: Decision,
}

/// What a packet must have; what is not stated does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Test {
    pub(super) proto: Option<u8>,
    pub(super) source: Addresses,
    pub(super) dest: Addresses,
    pub(super) dports: Box<[RangeInclusive<u16>]>,
    pub(super) sports: Box<[RangeInclusive<u16>]>,
    pub(super) icmp: Option<(Option<u8>, Option<u8>)>,
    pub(super) iface: Option<Box<str>>,
    pub(super) cast: Option<Cast>,
}

/// A set of addresses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Addresses {
    #[default]
    Any,
    Networks(Box<[Network]>),
    /// An IPv4 network, as masked bits: what most rules have.
    One(u32, u32),
    Range(IpAddr, IpAddr),
    Set(Arc<Set>),
    /// All that are not in the set.
    Unlike(Arc<Set>),
}

/// An IP set: of the networks that hold an address the narrowest decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Set {
    /// Narrowest first; `false` where the element is an exception.
    members: Vec<(Network, bool)>,
}

impl Set {
    pub(super) fn new(mut members: Vec<(Network, bool)>) -> Self {
        members.sort_by_key(|(network, _)| std::cmp::Reverse(network.prefix()));
        Self { members }
    }

    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        self.members
            .iter()
            .find(|(network, _)| network.contains(ip))
            .is_some_and(|(_, inside)| *inside)
    }

    pub(super) fn networks(&self) -> impl Iterator<Item = Network> {
        self.members.iter().map(|(network, _)| *network)
    }
}

impl Addresses {
    pub(super) fn networks(list: &[Network]) -> Self {
        match list {
            [network] => match network.first() {
                IpAddr::V4(first) => {
                    let mask = u32::MAX
                        .checked_shl(32 - u32::from(network.prefix()))
                        .unwrap_or(0);
                    Self::One(first.to_bits(), mask)
                }
                IpAddr::V6(_) => Self::Networks(list.into()),
            },
            _ => Self::Networks(list.into()),
        }
    }

    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::One(bits, mask) => match ip {
                IpAddr::V4(ip) => ip.to_bits() & mask == *bits,
                IpAddr::V6(_) => false,
            },
            Self::Networks(list) => list.iter().any(|network| network.contains(ip)),
            Self::Range(first, last) => {
                first.is_ipv4() == ip.is_ipv4() && *first <= ip && ip <= *last
            }
            Self::Set(set) => set.contains(ip),
            Self::Unlike(set) => !set.contains(ip),
        }
    }

    /// The addresses at which membership may change: first ones of what is inside, and those right behind it.
    pub(super) fn edges(&self, edges: &mut Vec<IpAddr>) {
        let mut span = |first: IpAddr, last: IpAddr| {
            edges.push(first);
            edges.extend(next(last));
        };
        match self {
            Self::Any => {}
            Self::One(bits, mask) => span(
                IpAddr::V4((*bits).into()),
                IpAddr::V4((*bits | !*mask).into()),
            ),
            Self::Networks(list) => {
                for network in list {
                    span(network.first(), network.last());
                }
            }
            Self::Range(first, last) => span(*first, *last),
            Self::Set(set) | Self::Unlike(set) => {
                for network in set.networks() {
                    span(network.first(), network.last());
                }
            }
        }
    }
}

fn next(ip: IpAddr) -> Option<IpAddr> {
    match ip {
        IpAddr::V4(ip) => ip
            .to_bits()
            .checked_add(1)
            .map(|bits| IpAddr::V4(bits.into())),
        IpAddr::V6(ip) => ip
            .to_bits()
            .checked_add(1)
            .map(|bits| IpAddr::V6(bits.into())),
    }
}

impl Test {
    /// Whether packets of this protocol to this port may fit at all.
    pub(super) fn may_fit(&self, proto: u8, port: u16) -> bool {
        self.proto.is_none_or(|own| own == proto)
            && (self.dports.is_empty() || self.dports.iter().any(|ports| ports.contains(&port)))
    }

    /// Whether a packet fits.
    fn fits(&self, packet: &Packet, iface: &str) -> bool {
        // Cheapest first.
        self.proto.is_none_or(|proto| proto == packet.proto)
            && self.fits_port(packet)
            && self.fits_way(packet, iface)
    }

    fn fits_port(&self, packet: &Packet) -> bool {
        self.dports.is_empty() || self.dports.iter().any(|p| p.contains(&packet.dport))
    }

    /// Whether a packet of a protocol that fits does, whatever its port is.
    fn fits_way(&self, packet: &Packet, iface: &str) -> bool {
        if !self.source.contains(packet.source) || !self.dest.contains(packet.dest) {
            return false;
        }
        if !self.sports.is_empty() && !self.sports.iter().any(|p| p.contains(&packet.sport)) {
            return false;
        }
        if let Some((kind, code)) = self.icmp
            && (kind.is_some_and(|kind| kind != packet.icmp.0)
                || code.is_some_and(|code| code != packet.icmp.1))
        {
            return false;
        }
        self.iface.as_ref().is_none_or(|wanted| **wanted == *iface)
            && self.cast.is_none_or(|cast| cast == packet.cast)
    }
}

impl Chain {
    pub(super) fn push(&mut self, test: Test, action: Action, decision: Decision) {
        self.steps.push(Step {
            test,
            action,
            decision,
        });
    }

    pub(super) fn policy(&mut self, action: Action, decision: Decision) {
        self.policy = Some((action, decision));
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What becomes of packets that no test fits.
    pub(super) fn default_action(&self) -> Option<&Action> {
        self.policy.as_ref().map(|(action, _)| action)
    }

    /// What can decide about packets that differ from this one by their port alone.
    pub(super) fn narrow(&self, packet: &Packet, iface: &str) -> Narrow<'_> {
        let mut steps = Vec::new();
        for step in &self.steps {
            let test = &step.test;
            if test.proto.is_none_or(|proto| proto == packet.proto) && test.fits_way(packet, iface)
            {
                steps.push(step);
                if test.dports.is_empty() {
                    break;
                }
            }
        }
        Narrow {
            steps,
            policy: self.policy.as_ref().map(|(action, _)| action),
        }
    }

    /// What the first test that fits says, else the policy; nothing where there is none.
    pub(super) fn decide(&self, packet: &Packet, iface: &str) -> Option<Verdict<'_>> {
        for step in &self.steps {
            if step.test.fits(packet, iface) {
                return Some(Verdict {
                    action: answer(&step.action, packet),
                    decision: &step.decision,
                });
            }
        }
        let (policy, decision) = self.policy.as_ref()?;
        Some(Verdict {
            action: by_policy(policy, packet),
            decision,
        })
    }
}

/// The part of a chain that can decide about packets that differ by their port alone.
pub(super) struct Narrow<'c> {
    steps: Vec<&'c Step>,
    policy: Option<&'c Action>,
}

impl Narrow<'_> {
    /// What it says; nothing where the chain has no policy and no test fits.
    pub(super) fn decide(&self, packet: &Packet) -> Option<&Action> {
        let step = self.steps.iter().find(|step| step.test.fits_port(packet));
        match step {
            Some(step) => Some(answer(&step.action, packet)),
            None => self.policy.map(|policy| by_policy(policy, packet)),
        }
    }
}

/// What a refusal comes to: broadcasts, what claims to come from a group, and ICMP are dropped, not answered.
fn answer<'a>(action: &'a Action, packet: &Packet) -> &'a Action {
    let silent = packet.cast == Cast::Broadcast
        || packet.is_icmp()
        || matches!(packet.source, IpAddr::V4(ip) if ip.is_multicast());
    if *action == Action::Reject && silent {
        &Action::Drop
    } else {
        action
    }
}

/// A policy that admits nothing still lets the messages pass that the network cannot do without, and answers no noise.
fn by_policy<'a>(policy: &'a Action, packet: &Packet) -> &'a Action {
    if *policy == Action::Accept {
        return policy;
    }
    let to_group = match packet.dest {
        IpAddr::V4(ip) => packet.cast != Cast::Unicast || ip.is_multicast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    };
    if to_group {
        return &Action::Drop;
    }
    let vital = match packet.proto {
        ICMP => packet.icmp == (3, 4) || packet.icmp.0 == 11,
        ICMPV6 => [1, 2, 3].contains(&packet.icmp.0),
        _ => false,
    };
    if vital {
        return &Action::Accept;
    }
    if *policy == Action::Reject {
        let noise = packet.proto == UDP && (packet.dport == 1900 || packet.sport == 53);
        return if noise {
            &Action::Drop
        } else {
            answer(policy, packet)
        };
    }
    // `auth` is refused in IPv6 even then, on the port that the name stands for there.
    if packet.proto == TCP && packet.dport == 43 && packet.source.is_ipv6() {
        return &Action::Reject;
    }
    policy
}
