//! Upserts manifest entries: a field that is right stays as it is, byte for byte.

use std::collections::BTreeSet;

use crate::document::{Cursor, Edit, Position, Value};
use crate::manifest::{Entry, Manifest};
use crate::names::SubjectAltName;

/// What an entry shall say.
#[derive(Debug, Clone)]
pub(super) struct WantedEntry {
    pub(super) common_name: String,
    pub(super) sans: BTreeSet<SubjectAltName>,
    /// Fields besides the name and `sans`, in the order of a new entry. Fields that an existing entry has and that are not named here stay.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// Fields that only a new entry gets.
    pub(super) defaults: Vec<(&'static str, Value)>,
}

/// Makes the manifest say it; returns what was changed, in words.
pub(super) fn upsert(
    edit: &mut Edit<'_>,
    root: Cursor<'_>,
    manifest: &Manifest,
    wanted: &WantedEntry,
) -> Vec<String> {
    let same_name = |entry: &Entry| {
        entry
            .common_name
            .as_str()
            .eq_ignore_ascii_case(&wanted.common_name)
    };
    if let Some(located) = manifest
        .entries
        .iter()
        .find(|located| same_name(&located.value))
    {
        update(edit, root, located.node, wanted)
    } else {
        edit.insert(root.node(), Position::Last, None, new_entry(wanted));
        vec![format!("{}: a new entry", wanted.common_name)]
    }
}

fn new_entry(wanted: &WantedEntry) -> Value {
    let sans = wanted
        .sans
        .iter()
        .map(|name| Value::from(name.to_string()))
        .collect();
    let mut members = vec![(
        "common_name".to_owned(),
        Value::from(wanted.common_name.as_str()),
    )];
    if !wanted.sans.is_empty() {
        members.push(("sans".to_owned(), Value::Array(sans)));
    }
    let rest = wanted.fields.iter().chain(&wanted.defaults);
    members.extend(rest.map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Object(members)
}

fn update(
    edit: &mut Edit<'_>,
    root: Cursor<'_>,
    node: crate::document::NodeId,
    wanted: &WantedEntry,
) -> Vec<String> {
    let Some(object) = root.items().find(|item| item.node() == node) else {
        return Vec::new();
    };
    let mut changes = update_sans(edit, object, wanted);
    for (name, value) in &wanted.fields {
        match object.get(name) {
            Some(found) if found.to_value().as_ref() == Some(value) => {}
            Some(found) => {
                edit.set(found.node(), value.clone());
                changes.push(format!(
                    "{}: `{name}` is now {}",
                    wanted.common_name,
                    value.to_json()
                ));
            }
            None => {
                edit.insert(object.node(), Position::Last, Some(name), value.clone());
                changes.push(format!(
                    "{}: `{name}` is new: {}",
                    wanted.common_name,
                    value.to_json()
                ));
            }
        }
    }
    changes
}

/// Removes names that are not wanted and adds those that are missing; the entry's own name may stand in `sans` or not.
fn update_sans(edit: &mut Edit<'_>, object: Cursor<'_>, wanted: &WantedEntry) -> Vec<String> {
    let listed = |node: Cursor<'_>| {
        node.as_str()
            .and_then(|text| text.parse::<SubjectAltName>().ok())
    };
    let list = || {
        Value::Array(
            wanted
                .sans
                .iter()
                .map(|name| Value::from(name.to_string()))
                .collect(),
        )
    };
    let Some(sans) = object.get("sans") else {
        if wanted.sans.is_empty() {
            return Vec::new();
        }
        let position = object
            .get("common_name")
            .map_or(Position::First, |name| Position::After(name.node()));
        edit.insert(object.node(), position, Some("sans"), list());
        return vec![format!(
            "{}: `sans` is new: {}",
            wanted.common_name,
            list().to_json()
        )];
    };
    let items: Vec<Cursor<'_>> = sans.items().collect();
    if items.is_empty() {
        let single = listed(sans);
        if single.iter().cloned().collect::<BTreeSet<_>>() == wanted.sans {
            return Vec::new();
        }
        edit.set(sans.node(), list());
        return vec![format!(
            "{}: `sans` is now {}",
            wanted.common_name,
            list().to_json()
        )];
    }
    let mut found = BTreeSet::new();
    let mut changes = Vec::new();
    for item in items {
        match listed(item) {
            Some(name) if wanted.sans.contains(&name) && found.insert(name.clone()) => {}
            _ => {
                edit.remove(item.node());
                changes.push(format!(
                    "{}: `sans` no longer has {}",
                    wanted.common_name,
                    item.literal()
                ));
            }
        }
    }
    for name in wanted.sans.difference(&found) {
        edit.insert(
            sans.node(),
            Position::Last,
            None,
            Value::from(name.to_string()),
        );
        changes.push(format!("{}: `sans` also has `{name}`", wanted.common_name));
    }
    changes
}
