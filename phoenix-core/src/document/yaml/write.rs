//! New YAML text in the style of the file.

use std::fmt::Write as _;

use super::super::edit::children;
use super::super::lines::{line_start, newline};
use super::super::tape::Form;
use super::super::{Cursor, Document, Kind, NodeId, Value, json};
use super::scan::plain_kind;

/// How a file is written.
#[derive(Clone)]
pub(super) struct Habits {
    pub(super) newline: &'static str,
    /// One step of indent.
    unit: usize,
    /// Whether the dashes of a list stand further right than the name above them.
    indented_lists: bool,
    /// Quotes for text that is no plain word.
    quotes: Form,
    /// Whether words get quotes too.
    quoted_words: bool,
    /// Whether text that is no word stays plain where it can.
    plain_text: bool,
}

impl Habits {
    pub(super) fn of(document: &Document) -> Self {
        let text = document.text();
        let mut habits = Self {
            newline: newline(text),
            unit: 2,
            indented_lists: true,
            quotes: Form::Double,
            quoted_words: false,
            plain_text: false,
        };
        let column = |at: usize| at - line_start(text, at);
        let (mut unit, mut lists) = (None, None);
        let (mut single, mut double) = (0, 0);
        for node in (0..document.tape().len().min(2000)).map(NodeId) {
            let cursor = document.cursor(node);
            match cursor.form() {
                Form::Single => single += 1,
                Form::Double => double += 1,
                _ => {}
            }
            if cursor.kind() != Kind::Object || cursor.form() == Form::Flow || cursor.is_alias() {
                continue;
            }
            for entry in cursor.entries() {
                let value = entry.value;
                if value.form() == Form::Flow
                    || children(value).next().is_none()
                    || value.is_alias()
                {
                    continue;
                }
                let outer = column(entry.key_span.start);
                let Some(step) = column(value.span().start).checked_sub(outer) else {
                    continue;
                };
                match value.kind() {
                    Kind::Object if step > 0 => unit = unit.or(Some(step)),
                    Kind::Array => lists = lists.or(Some(step > 0)),
                    _ => {}
                }
            }
        }
        if single > 0 && double == 0 {
            habits.quotes = Form::Single;
        }
        habits.unit = unit.unwrap_or(2);
        habits.indented_lists = lists.unwrap_or(true);
        habits
    }

    /// The same, with the quotes that a neighbour's text has.
    pub(super) fn like(&self, neighbour: Option<Cursor<'_>>) -> Self {
        let mut habits = self.clone();
        let text = neighbour.and_then(|neighbour| match neighbour.kind() {
            Kind::String => Some(neighbour),
            _ => children(neighbour)
                .map(|node| neighbour.document().cursor(node))
                .find(|child| child.kind() == Kind::String),
        });
        match text.map(|text| (text.form(), text.literal())) {
            Some((form @ (Form::Single | Form::Double), _)) => {
                habits.quotes = form;
                habits.quoted_words = true;
            }
            Some((Form::Plain, literal)) => habits.plain_text = !is_word(literal),
            _ => {}
        }
        habits
    }

    pub(super) fn key(&self, key: &str) -> String {
        if is_word(key) {
            key.to_owned()
        } else {
            styled(key, self.quotes)
        }
    }

    pub(super) fn flow_key(&self, key: &str) -> String {
        self.key(key)
    }

    /// A value on one line.
    pub(super) fn flow(&self, value: &Value) -> String {
        match value {
            Value::String(text) if !self.quoted_words && is_word(text) => text.clone(),
            Value::String(text) if self.plain_text && stays_plain(text) => text.clone(),
            Value::String(text) => styled(text, self.quotes),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.flow(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("{}: {}", self.flow_key(key), self.flow(value)))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
            scalar => scalar.to_json(),
        }
    }

    /// What stands behind the colon of a name whose own indent is `indent`.
    pub(super) fn behind_key(&self, value: &Value, indent: &str) -> String {
        if !has_elements(value) {
            return format!(" {}", self.flow(value));
        }
        let step = if matches!(value, Value::Array(_)) && !self.indented_lists {
            0
        } else {
            self.unit
        };
        let inner = format!("{indent}{:step$}", "");
        format!("{}{inner}{}", self.newline, self.block(value, &inner))
    }

    /// The lines of a collection whose entries have `indent`; the first line comes without it.
    pub(super) fn block(&self, value: &Value, indent: &str) -> String {
        let entries: Vec<_> = match value {
            Value::Array(items) if !items.is_empty() => items
                .iter()
                .map(|item| {
                    if has_elements(item) {
                        format!("- {}", self.block(item, &format!("{indent}  ")))
                    } else {
                        format!("- {}", self.flow(item))
                    }
                })
                .collect(),
            Value::Object(members) if !members.is_empty() => members
                .iter()
                .map(|(key, value)| format!("{}:{}", self.key(key), self.behind_key(value, indent)))
                .collect(),
            scalar => return self.flow(scalar),
        };
        entries.join(&format!("{}{indent}", self.newline))
    }
}

/// Whether it needs lines of its own in block style.
pub(super) fn has_elements(value: &Value) -> bool {
    match value {
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    }
}

/// `text` with the quotes of `form`; plain text stays plain where it reads back as the same text, and what single
/// quotes cannot hold gets double ones.
pub(super) fn styled(text: &str, form: Form) -> String {
    match form {
        Form::Plain if stays_plain(text) => text.to_owned(),
        Form::Single if !text.chars().any(is_special) => format!("'{}'", text.replace('\'', "''")),
        _ => double_quoted(text),
    }
}

/// JSON's escapes, and those for what YAML does not call printable or takes for a line end.
fn double_quoted(text: &str) -> String {
    let mut quoted = String::new();
    json::quote(text, &mut quoted);
    if !quoted.chars().any(is_special) {
        return quoted;
    }
    let mut escaped = String::new();
    for c in quoted.chars() {
        if is_special(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn is_special(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Whether text that stands in the place of plain text needs no quotes either.
pub(super) fn stays_plain(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| {
        c.is_alphanumeric() || matches!(c, '_' | '/' | '.' | '+' | '$' | '(')
    });
    starts_well
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains([',', '[', ']', '{', '}'])
        && !text.chars().any(|c| is_special(c) || c == '\t')
        && plain_kind(text, Form::Plain) == Kind::String
        && !is_old_boolean(text)
}

fn is_old_boolean(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str())
}

/// Whether text needs no quotes for any reader, old ones that know `yes` and `off` included.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(plain)
        && plain_kind(text, Form::Plain) == Kind::String
        && !is_old_boolean(text)
}
