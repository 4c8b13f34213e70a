//! What the notation allows and nobody means, and what is not there.

use super::Found;
use crate::check::Facts;
use crate::diagnostic::Place;
use crate::document::{Cursor, Document, Entry, Kind, Part};
use crate::model::Model;

pub(in crate::check) fn check<'m>(model: &'m Model, facts: &Facts, found: &mut Found<'m>) {
    for missing in &facts.missing {
        let open = found.add("PX019", format!("found no file, expected {}", missing.what));
        open.place(Place::file(&missing.path));
        if missing.needed {
            open.severe();
        }
    }
    let documents = &model.documents;
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
    if let (Some(read), Some(ignored)) = (model.host.rules, model.host.ignored_rules) {
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
    let mut entries: Vec<Entry<'m>> = Vec::new();
    while let Some(cursor) = open.pop() {
        let first = open.len();
        entries.clear();
        entries.extend(cursor.entries());
        for (entry, earlier) in Entry::repeated(&entries) {
            twice(document, entry, earlier.value, found);
        }
        for entry in &entries {
            if secrets {
                super::secrets::value(document, entry, found);
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
