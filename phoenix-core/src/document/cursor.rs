//! Reading a document: a cursor is a document and a node.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use super::tape::Form;
use super::value::Value;
use super::{Document, Format, Kind, NodeId, json};
use crate::diagnostic::Place;

/// A value of a document. An alias of YAML reads as what it stands for.
#[derive(Copy, Clone)]
pub struct Cursor<'d> {
    document: &'d Document,
    node: u32,
}

/// One member of an object.
#[derive(Clone)]
#[non_exhaustive]
pub struct Entry<'d> {
    /// The name; half a surrogate pair in it reads as U+FFFD.
    pub key: Cow<'d, str>,
    /// Where the name stands, with its quotes.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Cursor<'d>,
}

impl Entry<'_> {
    /// The members of an object whose names stood there before, each with the one before it.
    pub(crate) fn repeated(entries: &[Self]) -> Vec<(&Self, &Self)> {
        let mut pairs = Vec::new();
        // Most objects are short: comparing is cheaper than hashing.
        if entries.len() <= SHORT {
            for (index, entry) in entries.iter().enumerate() {
                let earlier = entries[..index]
                    .iter()
                    .rfind(|other| other.key == entry.key);
                pairs.extend(earlier.map(|earlier| (entry, earlier)));
            }
            return pairs;
        }
        let mut seen = HashMap::with_capacity(entries.len());
        for entry in entries {
            let earlier = seen.insert(entry.key.as_ref(), entry);
            pairs.extend(earlier.map(|earlier| (entry, earlier)));
        }
        pairs
    }

    /// Where the name stands, with the pointer of the value.
    pub fn key_place(&self) -> Place {
        let document = self.value.document;
        Place::new(document.path(), document.text(), self.key_span.clone())
            .with_pointer(self.value.pointer())
    }
}

/// One step from the root to a node.
pub(super) struct Step {
    pub(super) container: NodeId,
    pub(super) key: Option<u32>,
    pub(super) index: usize,
}

impl<'d> Cursor<'d> {
    pub(super) fn new(document: &'d Document, node: NodeId) -> Self {
        let node = if node.0 < document.tape().len() {
            node.0
        } else {
            0
        };
        Self { document, node }
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.document.tape().kind(self.target())
    }

    /// Its name for [`super::Edit`].
    pub fn node(self) -> NodeId {
        NodeId(self.node)
    }

