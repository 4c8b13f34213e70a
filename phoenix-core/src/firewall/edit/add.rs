//! New rules, and what is switched on or off.

use super::{Beside, Session};
use crate::diagnostic::Faults;
use crate::document::{Position, Value};
use crate::firewall::member::{insert_member, member_value};
use crate::firewall::{Action, Assignment, Direction, Rule, Selector, Target};

impl Session<'_, '_, '_> {
    pub(super) fn add(
        &mut self,
        fields: &[Assignment],
        beside: Option<Beside>,
    ) -> Result<(), Faults> {
        let mut rule = Rule::new(Direction::In, Action::Accept);
        // The action is read by what the direction makes of it.
        let (types, rest): (Vec<_>, Vec<_>) =
            fields.iter().partition(|field| field.field() == "type");
        for field in types.into_iter().chain(rest) {
            field
                .apply(&mut rule)
                .map_err(|error| self.refused("rule-field", error.to_string(), None))?;
        }
        self.check_new(&rule, None, None)?;
        let like = self.list.rules.iter().rfind(|other| {
            other.rule.direction == rule.direction && other.rule.action == rule.action
        });
        let position = match beside {
            Some(beside) => self.position(beside)?,
            None => like.map_or(Position::Last, |like| Position::After(like.node)),
        };
        if self
            .list
            .rules
            .iter()
            .any(|other| other.rule.same_but_comment(&rule))
        {
            return Ok(());
        }
        let members = fields.iter().filter_map(|field| {
            Some((
                field.field(),
                member_value(field.field(), field.value()?, None),
            ))
        });
        let value = Value::object(members);
        self.said
            .push(format!("{}: new rule {rule}", self.list.target));
        match (self.list.array, self.list.firewall) {
            (Some(array), _) => {
                self.into.insert(array, position, None, value);
            }
            (None, Some(firewall)) => {
                let rules = Value::Array(vec![value]);
                self.into
                    .insert(firewall, Position::Last, Some(self.list.key()), rules);
            }
            (None, None) => self.new_firewall(Some(true), vec![value]),
        }
        Ok(())
    }

    fn new_firewall(&mut self, enabled: Option<bool>, rules: Vec<Value>) {
        let enabled = match self.list.target {
            // What a whole host lets in is not switched on in passing.
            Target::Global if !rules.is_empty() => None,
            _ => enabled,
        };
        let members = enabled
            .map(|enabled| ("enabled", Value::Bool(enabled)))
            .into_iter()
            .chain([(self.list.key(), Value::Array(rules))]);
        insert_member(
            self.into,
            self.list.document.cursor(self.list.owner),
            "firewall",
            Value::object(members),
        );
    }

    pub(super) fn enable(
        &mut self,
        selector: &Selector,
        expect: usize,
        enabled: bool,
    ) -> Result<(), Faults> {
        if selector.is_empty() {
            self.enable_all(enabled);
            return Ok(());
        }
        let list = self.list;
        for listed in list.expect(selector, expect)? {
            if listed.rule.enabled == enabled {
                continue;
            }
            let object = list.document.cursor(listed.node);
            match object.get("enabled") {
                Some(flag) => {
                    self.into.set(flag.node(), Value::Bool(enabled));
                }
                None => insert_member(self.into, object, "enabled", Value::Bool(enabled)),
            }
            self.say(
                listed,
                if enabled {
                    "switched on"
                } else {
                    "switched off"
                },
            );
        }
        Ok(())
    }

    fn enable_all(&mut self, enabled: bool) {
        let whose = self.list.target;
        let words = if enabled {
            "switched on"
        } else {
            "switched off"
        };
        let Some(firewall) = self.list.firewall else {
            // Where there is no firewall there is none to switch off.
            if enabled {
                self.new_firewall(Some(true), Vec::new());
                self.said.push(format!("{whose}: firewall {words}"));
            }
            return;
        };
        let object = self.list.document.cursor(firewall);
        match object.get("enabled") {
            Some(flag) if flag.as_bool() == Some(enabled) => return,
            Some(flag) => {
                self.into.set(flag.node(), Value::Bool(enabled));
            }
            None => {
                self.into.insert(
                    firewall,
                    Position::First,
                    Some("enabled"),
                    Value::Bool(enabled),
                );
            }
        }
        self.said.push(format!("{whose}: firewall {words}"));
    }
}
