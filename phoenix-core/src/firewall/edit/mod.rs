//! Edits of lists of rules in place: only the bytes that must change.

mod add;
mod fields;
mod order;
#[cfg(test)]
mod tests;

use super::{Assignment, Lines, Listed, Rule, RuleList, Selector};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Edit, NodeId, Position};

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
