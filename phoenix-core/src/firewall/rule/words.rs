//! The words that a rule is made of.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::LONGEST_GROUP;
use crate::diagnostic::nearest;
use crate::firewall::is_name;

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
        let verdicts = [
            ("ACCEPT", Self::Accept),
            ("DROP", Self::Drop),
            ("REJECT", Self::Reject),
        ];
        let named = verdicts
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(text));
        named.map(|(_, verdict)| verdict).ok_or_else(|| {
            WordError::new(
                text,
                "`ACCEPT`, `DROP` or `REJECT`",
                &["ACCEPT", "DROP", "REJECT"],
            )
        })
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
