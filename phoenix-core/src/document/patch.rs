//! Splices of a text, and the text that they make.

use std::ops::Range;

use super::Document;
use super::check::differs;
use super::diff::diff_of_window;
use super::edit::{EditError, Intent};
use crate::diagnostic::{Fault, Faults, Place};

/// Bytes of a text and what takes their place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Splice {
    /// What goes; empty for an insertion.
    pub range: Range<usize>,
    /// What comes.
    pub text: String,
}

impl Splice {
    /// Replaces `range` by `text`.
    pub fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self {
            range,
            text: text.into(),
        }
    }
}

/// Changes of one text: disjoint splices in ascending order.
#[derive(Debug, Clone)]
pub struct Patch {
    splices: Vec<Splice>,
    planned: Option<(Document, Intent)>,
}

impl Patch {
    /// A patch of a text that is no [`Document`]; `None` when splices overlap or are out of order.
    pub fn new(splices: Vec<Splice>) -> Option<Self> {
        let ordered = splices
            .iter()
            .all(|splice| splice.range.start <= splice.range.end)
            && splices
                .windows(2)
                .all(|pair| pair[0].range.end <= pair[1].range.start);
        ordered.then_some(Self {
            splices,
            planned: None,
        })
    }

    pub(super) fn planned(
        document: &Document,
        mut splices: Vec<Splice>,
        intent: Intent,
    ) -> Result<Self, EditError> {
        for splice in &mut splices {
            if document.text().get(splice.range.clone()).is_none() {
                return Err(EditError::Unsafe {
                    reason: "its bytes are not where they were expected".to_owned(),
                    place: Box::new(Place::file(document.path())),
                });
            }
            shrink(splice, document.text());
        }
        splices.retain(|splice| !splice.range.is_empty() || !splice.text.is_empty());
        // Stable: notations push the inner of two insertions at one place first.
        splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
        if let Some(pair) = splices
            .windows(2)
            .find(|pair| pair[0].range.end > pair[1].range.start)
        {
            let span = pair[1].range.clone();
            return Err(EditError::Overlap {
                place: Box::new(Place::new(document.path(), document.text(), span)),
            });
        }
        Ok(Self {
            splices,
            planned: Some((document.clone(), intent)),
        })
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// The splices, disjoint and in ascending order.
    pub fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// The new text; `None` when a splice lies outside of `text` or inside one of its characters.
    pub fn splice(&self, text: &str) -> Option<String> {
        let (gone, come) = self.splices.iter().fold((0, 0), |(gone, come), splice| {
            (gone + splice.range.len(), come + splice.text.len())
        });
        let mut new = String::with_capacity((text.len() + come).saturating_sub(gone));
        let mut at = 0;
        for splice in &self.splices {
            new.push_str(text.get(at..splice.range.start)?);
            new.push_str(&splice.text);
            at = splice.range.end;
        }
        new.push_str(text.get(at..)?);
        Some(new)
    }

    /// The document after the patch: parsed again and compared, value by value, with what was intended.
    ///
    /// # Errors
    /// `patch-stale` when the patch was made for another text, `edit-mismatch` when the result would mean something
    /// else than was intended; then the edit is unsafe and nothing may be written.
    pub fn apply(&self, document: &Document) -> Result<Document, Faults> {
        let stale = || {
            Faults::from(
                Fault::error(
                    "patch-stale",
                    "could not apply the edit: the file's text is another one",
                )
                .at(Place::file(document.path())),
            )
        };
        if let Some((origin, _)) = &self.planned
            && !origin.is(document)
            && (origin.text() != document.text() || origin.format() != document.format())
        {
            return Err(stale());
        }
        let text = self.splice(document.text()).ok_or_else(stale)?;
        let new = Document::parse(document.path(), text.into_bytes(), document.format());
        let Some((origin, intent)) = &self.planned else {
            return new;
        };
        let mismatch = |place: Place| {
            Faults::from(
                Fault::error(
                    "edit-mismatch",
                    "could not edit this safely: the result would not read as intended",
                )
                .at(place),
            )
        };
        let start = self.splices.first().map_or(0, |splice| splice.range.start);
        let new = new.map_err(|faults| {
            let mut mismatch = mismatch(Place::new(document.path(), document.text(), start..start));
            mismatch.extend(faults);
            mismatch
        })?;
        match differs(origin, &new, intent) {
            None => Ok(new),
            Some(node) => Err(mismatch(origin.cursor(node).start_place())),
        }
    }

    /// The unified diff of the patch on `document`, as [`super::unified_diff`] with three lines of context.
    pub fn diff(&self, document: &Document) -> String {
        let text = document.text();
        let (Some(first), Some(last)) = (self.splices.first(), self.splices.last()) else {
            return String::new();
        };
        if text.get(..first.range.start).is_none() || text.get(last.range.end..).is_none() {
            return String::new();
        }
        // The lines that the splices touch, and nothing else of a large file.
        let start = text[..first.range.start]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        let end = text[last.range.end..]
            .find('\n')
            .map_or(text.len(), |at| last.range.end + at + 1);
        let moved = self.splices.iter().map(|splice| {
            Splice::new(
                splice.range.start - start..splice.range.end - start,
                splice.text.as_str(),
            )
        });
        let window = Self {
            splices: moved.collect(),
            planned: None,
        };
        let new = window.splice(&text[start..end]).unwrap_or_default();
        diff_of_window(document.path(), text, start..end, &new, 3)
    }
}

/// Takes what stays the same off both ends, so that no byte is named that does not change.
fn shrink(splice: &mut Splice, text: &str) {
    let old = &text[splice.range.clone()];
    if old.is_empty() || splice.text.is_empty() {
        return;
    }
    let same = |pairs: &mut dyn Iterator<Item = (char, char)>| {
        pairs
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a.len_utf8())
            .sum::<usize>()
    };
    let front = same(&mut old.chars().zip(splice.text.chars()));
    let back = same(
        &mut old[front..]
            .chars()
            .rev()
            .zip(splice.text[front..].chars().rev()),
    );
    splice.range = splice.range.start + front..splice.range.end - back;
    splice.text = splice.text[front..splice.text.len() - back].to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Edit, Format, unified_diff};

    #[test]
    fn a_patch_for_another_text_is_refused() {
        let parse = |text: &str| Document::parse("t".as_ref(), text.into(), Format::Json).unwrap();
        let document = parse("[1]");
        let one = document.root().at("/0").unwrap().node();
        let patch = Edit::new(&document).set(one, 2u64.into()).finish().unwrap();
        assert_eq!(patch.apply(&parse("[1]")).unwrap().text(), "[2]");
        let faults = patch.apply(&parse("[3]")).unwrap_err();
        assert_eq!(faults.iter().next().unwrap().code, "patch-stale");
    }

    #[test]
    fn the_diff_of_a_patch_is_that_of_its_texts() {
        let lines: String = (0..40).fold(String::new(), |text, i| text + &format!("  {i},\n"));
        let text = format!("[\n{lines}  40\n]");
        let document = Document::parse("/x/t".as_ref(), text.into(), Format::Json).unwrap();
        let node = |i: usize| document.root().items().nth(i).unwrap().node();
        for nodes in [&[0][..], &[20], &[40], &[3, 5, 30], &[0, 40]] {
            let mut edit = Edit::new(&document);
            for i in nodes {
                edit.remove(node(*i));
            }
            let patch = edit.set(node(10), "ten".into()).finish().unwrap();
            let made = patch.apply(&document).unwrap();
            let whole = unified_diff(document.path(), document.text(), made.text(), 3);
            assert_eq!(patch.diff(&document), whole);
            assert!(whole.starts_with("--- a/x/t\n+++ b/x/t\n@@ -"));
        }
    }

    #[test]
    fn only_ordered_splices_make_a_patch() {
        assert!(Patch::new(vec![Splice::new(3..5, ""), Splice::new(4..6, "")]).is_none());
        let patch = Patch::new(vec![Splice::new(0..1, "X"), Splice::new(1..1, "Y")]).unwrap();
        assert_eq!(patch.splice("abc").as_deref(), Some("XYbc"));
        assert_eq!(patch.splice("ü"), None);
    }
}
