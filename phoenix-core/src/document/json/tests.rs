use crate::document::{Document, Edit, EditError, Format, NodeId, Position, Value};

fn parse(text: &str) -> Document {
    Document::parse("t.json".as_ref(), text.into(), Format::Json).unwrap()
}

fn node(document: &Document, pointer: &str) -> NodeId {
    document
        .root()
        .at(pointer)
        .unwrap_or_else(|| panic!("{pointer}"))
        .node()
}

fn edited(text: &str, change: impl Fn(&Document, &mut Edit<'_>)) -> String {
    let document = parse(text);
    let mut edit = Edit::new(&document);
    change(&document, &mut edit);
    let patch = edit.finish().unwrap();
    patch
        .apply(&document)
        .unwrap_or_else(|f| panic!("{f}"))
        .text()
        .to_owned()
}

fn refused(text: &str, change: impl Fn(&Document, &mut Edit<'_>)) -> EditError {
    let document = parse(text);
    let mut edit = Edit::new(&document);
    change(&document, &mut edit);
    edit.finish().unwrap_err()
}

const RULES: &str = "{\n    \"share\": 0.50,\n    \"rules\": [\n        {\n            \"type\": \"in\",\n            \"port\": \"80\"\n        },\n        {\n            \"type\": \"out\",\n            \"port\": \"443\"\n        }\n    ],\n    \"none\": [],\n    \"on\": {}\n}";

#[test]
fn a_new_element_takes_indent_and_order_of_its_neighbours() {
    let rule = || {
        Value::object([
            ("port", "22".into()),
            ("comment", Value::Null),
            ("type", "in".into()),
        ])
    };
    let written = "{\n            \"type\": \"in\",\n            \"comment\": null,\n            \"port\": \"22\"\n        }";
    let first = edited(RULES, |d, e| {
        e.insert(node(d, "/rules"), Position::First, None, rule());
    });
    assert_eq!(
        first,
        RULES.replace(
            "[\n        {",
            &format!("[\n        {written},\n        {{")
        )
    );
    let last = edited(RULES, |d, e| {
        e.insert(node(d, "/rules"), Position::Last, None, rule());
    });
    assert_eq!(
        last,
        RULES.replace("}\n    ]", &format!("}},\n        {written}\n    ]"))
    );
    let between = edited(RULES, |d, e| {
        e.insert(
            node(d, "/rules"),
            Position::After(node(d, "/rules/0")),
            None,
            rule(),
        );
    });
    let before = edited(RULES, |d, e| {
        e.insert(
            node(d, "/rules"),
            Position::Before(node(d, "/rules/1")),
            None,
            rule(),
        );
    });
    assert_eq!(between, before);
    assert_eq!(
        between,
        RULES.replace(
            "},\n        {",
            &format!("}},\n        {written},\n        {{")
        )
    );
}

#[test]
fn an_empty_container_opens_over_lines_in_the_indent_of_the_file() {
    let filled = edited(RULES, |d, e| {
        e.insert(node(d, "/none"), Position::Last, None, "a".into());
        e.insert(node(d, "/none"), Position::Last, None, Value::Array(vec![]));
        e.insert(
            node(d, "/on"),
            Position::First,
            Some("k"),
            Value::object([("x", vec![1u64].into())]),
        );
    });
    let expected = RULES
        .replace("\"none\": []", "\"none\": [\n        \"a\",\n        []\n    ]")
        .replace(
            "\"on\": {}",
            "\"on\": {\n        \"k\": {\n            \"x\": [\n                1\n            ]\n        }\n    }",
        );
    assert_eq!(filled, expected);
    let root = edited("[]", |d, e| {
        e.insert(d.root().node(), Position::Last, None, 1u64.into());
    });
    assert_eq!(root, "[\n    1\n]");
    let compact = edited(r#"{"a":[],"b":[1,2]}"#, |d, e| {
        e.insert(
            node(d, "/a"),
            Position::Last,
            None,
            Value::object([("x", 1u64.into()), ("y", 2u64.into())]),
        );
        e.insert(node(d, "/b"), Position::Last, None, 3u64.into());
    });
    assert_eq!(compact, r#"{"a":[{"x":1,"y":2}],"b":[1,2,3]}"#);
}

#[test]
fn a_removed_element_leaves_neither_comma_nor_blank_line() {
    let text = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n";
    for (pointers, expected) in [
        (&["/a"][..], "{\n  \"b\": 2,\n  \"c\": 3\n}\n"),
        (&["/b"], "{\n  \"a\": 1,\n  \"c\": 3\n}\n"),
        (&["/c"], "{\n  \"a\": 1,\n  \"b\": 2\n}\n"),
        (&["/a", "/b"], "{\n  \"c\": 3\n}\n"),
        (&["/c", "/a"], "{\n  \"b\": 2\n}\n"),
        (&["/a", "/b", "/c"], "{}\n"),
    ] {
        let made = edited(text, |d, e| {
            for pointer in pointers {
                e.remove(node(d, pointer));
            }
        });
        assert_eq!(made, expected, "{pointers:?}");
    }
}

#[test]
fn elements_move_with_their_bytes() {
    let text = "[\n  0.50,\n  {\"a\":  1},\n  3\n]";
    let first = edited(text, |d, e| {
        e.move_to(node(d, "/1"), Position::First);
    });
    assert_eq!(first, "[\n  {\"a\":  1},\n  0.50,\n  3\n]");
    let last = edited(text, |d, e| {
        e.move_to(node(d, "/0"), Position::Last);
    });
    assert_eq!(last, "[\n  {\"a\":  1},\n  3,\n  0.50\n]");
    let named = edited(r#"{"a": 1, "b": 2}"#, |d, e| {
        e.move_to(node(d, "/b"), Position::Before(node(d, "/a")));
    });
    assert_eq!(named, r#"{"b": 2, "a": 1}"#);
}

#[test]
fn line_ends_literals_and_a_missing_last_newline_are_kept() {
    let text = RULES.replace('\n', "\r\n");
    let made = edited(&text, |d, e| {
        e.set_text(node(d, "/rules/0/port"), "8\"0")
            .rename_key(node(d, "/rules/1/port"), "dport");
        e.insert(node(d, "/on"), Position::Last, Some("x"), true.into());
    });
    let expected = text
        .replace("\"80\"", "\"8\\\"0\"")
        .replace("\"port\": \"443\"", "\"dport\": \"443\"")
        .replace("{}", "{\r\n        \"x\": true\r\n    }");
    assert_eq!(made, expected);
}

#[test]
fn equal_values_make_no_patch() {
    let document = parse(RULES);
    let mut edit = Edit::new(&document);
    edit.set_text(node(&document, "/rules/0/port"), "80");
    edit.set(node(&document, "/share"), Value::Number("0.50".into()));
    edit.set(
        node(&document, "/rules"),
        document.root().get("rules").unwrap().to_value().unwrap(),
    );
    assert!(edit.finish().unwrap().is_empty());
}

#[test]
fn what_is_replaced_follows_the_layout_of_what_was_there() {
    let text = "{\n  \"a\": [ 1, 2 ],\n  \"b\": [\n    1\n  ]\n}";
    let made = edited(text, |d, e| {
        e.set(node(d, "/a"), vec![3u64, 4].into())
            .set(node(d, "/b"), vec![5u64, 6].into());
    });
    assert_eq!(
        made,
        "{\n  \"a\": [ 3, 4 ],\n  \"b\": [\n    5,\n    6\n  ]\n}"
    );
}

#[test]
fn edits_that_have_no_clear_meaning_are_refused_with_their_place() {
    type Change = fn(&Document, &mut Edit<'_>);
    let cases: &[(Change, &str)] = &[
        (
            |d, e| {
                e.remove(node(d, "/rules/0"))
                    .set_text(node(d, "/rules/0/port"), "1");
            },
            "t.json:4:9: could not make two edits at once: one lies inside the other",
        ),
        (
            |d, e| {
                e.insert(node(d, "/rules"), Position::Last, None, Value::Null)
                    .remove(node(d, "/rules"));
            },
            "t.json:3:14: could not make two edits at once: one lies inside the other",
        ),
        (
            |d, e| {
                e.remove(d.root().node());
            },
            "t.json:1:1: could not remove or move the outermost value",
        ),
        (
            |d, e| {
                e.insert(
                    node(d, "/on"),
                    Position::After(node(d, "/rules/0")),
                    Some("x"),
                    Value::Null,
                );
            },
            "t.json:4:9: could not place the element: its neighbour is not in the same container",
        ),
        (
            |d, e| {
                e.insert(d.root().node(), Position::Last, Some("on"), Value::Null);
            },
            "t.json:1:1: could not add `on`: the object has a member of that name",
        ),
        (
            |d, e| {
                e.insert(node(d, "/share"), Position::Last, None, Value::Null);
            },
            "t.json:2:14: could not insert an element: found a number, expected an array or an object",
        ),
        (
            |d, e| {
                e.set(node(d, "/share"), Value::Number("0x1".into()));
            },
            "t.json:2:14: could not write the new value: found more than 256 levels or a number that JSON does not have",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(refused(RULES, change).to_string(), *expected);
    }
}

#[test]
fn deep_and_odd_documents_are_edited_around() {
    let deep = format!(
        "[{}{}, {{\"a\":1,\"a\":2}}, \"\\ud800\", 0]",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let made = edited(&deep, |d, e| {
        e.set(node(d, "/3"), 1u64.into());
    });
    assert_eq!(made, deep.replace(", 0]", ", 1]"));
}
