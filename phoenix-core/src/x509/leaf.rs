//! What a certificate says.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::key::key_type_of_spki;
use super::{Fingerprint, KeyType, Serial, hex};
use crate::names::SubjectAltName;

/// A certificate's content, parsed and not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leaf {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The whole subject, for people.
    pub subject: String,
    /// The issuer, for people.
    pub issuer: String,
    /// The names that it is valid for.
    pub sans: BTreeSet<SubjectAltName>,
    /// Names of kinds that Phoenix does not ask for (directory names, malformed ones): never equal to a wanted set.
    pub other_names: Vec<String>,
    /// From when on it is valid.
    pub not_before: SystemTime,
    /// Until when it is valid.
    pub not_after: SystemTime,
    /// The serial number in lower-case hexadecimal digits, without a leading `00`.
    pub serial: String,
    /// The kind of its key, where it is one that Phoenix makes.
    pub key_type: Option<KeyType>,
    /// Its public key: `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// Whether it may identify a server.
    pub server_auth: bool,
    /// Whether it may identify a client.
    pub client_auth: bool,
    /// Whether it may sign other certificates.
    pub is_ca: bool,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    pub(crate) subject_der: Vec<u8>,
    pub(crate) issuer_der: Vec<u8>,
}

impl Leaf {
    /// Parses one certificate; the error is the parser's reason.
    pub fn from_der(der: &[u8]) -> Result<Self, String> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err(format!("{} bytes follow the certificate", rest.len()));
        }
        let alternative = parsed
            .subject_alternative_name()
            .map_err(|error| error.to_string())?;
        let (sans, other_names) = names(
            alternative
                .iter()
                .flat_map(|found| &found.value.general_names),
        );
        let usage = parsed
            .extended_key_usage()
            .map_err(|error| error.to_string())?
            .map(|extension| extension.value);
        // No such extension means any usage (RFC 5280, 4.2.1.12).
        let allows = |wanted: fn(&x509_parser::extensions::ExtendedKeyUsage<'_>) -> bool| {
            usage.is_none_or(|usage| usage.any || wanted(usage))
        };
        Ok(Self {
            common_name: parsed
                .subject()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .map(str::to_owned),
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            sans,
            other_names,
            not_before: system_time(parsed.validity().not_before)?,
            not_after: system_time(parsed.validity().not_after)?,
            serial: Serial::from_bytes(parsed.tbs_certificate.raw_serial()).to_hex(),
            key_type: key_type_of_spki(parsed.public_key()),
            public_key: parsed.public_key().raw.to_vec(),
            server_auth: allows(|usage| usage.server_auth),
            client_auth: allows(|usage| usage.client_auth),
            is_ca: parsed.is_ca(),
            fingerprint: Fingerprint::of(der),
            subject_der: parsed.subject().as_raw().to_vec(),
            issuer_der: parsed.issuer().as_raw().to_vec(),
        })
    }

    /// The serial number as a number.
    pub fn serial_number(&self) -> Serial {
        // `serial` was made from one.
        format!("0x{}", self.serial)
            .parse()
            .unwrap_or_else(|_| Serial::from_bytes(&[]))
    }

    /// From its first to its last moment.
    pub fn lifetime(&self) -> Duration {
        self.not_after
            .duration_since(self.not_before)
            .unwrap_or_default()
    }
}

/// Names of the kinds that Phoenix asks for, and all others in words.
pub(super) fn names<'n>(
    all: impl IntoIterator<Item = &'n GeneralName<'n>>,
) -> (BTreeSet<SubjectAltName>, Vec<String>) {
    let mut sans = BTreeSet::new();
    let mut others = Vec::new();
    for name in all {
        match name {
            GeneralName::DNSName(text) => match text.parse() {
                Ok(name @ SubjectAltName::Dns(_)) => drop(sans.insert(name)),
                _ => others.push(format!("DNS:{text}")),
            },
            GeneralName::RFC822Name(text) => match text.parse() {
                Ok(name @ SubjectAltName::Email(_)) => drop(sans.insert(name)),
                _ => others.push(format!("email:{text}")),
            },
            GeneralName::URI(text) => match text.parse() {
                Ok(name @ SubjectAltName::Uri(_)) => drop(sans.insert(name)),
                _ => others.push(format!("URI:{text}")),
            },
            GeneralName::IPAddress(bytes) => match address(bytes) {
                Some(address) => drop(sans.insert(SubjectAltName::Ip(address))),
                None => others.push(format!("IP:{}", hex(bytes))),
            },
            other => others.push(format!("{other:?}")),
        }
    }
    (sans, others)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

pub(super) fn system_time(time: ASN1Time) -> Result<SystemTime, String> {
    let seconds = time.timestamp();
    let span = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(span)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(span)
    }
    .ok_or_else(|| format!("the time {time} cannot be represented"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Authority, Leafing};
    use super::*;

    #[test]
    fn names_of_every_kind_are_read_back() {
        let sans: BTreeSet<SubjectAltName> = [
            "a.test",
            "*.a.test",
            "10.0.0.111",
            "2001:db8::1",
            "me@a.test",
            "https://a.test/x",
        ]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
        let chain = Authority::new().chain(&Leafing {
            sans: sans.clone(),
            ..Leafing::default()
        });
        let leaf = chain.leaf();
        assert_eq!(leaf.sans, sans);
        assert!(leaf.other_names.is_empty());
        assert_eq!(leaf.common_name.as_deref(), Some("a.test"));
        assert_eq!(leaf.key_type, Some(KeyType::EcP256));
        assert!(!leaf.is_ca && chain.issuers()[0].is_ca);
    }

    #[test]
    fn usage_is_what_the_extension_says() {
        for (server, client) in [(true, false), (false, true), (true, true)] {
            let chain = Authority::new().chain(&Leafing {
                server,
                client,
                ..Leafing::default()
            });
            assert_eq!(
                (chain.leaf().server_auth, chain.leaf().client_auth),
                (server, client)
            );
        }
    }
}
