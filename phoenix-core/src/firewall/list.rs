//! Where lists of rules stand in the site's files.

use std::fmt;
use std::str::FromStr;

use super::decode::{PROBLEM, decode_rule};
use super::{Rule, RuleScope, Selector};
use crate::diagnostic::{Fault, Faults, Place, Severity};
use crate::document::{Cursor, Document, Fields, Kind, NodeId};
use crate::guests::{Guest, global_rules};
use crate::names::{GuestId, NameError};

/// Whose rules: a guest's, or the host-wide ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Target {
    /// Those of the whole host.
    Global,
    /// A guest's.
    Guest(GuestId),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Global => f.write_str("global"),
            Self::Guest(guest) => write!(f, "{guest}"),
        }
    }
}

impl FromStr for Target {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == "global" {
            return Ok(Self::Global);
        }
        text.parse().map(Self::Guest)
    }
}

impl serde::Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A list of rules and where each of them stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RuleList<'d> {
    /// Whose.
    pub target: Target,
    /// The document.
    pub document: &'d Document,
    /// The object with the flag `enabled`, where there is one.
    pub firewall: Option<NodeId>,
    /// The object that the firewall's object is a member of.
    pub owner: NodeId,
    /// The array, where there is one.
    pub array: Option<NodeId>,
    /// The rules that could be read.
    pub rules: Vec<Listed>,
    /// Every element, also those that are no rules.
    pub items: Vec<NodeId>,
    /// What is wrong with the list.
    pub faults: Faults,
}

/// A rule of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its place in the list, the first is 0.
    pub index: usize,
    /// Its object.
    pub node: NodeId,
    /// What it says.
    pub rule: Rule,
    /// Whether Proxmox ignores it; the list's faults say why.
    pub ignored: bool,
}

impl<'d> RuleList<'d> {
    /// A guest's rules.
    pub fn guest(document: &'d Document, guest: &Guest) -> Self {
        let owner = document.cursor(guest.node);
        let firewall = owner.get("firewall");
        let array = firewall.and_then(|firewall| firewall.get("rules"));
        Self::read(
            Target::Guest(guest.id),
            owner,
            firewall,
            array,
            RuleScope::Guest,
        )
    }

    /// The host-wide rules, at whichever of the two places this version of the file has them.
    pub fn global(document: &'d Document) -> Self {
        let root = document.root();
        let array = global_rules(document);
        let shared = root.get("shared_volumes");
        let newer = root.get("firewall");
        let older = shared.and_then(|shared| shared.get("firewall"));
        let is_older = match array {
            Some(array) => array.pointer().starts_with("/shared_volumes/"),
            None => newer.is_none() && older.is_some(),
        };
        let (owner, firewall) = if is_older {
            (shared.unwrap_or(root), older)
        } else {
            (root, newer)
        };
        Self::read(Target::Global, owner, firewall, array, RuleScope::Cluster)
    }

    fn read(
        target: Target,
        owner: Cursor<'d>,
        firewall: Option<Cursor<'d>>,
        array: Option<Cursor<'d>>,
        scope: RuleScope,
    ) -> Self {
        let mut faults = Faults::new();
        for (found, kind, expected) in [
            (firewall, Kind::Object, "an object"),
            (array, Kind::Array, "a list of rules"),
        ] {
            if let Some(found) = found.filter(|found| found.kind() != kind) {
                faults.push(
                    Fault::error(
                        "rules",
                        format!("found {}, expected {expected}", found.kind().noun()),
                    )
                    .at(found.place()),
                );
            }
        }
        let array = array.filter(|array| array.kind() == Kind::Array);
        let all = || array.into_iter().flat_map(Cursor::items);
        let count = all().count();
        let (mut items, mut rules) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for (index, item) in all().enumerate() {
            let node = item.node();
            items.push(node);
            let before = faults.len();
            let Some(rule) = decode_rule(item, scope, &mut faults) else {
                continue;
            };
            let ignored = faults
                .iter()
                .skip(before)
                .any(|fault| fault.code == PROBLEM);
            rules.push(Listed {
                index,
                node,
                rule,
                ignored,
            });
        }
        Self {
            target,
            document: owner.document(),
            firewall: firewall
                .filter(|firewall| firewall.kind() == Kind::Object)
                .map(Cursor::node),
            owner: owner.node(),
            array: array.map(Cursor::node),
            rules,
            items,
            faults,
        }
    }

