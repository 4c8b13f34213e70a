//! JSON edits: new text in the style of the text around it.

use std::ops::Range;

use super::super::edit::{Child, EditError, Intent, children};
use super::super::gaps::Bracketed;
use super::super::lines::{line_start, newline};
use super::super::patch::Splice;
use super::super::{Cursor, Document, Kind, NodeId, Value};
use super::quote;

/// The splices of an edit.
pub(crate) fn edit(document: &Document, intent: &Intent) -> Result<Vec<Splice>, EditError> {
    let layout = Layout::of(document);
    let mut splices = Vec::new();
    for (node, value) in &intent.sets {
        let cursor = document.cursor(*node);
        let model = Some(cursor)
            .filter(|old| alike(*old, value))
            .or_else(|| cousin(cursor, value));
        let inline = !value_is_on_its_line(cursor);
        let mut text = String::new();
        layout.render(
            value,
            model,
            line_indent(document.text(), cursor.span().start),
            inline,
            &mut text,
        );
        splices.push(Splice::new(cursor.span(), text));
    }
    for (node, key) in &intent.renames {
        let mut text = String::new();
        quote(key, &mut text);
        splices.push(Splice::new(key_span(document, *node), text));
    }
    for container in intent.children.keys() {
        let cursor = document.cursor(*container);
        let span = |node| element_span(document, node);
        let render = |child: &Child, lead: &str| layout.element(cursor, child, lead);
        Bracketed {
            container: cursor,
            span: &span,
            render: &render,
            space: layout.comma.trim_start_matches(','),
            opened: layout.opened(cursor),
            comments: false,
        }
        .edit(intent, &mut splices)?;
    }
    Ok(splices)
}

/// How a text is set.
pub(crate) struct Layout<'d> {
    newline: &'static str,
    /// One step of indent.
    unit: &'d str,
    colon: &'d str,
    comma: &'static str,
}

impl<'d> Layout<'d> {
    /// Learns from the first places that show each habit.
    pub(crate) fn of(document: &'d Document) -> Self {
        let text = document.text();
        let mut layout = Self {
            newline: newline(text),
            unit: "    ",
            colon: ": ",
            comma: ", ",
        };
        let mut colon = None;
        for node in (0..document.tape().len().min(1000)).map(NodeId) {
            let cursor = document.cursor(node);
            let span = cursor.span();
            if colon.is_none()
                && let Some(entry) = cursor.entries().next()
            {
                let between = &text[entry.key_span.end..entry.value.span().start];
                colon = Some(between).filter(|between| !between.contains('\n'));
            }
            let first = children(cursor)
                .next()
                .map(|child| element_span(document, child).start);
            if let Some(first) = first
                && let Some((_, inner)) = text[span.start + 1..first].rsplit_once('\n')
                && let Some(unit) = inner.strip_prefix(line_indent(text, span.start))
                && !unit.is_empty()
            {
                layout.unit = unit;
                break;
            }
        }
        if let Some(colon) = colon {
            layout.colon = colon;
            if colon == ":" {
                layout.comma = ",";
            }
        }
        layout
    }

    /// The text of a new or moved element with `lead` before it.
    fn element(&self, container: Cursor<'_>, child: &Child, lead: &str) -> String {
        let document = container.document();
        let mut text = String::new();
        match child {
            Child::Gone(_) => {}
            Child::Kept(node) | Child::Moved(node) => {
                text.push_str(&document.text()[element_span(document, *node)]);
            }
            Child::New { key, value } => {
                if let Some(key) = key {
                    quote(key, &mut text);
                    text.push_str(self.colon);
                }
                let model = match key {
                    Some(key) => cousin_of_member(container, key, value),
                    None => None,
                };
                let model = model.or_else(|| sibling(container, value));
                let indent = lead.rsplit_once('\n').map(|(_, indent)| indent);
                self.render(
                    value,
                    model,
                    indent.unwrap_or(""),
                    indent.is_none(),
                    &mut text,
                );
            }
        }
        text
    }

    /// The blanks inside an empty container that gets its first element.
    fn opened(&self, container: Cursor<'_>) -> (String, String) {
        if !value_is_on_its_line(container) {
            return (String::new(), String::new());
        }
        let indent = line_indent(container.document().text(), container.span().start);
        (
            format!("{}{indent}{}", self.newline, self.unit),
            format!("{}{indent}", self.newline),
        )
    }

    /// Writes `value` as `model` is written, if there is one: on one line or over several, its members in that order.
    fn render(
        &self,
        value: &Value,
        model: Option<Cursor<'_>>,
        indent: &str,
        inline: bool,
        out: &mut String,
    ) {
        let model = model.filter(|model| alike(*model, value));
        let literal = model.map_or("", Cursor::literal);
        let inline =
            inline || (!literal.is_empty() && !literal.contains('\n') && has_elements(model));
        let pad = if inline && has_elements(model) && literal[1..].starts_with(' ') {
            " "
        } else {
            ""
        };
        let inner = format!("{indent}{}", self.unit);
        let lead = |first: bool, out: &mut String| match (inline, first) {
            (true, true) => out.push_str(pad),
            (true, false) => out.push_str(self.comma),
            (false, first) => {
                if !first {
                    out.push(',');
                }
                out.push_str(self.newline);
                out.push_str(&inner);
            }
        };
        let end = |bracket: char, out: &mut String| {
            if inline {
                out.push_str(pad);
            } else {
                out.push_str(self.newline);
                out.push_str(indent);
            }
            out.push(bracket);
        };
        match value {
            Value::Array(items) if !items.is_empty() => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    lead(index == 0, out);
                    let model = model.and_then(|model| model.items().find(|old| alike(*old, item)));
                    self.render(item, model, &inner, inline, out);
                }
                end(']', out);
            }
            Value::Object(members) if !members.is_empty() => {
                out.push('{');
                for (index, (key, value)) in reordered(members, model).into_iter().enumerate() {
                    lead(index == 0, out);
                    quote(key, out);
                    out.push_str(self.colon);
                    self.render(
                        value,
                        model.and_then(|model| model.get(key)),
                        &inner,
                        inline,
                        out,
                    );
                }
                end('}', out);
            }
            scalar => write_inline(scalar, self.comma, self.colon, out),
        }
    }
}

