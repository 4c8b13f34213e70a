//! From the files to chains.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::chain::{Addresses, Chain, Set, Test};
use super::{
    Action, Both, Cast, Decision, Firewall, FirewallConfig, GuestConfig, GuestInterface, Interface,
    RuleSource, Sides,
};
use crate::firewall::{
    AddressMatch, Direction, Family, FwConfig, FwRule, ICMPV6, IGMP, NameRef, NameScope, Network,
    Protocol, Rule, SetEntry, SetMember, TCP, UDP,
};

/// A rule that names what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// The list that it stands in.
    pub list: RuleSource,
    /// Its line.
    pub line: usize,
    /// What it names.
    pub why: String,
}

impl Firewall {
    /// Makes a configuration ready to decide.
    pub fn new(config: &FirewallConfig) -> Self {
        let mut compiler = Compiler {
            config,
            local: local_network(config),
            ignored: Vec::new(),
        };
        let guests = config
            .guests
            .iter()
            .map(|(id, guest)| (*id, compiler.guest(*id, guest)))
            .collect();
        let on = option(&config.host, "enable") != Some("0");
        let host = on.then(|| Both::make(|family| compiler.host(family)));
        let filters = Both::make(|family| {
            let mut chain = Chain::default();
            compiler.input_filters(&mut chain, family);
            chain
        });
        let mut ignored = compiler.ignored;
        // Each rule is read for both families.
        ignored.sort_by(|a, b| (&a.list, a.line, &a.why).cmp(&(&b.list, b.line, &b.why)));
        ignored.dedup();
        Self {
            // A number above 1 is the time until which it was switched on for a trial.
            off: option(&config.cluster, "enable") != Some("1"),
            allow_invalid: option(&config.host, "nf_conntrack_allow_invalid") == Some("1"),
            guests,
            host,
            bridge: config.node.bridge.clone(),
            filters,
            ignored,
        }
    }
}

struct Compiler<'c> {
    config: &'c FirewallConfig,
    local: Option<Network>,
    ignored: Vec<Ignored>,
}

/// Where names are looked up, and which rules are meant.
#[derive(Clone, Copy)]
struct Scope<'c> {
    source: &'c RuleSource,
    /// The guest's own file.
    own: Option<&'c FwConfig>,
    family: Family,
    direction: Direction,
}

