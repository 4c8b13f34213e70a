//! Edits of a template as the YAML that it is, where Jinja stands inside quoted scalars only.

use std::ops::Range;
use std::str::FromStr;

use crate::diagnostic::{Fault, Faults, Place, nearest};
use crate::document::{Cursor, Document, Kind, Operation, Value, text_or_json};

/// One `KEY=VALUE`: a dotted key, and what it shall be.
///
/// The value is JSON, or text where it is none; an empty one removes the key. A part of the key that holds a dot stands
/// in double quotes.
///
/// ```
/// use phoenix_core::template::Assignment;
///
/// let assignment: Assignment = "providers.docker.endpoint=tcp://10.0.0.111:2376".parse()?;
/// assert_eq!(assignment.to_string(), "providers.docker.endpoint=tcp://10.0.0.111:2376");
/// # Ok::<(), phoenix_core::template::AssignmentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    said: String,
    keys: Vec<String>,
    value: String,
}

/// Text that is no `KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{said}`, expected KEY=VALUE such as `log.level=INFO`")]
pub struct AssignmentError {
    said: String,
}

impl FromStr for Assignment {
    type Err = AssignmentError;

    fn from_str(said: &str) -> Result<Self, AssignmentError> {
        let fault = || AssignmentError {
            said: said.to_owned(),
        };
        let mut keys = vec![String::new()];
        let mut is_quoted = false;
        for (at, c) in said.char_indices() {
            match c {
                '"' => is_quoted = !is_quoted,
                '=' if !is_quoted => {
                    if keys.iter().any(String::is_empty) {
                        return Err(fault());
                    }
                    return Ok(Self {
                        said: said.to_owned(),
                        keys,
                        value: said[at + 1..].to_owned(),
                    });
                }
                '.' if !is_quoted => keys.push(String::new()),
                c => keys.last_mut().ok_or_else(fault)?.push(c),
            }
        }
        Err(fault())
    }
}

impl std::fmt::Display for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.said)
    }
}

/// The operations that make the assignments true; with `add`, keys that are not there are made.
///
/// A scalar that stands in quotes stays text and keeps them, whatever the new value looks like.
///
/// # Errors
/// Jinja outside quoted scalars, where the text is not the YAML that it seems to be; keys that are not there, with the
/// nearest that is.
pub fn assign(
    template: &Document,
    assignments: &[Assignment],
    add: bool,
) -> Result<Vec<Operation>, Faults> {
    let mut faults = jinja_outside_quotes(template);
    let mut operations = Vec::new();
    let mut added: Vec<Added> = Vec::new();
    for assignment in assignments {
        let reached = reach(template, &assignment.keys);
        if assignment.value.is_empty() {
            if let Reached::Value(cursor) = reached {
                let pointer = cursor.pointer();
                operations.push(Operation::Remove { pointer });
            }
            continue;
        }
        let value = match text_or_json(&assignment.value) {
            Ok(value) => value,
            Err(of_value) => {
                faults.extend(of_value);
                continue;
            }
        };
        match reached {
            Reached::Value(cursor) => operations.push(Operation::Set {
                pointer: cursor.pointer(),
                value: in_its_quotes(cursor, value, &assignment.value),
            }),
            Reached::Above(container, missing) if add && takes_keys(container) => {
                Added::merge(&mut added, container, missing, value);
            }
            Reached::Above(container, missing) => {
                faults.push(no_such_key(container, &assignment.keys, missing));
            }
        }
    }
    operations.extend(added.into_iter().map(Added::operation));
    if faults.is_empty() {
        Ok(operations)
    } else {
        Err(faults)
    }
}

/// How far a dotted key leads.
enum Reached<'d, 'k> {
    /// To the last container that is there, and the parts that are not.
    Above(Cursor<'d>, &'k [String]),
    /// To a value.
    Value(Cursor<'d>),
}

fn reach<'d, 'k>(template: &'d Document, keys: &'k [String]) -> Reached<'d, 'k> {
    let mut cursor = template.root();
    for (depth, key) in keys.iter().enumerate() {
        let below = match cursor.kind() {
            Kind::Array => key.parse().ok().and_then(|index| cursor.items().nth(index)),
            _ => cursor.get(key),
        };
        match below {
            Some(below) => cursor = below,
            None => return Reached::Above(cursor, &keys[depth..]),
        }
    }
    Reached::Value(cursor)
}

/// A mapping, or the nothing behind a key whose mapping is still to come.
fn takes_keys(cursor: Cursor<'_>) -> bool {
    matches!(cursor.kind(), Kind::Object | Kind::Null)
}

fn in_its_quotes(cursor: Cursor<'_>, value: Value, said: &str) -> Value {
    let is_quoted = cursor.literal().starts_with(['"', '\'']);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) if is_quoted => Value::from(said),
        value => value,
    }
}

