//! Which rules are meant.

use super::{Action, Direction, Rule};

/// What rules must have to be selected; what is not stated does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// Direction.
    pub direction: Option<Direction>,
    /// Verdict.
    pub action: Option<Action>,
    /// A port that the rule names.
    pub port: Option<u16>,
    /// Protocol; a rule for every protocol is selected too.
    pub proto: Option<String>,
    /// Source, as written.
    pub source: Option<String>,
    /// Destination, as written.
    pub dest: Option<String>,
}

impl Selector {
    /// Whether a rule is meant.
    pub fn selects(&self, rule: &Rule) -> bool {
        let same =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.direction
            .is_none_or(|direction| direction == rule.direction)
            && self.action.is_none_or(|action| action == rule.action)
            && self.port.is_none_or(|port| rule.ports.names(port))
            && (self.proto.is_none() || rule.proto.is_none() || self.proto == rule.proto)
            && same(&self.source, &rule.source)
            && same(&self.dest, &rule.dest)
    }

    /// All rules that are meant.
    pub fn all<'r>(&self, rules: &'r [Rule]) -> Vec<&'r Rule> {
        rules.iter().filter(|rule| self.selects(rule)).collect()
    }
}
