//! Entries of the manifest as text.

use super::table::table;
use crate::document::Value;
use crate::manifest::ResolvedManifest;

/// One line an entry; the last line counts them.
pub fn manifest_table(manifest: &ResolvedManifest) -> String {
    let mut rows = vec![COLUMNS.map(|(title, _)| title.to_owned())];
    for entry in &manifest.entries {
        rows.push(COLUMNS.map(|(_, field)| entry.member(field).map_or_else(String::new, words)));
    }
    table(&rows) + &super::count(manifest.entries.len(), "certificate") + "\n"
}

/// Every field of each entry, one line a value.
pub fn manifest_entry(manifest: &ResolvedManifest) -> String {
    let mut out = String::new();
    for entry in &manifest.entries {
        if let Value::Object(members) = entry {
            for (name, value) in members {
                lines(name, value, &mut out);
            }
        }
    }
    out
}

/// The keys of `manifest set`, each with its value.
fn lines(key: &str, value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                lines(&format!("{key}.{name}"), value, out);
            }
        }
        Value::Array(items) if items.iter().any(|item| matches!(item, Value::Object(_))) => {
            for (index, item) in items.iter().enumerate() {
                lines(&format!("{key}.{index}"), item, out);
            }
        }
        value => {
            let text = match value {
                Value::Array(items) if key.ends_with("command") => {
                    shell_words::join(items.iter().map(words))
                }
                value => words(value),
            };
            let text = if text.is_empty() { "none" } else { &text };
            out.push_str(&format!("{key:<KEY_WIDTH$}  {text}\n"));
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(words).collect();
            items.join(", ")
        }
        other => other.to_json(),
    }
}

/// Titles of the table and the fields below them.
const COLUMNS: [(&str, &str); 5] = [
    ("NAME", "common_name"),
    ("USE", "cert_type"),
    ("OWNER", "owner"),
    ("KEY", "key_permissions"),
    ("CERTIFICATE", "cert_path"),
];
/// The longest names of fields.
const KEY_WIDTH: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_a_table_and_one_entry_all_its_fields() {
        let value = |text: &str| Value::from(text);
        let manifest = ResolvedManifest {
            entries: vec![Value::object([
                ("common_name", value("a.test")),
                ("sans", Value::from(vec!["a.test", "10.0.0.1"])),
                ("cert_type", value("server")),
                ("cert_path", value("/p/a.crt")),
                ("owner", value("root:root")),
                ("key_permissions", value("600")),
                ("after", Value::Array(Vec::new())),
                (
                    "deploy",
                    Value::Array(vec![Value::object([("guest", value("lxc:1"))])]),
                ),
            ])],
        };
        assert_eq!(
            manifest_table(&manifest),
            "NAME    USE     OWNER      KEY  CERTIFICATE\n\
             a.test  server  root:root  600  /p/a.crt\n\
             1 certificate\n"
        );
        let shown = manifest_entry(&manifest);
        let pairs: Vec<Vec<&str>> = shown
            .lines()
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|w| !w.is_empty())
                    .collect()
            })
            .collect();
        assert_eq!(pairs[1], ["sans", "a.test, 10.0.0.1"]);
        assert_eq!(pairs[6], ["after", "none"]);
        assert_eq!(pairs[7], ["deploy.0.guest", "lxc:1"]);
    }
}
