use crate::document::{Cursor, Document, Edit, EditError, Format, Kind, NodeId, Position, Value};

fn parse(text: &str) -> Document {
    Document::parse("t.yml".as_ref(), text.into(), Format::Yaml).unwrap_or_else(|f| panic!("{f}"))
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
    let patch = edit.finish().unwrap_or_else(|e| panic!("{e}"));
    patch
        .apply(&document)
        .unwrap_or_else(|f| panic!("{f}\n{:?}", patch.splice(text)))
        .text()
        .to_owned()
}

fn refused(text: &str, change: impl Fn(&Document, &mut Edit<'_>)) -> EditError {
    let document = parse(text);
    let mut edit = Edit::new(&document);
    change(&document, &mut edit);
    edit.finish().unwrap_err()
}

const STATIC: &str = "# Static configuration\nlog:\n  level: INFO # or DEBUG\n\n# The ways in\nentryPoints:\n  web:\n    address: \":80\"\n  # for people\n  admin: {address: ':8080', as: [a, \"b\"]}\n\nproviders:\n  file:\n    watch: true\n    names:\n    - x\n    - y: 1\n      z: 2\n  empty:\n";

#[test]
fn values_of_every_style_are_read_with_their_places() {
    let text = "a: 'it''s'\nb: \"\\u00fc\\n\"\nc: |\n  two\n  lines\nd: >-\n  one\n  line\n\ne: 0x1F\nf: .5\ng: ~\nh: yes\ni: !!str 5\nj: &x [1]\nk: *x\nl:\n\n# end\n";
    let document = parse(text);
    let at = |key: &str| document.root().get(key).unwrap();
    for (key, value) in [
        ("a", "it's"),
        ("b", "ü\n"),
        ("c", "two\nlines\n"),
        ("d", "one line"),
        ("h", "yes"),
        ("i", "5"),
    ] {
        assert_eq!(at(key).as_str().as_deref(), Some(value), "{key}");
    }
    assert_eq!(at("c").literal(), "|\n  two\n  lines");
    assert_eq!(at("e").as_u64(), Some(31));
    assert_eq!(at("f").as_f64(), Some(0.5));
    assert_eq!((at("g").kind(), at("l").kind()), (Kind::Null, Kind::Null));
    assert_eq!(at("k").items().next().and_then(Cursor::as_u64), Some(1));
    assert_eq!(at("l").place().to_string(), "t.yml:17:3");
    assert_eq!(document.root().span().end, text.find("l:").unwrap() + 2);
    assert_eq!(at("i").place().to_string(), "t.yml:14:10");
}

#[test]
fn what_is_no_single_tree_is_refused_with_its_place() {
    for (text, expected) in [
        (
            "a: 1\n---\nb: 2\n",
            "t.yml:2:1: found a second document, expected one in a file",
        ),
        (
            "a: 1\n? [x]\n: 2\n",
            "t.yml:2:3: found an array as a key, expected text",
        ),
        (
            "a: &x [*x]\n",
            "t.yml:1:8: found an alias inside the value that it stands for",
        ),
        ("a: b: c\n", "t.yml:1:5: could not read this as YAML: "),
        ("a: [1\n", "t.yml:"),
        ("a: \"x\n", "t.yml:"),
    ] {
        let faults = Document::parse("t.yml".as_ref(), text.into(), Format::Yaml).unwrap_err();
        assert!(
            faults.to_string().starts_with(expected),
            "{text:?}: {faults}"
        );
    }
    let template = "host: x\nport: {{ port }}\n";
    let faults = Document::parse("t.yml".as_ref(), template.into(), Format::Yaml).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!(fault.places[0].line, 2);
    assert_eq!(
        fault.help.as_deref(),
        Some("a template reads as YAML only where `{{ }}` stands inside quotes")
    );
}

#[test]
fn a_scalar_keeps_its_quotes_and_its_comment() {
    let made = edited(STATIC, |d, e| {
        e.set_text(node(d, "/log/level"), "DEBUG");
        e.set_text(node(d, "/entryPoints/web/address"), ":\"8\"0");
        e.set_text(node(d, "/entryPoints/admin/address"), "it's");
        e.set(node(d, "/providers/file/watch"), false.into());
        e.set(
            node(d, "/providers/file/names/1/y"),
            Value::Number("0.50".into()),
        );
        e.set_text(node(d, "/providers/file/names/0"), "yes");
        e.set_text(node(d, "/providers/empty"), "full");
    });
    let expected = STATIC
        .replace("level: INFO #", "level: DEBUG #")
        .replace("\":80\"", "\":\\\"8\\\"0\"")
        .replace("':8080'", "'it''s'")
        .replace("watch: true", "watch: false")
        .replace("y: 1", "y: 0.50")
        .replace("- x", "- \"yes\"")
        .replace("empty:", "empty: full");
    assert_eq!(made, expected);
}

#[test]
fn new_entries_take_the_indent_of_their_siblings() {
    let made = edited(STATIC, |d, e| {
        let file = node(d, "/providers/file");
        let tls = Value::object([
            ("ca", "/etc/ca.pem".into()),
            ("names", vec!["a"].into()),
            ("empty", Value::object::<&str>([])),
        ]);
        e.insert(file, Position::Last, Some("tls"), tls);
        e.insert(
            node(d, "/entryPoints"),
            Position::After(node(d, "/entryPoints/web")),
            Some("websecure"),
            Value::object([("address", ":443".into())]),
        );
        e.insert(
            node(d, "/providers/file/names"),
            Position::First,
            None,
            Value::object([("k", 1u64.into()), ("l", Value::Null)]),
        );
        e.insert(
            node(d, "/providers/file/names/1"),
            Position::First,
            Some("first"),
            0u64.into(),
        );
        e.insert(
            node(d, "/entryPoints/admin"),
            Position::Last,
            Some("x"),
            "y z".into(),
        );
        e.insert(
            node(d, "/entryPoints/admin/as"),
            Position::First,
            None,
            "c".into(),
        );
        e.insert(
            d.root().node(),
            Position::First,
            Some("global"),
            true.into(),
        );
        e.insert(d.root().node(), Position::Last, Some("last"), 1u64.into());
    });
    let expected = "# Static configuration\nglobal: true\nlog:\n  level: INFO # or DEBUG\n\n# The ways in\nentryPoints:\n  web:\n    address: \":80\"\n  websecure:\n    address: \":443\"\n  # for people\n  admin: {address: ':8080', as: [c, a, \"b\"], x: \"y z\"}\n\nproviders:\n  file:\n    watch: true\n    names:\n    - k: 1\n      l: null\n    - x\n    - first: 0\n      y: 1\n      z: 2\n    tls:\n      ca: \"/etc/ca.pem\"\n      names:\n      - a\n      empty: {}\n  empty:\nlast: 1\n";
    assert_eq!(made, expected);
}

#[test]
fn a_removed_entry_takes_its_lines_and_no_comment_of_others() {
    let made = edited(STATIC, |d, e| {
        e.remove(node(d, "/log/level"));
        e.remove(node(d, "/entryPoints/web"));
        e.remove(node(d, "/entryPoints/admin/address"));
        e.remove(node(d, "/providers/file/names/1/y"));
        e.remove(node(d, "/providers/file/names/0"));
        e.remove(node(d, "/providers/empty"));
    });
    let expected = "# Static configuration\nlog: {} # or DEBUG\n\n# The ways in\nentryPoints:\n  # for people\n  admin: {as: [a, \"b\"]}\n\nproviders:\n  file:\n    watch: true\n    names:\n    - z: 2\n";
    assert_eq!(made, expected);
}

#[test]
fn crlf_and_a_missing_last_newline_are_kept() {
    let text = "a: 1\r\nb:\r\n  c: 2 # x\r\n  d: 3";
    let made = edited(text, |d, e| {
        e.insert(
            node(d, "/b"),
            Position::After(node(d, "/b/c")),
            Some("new"),
            "v w".into(),
        );
        e.remove(node(d, "/b/d"));
    });
    assert_eq!(made, "a: 1\r\nb:\r\n  c: 2 # x\r\n  new: \"v w\"");
    let gone = edited(text, |d, e| {
        e.remove(node(d, "/b/d"));
    });
    assert_eq!(gone, "a: 1\r\nb:\r\n  c: 2 # x");
    let both = edited("a:\n  b: 1", |d, e| {
        e.insert(d.root().node(), Position::Last, Some("x"), 1u64.into());
        e.insert(node(d, "/a"), Position::Last, Some("c"), 2u64.into());
    });
    assert_eq!(both, "a:\n  b: 1\n  c: 2\nx: 1");
}

#[test]
fn collections_replace_scalars_and_are_replaced() {
    let made = edited(STATIC, |d, e| {
        e.set(node(d, "/providers/file/names"), vec!["q"].into());
        e.set(
            node(d, "/providers/empty"),
            Value::object([("a", 1u64.into())]),
        );
        e.set(node(d, "/entryPoints/web"), "none".into());
    });
    let expected = STATIC
        .replace("- x\n    - y: 1\n      z: 2", "- q")
        .replace("empty:\n", "empty:\n    a: 1\n")
        .replace("web:\n    address: \":80\"", "web: none");
    assert_eq!(made, expected);
    let renamed = edited(STATIC, |d, e| {
        e.rename_key(node(d, "/entryPoints/web"), "in put")
            .rename_key(node(d, "/log/level"), "depth");
    });
    assert_eq!(
        renamed,
        STATIC
            .replace("web:", "in put:")
            .replace("level:", "depth:")
    );
    let moved = edited(STATIC, |d, e| {
        e.move_to(node(d, "/providers/file/names/1"), Position::First);
    });
    assert_eq!(
        moved,
        STATIC.replace(
            "    - x\n    - y: 1\n      z: 2\n",
            "    - y: 1\n      z: 2\n    - x\n"
        )
    );
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_its_place() {
    type Change = fn(&Document, &mut Edit<'_>);
    let text = "a: &x\n  b: 1\nc: *x\nd: |\n  text\ne: !env V\nf:\n  # note\n  g: 1\n";
    let cases: &[(Change, &str)] = &[
        (
            |d, e| {
                e.set(node(d, "/a"), 1u64.into());
            },
            "t.yml:2:3: could not edit this safely: an alias elsewhere would change with it",
        ),
        (
            |d, e| {
                e.insert(node(d, "/a"), Position::Last, Some("n"), 1u64.into());
            },
            "t.yml:2:3: could not edit this safely: an alias elsewhere would change with it",
        ),
        (
            |d, e| {
                e.set_text(node(d, "/d"), "x");
            },
            "t.yml:4:4: could not edit this safely: it is a block scalar",
        ),
        (
            |d, e| {
                e.set_text(node(d, "/e"), "x");
            },
            "t.yml:6:9: could not edit this safely: it has a tag",
        ),
    ];
    for (change, expected) in cases {
        assert_eq!(refused(text, change).to_string(), *expected);
    }
    let inner = edited(text, |d, e| {
        e.remove(node(d, "/d"));
    });
    assert_eq!(inner, text.replace("d: |\n  text\n", ""));
    for pointer in ["/a/b", "/c/b"] {
        let document = parse(text);
        let error = Edit::new(&document)
            .set(node(&document, pointer), 2u64.into())
            .finish()
            .unwrap_err();
        assert_eq!(error.place().line, 2);
    }
}

#[test]
fn a_removed_entry_leaves_no_blank_line_of_its_own() {
    for (text, gone, expected) in [
        ("a: 1\n\nb: 2\n\nc: 3\n", "/b", "a: 1\n\nc: 3\n"),
        ("a: 1\n\nb: 2\nc: 3\n", "/b", "a: 1\n\nc: 3\n"),
        ("a: 1\n\nb: 2\n", "/b", "a: 1\n"),
        ("a: 1\n\nb: 2", "/b", "a: 1"),
        ("a: 1\r\n\r\nb: 2", "/b", "a: 1"),
        ("a: 1\n\nb: 2\n", "/a", "b: 2\n"),
        (
            "a:\n  - x\n\n  - y\n\nb: 2\n",
            "/a/1",
            "a:\n  - x\n\nb: 2\n",
        ),
    ] {
        let made = edited(text, |d, e| {
            e.remove(node(d, gone));
        });
        assert_eq!(made, expected, "{text:?}");
    }
}

#[test]
fn comments_between_a_name_and_its_value_are_not_lost() {
    for (text, pointer, place) in [
        ("a:\n# note\n- x\nb: 1\n", "/a", "t.yml:3:1"),
        ("a: # note\n  b: 1\nc: 1\n", "/a", "t.yml:2:3"),
        ("- # note\n  a: 1\n- b\n", "/0", "t.yml:2:3"),
    ] {
        let error = refused(text, |d, e| {
            e.set(node(d, pointer), 1u64.into());
        });
        assert_eq!(
            error.to_string(),
            format!("{place}: could not edit this safely: a comment would be removed with it")
        );
    }
    let error = refused("- a: 1\n  # of b\n  b: 2\n", |d, e| {
        e.remove(node(d, "/0/a"));
    });
    assert_eq!(
        error.to_string(),
        "t.yml:1:6: could not edit this safely: a comment would be removed with it"
    );
}

#[test]
fn what_is_empty_is_filled_in_its_place() {
    for (text, pointer, expected) in [
        ("-  # note\n- b\n", "/0", "- 5  # note\n- b\n"),
        ("- a\n# note\n-\n- b\n", "/1", "- a\n# note\n- 5\n- b\n"),
        ("a: &x\nb:\n", "/a", "a: &x 5\nb:\n"),
        ("- &x\n", "/0", "- &x 5\n"),
        ("# top\n---", "", "# top\n---\n5"),
        ("# top\n", "", "# top\n5\n"),
        ("", "", "5"),
    ] {
        let made = edited(text, |d, e| {
            e.set(node(d, pointer), 5u64.into());
        });
        assert_eq!(made, expected, "{text:?}");
    }
    let made = edited("--- x\n", |d, e| {
        e.set(d.root().node(), vec!["a"].into());
    });
    assert_eq!(made, "---\n- a\n");
}

#[test]
fn plain_neighbours_let_new_text_stay_plain_where_it_can() {
    let made = edited(
        "paths:\n- /a\n- /b\nnames:\n- 'c'\nwords:\n- d\n",
        |d, e| {
            for (list, text) in [
                ("/paths", "/c d"),
                ("/paths", ":80"),
                ("/names", "e"),
                ("/words", "/f"),
            ] {
                e.insert(node(d, list), Position::Last, None, text.into());
            }
        },
    );
    assert_eq!(
        made,
        "paths:\n- /a\n- /b\n- /c d\n- ':80'\nnames:\n- 'c'\n- 'e'\nwords:\n- d\n- '/f'\n"
    );
}
