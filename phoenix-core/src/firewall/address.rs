//! Addresses as rules state them: networks, a range, an alias or an IP set.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "there are two")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Bits of an address.
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// A network, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// One address.
    pub fn host(address: IpAddr) -> Self {
        Self {
            address,
            prefix: Family::of(address).bits(),
        }
    }

    /// The network of this many bits around an address.
    pub fn around(address: IpAddr, prefix: u8) -> Self {
        let prefix = prefix.min(Family::of(address).bits());
        let address = match address {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & mask4(prefix)).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & mask6(prefix)).into(),
        };
        Self { address, prefix }
    }

    /// Its first address.
    pub fn first(self) -> IpAddr {
        self.address
    }

    /// Its last address.
    pub fn last(self) -> IpAddr {
        match self.address {
            IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() | !mask4(self.prefix)).into(),
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() | !mask6(self.prefix)).into(),
        }
    }

    /// Bits that its addresses have in common.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Its family.
    pub fn family(self) -> Family {
        Family::of(self.address)
    }

    /// Whether an address lies in it.
    pub fn contains(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                ip.to_bits() & mask4(self.prefix) == network.to_bits()
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                ip.to_bits() & mask6(self.prefix) == network.to_bits()
            }
            _ => false,
        }
    }
}

fn mask4(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

fn mask6(prefix: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

impl FromStr for Network {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let no_address = || AddressError::NoAddress(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((address, prefix)) => (address, Some(prefix)),
        };
        let address: IpAddr = address.parse().map_err(|_| no_address())?;
        let Some(prefix) = prefix else {
            return Ok(Self::host(address));
        };
        let prefix: u8 = prefix.parse().map_err(|_| no_address())?;
        if prefix > Family::of(address).bits() {
            return Err(no_address());
        }
        let network = Self::around(address, prefix);
        if network.address != address {
            return Err(AddressError::HostBits {
                found: text.to_owned(),
                network,
            });
        }
        Ok(network)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        if self.prefix < self.family().bits() {
            write!(f, "/{}", self.prefix)?;
        }
        Ok(())
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a name of an alias or an IP set is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum NameScope {
    /// `dc/`: in the cluster's file only.
    Cluster,
    /// `guest/`: in the guest's file only.
    Guest,
    /// `sdn/`: among the sets that Proxmox makes of its software-defined networks.
    Sdn,
}

impl NameScope {
    fn prefix(self) -> &'static str {
        match self {
            Self::Cluster => "dc/",
            Self::Guest => "guest/",
            Self::Sdn => "sdn/",
        }
    }
}

/// The name of an alias or an IP set, with where it is looked up when that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameRef {
    /// Where; first in the guest's file, then in the cluster's, when absent.
    pub scope: Option<NameScope>,
    /// The name as written; names are compared without case.
    pub name: String,
}

impl NameRef {
    fn parse(text: &str, scopes: &[NameScope]) -> Option<Self> {
        let scope = scopes
            .iter()
            .copied()
            .find(|scope| text.starts_with(scope.prefix()));
        let name = &text[scope.map_or(0, |scope| scope.prefix().len())..];
        is_name(name).then(|| Self {
            scope,
            name: name.to_owned(),
        })
    }

    /// The name as it is looked up.
    pub fn key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}

impl fmt::Display for NameRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            self.scope.map_or("", NameScope::prefix),
            self.name
        )
    }
}

/// Whether a text is a name as Proxmox has them for aliases, IP sets and security groups.
pub fn is_name(text: &str) -> bool {
    text.len() >= 2
        && text.len() <= LONGEST_NAME
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What a rule states as source or destination.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressMatch {
    /// One network or several of one family.
    Networks(Vec<Network>),
    /// All addresses from the first to the last.
    Range(IpAddr, IpAddr),
    /// The network that an alias stands for.
    Alias(NameRef),
    /// What an IP set holds, written with `+`.
    Set(NameRef),
}

impl AddressMatch {
    /// Whether an address is meant; `None` where a name would have to be looked up.
    pub fn contains(&self, ip: IpAddr) -> Option<bool> {
        match self {
            Self::Networks(list) => Some(list.iter().any(|network| network.contains(ip))),
            Self::Range(first, last) => {
                Some(Family::of(*first) == Family::of(ip) && *first <= ip && ip <= *last)
            }
            Self::Alias(_) | Self::Set(_) => None,
        }
    }

    /// The family, where the text itself says it.
    pub fn family(&self) -> Option<Family> {
        match self {
            Self::Networks(list) => list.first().map(|network| network.family()),
            Self::Range(first, _) => Some(Family::of(*first)),
            Self::Alias(_) | Self::Set(_) => None,
        }
    }
}

/// Whether an address that a rule states means this one for certain: it is absent, or equal, or a network around it.
pub fn covers(stated: Option<&AddressMatch>, ip: IpAddr) -> bool {
    stated.is_none_or(|stated| stated.contains(ip) == Some(true))
}

/// Why a text is no address of a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A range whose first address is the larger one.
    #[error("found the range {0}, expected the smaller address first")]
    Backwards(String),
    /// Bits below the mask; Proxmox ignores such a rule.
    #[error("found {found} with bits below its mask, expected {network} or a single address")]
    HostBits {
        /// The text.
        found: String,
        /// The network that it lies in.
        network: Network,
    },
    /// IPv4 and IPv6 in one list.
    #[error("found IPv4 and IPv6 addresses in one list, expected one family")]
    Mixed,
    /// Neither an address nor a name.
    #[error("found `{0}`, expected an address, a network, a range, `+` and an IP set, or an alias")]
    NoAddress(String),
    /// A range or a name beside other things.
    #[error("found {0} in a list, expected addresses and networks alone")]
    NotInList(String),
}

