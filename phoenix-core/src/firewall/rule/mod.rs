//! One rule, whatever file it stands in.

mod problems;
mod words;

use std::fmt;

use serde::Serialize;

use super::{AddressMatch, Family, IcmpType, Macro, Ports, Protocol};

pub use problems::Problem;
pub use words::{Action, Direction, LogLevel, RuleScope, WordError};

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

    /// What the rule does, in words that are the same for rules that are [`same_but_comment`](Self::same_but_comment).
    pub fn deed(&self) -> String {
        Self {
            comment: None,
            ..self.clone()
        }
        .to_string()
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
            ..Rule::new(Direction::In, Action::Accept)
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
}
