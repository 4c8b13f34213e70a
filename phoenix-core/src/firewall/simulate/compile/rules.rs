//! From rules to tests.

use std::ops::RangeInclusive;

use super::{Compiler, Scope};
use crate::firewall::simulate::chain::{Addresses, Chain, Test};
use crate::firewall::simulate::{Action, Decision, RuleSource};
use crate::firewall::{FwRule, Protocol, Rule};

impl Compiler<'_> {
    pub(super) fn rules(
        &mut self,
        chain: &mut Chain,
        rules: &[FwRule],
        scope: Scope<'_>,
        net: Option<&str>,
    ) {
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
}

fn ranges(ports: &[RangeInclusive<u16>]) -> Box<[RangeInclusive<u16>]> {
    ports.into()
}