    /// What rules of this list may say.
    pub fn scope(&self) -> RuleScope {
        match self.target {
            Target::Global => RuleScope::Cluster,
            Target::Guest(_) => RuleScope::Guest,
        }
    }

    /// The name of the array's member.
    pub fn key(&self) -> &'static str {
        match self.target {
            Target::Global => "global_firewall_rules",
            Target::Guest(_) => "rules",
        }
    }

    /// All rules that are meant.
    pub fn select(&self, selector: &Selector) -> Vec<&Listed> {
        self.rules
            .iter()
            .filter(|listed| selector.selects(listed.index, &listed.rule))
            .collect()
    }

    /// The rules that are meant, if they are as many as expected.
    ///
    /// # Errors
    /// A fault that shows each of the matches with its place; the index of a rule that the list does not have.
    pub fn expect(&self, selector: &Selector, expected: usize) -> Result<Vec<&Listed>, Faults> {
        let found = self.select(selector);
        if found.len() == expected {
            return Ok(found);
        }
        self.check_index(selector.index)?;
        let mut fault = Fault::error(
            "expectation",
            format!(
                "found {} of {} matching {}, expected {expected}",
                rules(found.len()),
                self.target,
                quoted(selector),
            ),
        );
        let lines = self.lines();
        for listed in found.iter().take(SHOWN) {
            let place = self.place(listed, &lines);
            fault = fault.at(place.with_label(format!("rule {}: {}", listed.index, listed.rule)));
        }
        if found.len() > SHOWN {
            fault = fault.note(format!("and {} more", found.len() - SHOWN));
        }
        let help = if found.is_empty() {
            let at = self.array.unwrap_or(self.owner);
            fault = fault.at(self.document.cursor(at).start_place());
            format!(
                "`phoenix firewall list {}` shows what there is",
                self.target
            )
        } else {
            format!(
                "say more of the rule, or `--expect {}` when all are meant",
                found.len()
            )
        };
        Err(fault.help(help).into())
    }

    /// Refuses the index of a rule that the list does not have.
    ///
    /// # Errors
    /// A fault that says how many there are.
    pub fn check_index(&self, index: Option<usize>) -> Result<(), Faults> {
        let Some(index) = index.filter(|index| *index >= self.items.len()) else {
            return Ok(());
        };
        let message = match self.items.len() {
            0 => format!("found no rule {index}: {} has no rules", self.target),
            1 => format!(
                "found no rule {index}: {} has one rule, number 0",
                self.target
            ),
            count => format!(
                "found no rule {index}: {} has {count} rules, expected 0 to {}",
                self.target,
                count - 1
            ),
        };
        let at = self.array.unwrap_or(self.owner);
        Err(Fault::error("rule-index", message)
            .at(self.document.cursor(at).start_place())
            .into())
    }

    /// The errors of the list, if it has any.
    ///
    /// # Errors
    /// Those.
    pub fn sound(&self) -> Result<(), Faults> {
        self.faults.clone().into_result(())
    }

    /// Fields of the firewall's object that nobody reads; old files have settings of their own there.
    pub fn unknown_fields(&self) -> Faults {
        let mut faults = Faults::new();
        let Some(firewall) = self.firewall else {
            return faults;
        };
        let known: &[&str] = match self.target {
            Target::Global => &[
                "enabled",
                "default_input_policy",
                "default_output_policy",
                "global_firewall_rules",
            ],
            Target::Guest(_) => &["enabled", "rules"],
        };
        if let Some(fields) = Fields::open(self.document.cursor(firewall), &mut faults) {
            fields.finish(known, &mut faults);
        }
        faults
    }

    /// How many of the faults are errors.
    pub fn errors(&self) -> usize {
        self.faults
            .iter()
            .filter(|fault| fault.severity == Severity::Error)
            .count()
    }

    /// Where each line of the document begins, for [`RuleList::place`].
    pub fn lines(&self) -> Lines {
        Lines::of(self.document.text())
    }

    /// Where a rule stands: its opening line.
    pub fn place(&self, listed: &Listed, lines: &Lines) -> Place {
        let cursor = self.document.cursor(listed.node);
        let mut place = lines.place(self.document, cursor.span());
        let base = self
            .array
            .map(|array| self.document.cursor(array).pointer());
        place.pointer = Some(format!("{}/{}", base.unwrap_or_default(), listed.index));
        place
    }
}

