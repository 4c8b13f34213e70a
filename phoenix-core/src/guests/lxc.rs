//! Containers: `etc/phoenix_lxc_configs.json`.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{Guest, Mount, common, text};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Document, Kind};
use crate::names::GuestId;

/// Reads all containers; a container with a fault is left out and reported.
pub fn decode_lxcs(document: &Document, faults: &mut Faults) -> Vec<Guest> {
    let root = document.root();
    let Some(map) = root
        .get("lxc_configs")
        .filter(|map| map.kind() == Kind::Object)
    else {
        faults.push(
            Fault::error(
                "lxcs-missing",
                "found no object `lxc_configs`, expected the containers by their ids",
            )
            .at(root.get("lxc_configs").unwrap_or(root).start_place()),
        );
        return Vec::new();
    };
    let mut guests: Vec<Guest> = Vec::new();
    let mut places: HashMap<u32, usize> = HashMap::new();
    for entry in map.entries() {
        let Ok(id) = entry.key.parse::<u32>() else {
            faults.push(
                Fault::error(
                    "ctid",
                    format!(
                        "found container id `{}`, expected a whole number",
                        entry.key
                    ),
                )
                .at(entry.key_place()),
            );
            continue;
        };
        let lxc = entry.value;
        if let Some(mut guest) = common(lxc, GuestId::lxc(id), faults) {
            guest.unprivileged = lxc
                .get("unprivileged")
                .and_then(Cursor::as_bool)
                .unwrap_or(false);
            if guest.unprivileged {
                guest.ids = super::IdMap::unprivileged(lxc.get("id_maps"));
            }
            guest.mounts = lxc
                .get("mount_points")
                .into_iter()
                .flat_map(|list| list.items().collect::<Vec<_>>())
                .filter_map(mount_point)
                .collect();
            // An id given twice means what its last object says, as every JSON reader has it.
            match places.insert(id, guests.len()) {
                None => guests.push(guest),
                Some(earlier) => {
                    guests[earlier] = guest;
                    places.insert(id, earlier);
                }
            }
        }
    }
    guests
}

fn mount_point(mount: Cursor<'_>) -> Option<Mount> {
    Some(Mount {
        host_path: PathBuf::from(text(mount, "host_path")?),
        guest_path: PathBuf::from(text(mount, "container_path")?),
        nfs: false,
    })
}