    /// The document that it stands in.
    pub fn document(self) -> &'d Document {
        self.document
    }

    /// Its bytes in the text; a block collection of YAML ends with its last value.
    pub fn span(self) -> Range<usize> {
        self.document.tape().span(self.node)
    }

    /// Its bytes as they stand.
    pub fn literal(self) -> &'d str {
        self.document.text().get(self.span()).unwrap_or("")
    }

    /// The text of a string; `None` for other kinds and for a JSON string with half a surrogate pair in it, which no
    /// Rust string can hold.
    pub fn as_str(self) -> Option<Cow<'d, str>> {
        if self.kind() != Kind::String {
            return None;
        }
        text_of(self.document, self.target(), false)
    }

    /// The value of a boolean.
    pub fn as_bool(self) -> Option<bool> {
        let literal = self.resolved().literal();
        (self.kind() == Kind::Bool).then(|| literal.eq_ignore_ascii_case("true"))
    }

    /// The value of a number that is a whole one from 0 to 2^64-1, written without fraction and exponent.
    pub fn as_u64(self) -> Option<u64> {
        let (negative, magnitude) = self.integer()?;
        (!negative || magnitude == 0).then_some(magnitude)
    }

    /// The value of a number that is a whole one in the range of `i64`, written without fraction and exponent.
    pub fn as_i64(self) -> Option<i64> {
        let (negative, magnitude) = self.integer()?;
        if negative {
            0i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        }
    }

    /// The nearest floating-point value of a number; infinite when it is too large.
    pub fn as_f64(self) -> Option<f64> {
        if self.kind() != Kind::Number {
            return None;
        }
        if let Some((negative, magnitude)) = self.integer() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "the nearest value is what is promised"
            )]
            let value = magnitude as f64;
            return Some(if negative { -value } else { value });
        }
        let literal = self
            .resolved()
            .literal()
            .replace('_', "")
            .to_ascii_lowercase();
        let (sign, digits) = match literal.strip_prefix('-') {
            Some(digits) => (-1.0, digits),
            None => (1.0, literal.strip_prefix('+').unwrap_or(&literal)),
        };
        match digits {
            ".inf" | "inf" => Some(sign * f64::INFINITY),
            ".nan" | "nan" => Some(f64::NAN),
            digits => digits.parse::<f64>().ok().map(|value| sign * value),
        }
    }

    /// The elements of an array; nothing for other kinds.
    pub fn items(self) -> Items<'d> {
        let range = self.children(Kind::Array);
        Items {
            document: self.document,
            at: range.start,
            end: range.end,
        }
    }

    /// The members of an object in order, duplicates kept; nothing for other kinds.
    pub fn entries(self) -> Entries<'d> {
        let range = self.children(Kind::Object);
        Entries {
            document: self.document,
            at: range.start,
            end: range.end,
        }
    }

    /// The member called `key`; of duplicates the last, as `jq` and `serde_json` have it.
    pub fn get(self, key: &str) -> Option<Self> {
        let tape = self.document.tape();
        let Range { start: mut at, end } = self.children(Kind::Object);
        let mut found = None;
        while at < end {
            if is_named(self.document, at, key) {
                found = Some(at + 1);
            }
            at = tape.next(at + 1);
        }
        found.map(|node| Self { node, ..self })
    }

    /// The value at a JSON pointer (RFC 6901) below this one; `""` is this one.
    pub fn at(self, pointer: &str) -> Option<Self> {
        let mut cursor = self;
        if pointer.is_empty() {
            return Some(cursor);
        }
        for token in pointer.strip_prefix('/')?.split('/') {
            let token: Cow<'_, str> = if token.contains('~') {
                token.replace("~1", "/").replace("~0", "~").into()
            } else {
                token.into()
            };
            cursor = match cursor.kind() {
                Kind::Object => cursor.get(&token)?,
                Kind::Array if token == "0" || !token.starts_with(['0', '+']) => {
                    cursor.items().nth(token.parse().ok()?)?
                }
                _ => return None,
            };
        }
        Some(cursor)
    }

    /// Its JSON pointer from the root.
    pub fn pointer(self) -> String {
        let mut pointer = String::new();
        for step in self.steps() {
            pointer.push('/');
            if let Some(key) = step.key {
                let name = text_of(self.document, key, true).unwrap_or_default();
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            } else {
                let _ = write!(pointer, "{}", step.index);
            }
        }
        pointer
    }

    /// The name of the member that it is the value of.
    pub fn name(self) -> Option<Cow<'d, str>> {
        let key = self.steps().pop()?.key?;
        text_of(self.document, key, true)
    }

    /// Where it stands, with its pointer.
    pub fn place(self) -> Place {
        Place::new(self.document.path(), self.document.text(), self.span())
            .with_pointer(self.pointer())
    }

    /// Where it begins: for what is missing in a collection, so that not all of it is marked.
    pub fn start_place(self) -> Place {
        let span = self.span();
        let first = self.literal().chars().next().map_or(0, char::len_utf8);
        Place::new(
            self.document.path(),
            self.document.text(),
            span.start..span.start + first,
        )
        .with_pointer(self.pointer())
    }

    /// A value of its own; `None` where none can hold it: more than [`Value::DEPTH_LIMIT`] levels, half a surrogate
    /// pair, or YAML aliases that would grow beyond a million nodes.
    pub fn to_value(self) -> Option<Value> {
        let mut budget = (self.document.tape().len() as usize).max(1_000_000);
        self.value_within(Value::DEPTH_LIMIT, &mut budget)
    }

    fn value_within(self, depth: usize, budget: &mut usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        *budget = budget.checked_sub(1)?;
        Some(match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool(self.as_bool()?),
            Kind::Number => self.number_value(),
            Kind::String => Value::String(self.as_str()?.into_owned()),
            Kind::Array => Value::Array(
                self.items()
                    .map(|item| item.value_within(depth, budget))
                    .collect::<Option<_>>()?,
            ),
            Kind::Object => Value::Object(
                self.entries()
                    .map(|entry| {
                        Some((
                            entry.key.into_owned(),
                            entry.value.value_within(depth, budget)?,
                        ))
                    })
                    .collect::<Option<_>>()?,
            ),
        })
    }

    /// JSON's literal as it stands; spellings that JSON does not have (`0x1f`, `.5`) in JSON's, `.inf` as a string.
    pub(super) fn number_value(self) -> Value {
        let literal = self.resolved().literal();
        if json::is_number(literal) {
            return Value::Number(literal.to_owned());
        }
        if let Some((negative, magnitude)) = self.integer() {
            let sign = if negative { "-" } else { "" };
            return Value::Number(format!("{sign}{magnitude}"));
        }
        match self.as_f64() {
            Some(value) if value.is_finite() => Value::Number(format!("{value}")),
            _ => Value::String(literal.to_owned()),
        }
    }

    /// Sign and magnitude of a whole number in any notation that the format has.
    fn integer(self) -> Option<(bool, u64)> {
        if self.kind() != Kind::Number {
            return None;
        }
        let literal = self.resolved().literal();
        let (negative, digits) = match literal.as_bytes().first()? {
            b'-' => (true, &literal[1..]),
            b'+' => (false, &literal[1..]),
            _ => (false, literal),
        };
        let cleaned: Cow<'_, str> = if digits.contains('_') {
            digits.replace('_', "").into()
        } else {
            digits.into()
        };
        if cleaned.starts_with(['+', '-']) {
            return None;
        }
        let magnitude = if self.document.format() == Format::Json {
            cleaned.parse().ok()
        } else if let Some(hex) = cleaned.strip_prefix("0x") {
            u64::from_str_radix(hex, 16).ok()
        } else if let Some(octal) = cleaned.strip_prefix("0o") {
            u64::from_str_radix(octal, 8).ok()
        } else if let Some(binary) = cleaned.strip_prefix("0b") {
            u64::from_str_radix(binary, 2).ok()
        } else {
            cleaned.parse().ok()
        };
        Some((negative, magnitude?))
    }

    pub(super) fn form(self) -> Form {
        self.document.tape().form(self.node)
    }

    pub(super) fn is_alias(self) -> bool {
        self.target() != self.node
    }

    /// The node that an alias stands for; itself otherwise.
    fn target(self) -> u32 {
        self.document.tape().alias(self.node).unwrap_or(self.node)
    }

    fn resolved(self) -> Self {
        Self {
            node: self.target(),
            ..self
        }
    }

    fn children(self, kind: Kind) -> Range<u32> {
        let node = self.target();
        let tape = self.document.tape();
        if tape.kind(node) == kind {
            node + 1..tape.next(node)
        } else {
            0..0
        }
    }

    /// The way from the root to this node; found anew each time, so that nodes need not store their parent.
    pub(super) fn steps(self) -> Vec<Step> {
        let tape = self.document.tape();
        let mut steps = Vec::new();
        let mut container = 0;
        while container != self.node {
            let is_object = tape.kind(container) == Kind::Object;
            let mut child = container + 1;
            let mut index = 0;
            let end = tape.next(container);
            loop {
                if child >= end {
                    return steps;
                }
                let value = if is_object { child + 1 } else { child };
                if self.node < tape.next(value) {
                    steps.push(Step {
                        container: NodeId(container),
                        key: is_object.then_some(child),
                        index,
                    });
                    container = value;
                    break;
                }
                child = tape.next(value);
                index += 1;
            }
            if self.node < container {
                // A key: it has the pointer of its value.
                return steps;
            }
        }
        steps
    }
}

