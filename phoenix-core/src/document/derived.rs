//! Tests: the edits that turn one document into another are derived, made through the public interface, and the
//! result is compared byte for byte.

use proptest::prelude::*;

use super::{Cursor, Document, Edit, Format, Kind, Position, Value};

/// Adds the edits that turn `old` into `new`.
pub(super) fn derive(edit: &mut Edit<'_>, old: Cursor<'_>, new: Cursor<'_>) {
    if old.to_value() == new.to_value() {
        return;
    }
    match (old.kind(), new.kind()) {
        (Kind::Array, Kind::Array) => array(edit, old, new),
        (Kind::Object, Kind::Object) => object(edit, old, new),
        _ => {
            edit.set(old.node(), new.to_value().unwrap());
        }
    }
}

fn object(edit: &mut Edit<'_>, old: Cursor<'_>, new: Cursor<'_>) {
    let olds: Vec<_> = old.entries().collect();
    let news: Vec<_> = new.entries().collect();
    let mut renamed = Vec::new();
    for (index, entry) in olds.iter().enumerate() {
        if let Some(value) = new.get(&entry.key) {
            derive(edit, entry.value, value);
        } else if let Some(other) = news
            .get(index)
            .filter(|other| old.get(&other.key).is_none())
        {
            edit.rename_key(entry.value.node(), &other.key);
            derive(edit, entry.value, other.value);
            renamed.push(other.key.clone());
        } else {
            edit.remove(entry.value.node());
        }
    }
    let mut position = Position::First;
    for entry in &news {
        if let Some(value) = old.get(&entry.key) {
            position = Position::After(value.node());
        } else if renamed.contains(&entry.key) {
            position = Position::After(
                olds[news.iter().position(|e| e.key == entry.key).unwrap()]
                    .value
                    .node(),
            );
        } else {
            edit.insert(
                old.node(),
                position,
                Some(&entry.key),
                entry.value.to_value().unwrap(),
            );
        }
    }
}

