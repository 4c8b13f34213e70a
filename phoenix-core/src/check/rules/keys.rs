//! Who can read keys: modes, mounts, exports, owners.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Found, View, mount_node, named, object};
use crate::check::finding::Deed;
use crate::document::Cursor;
use crate::guests::Guest;
use crate::manifest::Entry;
use crate::names::{FileMode, GuestKind, Owner};

pub(in crate::check) fn check<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let exports = exports(view);
    for located in &view.model.manifest.entries {
        let entry = &located.value;
        let cursor = view.manifest().cursor(located.node);
        modes(
            &entry.common_name.to_string(),
            entry.cert_mode,
            entry.key_mode,
            &entry.owner,
            cursor,
            found,
        );
        let targets = cursor.get("deploy").into_iter().flat_map(Cursor::items);
        for (target, cursor) in entry.deploy.iter().zip(targets) {
            let whose = format!("{} in {}", entry.common_name, target.guest);
            modes(
                &whose,
                target.cert_mode,
                target.key_mode,
                &target.owner,
                cursor,
                found,
            );
            if let Some(guest) = view.guest(target.guest) {
                mappable(view, guest, &target.owner, &whose, cursor, found);
            }
        }
        if let Some((guest, _)) = view.model.guests.mounted(&entry.key_path) {
            let whose = format!("{} in {}", entry.common_name, guest.id);
            mappable(view, guest, &entry.owner, &whose, cursor, found);
        }
        shared(view, entry, cursor, found);
        exported(view, entry, cursor, &exports, found);
    }
    two_paths(view, found);
    ca_directory(view, found);
}

fn modes<'m>(
    whose: &str,
    cert: FileMode,
    key: FileMode,
    owner: &Owner,
    cursor: Cursor<'m>,
    found: &mut Found<'m>,
) {
    let document = cursor.document();
    let own = cursor.get("key_permissions");
    if let (Some(stated), None) = (cursor.get("permissions"), own)
        && key != cert
    {
        found
            .add(
                "PX010",
                format!("found permissions {cert} of {whose}, which would open the key; the key gets {key}"),
            )
            .value(stated)
            .help(format!("\"key_permissions\": \"{key}\""))
            .fix(
                document,
                Deed::Insert(cursor.node(), "key_permissions", key.to_string().into()),
                format!("{whose}: `key_permissions` is {key}, as it is now"),
            );
    }
    let Some(own) = own.filter(|_| key.open_to_group()) else {
        return;
    };
    let crowd = ["nogroup", "users", "nobody"].contains(&owner.group.as_str());
    let writable = key.bits() & 0o020 != 0;
    if !crowd && !writable {
        return;
    }
    let narrower = if crowd {
        FileMode::PRIVATE
    } else {
        FileMode::new(key.bits() & 0o740)
    };
    let may = if writable { "write" } else { "read" };
    found
        .add(
            "PX027",
            format!("found key_permissions {key} of {whose}, which lets the group `{}` {may} it, expected {narrower}", owner.group),
        )
        .value(own)
        .fix(
            document,
            Deed::Set(own.node(), narrower.to_string().into()),
            format!("{whose}: `key_permissions` is {narrower}"),
        );
}

/// Guests that see the key beside the one that it is for.
fn shared<'m>(view: &View<'m>, entry: &Entry, cursor: Cursor<'m>, found: &mut Found<'m>) {
    let seen = view.seen_by(&entry.key_path);
    if seen.len() < 2 {
        return;
    }
    let length = |mounted: &super::Mounted<'m>| {
        let mount = &mounted.guest.mounts[mounted.index];
        view.model.on_host(&mount.host_path).as_os_str().len()
    };
    let Some(longest) = seen.iter().map(length).max() else {
        return;
    };
    let named_by_hook = |guest: &Guest| {
        entry.deploy.iter().any(|target| target.guest == guest.id)
            || entry.hook.as_ref().is_some_and(|hook| {
                hook.command
                    .argv()
                    .iter()
                    .any(|word| *word == guest.id.id.to_string())
            })
    };
    let is_consumer = |mounted: &super::Mounted<'m>| {
        if seen.iter().any(|mounted| named_by_hook(mounted.guest)) {
            named_by_hook(mounted.guest)
        } else {
            length(mounted) == longest
        }
    };
    let others: Vec<_> = seen
        .iter()
        .copied()
        .filter(|mounted| !mounted.guest.is_template && !is_consumer(mounted))
        .collect();
    if others.is_empty() {
        return;
    }
    let names: Vec<String> = others
        .iter()
        .map(|mounted| mounted.guest.id.to_string())
        .collect();
    let open = found.add(
        "PX028",
        format!(
            "found the key of {} in a directory that {} can read, too",
            entry.common_name,
            names.join(", ")
        ),
    );
    if let Some(path) = cursor.get("key_path") {
        open.value(path);
    }
    for mounted in others.into_iter().take(SHOWN) {
        if let Some(node) = mount_node(view, mounted) {
            open.and_value(node, format!("{} mounts it here", mounted.guest.id));
        }
    }
}

