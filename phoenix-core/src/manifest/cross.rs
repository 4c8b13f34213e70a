//! What no field shows alone: names and paths used twice, `after` that leads nowhere or in a circle.
//!
//! Read from the text rather than from decoded entries, so that an entry with another fault still counts: all faults of
//! a file come at once, and none because of another.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Kind};
use crate::names::GuestId;

/// Checks all entries against each other.
pub(super) fn check(root: Cursor<'_>, faults: &mut Faults) {
    let entries: Vec<Cursor<'_>> = root
        .items()
        .filter(|item| item.kind() == Kind::Object)
        .collect();
    let mut names: BTreeMap<String, Cursor<'_>> = BTreeMap::new();
    let mut paths: BTreeMap<(Option<GuestId>, PathBuf), Use<'_>> = BTreeMap::new();
    for entry in &entries {
        if let Some((name, at)) = text(*entry, "common_name") {
            match names.entry(name.to_ascii_lowercase()) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(at);
                }
                std::collections::btree_map::Entry::Occupied(first) => faults.push(
                    Fault::error(
                        "manifest-twice",
                        format!("found the common_name `{name}` twice, expected each once"),
                    )
                    .at(at.place())
                    .at(first.get().place().with_label("first used here")),
                ),
            }
        }
        for used in uses(*entry) {
            let place = (used.guest, PathBuf::from(used.path.as_ref()));
            if let Some(first) = paths.get(&place) {
                faults.extend(collision(first, &used));
            } else {
                paths.insert(place, used);
            }
        }
    }
    after(&entries, faults);
    clients(&entries, faults);
}

/// A path that an entry has something written to.
struct Use<'d> {
    entry: Cursor<'d>,
    guest: Option<GuestId>,
    path: Cow<'d, str>,
    at: Cursor<'d>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Ca,
    Cert,
    Key,
}

impl Role {
    fn noun(self) -> &'static str {
        match self {
            Self::Ca => "root",
            Self::Cert => "certificate",
            Self::Key => "key",
        }
    }
}

fn uses(entry: Cursor<'_>) -> Vec<Use<'_>> {
    let own = [
        ("cert_path", Role::Cert),
        ("key_path", Role::Key),
        ("ca_path", Role::Ca),
    ];
    let there = [("cert", Role::Cert), ("key", Role::Key), ("ca", Role::Ca)];
    let mut objects = vec![(entry, None, own)];
    for target in entry.get("deploy").into_iter().flat_map(Cursor::items) {
        let guest = text(target, "guest").and_then(|(guest, _)| guest.parse().ok());
        objects.extend(guest.map(|guest| (target, Some(guest), there)));
    }
    let mut all = Vec::new();
    for (object, guest, fields) in objects {
        for (field, role) in fields {
            all.extend(text(object, field).map(|(path, at)| Use {
                entry,
                guest,
                path,
                at,
                role,
            }));
        }
    }
    all
}

/// Two uses of one path; the root alone may be written to one place for several.
fn collision(first: &Use<'_>, second: &Use<'_>) -> Faults {
    if first.role == Role::Ca && second.role == Role::Ca {
        return Faults::new();
    }
    let (is, was) = (second.role.noun(), first.role.noun());
    let fault = if first.entry.node() == second.entry.node() {
        let message = if first.role == second.role {
            format!("found one path for two {is}s, expected each once")
        } else {
            format!("found one path for {was} and {is}, expected two")
        };
        Fault::error("manifest-same-path", message)
    } else {
        let name = |used: &Use<'_>| {
            text(used.entry, "common_name")
                .map_or_else(|| used.entry.pointer(), |(name, _)| name.into_owned())
        };
        let whose = name(second);
        let found = second.guest.map_or_else(
            || format!("`{}`", second.path),
            |guest| format!("`{}` in {guest}", second.path),
        );
        Fault::error(
            "manifest-twice",
            format!(
                "found {found} as the {is} of {whose}, expected a path of its own: it is the {was} of {}",
                name(first)
            ),
        )
    };
    Faults::from(
        fault
            .at(second.at.place())
            .at(first.at.place().with_label("first used here")),
    )
}

