//! The names of templates as text.

use super::table::table;
use crate::answers::SiteName;
use crate::template::Variable;

/// One line a name: its value, and where that comes from.
pub fn names(names: &[SiteName]) -> String {
    let mut rows = vec![["name", "value", "comes from"].map(str::to_owned)];
    for name in names {
        let value = name.value.as_ref().map_or_else(|| "-".to_owned(), shown);
        rows.push([name.name.clone(), value, name.from.clone()]);
    }
    table(&rows)
}

/// One line a name that a template uses; the last line counts what is missing.
pub fn variables(variables: &[Variable]) -> String {
    if variables.is_empty() {
        return "the template uses no names\n".to_owned();
    }
    let mut rows = vec![["name", "value", "used in", "comes from"].map(str::to_owned)];
    for variable in variables {
        let file = variable.file.display();
        rows.push([
            variable.name.clone(),
            variable
                .value
                .as_ref()
                .map_or_else(|| "missing".to_owned(), shown),
            match variable.line {
                Some(line) => format!("{file}:{line}"),
                None => file.to_string(),
            },
            variable
                .from
                .clone()
                .unwrap_or_else(|| "no site defines it".to_owned()),
        ]);
    }
    let missing = variables
        .iter()
        .filter(|variable| variable.value.is_none())
        .count();
    let last = match missing {
        0 => "nothing is missing\n".to_owned(),
        missing => format!("{} missing\n", super::count(missing, "name")),
    };
    table(&rows) + &last
}

/// A value in one cell: text as it is, a long list shortened.
fn shown(value: &serde_json::Value) -> String {
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(members) => super::count(members.len(), "member"),
        other => other.to_string(),
    };
    match text.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

const WIDEST: usize = 60;
