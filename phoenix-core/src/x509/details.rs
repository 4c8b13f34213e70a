//! What a certificate says beside names and dates: for people who look at it.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Key, usage and origin of a certificate, in words.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Details {
    /// Its key: `EC P-256`, `RSA 2048 bits`, `Ed25519`.
    pub key: String,
    /// What its key may be used for, by the names of RFC 5280.
    pub key_usage: Vec<String>,
    /// What it may identify, by the names of RFC 5280; empty when nothing is said, which allows everything.
    pub extended_key_usage: Vec<String>,
    /// How many intermediates may stand below a CA certificate.
    pub path_length: Option<u32>,
    /// The step-ca provisioner that it came from.
    pub provisioner: Option<String>,
    /// Where its issuer's revocation list is to be had.
    pub revocation_lists: Vec<String>,
}

impl Details {
    /// Reads them; the error is the parser's reason.
    pub fn from_der(der: &[u8]) -> Result<Self, String> {
        let (_, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        let mut details = Self {
            key: describe_key(parsed.public_key()),
            key_usage: Vec::new(),
            extended_key_usage: Vec::new(),
            path_length: None,
            provisioner: None,
            revocation_lists: Vec::new(),
        };
        for extension in parsed.extensions() {
            if extension.oid.to_id_string() == STEP_PROVISIONER {
                details.provisioner = provisioner(extension.value);
            }
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => {
                    details.path_length = constraints.path_len_constraint;
                }
                ParsedExtension::KeyUsage(usage) => {
                    details.key_usage = [
                        (usage.digital_signature(), "digitalSignature"),
                        (usage.non_repudiation(), "contentCommitment"),
                        (usage.key_encipherment(), "keyEncipherment"),
                        (usage.data_encipherment(), "dataEncipherment"),
                        (usage.key_agreement(), "keyAgreement"),
                        (usage.key_cert_sign(), "keyCertSign"),
                        (usage.crl_sign(), "cRLSign"),
                    ]
                    .into_iter()
                    .filter(|(set, _)| *set)
                    .map(|(_, name)| name.to_owned())
                    .collect();
                }
                ParsedExtension::ExtendedKeyUsage(usage) => {
                    details.extended_key_usage = [
                        (usage.any, "anyExtendedKeyUsage"),
                        (usage.server_auth, "serverAuth"),
                        (usage.client_auth, "clientAuth"),
                        (usage.code_signing, "codeSigning"),
                        (usage.email_protection, "emailProtection"),
                        (usage.time_stamping, "timeStamping"),
                        (usage.ocsp_signing, "OCSPSigning"),
                    ]
                    .into_iter()
                    .filter(|(set, _)| *set)
                    .map(|(_, name)| name.to_owned())
                    .chain(usage.other.iter().map(ToString::to_string))
                    .collect();
                }
                ParsedExtension::CRLDistributionPoints(points) => {
                    for point in &points.points {
                        if let Some(DistributionPointName::FullName(names)) =
                            &point.distribution_point
                        {
                            details
                                .revocation_lists
                                .extend(names.iter().filter_map(|name| match name {
                                    GeneralName::URI(uri) => Some((*uri).to_owned()),
                                    _ => None,
                                }));
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(details)
    }
}

/// A public key (`SubjectPublicKeyInfo` in DER) in words.
pub(crate) fn key_in_words(spki: &[u8]) -> String {
    SubjectPublicKeyInfo::from_der(spki)
        .map_or_else(|_| "unreadable".to_owned(), |(_, key)| describe_key(&key))
}

fn describe_key(key: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = key.algorithm.algorithm.to_id_string();
    match (algorithm.as_str(), key.parsed()) {
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        (_, Ok(PublicKey::RSA(rsa))) => format!("RSA {} bits", rsa.key_size()),
        (_, Ok(PublicKey::EC(_))) => {
            let curve = key
                .algorithm
                .parameters
                .as_ref()
                .and_then(|parameters| parameters.as_oid().ok())
                .map(|oid| oid.to_id_string())
                .unwrap_or_default();
            match curve.as_str() {
                "1.2.840.10045.3.1.7" => "EC P-256".to_owned(),
                "1.3.132.0.34" => "EC P-384".to_owned(),
                "1.3.132.0.35" => "EC P-521".to_owned(),
                other => format!("EC on the curve {other}"),
            }
        }
        _ => format!("of the kind {algorithm}"),
    }
}

/// The second element of step-ca's own extension: the provisioner's name.
fn provisioner(value: &[u8]) -> Option<String> {
    let name = |rest: &[u8]| -> Option<String> {
        let [0x30, length, content @ ..] = rest else {
            return None;
        };
        let content = content.get(..usize::from(*length))?;
        let [0x02, 1, _, 0x04, length, content @ ..] = content else {
            return None;
        };
        let name = content.get(..usize::from(*length))?;
        String::from_utf8(name.to_vec()).ok()
    };
    name(value).filter(|name| !name.is_empty() && !name.chars().any(char::is_control))
}

const STEP_PROVISIONER: &str = "1.3.6.1.4.1.37476.9000.64.1";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::KeyType;
    use crate::x509::testing::{Authority, Leafing};

    #[test]
    fn usage_and_key_are_said_in_words() {
        let chain = Authority::new().chain(&Leafing {
            client: false,
            ..Leafing::default()
        });
        let leaf = Details::from_der(&chain.certificates()[0]).unwrap();
        assert_eq!(leaf.key, "EC P-256");
        assert_eq!(leaf.extended_key_usage, ["serverAuth"]);
        let issuer = Details::from_der(&chain.certificates()[1]).unwrap();
        assert!(issuer.key_usage.contains(&"keyCertSign".to_owned()));
        assert!(Details::from_der(b"x").is_err());
    }

    #[test]
    fn every_kind_of_key_has_a_name() {
        for kind in KeyType::ALL {
            let key = crate::x509::PrivateKey::generate(kind).unwrap();
            let words = key_in_words(&key.public_key()).to_lowercase();
            let squeezed = words
                .replace("p-", "p")
                .replace(" bits", "")
                .replace(' ', "-");
            assert_eq!(squeezed, kind.as_str());
        }
    }

    #[test]
    fn the_provisioner_is_read_from_step_cas_extension() {
        let value = b"\x30\x0a\x02\x01\x01\x04\x03adm\x04\x00";
        assert_eq!(provisioner(value).as_deref(), Some("adm"));
        for bad in [
            &b""[..],
            b"\x30",
            b"\x30\x05\x02\x01\x01\x04\x09a",
            b"\x30\x81\x80",
        ] {
            assert_eq!(provisioner(bad), None);
        }
    }
}
