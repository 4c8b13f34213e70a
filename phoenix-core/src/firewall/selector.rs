//! Which rules are meant.

use std::fmt;

use super::{Action, AddressMatch, Direction, Ports, Protocol, Rule};

/// What rules must have to be selected; what is not stated does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made with `..Default::default()`"
)]
pub struct Selector {
    /// Direction.
    pub direction: Option<Direction>,
    /// Verdict, or the security group.
    pub action: Option<Action>,
    /// Protocol, as the rule names it.
    pub proto: Option<Protocol>,
    /// One port: the rule names it, alone, in a list or in a range. Several: the rule names just these.
    pub ports: Option<Ports>,
    /// Source, in any spelling.
    pub source: Option<AddressMatch>,
    /// Destination, in any spelling.
    pub dest: Option<AddressMatch>,
    /// The whole comment.
    pub comment: Option<String>,
    /// Place in the list, the first is 0.
    pub index: Option<usize>,
}

impl Selector {
    /// Whether a rule is meant, which stands at `index` of its list.
    pub fn selects(&self, index: usize, rule: &Rule) -> bool {
        self.index.is_none_or(|wanted| wanted == index)
            && is(self.direction.as_ref(), Some(&rule.direction))
            && is(self.action.as_ref(), Some(&rule.action))
            && is(self.proto.as_ref(), rule.proto.as_ref())
            && is(self.source.as_ref(), rule.source.as_ref())
            && is(self.dest.as_ref(), rule.dest.as_ref())
            && is(self.comment.as_ref(), rule.comment.as_ref())
            && self
                .ports
                .as_ref()
                .is_none_or(|wanted| match wanted.single() {
                    Some(port) => rule.ports.names(port),
                    None => *wanted == rule.ports,
                })
    }

    /// Whether every rule is meant.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
    wanted.is_none() || wanted == found
}

/// As the command line states it.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut flags: Vec<String> = Vec::new();
        let mut flag = |name: &str, value: Option<String>| {
            flags.extend(value.map(|value| format!("--{name} {value}")));
        };
        flag("direction", self.direction.map(|v| v.to_string()));
        flag("action", self.action.as_ref().map(ToString::to_string));
        flag("proto", self.proto.as_ref().map(ToString::to_string));
        flag("port", self.ports.as_ref().map(ToString::to_string));
        flag("source", self.source.as_ref().map(ToString::to_string));
        flag("dest", self.dest.as_ref().map(ToString::to_string));
        flag("comment", self.comment.as_ref().map(|v| format!("{v:?}")));
        flag("index", self.index.map(|v| v.to_string()));
        f.write_str(&flags.join(" "))
    }
}
