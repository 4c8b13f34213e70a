//! Guests that name others: dependencies, sources of clones, numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Findings;
use crate::diagnostic::{Fault, Place};
use crate::document::NodeId;
use crate::guests::Guest;
use crate::model::Model;
use crate::names::GuestId;

pub(crate) fn check(model: &Model, findings: &mut Findings) {
    numbers(model, findings);
    for guest in &model.guests {
        for reference in &guest.dependencies {
            let known = reference
                .number
                .is_some_and(|number| model.guests.numbered(number).is_some());
            if !known {
                let found = literal(model, guest, reference.node);
                findings.push(
                    Fault::error(
                        "PX012",
                        format!(
                            "found {found} in the dependencies of {}, expected the number of a guest of the site",
                            guest.id
                        ),
                    )
                    .at(place(model, guest, reference.node)),
                );
            }
        }
        if let Some(reference) = guest.clone_from
            && model.guests.clone_source(guest).is_none()
        {
            let found = literal(model, guest, reference.node);
            findings.push(
                Fault::error(
                    "PX013",
                    format!(
                        "found {found} as the source of {}, expected the number of {}",
                        guest.id,
                        match guest.id.kind {
                            crate::names::GuestKind::Lxc => "a container of the site",
                            crate::names::GuestKind::Vm => "a virtual machine of the site",
                        }
                    ),
                )
                .at(place(model, guest, reference.node)),
            );
        }
    }
    circles(model, findings);
}

fn numbers(model: &Model, findings: &mut Findings) {
    let mut seen: BTreeMap<u32, &Guest> = BTreeMap::new();
    for guest in &model.guests {
        let Some(first) = seen.insert(guest.id.id, guest) else {
            continue;
        };
        let fault = Fault::error(
            "PX016",
            format!(
                "found the number {} for {} and {}, expected one of its own for each",
                guest.id.id,
                named(first),
                named(guest)
            ),
        )
        .at(place(model, guest, guest.node));
        findings.push(fault.at(place(model, first, first.node).with_label("first used here")));
    }
}

fn named(guest: &Guest) -> String {
    if guest.name.is_empty() {
        guest.id.to_string()
    } else {
        format!("{} ({})", guest.id, guest.name)
    }
}

/// Guests of which each waits for, or is a clone of, the next: none of them can be made or started first.
fn circles(model: &Model, findings: &mut Findings) {
    let mut done: BTreeSet<GuestId> = BTreeSet::new();
    for start in &model.guests {
        // A walk that keeps its way; what was seen without a circle is not walked again.
        let mut way: Vec<(&Guest, Vec<(&Guest, NodeId)>)> = Vec::new();
        let mut next = Some(start);
        loop {
            if let Some(guest) = next.take()
                && done.insert(guest.id)
            {
                way.push((guest, waits_for(model, guest)));
            }
            let Some((_, rest)) = way.last_mut() else {
                break;
            };
            let Some((other, node)) = rest.pop() else {
                way.pop();
                continue;
            };
            match way.iter().position(|(guest, _)| guest.id == other.id) {
                Some(from) => {
                    let mut words: Vec<String> = way[from..]
                        .iter()
                        .map(|(guest, _)| guest.id.to_string())
                        .collect();
                    words.push(other.id.to_string());
                    let last = way.last().map_or(start, |(guest, _)| guest);
                    findings.push(
                        Fault::error(
                            "PX014",
                            format!(
                                "found guests that wait for each other: {}",
                                words.join(" -> ")
                            ),
                        )
                        .at(place(model, last, node)),
                    );
                }
                None => next = Some(other),
            }
        }
    }
}

fn waits_for<'m>(model: &'m Model, guest: &'m Guest) -> Vec<(&'m Guest, NodeId)> {
    let dependencies = guest
        .dependencies
        .iter()
        .filter_map(|reference| Some((model.guests.numbered(reference.number?)?, reference.node)));
    let source = guest
        .clone_from
        .and_then(|reference| Some((model.guests.clone_source(guest)?, reference.node)));
    dependencies.chain(source).collect()
}

fn literal(model: &Model, guest: &Guest, node: NodeId) -> String {
    super::document(model, guest).map_or_else(String::new, |document| {
        document.cursor(node).literal().chars().take(40).collect()
    })
}

fn place(model: &Model, guest: &Guest, node: NodeId) -> Place {
    let host = || Place::file(model.documents.host.path());
    super::document(model, guest).map_or_else(host, |document| document.cursor(node).start_place())
}
