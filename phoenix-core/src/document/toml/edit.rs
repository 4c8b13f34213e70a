//! TOML edits of values and of `key = value` lines; tables with headers are left alone.

use std::ops::Range;

use super::super::edit::{Child, EditError, Intent};
use super::super::gaps::{Bracketed, Gap, gaps};
use super::super::lines::{line_end, line_start, newline, next_line};
use super::super::patch::Splice;
use super::super::tape::Form;
use super::super::{Cursor, Document, Kind, NodeId, Value};

/// The splices of an edit.
pub(crate) fn edit(document: &Document, intent: &Intent) -> Result<Vec<Splice>, EditError> {
    let editor = Editor {
        document,
        text: document.text(),
    };
    let mut splices = Vec::new();
    for (node, value) in &intent.sets {
        let cursor = document.cursor(*node);
        if has_header(cursor) {
            return Err(EditError::unsafe_at(
                cursor,
                "it is a table, set its keys instead",
            ));
        }
        splices.push(Splice::new(
            cursor.span(),
            written(value, cursor, cursor.form())?,
        ));
    }
    for (node, key) in &intent.renames {
        let cursor = document.cursor(*node);
        if has_header(cursor) {
            return Err(EditError::unsafe_at(
                cursor,
                "it is a table, whose name may stand in several headers",
            ));
        }
        splices.push(Splice::new(editor.key_span(*node), key_text(key)));
    }
    for (container, list) in &intent.children {
        let cursor = document.cursor(*container);
        match cursor.form() {
            Form::Flow => editor.flow(cursor, list, intent, &mut splices)?,
            Form::Plain => {
                for gap in gaps(list) {
                    editor.lines(cursor, list, &gap, &mut splices)?;
                }
            }
            _ => return Err(EditError::unsafe_at(cursor, "it has no lines of its own")),
        }
    }
    Ok(splices)
}

struct Editor<'d> {
    document: &'d Document,
    text: &'d str,
}

impl<'d> Editor<'d> {
    fn flow(
        &self,
        container: Cursor<'d>,
        list: &[Child],
        intent: &Intent,
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        let is_table = container.kind() == Kind::Object;
        let span = |node| {
            let span = self.document.cursor(node).span();
            if is_table {
                self.key_span(node).start..span.end
            } else {
                span
            }
        };
        for child in list {
            if let Child::New { value, .. } = child {
                written(value, container, Form::Double)?;
            }
            if let Child::Gone(node) | Child::Moved(node) = child
                && self.document.cursor(*node).form() == Form::Implied
            {
                return Err(EditError::unsafe_at(container, "it has dotted keys"));
            }
        }
        let render = |child: &Child, _: &str| match child {
            Child::New { key, value } => {
                let value = written(value, container, Form::Double).unwrap_or_default();
                key.as_ref()
                    .map_or(value.clone(), |key| format!("{} = {value}", key_text(key)))
            }
            Child::Gone(node) | Child::Kept(node) | Child::Moved(node) => {
                self.text[span(*node)].to_owned()
            }
        };
        let pad = if is_table { " " } else { "" };
        Bracketed {
            container,
            span: &span,
            render: &render,
            space: " ",
            opened: (pad.to_owned(), pad.to_owned()),
            comments: true,
        }
        .edit(intent, splices)
    }

