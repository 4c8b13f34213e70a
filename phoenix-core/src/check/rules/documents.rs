//! What the notation allows and nobody means, and what is not there.

use std::collections::HashMap;

use super::{Found, View};
use crate::diagnostic::Place;
use crate::document::{Cursor, Document, Part};

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
        names_twice(document, found);
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

fn names_twice<'m>(document: &'m Document, found: &mut Found<'m>) {
    // Not recursive: a document may be nested deeper than the stack.
    let mut open = vec![document.root()];
    let mut seen: HashMap<_, Cursor<'m>> = HashMap::new();
    while let Some(cursor) = open.pop() {
        seen.clear();
        let first = open.len();
        for entry in cursor.entries() {
            if let Some(earlier) = seen.insert(entry.key.clone(), entry.value) {
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
            if holds(entry.value) {
                open.push(entry.value);
            }
        }
        open.extend(cursor.items().filter(|item| holds(*item)));
        // In the order of the file.
        open[first..].reverse();
    }
}

fn holds(cursor: Cursor<'_>) -> bool {
    cursor.entries().next().is_some() || cursor.items().next().is_some()
}
