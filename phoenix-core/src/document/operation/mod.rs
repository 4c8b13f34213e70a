//! Edits in an operator's words: an operation names its place by JSON pointer.

mod pointer;
mod read;

use std::fmt;

pub use read::{Operations, json_value, text_or_json};

use super::edit::{Edit, Position, unchanged};
use super::{Cursor, Document, Kind, Value};
use crate::diagnostic::{Fault, Faults};
use pointer::{at_index, child, find, missing, syntax, two_places, unescaped};

/// One edit. All operations of a change point into the file as it stands before any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the four verbs of the command line"
)]
pub enum Operation {
    /// Adds a member, named by the pointer's last part, or an element: before the one that has that index, or with `-`
    /// behind all others. A member that is there already with this value is left alone.
    Insert {
        /// Where the new value will stand.
        pointer: String,
        /// The value.
        value: Value,
        /// Beside which neighbour; for a member the default is behind all others.
        beside: Option<Beside>,
    },
    /// Moves an element or member within its container.
    Move {
        /// What.
        pointer: String,
        /// Where to.
        beside: Beside,
    },
    /// Removes an element or member.
    Remove {
        /// What.
        pointer: String,
    },
    /// Replaces a value that is there.
    Set {
        /// Which.
        pointer: String,
        /// By what.
        value: Value,
    },
}

/// A neighbour by its name, or in an array by its index.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no third side")]
pub enum Beside {
    /// In front of it.
    Before(String),
    /// Behind it.
    After(String),
}

impl Operation {
    /// Where it works.
    pub fn pointer(&self) -> &str {
        match self {
            Self::Insert { pointer, .. }
            | Self::Move { pointer, .. }
            | Self::Remove { pointer }
            | Self::Set { pointer, .. } => pointer,
        }
    }

    /// Adds it to `edit`; gives whether anything changes.
    fn request(&self, document: &Document, edit: &mut Edit<'_>) -> Result<bool, Fault> {
        match self {
            Self::Set { pointer, value } => {
                let cursor = find(document, pointer)?;
                edit.set(cursor.node(), value.clone());
                Ok(!unchanged(cursor, value))
            }
            Self::Remove { pointer } => {
                edit.remove(find(document, pointer)?.node());
                Ok(true)
            }
            Self::Move { pointer, beside } => {
                let cursor = find(document, pointer)?;
                let container = match pointer.rsplit_once('/') {
                    Some((above, _)) => find(document, above)?,
                    None => cursor,
                };
                edit.move_to(cursor.node(), beside.position(container)?);
                Ok(true)
            }
            Self::Insert {
                pointer,
                value,
                beside,
            } => {
                let Some((above, last)) = pointer.rsplit_once('/') else {
                    find(document, pointer)?;
                    return Err(Fault::error(
                        "pointer-target",
                        "could not insert at the outermost value, expected a place inside it",
                    )
                    .at(document.root().start_place())
                    .help("`set` replaces it"));
                };
                let container = find(document, above)?;
                let key = unescaped(last).ok_or_else(|| syntax(document, pointer))?;
                let beside = match beside {
                    Some(beside) => Some(beside.position(container)?),
                    None => None,
                };
                match container.kind() {
                    Kind::Object => {
                        if let Some(old) = container.get(&key) {
                            if old.to_value().as_ref() == Some(value) {
                                return Ok(false);
                            }
                            let fault = Fault::error(
                                "key-exists",
                                format!("found a member `{key}` already"),
                            )
                            .at(old.place());
                            return Err(fault.help("`set` changes its value"));
                        }
                        let position = beside.unwrap_or(Position::Last);
                        edit.insert(container.node(), position, Some(&key), value.clone());
                    }
                    Kind::Array => {
                        let position = match beside {
                            Some(position) if key == "-" => position,
                            Some(_) => return Err(two_places(container, &key)),
                            None => at_index(container, &key)?,
                        };
                        edit.insert(container.node(), position, None, value.clone());
                    }
                    _ => return Err(missing(container, &key)),
                }
                Ok(true)
            }
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, beside) = match self {
            Self::Insert { beside, .. } => ("insert", beside.as_ref()),
            Self::Move { beside, .. } => ("move", Some(beside)),
            Self::Remove { .. } => ("remove", None),
            Self::Set { .. } => ("set", None),
        };
        let pointer = match self.pointer() {
            "" => "the whole file",
            pointer => pointer,
        };
        write!(f, "{word} {pointer}")?;
        match beside {
            Some(Beside::Before(key)) => write!(f, " before {key}"),
            Some(Beside::After(key)) => write!(f, " after {key}"),
            None => Ok(()),
        }
    }
}

impl Beside {
    fn position(&self, container: Cursor<'_>) -> Result<Position, Fault> {
        let (Self::Before(key) | Self::After(key)) = self;
        let node = child(container, key)
            .ok_or_else(|| missing(container, key))?
            .node();
        Ok(match self {
            Self::Before(_) => Position::Before(node),
            Self::After(_) => Position::After(node),
        })
    }
}

