//! What the host itself lets in and out.

use std::sync::Arc;

use super::{Compiler, Scope, implicit, ndp, option, policy, proto, tcp};
use crate::firewall::simulate::chain::{Addresses, Chain, Set, Test};
use crate::firewall::simulate::{Action, Cast, RuleSource, Sides};
use crate::firewall::{Direction, Family, IGMP, Network, UDP};

impl Compiler<'_> {
    pub(super) fn host(&mut self, family: Family) -> Sides {
        Sides {
            inbound: self.host_in(family),
            outbound: self.host_out(family),
        }
    }

    fn host_in(&mut self, family: Family) -> Chain {
        let config = self.config;
        let mut chain = Chain::default();
        let host = RuleSource::Host;
        ndp(&mut chain, &config.host, &host, family, true);
        self.input_filters(&mut chain, family);
        chain.push(proto(IGMP), Action::Accept, implicit(&host, "IGMP"));
        self.host_rules(&mut chain, family, Direction::In);
        let mut members = self.members(
            config
                .cluster
                .sets
                .get("management")
                .map_or(&[], Vec::as_slice),
            None,
        );
        members.extend(self.local.map(|network| (network, true)));
        let management = Addresses::Set(Arc::new(Set::new(members)));
        for ports in [
            8006..=8006,
            5900..=5999,
            3128..=3128,
            22..=22,
            60000..=60050,
        ] {
            let test = Test {
                source: management.clone(),
                ..tcp(ports)
            };
            chain.push(
                test,
                Action::Accept,
                implicit(&host, "the management set and the local network"),
            );
        }
        self.corosync(&mut chain, family, true);
        policy(
            &mut chain,
            &config.cluster,
            &RuleSource::Cluster,
            "policy_in",
            Action::Drop,
        );
        chain
    }

    fn host_out(&mut self, family: Family) -> Chain {
        let config = self.config;
        let mut chain = Chain::default();
        let host = RuleSource::Host;
        ndp(
            &mut chain,
            &config.host,
            &host,
            family,
            option(&config.host, "radv") == Some("1"),
        );
        chain.push(proto(IGMP), Action::Accept, implicit(&host, "IGMP"));
        self.host_rules(&mut chain, family, Direction::Out);
        if let Some(local) = self.local.filter(|local| local.family() == family) {
            for ports in [8006..=8006, 22..=22, 5900..=5999, 3128..=3128] {
                let test = Test {
                    dest: Addresses::networks(&[local]),
                    ..tcp(ports)
                };
                chain.push(test, Action::Accept, implicit(&host, "the local network"));
            }
        }
        self.corosync(&mut chain, family, false);
        policy(
            &mut chain,
            &config.cluster,
            &RuleSource::Cluster,
            "policy_out",
            Action::Accept,
        );
        chain
    }

    /// The node's rules first, so that they can overrule the cluster's.
    fn host_rules(&mut self, chain: &mut Chain, family: Family, direction: Direction) {
        let config = self.config;
        for (source, file) in [
            (RuleSource::Host, &config.host),
            (RuleSource::Cluster, &config.cluster),
        ] {
            let scope = Scope {
                source: &source,
                own: None,
                family,
                direction,
            };
            self.rules(chain, &file.rules, scope, None);
        }
    }

    fn corosync(&self, chain: &mut Chain, family: Family, inbound: bool) {
        let node = &self.config.node;
        let base = || Test {
            dports: [5404..=5405].into(),
            ..proto(UDP)
        };
        let decision = || implicit(&RuleSource::Host, "corosync");
        if node.multicast {
            let test = Test {
                cast: Some(Cast::Multicast),
                ..base()
            };
            chain.push(test, Action::Accept, decision());
        }
        for (own, other) in &node.corosync {
            if Family::of(*own) != family {
                continue;
            }
            let one = |ip| Addresses::networks(&[Network::host(ip)]);
            let (source, dest) = if inbound { (other, own) } else { (own, other) };
            let test = Test {
                source: one(*source),
                dest: one(*dest),
                ..base()
            };
            chain.push(test, Action::Accept, decision());
        }
    }

    /// What every packet on its way in goes through first: the blacklist, and what cannot have such a source.
    pub(super) fn input_filters(&mut self, chain: &mut Chain, family: Family) {
        let config = self.config;
        if let Some(entries) = config.cluster.sets.get("blacklist") {
            let test = Test {
                source: Addresses::Set(Arc::new(Set::new(self.members(entries, None)))),
                ..Test::default()
            };
            chain.push(
                test,
                Action::Drop,
                implicit(&RuleSource::Cluster, "the blacklist"),
            );
        }
        if family == Family::V4 && option(&config.host, "nosmurfs") != Some("0") {
            let networks: Vec<Network> = ["224.0.0.0/4", "255.255.255.255"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect();
            let test = Test {
                source: Addresses::networks(&networks),
                ..Test::default()
            };
            chain.push(
                test,
                Action::Drop,
                implicit(&RuleSource::Host, "a source that is a group (nosmurfs)"),
            );
        }
    }
}
