//! The nodes of a document in the order of the text: an object is followed by key, value, key, value.

use std::ops::Range;

use super::Kind;

/// One node; 12 bytes, because large files have millions.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    /// The first node behind this one and all that it contains.
    next: u32,
}

/// How a scalar or collection is written; what applies depends on the notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Form {
    /// A plain scalar, a block collection, a TOML table with a header (or the root).
    Plain,
    /// `'...'`.
    Single,
    /// `"..."`.
    Double,
    /// A YAML block scalar, a TOML string over several lines.
    Block,
    /// A collection between brackets.
    Flow,
    /// A TOML table that only dotted keys or deeper headers imply.
    Implied,
    /// A TOML `[[array]]`.
    Tables,
}

/// The tape.
#[derive(Debug, Default)]
pub(super) struct Tape {
    nodes: Vec<Node>,
    marks: Vec<u8>,
    /// Texts that differ from their literal, by node; JSON decodes its escapes on demand instead.
    texts: Vec<(u32, Box<str>)>,
    /// Alias and the node it stands for.
    aliases: Vec<(u32, u32)>,
    /// Nodes with a tag or an anchor.
    bound: Vec<u32>,
}

const KIND: u8 = 0b111;
const ESCAPED: u8 = 0b1000;
const FORM: u32 = 4;

impl Tape {
    pub(super) fn with_capacity(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            marks: Vec::with_capacity(nodes),
            ..Self::default()
        }
    }

    /// Adds a node without children so far; offsets fit because [`super::Document::parse`] limits the text.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the text is shorter than 4 GiB, and nodes are fewer than bytes"
    )]
    pub(super) fn push(&mut self, kind: Kind, form: Form, span: Range<usize>) -> u32 {
        let node = self.nodes.len() as u32;
        self.nodes.push(Node {
            start: span.start as u32,
            end: span.end as u32,
            next: node + 1,
        });
        self.marks.push(kind as u8 | (form as u8) << FORM);
        node
    }

    pub(super) fn mark_escaped(&mut self, node: u32) {
        self.marks[node as usize] |= ESCAPED;
    }

    /// Ends a container: what was pushed since belongs to it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the text is shorter than 4 GiB"
    )]
    pub(super) fn close(&mut self, node: u32, end: usize) {
        let next = self.nodes.len() as u32;
        let entry = &mut self.nodes[node as usize];
        entry.end = end as u32;
        entry.next = next;
    }

    pub(super) fn set_text(&mut self, node: u32, text: &str) {
        self.mark_escaped(node);
        self.texts.push((node, text.into()));
    }

    pub(super) fn set_alias(&mut self, node: u32, target: u32) {
        self.aliases.push((node, target));
    }

    pub(super) fn bind(&mut self, node: u32) {
        self.bound.push(node);
    }

    pub(super) fn finish(mut self) -> Self {
        self.nodes.shrink_to_fit();
        self.marks.shrink_to_fit();
        // TOML fills texts in the order of its tables, not of nodes.
        self.texts.sort_unstable_by_key(|(node, _)| *node);
        self.bound.sort_unstable();
        self
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "nodes are fewer than bytes, and those fit"
    )]
    pub(super) fn len(&self) -> u32 {
        self.nodes.len() as u32
    }

    pub(super) fn kind(&self, node: u32) -> Kind {
        match self.marks[node as usize] & KIND {
            0 => Kind::Null,
            1 => Kind::Bool,
            2 => Kind::Number,
            3 => Kind::String,
            4 => Kind::Array,
            _ => Kind::Object,
        }
    }

    pub(super) fn form(&self, node: u32) -> Form {
        match self.marks[node as usize] >> FORM {
            1 => Form::Single,
            2 => Form::Double,
            3 => Form::Block,
            4 => Form::Flow,
            5 => Form::Implied,
            6 => Form::Tables,
            _ => Form::Plain,
        }
    }

    pub(super) fn is_escaped(&self, node: u32) -> bool {
        self.marks[node as usize] & ESCAPED != 0
    }

    pub(super) fn span(&self, node: u32) -> Range<usize> {
        let node = &self.nodes[node as usize];
        node.start as usize..node.end as usize
    }

    pub(super) fn next(&self, node: u32) -> u32 {
        self.nodes[node as usize].next
    }

    pub(super) fn text(&self, node: u32) -> Option<&str> {
        let at = self.texts.binary_search_by_key(&node, |(n, _)| *n).ok()?;
        Some(&self.texts[at].1)
    }

    pub(super) fn alias(&self, node: u32) -> Option<u32> {
        let at = self.aliases.binary_search_by_key(&node, |(n, _)| *n).ok()?;
        Some(self.aliases[at].1)
    }

    /// Whether an alias stands for `node` or for something inside it.
    pub(super) fn is_aliased(&self, node: u32) -> bool {
        let inside = node..self.next(node);
        self.aliases
            .iter()
            .any(|(_, target)| inside.contains(target))
    }

    pub(super) fn is_bound(&self, node: u32) -> bool {
        self.bound.binary_search(&node).is_ok()
    }
}
