//! Tests: YAML as people write it, in all the ways that are supported.

use proptest::prelude::*;

/// Lines of YAML as people write it, with a comment here and there; each comment is unique.
#[derive(Debug, Clone)]
pub(in crate::document) struct Yaml {
    tree: Node,
    crlf: bool,
    ends: bool,
    starts: bool,
}

#[derive(Debug, Clone)]
enum Node {
    Line(&'static str),
    Map(Vec<(&'static str, Look, Self)>),
    List(Vec<(Look, Self)>),
}

/// What stands around an entry.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of them stands by itself"
)]
struct Look {
    comment_above: bool,
    comment_behind: bool,
    blank_above: bool,
    wide: bool,
    anchor: bool,
}

fn look() -> impl Strategy<Value = Look> {
    let rare = || prop::bool::weighted(0.2);
    (
        rare(),
        rare(),
        rare(),
        any::<bool>(),
        prop::bool::weighted(0.1),
    )
        .prop_map(
            |(comment_above, comment_behind, blank_above, wide, anchor)| Look {
                comment_above,
                comment_behind,
                blank_above,
                wide,
                anchor,
            },
        )
}

fn node() -> impl Strategy<Value = Node> {
    let line = prop::sample::select(vec![
        "plain",
        "two words",
        "'single'",
        "'it''s'",
        "\"double\"",
        "\"a\\tb\"",
        ":80",
        "\":80\"",
        "12",
        "0.50",
        "true",
        "~",
        "",
        "[]",
        "{}",
        "[a, 'b', 3]",
        "[ a ]",
        "{a: 1, 'b': \"c\"}",
        "{ a: [1, {b: c}] }",
        "http://x:80/#y",
        "\"# no comment\"",
        "'{{ jinja }}'",
        "2026-01-01",
        "!!str 5",
        "-1",
        "a#b",
    ])
    .prop_map(Node::Line);
    line.prop_recursive(4, 24, 4, |inner| {
        let key = prop::sample::select(vec!["a", "b", "c", "'d e'", "\"f\"", "g.h", "1"]);
        let members = prop::collection::vec((key, look(), inner.clone()), 1..4);
        prop_oneof![
            members.prop_map(|mut members| {
                members.sort_by_key(|(key, ..)| *key);
                members.dedup_by_key(|(key, ..)| *key);
                Node::Map(members)
            }),
            prop::collection::vec((look(), inner), 1..4).prop_map(Node::List),
        ]
    })
}

pub(in crate::document) fn yaml() -> impl Strategy<Value = Yaml> {
    (node(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(tree, crlf, ends, starts)| {
        Yaml {
            tree,
            crlf,
            ends,
            starts,
        }
    })
}

impl Yaml {
    pub(in crate::document) fn text(&self) -> String {
        let mut writer = Writer::default();
        if self.starts {
            writer.out.push_str("# top\n---\n");
        }
        match &self.tree {
            Node::Line(line) => {
                writer.out.push_str(line);
                writer.out.push('\n');
            }
            tree => writer.node(tree, 0, false),
        }
        let mut text = writer.out;
        if !self.ends {
            text = text.trim_end_matches('\n').to_owned();
        }
        if self.crlf {
            text.replace('\n', "\r\n")
        } else {
            text
        }
    }
}

#[derive(Default)]
struct Writer {
    out: String,
    comments: usize,
    anchors: usize,
}

impl Writer {
    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# c{}.", self.comments)
    }

    /// The entries of a collection; with `begun`, the first one's indent stands there already.
    fn node(&mut self, node: &Node, indent: usize, begun: bool) {
        match node {
            Node::Line(_) => {}
            Node::Map(members) => {
                for (index, (key, look, value)) in members.iter().enumerate() {
                    self.above(*look, indent, begun && index == 0);
                    self.out.push_str(key);
                    self.out.push(':');
                    self.behind(*look, value, indent + if look.wide { 4 } else { 2 }, indent);
                }
            }
            Node::List(items) => {
                for (index, (look, value)) in items.iter().enumerate() {
                    self.above(*look, indent, begun && index == 0);
                    self.out.push('-');
                    let direct = matches!(value, Node::Map(_) | Node::List(_))
                        && !look.comment_behind
                        && !look.anchor;
                    if direct {
                        self.out.push(' ');
                        self.node(value, indent + 2, true);
                    } else {
                        self.behind(*look, value, indent + 2, indent + 2);
                    }
                }
            }
        }
    }

    fn above(&mut self, look: Look, indent: usize, begun: bool) {
        if begun {
            return;
        }
        if look.blank_above {
            self.out.push('\n');
        }
        if look.comment_above {
            let comment = self.comment();
            self.out.push_str(&format!("{:indent$}{comment}\n", ""));
        }
        self.out.push_str(&" ".repeat(indent));
    }

    /// What stands behind a colon or dash.
    fn behind(&mut self, look: Look, value: &Node, inner: usize, list: usize) {
        if look.anchor {
            self.anchors += 1;
            self.out.push_str(&format!(" &x{}", self.anchors));
        }
        if let Node::Line(line) = value
            && !line.is_empty()
        {
            self.out.push_str(if look.wide { "  " } else { " " });
            self.out.push_str(line);
        }
        if look.comment_behind {
            let comment = self.comment();
            self.out.push_str(&format!("  {comment}"));
        }
        self.out.push('\n');
        let indent = if matches!(value, Node::List(_)) && !look.wide {
            list
        } else {
            inner
        };
        self.node(value, indent, false);
    }
}
