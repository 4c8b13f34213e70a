//! A service that moves from one port to another, and its rules with it.

use super::{Action, Ports, Rule, with_port};
use crate::document::{Document, Edit, Located, NodeId, Value};

/// What became of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edited {
    /// Its port was set.
    Port {
        /// The rule.
        rule: NodeId,
        /// What it says now.
        ports: Ports,
    },
    /// It went, since another rule already says the same.
    Removed {
        /// The rule.
        rule: NodeId,
        /// The rule that stays.
        twin: NodeId,
    },
}

/// Makes every rule that names the port `from` name `to` instead; a rule that would double another goes.
///
/// Rules that cover `from` by a wider range or by naming no port are left alone: see [`opens`].
pub fn move_port(
    edit: &mut Edit<'_>,
    document: &Document,
    rules: &[Located<Rule>],
    from: u16,
    to: u16,
) -> Vec<Edited> {
    let mut standing: Vec<Located<Rule>> = rules
        .iter()
        .filter(|rule| !rule.value.ports.lists(from))
        .cloned()
        .collect();
    let mut edited = Vec::new();
    for rule in rules.iter().filter(|rule| rule.value.ports.lists(from)) {
        let Some(port) = document.cursor(rule.node).get("port") else {
            continue;
        };
        let written = port
            .as_str()
            .map_or_else(|| port.literal().to_owned(), std::borrow::Cow::into_owned);
        let Some((text, ports)) = with_port(&written, from, to)
            .and_then(|text| Some((text.clone(), text.parse::<Ports>().ok()?)))
        else {
            continue;
        };
        let mut moved = rule.clone();
        moved.value.ports = ports.clone();
        let twin = standing
            .iter()
            .find(|other| other.value.same_but_comment(&moved.value));
        if let Some(twin) = twin {
            edit.remove(rule.node);
            edited.push(Edited::Removed {
                rule: rule.node,
                twin: twin.node,
            });
            continue;
        }
        edit.set(port.node(), Value::from(text));
        edited.push(Edited::Port {
            rule: rule.node,
            ports,
        });
        standing.push(moved);
    }
    edited
}

/// Rules that let TCP traffic to this port pass, by naming it or by covering it.
pub fn opens(rules: &[Located<Rule>], port: u16) -> impl Iterator<Item = &Located<Rule>> {
    rules.iter().filter(move |located| {
        let rule = &located.value;
        rule.enabled
            && rule.action == Action::Accept
            && rule.ports.names(port)
            && rule
                .proto
                .as_ref()
                .is_none_or(|proto| proto.number() == super::TCP)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Faults;
    use crate::document::Format;
    use crate::firewall::{RuleScope, decode_rules};

    fn moved(text: &str) -> (String, usize) {
        let document = Document::parse(
            "rules.json".as_ref(),
            text.as_bytes().to_vec(),
            Format::Json,
        )
        .unwrap();
        let mut faults = Faults::new();
        let list = document.root().node();
        let rules = decode_rules(&document, list, RuleScope::Guest, &mut faults);
        faults.into_result(()).unwrap();
        let mut edit = Edit::new(&document);
        let edited = move_port(&mut edit, &document, &rules, 2375, 2376);
        let after = edit.finish().unwrap().apply(&document).unwrap();
        (after.text().to_owned(), edited.len())
    }

    #[test]
    fn the_port_changes_and_nothing_else() {
        let text = r#"[
    {"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "2375", "comment": "port 2375"},
    {"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "80"}
]"#;
        assert_eq!(moved(text), (text.replacen("\"2375\"", "\"2376\"", 1), 1));
    }

    #[test]
    fn a_rule_that_is_already_there_is_not_doubled() {
        let text = r#"[
    {"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "2376", "comment": "new"},
    {"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "2375", "comment": "old"}
]"#;
        let expected = r#"[
    {"type": "in", "action": "ACCEPT", "proto": "tcp", "port": "2376", "comment": "new"}
]"#;
        assert_eq!(moved(text), (expected.to_owned(), 1));
    }

    #[test]
    fn old_rules_that_stand_three_times_become_one() {
        let rule = r#"{"type": "out", "action": "ACCEPT", "dest": "10.0.0.111", "port": "2375"}"#;
        let (after, edited) = moved(&format!("[{rule}, {rule}, {rule}]"));
        assert_eq!(edited, 3);
        assert_eq!(after.matches("2376").count(), 1);
        assert_eq!(after.matches("2375").count(), 0);
    }

    #[test]
    fn ports_of_a_list_are_replaced_one_by_one() {
        let text = r#"[{"type": "in", "action": "ACCEPT", "port": "80,2375"}, {"type": "in", "action": "DROP", "port": "2375,2376"}]"#;
        let (after, _) = moved(text);
        assert!(
            after.contains("\"80,2376\"") && after.contains("\"port\": \"2376\""),
            "{after}"
        );
    }
}
