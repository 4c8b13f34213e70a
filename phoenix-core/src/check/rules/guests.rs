//! Guests that name others: dependencies, sources of clones, numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, View, named};
use crate::document::{Cursor, NodeId, Part};
use crate::guests::Guest;
use crate::names::{GuestId, GuestKind};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    numbers(view, found);
    for guest in &view.model.guests {
        let Some(document) = view.document(guest) else {
            continue;
        };
        let literal =
            |node: NodeId| -> String { document.cursor(node).literal().chars().take(40).collect() };
        for reference in &guest.dependencies {
            let known = reference
                .number
                .is_some_and(|number| view.numbered(number).is_some());
            if !known {
                found
                    .add(
                        "PX012",
                        format!(
                            "found {} in the dependencies of {}, expected the number of a guest of the site",
                            literal(reference.node),
                            guest.id
                        ),
                    )
                    .at(document, reference.node, Part::Whole);
            }
        }
        if let Some(reference) = guest.clone_from
            && source(view, guest).is_none()
        {
            found
                .add(
                    "PX013",
                    format!(
                        "found {} as the source of {}, expected the number of {}",
                        literal(reference.node),
                        guest.id,
                        match guest.id.kind {
                            GuestKind::Lxc => "a container of the site",
                            GuestKind::Vm => "a virtual machine of the site",
                        }
                    ),
                )
                .at(document, reference.node, Part::Whole);
        }
    }
    circles(view, found);
    volumes(view, found);
}

/// Directories of the host that are mounted into guests by their numbers.
fn volumes<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let shared = view.model.documents.host.root().get("shared_volumes");
    for volume in shared.into_iter().flat_map(Cursor::entries) {
        let mounts = volume
            .value
            .get("mounts")
            .into_iter()
            .flat_map(Cursor::entries);
        for mount in mounts {
            let known = mount
                .key
                .parse()
                .is_ok_and(|number| view.numbered(number).is_some());
            if !known {
                found
                    .add(
                        "PX057",
                        format!("found a mount of {} into {}, expected the number of a guest of the site", volume.key, mount.key),
                    )
                    .at(mount.value.document(), mount.value.node(), Part::Key);
            }
        }
    }
}

fn numbers<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let mut seen: BTreeMap<u32, &Guest> = BTreeMap::new();
    for guest in &view.model.guests {
        let Some(first) = seen.insert(guest.id.id, guest) else {
            continue;
        };
        let open = found.add(
            "PX016",
            format!(
                "found the number {} for {} and {}, expected one of its own for each",
                guest.id.id,
                named(first),
                named(guest)
            ),
        );
        open.guest(view, guest);
        if let Some(document) = view.document(first) {
            open.and(document, first.node, "first used here");
        }
    }
}

fn source<'m>(view: &View<'m>, guest: &Guest) -> Option<&'m Guest> {
    let id = guest.clone_from?.number?;
    view.guest(GuestId {
        kind: guest.id.kind,
        id,
    })
}

/// Guests of which each waits for, or is a clone of, the next: none of them can be made or started first.
fn circles<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let mut done: BTreeSet<GuestId> = BTreeSet::new();
    for start in &view.model.guests {
        // A walk that keeps its way; what was seen without a circle is not walked again.
        let mut way: Vec<(&Guest, Vec<(&Guest, NodeId)>)> = Vec::new();
        let mut on_way: BTreeMap<GuestId, usize> = BTreeMap::new();
        let mut next = Some(start);
        loop {
            if let Some(guest) = next.take()
                && done.insert(guest.id)
            {
                on_way.insert(guest.id, way.len());
                way.push((guest, waits_for(view, guest)));
            }
            let Some((_, rest)) = way.last_mut() else {
                break;
            };
            let Some((other, node)) = rest.pop() else {
                if let Some((guest, _)) = way.pop() {
                    on_way.remove(&guest.id);
                }
                continue;
            };
            let Some(from) = on_way.get(&other.id) else {
                next = Some(other);
                continue;
            };
            let mut words: Vec<String> = way[*from..]
                .iter()
                .map(|(guest, _)| guest.id.to_string())
                .collect();
            words.push(other.id.to_string());
            let last = way.last().map_or(start, |(guest, _)| guest);
            let open = found.add(
                "PX014",
                format!(
                    "found guests that wait for each other: {}",
                    words.join(" -> ")
                ),
            );
            if let Some(document) = view.document(last) {
                open.at(document, node, Part::Whole);
            }
        }
    }
}

fn waits_for<'m>(view: &View<'m>, guest: &Guest) -> Vec<(&'m Guest, NodeId)> {
    let dependencies = guest
        .dependencies
        .iter()
        .filter_map(|reference| Some((view.numbered(reference.number?)?, reference.node)));
    let source = guest
        .clone_from
        .and_then(|reference| Some((source(view, guest)?, reference.node)));
    dependencies.chain(source).collect()
}
