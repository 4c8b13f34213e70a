//! What a guest says of others: what it waits for, and what it is a clone of.

use super::{Guest, Guests};
use crate::document::{Cursor, Kind, NodeId};
use crate::names::{GuestId, GuestKind};

/// Another guest, as a guest's settings name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// The number; `None` where something else stands there.
    pub number: Option<u32>,
    /// Where it is named.
    pub node: NodeId,
}

impl Reference {
    /// Reads `1001` and `"1001"`.
    pub(super) fn read(cursor: Cursor<'_>) -> Self {
        let number = match cursor.kind() {
            Kind::String => cursor.as_str().and_then(|text| text.parse().ok()),
            _ => cursor
                .as_u64()
                .and_then(|number| u32::try_from(number).ok()),
        };
        Self {
            number,
            node: cursor.node(),
        }
    }

    /// A list of them, or a single one.
    pub(super) fn list(object: Cursor<'_>, key: &str) -> Vec<Self> {
        match object.get(key) {
            Some(list) if list.kind() == Kind::Array => list.items().map(Self::read).collect(),
            Some(null) if null.kind() == Kind::Null => Vec::new(),
            single => single.into_iter().map(Self::read).collect(),
        }
    }

    /// One of them; null is none.
    pub(super) fn one(object: Cursor<'_>, key: &str) -> Option<Self> {
        object
            .get(key)
            .filter(|found| found.kind() != Kind::Null)
            .map(Self::read)
    }
}

impl Guests {
    /// The guest of this number; Proxmox has one number for containers and machines alike.
    pub fn numbered(&self, number: u32) -> Option<&Guest> {
        [GuestKind::Lxc, GuestKind::Vm]
            .into_iter()
            .find_map(|kind| self.guest(GuestId { kind, id: number }))
    }

    /// The guests that this one waits for; those that are not of the site are left out.
    pub fn dependencies<'g>(&'g self, guest: &'g Guest) -> impl Iterator<Item = &'g Guest> {
        guest
            .dependencies
            .iter()
            .filter_map(|reference| self.numbered(reference.number?))
    }

    /// The guest that this one is a clone of, where it is one of the site.
    pub fn clone_source(&self, guest: &Guest) -> Option<&Guest> {
        let id = guest.clone_from?.number?;
        self.guest(GuestId {
            kind: guest.id.kind,
            id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Faults;
    use crate::document::{Document, Format};
    use crate::guests::{decode_lxcs, decode_vms};

    #[test]
    fn dependencies_and_sources_lead_to_their_guests() {
        let parse = |text: &str| Document::parse("t".as_ref(), text.into(), Format::Json).unwrap();
        let vms = parse(
            r#"{"vms": [{"vmid": 9000}, {"vmid": 1001, "clone_from_vmid": 9000, "dependencies": ["102", 103, "x"]}]}"#,
        );
        let lxcs = parse(
            r#"{"lxc_configs": {"102": {"clone_from_ctid": "9000", "dependencies": null}, "103": {"clone_from_ctid": "102", "dependencies": "1001"}}}"#,
        );
        let mut faults = Faults::new();
        let mut all = decode_vms(&vms, &mut faults);
        all.extend(decode_lxcs(&lxcs, &mut faults));
        assert!(faults.is_empty(), "{faults}");
        let guests = Guests(all);
        let waits = |id| -> Vec<u32> {
            let guest = guests.numbered(id).unwrap();
            guests
                .dependencies(guest)
                .map(|other| other.id.id)
                .collect()
        };
        assert_eq!(
            (waits(1001), waits(102), waits(103)),
            (vec![102, 103], vec![], vec![1001])
        );
        let source = |id| {
            guests
                .clone_source(guests.numbered(id)?)
                .map(|guest| guest.id)
        };
        assert_eq!(source(1001), Some(GuestId::vm(9000)));
        assert_eq!(source(103), Some(GuestId::lxc(102)));
        assert_eq!(source(102), None, "a container is no clone of a machine");
        assert_eq!(guests.numbered(1001).unwrap().dependencies[2].number, None);
    }
}
