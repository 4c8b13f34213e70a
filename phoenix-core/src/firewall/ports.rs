//! Ports: numbers, ranges and service names.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A rule's ports: numbers and ranges; empty means every port.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ports(pub Vec<RangeInclusive<u16>>);

impl Ports {
    /// Whether traffic to this port is meant.
    pub fn contains(&self, port: u16) -> bool {
        self.0.is_empty() || self.names(port)
    }

    /// Whether this port is named, not only covered by a rule for all ports.
    pub fn names(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// Whether the port stands in the list by itself, not inside a range.
    pub fn lists(&self, port: u16) -> bool {
        self.0.contains(&(port..=port))
    }

    /// The port, where just one is stated.
    pub fn single(&self) -> Option<u16> {
        match self.0.as_slice() {
            [range] if range.start() == range.end() => Some(*range.start()),
            _ => None,
        }
    }

    /// Whether no port is stated.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a text is no list of ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortsError {
    /// The end of a range is smaller than its beginning.
    #[error("found the range {0}, expected the smaller port first")]
    Backwards(String),
    /// No number from 0 to 65535 and no service.
    #[error("found port `{0}`, expected 1 to 65535 or the name of a service")]
    NoPort(String),
    /// A range with a dash.
    #[error("found the range {0}, expected a colon in it such as `8000:8010`")]
    Dash(String),
    /// Proxmox takes 15 numbers, a range counts twice.
    #[error("found {0} numbers in a list of ports, expected at most 15 (a range counts as two)")]
    TooMany(usize),
}

impl FromStr for Ports {
    type Err = PortsError;

    /// Reads `2375`, `80,443`, `8000:8010`, `http,https`.
    fn from_str(text: &str) -> Result<Self, PortsError> {
        let mut list = Vec::new();
        let mut count = 0;
        for part in text.split(',').map(str::trim) {
            let one = |text: &str| {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                let number = if digits {
                    text.parse().ok()
                } else {
                    service(text)
                };
                number.ok_or_else(|| PortsError::NoPort(text.to_owned()))
            };
            if let Some((low, high)) = part.split_once(':') {
                let (low, high) = (one(low)?, one(high)?);
                if low > high {
                    return Err(PortsError::Backwards(part.to_owned()));
                }
                count += 2;
                list.push(low..=high);
                continue;
            }
            match (one(part), part.split_once('-')) {
                (Ok(port), _) => list.push(port..=port),
                (Err(_), Some((low, high))) if one(low).is_ok() && one(high).is_ok() => {
                    return Err(PortsError::Dash(part.to_owned()));
                }
                (Err(error), _) => return Err(error),
            }
            count += 1;
        }
        if count > MOST {
            return Err(PortsError::TooMany(count));
        }
        Ok(Self(list))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            if range.start() == range.end() {
                write!(f, "{}", range.start())?;
            } else {
                write!(f, "{}:{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A list of ports, as written, with one of them replaced; `None` when it does not stand there by itself.
///
/// What else stands in the list keeps its spelling; a port that would then be listed twice is listed once.
pub fn with_port(written: &str, from: u16, to: u16) -> Option<String> {
    let is = |part: &str, port: u16| {
        part.trim()
            .parse::<Ports>()
            .is_ok_and(|ports| ports.0 == [port..=port])
    };
    if !written.split(',').any(|part| is(part, from)) {
        return None;
    }
    let new = to.to_string();
    let mut list: Vec<&str> = Vec::new();
    let mut stands = false;
    for part in written.split(',') {
        if is(part, from) || is(part, to) {
            if stands {
                continue;
            }
            stands = true;
            list.push(if is(part, to) { part } else { &new });
        } else {
            list.push(part);
        }
    }
    Some(list.join(","))
}

fn service(name: &str) -> Option<u16> {
    SERVICES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, port)| *port)
}

/// How many numbers one list may hold.
const MOST: usize = 15;

/// Services that rules are written with, by the names that `/etc/services` gives them.
const SERVICES: &[(&str, u16)] = &[
    ("amqp", 5672),
    ("auth", 113),
    ("bgp", 179),
    ("bootpc", 68),
    ("bootps", 67),
    ("dhcpv6-client", 546),
    ("dhcpv6-server", 547),
    ("domain", 53),
    ("domain-s", 853),
    ("ftp", 21),
    ("ftp-data", 20),
    ("ftps", 990),
    ("git", 9418),
    ("gopher", 70),
    ("http", 80),
    ("http-alt", 8080),
    ("https", 443),
    ("imap2", 143),
    ("imaps", 993),
    ("ipp", 631),
    ("irc", 194),
    ("isakmp", 500),
    ("iscsi-target", 3260),
    ("kerberos", 88),
    ("l2f", 1701),
    ("ldap", 389),
    ("ldaps", 636),
    ("mdns", 5353),
    ("microsoft-ds", 445),
    ("ms-sql-s", 1433),
    ("munin", 4949),
    ("mysql", 3306),
    ("netbios-dgm", 138),
    ("netbios-ns", 137),
    ("netbios-ssn", 139),
    ("nfs", 2049),
    ("nntp", 119),
    ("ntp", 123),
    ("openvpn", 1194),
    ("pop3", 110),
    ("pop3s", 995),
    ("postgresql", 5432),
    ("printer", 515),
    ("radius", 1812),
    ("radius-acct", 1813),
    ("redis", 6379),
    ("rsync", 873),
    ("sip", 5060),
    ("sip-tls", 5061),
    ("smtp", 25),
    ("snmp", 161),
    ("snmp-trap", 162),
    ("ssh", 22),
    ("submission", 587),
    ("submissions", 465),
    ("sunrpc", 111),
    ("svn", 3690),
    ("syslog", 514),
    ("syslog-tls", 6514),
    ("telnet", 23),
    ("telnets", 992),
    ("tftp", 69),
    ("whois", 43),
    ("xmpp-client", 5222),
    ("xmpp-server", 5269),
    ("zabbix-agent", 10050),
    ("zabbix-trapper", 10051),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ranges_and_names_are_read() {
        for (text, shown) in [
            ("2375", "2375"),
            ("80,443", "80,443"),
            ("8000:8010", "8000:8010"),
            ("https, 8006", "443,8006"),
        ] {
            assert_eq!(text.parse::<Ports>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_proxmox_would_ignore_is_an_error() {
        for (text, word) in [
            ("70000", "70000"),
            ("80,,443", "``"),
            ("8000-8010", "colon"),
            ("90:80", "smaller"),
            ("nonsense", "nonsense"),
            ("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15:16", "at most 15"),
        ] {
            let error = text.parse::<Ports>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn one_port_of_a_list_is_replaced_and_the_rest_keeps_its_spelling() {
        for (written, new) in [
            ("2375", Some("2376")),
            ("http,2375,8000:8010", Some("http,2376,8000:8010")),
            ("2375,2376", Some("2376")),
            ("2376, 2375", Some("2376")),
            ("2370:2380", None),
        ] {
            assert_eq!(with_port(written, 2375, 2376).as_deref(), new, "{written}");
        }
    }
}
