//! Certificate signing requests (RFC 2986).

use std::collections::BTreeSet;

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, SanType};

use super::{KeyFault, PrivateKey, pem};
use crate::names::{CommonName, SubjectAltName};

/// A signed request for a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csr(Vec<u8>);

impl Csr {
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
