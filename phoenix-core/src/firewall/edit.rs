//! Edits of rules in place: only the bytes of the value that changes.

use std::ops::RangeInclusive;

use super::{Action, Ports, Rule};
use crate::document::{Edit, NodeId, Value};

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
    port_node: impl Fn(NodeId) -> Option<NodeId>,
    rules: &[Rule],
    from: u16,
    to: u16,
) -> Vec<Edited> {
    let mut standing: Vec<Rule> = rules
        .iter()
        .filter(|rule| !is_single(&rule.ports, from))
        .cloned()
        .collect();
    let mut edited = Vec::new();
    for rule in rules.iter().filter(|rule| is_single(&rule.ports, from)) {
        let mut moved = rule.clone();
        moved.ports = replaced(&rule.ports, from, to);
        if let Some(twin) = standing.iter().find(|other| other.same_but_comment(&moved)) {
            edit.remove(rule.node);
            edited.push(Edited::Removed {
                rule: rule.node,
                twin: twin.node,
            });
            continue;
        }
        if let Some(port) = port_node(rule.node) {
            edit.set(port, Value::from(moved.ports.to_string()));
            edited.push(Edited::Port {
                rule: rule.node,
                ports: moved.ports.clone(),
            });
            standing.push(moved);
        }
    }
    edited
}

/// Rules that let TCP traffic to this port pass, by naming it or by covering it.
pub fn opens(rules: &[Rule], port: u16) -> impl Iterator<Item = &Rule> {
    rules.iter().filter(move |rule| {
        rule.enabled
            && rule.action == Action::Accept
            && rule.ports.names(port)
            && rule
                .proto
                .as_deref()
                .is_none_or(|proto| proto.eq_ignore_ascii_case("tcp"))
    })
}

/// Whether the port stands in the list by itself, not inside a range.
fn is_single(ports: &Ports, port: u16) -> bool {
    ports.0.iter().any(|range| range == &(port..=port))
}

fn replaced(ports: &Ports, from: u16, to: u16) -> Ports {
    let mut list: Vec<RangeInclusive<u16>> = Vec::new();
    for range in &ports.0 {
        let range = if range == &(from..=from) {
            to..=to
        } else {
            range.clone()
        };
        if !list.contains(&range) {
            list.push(range);
        }
    }
    Ports(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Faults;
    use crate::document::{Document, Format};
    use crate::firewall::decode_rules;

    fn moved(text: &str) -> (String, usize) {
        let document = Document::parse(
            "rules.json".as_ref(),
            text.as_bytes().to_vec(),
            Format::Json,
        )
        .unwrap();
        let mut faults = Faults::new();
        let rules = decode_rules(&document, document.root().node(), &mut faults);
        assert!(faults.is_empty(), "{faults}");
        let mut edit = Edit::new(&document);
        let port = |rule| {
            document
                .cursor(rule)
                .get("port")
                .map(crate::document::Cursor::node)
        };
        let edited = move_port(&mut edit, port, &rules, 2375, 2376);
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
