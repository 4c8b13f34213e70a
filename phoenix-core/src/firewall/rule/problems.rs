//! Why Proxmox would ignore a rule.

use super::{Action, Direction, Rule, RuleScope, is_iface};
use crate::diagnostic::Severity;
use crate::firewall::{AddressMatch, Family, Macro, Ports, Protocol};

impl Rule {
    /// Why Proxmox would ignore this rule in a list of this scope; names of aliases, sets and groups are not looked up.
    pub fn problems(&self, scope: RuleScope) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut error = |field: &'static str, message: String| {
            problems.push(Problem::error(field, message));
        };
        match (scope, self.direction) {
            (RuleScope::Guest, Direction::Forward) => error(
                "type",
                "found a `forward` rule of a guest, expected `in`, `out` or `group`".to_owned(),
            ),
            (RuleScope::Group, Direction::Group) => error(
                "type",
                "found a security group inside of one, expected `in`, `out` or `forward`"
                    .to_owned(),
            ),
            _ => {}
        }
        if (self.direction == Direction::Group) != matches!(self.action, Action::Group(_)) {
            let expected = if self.direction == Direction::Group {
                "the name of a security group"
            } else {
                "`ACCEPT`, `DROP` or `REJECT`"
            };
            error(
                "action",
                format!("found action `{}`, expected {expected}", self.action),
            );
        }
        if self.direction == Direction::Forward && self.action == Action::Reject {
            error(
                "action",
                "found `REJECT` of forwarded traffic, expected `ACCEPT` or `DROP`".to_owned(),
            );
        }
        if let Some(iface) = &self.iface {
            let fits = match scope {
                RuleScope::Guest => iface.strip_prefix("net").is_some_and(|number| {
                    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
                }),
                RuleScope::Group => false,
                RuleScope::Cluster | RuleScope::Host => is_iface(iface),
            };
            if !fits {
                let expected = match scope {
                    RuleScope::Guest => "a guest's interface such as `net0`",
                    RuleScope::Group => "none in a security group",
                    RuleScope::Cluster | RuleScope::Host => "the name of an interface",
                };
                error(
                    "iface",
                    format!("found interface `{iface}`, expected {expected}"),
                );
            }
        }
        if self
            .comment
            .as_ref()
            .is_some_and(|comment| comment.contains(['\n', '\r']))
        {
            error(
                "comment",
                "found a line break in a comment, expected one line".to_owned(),
            );
        }
        if self.direction == Direction::Group {
            for (field, stated) in [
                ("macro", self.macro_name.is_some()),
                ("source", self.source.is_some()),
                ("dest", self.dest.is_some()),
                ("proto", self.proto.is_some()),
                ("port", !self.ports.is_empty()),
                ("sport", !self.source_ports.is_empty()),
                ("icmp-type", self.icmp_type.is_some()),
                ("log", self.log.is_some()),
            ] {
                if stated {
                    error(
                        field,
                        format!(
                            "found `{field}` beside a security group, expected at most `iface`"
                        ),
                    );
                }
            }
            return problems;
        }
        self.traffic_problems(&mut problems);
        problems
    }

    fn traffic_problems(&self, problems: &mut Vec<Problem>) {
        for (field, ports) in [("port", &self.ports), ("sport", &self.source_ports)] {
            if ports.is_empty() {
                continue;
            }
            match &self.proto {
                Some(proto) if proto.is_icmp() => problems.push(
                    Problem::error(
                        field,
                        format!("found `{field}` with protocol `{proto}`, expected none: its packets have no ports"),
                    )
                    .help("`icmp-type` names the kind of message"),
                ),
                Some(proto) if !proto.has_ports() => problems.push(Problem::error(
                    field,
                    format!("found `{field}` with protocol `{proto}`, expected none: its packets have no ports"),
                )),
                Some(_) => {}
                None if self.macro_name.is_some() => {}
                None => problems.push(
                    Problem {
                        severity: Severity::Warning,
                        ..Problem::error(
                            field,
                            format!("found `{field}` without `proto`: Proxmox ignores such a rule"),
                        )
                    }
                    .help("add `proto`: `tcp` or `udp`"),
                ),
            }
        }
        if let Some(kind) = &self.icmp_type {
            match &self.proto {
                Some(proto) if proto.is_icmp() => {
                    let family = proto.family().unwrap_or(Family::V4);
                    if kind.numbers(family).is_none() {
                        problems.push(Problem::error(
                            "icmp-type",
                            format!("found icmp-type `{kind}`, expected one of protocol `{proto}`"),
                        ));
                    }
                }
                _ if self.macro_name.is_some() => {}
                _ => problems.push(Problem::error(
                    "icmp-type",
                    "found `icmp-type` without protocol `icmp` or `icmpv6`, expected one"
                        .to_owned(),
                )),
            }
        }
        let family = |stated: &Option<AddressMatch>| stated.as_ref().and_then(AddressMatch::family);
        let families = [
            ("proto", self.proto.as_ref().and_then(Protocol::family)),
            ("source", family(&self.source)),
            ("dest", family(&self.dest)),
        ];
        let mut stated = families
            .iter()
            .filter_map(|(field, family)| family.map(|family| (*field, family)));
        if let Some((first, expected)) = stated.next()
            && let Some((field, found)) = stated.find(|(_, found)| *found != expected)
        {
            problems.push(Problem::error(
                field,
                format!("found {found} in `{field}`, expected {expected} as in `{first}`"),
            ));
        }
        if let Some(name) = self.macro_name {
            self.macro_problems(name, problems);
        }
    }

    /// What a macro says may not be said again in other words.
    fn macro_problems(&self, name: Macro, problems: &mut Vec<Problem>) {
        let family = self.family().unwrap_or(Family::V4);
        let mut fields = Vec::new();
        for part in name.parts(family) {
            if self
                .proto
                .as_ref()
                .is_some_and(|proto| *proto != part.proto)
            {
                fields.push("proto");
            }
            let clash = |own: &Ports, of_macro: &Ports| {
                !own.is_empty() && !of_macro.is_empty() && own != of_macro
            };
            if clash(&self.ports, &part.ports)
                || (!self.ports.is_empty() && !part.proto.has_ports())
            {
                fields.push("port");
            }
            if clash(&self.source_ports, &part.source_ports)
                || (!self.source_ports.is_empty() && !part.proto.has_ports())
            {
                fields.push("sport");
            }
            if self.icmp_type.is_some() && self.icmp_type != part.icmp_type {
                fields.push("icmp-type");
            }
        }
        fields.sort_unstable();
        fields.dedup();
        for field in fields {
            problems.push(Problem::error(
                field,
                format!("found `{field}` beside macro `{name}`, expected none: the macro says it"),
            ));
        }
    }
}

