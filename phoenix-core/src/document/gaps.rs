//! A container's edits, seen as what changes between two elements that stay.

use super::edit::{Child, EditError, Intent};
use super::patch::Splice;
use super::{Cursor, NodeId};

/// Between two elements that stay, or an end of the container.
pub(super) struct Gap<'i> {
    pub(super) before: Option<NodeId>,
    pub(super) after: Option<NodeId>,
    pub(super) removed: Vec<NodeId>,
    pub(super) inserted: Vec<&'i Child>,
}

/// The gaps in which something changes.
pub(super) fn gaps(children: &[Child]) -> Vec<Gap<'_>> {
    let mut gaps = Vec::new();
    let mut gap = Gap {
        before: None,
        after: None,
        removed: Vec::new(),
        inserted: Vec::new(),
    };
    for child in children {
        match child {
            Child::Gone(node) => gap.removed.push(*node),
            Child::Moved(_) | Child::New { .. } => gap.inserted.push(child),
            Child::Kept(node) => {
                gap.after = Some(*node);
                let next = Gap {
                    before: Some(*node),
                    after: None,
                    removed: Vec::new(),
                    inserted: Vec::new(),
                };
                gaps.push(std::mem::replace(&mut gap, next));
            }
        }
    }
    gaps.push(gap);
    gaps.retain(|gap| !gap.removed.is_empty() || !gap.inserted.is_empty());
    gaps
}

/// A container between brackets whose elements are separated by commas.
pub(super) struct Bracketed<'c> {
    pub(super) container: Cursor<'c>,
    /// The bytes of an element, with its name.
    pub(super) span: &'c dyn Fn(NodeId) -> std::ops::Range<usize>,
    /// The text of a new element when that blank stands before it.
    pub(super) render: &'c dyn Fn(&Child, &str) -> String,
    /// What stands behind a comma on one line.
    pub(super) space: &'c str,
    /// What stands behind the opening and before the closing bracket when an empty container gets its first element.
    pub(super) opened: (String, String),
    /// Whether `#` begins a comment here.
    pub(super) comments: bool,
}

impl Bracketed<'_> {
    pub(super) fn edit(&self, intent: &Intent, splices: &mut Vec<Splice>) -> Result<(), EditError> {
        let Some(children) = intent.children.get(&self.container.node()) else {
            return Ok(());
        };
        let text = self.container.document().text();
        let whole = self.container.span();
        let is_emptied = children.iter().all(|child| matches!(child, Child::Gone(_)));
        let was_empty = whole.len() < 2 || super::edit::children(self.container).next().is_none();
        if is_emptied || was_empty {
            let inside = whole.start + 1..whole.end - 1;
            self.no_comment(inside.clone(), is_emptied)?;
            let mut new = String::new();
            if was_empty {
                let inserted: Vec<_> = children.iter().collect();
                new = format!(
                    "{}{}{}",
                    self.opened.0,
                    self.joined(&inserted, &self.opened.0),
                    self.opened.1
                );
            }
            if !(was_empty && is_emptied) {
                splices.push(Splice::new(inside, new));
            }
            return Ok(());
        }
        for gap in gaps(children) {
            let first = gap.removed.first().map(|node| (self.span)(*node));
            let last = gap.removed.last().map(|node| (self.span)(*node));
            let splice = match (first, last) {
                (Some(first), Some(last)) if !gap.inserted.is_empty() => {
                    let lead = self.lead(first.start);
                    let range = first.start..last.end;
                    if gap.removed.len() > 1 {
                        self.no_comment(range.clone(), true)?;
                    }
                    Splice::new(range, self.joined(&gap.inserted, lead))
                }
                (Some(first), Some(last)) => {
                    let range = match (gap.before, gap.after) {
                        (_, Some(after)) => first.start..(self.span)(after).start,
                        (Some(before), None) => (self.span)(before).end..last.end,
                        (None, None) => continue,
                    };
                    self.no_comment(range.clone(), true)?;
                    Splice::new(range, String::new())
                }
                _ => match (gap.before, gap.after) {
                    (_, Some(after)) => {
                        let at = (self.span)(after).start;
                        let lead = self.lead(at);
                        let joined = self.joined(&gap.inserted, lead);
                        Splice::new(at..at, format!("{joined},{lead}"))
                    }
                    (Some(before), None) => {
                        let span = (self.span)(before);
                        self.no_comment(span.end..whole.end, false)?;
                        let lead = self.lead(span.start);
                        let joined = self.joined(&gap.inserted, lead);
                        Splice::new(span.end..span.end, format!(",{lead}{joined}"))
                    }
                    (None, None) => continue,
                },
            };
            debug_assert!(text.is_char_boundary(splice.range.start));
            splices.push(splice);
        }
        Ok(())
    }

    fn joined(&self, children: &[&Child], lead: &str) -> String {
        let separator = format!(",{lead}");
        let texts: Vec<_> = children
            .iter()
            .map(|child| (self.render)(child, lead))
            .collect();
        texts.join(&separator)
    }

    /// The blank that stands, or would stand, between a comma and the element at `start`.
    fn lead(&self, start: usize) -> &str {
        let text = self.container.document().text();
        let blank = &text[text[..start].trim_end().len()..start];
        if blank.contains('\n') {
            return blank;
        }
        let mut nodes = super::edit::children(self.container);
        match nodes.nth(1) {
            Some(second) => {
                let start = (self.span)(second).start;
                &text[text[..start].trim_end().len()..start]
            }
            None => self.space,
        }
    }

    /// A comment in `range` belongs to an element, and nobody knows to which.
    fn no_comment(&self, range: std::ops::Range<usize>, is_removal: bool) -> Result<(), EditError> {
        if !self.comments || !self.container.document().text()[range].contains('#') {
            return Ok(());
        }
        let reason = if is_removal {
            "a comment would be removed with it"
        } else {
            "a comment stands where the new element would go"
        };
        Err(EditError::unsafe_at(self.container, reason))
    }
}
