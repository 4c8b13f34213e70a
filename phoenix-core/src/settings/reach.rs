//! Guests on other machines: `[guests."vm:1001"]` with `node` or `ssh`, and `[ssh]` for all of them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{known, path, string, table};
use crate::diagnostic::{Fault, Faults};
use crate::document::{Cursor, Kind};
use crate::names::{GuestId, SshDestination};

/// How a guest is reached that is not this host's own.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// By `pct` or `qm` of another node of the cluster.
    Node(SshDestination),
    /// Directly.
    Ssh(SshDestination),
}

/// `[ssh]`: files of the host; OpenSSH's own where nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshSettings {
    /// The private key.
    pub identity: Option<PathBuf>,
    /// The host keys that are known.
    pub known_hosts: Option<PathBuf>,
}

pub(super) fn decode(
    root: Cursor<'_>,
    faults: &mut Faults,
) -> (BTreeMap<GuestId, Reach>, SshSettings) {
    let mut reach = BTreeMap::new();
    for entry in table(root, "guests", faults)
        .into_iter()
        .flat_map(|guests| guests.entries().collect::<Vec<_>>())
    {
        let guest = entry.key.parse::<GuestId>().map_err(|error| {
            faults.push(Fault::error("settings", error.to_string()).at(entry.key_place()));
        });
        if entry.value.kind() != Kind::Object {
            let found = format!(
                "found {} as `{}`, expected a table",
                entry.value.literal(),
                entry.key
            );
            faults.push(Fault::error("settings", found).at(entry.value.place()));
            continue;
        }
        known(entry.value, &["node", "ssh"], faults);
        let node = string(entry.value, "node", faults)
            .and_then(|name| destination(entry.value, "node", &format!("root@{name}"), faults));
        let ssh = string(entry.value, "ssh", faults)
            .and_then(|text| destination(entry.value, "ssh", &text, faults));
        let way = match (node, ssh) {
            (Some(node), None) => Some(Reach::Node(node)),
            (None, Some(ssh)) => Some(Reach::Ssh(ssh)),
            (Some(_), Some(_)) => {
                let words = "found both `node` and `ssh`, expected one of them";
                faults.push(Fault::error("settings", words).at(entry.key_place()));
                None
            }
            (None, None) => None,
        };
        if let (Ok(guest), Some(way)) = (guest, way) {
            reach.insert(guest, way);
        }
    }
    let mut settings = SshSettings::default();
    if let Some(ssh) = table(root, "ssh", faults) {
        known(ssh, &["identity", "known_hosts"], faults);
        settings.identity = path(ssh, "identity", faults);
        settings.known_hosts = path(ssh, "known_hosts", faults);
    }
    (reach, settings)
}

fn destination(
    table: Cursor<'_>,
    name: &str,
    text: &str,
    faults: &mut Faults,
) -> Option<SshDestination> {
    match text.parse() {
        Ok(destination) => Some(destination),
        Err(error) => {
            let error: crate::names::NameError = error;
            let at = table.get(name).unwrap_or(table);
            faults.push(Fault::error("settings", error.to_string()).at(at.place()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::document::{Document, Format};
    use crate::settings::{Reach, Settings};

    fn read(text: &str) -> Result<Settings, String> {
        let document = Document::parse("s.toml".as_ref(), text.into(), Format::Toml).unwrap();
        Settings::decode(&document).map_err(|faults| {
            let helps: Vec<&str> = faults
                .iter()
                .filter_map(|fault| fault.help.as_deref())
                .collect();
            format!("{faults} {}", helps.join(" "))
        })
    }

    #[test]
    fn a_guest_is_reached_by_its_node_or_directly() {
        let settings = read(
            "[guests.\"vm:1001\"]\nssh = \"root@10.0.0.111:2222\"\n[guests.\"lxc:7\"]\nnode = \"pve2\"\n[ssh]\nidentity = \"/root/key\"\n",
        )
        .unwrap();
        let ways: Vec<String> = settings
            .reach
            .iter()
            .map(|(guest, way)| match way {
                Reach::Node(at) => format!("{guest} by {at}"),
                Reach::Ssh(at) => format!("{guest} at {at}"),
            })
            .collect();
        assert_eq!(
            ways,
            ["lxc:7 by root@pve2", "vm:1001 at root@10.0.0.111:2222"]
        );
        assert_eq!(settings.ssh.identity.as_deref(), Some("/root/key".as_ref()));
    }

    #[test]
    fn what_is_no_guest_or_no_destination_is_a_fault_with_its_place() {
        for (text, words) in [
            ("[guests.web]\nnode = \"a\"", "web"),
            ("[guests]\n\"vm:1\" = 3", "expected a table"),
            (
                "[guests.\"vm:1\"]\nssh = \"-oProxyCommand=x@h\"",
                "a destination such as",
            ),
            ("[guests.\"vm:1\"]\nnode = \"a b\"", "a destination such as"),
            (
                "[guests.\"vm:1\"]\nnode = \"a\"\nssh = \"root@b\"",
                "both `node` and `ssh`",
            ),
            ("[guests.\"vm:1\"]\nnodes = \"a\"", "did you mean `node`?"),
        ] {
            let said = read(text).unwrap_err();
            assert!(
                said.contains(words) && said.contains("s.toml:"),
                "{text}: {said}"
            );
        }
    }
}