/// Where the lines of a text begin: a place costs a search instead of a walk through the file.
#[derive(Debug, Clone)]
pub struct Lines(Vec<usize>);

impl Lines {
    /// Those of a text.
    pub fn of(text: &str) -> Self {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Self([0].into_iter().chain(after).collect())
    }

    /// The line of a byte, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|start| *start <= offset)
    }

    fn place(&self, document: &Document, span: std::ops::Range<usize>) -> Place {
        let line = self.line(span.start);
        let start = self.0[line.saturating_sub(1)];
        let text = &document.text()[start..];
        let end = text.find('\n').map_or(text.len(), |at| at + 1);
        let mut place = Place::new(
            document.path(),
            &text[..end],
            span.start - start..(span.end - start).min(end),
        );
        place.line = line;
        place.span = span;
        place
    }
}

fn rules(count: usize) -> String {
    match count {
        0 => "no rule".to_owned(),
        1 => "1 rule".to_owned(),
        count => format!("{count} rules"),
    }
}

fn quoted(selector: &Selector) -> String {
    if selector.is_empty() {
        "(none was described)".to_owned()
    } else {
        format!("`{selector}`")
    }
}

/// More matches than these are counted, not shown.
const SHOWN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;

    #[test]
    fn the_host_wide_rules_are_found_at_both_places() {
        for (text, count) in [
            (
                r#"{"firewall": {"global_firewall_rules": [{"type": "in", "action": "DROP"}]}}"#,
                1,
            ),
            (
                r#"{"shared_volumes": {"firewall": {"global_firewall_rules": [{"type": "in", "action": "DROP"}]}}}"#,
                1,
            ),
            (r#"{"shared_volumes": {"firewall": {}}}"#, 0),
            ("{}", 0),
        ] {
            let document = Document::parse("h".as_ref(), text.into(), Format::Json).unwrap();
            let list = RuleList::global(&document);
            assert_eq!((list.rules.len(), list.errors()), (count, 0), "{text}");
            assert_eq!(list.firewall.is_some(), text.len() > 2);
        }
    }

    #[test]
    fn what_matches_is_shown_when_it_is_not_what_was_expected() {
        let text = r#"{"firewall": {"global_firewall_rules": [
    {"type": "in", "action": "DROP", "proto": "tcp", "port": "22"},
    {"type": "in", "action": "DROP", "proto": "udp", "port": "22"}
]}}"#;
        let document = Document::parse("h.json".as_ref(), text.into(), Format::Json).unwrap();
        let list = RuleList::global(&document);
        let selector = Selector {
            ports: "22".parse().ok(),
            ..Selector::default()
        };
        assert_eq!(list.expect(&selector, 2).unwrap().len(), 2);
        let faults = list.expect(&selector, 1).unwrap_err();
        let fault = faults.iter().next().unwrap();
        assert_eq!(
            fault.message,
            "found 2 rules of global matching `--port 22`, expected 1"
        );
        let places: Vec<String> = fault.places.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["h.json:2:5", "h.json:3:5"]);
        assert_eq!(
            fault.places[1].label.as_deref(),
            Some("rule 1: IN DROP -p udp -dport 22")
        );
        assert_eq!(
            fault.places[1].pointer.as_deref(),
            Some("/firewall/global_firewall_rules/1")
        );
        let selector = Selector {
            index: Some(7),
            ..Selector::default()
        };
        let faults = list.expect(&selector, 1).unwrap_err();
        assert!(
            faults
                .to_string()
                .ends_with("found no rule 7: global has 2 rules, expected 0 to 1")
        );
    }
}
