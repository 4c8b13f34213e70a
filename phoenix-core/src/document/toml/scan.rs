//! From `toml_edit`'s tree to the tape.

use toml_edit::{Document, Item, Key, TableLike, Value};

use super::super::tape::{Form, Tape};
use super::super::{Failure, Kind};

/// Reads one TOML document.
pub(crate) fn scan(text: &str) -> Result<Tape, Failure> {
    let document = Document::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(text.len()..text.len());
        let message: Vec<_> = error.message().lines().map(str::trim).collect();
        Failure {
            code: "toml-syntax",
            message: format!("could not read this as TOML: {}", message.join(", ")),
            span: span.start.min(text.len())..span.end.min(text.len()),
            help: None,
        }
    })?;
    let mut scanner = Scanner {
        text,
        tape: Tape::default(),
    };
    let root = scanner.tape.push(Kind::Object, Form::Plain, 0..text.len());
    scanner.members(document.as_table());
    scanner.tape.close(root, text.len());
    Ok(scanner.tape.finish())
}

struct Scanner<'t> {
    text: &'t str,
    tape: Tape,
}

/// `toml_edit` limits the depth itself, so recursion is bounded.
impl Scanner<'_> {
    fn members(&mut self, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            if item.is_none() {
                continue;
            }
            let span = table.key(name).and_then(Key::span).unwrap_or(0..0);
            let key = self.tape.push(Kind::String, Form::Plain, span.clone());
            if self.text.get(span) != Some(name) {
                self.tape.set_text(key, name);
            }
            self.item(item, key);
        }
    }

    fn item(&mut self, item: &Item, key: u32) {
        // What headers or dotted keys only imply begins where its name stands.
        let span = item.span().unwrap_or_else(|| self.tape.span(key));
        match item {
            Item::None => {}
            Item::Value(value) => self.value(value, span),
            Item::Table(table) => {
                let implied = table.is_implicit() || table.is_dotted() || table.span().is_none();
                let form = if implied { Form::Implied } else { Form::Plain };
                let node = self.tape.push(Kind::Object, form, span.clone());
                self.members(table);
                self.tape.close(node, span.end);
            }
            Item::ArrayOfTables(tables) => {
                let node = self.tape.push(Kind::Array, Form::Tables, span.clone());
                for table in tables {
                    let span = table.span().unwrap_or(span.clone());
                    let element = self.tape.push(Kind::Object, Form::Plain, span.clone());
                    self.members(table);
                    self.tape.close(element, span.end);
                }
                self.tape.close(node, span.end);
            }
        }
    }

    fn value(&mut self, value: &Value, span: std::ops::Range<usize>) {
        let span = value.span().unwrap_or(span);
        match value {
            Value::String(text) => {
                let literal = self.text.get(span.clone()).unwrap_or("");
                let form = if literal.starts_with("\"\"\"") || literal.starts_with("'''") {
                    Form::Block
                } else if literal.starts_with('\'') {
                    Form::Single
                } else {
                    Form::Double
                };
                let node = self.tape.push(Kind::String, form, span.clone());
                let inner = literal.get(1..literal.len().saturating_sub(1));
                if form == Form::Block || inner != Some(text.value()) {
                    self.tape.set_text(node, text.value());
                }
            }
            Value::Integer(_) | Value::Float(_) => {
                self.tape.push(Kind::Number, Form::Plain, span);
            }
            Value::Boolean(_) => {
                self.tape.push(Kind::Bool, Form::Plain, span);
            }
            Value::Datetime(_) => {
                self.tape.push(Kind::String, Form::Plain, span);
            }
            Value::Array(items) => {
                let node = self.tape.push(Kind::Array, Form::Flow, span.clone());
                for item in items {
                    self.value(item, span.clone());
                }
                self.tape.close(node, span.end);
            }
            Value::InlineTable(table) => {
                let form = if table.is_dotted() {
                    Form::Implied
                } else {
                    Form::Flow
                };
                let node = self.tape.push(Kind::Object, form, span.clone());
                self.members(table);
                self.tape.close(node, span.end);
            }
        }
    }
}
