//! Virtual machines: `etc/phoenix_vm_configs.json`.

use std::path::PathBuf;

use super::{Guest, Mount, common, text};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Document, Kind};
use crate::names::GuestId;

/// Reads all virtual machines; a machine with a fault is left out and reported.
pub fn decode_vms(document: &Document, faults: &mut Faults) -> Vec<Guest> {
    let root = document.root();
    let Some(list) = root.get("vms").filter(|list| list.kind() == Kind::Array) else {
        faults.push(
            Fault::error(
                "vms-missing",
                "found no array `vms`, expected the list of virtual machines",
            )
            .at(root.get("vms").unwrap_or(root).start_place()),
        );
        return Vec::new();
    };
    list.items()
        .filter_map(|vm| decode_vm(vm, faults))
        .collect()
}

fn decode_vm(vm: Cursor<'_>, faults: &mut Faults) -> Option<Guest> {
    let id = vm
        .get("vmid")
        .and_then(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()));
    let Some(id) = id else {
        faults.push(
            Fault::error("vmid", "found no usable `vmid`, expected a whole number").at(vm
                .get("vmid")
                .map_or_else(|| vm.start_place(), Cursor::place)),
        );
        return None;
    };
    let mut guest = common(vm, GuestId::vm(id), faults)?;
    guest.mounts = vm
        .get("volumes")
        .into_iter()
        .flat_map(|list| list.items().collect::<Vec<_>>())
        .filter_map(volume)
        .collect();
    Some(guest)
}

/// A volume of the host that the machine mounts by NFS: the host's own path is what it exports.
fn volume(volume: Cursor<'_>) -> Option<Mount> {
    Some(Mount {
        host_path: PathBuf::from(text(volume, "path")?),
        guest_path: PathBuf::from(text(volume, "mount_point")?),
        nfs: text(volume, "type").as_deref() == Some("nfs"),
    })
}