/// Makes all operations as one edit, each in the words of the second half that changed anything.
///
/// ```
/// use phoenix_core::document::{Document, Format, Operation, operate};
///
/// let text = "{\"ports\": [80,  443], \"share\": 0.50}";
/// let document = Document::parse("a.json".as_ref(), text.into(), Format::Json)?;
/// let set = Operation::Set { pointer: "/ports/1".to_owned(), value: 8443u64.into() };
/// let (made, done) = operate(&document, &[set])?;
/// assert_eq!(made.text(), "{\"ports\": [80,  8443], \"share\": 0.50}");
/// assert_eq!(done, ["set /ports/1"]);
/// # Ok::<(), phoenix_core::diagnostic::Faults>(())
/// ```
///
/// # Errors
/// Every pointer that names nothing, with the nearest place that is there and the nearest name; what cannot be edited
/// safely.
pub fn operate(
    document: &Document,
    operations: &[Operation],
) -> Result<(Document, Vec<String>), Faults> {
    let mut edit = Edit::new(document);
    let mut faults = Faults::new();
    let mut done = Vec::new();
    for operation in operations {
        match operation.request(document, &mut edit) {
            Ok(true) => done.push(operation.to_string()),
            Ok(false) => {}
            Err(fault) => faults.push(fault),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let patch = edit.finish()?;
    if patch.is_empty() {
        return Ok((document.clone(), Vec::new()));
    }
    Ok((patch.apply(document)?, done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Format;

    const TEXT: &str = "{\n  \"rules\": [\n    {\"port\": \"80\"},\n    {\"port\": \"443\"}\n  ],\n  \"on\": true,\n  \"a/b\": null\n}\n";

    fn document(text: &str) -> Document {
        Document::parse("t.json".as_ref(), text.into(), Format::Json).unwrap()
    }

    fn operations(text: &str) -> Vec<Operation> {
        Operations::parse("edits".as_ref(), text.into()).unwrap().0
    }

    fn made(edits: &str) -> String {
        let (made, _) = operate(&document(TEXT), &operations(edits)).unwrap();
        made.text().to_owned()
    }

    fn faults(edits: &str) -> Vec<String> {
        let faults = operate(&document(TEXT), &operations(edits)).unwrap_err();
        let line = |fault: &Fault| match &fault.help {
            Some(help) => format!("{fault} ({help})"),
            None => fault.to_string(),
        };
        faults.iter().map(line).collect()
    }

    #[test]
    fn operations_of_one_change_point_into_the_file_as_it_stands() {
        let edits = r#"[
            {"op": "remove", "pointer": "/rules/0"},
            {"op": "set", "pointer": "/rules/1/port", "value": "8443"},
            {"op": "insert", "pointer": "/rules/-", "value": {"port": "22"}},
            {"op": "insert", "pointer": "/off", "value": null, "before": "on"},
            {"op": "move", "pointer": "/a~1b", "before": "rules"}
        ]"#;
        assert_eq!(
            made(edits),
            "{\n  \"a/b\": null,\n  \"rules\": [\n    {\"port\": \"8443\"},\n    {\"port\": \"22\"}\n  ],\n  \"off\": null,\n  \"on\": true\n}\n"
        );
    }

    #[test]
    fn elements_go_before_their_index_or_beside_a_neighbour() {
        let first = made(r#"[{"op": "insert", "pointer": "/rules/0", "value": 1}]"#);
        assert_eq!(first, TEXT.replace("[\n    {", "[\n    1,\n    {"));
        let after = made(r#"[{"op": "insert", "pointer": "/rules/-", "value": 1, "after": 0}]"#);
        let before = made(r#"[{"op": "insert", "pointer": "/rules/1", "value": 1}]"#);
        assert_eq!(after, before);
        let last = made(r#"[{"op": "insert", "pointer": "/rules/2", "value": 1}]"#);
        assert_eq!(last, TEXT.replace("\"443\"}", "\"443\"},\n    1"));
    }

    #[test]
    fn what_is_there_already_is_no_change() {
        let edits = r#"[
            {"op": "set", "pointer": "/rules/0/port", "value": "80"},
            {"op": "insert", "pointer": "/on", "value": true},
            {"op": "move", "pointer": "/on", "after": "rules"}
        ]"#;
        let (made, done) = operate(&document(TEXT), &operations(edits)).unwrap();
        assert_eq!(made.text(), TEXT);
        assert!(done.is_empty(), "{done:?}");
    }

    #[test]
    fn every_pointer_that_names_nothing_is_told_with_its_nearest() {
        let edits = r#"[
            {"op": "set", "pointer": "/rules/0/prt", "value": 1},
            {"op": "remove", "pointer": "/rules/2"},
            {"op": "remove", "pointer": "/on/x"},
            {"op": "remove", "pointer": "/zzzz"},
            {"op": "set", "pointer": "rules.0", "value": 1},
            {"op": "set", "pointer": "/a~b", "value": 1},
            {"op": "insert", "pointer": "/on", "value": 1},
            {"op": "insert", "pointer": "", "value": 1},
            {"op": "insert", "pointer": "/rules/9", "value": 1},
            {"op": "insert", "pointer": "/rules/0", "value": 1, "before": 1},
            {"op": "move", "pointer": "/on", "before": "rule"}
        ]"#;
        assert_eq!(
            faults(edits),
            [
                "t.json:3:5: found no member `prt` in `/rules/0` (did you mean `/rules/0/port`?)",
                "t.json:2:12: found no element `2` in `/rules`, expected an index from 0 to 1",
                "t.json:6:9: found a boolean, expected one that has a member `x`",
                "t.json:1:1: found no member `zzzz` at the top (there are: rules, on, a/b)",
                "t.json: found `rules.0`, expected a JSON pointer such as `/a/0/b` (did you mean `/rules/0`?)",
                "t.json: found `/a~b`, expected a JSON pointer such as `/a/0/b` (`~` is written `~0`, and `/` inside a name `~1`)",
                "t.json:6:9: found a member `on` already (`set` changes its value)",
                "t.json:1:1: could not insert at the outermost value, expected a place inside it (`set` replaces it)",
                "t.json:2:12: found index `9`, expected one from 0 to 2, or `-`",
                "t.json:2:12: found index `0` and a neighbour, expected one of them (end the pointer with `/-` instead of `/0`)",
                "t.json:1:1: found no member `rule` at the top (did you mean `/rules`?)",
            ]
        );
    }
}
