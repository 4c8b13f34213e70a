//! Traefik's configuration beside the link: fields, names, verification, the dashboard.

mod names;
mod servers;
mod settings;

use super::{Found, View};
use crate::diagnostic::Place;
use crate::document::{Cursor, Document, Format, Part};
use crate::traefik::FileKind;

use names::{Names, dynamic_names, static_names};
use servers::{addresses, unverified};
use settings::{both, dashboard, fields};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let mut names = Names::default();
    let dynamic = dynamic(view, found);
    let root = match &view.static_file {
        Some(Ok(file)) => Some(file.document().root()),
        Some(Err(faults)) => {
            faults.iter().for_each(|fault| found.read(fault));
            None
        }
        None => None,
    };
    if let Some(root) = root {
        names.of_static(root);
    }
    for document in &dynamic {
        names.of_dynamic(document.root());
    }
    if let Some(root) = root {
        let place = |cursor: Cursor<'_>, part: Part| view.template_place(cursor, part);
        fields(view, root, FileKind::Static, &place, found);
        static_names(root, &names, !dynamic.is_empty(), &place, found);
        dashboard(root, &place, found);
        unverified(
            root.get("serversTransport"),
            "serversTransport",
            &place,
            found,
        );
        both(view, root, &place, found);
    }
    for document in &dynamic {
        let place = own_place;
        let root = document.root();
        fields(view, root, FileKind::Dynamic, &place, found);
        dynamic_names(root, &names, found);
        addresses(view, root, found);
        for protocol in ["http", "tcp"] {
            let transports = root.at(&format!("/{protocol}/serversTransports"));
            for entry in transports.into_iter().flat_map(Cursor::entries) {
                unverified(Some(entry.value), &entry.key, &place, found);
                unverified(entry.value.get("tls"), &entry.key, &place, found);
            }
        }
    }
}

fn dynamic<'m>(view: &View<'m>, found: &mut Found<'m>) -> Vec<Document> {
    let mut documents = Vec::new();
    for file in &view.facts.dynamic {
        match Document::parse(&file.path, file.bytes.clone(), Format::Yaml) {
            Ok(document) => documents.push(document),
            Err(faults) => faults.iter().for_each(|fault| found.read(fault)),
        }
    }
    documents
}

type PlaceOf<'a> = dyn Fn(Cursor<'_>, Part) -> Place + 'a;

fn own_place(cursor: Cursor<'_>, part: Part) -> Place {
    let place = cursor.document().places(&[(cursor.node(), part)]).pop();
    place.unwrap_or_else(|| cursor.place())
}
