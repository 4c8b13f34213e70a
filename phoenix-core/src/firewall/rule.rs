//! One rule, whatever file it stands in.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::{AddressMatch, Family, IcmpType, Macro, Ports, Protocol, is_name};
use crate::diagnostic::{Severity, nearest};

/// Which traffic a rule is about, seen from the guest or host that has the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Direction {
    /// Through the host; only Proxmox's nftables firewall has such rules.
    Forward,
    /// The rules of a security group, in either direction.
    Group,
    /// To it.
    In,
    /// From it.
    Out,
}

impl Direction {
    /// `in`, `out`, `forward` or `group`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Group => "group",
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is not one of those that may stand in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected {expected}{}", like.map(|like| format!(": did you mean `{like}`?")).unwrap_or_default())]
pub struct WordError {
    found: String,
    expected: &'static str,
    like: Option<&'static str>,
}

impl WordError {
    pub(super) fn new(found: &str, expected: &'static str, known: &[&'static str]) -> Self {
        Self {
            found: found.to_owned(),
            expected,
            like: nearest(found, known.iter().copied()),
        }
    }
}

impl FromStr for Direction {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        [Self::In, Self::Out, Self::Forward, Self::Group]
            .into_iter()
            .find(|direction| direction.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| {
                WordError::new(
                    text,
                    "`in`, `out`, `forward` or `group`",
                    &["in", "out", "forward", "group"],
                )
            })
    }
}

/// What happens to traffic that a rule matches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Action {
    /// It passes.
    Accept,
    /// It vanishes.
    Drop,
    /// The rules of this security group decide.
    Group(String),
    /// It is answered with a refusal.
    Reject,
}

impl Action {
    /// Reads the action of a rule of this direction.
    ///
    /// # Errors
    /// When it is no verdict, or no name of a group.
    pub fn parse(direction: Direction, text: &str) -> Result<Self, WordError> {
        if direction == Direction::Group {
            if is_name(text) && text.len() <= LONGEST_GROUP {
                return Ok(Self::Group(text.to_ascii_lowercase()));
            }
            return Err(WordError::new(text, "the name of a security group", &[]));
        }
        text.parse()
    }
}

impl FromStr for Action {
    type Err = WordError;

    /// Reads a verdict; names of groups are read by [`Action::parse`].
    fn from_str(text: &str) -> Result<Self, WordError> {
        match text.to_ascii_uppercase().as_str() {
            "ACCEPT" => Ok(Self::Accept),
            "DROP" => Ok(Self::Drop),
            "REJECT" => Ok(Self::Reject),
            _ => Err(WordError::new(
                text,
                "`ACCEPT`, `DROP` or `REJECT`",
                &["ACCEPT", "DROP", "REJECT"],
            )),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
            Self::Group(name) => name,
            Self::Reject => "REJECT",
        })
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What Proxmox logs of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLevel(&'static str);

impl LogLevel {
    /// The levels, most urgent first.
    pub const ALL: &'static [&'static str] = &[
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog",
    ];
}

impl FromStr for LogLevel {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        Self::ALL
            .iter()
            .find(|level| **level == text)
            .map(|level| Self(level))
            .ok_or_else(|| WordError::new(text, "a level such as `info` or `nolog`", Self::ALL))
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// Which rules a list holds; what a rule may say depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RuleScope {
    /// Rules of the whole cluster.
    Cluster,
    /// A security group's.
    Group,
    /// A guest's.
    Guest,
    /// A node's.
    Host,
}

/// A firewall rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "any value is legal and `problems` says what Proxmox makes of it"
)]
pub struct Rule {
    /// Direction.
    #[serde(rename = "type")]
    pub direction: Direction,
    /// Verdict, or the security group.
    pub action: Action,
    /// A named set of protocols and ports.
    #[serde(rename = "macro", skip_serializing_if = "Option::is_none")]
    pub macro_name: Option<Macro>,
    /// The interface: a guest's by its key (`net0`), the host's by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iface: Option<String>,
    /// Where the traffic comes from; absent means everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<AddressMatch>,
    /// Where it goes to; absent means everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dest: Option<AddressMatch>,
    /// Protocol; absent means every protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proto: Option<Protocol>,
    /// Destination ports.
    #[serde(rename = "port", skip_serializing_if = "Ports::is_empty")]
    pub ports: Ports,
    /// Source ports.
    #[serde(rename = "sport", skip_serializing_if = "Ports::is_empty")]
    pub source_ports: Ports,
    /// Kind of ICMP message.
    #[serde(rename = "icmp-type", skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<IcmpType>,
    /// What is logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogLevel>,
    /// `false` switches a rule off.
    pub enabled: bool,
    /// What the operator says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Rule {
    /// A rule for all traffic of one direction.
    pub fn new(direction: Direction, action: Action) -> Self {
        Self {
            direction,
            action,
            macro_name: None,
            iface: None,
            source: None,
            dest: None,
            proto: None,
            ports: Ports::default(),
            source_ports: Ports::default(),
            icmp_type: None,
            log: None,
            enabled: true,
            comment: None,
        }
    }