/// An NFS export: its path as the host mounts it, its clients, and where it is stated.
struct Export<'m> {
    path: PathBuf,
    clients: String,
    squashed: bool,
    at: Cursor<'m>,
}

fn exports<'m>(view: &View<'m>) -> Vec<Export<'m>> {
    let list = view.model.documents.host.root().at("/nfs/exports");
    list.into_iter()
        .flat_map(Cursor::items)
        .filter_map(|export| {
            let at = export.get("path")?;
            let texts = |key: &str| -> Vec<String> {
                let items = export.get(key).into_iter().flat_map(Cursor::items);
                items
                    .filter_map(|item| Some(item.as_str()?.into_owned()))
                    .collect()
            };
            Some(Export {
                path: view.model.on_host(Path::new(at.as_str()?.as_ref())),
                clients: texts("clients").join(", "),
                squashed: !texts("options")
                    .iter()
                    .any(|option| option == "no_root_squash"),
                at,
            })
        })
        .collect()
}

fn exported<'m>(
    view: &View<'m>,
    entry: &Entry,
    cursor: Cursor<'m>,
    exports: &[Export<'m>],
    found: &mut Found<'m>,
) {
    let key = view.model.on_host(&entry.key_path);
    let around = exports.iter().find(|export| key.starts_with(&export.path));
    let (Some(export), Some(stated)) = (around, cursor.get("key_path")) else {
        return;
    };
    let open = found.add(
        "PX029",
        format!(
            "found the key of {} on a file system that {} may mount",
            entry.common_name,
            if export.clients.is_empty() {
                "everybody"
            } else {
                &export.clients
            }
        ),
    );
    open.value(stated).and_value(export.at, "exported here");
    if !export.squashed {
        open.note("`no_root_squash`: root of each client is root there");
    }
    // Who uses the files where they lie would lose them; delivered ones are used where they are delivered to.
    let delivered = !entry.deploy.is_empty()
        && view.seen_by(&entry.cert_path).iter().all(|mounted| {
            entry
                .deploy
                .iter()
                .any(|target| target.guest == mounted.guest.id)
        });
    let (Some(cert), true) = (cursor.get("cert_path"), delivered) else {
        return;
    };
    let dir = Path::new(OWN_DIR).join(entry.slug().as_str());
    for (node, path) in [(cert, &entry.cert_path), (stated, &entry.key_path)] {
        let Some(name) = path.file_name() else {
            return;
        };
        let to = dir.join(name).to_string_lossy().into_owned();
        open.fix(
            cursor.document(),
            Deed::Set(node.node(), to.as_str().into()),
            format!("{}: {to}, which only root reads", entry.common_name),
        );
    }
    open.help("`--fix` moves the pair to a directory of root's; the next run issues it there, then remove the old files");
}

/// The owner must exist inside of a container with shifted ids.
fn mappable<'m>(
    view: &View<'m>,
    guest: &Guest,
    owner: &Owner,
    whose: &str,
    cursor: Cursor<'m>,
    found: &mut Found<'m>,
) {
    if guest.id.kind != GuestKind::Lxc || !guest.unprivileged {
        return;
    }
    let maps = object(view, guest).and_then(|object| object.get("id_maps"));
    let mapped = |kind: &str, id: u64| {
        id < SHIFTED
            || maps.into_iter().flat_map(Cursor::items).any(|map| {
                let number = |key: &str| map.get(key).and_then(Cursor::as_u64);
                let of_kind = map
                    .get("type")
                    .and_then(Cursor::as_str)
                    .is_some_and(|stated| stated == kind);
                let first = number("container_id").unwrap_or(0);
                of_kind && (first..first + number("size").unwrap_or(1)).contains(&id)
            })
    };
    for (kind, name) in [("uid", &owner.user), ("gid", &owner.group)] {
        let Some(id) = name.parse::<u64>().ok().filter(|id| !mapped(kind, *id)) else {
            continue;
        };
        let open = found.add(
            "PX030",
            format!("found {kind} {id} as owner of {whose}, expected one below {SHIFTED}: the container is unprivileged"),
        );
        open.value(cursor.get("owner").unwrap_or(cursor))
            .and_guest(view, guest);
    }
}

