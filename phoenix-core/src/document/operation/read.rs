//! Operations and values as they are said: a file of operations, a word of a command line.

use std::path::Path;

use super::super::{Cursor, Decode, Document, Fields, Format, Value};
use super::{Beside, Operation};
use crate::diagnostic::{Fault, Faults};

/// A value as it is said on a command line: JSON, or text where that is no JSON.
///
/// ```
/// use phoenix_core::document::{Value, text_or_json};
///
/// assert_eq!(text_or_json("80"), Ok(Value::from(80u64)));
/// assert_eq!(text_or_json("10.0.0.111"), Ok(Value::from("10.0.0.111")));
/// assert!(text_or_json("{\"a\": ").is_err());
/// ```
///
/// # Errors
/// What is wrong with a value that begins as an array, an object or a string.
pub fn text_or_json(text: &str) -> Result<Value, Faults> {
    match json_value(Path::new("VALUE"), text.into()) {
        Err(_) if !text.trim_start().starts_with(['{', '[', '"']) => Ok(Value::from(text)),
        value_or_faults => value_or_faults,
    }
}

/// A value from a JSON file; `path` is for messages.
///
/// # Errors
/// What JSON forbids, and what no [`Value`] can hold.
pub fn json_value(path: &Path, bytes: Vec<u8>) -> Result<Value, Faults> {
    let document = Document::parse(path, bytes, Format::Json)?;
    let mut faults = Faults::new();
    Value::decode(document.root(), &mut faults).ok_or(faults)
}

/// Operations as a file says them: `[{"op": "set", "pointer": "/a", "value": 1}, ...]`; `insert` may and `move` must
/// have one of `before` and `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a list with a decoder")]
pub struct Operations(pub Vec<Operation>);

impl Operations {
    /// Reads them from JSON; `path` is for messages.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, Faults> {
        let document = Document::parse(path, bytes, Format::Json)?;
        let mut faults = Faults::new();
        let operations = Vec::decode(document.root(), &mut faults);
        match operations {
            Some(operations) => faults.into_result(Self(operations)),
            None => Err(faults),
        }
    }
}

impl Decode for Operation {
    fn decode(cursor: Cursor<'_>, faults: &mut Faults) -> Option<Self> {
        let fields = Fields::open(cursor, faults)?;
        let op: Option<String> = fields.required("op", faults);
        let pointer: Option<String> = fields.required("pointer", faults);
        let takes_value = matches!(op.as_deref(), Some("insert" | "set"));
        let takes_place = matches!(op.as_deref(), Some("insert" | "move"));
        // Not `required`: here null is a value.
        let value = cursor.get("value").filter(|_| takes_value);
        if takes_value && value.is_none() {
            let _ = fields.required::<Value>("value", faults);
        }
        let value = value.map(|value| Value::decode(value, faults));
        let beside = if takes_place {
            decode_beside(&fields, op.as_deref() == Some("move"), faults)
        } else {
            None
        };
        let mut known = vec!["op", "pointer"];
        known.extend(takes_value.then_some("value"));
        known.extend(
            takes_place
                .then_some(["before", "after"])
                .into_iter()
                .flatten(),
        );
        if op.as_deref().is_some_and(|op| !VERBS.contains(&op)) {
            let place = fields.value("op").map_or(cursor.place(), Cursor::place);
            let message = format!(
                "found `{}`, expected one of {}",
                op.as_deref()?,
                VERBS.join(", ")
            );
            faults.push(Fault::error("unknown-operation", message).at(place));
            return None;
        }
        fields.finish(&known, faults);
        let (op, pointer) = (op?, pointer?);
        Some(match op.as_str() {
            "insert" => Self::Insert {
                pointer,
                value: value??,
                beside,
            },
            "move" => Self::Move {
                pointer,
                beside: beside?,
            },
            "remove" => Self::Remove { pointer },
            _ => Self::Set {
                pointer,
                value: value??,
            },
        })
    }
}

const VERBS: [&str; 4] = ["set", "insert", "remove", "move"];

fn decode_beside(fields: &Fields<'_>, is_required: bool, faults: &mut Faults) -> Option<Beside> {
    let mut key = |name: &str| {
        fields.optional_with(name, faults, |cursor, faults| match cursor.as_u64() {
            Some(index) => Some(index.to_string()),
            None => String::decode(cursor, faults),
        })
    };
    let (before, after) = (key("before"), key("after"));
    let count = usize::from(fields.value("before").is_some())
        + usize::from(fields.value("after").is_some());
    if count == 2 || (count == 0 && is_required) {
        let found = if count == 2 { "both" } else { "neither" };
        let message = format!("found {found} of `before` and `after`, expected one");
        faults.push(Fault::error("missing-field", message).at(fields.cursor().start_place()));
    }
    before.map(Beside::Before).or(after.map(Beside::After))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faulty_list_of_operations_is_told_as_a_whole() {
        let text = "[\n{\"op\": \"sett\", \"pointer\": \"/a\"},\n{\"op\": \"set\", \"pointer\": \"/a\"},\n{\"op\": \"move\", \"pointer\": 1, \"value\": 1},\n{\"op\": \"remove\", \"pointer\": \"/a\", \"before\": \"b\"},\n{\"op\": \"insert\", \"pointer\": \"/a\", \"value\": 1, \"before\": true, \"after\": 0}\n]";
        let faults = Operations::parse("e".as_ref(), text.into()).unwrap_err();
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "e:2:8: found `sett`, expected one of set, insert, remove, move",
                "e:3:1: found no field `value`, expected one",
                "e:4:27: found a number for `pointer`, expected a string",
                "e:4:1: found neither of `before` and `after`, expected one",
                "e:4:30: found unknown field `value`",
                "e:5:35: found unknown field `before`",
                "e:6:57: found a boolean for `before`, expected a string",
                "e:6:1: found both of `before` and `after`, expected one",
            ]
        );
    }

    #[test]
    fn a_value_is_json_or_text() {
        for (said, value) in [
            ("true", true.into()),
            ("\"true\"", "true".into()),
            ("0.50", Value::Number("0.50".to_owned())),
            ("tcp://10.0.0.111:2376", "tcp://10.0.0.111:2376".into()),
            (" a b", " a b".into()),
            ("", "".into()),
            ("[1, \"x\"]", vec![Value::from(1u64), "x".into()].into()),
        ] {
            assert_eq!(text_or_json(said), Ok(value), "{said}");
        }
        let fault = text_or_json("[1, x]").unwrap_err().to_string();
        assert_eq!(fault, "VALUE:1:5: found `x`, expected a value");
    }
}
