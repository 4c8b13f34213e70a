//! The fields that Traefik knows, by version.

use std::sync::LazyLock;

use crate::diagnostic::nearest;
use crate::document::{Cursor, Kind};

/// Which of Traefik's two kinds of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// Routers, services, middlewares, TLS.
    Dynamic,
    /// What Traefik starts with.
    Static,
}

/// A field that is not known.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnknownField<'d> {
    /// Its name.
    pub name: String,
    /// What holds it: `providers.docker`; empty for the file itself.
    pub parent: String,
    /// The value, whose key is meant.
    pub value: Cursor<'d>,
    /// The nearest known name.
    pub like: Option<&'static str>,
    /// Whether another major version knows it.
    pub elsewhere: bool,
}

/// The fields of a file that this major version of Traefik does not know. Names are compared without case, as Traefik
/// does; fields below a name that is not known are not looked at.
pub fn unknown_fields(root: Cursor<'_>, kind: FileKind, major: u32) -> Vec<UnknownField<'_>> {
    let (own, other) = match (kind, major) {
        (FileKind::Static, 2) => (&*STATIC_V2, &*STATIC_V3),
        (FileKind::Static, _) => (&*STATIC_V3, &*STATIC_V2),
        (FileKind::Dynamic, 2) => (&*DYNAMIC_V2, &*DYNAMIC_V3),
        (FileKind::Dynamic, _) => (&*DYNAMIC_V3, &*DYNAMIC_V2),
    };
    let mut unknown = Vec::new();
    // Not recursive: a file may be nested deeper than the stack.
    let mut open = vec![(root, Some(own), Some(other), String::new())];
    while let Some((cursor, own, other, path)) = open.pop() {
        let Some(node) = own.filter(|node| !node.children.is_empty()) else {
            continue;
        };
        let first = open.len();
        if cursor.kind() == Kind::Array {
            open.extend(cursor.items().map(|item| (item, own, other, path.clone())));
        }
        for entry in cursor.entries() {
            let elsewhere = other.and_then(|other| other.child(&entry.key));
            let below = if path.is_empty() {
                entry.key.to_string()
            } else {
                format!("{path}.{}", entry.key)
            };
            match node.child(&entry.key) {
                Some(child) => open.push((entry.value, Some(child), elsewhere, below)),
                None => unknown.push(UnknownField {
                    like: nearest(&entry.key, node.children.iter().map(|(name, _)| *name)),
                    name: entry.key.into_owned(),
                    parent: path.clone(),
                    value: entry.value,
                    elsewhere: elsewhere.is_some(),
                }),
            }
        }
        open[first..].reverse();
    }
    unknown
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(&'static str, Self)>,
}

impl Node {
    /// Reads one field a line, each indented below its parent.
    fn read(text: &'static str) -> Self {
        let mut way: Vec<(usize, &'static str, Self)> = Vec::new();
        let mut root = Self::default();
        let close = |way: &mut Vec<(usize, &'static str, Self)>, root: &mut Self, depth: usize| {
            while way.last().is_some_and(|(own, ..)| *own >= depth) {
                if let Some((_, name, node)) = way.pop() {
                    let parent = way.last_mut().map_or(&mut *root, |(.., node)| node);
                    parent.children.push((name, node));
                }
            }
        };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.trim_start();
            let depth = line.len() - name.len();
            close(&mut way, &mut root, depth);
            way.push((depth, name, Self::default()));
        }
        close(&mut way, &mut root, 0);
        root
    }

    fn child(&self, name: &str) -> Option<&Self> {
        let find = |wanted: &str| {
            self.children
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(wanted))
                .map(|(_, node)| node)
        };
        find(name).or_else(|| find("*"))
    }
}

macro_rules! table {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Node> =
            LazyLock::new(|| Node::read(include_str!(concat!("fields/", $file, ".txt"))));
    };
}

table!(DYNAMIC_V2, "dynamic-v2");
table!(DYNAMIC_V3, "dynamic-v3");
table!(STATIC_V2, "static-v2");
table!(STATIC_V3, "static-v3");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Format};

    fn unknown(text: &str, kind: FileKind, major: u32) -> Vec<String> {
        let document = Document::parse("t.yml".as_ref(), text.into(), Format::Yaml).unwrap();
        unknown_fields(document.root(), kind, major)
            .into_iter()
            .map(|field| {
                format!(
                    "{}|{}|{}{}",
                    field.parent,
                    field.name,
                    field.like.unwrap_or("-"),
                    if field.elsewhere { "|elsewhere" } else { "" }
                )
            })
            .collect()
    }

    #[test]
    fn known_fields_pass_whatever_their_case_and_unknown_ones_name_the_nearest() {
        let text = "entrypoints:\n  web:\n    address: ':80'\n    http:\n      tls:\n        domains:\n          - main: a\n            sans: [b]\nproviders:\n  docker:\n    endpont: x\n    swarmMode: true\napi:\n  insecure: true\nmetrics:\n  prometheus:\n    buckets: [0.1]\nnonsense: {deep: {er: 1}}\n";
        assert_eq!(
            unknown(text, FileKind::Static, 3),
            [
                "|nonsense|-",
                "providers.docker|endpont|endpoint",
                "providers.docker|swarmMode|-|elsewhere"
            ]
        );
        assert_eq!(
            unknown(text, FileKind::Static, 2),
            ["|nonsense|-", "providers.docker|endpont|endpoint"]
        );
    }

    #[test]
    fn names_of_the_operator_are_free_in_dynamic_files() {
        let text = "http:\n  routers:\n    mine:\n      rule: x\n      servise: y\n  middlewares:\n    m:\n      plugin:\n        p:\n          any: {thing: 1}\n      headers:\n        customRequestHeaders:\n          X-Y: z\n";
        assert_eq!(
            unknown(text, FileKind::Dynamic, 3),
            ["http.routers.mine|servise|service"]
        );
    }

    #[test]
    fn every_table_is_read() {
        for (table, least) in [
            (&STATIC_V2, 14),
            (&STATIC_V3, 14),
            (&DYNAMIC_V2, 4),
            (&DYNAMIC_V3, 4),
        ] {
            assert!(table.children.len() >= least, "{}", table.children.len());
        }
        assert!(
            STATIC_V3
                .child("providers")
                .unwrap()
                .child("swarm")
                .is_some()
        );
        assert!(
            STATIC_V2
                .child("providers")
                .unwrap()
                .child("swarm")
                .is_none()
        );
    }
}
