//! The names that a CA may issue for (RFC 5280, 4.2.1.10).

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rcgen::{CidrSubnet, GeneralSubtree, NameConstraints};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::names::{NameError, SubjectAltName, text_serde};

/// A network: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

impl Network {
    /// The network of this many bits that holds the address.
    pub fn holding(address: IpAddr, bits: u8) -> Self {
        let (width, number) = number(address);
        let bits = bits.min(width);
        let masked = number & mask(width, bits);
        let base = match address {
            // Both were made from as many bits as they take.
            IpAddr::V4(_) => IpAddr::V4(u32::try_from(masked).unwrap_or(0).into()),
            IpAddr::V6(_) => IpAddr::V6(masked.into()),
        };
        Self { base, bits }
    }

    /// The network that is this address alone.
    pub fn only(address: IpAddr) -> Self {
        Self::holding(address, 128)
    }

    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.base.is_ipv4() && Self::holding(address, self.bits) == *self
    }

    fn subtree(self) -> GeneralSubtree {
        GeneralSubtree::IpAddress(match self.base {
            IpAddr::V4(base) => {
                let mask = u32::try_from(mask(32, self.bits)).unwrap_or(u32::MAX);
                CidrSubnet::V4(base.octets(), mask.to_be_bytes())
            }
            IpAddr::V6(base) => CidrSubnet::V6(base.octets(), mask(128, self.bits).to_be_bytes()),
        })
    }

    /// From an address and its mask, as a certificate holds them; `None` for a mask with holes.
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (address, mask): (IpAddr, u128) = match bytes.len() {
            8 => {
                let (address, mask) = bytes.split_at(4);
                let mask = u32::from_be_bytes(mask.try_into().ok()?);
                (<[u8; 4]>::try_from(address).ok()?.into(), mask.into())
            }
            32 => {
                let (address, mask) = bytes.split_at(16);
                let mask = u128::from_be_bytes(mask.try_into().ok()?);
                (<[u8; 16]>::try_from(address).ok()?.into(), mask)
            }
            _ => return None,
        };
        let bits = u8::try_from(mask.count_ones()).ok()?;
        let (width, _) = number(address);
        (self::mask(width, bits) == mask).then(|| Self::holding(address, bits))
    }
}

/// How many bits an address has, and the address as a number.
fn number(address: IpAddr) -> (u8, u128) {
    match address {
        IpAddr::V4(address) => (32, u32::from(address).into()),
        IpAddr::V6(address) => (128, address.into()),
    }
}

fn mask(width: u8, bits: u8) -> u128 {
    let all = u128::MAX >> (128 - u32::from(width));
    let host = u32::from(width - bits);
    all & u128::MAX.checked_shl(host).unwrap_or(0)
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl FromStr for Network {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || NameError::new(text, "a network such as 10.0.0.0/24");
        let (address, bits) = text.split_once('/').ok_or_else(error)?;
        let address: IpAddr = address.parse().map_err(|_| error())?;
        let bits: u8 = bits.parse().map_err(|_| error())?;
        if bits > number(address).0 {
            return Err(error());
        }
        Ok(Self::holding(address, bits))
    }
}

text_serde!(Network);

/// The names that a CA may issue for. Kinds of names other than these two are not limited.
///
/// E-mail addresses and URIs identify no TLS server, and webpki and Python's cryptography refuse every name of a kind
/// that is limited and that they cannot compare.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Permitted {
    /// DNS names: each with all names below it. `None`: all; an empty set: none.
    pub domains: Option<BTreeSet<String>>,
    /// Addresses. `None`: all; an empty set: none.
    pub networks: Option<BTreeSet<Network>>,
}

impl Permitted {
    /// Whether a CA that may issue for these may issue for this name.
    pub fn admits(&self, name: &SubjectAltName) -> bool {
        match name {
            SubjectAltName::Dns(name) => self
                .domains
                .as_ref()
                .is_none_or(|domains| domains.iter().any(|domain| lies_below(name, domain))),
            SubjectAltName::Ip(address) => self
                .networks
                .as_ref()
                .is_none_or(|all| all.iter().any(|network| network.contains(*address))),
            SubjectAltName::Email(_) | SubjectAltName::Uri(_) => true,
        }
    }