fn array(edit: &mut Edit<'_>, old: Cursor<'_>, new: Cursor<'_>) {
    let olds: Vec<_> = old.items().collect();
    let news: Vec<_> = new.items().collect();
    let same = |i: usize, j: usize| olds[i].to_value() == news[j].to_value();
    let (n, m) = (olds.len(), news.len());
    let mut best = vec![vec![0; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            best[i][j] = if same(i, j) {
                best[i + 1][j + 1] + 1
            } else {
                best[i + 1][j].max(best[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut position = Position::First;
    while i < n || j < m {
        let is_same = i < n && j < m && same(i, j);
        let keeps = |a: usize, b: usize| a <= n && b <= m && best[a][b] == best[i][j];
        if is_same || (i < n && j < m && keeps(i + 1, j + 1)) {
            derive(edit, olds[i], news[j]);
            position = Position::After(olds[i].node());
            (i, j) = (i + 1, j + 1);
        } else if i < n && keeps(i + 1, j) {
            edit.remove(olds[i].node());
            i += 1;
        } else {
            edit.insert(old.node(), position, None, news[j].to_value().unwrap());
            j += 1;
        }
    }
}

fn parse(text: &str, format: Format) -> Document {
    Document::parse("t".as_ref(), text.into(), format)
        .unwrap_or_else(|faults| panic!("{faults}\n{text}"))
}

/// The text that the derived edits make.
pub(super) fn edited(before: &str, after: &str, format: Format) -> String {
    let (old, new) = (parse(before, format), parse(after, format));
    let mut edit = Edit::new(&old);
    derive(&mut edit, old.root(), new.root());
    let patch = edit.finish().unwrap_or_else(|error| panic!("{error}"));
    patch
        .apply(&old)
        .unwrap_or_else(|faults| panic!("{faults}"))
        .text()
        .to_owned()
}

#[test]
fn real_edits_of_the_operators_files_come_out_byte_for_byte() {
    let Some(pairs) = crate::test_sites::corpus("pairs") else {
        return;
    };
    let mut count = 0;
    for pair in std::fs::read_dir(pairs).unwrap() {
        let pair = pair.unwrap().path();
        for (suffix, format) in [("json", Format::Json), ("yml.template", Format::Yaml)] {
            let read = |side: &str| std::fs::read_to_string(pair.join(format!("{side}.{suffix}")));
            let (Ok(before), Ok(after)) = (read("before"), read("after")) else {
                continue;
            };
            let made = edited(&before, &after, format);
            let diff = super::unified_diff(&pair, &after, &made, 3);
            assert!(made == after, "{diff}");
            count += 1;
        }
    }
    assert!(count >= 10, "found only {count} pairs");
}

/// A value of any shape, small enough that two of them often share parts.
pub(super) fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        Just("0.50"),
        Just("-1"),
        Just("7"),
        Just("1e5"),
        Just("12345678901234567890123")
    ];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        number.prop_map(|literal| Value::Number(literal.to_owned())),
        text().prop_map(Value::String),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(key(), inner, 0..4).prop_map(Value::object),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop_oneof![
            Just(""),
            Just("a"),
            Just(":80"),
            Just("yes"),
            Just("- x"),
            Just("a: b # c"),
            Just("12"),
            Just("it's")
        ]
        .prop_map(str::to_owned),
        any::<String>(),
        "[ -~]{0,12}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-d]", "[a-d]", "[ -~]{0,6}", any::<String>()]
}

/// The value written in one of several layouts.
pub(super) fn json_text(value: &Value, layout: u8) -> String {
    match layout {
        0 => serde_json::to_string(value).unwrap(),
        1 => value.to_json(),
        2 => serde_json::to_string_pretty(value).unwrap(),
        _ => {
            serde_json::to_string_pretty(value)
                .unwrap()
                .replace('\n', "\r\n")
                + "\r\n"
        }
    }
}

/// Block style YAML with comments, or the same between brackets.
fn yaml_text(value: &Value, layout: u8) -> String {
    let document = parse("# head\nroot: 1 # tail\n", Format::Yaml);
    let node = document.root().get("root").unwrap().node();
    if layout == 0 {
        return value.to_json();
    }
    let root = document.root().node();
    let mut edit = Edit::new(&document);
    edit.remove(node)
        .insert(root, Position::Last, Some("new"), value.clone());
    edit.insert(root, Position::Last, Some("last"), 1u64.into());
    let made = edit.finish().unwrap().apply(&document);
    let text = made.unwrap_or_else(|f| panic!("{f}")).text().to_owned();
    match layout {
        2 => text.replace('\n', "\r\n"),
        3 => text.trim_end().to_owned(),
        _ => text,
    }
}

/// Makes the derived edits; a refusal is no result, a wrong result panics.
fn reached(before: &str, after: &str, format: Format) -> Option<Document> {
    let (old, new) = (parse(before, format), parse(after, format));
    let mut edit = Edit::new(&old);
    derive(&mut edit, old.root(), new.root());
    let patch = edit.finish().ok()?;
    let made = patch.apply(&old).ok()?;
    assert_eq!(made.root().to_value(), new.root().to_value());
    let mut at = 0;
    let mut rest = made.text();
    for splice in patch.splices() {
        let kept = &before[at..splice.range.start];
        rest = rest
            .strip_prefix(kept)
            .and_then(|rest| rest.strip_prefix(splice.text.as_str()))
            .unwrap();
        at = splice.range.end;
    }
    assert_eq!(rest, &before[at..]);
    Some(made)
}

proptest! {
    #[test]
    fn json_reads_as_serde_json_reads_it(value in value(), layout in 0u8..4) {
        let text = json_text(&value, layout);
        let document = parse(&text, Format::Json);
        prop_assert_eq!(document.text(), &text);
        let read = document.root().to_value().unwrap();
        let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(serde_json::to_value(&read).unwrap(), theirs);
        prop_assert_eq!(parse(&value.to_json(), Format::Json).root().to_value(), Some(value));
    }

    #[test]
    fn any_bytes_are_accepted_exactly_when_serde_json_accepts_them(text in "[\\[\\]{}:,\"0-2eE+\\-.tnul a\\\\\n]{0,12}") {
        let ours = Document::parse("t".as_ref(), text.clone().into(), Format::Json);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let out_of_range = theirs.as_ref().is_err_and(|e| {
            let said = e.to_string();
            said.contains("number out of range") || said.contains("surrogate")
        });
        prop_assert_eq!(ours.is_ok(), theirs.is_ok() || out_of_range, "{}", text);
    }

    #[test]
    fn any_json_edit_gives_the_intended_value(before in value(), after in value(), layout in 0u8..4) {
        let made = reached(&json_text(&before, layout), &json_text(&after, layout), Format::Json);
        prop_assert!(made.is_some());
    }

    #[test]
    fn any_yaml_edit_gives_the_intended_value_or_is_refused(before in value(), after in value(), layout in 0u8..4) {
        reached(&yaml_text(&before, layout), &yaml_text(&after, layout), Format::Yaml);
    }

    #[test]
    fn disjoint_edits_commute(value in prop::collection::vec(value(), 2..5), layout in 0u8..4) {
        let text = json_text(&Value::Array(value), layout);
        let document = parse(&text, Format::Json);
        let one = document.root().at("/0").unwrap().node();
        let two = document.root().at("/1").unwrap().node();
        let mut forth = Edit::new(&document);
        forth.set(one, "x".into()).remove(two);
        let mut back = Edit::new(&document);
        back.remove(two).set(one, "x".into());
        let (forth, back) = (forth.finish().unwrap(), back.finish().unwrap());
        prop_assert_eq!(forth.splices(), back.splices());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), text in "[\\[\\]{}:,\"'|>&*!#%@`?\\- a\n=.0]{0,30}") {
        for format in [Format::Json, Format::Yaml, Format::Toml] {
            for bytes in [bytes.clone(), text.clone().into_bytes()] {
                if let Ok(document) = Document::parse("t".as_ref(), bytes, format) {
                    let mut open = vec![document.root()];
                    while let Some(cursor) = open.pop() {
                        let _ = (cursor.literal(), cursor.as_str(), cursor.as_f64(), cursor.place());
                        if !cursor.is_alias() {
                            open.extend(cursor.items());
                            open.extend(cursor.entries().map(|entry| entry.value));
                        }
                        let mut edit = Edit::new(&document);
                        edit.set_text(cursor.node(), "x y");
                        if let Ok(patch) = edit.finish() {
                            let _ = patch.apply(&document);
                        }
                        let mut edit = Edit::new(&document);
                        edit.remove(cursor.node());
                        if let Ok(patch) = edit.finish() {
                            let _ = patch.apply(&document);
                        }
                    }
                }
            }
        }
    }
}