/// A key with all that is added below it.
struct Added {
    pointer: String,
    /// The mapping is still to come, so that it is set as a whole.
    above: Option<String>,
    value: Value,
}

impl Added {
    fn merge(all: &mut Vec<Self>, container: Cursor<'_>, missing: &[String], value: Value) {
        let Some((first, rest)) = missing.split_first() else {
            return;
        };
        let escaped = first.replace('~', "~0").replace('/', "~1");
        let above = container.pointer();
        let (pointer, above, keys) = match container.kind() {
            Kind::Null => (above.clone(), Some(above), missing),
            _ => (format!("{above}/{escaped}"), None, rest),
        };
        let found = all.iter().position(|added| added.pointer == pointer);
        let at = found.unwrap_or_else(|| {
            all.push(Self {
                pointer,
                above,
                value: Value::Null,
            });
            all.len() - 1
        });
        put(&mut all[at].value, keys, value);
    }

    fn operation(self) -> Operation {
        match self.above {
            Some(pointer) => Operation::Set {
                pointer,
                value: self.value,
            },
            None => Operation::Insert {
                pointer: self.pointer,
                value: self.value,
                beside: None,
            },
        }
    }
}

/// Puts `new` below `value` at the path `keys`.
fn put(value: &mut Value, keys: &[String], new: Value) {
    let Some((first, rest)) = keys.split_first() else {
        *value = new;
        return;
    };
    if !matches!(value, Value::Object(_)) {
        *value = Value::object::<&str>([]);
    }
    let Value::Object(members) = value else {
        return;
    };
    let found = members.iter().position(|(key, _)| key == first);
    let at = found.unwrap_or_else(|| {
        members.push((first.clone(), Value::Null));
        members.len() - 1
    });
    put(&mut members[at].1, rest, new);
}

fn no_such_key(container: Cursor<'_>, keys: &[String], missing: &[String]) -> Fault {
    let key = missing.first().map_or("", String::as_str);
    if container.kind() != Kind::Object {
        let message = format!(
            "found {}, expected a mapping with a key `{key}`",
            container.kind().noun()
        );
        return Fault::error("template-key", message).at(container.start_place());
    }
    let names: Vec<_> = container.entries().map(|entry| entry.key).collect();
    let near = nearest(key, names.iter().map(AsRef::as_ref));
    let above = &keys[..keys.len() - missing.len()];
    let place = match above {
        [] => "at the top".to_owned(),
        above => format!("in `{}`", above.join(".")),
    };
    let help = match near {
        Some(near) => {
            let mut path = above.to_vec();
            path.push(near.to_owned());
            format!("did you mean `{}`? `--add` adds a new key", path.join("."))
        }
        None => "`--add` adds a new key".to_owned(),
    };
    Fault::error("template-key", format!("found no key `{key}` {place}"))
        .at(container.start_place())
        .help(help)
}

/// Jinja that could make another text of the YAML around it.
fn jinja_outside_quotes(template: &Document) -> Faults {
    let text = template.text();
    let quoted = quoted_spans(template);
    let mut faults = Faults::new();
    for opening in ["{{", "{%", "{#"] {
        for (at, _) in text.match_indices(opening) {
            if quoted.iter().any(|span| span.contains(&at)) {
                continue;
            }
            // What a comment is filled with does not matter; a block that begins in one does.
            if opening == "{{" && in_comment(text, at, &quoted) {
                continue;
            }
            let place = Place::new(template.path(), text, at..at + opening.len());
            faults.push(
                Fault::error(
                    "template-jinja",
                    format!("found `{opening}` outside quotes, expected Jinja inside quoted scalars only"),
                )
                .at(place)
                .help("put the whole value in quotes, or edit this file by hand"),
            );
        }
    }
    faults
}

fn in_comment(text: &str, at: usize, quoted: &[Range<usize>]) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..at].match_indices('#').any(|(found, _)| {
        let begins = text[line..line + found]
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace);
        begins && !quoted.iter().any(|span| span.contains(&(line + found)))
    })
}