/// `verify.client` names an entry.
fn clients(entries: &[Cursor<'_>], faults: &mut Faults) {
    let names = || {
        entries
            .iter()
            .filter_map(|entry| text(*entry, "common_name"))
    };
    for entry in entries {
        let verify = entry
            .get("verify")
            .filter(|node| node.kind() == Kind::Object);
        let Some((client, at)) = verify.and_then(|verify| text(verify, "client")) else {
            continue;
        };
        if names().any(|(name, _)| name == client) {
            continue;
        }
        let all: Vec<Cow<'_, str>> = names().map(|(name, _)| name).collect();
        let fault = Fault::error(
            "manifest-client-unknown",
            format!(
                "found `{client}` as the client of `verify`, expected the common_name of an entry"
            ),
        )
        .at(at.place());
        let near = crate::diagnostic::nearest(&client, all.iter().map(Cow::as_ref));
        faults.push(match near {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault,
        });
    }
}

fn after(entries: &[Cursor<'_>], faults: &mut Faults) {
    let names: BTreeSet<Cow<'_, str>> = entries
        .iter()
        .filter_map(|entry| text(*entry, "common_name"))
        .map(|(name, _)| name)
        .collect();
    let mut waits = Waits::new();
    for entry in entries {
        let Some((name, _)) = text(*entry, "common_name") else {
            continue;
        };
        for item in entry.get("after").into_iter().flat_map(Cursor::items) {
            let Some(other) = item.as_str() else {
                continue;
            };
            if names.contains(&other) {
                waits.entry(name.clone()).or_default().push((other, item));
                continue;
            }
            let fault = Fault::error(
                "manifest-after-unknown",
                format!("found `{other}` in `after`, expected the common_name of an entry"),
            )
            .at(item.place());
            let near = crate::diagnostic::nearest(&other, names.iter().map(Cow::as_ref));
            faults.push(match near {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            });
        }
    }
    circles(&waits, faults);
}

/// A walk along what waits for what; where it comes back to its own way there is a circle.
fn circles(waits: &Waits<'_>, faults: &mut Faults) {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut on_way: BTreeMap<&str, usize> = BTreeMap::new();
    for start in waits.keys() {
        let mut way: Vec<(&str, std::slice::Iter<'_, _>)> = Vec::new();
        let mut next: Option<&str> = Some(start);
        loop {
            if let Some(name) = next.take()
                && done.insert(name)
            {
                on_way.insert(name, way.len());
                let others = waits.get(name).map_or(&[][..], Vec::as_slice);
                way.push((name, others.iter()));
            }
            let Some((name, rest)) = way.last_mut() else {
                break;
            };
            let Some((other, at)) = rest.next() else {
                on_way.remove(name);
                way.pop();
                continue;
            };
            let other: &str = other;
            let Some(from) = on_way.get(other) else {
                next = Some(other);
                continue;
            };
            let mut words: Vec<&str> = way[*from..].iter().map(|(name, _)| *name).collect();
            words.push(other);
            faults.push(
                Fault::error(
                    "manifest-after-circle",
                    format!(
                        "found entries that wait for each other: {}",
                        words.join(" -> ")
                    ),
                )
                .at(at.place()),
            );
        }
    }
}

/// Which names a name waits for, and where that is said.
type Waits<'d> = BTreeMap<Cow<'d, str>, Vec<(Cow<'d, str>, Cursor<'d>)>>;

/// A member that is text, and where it stands.
pub(super) fn text<'d>(object: Cursor<'d>, field: &str) -> Option<(Cow<'d, str>, Cursor<'d>)> {
    let at = object.get(field)?;
    Some((at.as_str()?, at))
}
