//! The addresses at which a verdict may change: between two of them all fare alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::chain::{Chain, Step};
use super::{Family, Firewall};
use crate::firewall::TCP;

impl Firewall {
    /// One source of each kind for which the host's verdict on a TCP port may differ between two configurations.
    ///
    /// Only tests that one of them has and the other has not can make a difference, and only for the sources that they
    /// are about.
    pub(in crate::firewall) fn differing_sources(
        &self,
        other: &Self,
        host: IpAddr,
        port: u16,
    ) -> Vec<IpAddr> {
        let family = Family::of(host);
        let chain = |firewall: &Self| {
            let sides = firewall.host.as_ref()?;
            Some(sides.of(family).inbound.clone())
        };
        let none = Chain::default();
        let (before, after) = (chain(self), chain(other));
        let switched = before.is_some() != after.is_some() || self.off != other.off;
        let (before, after) = (
            before.unwrap_or_else(|| none.clone()),
            after.unwrap_or(none),
        );
        let (old, new) = (relevant(&before, port), relevant(&after, port));
        let same = |(a, b): &(&&Step, &&Step)| a.test == b.test && a.action == b.action;
        let front = old.iter().zip(&new).take_while(same).count();
        let (old_rest, new_rest) = (&old[front..], &new[front..]);
        let back = old_rest
            .iter()
            .rev()
            .zip(new_rest.iter().rev())
            .take_while(same)
            .count();
        let changed: Vec<&Step> = old_rest[..old_rest.len() - back]
            .iter()
            .chain(&new_rest[..new_rest.len() - back])
            .copied()
            .collect();
        let everything = switched || before.default_action() != after.default_action();
        if changed.is_empty() && !everything {
            return Vec::new();
        }
        let mut edges = vec![match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }];
        for step in old.iter().chain(&new) {
            step.test.source.edges(&mut edges);
        }
        edges.retain(|ip| Family::of(*ip) == family);
        edges.sort_unstable();
        edges.dedup();
        edges.retain(|ip| everything || changed.iter().any(|step| step.test.source.contains(*ip)));
        edges
    }
}

fn relevant(chain: &Chain, port: u16) -> Vec<&Step> {
    chain
        .steps()
        .iter()
        .filter(|step| step.test.may_fit(TCP, port))
        .collect()
}
