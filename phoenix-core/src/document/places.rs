//! The places of many nodes at once, each line and each container looked at once.

use std::ops::Range;

use super::{Document, Kind, NodeId};
use crate::diagnostic::Place;

/// How much of a node is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "there is no other part")]
pub enum Part {
    /// Its name, where it is the value of a member; else its beginning.
    Key,
    /// Its first character: for what is missing in a collection.
    Start,
    /// All of it.
    Whole,
}

impl Document {
    /// Where these nodes stand, in their order: one walk through the file, however many they are.
    pub fn places(&self, marks: &[(NodeId, Part)]) -> Vec<Place> {
        if marks.is_empty() {
            return Vec::new();
        }
        let mut order: Vec<usize> = (0..marks.len()).collect();
        order.sort_by_key(|index| marks[*index]);
        let nodes: Vec<u32> = order
            .iter()
            .map(|index| self.known(marks[*index].0))
            .collect();
        let pointers = self.pointers(&nodes);
        let mut lines = Lines::of(self.text());
        let mut places: Vec<Option<Place>> = vec![None; marks.len()];
        for ((index, node), pointer) in order.into_iter().zip(nodes).zip(pointers) {
            let (pointer, is_member) = pointer;
            let span = self.part(node, marks[index].1, is_member);
            places[index] = Some(lines.place(self, span).with_pointer(pointer));
        }
        places.into_iter().flatten().collect()
    }

    fn known(&self, node: NodeId) -> u32 {
        if node.0 < self.tape().len() {
            node.0
        } else {
            0
        }
    }

    fn part(&self, node: u32, part: Part, is_member: bool) -> Range<usize> {
        let span = self.tape().span(node);
        match part {
            Part::Whole => span,
            // The key of a member is the node before its value, and ends before it begins.
            Part::Key if is_member => self.tape().span(node - 1),
            Part::Key | Part::Start => {
                let text = self.text().get(span.clone()).unwrap_or("");
                let first = text.chars().next().map_or(0, char::len_utf8);
                span.start..span.start + first
            }
        }
    }

    /// The pointers of nodes in ascending order, and whether each is the value of a member.
    fn pointers(&self, nodes: &[u32]) -> Vec<(String, bool)> {
        let tape = self.tape();
        let mut pointers = Vec::with_capacity(nodes.len());
        // The containers around the place that the walk has reached: where its children end, and its pointer's length.
        let mut open: Vec<Level> = Vec::new();
        let mut pointer = String::new();
        for target in nodes {
            if *target == 0 {
                pointers.push((String::new(), false));
                continue;
            }
            while open.last().is_some_and(|level| *target >= level.end) {
                open.pop();
            }
            if open.is_empty() {
                open.push(Level::of(self, 0, 0));
            }
            while let Some(level) = open.last_mut() {
                pointer.truncate(level.pointer);
                // On to the child that holds the target.
                let (value, key) = loop {
                    let (value, key) = level.child();
                    if *target < tape.next(value) || tape.next(value) >= level.end {
                        break (value, key);
                    }
                    level.at = tape.next(value);
                    level.index += 1;
                };
                pointer.push('/');
                match key {
                    Some(key) => {
                        let name = super::cursor::text_of(self, key, true).unwrap_or_default();
                        pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                    }
                    None => pointer.push_str(&level.index.to_string()),
                }
                let is_it = value == *target || key == Some(*target);
                let is_leaf = !matches!(tape.kind(value), Kind::Array | Kind::Object);
                if is_it || is_leaf {
                    pointers.push((pointer.clone(), key.is_some()));
                    break;
                }
                let inner = Level::of(self, value, pointer.len());
                open.push(inner);
            }
        }
        pointers
    }
}

struct Level {
    is_object: bool,
    /// The next child: of an object its key.
    at: u32,
    end: u32,
    index: usize,
    /// Bytes of the pointer of the container itself.
    pointer: usize,
}

impl Level {
    fn of(document: &Document, node: u32, pointer: usize) -> Self {
        let tape = document.tape();
        Self {
            is_object: tape.kind(node) == Kind::Object,
            at: node + 1,
            end: tape.next(node),
            index: 0,
            pointer,
        }
    }

    fn child(&self) -> (u32, Option<u32>) {
        if self.is_object {
            (self.at + 1, Some(self.at))
        } else {
            (self.at, None)
        }
    }
}

/// A walk through the lines of a text; what stands behind what was asked before is found by going on.
struct Lines<'t> {
    text: &'t str,
    /// How far the walk has come.
    at: usize,
    /// The line there, counted from 1.
    line: usize,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            line: 1,
        }
    }

    fn place(&mut self, document: &Document, span: Range<usize>) -> Place {
        // TOML's tables need not stand in the order of their nodes.
        if span.start < self.at {
            *self = Self::of(self.text);
        }
        self.line += line_breaks(&self.text.as_bytes()[self.at..span.start]);
        self.at = span.start;
        let (before, after) = self.text.split_at(span.start);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let end = after
            .find('\n')
            .map_or(self.text.len(), |at| span.start + at + 1);
        let text = &self.text[start..end];
        let mut place = Place::new(
            document.path(),
            text,
            span.start - start..(span.end - start).min(text.len().max(span.start - start)),
        );
        place.line = self.line;
        place.span = span;
        place
    }
}

fn line_breaks(bytes: &[u8]) -> usize {
    // So many fit into the sum of bytes, which needs no wider lanes.
    let pieces = bytes.chunks(255);
    let sums = pieces.map(|piece| {
        piece
            .iter()
            .map(|byte| u8::from(*byte == b'\n'))
            .sum::<u8>()
    });
    sums.map(usize::from).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Cursor, Format};

    fn all<'d>(cursor: Cursor<'d>, into: &mut Vec<Cursor<'d>>) {
        into.push(cursor);
        for entry in cursor.entries() {
            all(entry.value, into);
        }
        for item in cursor.items() {
            all(item, into);
        }
    }

    #[test]
    fn many_places_are_those_of_each_node() {
        let text = "{\n  \"a\": [1, {\"b/c\": 2,\n \"~\": [[], [4]]}],\n  \"\": {\"ü\": 3}\n}";
        let yaml = "a:\n  - 1\n  - b: 2\n    c:\n      - [x, y]\nd: {e: 1}\n";
        for (text, format) in [(text, Format::Json), (yaml, Format::Yaml)] {
            let document = Document::parse("t".as_ref(), text.into(), format).unwrap();
            let mut cursors = Vec::new();
            all(document.root(), &mut cursors);
            cursors.reverse();
            let marks = |part| -> Vec<(NodeId, Part)> {
                cursors.iter().map(|cursor| (cursor.node(), part)).collect()
            };
            let expected: Vec<Place> = cursors.iter().map(|cursor| cursor.place()).collect();
            assert_eq!(document.places(&marks(Part::Whole)), expected);
            let expected: Vec<Place> = cursors.iter().map(|cursor| cursor.start_place()).collect();
            assert_eq!(document.places(&marks(Part::Start)), expected);
        }
    }

    #[test]
    fn a_key_is_the_name_of_a_member() {
        let document = Document::parse("t".as_ref(), "{\"a\": [5]}".into(), Format::Json).unwrap();
        let list = document.root().get("a").unwrap();
        let item = list.items().next().unwrap();
        let places = document.places(&[
            (item.node(), Part::Key),
            (list.node(), Part::Key),
            (document.root().node(), Part::Key),
        ]);
        let spans: Vec<Range<usize>> = places.into_iter().map(|place| place.span).collect();
        assert_eq!(spans, [7..8, 1..4, 0..1]);
    }
}
