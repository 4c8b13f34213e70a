//! Edits of lists of rules in place: only the bytes that must change.

use std::collections::{HashMap, HashSet};

use super::member::{insert_member, member_value};
use super::{
    Action, Assignment, Direction, Lines, Listed, RULE_FIELDS, Rule, RuleList, Selector, Target,
    with_port,
};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Edit, NodeId, Position, Value};

/// What is to become of a list of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleEdit {
    /// A new rule, unless the list has one that says the same.
    Add {
        /// What it says.
        fields: Vec<Assignment>,
        /// Where; behind the last rule of its direction and verdict when absent.
        beside: Option<Beside>,
    },
    /// Rules that say what an earlier one says already go.
    Dedupe {
        /// Among these.
        selector: Selector,
        /// Also those whose comments differ; the first comment stays.
        ignore_comments: bool,
    },
    /// Rules are switched on or off; without a selector the whole firewall of the guest or host.
    Enable {
        /// Which.
        selector: Selector,
        /// How many they must be.
        expect: usize,
        /// On or off.
        enabled: bool,
    },
    /// Rules go to another place of their list.
    Move {
        /// Which.
        selector: Selector,
        /// How many they must be.
        expect: usize,
        /// Where to.
        beside: Beside,
    },
    /// Rules go.
    Remove {
        /// Which.
        selector: Selector,
        /// How many they must be.
        expect: usize,
    },
    /// Fields of rules change.
    Set {
        /// Which.
        selector: Selector,
        /// How many they must be.
        expect: usize,
        /// Each field and what it shall be.
        fields: Vec<Assignment>,
    },
    /// The port that the selector names becomes another one; without it, all ports of the rule do.
    SetPort {
        /// Which.
        selector: Selector,
        /// How many they must be.
        expect: usize,
        /// The new port.
        port: u16,
        /// A rule that would then double another goes, whatever its comment.
        dedupe: bool,
    },
}

/// A place in a list, said by the rule that stands there now; the first is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Beside {
    /// Behind it.
    After(usize),
    /// Before it.
    Before(usize),
}

impl RuleEdit {
    /// Puts the edit of one list into `into`; gives each change in words, nothing when all is as wanted.
    ///
    /// # Errors
    /// When another number of rules matches than was expected, with the matches; when the result would be a rule
    /// that Proxmox ignores; when the list itself has errors and the rule is not named by its place.
    pub fn apply(&self, list: &RuleList<'_>, into: &mut Edit<'_>) -> Result<Vec<String>, Faults> {
        // A rule that cannot be read can still be named by its place, to be mended or to go.
        let by_index = match self {
            Self::Remove { selector, .. } | Self::Set { selector, .. } => selector.index,
            _ => None,
        };
        if by_index.is_none() {
            list.sound()?;
        }
        let mut session = Session {
            list,
            lines: list.lines(),
            into,
            said: Vec::new(),
        };
        match self {
            Self::Add { fields, beside } => session.add(fields, *beside)?,
            Self::Dedupe {
                selector,
                ignore_comments,
            } => session.dedupe(selector, *ignore_comments),
            Self::Enable {
                selector,
                expect,
                enabled,
            } => session.enable(selector, *expect, *enabled)?,
            Self::Move {
                selector,
                expect,
                beside,
            } => session.move_rules(selector, *expect, *beside)?,
            Self::Remove { selector, expect } => session.remove(selector, *expect)?,
            Self::Set {
                selector,
                expect,
                fields,
            } => session.set(selector, *expect, fields)?,
            Self::SetPort {
                selector,
                expect,
                port,
                dedupe,
            } => session.set_port(selector, *expect, *port, *dedupe)?,
        }
        Ok(session.said)
    }
}

/// One edit of one list.
struct Session<'s, 'd, 'e> {
    list: &'s RuleList<'d>,
    lines: Lines,
    into: &'s mut Edit<'e>,
    said: Vec<String>,
}

