//! Subject alternative names, classified as step-ca does it: address, URI, e-mail, else DNS name.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{NameError, text_serde};

/// A subject alternative name (RFC 5280, 4.2.1.6), case-folded where the kind is case-insensitive.
///
/// ```
/// use phoenix_core::names::SubjectAltName;
///
/// let name: SubjectAltName = "*.Internal.Example".parse().unwrap();
/// assert_eq!(name, SubjectAltName::Dns("*.internal.example".to_owned()));
/// // What step-ca would silently make a URI of is refused here.
/// assert!("localhost:8080".parse::<SubjectAltName>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SubjectAltName {
    /// A DNS name in A-label form, perhaps with `*` as its first label.
    Dns(String),
    /// An e-mail address.
    Email(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// A URI with a scheme and an authority.
    Uri(String),
}

impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(address) => write!(f, "{address}"),
        }
    }
}

impl FromStr for SubjectAltName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = || {
            NameError::new(
                text,
                "a DNS name (ASCII, `*` only as the first label), an IP address, an e-mail address or a URI",
            )
        };
        if let Ok(address) = text.parse() {
            return Ok(Self::Ip(address));
        }
        if text.is_empty() || !text.is_ascii() || text.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return Err(error());
        }
        if let Some((scheme, rest)) = text.split_once("://") {
            let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
            return if scheme_ok && !rest.is_empty() {
                Ok(Self::Uri(text.to_owned()))
            } else {
                Err(error())
            };
        }
        if let Some((local, host)) = text.split_once('@') {
            return if !local.is_empty() && is_dns_name(host, false) {
                Ok(Self::Email(format!(
                    "{local}@{}",
                    host.to_ascii_lowercase()
                )))
            } else {
                Err(error())
            };
        }
        if is_dns_name(text, true) {
            Ok(Self::Dns(text.to_ascii_lowercase()))
        } else {
            Err(error())
        }
    }
}

text_serde!(SubjectAltName);

/// A certificate's common name: the identity of a manifest entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommonName(String);

impl CommonName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a DNS SAN, where it is a valid DNS name; it is then always requested.
    pub fn as_dns(&self) -> Option<SubjectAltName> {
        is_dns_name(&self.0, true).then(|| SubjectAltName::Dns(self.0.to_ascii_lowercase()))
    }
}

impl fmt::Display for CommonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for CommonName {
    type Err = NameError;

    /// Takes 1 to 64 printable characters (RFC 5280, appendix A, `ub-common-name`).
    fn from_str(text: &str) -> Result<Self, NameError> {
        let length = text.chars().count();
        if (1..=64).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new(
                text,
                "a common name of 1 to 64 printable characters",
            ))
        }
    }
}

text_serde!(CommonName);

fn is_dns_name(text: &str, wildcard: bool) -> bool {
    let rest = match text.strip_prefix("*.") {
        Some(rest) if wildcard => rest,
        Some(_) => return false,
        None => text,
    };
    !rest.is_empty()
        && text.len() <= 253
        && rest.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
        // All digits in the last label would read as a malformed address.
        && rest
            .rsplit('.')
            .next()
            .is_some_and(|label| !label.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_classified_as_the_ca_does_it() {
        let cases = [
            (
                "10.0.0.111",
                SubjectAltName::Ip("10.0.0.111".parse().unwrap()),
            ),
            (
                "2001:DB8::1",
                SubjectAltName::Ip("2001:db8::1".parse().unwrap()),
            ),
            (
                "https://a.test/x",
                SubjectAltName::Uri("https://a.test/x".to_owned()),
            ),
            (
                "Admin@A.Test",
                SubjectAltName::Email("Admin@a.test".to_owned()),
            ),
            ("LOCALHOST", SubjectAltName::Dns("localhost".to_owned())),
            ("*.a.test", SubjectAltName::Dns("*.a.test".to_owned())),
        ];
        for (text, name) in cases {
            assert_eq!(text.parse::<SubjectAltName>().unwrap(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            " ",
            "a b",
            "a.test:443",
            "*",
            "a.*.test",
            "-a.test",
            "a..b",
            "müller.test",
            "10.0.0.256",
            "10.0.0.1/24",
            "a\0b",
            "@a.test",
            "://x",
        ] {
            assert!(bad.parse::<SubjectAltName>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_reads_back_as_it_prints_and_is_of_the_kind_that_the_ca_gives_it(
            text in "[a-zA-Z0-9.:@/*_-]{1,30}|[0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f:]{2,20}|[a-z]{1,5}@[a-z.]{1,9}|[a-z]{1,5}://[a-z./]{1,9}|\\PC{0,12}"
        ) {
            if let Ok(name) = text.parse::<SubjectAltName>() {
                prop_assert_eq!(&name.to_string().parse::<SubjectAltName>().unwrap(), &name);
                // step-ca's order: address, URL with a scheme, e-mail, DNS name.
                let expected = if text.parse::<IpAddr>().is_ok() {
                    matches!(name, SubjectAltName::Ip(_))
                } else if text.contains("://") {
                    matches!(name, SubjectAltName::Uri(_))
                } else if text.contains('@') {
                    matches!(name, SubjectAltName::Email(_))
                } else {
                    // What Go would take for `scheme:rest` is none of ours.
                    matches!(name, SubjectAltName::Dns(_)) && !text.contains(':')
                };
                prop_assert!(expected, "{text:?} became {name:?}");
            }
        }
    }
}
