//! One rule, as the site's JSON has it.

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;

use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Document, NodeId};

/// Which traffic a rule is about, seen from the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Direction {
    /// To the guest.
    In,
    /// From the guest.
    Out,
}

/// What happens to traffic that a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Action {
    /// It passes.
    Accept,
    /// It vanishes.
    Drop,
    /// It is answered with a refusal.
    Reject,
}

/// A rule's ports: numbers and ranges; empty means every port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ports(pub Vec<RangeInclusive<u16>>);

impl Ports {
    /// Whether traffic to this port is meant.
    pub fn contains(&self, port: u16) -> bool {
        self.0.is_empty() || self.0.iter().any(|range| range.contains(&port))
    }

    /// Whether this port is named, not only covered by a rule for all ports.
    pub fn names(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// Reads `2375`, `80,443`, `8000:8010`.
    pub fn parse(text: &str) -> Option<Self> {
        text.split(',')
            .map(|part| {
                let (low, high) = part
                    .trim()
                    .split_once([':', '-'])
                    .unwrap_or((part.trim(), part.trim()));
                let (low, high): (u16, u16) = (low.parse().ok()?, high.parse().ok()?);
                (low > 0 && low <= high).then_some(low..=high)
            })
            .collect::<Option<Vec<_>>>()
            .map(Self)
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}:{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

/// A firewall rule and where it stands.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Direction.
    pub direction: Direction,
    /// Verdict.
    pub action: Action,
    /// Where the traffic comes from, as written.
    pub source: Option<String>,
    /// Where it goes to, as written.
    pub dest: Option<String>,
    /// Protocol; absent means every protocol.
    pub proto: Option<String>,
    /// Ports.
    pub ports: Ports,
    /// What the operator says about it.
    pub comment: Option<String>,
    /// `enabled: false` switches a rule off.
    pub enabled: bool,
    /// Its object.
    pub node: NodeId,
}

impl Rule {
    /// Whether both rules match the same traffic with the same verdict, whatever their comments say.
    pub fn same_but_comment(&self, other: &Self) -> bool {
        self.direction == other.direction
            && self.action == other.action
            && self.source == other.source
            && self.dest == other.dest
            && self.proto == other.proto
            && self.ports == other.ports
            && self.enabled == other.enabled
    }
}

/// Reads a list of rules; a rule with a fault is left out and reported.
pub fn decode_rules(document: &Document, rules: NodeId, faults: &mut Faults) -> Vec<Rule> {
    document
        .cursor(rules)
        .items()
        .filter_map(|rule| decode_rule(rule, faults))
        .collect()
}

fn decode_rule(object: Cursor<'_>, faults: &mut Faults) -> Option<Rule> {
    let mut complain = |member: &str, expected: &str| {
        let node = object.get(member).unwrap_or(object);
        let found = object.get(member).map_or("nothing", Cursor::literal);
        faults.push(
            Fault::error(
                "rule",
                format!("found {found} as `{member}` of a firewall rule, expected {expected}"),
            )
            .at(node.place()),
        );
    };
    let text = |member: &str| {
        object
            .get(member)
            .and_then(|node| Some(node.as_str()?.into_owned()))
    };
    let direction = match text("type")
        .as_deref()
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        Some("in") => Direction::In,
        Some("out") => Direction::Out,
        _ => {
            complain("type", "`in` or `out`");
            return None;
        }
    };
    let action = match text("action")
        .as_deref()
        .map(str::to_ascii_uppercase)
        .as_deref()
    {
        Some("ACCEPT") => Action::Accept,
        Some("DROP") => Action::Drop,
        Some("REJECT") => Action::Reject,
        _ => {
            complain("action", "`ACCEPT`, `DROP` or `REJECT`");
            return None;
        }
    };
    let ports = match object.get("port") {
        None => Ports::default(),
        Some(port) => {
            // Numbers are as good as strings here; the scripts put both into the same line.
            let written = port
                .as_str()
                .map_or_else(|| port.literal().to_owned(), std::borrow::Cow::into_owned);
            if let Some(ports) = Ports::parse(&written) {
                ports
            } else {
                complain(
                    "port",
                    "ports from 1 to 65535 such as `2376`, `80,443` or `8000:8010`",
                );
                return None;
            }
        }
    };
    Some(Rule {
        direction,
        action,
        source: text("source"),
        dest: text("dest"),
        proto: text("proto"),
        ports,
        comment: text("comment"),
        enabled: object
            .get("enabled")
            .and_then(Cursor::as_bool)
            .unwrap_or(true),
        node: object.node(),
    })
}