/// Why Proxmox would ignore a rule, and which of its fields says so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The field, by its name in the site's JSON.
    pub field: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found and what was expected.
    pub message: String,
    /// What to do.
    pub help: Option<&'static str>,
}

impl Problem {
    fn error(field: &'static str, message: String) -> Self {
        Self {
            field,
            severity: Severity::Error,
            message,
            help: None,
        }
    }

    fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(direction: Direction) -> Rule {
        Rule::new(direction, Action::Accept)
    }

    fn fields(rule: &Rule, scope: RuleScope) -> Vec<&'static str> {
        rule.problems(scope).iter().map(|p| p.field).collect()
    }

    #[test]
    fn what_a_list_may_hold_depends_on_whose_it_is() {
        let mut forward = rule(Direction::Forward);
        assert_eq!(fields(&forward, RuleScope::Guest), ["type"]);
        assert!(fields(&forward, RuleScope::Cluster).is_empty());
        forward.action = Action::Reject;
        assert_eq!(fields(&forward, RuleScope::Host), ["action"]);
        let mut on = rule(Direction::In);
        on.iface = Some("vmbr0".to_owned());
        assert_eq!(fields(&on, RuleScope::Guest), ["iface"]);
        assert_eq!(fields(&on, RuleScope::Group), ["iface"]);
        assert!(fields(&on, RuleScope::Host).is_empty());
    }

    #[test]
    fn ports_need_a_protocol_that_has_them() {
        let mut rule = rule(Direction::In);
        rule.ports = "22".parse().unwrap();
        let problems = rule.problems(RuleScope::Guest);
        assert_eq!(problems[0].severity, Severity::Warning);
        rule.proto = "icmp".parse().ok();
        assert_eq!(fields(&rule, RuleScope::Guest), ["port"]);
        rule.proto = "sctp".parse().ok();
        assert!(fields(&rule, RuleScope::Guest).is_empty());
        rule.proto = "gre".parse().ok();
        assert_eq!(fields(&rule, RuleScope::Guest), ["port"]);
    }

    #[test]
    fn macros_and_families_may_not_contradict_the_rest() {
        let mut rule = rule(Direction::In);
        rule.macro_name = "HTTP".parse().ok();
        rule.ports = "8080".parse().unwrap();
        rule.proto = "udp".parse().ok();
        assert_eq!(fields(&rule, RuleScope::Guest), ["port", "proto"]);
        rule.macro_name = None;
        rule.source = "10.0.0.1".parse().ok();
        rule.dest = "2001:db8::1".parse().ok();
        assert_eq!(fields(&rule, RuleScope::Guest), ["dest"]);
    }
}