impl FromStr for AddressMatch {
    type Err = AddressError;

    /// Reads `10.0.0.12`, `10.0.0.0/24,10.1.0.1`, `10.0.0.1-10.0.0.9`, `+servers`, `dc/office`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(name) = text.strip_prefix('+') {
            let scopes = [NameScope::Cluster, NameScope::Guest, NameScope::Sdn];
            return NameRef::parse(name, &scopes)
                .map(Self::Set)
                .ok_or_else(|| AddressError::NoAddress(text.to_owned()));
        }
        if let Some(name) = NameRef::parse(text, &[NameScope::Cluster, NameScope::Guest])
            && text.parse::<IpAddr>().is_err()
        {
            return Ok(Self::Alias(name));
        }
        let is_list = text.contains(',');
        let mut networks = Vec::with_capacity(1);
        for part in text.split(',').map(str::trim) {
            if let Some((first, last)) = part.split_once('-')
                && let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>())
            {
                if is_list {
                    return Err(AddressError::NotInList(format!("the range {part}")));
                }
                if Family::of(first) != Family::of(last) {
                    return Err(AddressError::Mixed);
                }
                if first > last {
                    return Err(AddressError::Backwards(part.to_owned()));
                }
                return Ok(Self::Range(first, last));
            }
            match part.parse::<Network>() {
                Ok(network) => networks.push(network),
                Err(_) if is_list && is_name(part.trim_start_matches('+')) => {
                    return Err(AddressError::NotInList(format!("the name `{part}`")));
                }
                Err(error) => return Err(error),
            }
        }
        if networks
            .iter()
            .any(|network| network.family() != networks[0].family())
        {
            return Err(AddressError::Mixed);
        }
        Ok(Self::Networks(networks))
    }
}

impl fmt::Display for AddressMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Networks(list) => {
                for (index, network) in list.iter().enumerate() {
                    write!(f, "{}{network}", if index > 0 { "," } else { "" })?;
                }
                Ok(())
            }
            Self::Range(first, last) => write!(f, "{first}-{last}"),
            Self::Alias(name) => write!(f, "{name}"),
            Self::Set(name) => write!(f, "+{name}"),
        }
    }
}

impl Serialize for AddressMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Proxmox's limit for the names of aliases and IP sets.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_written_again() {
        for text in [
            "10.0.0.12",
            "10.0.0.0/24",
            "10.0.0.1,10.0.0.2,10.1.0.0/16",
            "10.0.0.1-10.0.0.10",
            "2001:db8::/32",
            "office",
            "dc/office",
            "guest/Office-2",
            "+servers",
            "+dc/servers",
            "+sdn/vnet1-all",
        ] {
            assert_eq!(text.parse::<AddressMatch>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_proxmox_would_ignore_is_an_error() {
        for (text, word) in [
            ("10.0.0.5/24", "10.0.0.0/24"),
            ("10.0.0.300", "10.0.0.300"),
            ("10.0.0.0/33", "10.0.0.0/33"),
            ("10.0.0.1,2001:db8::1", "one family"),
            ("10.0.0.1-10.0.0.3,10.0.0.9", "in a list"),
            ("10.0.0.1,office", "the name `office`"),
            ("10.0.0.9-10.0.0.1", "smaller address first"),
            ("10.0.0.1,", "``"),
            ("+", "`+`"),
            ("", "``"),
        ] {
            let error = text.parse::<AddressMatch>().unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn networks_and_ranges_contain_their_addresses() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for (stated, inside, outside) in [
            ("10.0.0.0/24", "10.0.0.255", "10.0.1.0"),
            ("10.0.0.3-10.0.0.5", "10.0.0.5", "10.0.0.6"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("fe80::/10", "fe80::1", "10.0.0.1"),
        ] {
            let stated: AddressMatch = stated.parse().unwrap();
            assert_eq!(stated.contains(ip(inside)), Some(true));
            assert_eq!(stated.contains(ip(outside)), Some(false));
        }
        let network: Network = "10.0.0.64/26".parse().unwrap();
        assert_eq!(network.last(), ip("10.0.0.127"));
        assert!(covers(None, ip("10.0.0.1")));
        assert!(!covers(Some(&"+set".parse().unwrap()), ip("10.0.0.1")));
    }
}
