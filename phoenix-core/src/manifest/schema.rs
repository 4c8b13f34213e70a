//! The manifest's JSON Schema (draft 2020-12), made from the tables of fields.
//!
//! It never refuses what [`super::Manifest::decode`] reads. What a schema cannot say is left to the decoder: names and
//! paths used twice, `after`, halves of an old delivery, two hooks, quotes of a command line, addresses and fractions
//! out of range, and whole numbers written with an exponent.

use super::table::ENTRY_FIELDS;
use crate::document::{FieldInfo, FieldKind, TextForm, Value};

/// The schema; `phoenix-core/schema/certificate-manifest.schema.json` is its text.
pub fn schema() -> Value {
    Value::object([
        (
            "$schema",
            "https://json-schema.org/draft/2020-12/schema".into(),
        ),
        ("title", "Certificates that Phoenix keeps".into()),
        ("type", "array".into()),
        ("items", record(ENTRY_FIELDS)),
    ])
}

fn record(fields: &[FieldInfo]) -> Value {
    let properties = fields.iter().map(|field| (field.name, property(field)));
    let required = fields.iter().filter(|field| field.required);
    Value::object([
        ("type", "object".into()),
        ("properties", Value::object(properties)),
        (
            "required",
            Value::Array(required.map(|field| field.name.into()).collect()),
        ),
        ("additionalProperties", false.into()),
    ])
}

/// A field's schema; an optional one may be null, which means absent.
fn property(field: &FieldInfo) -> Value {
    let doc = match field.default {
        Some(default) => format!("{} Default: {default}.", field.doc),
        None => field.doc.to_owned(),
    };
    let mut members = vec![("description".to_owned(), Value::from(doc))];
    let mut choices = choices(field.kind);
    if !field.required {
        choices.push(of_type("null", []));
    }
    match <[Value; 1]>::try_from(choices) {
        Ok([Value::Object(only)]) => members.extend(only),
        Ok([other]) => members.push(("anyOf".to_owned(), Value::Array(vec![other]))),
        Err(choices) => members.push(("anyOf".to_owned(), Value::Array(choices))),
    }
    Value::Object(members)
}

fn choices(kind: FieldKind) -> Vec<Value> {
    match kind {
        FieldKind::Bool => vec![of_type("boolean", [])],
        FieldKind::Choice(words) => {
            let words = words.iter().map(|word| Value::from(*word)).collect();
            vec![Value::object([("enum", Value::Array(words))])]
        }
        FieldKind::Integer { min, max } => vec![of_type(
            "integer",
            [("minimum", min.into()), ("maximum", max.into())],
        )],
        FieldKind::Number => vec![
            of_type(
                "integer",
                [("minimum", 0u32.into()), ("maximum", u32::MAX.into())],
            ),
            of_type("string", [("pattern", r"^\+?[0-9]+$".into())]),
        ],
        FieldKind::Object(fields) => vec![record(fields)],
        FieldKind::Objects(fields) => vec![list(record(fields))],
        FieldKind::Text(form) => vec![text(form)],
        FieldKind::TextOrTexts(form) => vec![text(form), list(text(form))],
        FieldKind::Texts(form) => vec![list(text(form))],
    }
}

fn text(form: &TextForm) -> Value {
    of_type(
        "string",
        [
            ("title", form.what.into()),
            ("pattern", form.pattern.into()),
        ],
    )
}

fn list(items: Value) -> Value {
    of_type("array", [("items", items)])
}

fn of_type(name: &str, more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let first = [("type", Value::from(name))];
    Value::object(first.into_iter().chain(more))
}