impl std::fmt::Debug for Cursor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the literal: it may be a password.
        f.debug_struct("Cursor")
            .field("node", &self.node)
            .field("kind", &self.kind())
            .finish_non_exhaustive()
    }
}

/// The elements of an array.
#[derive(Clone)]
pub struct Items<'d> {
    document: &'d Document,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Items<'d> {
    type Item = Cursor<'d>;

    fn next(&mut self) -> Option<Cursor<'d>> {
        if self.at >= self.end {
            return None;
        }
        let node = self.at;
        self.at = self.document.tape().next(node);
        Some(Cursor {
            document: self.document,
            node,
        })
    }
}

/// The members of an object.
#[derive(Clone)]
pub struct Entries<'d> {
    document: &'d Document,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Entries<'d> {
    type Item = Entry<'d>;

    fn next(&mut self) -> Option<Entry<'d>> {
        if self.at >= self.end {
            return None;
        }
        let tape = self.document.tape();
        let key = self.at;
        self.at = tape.next(key + 1);
        Some(Entry {
            key: text_of(self.document, key, true).unwrap_or_default(),
            key_span: tape.span(key),
            value: Cursor {
                document: self.document,
                node: key + 1,
            },
        })
    }
}

/// The text of a string node or key; with `lossy`, U+FFFD for what is no Unicode.
pub(super) fn text_of(document: &Document, node: u32, lossy: bool) -> Option<Cow<'_, str>> {
    let tape = document.tape();
    let inner = || document.text().get(inner_span(document, node));
    if !tape.is_escaped(node) {
        return inner().map(Cow::Borrowed);
    }
    match tape.text(node) {
        Some(text) => Some(text.into()),
        None => json::unescape(inner()?, lossy).map(Cow::Owned),
    }
}

