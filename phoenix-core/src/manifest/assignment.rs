//! `KEY=VALUE`: what an operator wants a field of an entry to be, read by the table of fields.

use std::str::FromStr;

use super::table::ENTRY_FIELDS;
use crate::diagnostic::nearest;
use crate::document::{FieldInfo, FieldKind, Value, json_value};

/// One field's new value: `KEY=VALUE` sets it, `KEY=` removes it, `KEY+=VALUE` adds to a list.
///
/// `KEY` may lead into a record or a list of records: `hook.timeout`, `deploy.0.owner`. Where the field holds a list or
/// a record, `VALUE` may be JSON.
///
/// ```
/// use phoenix_core::manifest::Assignment;
///
/// assert!("permissions=600".parse::<Assignment>().is_ok());
/// let error = "permisions=600".parse::<Assignment>().unwrap_err();
/// assert_eq!(error.to_string(), "found no field `permisions`, did you mean `permissions`?");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    steps: Vec<Step>,
    operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(&'static FieldInfo),
    Index(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Operation {
    Append(Value),
    Remove,
    Set(Value),
}

/// Why a text is no assignment, or one that this entry cannot take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AssignmentError {
    /// The list has no such element.
    #[error(
        "found {length} in `{list}`, expected at least {index}: an element is added behind the last one"
    )]
    Index {
        /// The list.
        list: String,
        /// The index that was named.
        index: usize,
        /// How many elements it has.
        length: usize,
    },
    /// The field is no list.
    #[error("found `{key}+=`, expected a list there: {what}")]
    NoList {
        /// The key.
        key: String,
        /// What the field holds.
        what: String,
    },
    /// No equals sign.
    #[error("found `{0}`, expected KEY=VALUE")]
    Syntax(String),
    /// No such field.
    #[error("found no field `{key}`, {help}")]
    UnknownField {
        /// The key.
        key: String,
        /// What there is.
        help: String,
    },
    /// The value is not what the field holds.
    #[error("found {found:?} for `{key}`, expected {what}")]
    Value {
        /// The key.
        key: String,
        /// The value as it was given.
        found: String,
        /// What the field holds.
        what: String,
    },
}

impl FromStr for Assignment {
    type Err = AssignmentError;

    fn from_str(text: &str) -> Result<Self, AssignmentError> {
        let (key, value) = text
            .split_once('=')
            .filter(|(key, _)| !key.is_empty())
            .ok_or_else(|| AssignmentError::Syntax(text.to_owned()))?;
        match key.strip_suffix('+') {
            Some(key) => Self::append(key, value),
            None => Self::set(key, value),
        }
    }
}

impl Assignment {
    /// `KEY=VALUE`; an empty value removes the field.
    pub fn set(key: &str, value: &str) -> Result<Self, AssignmentError> {
        let steps = steps(key)?;
        let operation = if value.is_empty() {
            Operation::Remove
        } else {
            Operation::Set(match steps.last() {
                Some(Step::Field(field)) => of_field(field.kind, key, value)?,
                _ => json(key, value, "an object")?,
            })
        };
        Ok(Self { steps, operation })
    }

    /// `KEY+=VALUE`; nothing happens where the list holds the value already.
    pub fn append(key: &str, value: &str) -> Result<Self, AssignmentError> {
        let steps = steps(key)?;
        let Some(Step::Field(field)) = steps.last() else {
            return Err(AssignmentError::NoList {
                key: key.to_owned(),
                what: "an object".to_owned(),
            });
        };
        let value = match field.kind {
            FieldKind::TextOrTexts(_) | FieldKind::Texts(_) => Value::from(value),
            FieldKind::Objects(_) => json(key, value, "an object")?,
            kind => {
                return Err(AssignmentError::NoList {
                    key: key.to_owned(),
                    what: kind.what(),
                });
            }
        };
        Ok(Self {
            steps,
            operation: Operation::Append(value),
        })
    }

    /// Makes the members of an entry say it.
    pub(super) fn apply(&self, members: &mut Vec<(String, Value)>) -> Result<(), AssignmentError> {
        apply(&self.steps, &self.operation, members)
    }
}

fn steps(key: &str) -> Result<Vec<Step>, AssignmentError> {
    let unknown = |help: String| AssignmentError::UnknownField {
        key: key.to_owned(),
        help,
    };
    let mut fields = Some(ENTRY_FIELDS);
    let mut in_list = false;
    let mut steps = Vec::new();
    for word in key.split('.') {
        if in_list {
            let index = word
                .parse()
                .map_err(|_| unknown(format!("expected an index in place of `{word}`")))?;
            steps.push(Step::Index(index));
            in_list = false;
            continue;
        }
        let Some(known) = fields else {
            return Err(unknown(format!("expected nothing behind it: `{word}`")));
        };
        let Some(field) = known.iter().find(|field| field.name == word) else {
            let names = known.iter().map(|field| field.name);
            return Err(unknown(match nearest(word, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", names.collect::<Vec<_>>().join(", ")),
            }));
        };
        steps.push(Step::Field(field));
        fields = field.kind.fields();
        in_list = matches!(field.kind, FieldKind::Objects(_));
    }
    Ok(steps)
}

