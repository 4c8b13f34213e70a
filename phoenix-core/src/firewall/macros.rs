//! Proxmox's macros: names for sets of protocols and ports.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use serde::{Serialize, Serializer};

use super::{Family, IcmpType, Ports, Protocol};
use crate::diagnostic::nearest;

/// A macro that Proxmox knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Macro(&'static str);

/// One thing that a macro stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MacroPart {
    /// Protocol.
    pub proto: Protocol,
    /// Ports; empty means every port.
    pub ports: Ports,
    /// Source ports.
    pub source_ports: Ports,
    /// Kind of ICMP message.
    pub icmp_type: Option<IcmpType>,
}

#[derive(Default)]
struct Entry {
    v4: Vec<MacroPart>,
    v6: Vec<MacroPart>,
}

impl Macro {
    /// Its name in Proxmox's spelling.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// What it stands for in this family of addresses; nothing where the family does not have it.
    pub fn parts(self, family: Family) -> &'static [MacroPart] {
        table().get(self.0).map_or(&[], |entry| match family {
            Family::V4 => &entry.v4,
            Family::V6 => &entry.v6,
        })
    }
}

/// A name that no macro has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found unknown macro `{found}`, expected one of Proxmox's such as `SSH` or `Ping`{}", like.map(|like| format!(": did you mean `{like}`?")).unwrap_or_default())]
pub struct MacroError {
    found: String,
    like: Option<&'static str>,
}

impl FromStr for Macro {
    type Err = MacroError;

    /// Case does not matter, as in Proxmox.
    fn from_str(text: &str) -> Result<Self, MacroError> {
        let mut names: Vec<&'static str> = table().keys().copied().collect();
        names.sort_unstable();
        names
            .iter()
            .find(|name| name.eq_ignore_ascii_case(text))
            .map(|name| Self(name))
            .ok_or_else(|| MacroError {
                found: text.to_owned(),
                like: nearest(text, names.iter().copied()),
            })
    }
}

impl fmt::Display for Macro {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for Macro {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

fn table() -> &'static HashMap<&'static str, Entry> {
    static TABLE: OnceLock<HashMap<&'static str, Entry>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = HashMap::new();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, rest)) = line.split_once(' ') else {
                continue;
            };
            let parts = |text: &str| text.split_whitespace().filter_map(part).collect();
            let entry = match rest.split_once('|') {
                Some((v4, v6)) => Entry {
                    v4: parts(v4),
                    v6: parts(v6),
                },
                None => Entry {
                    v4: parts(rest),
                    v6: parts(rest),
                },
            };
            table.insert(name, entry);
        }
        table
    })
}

/// Reads `udp/67:68<67:68`, `47`, `icmp/echo-request`; `-` is nothing.
fn part(text: &str) -> Option<MacroPart> {
    let (rest, source_ports) = match text.split_once('<') {
        Some((rest, ports)) => (rest, ports.parse().ok()?),
        None => (text, Ports::default()),
    };
    let (proto, detail) = match rest.split_once('/') {
        Some((proto, detail)) => (proto, Some(detail)),
        None => (rest, None),
    };
    let proto: Protocol = proto.parse().ok()?;
    let (mut ports, mut icmp_type) = (Ports::default(), None);
    match detail {
        Some(detail) if proto.is_icmp() => icmp_type = Some(detail.parse().ok()?),
        Some(detail) => ports = detail.parse().ok()?,
        None => {}
    }
    Some(MacroPart {
        proto,
        ports,
        source_ports,
        icmp_type,
    })
}

const TEXT: &str = include_str!("macros.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read_whole() {
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let words = line.split_whitespace().skip(1);
            for word in words.filter(|word| !["-", "|"].contains(word)) {
                assert!(part(word).is_some(), "{line}");
            }
        }
        assert!(table().len() > 80);
    }

    #[test]
    fn names_are_found_without_case_and_slips_are_named() {
        let ssh: Macro = "ssh".parse().unwrap();
        assert_eq!(ssh.name(), "SSH");
        assert_eq!(ssh.parts(Family::V6)[0].ports.to_string(), "22");
        let ping: Macro = "Ping".parse().unwrap();
        assert_eq!(ping.parts(Family::V6)[0].proto.to_string(), "icmpv6");
        let ndp: Macro = "NeighborDiscovery".parse().unwrap();
        assert!(ndp.parts(Family::V4).is_empty());
        let error = "HTTPSS".parse::<Macro>().unwrap_err().to_string();
        assert!(error.ends_with("did you mean `HTTPS`?"), "{error}");
    }
}