impl Session<'_, '_, '_> {
    fn add(&mut self, fields: &[Assignment], beside: Option<Beside>) -> Result<(), Faults> {
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

    fn dedupe(&mut self, selector: &Selector, ignore_comments: bool) {
        let mut seen: HashMap<String, &Listed> = HashMap::new();
        let list = self.list;
        for listed in &list.rules {
            if !selector.selects(listed.index, &listed.rule) {
                continue;
            }
            let key = if ignore_comments {
                without_comment(&listed.rule)
            } else {
                listed.rule.to_string()
            };
            if let Some(first) = seen.get(&key) {
                let words = format!("goes, rule {} says the same", first.index);
                self.say(listed, &words);
                self.into.remove(listed.node);
            } else {
                seen.insert(key, listed);
            }
        }
    }

    fn enable(&mut self, selector: &Selector, expect: usize, enabled: bool) -> Result<(), Faults> {
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

    fn move_rules(
        &mut self,
        selector: &Selector,
        expect: usize,
        beside: Beside,
    ) -> Result<(), Faults> {
        let list = self.list;
        let chosen = list.expect(selector, expect)?;
        self.position(beside)?;
        let (Beside::After(at) | Beside::Before(at)) = beside;
        // The order that the list shall have; what is chosen keeps its own order.
        let indices: HashSet<usize> = chosen.iter().map(|listed| listed.index).collect();
        let is_chosen = |index: usize| indices.contains(&index);
        let anchor = match beside {
            Beside::Before(_) => (at..list.items.len()).find(|index| !is_chosen(*index)),
            Beside::After(_) => (0..=at).rev().find(|index| !is_chosen(*index)),
        };
        let mut order: Vec<usize> = (0..list.items.len())
            .filter(|index| !is_chosen(*index))
            .collect();
        let stands = anchor.and_then(|anchor| order.iter().position(|index| *index == anchor));
        let to = match (beside, stands) {
            (Beside::Before(_), Some(stands)) => stands,
            (Beside::Before(_), None) => order.len(),
            (Beside::After(_), Some(stands)) => stands + 1,
            (Beside::After(_), None) => 0,
        };
        order.splice(to..to, chosen.iter().map(|listed| listed.index));
        if order.is_sorted() {
            return Ok(());
        }
        let position = match (beside, anchor) {
            (Beside::Before(_), Some(anchor)) => Position::Before(list.items[anchor]),
            (Beside::Before(_), None) => Position::Last,
            (Beside::After(_), Some(anchor)) => Position::After(list.items[anchor]),
            (Beside::After(_), None) => Position::First,
        };
        let words = match beside {
            Beside::After(at) => format!("moved behind rule {at}"),
            Beside::Before(at) => format!("moved before rule {at}"),
        };
        for listed in chosen {
            self.into.move_to(listed.node, position);
            self.say(listed, &words);
        }
        Ok(())
    }

    fn remove(&mut self, selector: &Selector, expect: usize) -> Result<(), Faults> {
        let list = self.list;
        list.check_index(selector.index)?;
        if let Some(node) = self.unreadable(selector) {
            self.into.remove(node);
            let index = selector.index.unwrap_or_default();
            self.said
                .push(format!("{}: rule {index} goes", list.target));
            return Ok(());
        }
        if list.select(selector).is_empty() {
            return Ok(());
        }
        for listed in list.expect(selector, expect)? {
            let words = format!("goes: {}", listed.rule);
            self.say(listed, &words);
            self.into.remove(listed.node);
        }
        Ok(())
    }

    /// The element that a selector names by its place alone, when it is no rule that can be read.
    fn unreadable(&self, selector: &Selector) -> Option<NodeId> {
        let index = selector.index?;
        let alone = Selector {
            index: Some(index),
            ..Selector::default()
        };
        let readable = self.list.rules.iter().any(|listed| listed.index == index);
        (*selector == alone && !readable)
            .then(|| self.list.items.get(index).copied())
            .flatten()
    }

    fn set(
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

    fn set_port(
        &mut self,
        selector: &Selector,
        expect: usize,
        port: u16,
        dedupe: bool,
    ) -> Result<(), Faults> {
        let list = self.list;
        let done = Selector {
            ports: Some(super::Ports(vec![port..=port])),
            ..selector.clone()
        };
        if list.select(selector).is_empty() && !list.select(&done).is_empty() {
            return Ok(());
        }
        let from = selector.ports.as_ref().and_then(super::Ports::single);
        let chosen = list.expect(selector, expect)?;
        let mut standing: HashMap<String, usize> = HashMap::new();
        if dedupe {
            let chosen: HashSet<usize> = chosen.iter().map(|listed| listed.index).collect();
            for listed in &list.rules {
                if !chosen.contains(&listed.index) {
                    standing
                        .entry(without_comment(&listed.rule))
                        .or_insert(listed.index);
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
            new.ports = text.parse().map_err(|error: super::PortsError| {
                self.refused("rule-port", error.to_string(), Some(listed.node))
            })?;
            self.check_new(&new, Some(&listed.rule), Some(listed.node))?;
            if dedupe {
                let key = without_comment(&new);
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

    fn position(&self, beside: Beside) -> Result<Position, Faults> {
        let (Beside::After(index) | Beside::Before(index)) = beside;
        self.list.check_index(Some(index))?;
        Ok(match beside {
            Beside::After(index) => Position::After(self.list.items[index]),
            Beside::Before(index) => Position::Before(self.list.items[index]),
        })
    }

    /// Refuses a rule that Proxmox would ignore, unless it was one before.
    fn check_new(
        &self,
        new: &Rule,
        old: Option<&Rule>,
        node: Option<NodeId>,
    ) -> Result<(), Faults> {
        let scope = self.list.scope();
        let known = old.map(|old| old.problems(scope)).unwrap_or_default();
        let mut faults = Faults::new();
        for problem in new.problems(scope) {
            if known.contains(&problem) {
                continue;
            }
            let mut refused = self.refused("rule", problem.message, node);
            if let Some(help) = problem.help {
                refused = refused.into_iter().map(|fault| fault.help(help)).fold(
                    Faults::new(),
                    |mut all, fault| {
                        all.push(fault);
                        all
                    },
                );
            }
            faults.extend(refused);
        }
        faults.into_result(())
    }

    fn refused(&self, code: &'static str, message: String, node: Option<NodeId>) -> Faults {
        let at = node.or(self.list.array).unwrap_or(self.list.owner);
        Fault::error(code, message)
            .at(self.list.document.cursor(at).start_place())
            .into()
    }

    fn whose(&self, listed: &Listed) -> String {
        let span = self.list.document.cursor(listed.node).span();
        format!(
            "{}: rule {} (line {})",
            self.list.target,
            listed.index,
            self.lines.line(span.start)
        )
    }

    fn say(&mut self, listed: &Listed, words: &str) {
        let whose = self.whose(listed);
        self.said.push(format!("{whose}: {words}"));
    }
}

/// What a rule does, in words that are the same for rules that do the same.
fn without_comment(rule: &Rule) -> String {
    let mut rule = rule.clone();
    rule.comment = None;
    rule.to_string()
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