    /// Reads what a CA certificate says about itself.
    ///
    /// # Errors
    ///
    /// In words, when it limits names in a way that is not understood, so that nothing can be said about them.
    pub fn of_certificate(der: &[u8]) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let mut permitted = Self::default();
        let Some(found) = parsed
            .name_constraints()
            .map_err(|error| error.to_string())?
        else {
            return Ok(permitted);
        };
        for subtree in found.value.permitted_subtrees.iter().flatten() {
            match &subtree.base {
                GeneralName::DNSName(name) => {
                    let domains = permitted.domains.get_or_insert_default();
                    domains.insert((*name).to_owned());
                }
                GeneralName::IPAddress(bytes) => {
                    let network = Network::of_bytes(bytes)
                        .ok_or_else(|| "a network in its name constraints has holes".to_owned())?;
                    permitted.networks.get_or_insert_default().insert(network);
                }
                other => return Err(format!("its name constraints hold {other:?}")),
            }
        }
        for subtree in found.value.excluded_subtrees.iter().flatten() {
            // We exclude only whole kinds.
            match &subtree.base {
                GeneralName::DNSName("") => drop(permitted.domains.get_or_insert_default()),
                GeneralName::IPAddress(bytes) if bytes.iter().all(|byte| *byte == 0) => {
                    permitted.networks.get_or_insert_default();
                }
                other => return Err(format!("its name constraints exclude {other:?}")),
            }
        }
        Ok(permitted)
    }

    /// As the extension of a CA certificate; `None` where nothing is limited.
    pub(crate) fn to_constraints(&self) -> Option<NameConstraints> {
        let mut constraints = NameConstraints {
            permitted_subtrees: Vec::new(),
            excluded_subtrees: Vec::new(),
        };
        if let Some(domains) = &self.domains {
            let subtrees = domains.iter().cloned().map(GeneralSubtree::DnsName);
            constraints.permitted_subtrees.extend(subtrees);
            if domains.is_empty() {
                let all = GeneralSubtree::DnsName(String::new());
                constraints.excluded_subtrees.push(all);
            }
        }
        if let Some(networks) = &self.networks {
            let subtrees = networks.iter().copied().map(Network::subtree);
            constraints.permitted_subtrees.extend(subtrees);
            if networks.is_empty() {
                let all = [
                    CidrSubnet::V4([0; 4], [0; 4]),
                    CidrSubnet::V6([0; 16], [0; 16]),
                ];
                let all = all.map(GeneralSubtree::IpAddress);
                constraints.excluded_subtrees.extend(all);
            }
        }
        let limits =
            !constraints.permitted_subtrees.is_empty() || !constraints.excluded_subtrees.is_empty();
        limits.then_some(constraints)
    }
}

impl fmt::Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |all: Option<Vec<String>>, kind: &str| match all {
            None => format!("any {kind}"),
            Some(all) if all.is_empty() => format!("no {kind}"),
            Some(all) => all.join(", "),
        };
        let domains = self.domains.as_ref();
        let networks = self.networks.as_ref();
        write!(
            f,
            "{}; {}",
            list(domains.map(|all| all.iter().cloned().collect()), "DNS name"),
            list(
                networks.map(|all| all.iter().map(ToString::to_string).collect()),
                "address"
            )
        )
    }
}

/// Whether a name, which may begin with `*`, is the domain or stands below it.
fn lies_below(name: &str, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    name == domain
        || name
            .strip_suffix(&domain)
            .is_some_and(|before| before.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(domains: &[&str], networks: &[&str]) -> Permitted {
        Permitted {
            domains: Some(domains.iter().map(|&name| name.to_owned()).collect()),
            networks: Some(networks.iter().map(|text| text.parse().unwrap()).collect()),
        }
    }

    fn admits(permitted: &Permitted, names: &[&str]) -> Vec<bool> {
        names
            .iter()
            .map(|name| permitted.admits(&name.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_domain_covers_itself_and_what_is_below_it() {
        let some = permitted(&["a.test"], &["10.0.0.0/24", "fd00::/8"]);
        let within = ["a.test", "b.a.test", "*.a.test", "10.0.0.255", "fd12::1"];
        assert_eq!(admits(&some, &within), [true; 5]);
        let without = ["test", "ba.test", "*.test", "10.0.1.0", "fe80::1"];
        assert_eq!(admits(&some, &without), [false; 5]);
        assert_eq!(admits(&some, &["me@b.test", "https://b.test/x"]), [true; 2]);
        assert_eq!(
            admits(&Permitted::default(), &["b.test", "8.8.8.8"]),
            [true; 2]
        );
        assert_eq!(
            admits(&permitted(&[], &[]), &["b.test", "8.8.8.8"]),
            [false; 2]
        );
    }

    #[test]
    fn networks_are_read_with_their_bits() {
        for (text, shown) in [
            ("10.0.0.13/24", "10.0.0.0/24"),
            ("10.0.0.13/32", "10.0.0.13/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fd00::1/64", "fd00::/64"),
            ("::/0", "::/0"),
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), shown);
        }
        for bad in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert_eq!(Network::of_bytes(&[10, 0, 0, 0, 255, 0, 255, 0]), None);
    }

    #[test]
    fn a_certificate_says_what_it_was_made_with() {
        for wanted in [
            Permitted::default(),
            permitted(&["a.test", "localhost"], &["10.0.0.0/24", "::1/128"]),
            permitted(&[], &[]),
            permitted(&["a.test"], &[]),
            permitted(&[], &["10.0.0.0/24"]),
        ] {
            let mut params = rcgen::CertificateParams::default();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.name_constraints = wanted.to_constraints();
            let key = rcgen::KeyPair::generate().unwrap();
            let made = params.self_signed(&key).unwrap();
            assert_eq!(Permitted::of_certificate(made.der()), Ok(wanted));
        }
    }
}
