//! What rules say, set in place.

use std::collections::{HashMap, HashSet};

use super::Session;
use crate::diagnostic::Faults;
use crate::document::{NodeId, Value};
use crate::firewall::member::{insert_member, member_value};
use crate::firewall::{
    Action, Assignment, Direction, Ports, PortsError, RULE_FIELDS, Selector, with_port,
};

impl Session<'_, '_, '_> {
    pub(super) fn set(
        &mut self,
        selector: &Selector,
        expect: usize,
        fields: &[Assignment],
    ) -> Result<(), Faults> {
        let list = self.list;
        list.check_index(selector.index)?;
        if let Some(node) = self.unreadable(selector) {
            let index = selector.index.unwrap_or_default();
            let words = format!("{}: rule {index}", list.target);
            self.assign(node, fields, &words);
            return Ok(());
        }
        if list.select(selector).is_empty() && !list.select(&after(selector, fields)).is_empty() {
            return Ok(());
        }
        for listed in list.expect(selector, expect)? {
            let mut new = listed.rule.clone();
            let (types, rest): (Vec<_>, Vec<_>) =
                fields.iter().partition(|field| field.field() == "type");
            for field in types.into_iter().chain(rest) {
                field.apply(&mut new).map_err(|error| {
                    self.refused("rule-field", error.to_string(), Some(listed.node))
                })?;
            }
            self.check_new(&new, Some(&listed.rule), Some(listed.node))?;
            let words = self.whose(listed);
            self.assign(listed.node, fields, &words);
        }
        Ok(())
    }

    /// Makes members what they shall be. Where one goes and another comes, the new one takes the old one's place.
    fn assign(&mut self, node: NodeId, fields: &[Assignment], whose: &str) {
        let object = self.list.document.cursor(node);
        let mut gone: Vec<_> = fields
            .iter()
            .filter(|field| field.value().is_none())
            .filter_map(|field| Some((field.field(), object.get(field.field())?)))
            .collect();
        // Several that come to one place come in the order of a rule's fields.
        let mut fields: Vec<&Assignment> = fields.iter().collect();
        fields.sort_by_key(|field| {
            RULE_FIELDS
                .iter()
                .position(|info| info.name == field.field())
        });
        for field in fields {
            let (name, Some(text)) = (field.field(), field.value()) else {
                continue;
            };
            if let Some(member) = object.get(name) {
                let value = member_value(name, text, Some(member));
                if member.to_value().as_ref() != Some(&value) {
                    self.said
                        .push(format!("{whose}: {name} {} -> {text}", member.literal()));
                    self.into.set(member.node(), value);
                }
                continue;
            }
            let value = member_value(name, text, None);
            let partner = match name {
                "source" => "dest",
                "dest" => "source",
                "port" => "sport",
                "sport" => "port",
                _ => "",
            };
            if let Some(at) = gone.iter().position(|(name, _)| *name == partner) {
                let (old, member) = gone.remove(at);
                self.said
                    .push(format!("{whose}: {old} becomes {name} {text}"));
                self.into.rename_key(member.node(), name);
                self.into.set(member.node(), value);
            } else {
                self.said.push(format!("{whose}: {name} {text}"));
                insert_member(self.into, object, name, value);
            }
        }
        for (name, member) in gone {
            self.said
                .push(format!("{whose}: {name} {} goes", member.literal()));
            self.into.remove(member.node());
        }
    }

    pub(super) fn set_port(
        &mut self,
        selector: &Selector,
        expect: usize,
        port: u16,
        dedupe: bool,
    ) -> Result<(), Faults> {
        let list = self.list;
        let done = Selector {
            ports: Some(Ports(vec![port..=port])),
            ..selector.clone()
        };
        if list.select(selector).is_empty() && !list.select(&done).is_empty() {
            return Ok(());
        }
        let from = selector.ports.as_ref().and_then(Ports::single);
        let chosen = list.expect(selector, expect)?;
        let mut standing: HashMap<String, usize> = HashMap::new();
        if dedupe {
            let chosen: HashSet<usize> = chosen.iter().map(|listed| listed.index).collect();
            for listed in &list.rules {
                if !chosen.contains(&listed.index) {
                    standing.entry(listed.rule.deed()).or_insert(listed.index);
                }
            }
        }
        for listed in chosen {
            let member = list.document.cursor(listed.node).get("port");
            let written = member.map(|member| {
                member
                    .as_str()
                    .map_or_else(|| member.literal().to_owned(), std::borrow::Cow::into_owned)
            });
            let text = match (from, &written) {
                (Some(from), Some(written)) => with_port(written, from, port).ok_or_else(|| {
                    self.refused(
                        "rule-port",
                        format!(
                            "found port {from} inside the range {written}, expected it by itself"
                        ),
                        Some(listed.node),
                    )
                })?,
                _ => port.to_string(),
            };
            let mut new = listed.rule.clone();
            new.ports = text.parse().map_err(|error: PortsError| {
                self.refused("rule-port", error.to_string(), Some(listed.node))
            })?;
            self.check_new(&new, Some(&listed.rule), Some(listed.node))?;
            if dedupe {
                let key = new.deed();
                if let Some(twin) = standing.get(&key) {
                    let words = format!("goes, rule {twin} says the same with port {port}");
                    self.say(listed, &words);
                    self.into.remove(listed.node);
                    continue;
                }
                standing.insert(key, listed.index);
            }
            match member {
                Some(member) => {
                    let value = member_value("port", &text, Some(member));
                    self.into.set(member.node(), value);
                }
                None => insert_member(
                    self.into,
                    list.document.cursor(listed.node),
                    "port",
                    Value::from(text.as_str()),
                ),
            }
            let words = match written {
                Some(written) => format!("port {written} -> {text}"),
                None => format!("port {text}"),
            };
            self.say(listed, &words);
        }
        Ok(())
    }
}

/// What a selector is once the fields are as they shall be: the same edit a second time finds its rules by that.
fn after(selector: &Selector, fields: &[Assignment]) -> Selector {
    let mut after = selector.clone();
    for field in fields {
        let value = field.value();
        match field.field() {
            "type" => after.direction = value.and_then(|v| v.parse().ok()).or(after.direction),
            "action" => {
                after.action = value
                    .and_then(|v| {
                        let direction = after.direction.unwrap_or(Direction::In);
                        Action::parse(direction, v).ok()
                    })
                    .or(after.action);
            }
            "proto" => after.proto = value.and_then(|v| v.parse().ok()),
            "port" => after.ports = value.and_then(|v| v.parse().ok()),
            "source" => after.source = value.and_then(|v| v.parse().ok()),
            "dest" => after.dest = value.and_then(|v| v.parse().ok()),
            "comment" => after.comment = value.map(str::to_owned),
            _ => {}
        }
    }
    after
}