    /// Whether both rules match the same traffic with the same verdict, whatever their comments say.
    pub fn same_but_comment(&self, other: &Self) -> bool {
        self.direction == other.direction
            && self.action == other.action
            && self.macro_name == other.macro_name
            && self.iface == other.iface
            && self.source == other.source
            && self.dest == other.dest
            && self.proto == other.proto
            && self.ports == other.ports
            && self.source_ports == other.source_ports
            && self.icmp_type == other.icmp_type
            && self.log == other.log
            && self.enabled == other.enabled
    }

    /// The family of addresses that the rule is about, where it says so itself.
    pub fn family(&self) -> Option<Family> {
        let of = |stated: &Option<AddressMatch>| stated.as_ref().and_then(AddressMatch::family);
        self.proto
            .as_ref()
            .and_then(Protocol::family)
            .or_else(|| of(&self.source))
            .or_else(|| of(&self.dest))
    }

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

/// The rule in Proxmox's own words and order, its comment behind `#`; switched-off rules begin with `|`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.enabled {
            f.write_str("|")?;
        }
        f.write_str(&self.direction.as_str().to_ascii_uppercase())?;
        match self.macro_name {
            Some(name) => write!(f, " {name}({})", self.action)?,
            None => write!(f, " {}", self.action)?,
        }
        if let Some(iface) = &self.iface {
            write!(f, " -i {iface}")?;
        }
        if let Some(source) = &self.source {
            write!(f, " -source {source}")?;
        }
        if let Some(dest) = &self.dest {
            write!(f, " -dest {dest}")?;
        }
        if let Some(proto) = &self.proto {
            write!(f, " -p {proto}")?;
        }
        let number = self.icmp_type.as_ref().filter(|kind| kind.is_number());
        if let Some(kind) = number {
            write!(f, " -dport {kind}")?;
        }
        if !self.ports.is_empty() {
            write!(f, " -dport {}", self.ports)?;
        }
        if !self.source_ports.is_empty() {
            write!(f, " -sport {}", self.source_ports)?;
        }
        if let Some(log) = self.log {
            write!(f, " -log {log}")?;
        }
        if let Some(kind) = &self.icmp_type
            && number.is_none()
        {
            write!(f, " -icmp-type {kind}")?;
        }
        if let Some(comment) = self.comment.as_ref().filter(|text| !text.trim().is_empty()) {
            write!(f, " # {comment}")?;
        }
        Ok(())
    }
}

/// Whether a text may name an interface of the host.
fn is_iface(text: &str) -> bool {
    text.len() >= 2
        && text.len() <= 20
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b))
}

/// Proxmox's limit for the name of a security group.
const LONGEST_GROUP: usize = 18;

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
    fn a_rule_is_written_in_the_order_of_proxmox() {
        let rule = Rule {
            iface: Some("net0".to_owned()),
            source: "10.0.0.12".parse().ok(),
            dest: "+servers".parse().ok(),
            proto: "tcp".parse().ok(),
            ports: "80,443".parse().unwrap(),
            source_ports: "1024:65535".parse().unwrap(),
            log: "info".parse().ok(),
            comment: Some("web (all): yes".to_owned()),
            ..rule(Direction::In)
        };
        assert_eq!(
            rule.to_string(),
            "IN ACCEPT -i net0 -source 10.0.0.12 -dest +servers -p tcp -dport 80,443 -sport 1024:65535 -log info # web (all): yes"
        );
        assert!(rule.problems(RuleScope::Guest).is_empty());
        let off = Rule {
            macro_name: "ssh".parse().ok(),
            enabled: false,
            ..Rule::new(Direction::Out, Action::Drop)
        };
        assert_eq!(off.to_string(), "|OUT SSH(DROP)");
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
