//! The rules, one file per subject.

pub(super) mod addresses;
pub(super) mod connections;
pub(super) mod docker;
pub(super) mod documents;
pub(super) mod firewall;
pub(super) mod guests;
pub(super) mod hooks;
pub(super) mod keys;
pub(super) mod links;
pub(super) mod manifest;
pub(super) mod secrets;
pub(super) mod shadow;
pub(super) mod traefik;

use super::finding::{Found, Open};
use super::view::{Mounted, View};
use crate::document::{Cursor, Part};
use crate::guests::Guest;

impl<'m> Open<'m> {
    /// At a guest's description.
    fn guest(&mut self, view: &View<'m>, guest: &Guest) -> &mut Self {
        if let Some(document) = view.document(guest) {
            self.at(document, guest.node, Part::Start);
        }
        self
    }

    /// A guest's description as another place.
    fn and_guest(&mut self, view: &View<'m>, guest: &Guest) -> &mut Self {
        let label = format!("{} is described here", guest.id);
        if let Some(document) = view.document(guest) {
            self.and(document, guest.node, label);
        }
        self
    }

    /// At this value.
    fn value(&mut self, cursor: Cursor<'m>) -> &mut Self {
        self.at(cursor.document(), cursor.node(), Part::Whole)
    }

    /// This value as another place.
    fn and_value(&mut self, cursor: Cursor<'m>, label: impl Into<String>) -> &mut Self {
        self.spot(
            cursor.document(),
            cursor.node(),
            Part::Whole,
            Some(label.into()),
        )
    }

    /// Where this begins: for something that is missing in it.
    fn start(&mut self, cursor: Cursor<'m>) -> &mut Self {
        self.at(cursor.document(), cursor.node(), Part::Start)
    }
}

/// With the guest's name, where it has one.
fn named(guest: &Guest) -> String {
    if guest.name.is_empty() {
        guest.id.to_string()
    } else {
        format!("{} ({})", guest.id, guest.name)
    }
}

/// A guest's own object.
fn object<'m>(view: &View<'m>, guest: &Guest) -> Option<Cursor<'m>> {
    view.document(guest)
        .map(|document| document.cursor(guest.node))
}

/// The member of a guest's description that says that it mounts a directory.
fn mount_node<'m>(view: &View<'m>, mounted: Mounted<'m>) -> Option<Cursor<'m>> {
    let wanted = &mounted.guest.mounts[mounted.index].host_path;
    let object = object(view, mounted.guest)?;
    ["mount_points", "volumes"]
        .into_iter()
        .filter_map(|key| object.get(key))
        .flat_map(Cursor::items)
        .find_map(|mount| {
            let path = mount.get("host_path").or_else(|| mount.get("path"))?;
            (path.as_str().as_deref() == wanted.to_str()).then_some(path)
        })
}
