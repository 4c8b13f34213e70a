//! The ids of an unprivileged container, as the host numbers them.

use crate::document::Cursor;
use crate::names::Owner;

/// How a container's users and groups are numbered on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdMap {
    users: Vec<Range>,
    groups: Vec<Range>,
}

/// So many ids, from `inside` in the container and from `outside` on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    inside: u32,
    outside: u32,
    size: u32,
}

impl IdMap {
    /// Ids are the same on both sides.
    pub fn privileged() -> Self {
        let all = vec![Range {
            inside: 0,
            outside: 0,
            size: u32::MAX,
        }];
        Self {
            users: all.clone(),
            groups: all,
        }
    }

    /// Proxmox's map of unprivileged containers, 65,536 ids from 100,000 on, with what `id_maps` takes out of it.
    pub(super) fn unprivileged(id_maps: Option<Cursor<'_>>) -> Self {
        let shifted = Range {
            inside: 0,
            outside: 100_000,
            size: 65_536,
        };
        let mut map = Self {
            users: Vec::new(),
            groups: Vec::new(),
        };
        for item in id_maps
            .into_iter()
            .flat_map(|list| list.items().collect::<Vec<_>>())
        {
            let number = |key: &str| {
                let value = item.get(key)?;
                let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
                u32::try_from(number).ok()
            };
            let (Some(inside), Some(outside)) = (number("container_id"), number("host_id")) else {
                continue;
            };
            let size = number("size").unwrap_or(1);
            let range = Range {
                inside,
                outside,
                size,
            };
            match item.get("type").and_then(Cursor::as_str).as_deref() {
                Some("uid" | "u") => map.users.push(range),
                Some("gid" | "g") => map.groups.push(range),
                Some("both" | "b") => {
                    map.users.push(range);
                    map.groups.push(range);
                }
                _ => {}
            }
        }
        // The first range that holds an id decides.
        map.users.push(shifted);
        map.groups.push(shifted);
        map
    }

    /// The host's number of a user of the container; `None` when it has none.
    pub fn user(&self, inside: u32) -> Option<u32> {
        outside(&self.users, inside)
    }

    /// The host's number of a group of the container.
    pub fn group(&self, inside: u32) -> Option<u32> {
        outside(&self.groups, inside)
    }
}

/// The numbers of an owner in a container, where they are known without it: numbers, root, and a few that Debian has fixed.
pub fn ids_in_container(owner: &Owner) -> Option<(u32, u32)> {
    let number = |name: &str| match name {
        "root" => Some(0),
        "www-data" => Some(33),
        "nobody" => Some(65_534),
        name => name.parse().ok(),
    };
    let group = match owner.group.as_str() {
        "nogroup" => Some(65_534),
        "www-data" => Some(33),
        name => number(name),
    };
    Some((number(&owner.user)?, group?))
}

fn outside(ranges: &[Range], inside: u32) -> Option<u32> {
    ranges.iter().find_map(|range| {
        let offset = inside.checked_sub(range.inside)?;
        (offset < range.size).then(|| range.outside + offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Format};

    #[test]
    fn ids_are_shifted_but_those_that_the_site_takes_out() {
        let text = br#"[{"type": "gid", "host_id": 33, "container_id": 33, "size": 1}]"#;
        let document = Document::parse("x.json".as_ref(), text.to_vec(), Format::Json).unwrap();
        let map = IdMap::unprivileged(Some(document.root()));
        assert_eq!(map.user(0), Some(100_000));
        assert_eq!((map.user(33), map.group(33)), (Some(100_033), Some(33)));
        assert_eq!(
            (map.group(32), map.group(34)),
            (Some(100_032), Some(100_034))
        );
        assert_eq!((map.user(65_535), map.user(65_536)), (Some(165_535), None));
        assert_eq!(IdMap::privileged().user(70_000), Some(70_000));
    }

    #[test]
    fn only_owners_that_are_the_same_everywhere_are_known_without_asking() {
        let ids = |text: &str| ids_in_container(&text.parse().unwrap());
        assert_eq!(ids("root:www-data"), Some((0, 33)));
        assert_eq!(ids("101:5"), Some((101, 5)));
        assert_eq!(ids("traefik:root"), None);
    }
}