/// Writes `value` on one line.
pub(crate) fn write_inline(value: &Value, comma: &str, colon: &str, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(literal) => out.push_str(literal),
        Value::String(text) => quote(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                write_inline(item, comma, colon, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push_str(comma);
                }
                quote(key, out);
                out.push_str(colon);
                write_inline(value, comma, colon, out);
            }
            out.push('}');
        }
    }
}

/// The members in the order in which `model` has them; those that it does not have keep their place.
pub(crate) fn reordered<'v>(
    members: &'v [(String, Value)],
    model: Option<Cursor<'_>>,
) -> Vec<(&'v str, &'v Value)> {
    let mut ordered: Vec<_> = members
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    let Some(model) = model else {
        return ordered;
    };
    let rank: std::collections::HashMap<_, _> = model
        .entries()
        .enumerate()
        .map(|(rank, entry)| (entry.key, rank))
        .collect();
    let places: Vec<usize> = (0..ordered.len())
        .filter(|i| rank.contains_key(ordered[*i].0))
        .collect();
    let mut known: Vec<_> = places.iter().map(|i| ordered[*i]).collect();
    known.sort_by_key(|(key, _)| rank[*key]);
    for (place, member) in places.into_iter().zip(known) {
        ordered[place] = member;
    }
    ordered
}

/// The element of the container that a new one most resembles by its names.
fn sibling<'d>(container: Cursor<'d>, value: &Value) -> Option<Cursor<'d>> {
    let document = container.document();
    let candidates = children(container)
        .take(MOST_CANDIDATES)
        .map(|node| document.cursor(node))
        .filter(|c| alike(*c, value));
    nearest_by_names(candidates, value)
}

/// The member of the same name in an element beside the container.
fn cousin_of_member<'d>(container: Cursor<'d>, key: &str, value: &Value) -> Option<Cursor<'d>> {
    let above = container.steps().pop()?.container;
    let document = container.document();
    let candidates = children(document.cursor(above))
        .take(MOST_CANDIDATES)
        .filter(|node| *node != container.node())
        .filter_map(|node| document.cursor(node).get(key))
        .filter(|cousin| alike(*cousin, value));
    nearest_by_names(candidates, value)
}

fn cousin<'d>(cursor: Cursor<'d>, value: &Value) -> Option<Cursor<'d>> {
    if !matches!(value, Value::Array(_) | Value::Object(_)) {
        return None;
    }
    let container = cursor.document().cursor(cursor.steps().pop()?.container);
    match cursor.name() {
        Some(name) => cousin_of_member(container, &name, value),
        None => sibling(container, value),
    }
}

/// Of equal ones the last, which is the one that most new elements come behind.
fn nearest_by_names<'d>(
    candidates: impl Iterator<Item = Cursor<'d>>,
    value: &Value,
) -> Option<Cursor<'d>> {
    candidates
        .filter(|candidate| has_elements(Some(*candidate)))
        .max_by_key(|candidate| match value {
            Value::Object(members) => members
                .iter()
                .filter(|(key, _)| candidate.get(key).is_some())
                .count(),
            _ => 0,
        })
}

/// Neighbours beyond these are not asked for their habits: a list may have a million elements.
const MOST_CANDIDATES: usize = 500;

fn alike(cursor: Cursor<'_>, value: &Value) -> bool {
    match value {
        Value::Array(_) => cursor.kind() == Kind::Array,
        Value::Object(_) => cursor.kind() == Kind::Object,
        _ => false,
    }
}

fn has_elements(model: Option<Cursor<'_>>) -> bool {
    model.is_some_and(|model| children(model).next().is_some())
}

/// Whether a new line begins between the container's bracket and this element, so that its own elements may have
/// lines too. The root may.
fn value_is_on_its_line(cursor: Cursor<'_>) -> bool {
    let document = cursor.document();
    let Some(step) = cursor.steps().pop() else {
        let literal = cursor.literal();
        return literal.contains('\n') || children(cursor).next().is_none();
    };
    let start = element_span(document, cursor.node()).start;
    let text = document.text();
    text[text[..start].trim_end().len()..start].contains('\n')
        || text[document.cursor(step.container).span().start..start].contains('\n')
}

/// The blank at the beginning of the line on which `at` stands.
fn line_indent(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// The bytes of an element, with its name if it has one.
fn element_span(document: &Document, node: NodeId) -> Range<usize> {
    let span = document.cursor(node).span();
    if is_member(document, node) {
        key_span(document, node).start..span.end
    } else {
        span
    }
}

fn is_member(document: &Document, node: NodeId) -> bool {
    let text = document.text();
    // In JSON a colon before a value belongs to its name and to nothing else.
    text[..document.cursor(node).span().start]
        .trim_end()
        .ends_with(':')
}

/// A member's name stands right before its value on the tape.
fn key_span(document: &Document, node: NodeId) -> Range<usize> {
    document.tape().span(node.0.saturating_sub(1))
}