fn quoted_spans(template: &Document) -> Vec<Range<usize>> {
    let is_quoted = |span: &Range<usize>| {
        let literal = template.text().get(span.clone());
        literal.is_some_and(|literal| literal.starts_with(['"', '\'']))
    };
    let mut spans = Vec::new();
    let mut open = vec![template.root()];
    while let Some(cursor) = open.pop() {
        if cursor.literal().starts_with('*') {
            continue;
        }
        open.extend(cursor.items());
        for entry in cursor.entries() {
            spans.push(entry.key_span);
            open.push(entry.value);
        }
        if cursor.kind() == Kind::String {
            spans.push(cursor.span());
        }
    }
    spans.retain(is_quoted);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Format, operate};

    const TEXT: &str = "# {{ note }}\nlog:\n  level: INFO # or {{ level }}\nproviders:\n  docker:\n    endpoint: \"tcp://{{ host }}:2375\"\n    port: '2375'\n    watch: true\n  file:\n";

    fn template(text: &str) -> Document {
        Document::parse("t.yml.template".as_ref(), text.into(), Format::Yaml).unwrap()
    }

    fn made(words: &[&str], add: bool) -> Result<String, Faults> {
        let template = template(TEXT);
        let words: Vec<Assignment> = words.iter().map(|word| word.parse().unwrap()).collect();
        let operations = assign(&template, &words, add)?;
        Ok(operate(&template, &operations)?.0.text().to_owned())
    }

    #[test]
    fn a_quoted_scalar_keeps_its_quotes_and_an_empty_value_removes() {
        let words = [
            "providers.docker.endpoint=tcp://{{ host }}:2376",
            "providers.docker.port=2376",
            "providers.docker.watch=",
            "providers.docker.gone=",
            "log.level=DEBUG",
        ];
        let expected = TEXT
            .replace("}}:2375", "}}:2376")
            .replace("'2375'", "'2376'")
            .replace("    watch: true\n", "")
            .replace("INFO", "DEBUG");
        assert_eq!(made(&words, false).unwrap(), expected);
    }

    #[test]
    fn new_keys_are_added_where_that_is_wanted() {
        let words = [
            "providers.docker.tls.ca=/etc/ca.pem",
            "providers.docker.tls.insecureSkipVerify=false",
            "providers.file.directory=/etc/dynamic",
            "providers.file.watch=true",
        ];
        let expected = TEXT
            .replace(
                "watch: true\n",
                "watch: true\n    tls:\n      ca: \"/etc/ca.pem\"\n      insecureSkipVerify: false\n",
            )
            .replace("file:\n", "file:\n    directory: /etc/dynamic\n    watch: true\n");
        let made_text = made(&words, true).unwrap();
        let value = |text: &str| template(text).root().to_value();
        assert_eq!(value(&made_text), value(&expected), "{made_text}");
        let faults = made(
            &[
                "providers.docker.endpiont=x",
                "log.level.deep=1",
                "lgo.level=x",
            ],
            false,
        );
        assert_eq!(
            faults.unwrap_err().to_string(),
            "t.yml.template:6:5: found no key `endpiont` in `providers.docker`\nt.yml.template:3:10: found a string, expected a mapping with a key `deep`\nt.yml.template:2:1: found no key `lgo` at the top"
        );
    }

    #[test]
    fn jinja_outside_quotes_is_refused_with_its_place() {
        for (text, expected) in [
            (
                "a: x{{ b }}\nc: 1\n",
                "t.yml.template:1:5: found `{{` outside quotes",
            ),
            (
                "a: 1\n# {% if x %}\nc: 1\n",
                "t.yml.template:2:3: found `{%` outside quotes",
            ),
            (
                "a: 1 # {# x #}\nc: 1\n",
                "t.yml.template:1:8: found `{#` outside quotes",
            ),
            (
                "a: |\n  {{ x }}\nc: 1\n",
                "t.yml.template:2:3: found `{{` outside quotes",
            ),
            (
                "a: '#'\nb: x# {{ y }}\nc: 1\n",
                "t.yml.template:2:7: found `{{` outside quotes",
            ),
        ] {
            let words = ["c=2".parse().unwrap()];
            let faults = assign(&template(text), &words, false).unwrap_err();
            assert!(
                faults.to_string().starts_with(expected),
                "{text:?}: {faults}"
            );
        }
        let words = ["c=2".parse().unwrap()];
        let fine = template("'{{ a }}': \"{% if b %}x{% endif %}\" # {{ d }}\nc: 1\n");
        assert_eq!(assign(&fine, &words, false).unwrap().len(), 1);
    }

    #[test]
    fn keys_with_dots_stand_in_quotes() {
        let assignment: Assignment = "a.\"b.c=d\".e=f=g".parse().unwrap();
        assert_eq!(assignment.keys, ["a", "b.c=d", "e"]);
        assert_eq!(assignment.value, "f=g");
        for said in ["", "a", "=x", "a..b=x", "\"a=x"] {
            assert!(said.parse::<Assignment>().is_err(), "{said}");
        }
    }
}