    fn lines(
        &self,
        table: Cursor<'d>,
        list: &[Child],
        gap: &Gap<'_>,
        splices: &mut Vec<Splice>,
    ) -> Result<(), EditError> {
        for node in &gap.removed {
            if !self.is_line(*node) {
                let cursor = self.document.cursor(*node);
                return Err(EditError::unsafe_at(
                    cursor,
                    "it is a table, and may stand in several places",
                ));
            }
            let start = line_start(self.text, self.key_span(*node).start);
            splices.push(Splice::new(
                start..next_line(self.text, self.end(*node)),
                "",
            ));
        }
        if gap.inserted.is_empty() {
            return Ok(());
        }
        let newline = newline(self.text);
        let mut lines = Vec::new();
        for child in &gap.inserted {
            let Child::New {
                key: Some(key),
                value,
            } = child
            else {
                return Err(EditError::unsafe_at(table, "lines are not moved in TOML"));
            };
            lines.push(format!(
                "{} = {}",
                key_text(key),
                written(value, table, Form::Double)?
            ));
        }
        // Behind the last line of the table that comes before; lines behind a header would belong to that.
        let place = |child: &Child| match child {
            Child::Kept(node) | Child::Gone(node) => Some(*node).filter(|node| self.is_line(*node)),
            _ => None,
        };
        let first_new = list
            .iter()
            .position(|child| gap.inserted.iter().any(|new| std::ptr::eq(*new, child)));
        let before = list[..first_new.unwrap_or(0)].iter().rev().find_map(place);
        let (at, indent) = match before.or_else(|| list.iter().find_map(place)) {
            Some(node) if before.is_some() => {
                let start = self.key_span(node).start;
                (
                    line_end(self.text, self.end(node)),
                    &self.text[line_start(self.text, start)..start],
                )
            }
            Some(node) => {
                let start = self.key_span(node).start;
                let line = line_start(self.text, start);
                let text = lines
                    .iter()
                    .map(|text| format!("{}{text}{newline}", &self.text[line..start]));
                splices.push(Splice::new(line..line, text.collect::<String>()));
                return Ok(());
            }
            None if table.node() == NodeId(0) => {
                let text = lines.iter().map(|line| format!("{line}{newline}"));
                splices.push(Splice::new(0..0, text.collect::<String>()));
                return Ok(());
            }
            None => (line_end(self.text, table.span().start), ""),
        };
        let indent = if indent.trim().is_empty() { indent } else { "" };
        let text = lines.iter().map(|line| format!("{newline}{indent}{line}"));
        splices.push(Splice::new(at..at, text.collect::<String>()));
        Ok(())
    }

    /// Whether a member is one `key = value`.
    fn is_line(&self, node: NodeId) -> bool {
        let cursor = self.document.cursor(node);
        !has_header(cursor)
    }

    fn key_span(&self, node: NodeId) -> Range<usize> {
        self.document.tape().span(node.0.saturating_sub(1))
    }

    fn end(&self, node: NodeId) -> usize {
        self.document.cursor(node).span().end
    }
}

/// Whether it is written with headers or dotted keys instead of one value.
fn has_header(cursor: Cursor<'_>) -> bool {
    match cursor.kind() {
        Kind::Object => cursor.form() != Form::Flow,
        Kind::Array => cursor.form() == Form::Tables,
        _ => false,
    }
}

fn key_text(key: &str) -> String {
    toml_edit::Key::new(key).display_repr().into_owned()
}

/// A value as TOML; a string with the quotes of `form` where they can hold it.
fn written(value: &Value, place: Cursor<'_>, form: Form) -> Result<String, EditError> {
    Ok(match value {
        Value::Null => return Err(EditError::unsafe_at(place, "TOML has no null")),
        Value::Bool(_) => value.to_json(),
        // TOML wants a digit on both sides of the point and no leading zero, as JSON does.
        Value::Number(literal) => literal.clone(),
        Value::String(text)
            if form == Form::Single && !text.contains(|c: char| c == '\'' || c.is_control()) =>
        {
            format!("'{text}'")
        }
        Value::String(text) => double_quoted(text),
        Value::Array(items) => {
            let items: Result<Vec<_>, _> = items
                .iter()
                .map(|item| written(item, place, form))
                .collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Result<Vec<_>, _> = members
                .iter()
                .map(|(key, value)| {
                    Ok(format!(
                        "{} = {}",
                        key_text(key),
                        written(value, place, form)?
                    ))
                })
                .collect();
            format!("{{ {} }}", members?.join(", "))
        }
    })
}

