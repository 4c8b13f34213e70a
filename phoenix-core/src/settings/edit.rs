//! Edits of the settings: a table's keys set, every other byte kept.

use super::Settings;
use crate::change::FileEdit;
use crate::diagnostic::Faults;
use crate::document::{Document, Edit, Format, Kind, Position, Value};
use crate::x509::Fingerprint;

/// A key of a table, its value, and what it means.
pub(crate) type Setting = (&'static str, String, &'static str);

/// New settings: each key with what it means.
pub(crate) fn fresh(table: &str, wanted: &[Setting]) -> String {
    let mut text = format!(
        "# Phoenix's own settings. Every key has a default; what is not said here is found in the site.\n\n[{table}]\n"
    );
    for (key, value, meaning) in wanted {
        text.push_str(&format!("# {meaning}\n{}", line(key, value)));
    }
    text
}

/// A TOML basic string has JSON's escapes.
fn line(key: &str, value: &str) -> String {
    format!("{key} = {}\n", Value::from(value).to_json())
}

/// Existing settings with the wanted values, every other byte kept.
pub(crate) fn edited(
    before: &Document,
    name: &str,
    wanted: &[Setting],
) -> Result<FileEdit, Faults> {
    let mut reasons = Vec::new();
    let after = match before.root().get(name) {
        Some(table) if table.kind() == Kind::Object => {
            let mut edit = Edit::new(before);
            for (key, value, _) in wanted {
                let there = table.get(key);
                if there.is_some_and(|node| means(key, node.as_str().as_deref(), value)) {
                    continue;
                }
                reasons.push(format!("{name}.{key} becomes {value}"));
                match there {
                    Some(node) => edit.set_text(node.node(), value),
                    None => edit.insert(
                        table.node(),
                        Position::Last,
                        Some(key),
                        value.as_str().into(),
                    ),
                };
            }
            let patch = edit.finish().map_err(Faults::from)?;
            patch.apply(before)?
        }
        _ => {
            // Behind everything else: a table's header ends what stands before it.
            let mut text = before.text().to_owned();
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!("[{name}]\n"));
            for (key, value, _) in wanted {
                text.push_str(&line(key, value));
                reasons.push(format!("{name}.{key} is {value}"));
            }
            Document::parse(before.path(), text.into_bytes(), Format::Toml)?
        }
    };
    Settings::decode(&after)?;
    Ok(FileEdit {
        before: before.clone(),
        after,
        reasons,
    })
}

/// Whether a value says what is wanted already; a fingerprint is written in several ways.
fn means(key: &str, there: Option<&str>, wanted: &str) -> bool {
    there.is_some_and(|there| {
        there == wanted
            || key == "fingerprint"
                && there
                    .parse::<Fingerprint>()
                    .is_ok_and(|there| there.to_string() == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Vec<Setting> {
        vec![
            ("url", "https://ca.test:9000".to_owned(), "Where."),
            ("fingerprint", "ab".repeat(32), "What."),
            ("provisioner", "a \"b\"".to_owned(), "Who."),
        ]
    }

    fn settings(text: &str) -> String {
        let before = Document::parse("t".as_ref(), text.into(), Format::Toml).unwrap();
        edited(&before, "ca", &values())
            .unwrap()
            .after
            .text()
            .to_owned()
    }

    #[test]
    fn a_new_file_is_commented_and_says_what_is_wanted() {
        let text = fresh("ca", &values());
        assert!(
            text.contains("# Where.\nurl = \"https://ca.test:9000\"\n"),
            "{text}"
        );
        let document = Document::parse("t".as_ref(), text.clone().into(), Format::Toml).unwrap();
        let read = Settings::decode(&document).unwrap();
        assert_eq!(read.ca.provisioner.as_deref(), Some("a \"b\""));
        assert_eq!(settings(&text), text, "a second time nothing changes");
    }

    #[test]
    fn an_existing_file_keeps_what_need_not_change() {
        let other = format!(
            "# ours\n[renewal]\nbefore = \"1/3\" # a third\n\n[ca] # here\nurl = 'https://old.test' # why\nfingerprint = \"{}\"\n\n[docker]\nport = 2376\n",
            "AB:".repeat(31) + "AB"
        );
        assert_eq!(
            settings(&other),
            other
                .replace("'https://old.test'", "'https://ca.test:9000'")
                .replace(
                    "AB\"\n\n[docker]",
                    "AB\"\nprovisioner = \"a \\\"b\\\"\"\n\n[docker]"
                )
        );
        let none = "[docker]\nport = 2376";
        assert!(settings(none).starts_with("[docker]\nport = 2376\n\n[ca]\nurl = "));
    }

    #[test]
    fn a_table_that_cannot_be_edited_is_named_with_its_place() {
        let dotted = "ca.url = 'https://old.test'\n";
        let before = Document::parse("t".as_ref(), dotted.into(), Format::Toml).unwrap();
        let faults = edited(&before, "ca", &values()).unwrap_err();
        assert_eq!(
            faults.to_string(),
            "t:1:1: could not edit this safely: it has no lines of its own"
        );
    }
}