/// Whether this is the text of a key; most names are told apart by their lengths.
fn is_named(document: &Document, node: u32, key: &str) -> bool {
    if document.tape().is_escaped(node) {
        return text_of(document, node, true).is_some_and(|name| name == key);
    }
    let span = inner_span(document, node);
    span.len() == key.len() && document.text().as_bytes().get(span) == Some(key.as_bytes())
}

/// The bytes of a scalar without its quotes.
fn inner_span(document: &Document, node: u32) -> Range<usize> {
    let tape = document.tape();
    let span = tape.span(node);
    match tape.form(node) {
        Form::Single | Form::Double => span.start + 1..span.end - 1,
        _ => span,
    }
}

/// Members whose names are compared one by one.
const SHORT: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Document {
        Document::parse("t.json".as_ref(), text.into(), Format::Json).unwrap()
    }

    #[test]
    fn pointers_lead_to_values_and_back() {
        let document = json(r#"{"a": [1, {"b/c": 2, "~": 3}], "": {"x": [[], [4]]}}"#);
        for pointer in [
            "",
            "/a",
            "/a/0",
            "/a/1/b~1c",
            "/a/1/~0",
            "/",
            "//x/1/0",
            "//x/0",
        ] {
            let cursor = document.root().at(pointer).unwrap();
            assert_eq!(cursor.pointer(), pointer);
            assert_eq!(document.cursor(cursor.node()).span(), cursor.span());
        }
        for pointer in ["a", "/a/01", "/a/+1", "/a/2", "/a/-", "/b", "/a/0/0"] {
            assert!(document.root().at(pointer).is_none(), "{pointer}");
        }
    }

    #[test]
    fn of_duplicate_keys_the_last_is_read_and_all_are_listed() {
        let document = json(r#"{"a": 1, "b": 2, "\u0061": 3}"#);
        assert_eq!(document.root().get("a").and_then(Cursor::as_u64), Some(3));
        let keys: Vec<_> = document
            .root()
            .entries()
            .map(|e| e.key.into_owned())
            .collect();
        assert_eq!(keys, ["a", "b", "a"]);
    }

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        let document = json("[0, -0, 18446744073709551616, 1.0, -9223372036854775808, 1e999, 1e2]");
        let numbers: Vec<_> = document.root().items().collect();
        assert_eq!(numbers[0].as_u64(), Some(0));
        assert_eq!(numbers[1].as_u64(), Some(0));
        assert_eq!(numbers[2].as_u64(), None);
        assert_eq!(numbers[3].as_u64(), None);
        assert_eq!(numbers[4].as_i64(), Some(i64::MIN));
        assert_eq!(numbers[5].as_f64(), Some(f64::INFINITY));
        assert_eq!(numbers[6].as_f64(), Some(100.0));
    }

    #[test]
    fn a_lone_surrogate_is_no_text_but_keeps_its_bytes() {
        let document = json(r#"["\ud800", "\ud83d\ude00"]"#);
        let items: Vec<_> = document.root().items().collect();
        assert_eq!(items[0].as_str(), None);
        assert_eq!(items[0].literal(), r#""\ud800""#);
        assert_eq!(items[1].as_str().as_deref(), Some("😀"));
        assert_eq!(document.root().to_value(), None);
    }
}
