//! Manifest entries that a migration wants: what they do not name stays as it is.

use std::collections::BTreeSet;

use crate::diagnostic::Faults;
use crate::document::Value;
use crate::manifest::EntriesEdit;
use crate::names::SubjectAltName;

/// What an entry shall say.
#[derive(Debug, Clone)]
pub(super) struct WantedEntry {
    pub(super) common_name: String,
    pub(super) sans: BTreeSet<SubjectAltName>,
    /// Fields besides the name and `sans`. Fields that an existing entry has and that are not named here stay.
    pub(super) fields: Vec<(&'static str, Value)>,
    /// Fields that only a new entry gets.
    pub(super) defaults: Vec<(&'static str, Value)>,
}

/// Makes the manifest say it.
pub(super) fn upsert(entries: &mut EntriesEdit<'_>, wanted: &WantedEntry) -> Result<(), Faults> {
    let new = || {
        let first = ("common_name", Value::from(wanted.common_name.as_str()));
        let all = [first].into_iter().chain(wanted.defaults.clone());
        all.map(|(name, value)| (name.to_owned(), value)).collect()
    };
    let mut members = entries.members(&wanted.common_name)?.unwrap_or_else(new);
    let sans = members.iter().position(|(name, _)| name == "sans");
    let found = sans.map(|at| members[at].1.clone());
    if let Some(list) = names(found.as_ref(), &wanted.sans) {
        put(&mut members, "sans", list);
    }
    for (name, value) in &wanted.fields {
        put(&mut members, name, value.clone());
    }
    entries.put(&wanted.common_name, members);
    Ok(())
}

/// The list without names that are not wanted and with those that are missing; `None` when it is right.
///
/// The entry's own name may stand in it or not.
fn names(found: Option<&Value>, wanted: &BTreeSet<SubjectAltName>) -> Option<Value> {
    let single = |value: &Value| match value {
        Value::String(text) => text.parse::<SubjectAltName>().ok(),
        _ => None,
    };
    let mut list = Vec::new();
    let mut kept = BTreeSet::new();
    match found {
        None if wanted.is_empty() => return None,
        Some(Value::Array(items)) => {
            for item in items {
                if let Some(name) = single(item).filter(|name| wanted.contains(name))
                    && kept.insert(name)
                {
                    list.push(item.clone());
                }
            }
        }
        Some(value) if single(value).into_iter().collect::<BTreeSet<_>>() == *wanted => {
            return None;
        }
        _ => {}
    }
    list.extend(
        wanted
            .difference(&kept)
            .map(|name| Value::from(name.to_string())),
    );
    Some(Value::Array(list))
}

fn put(members: &mut Vec<(String, Value)>, name: &str, value: Value) {
    match members.iter_mut().find(|(found, _)| found == name) {
        Some((_, found)) => *found = value,
        None => members.push((name.to_owned(), value)),
    }
}
