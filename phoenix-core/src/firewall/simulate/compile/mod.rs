//! From the files to chains.

mod guest;
mod host;
mod names;
mod rules;

use std::ops::RangeInclusive;

use super::chain::{Chain, Test};
use super::{Action, Both, Decision, Firewall, FirewallConfig, RuleSource};
use crate::firewall::{Direction, Family, FwConfig, ICMPV6, Network, TCP, UDP};

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