/// One dataset of a pool, named with and without the directory that storages are mounted in.
fn two_paths<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let base = &view.model.host.mount_base;
    let mut named: BTreeMap<String, [Option<Cursor<'m>>; 2]> = BTreeMap::new();
    let mut note = |cursor: Option<Cursor<'m>>| {
        let Some(text) = cursor.and_then(Cursor::as_str) else {
            return;
        };
        let path = Path::new(text.as_ref());
        let (form, rest) = match path.strip_prefix(base) {
            Ok(rest) => (0, rest),
            Err(_) => (1, path.strip_prefix("/").unwrap_or(path)),
        };
        if !path.is_absolute() {
            return;
        }
        let dataset: PathBuf = rest.components().take(2).collect();
        if dataset.components().count() == 2 {
            let forms = named
                .entry(dataset.to_string_lossy().into_owned())
                .or_default();
            forms[form] = forms[form].or(cursor);
        }
    };
    for located in &view.model.manifest.entries {
        let entry = view.manifest().cursor(located.node);
        note(entry.get("key_path"));
        note(entry.get("cert_path"));
    }
    for guest in &view.model.guests {
        let Some(object) = object(view, guest) else {
            continue;
        };
        for key in ["mount_points", "volumes"] {
            for mount in object.get(key).into_iter().flat_map(Cursor::items) {
                note(mount.get("host_path").or_else(|| mount.get("path")));
            }
        }
    }
    let exports = view.model.documents.host.root().at("/nfs/exports");
    for export in exports.into_iter().flat_map(Cursor::items) {
        note(export.get("path"));
    }
    for (dataset, forms) in named {
        if let [Some(long), Some(short)] = forms {
            found
                .add(
                    "PX031",
                    format!(
                        "found both {} and /{dataset} for one dataset, expected one of them",
                        base.join(&dataset).display()
                    ),
                )
                .value(short)
                .and_value(long, "by its other path here");
        }
    }
}

/// The directory with the CA's root and the provisioner's password is the CA's alone.
fn ca_directory<'m>(view: &View<'m>, found: &mut Found<'m>) {
    let cas: Vec<&Guest> = view
        .model
        .guests
        .iter()
        .filter(|guest| guest.is_step_ca())
        .collect();
    for ca in &cas {
        for mount in &ca.mounts {
            let seen = view.seen_by(&mount.host_path.join("x"));
            let others: Vec<_> = seen
                .into_iter()
                .filter(|mounted| !mounted.guest.is_template && !mounted.guest.is_step_ca())
                .collect();
            if others.is_empty() {
                continue;
            }
            let names: Vec<String> = others
                .iter()
                .take(SHOWN)
                .map(|mounted| named(mounted.guest))
                .collect();
            let more = others.len().saturating_sub(SHOWN);
            let open = found.add(
                "PX052",
                format!(
                    "found the directory of {} with its root and password mounted into {}{}",
                    named(ca),
                    names.join(", "),
                    if more > 0 {
                        format!(" and {more} more")
                    } else {
                        String::new()
                    }
                ),
            );
            for (index, mounted) in others.into_iter().take(SHOWN).enumerate() {
                if let Some(node) = mount_node(view, mounted) {
                    if index == 0 {
                        open.value(node);
                    } else {
                        open.and_value(node, format!("and into {}", mounted.guest.id));
                    }
                }
            }
        }
    }
}

/// Guests that are shown with their places; more are counted.
const SHOWN: usize = 8;
/// Ids inside of a container with shifted ids.
const SHIFTED: u64 = 65_536;
/// Where pairs lie that are used nowhere on the host.
const OWN_DIR: &str = "/etc/phoenix/pairs";