fn of_field(kind: FieldKind, key: &str, text: &str) -> Result<Value, AssignmentError> {
    let wrong = || AssignmentError::Value {
        key: key.to_owned(),
        found: text.to_owned(),
        what: kind.what(),
    };
    Ok(match kind {
        FieldKind::Bool => Value::Bool(text.parse().map_err(|_| wrong())?),
        FieldKind::Integer { min, max } => {
            let number: u32 = text.parse().map_err(|_| wrong())?;
            if !(min..=max).contains(&number) {
                return Err(wrong());
            }
            Value::from(number)
        }
        FieldKind::Number => Value::from(text.parse::<u32>().map_err(|_| wrong())?),
        FieldKind::Choice(words) if !words.contains(&text) => return Err(wrong()),
        // `[ -e x ] && y` is a command line and no JSON.
        FieldKind::TextOrTexts(_) => parsed(text)
            .filter(|value| matches!(value, Value::Array(_)))
            .unwrap_or_else(|| text.into()),
        FieldKind::Texts(_) if !text.starts_with('[') => Value::Array(vec![text.into()]),
        FieldKind::Texts(_) | FieldKind::Object(_) => json(key, text, &kind.what())?,
        FieldKind::Objects(_) => match json(key, text, &kind.what())? {
            one @ Value::Object(_) => Value::Array(vec![one]),
            list => list,
        },
        _ => Value::from(text),
    })
}

fn json(key: &str, text: &str, what: &str) -> Result<Value, AssignmentError> {
    parsed(text).ok_or_else(|| AssignmentError::Value {
        key: key.to_owned(),
        found: text.to_owned(),
        what: format!("{what}, as JSON"),
    })
}

fn parsed(text: &str) -> Option<Value> {
    json_value("VALUE".as_ref(), text.into()).ok()
}

fn apply(
    steps: &[Step],
    operation: &Operation,
    members: &mut Vec<(String, Value)>,
) -> Result<(), AssignmentError> {
    let [Step::Field(field), rest @ ..] = steps else {
        return Ok(());
    };
    let at = members.iter().rposition(|(name, _)| name == field.name);
    match (rest, operation) {
        ([], Operation::Remove) => members.retain(|(name, _)| name != field.name),
        ([], Operation::Set(value)) => *slot(members, at, field.name) = value.clone(),
        ([], Operation::Append(value)) => append(slot(members, at, field.name), value),
        ([Step::Index(index), rest @ ..], _) => {
            if at.is_none() && *operation == Operation::Remove {
                return Ok(());
            }
            let Value::Array(items) = slot_of(members, at, field.name, Value::Array(Vec::new()))
            else {
                return Err(shape(field));
            };
            element(*index, rest, operation, items, field)?;
        }
        (rest, _) => {
            if at.is_none() && *operation == Operation::Remove {
                return Ok(());
            }
            let Value::Object(inner) = slot_of(members, at, field.name, Value::Object(Vec::new()))
            else {
                return Err(shape(field));
            };
            apply(rest, operation, inner)?;
        }
    }
    Ok(())
}

fn element(
    index: usize,
    rest: &[Step],
    operation: &Operation,
    items: &mut Vec<Value>,
    field: &FieldInfo,
) -> Result<(), AssignmentError> {
    let out_of_range = AssignmentError::Index {
        list: field.name.to_owned(),
        index,
        length: items.len(),
    };
    if *operation == Operation::Remove && index >= items.len() {
        return Err(out_of_range);
    }
    match (rest, operation) {
        ([], Operation::Remove) => {
            items.remove(index);
        }
        ([], Operation::Set(value) | Operation::Append(value)) => match index.cmp(&items.len()) {
            std::cmp::Ordering::Less => items[index] = value.clone(),
            std::cmp::Ordering::Equal => items.push(value.clone()),
            std::cmp::Ordering::Greater => return Err(out_of_range),
        },
        _ => {
            if index == items.len() {
                items.push(Value::Object(Vec::new()));
            }
            match items.get_mut(index) {
                Some(Value::Object(inner)) => apply(rest, operation, inner)?,
                Some(_) => return Err(shape(field)),
                None => return Err(out_of_range),
            }
        }
    }
    Ok(())
}

/// What stands there is of another kind than the key goes through.
fn shape(field: &FieldInfo) -> AssignmentError {
    AssignmentError::Value {
        key: field.name.to_owned(),
        found: "a value of another kind".to_owned(),
        what: field.kind.what(),
    }
}

fn slot<'v>(members: &'v mut Vec<(String, Value)>, at: Option<usize>, name: &str) -> &'v mut Value {
    slot_of(members, at, name, Value::Null)
}

/// The member's value, made when it is not there.
fn slot_of<'v>(
    members: &'v mut Vec<(String, Value)>,
    at: Option<usize>,
    name: &str,
    new: Value,
) -> &'v mut Value {
    let at = at.unwrap_or_else(|| {
        members.push((name.to_owned(), new));
        members.len() - 1
    });
    &mut members[at].1
}

/// A single text becomes a list; what is in it already is not added.
fn append(slot: &mut Value, value: &Value) {
    match slot {
        Value::Array(items) => {
            if !items.contains(value) {
                items.push(value.clone());
            }
        }
        Value::Null => *slot = Value::Array(vec![value.clone()]),
        single => {
            if single != value {
                let first = std::mem::replace(single, Value::Null);
                *single = Value::Array(vec![first, value.clone()]);
            }
        }
    }
}
