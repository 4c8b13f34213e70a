//! What rules find: collected as nodes, turned into places once and all together.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;

use super::rule::{Rule, rule};
use crate::diagnostic::{Fault, Place, Severity};
use crate::document::{Document, NodeId, Part, Value};

/// One thing that a rule found, or that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What was found, and where.
    #[serde(flatten)]
    pub fault: Fault,
    /// The rule's name; absent where a file could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Whether `--fix` repairs it.
    pub fixable: bool,
    #[serde(skip)]
    pub(super) fix: Vec<FixEdit>,
}

/// A safe edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FixEdit {
    pub(super) file: std::path::PathBuf,
    pub(super) deed: Deed,
    pub(super) reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// Adds a member to an object.
    Insert(NodeId, &'static str, Value),
    Remove(NodeId),
    Set(NodeId, Value),
}

/// What `check` found, by file and place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is an error, not only a warning.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many are this bad.
    pub fn count(&self, severity: Severity) -> usize {
        self.faults()
            .filter(|fault| fault.severity == severity)
            .count()
    }

    /// The findings of one rule.
    pub fn of<'f>(&'f self, code: &'f str) -> impl Iterator<Item = &'f Fault> {
        self.faults().filter(move |fault| fault.code == code)
    }

    /// What was found.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter().map(|finding| &finding.fault)
    }
}

/// What the rules have found so far.
#[derive(Debug, Default)]
pub(super) struct Found<'m> {
    found: Vec<Open<'m>>,
}

/// A finding whose places are not looked up yet.
#[derive(Debug)]
pub(super) struct Open<'m> {
    rule: Option<&'static Rule>,
    fault: Fault,
    spots: Vec<Spot<'m>>,
    fix: Vec<FixEdit>,
}

#[derive(Debug)]
enum Spot<'m> {
    Node {
        document: &'m Document,
        node: NodeId,
        part: Part,
        label: Option<String>,
        secret: bool,
    },
    Place(Place),
}

/// A document and the parts of it whose places are wanted.
type Wanted<'m> = (&'m Document, Vec<(NodeId, Part)>);

impl<'m> Found<'m> {
    /// Begins a finding of this rule; what is missing is added to what is returned.
    pub(super) fn add(&mut self, code: &'static str, message: impl Into<String>) -> &mut Open<'m> {
        // A code that is in no table would be noticed by the examples' test.
        let rule = rule(code).ok();
        let severity = rule.map_or(Severity::Error, |rule| rule.severity);
        self.found.push(Open {
            rule,
            fault: Fault::new(code, severity, message),
            spots: Vec::new(),
            fix: Vec::new(),
        });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// What was found elsewhere, behind what is here.
    pub(super) fn append(&mut self, mut other: Self) {
        self.found.append(&mut other.found);
    }

    /// What a reader found wrong.
    pub(super) fn read(&mut self, fault: &Fault) {
        self.found.push(Open {
            rule: None,
            fault: Fault {
                places: Vec::new(),
                ..fault.clone()
            },
            spots: fault.places.iter().cloned().map(Spot::Place).collect(),
            fix: Vec::new(),
        });
    }

    /// The findings with their places, in the order of `files`, then of their places.
    pub(super) fn finish(self, files: &[&Path]) -> Findings {
        let mut wanted: HashMap<&Path, Wanted<'_>> = HashMap::new();
        for open in &self.found {
            for spot in &open.spots {
                if let Spot::Node {
                    document,
                    node,
                    part,
                    ..
                } = spot
                {
                    let (_, marks) = wanted
                        .entry(document.path())
                        .or_insert_with(|| (document, Vec::new()));
                    marks.push((*node, *part));
                }
            }
        }
        let mut known: HashMap<&Path, std::vec::IntoIter<Place>> = wanted
            .into_iter()
            .map(|(path, (document, marks))| (path, document.places(&marks).into_iter()))
            .collect();
        // In the order in which they were asked for.
        let mut next = |document: &Document| known.get_mut(document.path())?.next();
        let order: HashMap<&Path, usize> = files.iter().enumerate().map(|(i, p)| (*p, i)).collect();
        let mut all: Vec<Finding> = self
            .found
            .into_iter()
            .map(|open| open.close(&mut next))
            .collect();
        all.sort_by(|a, b| {
            let key = |finding: &Finding| {
                let place = finding.fault.places.first();
                let file = place.and_then(|place| order.get(place.file.as_path()));
                (
                    file.copied().unwrap_or(usize::MAX),
                    place.map(|place| (place.file.clone(), place.span.start)),
                )
            };
            key(a).cmp(&key(b)).then(a.fault.code.cmp(b.fault.code))
        });
        Findings(all)
    }
}

impl<'m> Open<'m> {
    /// Where; the first place is the finding's own.
    pub(super) fn at(&mut self, document: &'m Document, node: NodeId, part: Part) -> &mut Self {
        self.spot(document, node, part, None)
    }

    /// Another place that belongs to it.
    pub(super) fn and(
        &mut self,
        document: &'m Document,
        node: NodeId,
        label: impl Into<String>,
    ) -> &mut Self {
        self.spot(document, node, Part::Start, Some(label.into()))
    }

    pub(super) fn spot(
        &mut self,
        document: &'m Document,
        node: NodeId,
        part: Part,
        label: Option<String>,
    ) -> &mut Self {
        self.spots.push(Spot::Node {
            document,
            node,
            part,
            label,
            secret: false,
        });
        self
    }

    /// The name of a member whose value nobody shall read here: its line is not shown.
    pub(super) fn at_secret(&mut self, document: &'m Document, node: NodeId) -> &mut Self {
        self.spots.push(Spot::Node {
            document,
            node,
            part: Part::Key,
            label: None,
            secret: true,
        });
        self
    }

    /// A place that is known already.
    pub(super) fn place(&mut self, place: Place) -> &mut Self {
        self.spots.push(Spot::Place(place));
        self
    }

    pub(super) fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.fault.notes.push(note.into());
        self
    }

    /// Worse than the rule is as a whole.
    pub(super) fn severe(&mut self) -> &mut Self {
        self.fault.severity = Severity::Error;
        self
    }

    /// What to do here, where the rule's own words do not say it.
    pub(super) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.fault.help = Some(help.into());
        self
    }

    pub(super) fn fix(
        &mut self,
        document: &Document,
        deed: Deed,
        reason: impl Into<String>,
    ) -> &mut Self {
        self.fix.push(FixEdit {
            file: document.path().to_owned(),
            deed,
            reason: reason.into(),
        });
        self
    }

    fn close(mut self, next: &mut impl FnMut(&Document) -> Option<Place>) -> Finding {
        for spot in self.spots {
            match spot {
                Spot::Place(place) => self.fault.places.push(place),
                Spot::Node {
                    document,
                    label,
                    secret,
                    ..
                } => {
                    self.fault.places.extend(next(document).map(|mut place| {
                        place.label = label;
                        if secret {
                            place.line_text = String::new();
                        }
                        place
                    }));
                }
            }
        }
        Finding {
            fault: self.fault,
            name: self.rule.map(|rule| rule.name),
            fixable: !self.fix.is_empty(),
            fix: self.fix,
        }
    }
}