impl Compiler<'_> {
    fn guest(&mut self, id: u32, guest: &GuestConfig) -> Vec<Interface> {
        let on = option(&guest.file, "enable") == Some("1");
        guest
            .interfaces
            .iter()
            .map(|interface| Interface {
                bridge: interface.bridge.clone(),
                firewall: interface.firewall,
                sides: on.then(|| {
                    Both::make(|family| Sides {
                        inbound: self.guest_in(id, guest, interface, family),
                        outbound: self.guest_out(id, guest, interface, family),
                    })
                }),
            })
            .collect()
    }

    fn guest_in(
        &mut self,
        id: u32,
        guest: &GuestConfig,
        interface: &GuestInterface,
        family: Family,
    ) -> Chain {
        let source = RuleSource::Guest(id);
        let mut chain = Chain::default();
        let (from, to) = match family {
            Family::V4 => (67, 68),
            Family::V6 => (547, 546),
        };
        dhcp(&mut chain, &guest.file, &source, from, to);
        ndp(&mut chain, &guest.file, &source, family, true);
        let scope = Scope {
            source: &source,
            own: Some(&guest.file),
            family,
            direction: Direction::In,
        };
        self.rules(&mut chain, &guest.file.rules, scope, Some(&interface.key));
        policy(&mut chain, &guest.file, &source, "policy_in", Action::Drop);
        chain
    }

    fn guest_out(
        &mut self,
        id: u32,
        guest: &GuestConfig,
        interface: &GuestInterface,
        family: Family,
    ) -> Chain {
        let source = RuleSource::Guest(id);
        let file = &guest.file;
        let mut chain = Chain::default();
        let (from, to) = match family {
            Family::V4 => (68, 67),
            Family::V6 => (546, 547),
        };
        dhcp(&mut chain, file, &source, from, to);
        if family == Family::V6 && option(file, "radv") != Some("1") {
            let test = icmp6(134);
            chain.push(
                test,
                Action::Drop,
                implicit(&source, "router advertisements (radv)"),
            );
        }
        let name = format!("ipfilter-{}", interface.key);
        let stated = file.sets.get(&name);
        if stated.is_some() || option(file, "ipfilter") == Some("1") {
            let mut members = self.members(stated.map_or(&[], Vec::as_slice), Some(file));
            if interface.filtered {
                let own = interface.addresses.iter();
                members.extend(own.map(|ip| (Network::host(*ip), true)));
            }
            let test = Test {
                source: Addresses::Unlike(Arc::new(Set::new(members))),
                ..Test::default()
            };
            chain.push(
                test,
                Action::Drop,
                implicit(&source, "not the guest's own address (ipfilter)"),
            );
        }
        ndp(
            &mut chain,
            file,
            &source,
            family,
            option(file, "radv") == Some("1"),
        );
        let scope = Scope {
            source: &source,
            own: Some(file),
            family,
            direction: Direction::Out,
        };
        self.rules(&mut chain, &file.rules, scope, Some(&interface.key));
        policy(&mut chain, file, &source, "policy_out", Action::Accept);
        chain
    }

    fn host(&mut self, family: Family) -> Sides {
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
    fn input_filters(&mut self, chain: &mut Chain, family: Family) {
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

    fn rules(&mut self, chain: &mut Chain, rules: &[FwRule], scope: Scope<'_>, net: Option<&str>) {
        for FwRule { rule, line } in rules {
            // A guest's rule is of its interface's chain or not; the host's tests the interface.
            let foreign = net.is_some_and(|net| rule.iface.as_deref().is_some_and(|i| i != net));
            if !rule.enabled || foreign {
                continue;
            }
            let iface = net.map_or(rule.iface.as_deref(), |_| None);
            match &rule.action {
                Action::Group(name) => self.group(chain, name, iface, *line, scope),
                action if rule.direction == scope.direction => {
                    let decision = Decision::Rule {
                        list: scope.source.clone(),
                        line: *line,
                    };
                    self.rule(chain, rule, action, iface, *line, &decision, scope);
                }
                _ => {}
            }
        }
    }

    fn group(
        &mut self,
        chain: &mut Chain,
        name: &str,
        iface: Option<&str>,
        line: usize,
        scope: Scope<'_>,
    ) {
        let config = self.config;
        let Some(rules) = config.cluster.groups.get(name) else {
            self.ignore(
                scope.source,
                line,
                format!("there is no security group `{name}`"),
            );
            return;
        };
        let source = RuleSource::Group(name.to_owned());
        let inner = Scope {
            source: &source,
            own: None,
            ..scope
        };
        for FwRule { rule, line } in rules {
            if rule.enabled && rule.direction == scope.direction {
                let decision = Decision::Rule {
                    list: source.clone(),
                    line: *line,
                };
                self.rule(chain, rule, &rule.action, iface, *line, &decision, inner);
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one caller for lists, one for groups"
    )]
    fn rule(
        &mut self,
        chain: &mut Chain,
        rule: &Rule,
        action: &Action,
        iface: Option<&str>,
        line: usize,
        decision: &Decision,
        scope: Scope<'_>,
    ) {
        // Each family's chain has the rules that say nothing of the other.
        if rule.family().is_some_and(|family| family != scope.family) {
            return;
        }
        let mut sides = [Addresses::Any, Addresses::Any];
        let mut families = [None, None];
        for (index, stated) in [&rule.source, &rule.dest].into_iter().enumerate() {
            let Some(stated) = stated else {
                continue;
            };
            match self.addresses(stated, scope.own) {
                Ok((addresses, family)) => {
                    sides[index] = addresses;
                    families[index] = family;
                }
                Err(why) => {
                    self.ignore(scope.source, line, why);
                    return;
                }
            }
        }
        let stated = rule
            .family()
            .into_iter()
            .chain(families.into_iter().flatten());
        for family in stated {
            if family != scope.family {
                return;
            }
        }
        let [source, dest] = sides;
        let base = Test {
            proto: rule.proto.as_ref().map(Protocol::number),
            source,
            dest,
            dports: ranges(&rule.ports.0),
            sports: ranges(&rule.source_ports.0),
            icmp: rule
                .icmp_type
                .as_ref()
                .and_then(|kind| kind.numbers(scope.family)),
            iface: iface.map(Into::into),
            cast: None,
        };
        let Some(name) = rule.macro_name else {
            chain.push(base, action.clone(), decision.clone());
            return;
        };
        for part in name.parts(scope.family) {
            let mut test = base.clone();
            test.proto = Some(part.proto.number());
            if !part.ports.is_empty() {
                test.dports = ranges(&part.ports.0);
            }
            if !part.source_ports.is_empty() {
                test.sports = ranges(&part.source_ports.0);
            }
            if let Some(kind) = &part.icmp_type {
                test.icmp = kind.numbers(scope.family);
            }
            chain.push(test, action.clone(), decision.clone());
        }
    }

    fn addresses(
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

    fn members(&self, entries: &[SetEntry], own: Option<&FwConfig>) -> Vec<(Network, bool)> {
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

    fn ignore(&mut self, list: &RuleSource, line: usize, why: String) {
        self.ignored.push(Ignored {
            list: list.clone(),
            line,
            why,
        });
    }
}

fn local_network(config: &FirewallConfig) -> Option<Network> {
    let stated = config.cluster.aliases.get("local_network").copied();
    stated
        .or(config.node.local_network)
        .or_else(|| "127.0.0.0/8".parse().ok())
}

fn option<'c>(file: &'c FwConfig, name: &str) -> Option<&'c str> {
    file.options.get(name).map(String::as_str)
}

fn policy(chain: &mut Chain, file: &FwConfig, list: &RuleSource, name: &str, default: Action) {
    let action = option(file, name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(default);
    let what = format!("{name}: {action}");
    let list = list.clone();
    chain.policy(action, Decision::Policy { list, what });
}

fn dhcp(chain: &mut Chain, file: &FwConfig, list: &RuleSource, from: u16, to: u16) {
    if option(file, "dhcp") == Some("0") {
        return;
    }
    let test = Test {
        sports: [from..=from].into(),
        dports: [to..=to].into(),
        ..proto(UDP)
    };
    chain.push(test, Action::Accept, implicit(list, "DHCP"));
}

/// Neighbour discovery; `advertise` where advertisements of routers pass too.
fn ndp(chain: &mut Chain, file: &FwConfig, list: &RuleSource, family: Family, advertise: bool) {
    if family != Family::V6 || option(file, "ndp") == Some("0") {
        return;
    }
    for kind in [133, 134, 135, 136] {
        if kind != 134 || advertise {
            chain.push(icmp6(kind), Action::Accept, implicit(list, "NDP"));
        }
    }
}

fn implicit(list: &RuleSource, what: &'static str) -> Decision {
    Decision::Implicit {
        list: list.clone(),
        what,
    }
}

fn proto(number: u8) -> Test {
    Test {
        proto: Some(number),
        ..Test::default()
    }
}

fn tcp(ports: RangeInclusive<u16>) -> Test {
    Test {
        dports: [ports].into(),
        ..proto(TCP)
    }
}

fn icmp6(kind: u8) -> Test {
    Test {
        icmp: Some((Some(kind), None)),
        ..proto(ICMPV6)
    }
}

fn ranges(ports: &[RangeInclusive<u16>]) -> Box<[RangeInclusive<u16>]> {
    ports.into()
}