/// JSON's escapes are TOML's, which forbids U+007F besides.
fn double_quoted(text: &str) -> String {
    Value::from(text).to_json().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::super::super::{Edit, Format, Position};
    use super::*;

    const TEXT: &str = "# ours\nstate = '/var' # here\n\n[ca]\nurl = \"https://a\"\nroots = [\"a\", \"b\"]\n\n[policy.renew]\nbefore = 0.50\n\n[[peer]]\nname = \"x\"\n[[peer]]\nname = \"y\"";

    fn parse(text: &str) -> Document {
        Document::parse("t.toml".as_ref(), text.into(), Format::Toml).unwrap()
    }

    fn edited(text: &str, change: impl Fn(&Document, &mut Edit<'_>)) -> String {
        let document = parse(text);
        let mut edit = Edit::new(&document);
        change(&document, &mut edit);
        edit.finish()
            .unwrap()
            .apply(&document)
            .unwrap_or_else(|f| panic!("{f}"))
            .text()
            .to_owned()
    }

    fn node(document: &Document, pointer: &str) -> NodeId {
        document
            .root()
            .at(pointer)
            .unwrap_or_else(|| panic!("{pointer}"))
            .node()
    }

    #[test]
    fn values_are_read_with_their_places() {
        let document = parse(TEXT);
        let at = |pointer: &str| document.root().at(pointer).unwrap();
        assert_eq!(at("/state").as_str().as_deref(), Some("/var"));
        assert_eq!(at("/ca/roots/1").as_str().as_deref(), Some("b"));
        assert_eq!(at("/policy/renew/before").literal(), "0.50");
        assert_eq!(at("/peer/1/name").place().to_string(), "t.toml:14:8");
        assert_eq!(at("/peer/1/name").pointer(), "/peer/1/name");
        let fault =
            Document::parse("t".as_ref(), b"a = 1\nb = \n".to_vec(), Format::Toml).unwrap_err();
        assert!(fault.to_string().starts_with("t:2:"), "{fault}");
    }

    #[test]
    fn only_the_bytes_of_the_change_differ() {
        let set = edited(TEXT, |d, e| {
            e.set_text(node(d, "/state"), "/x")
                .set_text(node(d, "/ca/url"), "https://b\"");
            e.insert(node(d, "/ca/roots"), Position::Last, None, "c".into());
            e.insert(
                node(d, "/ca"),
                Position::Last,
                Some("timeout s"),
                5u64.into(),
            );
            e.remove(node(d, "/policy/renew/before"));
        });
        let expected = TEXT
            .replace("'/var'", "'/x'")
            .replace("https://a\"", "https://b\\\"\"")
            .replace("\"b\"]", "\"b\", \"c\"]\n\"timeout s\" = 5")
            .replace("before = 0.50\n", "");
        assert_eq!(set, expected);
        let at_end = edited(TEXT, |d, e| {
            e.insert(
                node(d, "/peer/1"),
                Position::Last,
                Some("port"),
                1u64.into(),
            );
        });
        assert_eq!(at_end, format!("{TEXT}\nport = 1"));
        let top = edited("", |d, e| {
            e.insert(d.root().node(), Position::Last, Some("a"), true.into());
        });
        assert_eq!(top, "a = true\n");
        let before_header = edited("[a]\nx = 1\n", |d, e| {
            e.insert(d.root().node(), Position::Last, Some("top"), 1u64.into());
        });
        assert_eq!(before_header, "top = 1\n[a]\nx = 1\n");
    }

    #[test]
    fn tables_are_refused_with_their_place() {
        let document = parse(TEXT);
        let error = Edit::new(&document)
            .remove(node(&document, "/ca"))
            .finish()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("t.toml:4:1: could not edit this safely"),
            "{error}"
        );
    }
}
