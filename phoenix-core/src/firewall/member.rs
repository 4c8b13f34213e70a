//! A member that an object gets: where its neighbours have it, and how they write it.

use super::RULE_FIELDS;
use crate::document::{Cursor, Edit, Kind, NodeId, Position, Value};

/// The value of a rule's field; a port stays a number where it is one.
pub(super) fn member_value(field: &str, text: &str, old: Option<Cursor<'_>>) -> Value {
    let is_number = old.is_some_and(|old| old.kind() == Kind::Number);
    match (field, text) {
        ("enabled", "true") => Value::Bool(true),
        ("enabled", "false") => Value::Bool(false),
        ("port" | "sport", text) if is_number && text.parse::<u16>().is_ok() => {
            Value::Number(text.to_owned())
        }
        _ => Value::from(text),
    }
}

/// Adds a member to an object, at the place where the objects beside it have theirs.
pub(super) fn insert_member(edit: &mut Edit<'_>, object: Cursor<'_>, key: &str, value: Value) {
    let position = position(object, key);
    edit.insert(object.node(), position, Some(key), value);
}

fn position(object: Cursor<'_>, key: &str) -> Position {
    let own: Vec<(String, NodeId)> = object
        .entries()
        .map(|entry| (entry.key.into_owned(), entry.value.node()))
        .collect();
    let find = |key: &str| {
        own.iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| *node)
    };
    for keys in siblings(object) {
        let Some(at) = keys.iter().position(|name| name == key) else {
            continue;
        };
        if let Some(node) = keys[..at].iter().rev().find_map(|name| find(name)) {
            return Position::After(node);
        }
        if let Some(node) = keys[at + 1..].iter().find_map(|name| find(name)) {
            return Position::Before(node);
        }
    }
    let names = RULE_FIELDS.iter().map(|field| field.name);
    let before = names.take_while(|name| *name != key);
    before
        .filter_map(find)
        .last()
        .map_or(Position::Last, Position::After)
}

/// The keys of the objects in the same container, nearest first, as far as they are looked at.
fn siblings(object: Cursor<'_>) -> Vec<Vec<String>> {
    let pointer = object.pointer();
    let Some((container, _)) = pointer.rsplit_once('/') else {
        return Vec::new();
    };
    let Some(container) = object.document().root().at(container) else {
        return Vec::new();
    };
    let all: Vec<Cursor<'_>> = container
        .items()
        .chain(container.entries().map(|entry| entry.value))
        .collect();
    let at = all
        .iter()
        .position(|other| other.node() == object.node())
        .unwrap_or_default();
    let mut near: Vec<(usize, Cursor<'_>)> = all
        .into_iter()
        .enumerate()
        .map(|(index, other)| (index.abs_diff(at), other))
        .filter(|(distance, _)| *distance > 0 && *distance <= NEAR)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter()
        .map(|(_, other)| {
            other
                .entries()
                .map(|entry| entry.key.into_owned())
                .collect()
        })
        .collect()
}

/// How far neighbours are asked.
const NEAR: usize = 50;
