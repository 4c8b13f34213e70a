//! Who reaches what: verdicts for all pairs, port by port.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use serde::Serialize;

use super::chain::{Chain, Narrow};
use super::{Action, Family, Firewall, Packet, Zone};
use crate::firewall::{ICMP, ICMPV6, Ports, TCP, UDP};

/// What is admitted from whom to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Matrix(Vec<MatrixCell>);

/// What is admitted from one to another; nothing stands here that admits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MatrixCell {
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: String,
    /// Ports that TCP connections reach.
    pub tcp: Ports,
    /// Ports that UDP packets reach.
    pub udp: Ports,
    /// Whether it can be pinged.
    pub ping: bool,
}

/// A pair whose ways differ between two matrices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MatrixChange {
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: String,
    /// What was admitted; absent where nothing was.
    pub before: Option<MatrixCell>,
    /// What is admitted now.
    pub after: Option<MatrixCell>,
}

impl Matrix {
    /// The ways between all of `ends`: name, zone and address.
    pub fn new(firewall: &Firewall, ends: &[(String, Zone, IpAddr)]) -> Self {
        // Where verdicts may change is a matter of one end at a time.
        let edges: Vec<_> = ends
            .iter()
            .map(|(_, zone, ip)| firewall.port_edges(*zone, Family::of(*ip)))
            .collect();
        let mut cells = Vec::new();
        for (sender, (from, from_zone, source)) in ends.iter().enumerate() {
            for (receiver, (to, to_zone, dest)) in ends.iter().enumerate() {
                if sender == receiver || Family::of(*source) != Family::of(*dest) {
                    continue;
                }
                let mut all: Vec<u16> = [1]
                    .into_iter()
                    .chain(edges[sender].1.iter().copied())
                    .chain(edges[receiver].0.iter().copied())
                    .collect();
                all.sort_unstable();
                all.dedup();
                let packet =
                    |proto, port| Packet::new(*from_zone, *to_zone, *source, *dest, proto, port);
                let ports = |proto| {
                    let mut packet = packet(proto, 0);
                    let way = firewall.way(&packet);
                    admitted(&all, |port| {
                        packet.dport = port;
                        way.admits(&packet)
                    })
                };
                let icmp = if source.is_ipv4() { ICMP } else { ICMPV6 };
                let cell = MatrixCell {
                    from: from.clone(),
                    to: to.clone(),
                    tcp: ports(TCP),
                    udp: ports(UDP),
                    ping: *firewall.verdict(&packet(icmp, 0)).action == Action::Accept,
                };
                if !cell.tcp.is_empty() || !cell.udp.is_empty() || cell.ping {
                    cells.push(cell);
                }
            }
        }
        Self(cells)
    }

    /// The ways.
    pub fn cells(&self) -> &[MatrixCell] {
        &self.0
    }

    /// What differs in `after`.
    pub fn changes(&self, after: &Self) -> Vec<MatrixChange> {
        let key = |cell: &MatrixCell| (cell.from.clone(), cell.to.clone());
        let mut pairs: BTreeMap<_, (Option<&MatrixCell>, Option<&MatrixCell>)> = BTreeMap::new();
        for cell in &self.0 {
            pairs.entry(key(cell)).or_default().0 = Some(cell);
        }
        for cell in &after.0 {
            pairs.entry(key(cell)).or_default().1 = Some(cell);
        }
        pairs
            .into_iter()
            .filter(|(_, (before, after))| before != after)
            .map(|((from, to), (before, after))| MatrixChange {
                from,
                to,
                before: before.cloned(),
                after: after.cloned(),
            })
            .collect()
    }
}

/// Ranges of ports, of which `edges` names every one where something may change.
fn admitted(edges: &[u16], mut admits: impl FnMut(u16) -> bool) -> Ports {
    let mut ranges: Vec<RangeInclusive<u16>> = Vec::new();
    for (index, start) in edges.iter().enumerate() {
        let end = edges.get(index + 1).map_or(u16::MAX, |next| next - 1);
        if !admits(*start) {
            continue;
        }
        match ranges.last_mut() {
            Some(last) if *last.end() == start.saturating_sub(1) && *start > 1 => {
                *last = *last.start()..=end;
            }
            _ => ranges.push(*start..=end),
        }
    }
    Ports(ranges)
}

/// Who looks at first packets on one way, each narrowed to what can decide there.
struct Way<'f>(Vec<Narrow<'f>>);

impl Way<'_> {
    fn admits(&self, packet: &Packet) -> bool {
        // A list without a policy that says nothing lets the next one look.
        let mut said = self.0.iter().filter_map(|list| list.decide(packet));
        said.all(|action| *action == Action::Accept)
    }
}

impl Firewall {
    /// What looks at the first packet of a connection on this way, for any port.
    fn way(&self, packet: &Packet) -> Way<'_> {
        let mut lists = Vec::new();
        if self.off || packet.from == packet.to {
            return Way(lists);
        }
        let family = Family::of(packet.source);
        match packet.from {
            Zone::Guest(id, interface) => {
                let interface = self.interface(id, interface).filter(|known| known.firewall);
                let sides = interface.and_then(|interface| interface.sides.as_ref());
                lists.extend(sides.map(|sides| sides.of(family).outbound.narrow(packet, "")));
            }
            Zone::Host => {
                let iface = self.iface(packet, packet.to);
                let sides = self.host.as_ref();
                lists.extend(sides.map(|sides| sides.of(family).outbound.narrow(packet, iface)));
            }
            Zone::Outside => {}
        }
        match packet.to {
            Zone::Guest(id, interface) => {
                let interface = self.interface(id, interface).filter(|known| known.firewall);
                if let Some(interface) = interface {
                    lists.push(self.filters.of(family).narrow(packet, ""));
                    let sides = interface.sides.as_ref();
                    lists.extend(sides.map(|sides| sides.of(family).inbound.narrow(packet, "")));
                }
            }
            Zone::Host => {
                let iface = self.iface(packet, packet.from);
                let sides = self.host.as_ref().filter(|_| iface != "lo");
                lists.extend(sides.map(|sides| sides.of(family).inbound.narrow(packet, iface)));
            }
            Zone::Outside => {}
        }
        Way(lists)
    }

    /// The ports at which verdicts may change, of what goes to a zone and of what comes from it.
    fn port_edges(&self, zone: Zone, family: Family) -> (Vec<u16>, Vec<u16>) {
        let sides = match zone {
            Zone::Guest(id, interface) => self
                .interface(id, interface)
                .and_then(|interface| interface.sides.as_ref()),
            Zone::Host => self.host.as_ref(),
            Zone::Outside => None,
        };
        sides.map_or_else(Default::default, |sides| {
            let sides = sides.of(family);
            // What the policy answers without a rule has edges of its own.
            let mut inbound = edges(&sides.inbound);
            inbound.extend([43, 44, 1900, 1901]);
            (inbound, edges(&sides.outbound))
        })
    }
}

fn edges(chain: &Chain) -> Vec<u16> {
    let ranges = chain
        .steps()
        .iter()
        .flat_map(|step| step.test.dports.iter());
    let mut edges: Vec<u16> = ranges
        .flat_map(|range| [Some(*range.start()), range.end().checked_add(1)])
        .flatten()
        .filter(|port| *port > 0)
        .collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}
