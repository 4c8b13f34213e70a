//! IP protocols, and the kinds of ICMP messages.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::Family;
use crate::diagnostic::nearest;

/// A protocol, by name or number.
#[derive(Debug, Clone)]
pub struct Protocol {
    number: u8,
    written: Cow<'static, str>,
}

impl Protocol {
    /// Its number in the IP header.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Whether its packets have ports.
    pub fn has_ports(&self) -> bool {
        [TCP, UDP, 33, 132, 136].contains(&self.number)
    }

    /// Whether it is ICMP of either family.
    pub fn is_icmp(&self) -> bool {
        [ICMP, ICMPV6].contains(&self.number)
    }

    /// The family of addresses that a protocol exists in only.
    pub fn family(&self) -> Option<Family> {
        match self.number {
            ICMP => Some(Family::V4),
            ICMPV6 => Some(Family::V6),
            _ => None,
        }
    }
}

/// TCP's number.
pub const TCP: u8 = 6;
/// UDP's number.
pub const UDP: u8 = 17;
/// ICMP's number.
pub const ICMP: u8 = 1;
/// The number of ICMP for IPv6.
pub const ICMPV6: u8 = 58;
/// IGMP's number.
pub const IGMP: u8 = 2;

/// `tcp` and `6` are one protocol.
impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Protocol {}

/// A text that names no protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found protocol `{found}`, expected one such as `tcp`, `udp` or `icmp`{}", like.map(|like| format!(": did you mean `{like}`?")).unwrap_or_default())]
pub struct ProtocolError {
    found: String,
    like: Option<&'static str>,
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        if let Ok(number) = text.parse() {
            return Ok(Self {
                number,
                written: text.to_owned().into(),
            });
        }
        match PROTOCOLS.binary_search_by_key(&text, |(name, _)| name) {
            Ok(at) => Ok(Self {
                number: PROTOCOLS[at].1,
                written: PROTOCOLS[at].0.into(),
            }),
            Err(_) => Err(ProtocolError {
                found: text.to_owned(),
                like: nearest(
                    &text.to_ascii_lowercase(),
                    PROTOCOLS.iter().map(|(name, _)| *name),
                ),
            }),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Serialize for Protocol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A kind of ICMP message, by name; `.fw` files of old may have its number in the place of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IcmpType(String);

impl IcmpType {
    /// Reads a name, or a number from 0 to 255, which Proxmox takes only in the place of a port.
    pub fn parse_port(text: &str) -> Option<Self> {
        match text.parse::<u8>() {
            Ok(number) => Some(Self(number.to_string())),
            Err(_) => text.parse().ok(),
        }
    }

    /// Whether it is a number.
    pub fn is_number(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_digit())
    }

    /// Type and code in this family: the code is absent where every code is meant.
    ///
    /// `None` when the family has no such kind; `any` is type `None`.
    pub fn numbers(&self, family: Family) -> Option<(Option<u8>, Option<u8>)> {
        if let Ok(number) = self.0.parse() {
            return Some((Some(number), None));
        }
        if family == Family::V4 && self.0 == "any" {
            return Some((None, None));
        }
        let table = match family {
            Family::V4 => ICMP_TYPES,
            Family::V6 => ICMPV6_TYPES,
        };
        table
            .iter()
            .find(|(name, ..)| *name == self.0)
            .map(|(_, kind, code)| (Some(*kind), *code))
    }
}

/// A text that names no kind of ICMP message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found icmp-type `{found}`, expected one such as `echo-request`{}", like.map(|like| format!(": did you mean `{like}`?")).unwrap_or_default())]
pub struct IcmpTypeError {
    found: String,
    like: Option<&'static str>,
}

impl FromStr for IcmpType {
    type Err = IcmpTypeError;

