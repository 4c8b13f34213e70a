//! Certificate signing requests (RFC 2986).

use std::collections::BTreeSet;

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, SanType};
use rustls_pki_types::pem::SectionKind;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer as _;

use super::key::key_type_of_spki;
use super::leaf::names;
use super::{KeyFault, KeyType, PrivateKey, pem};
use crate::names::{CommonName, SubjectAltName};

/// A signed request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr(Vec<u8>);

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CsrContent {
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The names asked for.
    pub sans: BTreeSet<SubjectAltName>,
    /// Names of kinds that Phoenix does not ask for.
    pub other_names: Vec<String>,
    /// The key that the certificate is for: `SubjectPublicKeyInfo` in DER.
    pub public_key: Vec<u8>,
    /// The key's kind, where it is one that Phoenix makes.
    pub key_type: Option<KeyType>,
}

/// Bytes that are not the request they were to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrFault {
    /// The request is not signed by the key that it is for.
    #[error("the request's signature does not fit the key in it")]
    BadSignature,
    /// The section holds no request.
    #[error("the request is not readable: {0}")]
    Malformed(String),
    /// There is not exactly one.
    #[error("found {0} `-----BEGIN CERTIFICATE REQUEST-----` sections, expected one")]
    NotOne(usize),
}

impl Csr {
    /// Reads a PEM file that holds exactly one request, and checks that the key in it signed it.
    pub fn from_pem(text: &[u8]) -> Result<Self, CsrFault> {
        let mut found = Vec::new();
        for section in pem::sections(text) {
            let (kind, der) = section.map_err(CsrFault::Malformed)?;
            if kind == SectionKind::Csr {
                found.push(der);
            }
        }
        let [der] = <[_; 1]>::try_from(found).map_err(|found| CsrFault::NotOne(found.len()))?;
        let (_, parsed) = X509CertificationRequest::from_der(&der)
            .map_err(|error| CsrFault::Malformed(error.to_string()))?;
        parsed
            .verify_signature()
            .map_err(|_| CsrFault::BadSignature)?;
        Ok(Self(der))
    }

    /// What it asks for.
    pub fn content(&self) -> Result<CsrContent, CsrFault> {
        let (_, parsed) = X509CertificationRequest::from_der(&self.0)
            .map_err(|error| CsrFault::Malformed(error.to_string()))?;
        let info = &parsed.certification_request_info;
        let mut asked = Vec::new();
        for extension in parsed.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(found) = extension {
                asked.extend(&found.general_names);
            }
        }
        let (sans, other_names) = names(asked);
        Ok(CsrContent {
            common_name: info
                .subject
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .map(str::to_owned),
            sans,
            other_names,
            public_key: info.subject_pki.raw.to_vec(),
            key_type: key_type_of_spki(&info.subject_pki),
        })
    }

    /// The request in DER form.
    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// The request as PEM text.
    pub fn to_pem(&self) -> String {
        let mut out = Vec::new();
        pem::encode("CERTIFICATE REQUEST", &self.0, &mut out);
        // `encode` writes ASCII only.
        String::from_utf8(out).unwrap_or_default()
    }
}

/// Makes a request for these names, signed by the key that the certificate will be for.
pub fn create_csr(
    key: &PrivateKey,
    common_name: &CommonName,
    sans: &BTreeSet<SubjectAltName>,
) -> Result<Csr, KeyFault> {
    subject(common_name, sans)
        .and_then(|params| params.serialize_request(key.pair()))
        .map(|request| Csr(request.der().to_vec()))
        .map_err(|error| KeyFault::Signing(error.to_string()))
}

/// The parameters that a request and an issued certificate share.
pub(crate) fn subject(
    common_name: &CommonName,
    sans: &BTreeSet<SubjectAltName>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    // rcgen's default subject is a common name of its own.
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name.as_str());
    params.subject_alt_names = sans
        .iter()
        .map(|name| {
            Ok(match name {
                SubjectAltName::Dns(text) => SanType::DnsName(Ia5String::try_from(text.as_str())?),
                SubjectAltName::Email(text) => {
                    SanType::Rfc822Name(Ia5String::try_from(text.as_str())?)
                }
                SubjectAltName::Ip(address) => SanType::IpAddress(*address),
                SubjectAltName::Uri(text) => SanType::URI(Ia5String::try_from(text.as_str())?),
            })
        })
        .collect::<Result<_, rcgen::Error>>()?;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_back_as_it_was_made() {
        let sans: BTreeSet<SubjectAltName> =
            ["a.test", "10.0.0.1", "me@a.test", "https://a.test/x"]
                .iter()
                .map(|name| name.parse().unwrap())
                .collect();
        let key = PrivateKey::generate(KeyType::Ed25519).unwrap();
        let csr = create_csr(&key, &"a.test".parse().unwrap(), &sans).unwrap();
        let read = Csr::from_pem(csr.to_pem().replace('\n', "\r\n").as_bytes()).unwrap();
        assert_eq!(read, csr);
        assert_eq!(
            read.content().unwrap(),
            CsrContent {
                common_name: Some("a.test".to_owned()),
                sans,
                other_names: Vec::new(),
                public_key: key.public_key(),
                key_type: Some(KeyType::Ed25519),
            }
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let key = PrivateKey::generate(KeyType::EcP256).unwrap();
        let csr = create_csr(&key, &"a.test".parse().unwrap(), &BTreeSet::new()).unwrap();
        let text = csr.to_pem();
        assert_eq!(Csr::from_pem(b""), Err(CsrFault::NotOne(0)));
        let twice = format!("{text}{text}");
        assert_eq!(Csr::from_pem(twice.as_bytes()), Err(CsrFault::NotOne(2)));
        let mut der = csr.as_der().to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        let mut changed = Vec::new();
        pem::encode("CERTIFICATE REQUEST", &der, &mut changed);
        assert_eq!(Csr::from_pem(&changed), Err(CsrFault::BadSignature));
        let cut = &text.as_bytes()[..text.len() - 50];
        assert!(matches!(Csr::from_pem(cut), Err(CsrFault::Malformed(_))));
    }
}
