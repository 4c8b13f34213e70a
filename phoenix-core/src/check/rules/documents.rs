//! What the notation allows and nobody means, and what is not there.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Found, View};
use crate::diagnostic::Place;
use crate::document::{Cursor, Document, Entry, Kind, Part};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    for missing in &view.facts.missing {
        let open = found.add("PX019", format!("found no file, expected {}", missing.what));
        open.place(Place::file(&missing.path));
        if missing.needed {
            open.severe();
        }
    }
    let documents = &view.model.documents;
    let read = [
        Some(&documents.manifest),
        documents.vms.as_ref(),
        documents.lxcs.as_ref(),
        Some(&documents.host),
    ];
    for document in read.into_iter().flatten() {
        // The manifest names files and guests, no secrets.
        let secrets = document.path() != documents.manifest.path();
        objects(document, secrets, found);
    }
    let host = &documents.host;
    if let (Some(read), Some(ignored)) = (view.model.host.rules, view.model.host.ignored_rules) {
        found
            .add(
                "PX018",
                "found host-wide firewall rules at both of their places; those of `shared_volumes.firewall` are ignored",
            )
            .at(host, ignored, Part::Key)
            .and(host, read, "these count");
    }
}

/// One walk for all that every object is asked for: names that stand twice, and secrets.
fn objects<'m>(document: &'m Document, secrets: bool, found: &mut Found<'m>) {
    // Not recursive: a document may be nested deeper than the stack.
    let mut open = vec![document.root()];
    let mut seen: Vec<(Cow<'m, str>, Cursor<'m>)> = Vec::new();
    let mut long: HashMap<Cow<'m, str>, Cursor<'m>> = HashMap::new();
    while let Some(cursor) = open.pop() {
        seen.clear();
        long.clear();
        let first = open.len();
        for entry in cursor.entries() {
            // Most objects are short: comparing is cheaper than hashing.
            let earlier = if seen.len() < SHORT {
                let earlier = seen.iter().rev().find(|(name, _)| *name == entry.key);
                let earlier = earlier.map(|(_, value)| *value);
                seen.push((entry.key.clone(), entry.value));
                earlier
            } else {
                if long.is_empty() {
                    long.extend(seen.iter().cloned());
                }
                long.insert(entry.key.clone(), entry.value)
            };
            if let Some(earlier) = earlier {
                twice(document, &entry, earlier, found);
            }
            if secrets {
                super::secrets::value(document, &entry, found);
            }
            if holds(entry.value) {
                open.push(entry.value);
            }
        }
        open.extend(cursor.items().filter(|item| holds(*item)));
        // In the order of the file.
        open[first..].reverse();
    }
}

fn twice<'m>(
    document: &'m Document,
    entry: &Entry<'m>,
    earlier: Cursor<'m>,
    found: &mut Found<'m>,
) {
    found
        .add(
            "PX017",
            format!("found `{}` twice, the last one counts", entry.key),
        )
        .at(document, entry.value.node(), Part::Key)
        .spot(
            document,
            earlier.node(),
            Part::Key,
            Some("ignored".to_owned()),
        );
}

fn holds(cursor: Cursor<'_>) -> bool {
    matches!(cursor.kind(), Kind::Array | Kind::Object)
}

/// Names of an object that are compared one by one.
const SHORT: usize = 24;