    fn from_str(text: &str) -> Result<Self, IcmpTypeError> {
        let names = || {
            ICMP_TYPES
                .iter()
                .chain(ICMPV6_TYPES)
                .map(|(name, ..)| *name)
                .chain(["any"])
        };
        if names().any(|name| name == text) {
            return Ok(Self(text.to_owned()));
        }
        Err(IcmpTypeError {
            found: text.to_owned(),
            like: nearest(text, names()),
        })
    }
}

impl fmt::Display for IcmpType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for IcmpType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Protocols by the names that `/etc/protocols` gives them, and `icmpv6`; in the order of their names.
const PROTOCOLS: &[(&str, u8)] = &[
    ("ah", 51),
    ("dccp", 33),
    ("egp", 8),
    ("eigrp", 88),
    ("encap", 98),
    ("esp", 50),
    ("etherip", 97),
    ("fc", 133),
    ("ggp", 3),
    ("gre", 47),
    ("hip", 139),
    ("hmp", 20),
    ("icmp", ICMP),
    ("icmpv6", ICMPV6),
    ("idpr-cmtp", 38),
    ("idrp", 45),
    ("igmp", IGMP),
    ("igp", 9),
    ("ip", 0),
    ("ipcomp", 108),
    ("ipencap", 4),
    ("ipip", 94),
    ("ipv6", 41),
    ("ipv6-frag", 44),
    ("ipv6-icmp", ICMPV6),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("ipv6-route", 43),
    ("isis", 124),
    ("iso-tp4", 29),
    ("l2tp", 115),
    ("manet", 138),
    ("mobility-header", 135),
    ("mpls-in-ip", 137),
    ("mptcp", 6),
    ("ospf", 89),
    ("pim", 103),
    ("pup", 12),
    ("rdp", 27),
    ("rohc", 142),
    ("rspf", 73),
    ("rsvp", 46),
    ("sctp", 132),
    ("shim6", 140),
    ("skip", 57),
    ("st", 5),
    ("tcp", TCP),
    ("udp", UDP),
    ("udplite", 136),
    ("vmtp", 81),
    ("vrrp", 112),
    ("wesp", 141),
    ("xns-idp", 22),
    ("xtp", 36),
];

/// RFC 792 and its like, by the names that iptables knows: type, and code where one is meant.
const ICMP_TYPES: &[(&str, u8, Option<u8>)] = &[
    ("echo-reply", 0, None),
    ("destination-unreachable", 3, None),
    ("network-unreachable", 3, Some(0)),
    ("host-unreachable", 3, Some(1)),
    ("protocol-unreachable", 3, Some(2)),
    ("port-unreachable", 3, Some(3)),
    ("fragmentation-needed", 3, Some(4)),
    ("source-route-failed", 3, Some(5)),
    ("network-unknown", 3, Some(6)),
    ("host-unknown", 3, Some(7)),
    ("network-prohibited", 3, Some(9)),
    ("host-prohibited", 3, Some(10)),
    ("TOS-network-unreachable", 3, Some(11)),
    ("TOS-host-unreachable", 3, Some(12)),
    ("communication-prohibited", 3, Some(13)),
    ("host-precedence-violation", 3, Some(14)),
    ("precedence-cutoff", 3, Some(15)),
    ("source-quench", 4, None),
    ("redirect", 5, None),
    ("network-redirect", 5, Some(0)),
    ("host-redirect", 5, Some(1)),
    ("TOS-network-redirect", 5, Some(2)),
    ("TOS-host-redirect", 5, Some(3)),
    ("echo-request", 8, None),
    ("router-advertisement", 9, None),
    ("router-solicitation", 10, None),
    ("time-exceeded", 11, None),
    ("ttl-zero-during-transit", 11, Some(0)),
    ("ttl-zero-during-reassembly", 11, Some(1)),
    ("parameter-problem", 12, None),
    ("ip-header-bad", 12, Some(0)),
    ("required-option-missing", 12, Some(1)),
    ("timestamp-request", 13, None),
    ("timestamp-reply", 14, None),
    ("address-mask-request", 17, None),
    ("address-mask-reply", 18, None),
];

/// RFC 4443 and RFC 4861, by the names that ip6tables knows.
const ICMPV6_TYPES: &[(&str, u8, Option<u8>)] = &[
    ("destination-unreachable", 1, None),
    ("no-route", 1, Some(0)),
    ("communication-prohibited", 1, Some(1)),
    ("beyond-scope", 1, Some(2)),
    ("address-unreachable", 1, Some(3)),
    ("port-unreachable", 1, Some(4)),
    ("failed-policy", 1, Some(5)),
    ("reject-route", 1, Some(6)),
    ("packet-too-big", 2, None),
    ("time-exceeded", 3, None),
    ("ttl-zero-during-transit", 3, Some(0)),
    ("ttl-zero-during-reassembly", 3, Some(1)),
    ("parameter-problem", 4, None),
    ("bad-header", 4, Some(0)),
    ("unknown-header-type", 4, Some(1)),
    ("unknown-option", 4, Some(2)),
    ("echo-request", 128, None),
    ("echo-reply", 129, None),
    ("router-solicitation", 133, None),
    ("router-advertisement", 134, None),
    ("neighbor-solicitation", 135, None),
    ("neighbour-solicitation", 135, None),
    ("neighbor-advertisement", 136, None),
    ("neighbour-advertisement", 136, None),
    ("redirect", 137, None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_of_the_table_is_found() {
        for (name, number) in PROTOCOLS {
            let protocol: Protocol = name.parse().unwrap();
            assert_eq!(
                (protocol.number(), protocol.to_string()),
                (*number, (*name).to_owned())
            );
        }
        assert!("TCP".parse::<Protocol>().is_err());
    }

    #[test]
    fn a_protocol_is_its_number() {
        let protocol = |text: &str| text.parse::<Protocol>().unwrap();
        assert_eq!(protocol("tcp"), protocol("6"));
        assert_eq!(protocol("icmpv6"), protocol("ipv6-icmp"));
        let error = "TCP".parse::<Protocol>().unwrap_err().to_string();
        assert!(error.ends_with("did you mean `tcp`?"), "{error}");
    }

    #[test]
    fn kinds_of_messages_differ_between_the_families() {
        let kind = "echo-request".parse::<IcmpType>().unwrap();
        assert_eq!(kind.numbers(Family::V4), Some((Some(8), None)));
        assert_eq!(kind.numbers(Family::V6), Some((Some(128), None)));
        let kind = "packet-too-big".parse::<IcmpType>().unwrap();
        assert_eq!(kind.numbers(Family::V4), None);
        assert!("8".parse::<IcmpType>().is_err());
        assert!(IcmpType::parse_port("8").is_some());
        assert!(IcmpType::parse_port("256").is_none());
    }
}
