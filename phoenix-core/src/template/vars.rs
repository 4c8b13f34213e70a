//! What a template needs, where each value comes from, and what is missing.

use std::collections::{BTreeMap, BTreeSet};

use super::render::{environment, line_start};
use super::{Context, NAMES, Template, Variable};
use crate::diagnostic::{Fault, Place};

/// Everything that a template and what it includes need, by name.
///
/// # Errors
///
/// When one of them is no template.
pub fn variables(
    template: &Template,
    context: &Context,
    given: &BTreeSet<String>,
) -> Result<Vec<Variable>, Box<Fault>> {
    let syntax = |error: &minijinja::Error| {
        let (path, source) = template.file(error.name());
        let line = error.line().unwrap_or(1);
        let what = error
            .detail()
            .map_or_else(|| error.kind().to_string(), ToOwned::to_owned);
        let start = line_start(source, line);
        Box::new(Fault::error("template", what).at(Place::new(&path, source, start..start)))
    };
    let environment = environment(template).map_err(|error| syntax(&error))?;
    let mut found: BTreeMap<String, Variable> = BTreeMap::new();
    let used = template
        .beside
        .keys()
        .filter(|name| template.source.contains(name.as_str()))
        .map(String::as_str);
    let main = template.name();
    for name in std::iter::once(main.as_str()).chain(used) {
        let names = environment
            .get_template(name)
            .map_err(|error| syntax(&error))?
            .undeclared_variables(true);
        let (file, source) = template.file(Some(name));
        // `guests` is told of too when a field of it is.
        for name in names.iter().filter(|name| !is_prefix(name, &names)) {
            found.entry(name.clone()).or_insert_with(|| Variable {
                name: name.clone(),
                file: file.clone(),
                line: line_of(source, name),
                value: value_of(context, name),
                from: from(name, given),
            });
        }
    }
    Ok(found.into_values().collect())
}

fn is_prefix(name: &str, names: &std::collections::HashSet<String>) -> bool {
    names.iter().any(|other| {
        other
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn line_of(source: &str, name: &str) -> Option<usize> {
    let first = name.split('.').next().unwrap_or(name);
    let word = |c: char| c.is_alphanumeric() || c == '_';
    source
        .lines()
        .position(|line| {
            line.match_indices(first).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + first.len()..].chars().next();
                !before.is_some_and(word)
                    && !after.is_some_and(word)
                    && ["{{", "{%"].iter().any(|open| line[..at].contains(open))
            })
        })
        .map(|index| index + 1)
}

fn value_of(context: &Context, name: &str) -> Option<serde_json::Value> {
    let mut parts = name.split('.');
    let mut value = context.get(parts.next()?)?;
    for part in parts {
        value = value.get(part)?;
    }
    Some(value.clone())
}

fn from(name: &str, given: &BTreeSet<String>) -> Option<String> {
    if given.contains(name) {
        return Some("`--set`".to_owned());
    }
    let mut parts: Vec<&str> = name.split('.').collect();
    if parts.len() > 1 && parts[0] == "guests" {
        parts[1] = "ID";
    }
    let name = parts.join(".");
    let row = NAMES
        .iter()
        .find(|row| row.name == name || row.name.starts_with(&format!("{name}.")))?;
    Some(row.from.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_told_with_its_place_its_value_and_its_source() {
        let mut template = Template::new(
            "etc/a.yml.template",
            "a: 1\nb: {{ domain }}\nc: {{ guests['102'].address }}\n{% for x in [1] %}{{ x }}{% endfor %}\n{% include 'p.template' %}",
        );
        template
            .beside
            .insert("p.template".to_owned(), "{{ wanting }}".to_owned());
        template
            .beside
            .insert("other.template".to_owned(), "{{ unused }}".to_owned());
        let context = Context::from([
            ("domain".to_owned(), "internal.example".into()),
            (
                "guests".to_owned(),
                serde_json::json!({"102": {"address": "10.0.0.12"}}),
            ),
        ]);
        let found = variables(&template, &context, &BTreeSet::new()).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|v| {
                (
                    v.name.as_str(),
                    v.line,
                    v.value.is_some(),
                    v.from.is_some(),
                    v.file.to_str().unwrap(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("domain", Some(2), true, true, "etc/a.yml.template"),
                ("guests", Some(3), true, true, "etc/a.yml.template"),
                ("wanting", Some(1), false, false, "etc/p.template"),
            ]
        );
    }

    #[test]
    fn what_is_given_by_hand_is_said_to_be() {
        let template = Template::new("t", "{{ port }}");
        let context = Context::from([("port".to_owned(), 1.into())]);
        let given = BTreeSet::from(["port".to_owned()]);
        let found = variables(&template, &context, &given).unwrap();
        assert_eq!(found[0].from.as_deref(), Some("`--set`"));
    }
}
